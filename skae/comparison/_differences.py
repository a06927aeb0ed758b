"""Tests of differences between reducers, for chance."""

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

# Differences in R^2 below this are none: two reducers of nearly all the variance would
# else be far apart by what float32 and the last optimisation step leave.
RESOLUTION = 1e-4

# The share of comparisons of equals in which the conclusion may claim a difference.
LEVEL = 0.05

# Many folds share nearly all training rows, so their spread shows less of what other
# training rows would do than their number says: with a degree of freedom for each fold,
# equals whose fits hang on few rows are told apart too often.
_MAX_FREEDOM = 4


def tested(gains, n_train, n_test, level, *, is_accuracy):
    """Return a corrected t-test of each row of gains over its folds, as columns.

    Parameters
    ----------
    gains : ndarray of shape (n_tests, n_folds)
    n_train, n_test : ndarray of shape (n_folds,)
        Rows of each fold.
    level : float
        Share of intervals that may miss the true difference.
    is_accuracy : bool
        Whether the gains are counts of rows, divided by `n_test`.
    """
    n_folds = gains.shape[1]
    mean = gains.mean(axis=1)
    if n_folds < 2:
        nothing = np.full(len(mean), np.nan)
        return {
            "difference": mean,
            "lower": nothing,
            "upper": nothing,
            "p_value": nothing,
        }
    freedom = min(n_folds - 1, _MAX_FREEDOM)
    variance = gains.var(axis=1, ddof=1)
    if is_accuracy:
        # At least so many rows are right by one reducer alone, and if the reducers are
        # equals, each of them is a toss of a coin. Folds that agree do not undo that.
        variance = np.maximum(variance, np.abs(mean) / np.mean(n_test))
    overlap = (n_test / n_train).mean()
    error = np.sqrt((1 / n_folds + overlap) * variance).clip(min=RESOLUTION)
    width = stdtrit(freedom, 1 - level / 2) * error
    return {
        "difference": mean,
        "lower": mean - width,
        "upper": mean + width,
        "p_value": _holm(2 * stdtr(freedom, -np.abs(mean) / error)),
    }


def _holm(p_values):
    ranked = pd.Series(p_values).sort_values()
    return (ranked * np.arange(len(ranked), 0, -1)).cummax().clip(upper=1)
