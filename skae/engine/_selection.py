"""When to stop training, and how much of what it learnt to keep."""

import math

import numpy as np

from ..data._group import ALONE

FACTORS = (1.0, 0.75, 0.5, 0.25, 0.1)
# Standard errors by which a gain over the start must be clear of zero: one where many
# rows judge; more where a few do, who know neither their own spread nor the outliers,
# and have chosen the epoch as well.
CAUTION = 1.0
CAUTION_OF_FEW = 6.0  # over the square root of the number of rows


class Patience:
    """Tells when a loss has not fallen for long.

    Epochs of a warm-up do not count. What a falling learning rate gains it gains late:
    with one, epochs without progress count from a third of the schedule.

    Parameters
    ----------
    plan : Plan

    n_warm_up : int

    start_loss : float
    """

    def __init__(self, plan, n_warm_up, start_loss):
        self.plan = plan
        self.last_progress, self.last_loss = 0, start_loss
        falls = plan.learning_rate != "constant"
        self.first_epoch = max(n_warm_up, plan.max_iter // 3 if falls else 0)

    def is_over(self, epoch, loss):
        """Return whether to stop after an epoch."""
        least = self.last_loss - self.plan.tol * abs(self.last_loss)
        if math.isinf(self.last_loss) or loss < least:
            self.last_progress, self.last_loss = epoch, loss
        since = max(self.last_progress, self.first_epoch)
        is_late = epoch - since >= self.plan.n_iter_no_change
        return is_late or not math.isfinite(loss)


def factors_of(init):
    """Return the factors to try; between PCA and another start lies nothing."""
    return FACTORS if init == "pca" else (1.0,)


def choose(choices, losses_at, baseline, weight, caution, ranks=ALONE):
    """Return one of some choices, or None for the baseline, and its mean gain.

    The one wins whose mean gain over the baseline has the highest lower end of a
    confidence interval, if that is above zero.

    Parameters
    ----------
    choices : iterable

    losses_at : callable
        Takes a choice and returns one loss per row; or several, in columns, of which
        none may lose.

    baseline : ndarray of shape (n_rows,) or (n_rows, n_columns)
        The losses of what is kept otherwise.

    weight : ndarray of shape (n_rows,) or None

    caution : float
        Standard errors that the lower end is below the mean.

    ranks : Group
        The processes that have a part of the rows each.
    """
    best, chosen, gain = 0.0, None, 0.0
    for choice in choices:
        losses = losses_at(choice)
        with np.errstate(invalid="ignore"):  # of an infinite loss nothing is gained
            gains = baseline - losses
        bound = confidence_bound(gains, weight, caution, ranks)
        if bound > best:
            best, chosen = bound, choice
            gain = float(np.mean(_mean(gains, weight, ranks)))
    return chosen, gain


def confidence_bound(gains, weight, caution, ranks=ALONE):
    """Return the mean of some gains less `caution` of its standard errors.

    Of several columns, the lower one of their mean and of the last; none may lose.
    """
    if gains.ndim > 1:
        if np.min(_mean(gains, weight, ranks)) < 0:
            return -np.inf
        both = gains.mean(axis=1), gains[:, -1]
        return min(confidence_bound(each, weight, caution, ranks) for each in both)
    if caution == 0:
        return _mean(gains, weight, ranks)
    n_rows = ranks.sum(len(gains))
    if n_rows < 2:
        return -np.inf
    share = np.ones(len(gains)) if weight is None else weight
    share = share / (n_rows if weight is None else ranks.sum(weight.sum()))
    mean = ranks.sum(share @ gains)
    variance = ranks.sum(share**2 @ (gains - mean) ** 2) * n_rows / (n_rows - 1)
    return mean - caution * np.sqrt(variance)


def _mean(gains, weight, ranks):
    total = len(gains) if weight is None else weight.sum()
    return ranks.mean(np.average(gains, axis=0, weights=weight), total)
