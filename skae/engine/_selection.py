"""How much of what training learnt to keep, judged on rows not trained on."""

import numpy as np

FACTORS = (1.0, 0.75, 0.5, 0.25, 0.1)
# Standard errors by which a gain over the start must be clear of zero: one where many
# rows judge; more where a few do, who know neither their own spread nor the outliers,
# and have chosen the epoch as well.
CAUTION = 1.0
CAUTION_OF_FEW = 6.0  # over the square root of the number of rows


def choose_factor(losses_at, baseline, weight, *, has_learnt, caution):
    """Return the factor to keep, or None for the baseline, and its mean gain.

    The candidates are the FACTORS and the start itself, 0. The one with the highest
    lower confidence bound of its mean gain over the baseline wins, if that bound is
    above zero.

    Parameters
    ----------
    losses_at : callable
        Takes a factor and returns one loss per row.

    baseline : ndarray of shape (n_rows,)
        The losses of what is kept otherwise.

    weight : ndarray of shape (n_rows,) or None

    has_learnt : bool
        Whether there is anything to keep.

    caution : float
        Standard errors that the bound is below the mean.
    """
    best, choice, gain = 0.0, None, 0.0
    for factor in (*FACTORS, 0.0) if has_learnt else (0.0,):
        gains = baseline - losses_at(factor)
        bound = confidence_bound(gains, weight, caution)
        if bound > best:
            best, choice = bound, factor
            gain = float(np.average(gains, weights=weight))
    return choice, gain


def confidence_bound(gains, weight, caution):
    """Return the mean of some gains less `caution` of its standard errors."""
    if caution == 0:
        return np.average(gains, weights=weight)
    if len(gains) < 2:
        return -np.inf
    n_rows = len(gains)
    share = np.ones(n_rows) / n_rows if weight is None else weight / weight.sum()
    mean = share @ gains
    variance = (share**2 @ (gains - mean) ** 2) * n_rows / (n_rows - 1)
    return mean - caution * np.sqrt(variance)
