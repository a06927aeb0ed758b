"""How much of what training learnt to keep, judged on held-out rows."""

import numpy as np

from ._train import copy_state, row_losses

FACTORS = (1.0, 0.75, 0.5, 0.25, 0.1)
# Standard errors by which a gain over the start must be clear of zero: one where many
# rows judge; more where a few do, who know neither their own spread nor the outliers,
# and have chosen the epoch as well.
CAUTION = 1.0
CAUTION_OF_FEW = 6.0  # over the square root of the number of rows


def keep_what_helps(net, start, judge, *, held_out):
    """Move the weights towards the start as far as some rows advise.

    The candidates are start + factor (weights - start). The one with the highest lower
    confidence bound of its mean gain over the start wins, if that bound is above zero;
    otherwise the start comes back. Rows that were trained on, and not `held_out`, say
    nothing about others: there the mean gain counts. Returns the factor.
    """
    end = copy_state(net.module_)
    net.module_.load_state_dict(start)
    start_losses = row_losses(net, judge)
    best_factor, best_bound = 0.0, 0.0
    for factor in FACTORS:
        net.module_.load_state_dict(interpolate(start, end, factor))
        gains = start_losses - row_losses(net, judge)
        if held_out:
            caution = CAUTION + CAUTION_OF_FEW / np.sqrt(len(gains))
            bound = lower_bound(gains, judge.sample_weight, caution)
        else:
            bound = np.average(gains, weights=judge.sample_weight)
        if bound > best_bound:
            best_factor, best_bound = factor, bound
    net.module_.load_state_dict(interpolate(start, end, best_factor))
    return best_factor


def lower_bound(gains, weight, caution):
    """Return the mean of some gains less `caution` of its standard errors."""
    if len(gains) < 2:
        return -np.inf
    n_rows = len(gains)
    share = np.ones(n_rows) / n_rows if weight is None else weight / weight.sum()
    mean = share @ gains
    variance = (share**2 @ (gains - mean) ** 2) * n_rows / (n_rows - 1)
    return mean - caution * np.sqrt(variance)


def interpolate(start, end, factor):
    """Return the state dict at start + factor (end - start)."""
    return {
        name: start[name].lerp(value, factor) if value.is_floating_point() else value
        for name, value in end.items()
    }
