"""Numbers as normal scores, by the share of rows that lie below, and back."""

import numpy as np
from scipy.special import ndtri

LEVELS = np.linspace(0, 1, 201)
FEW = 0.2  # of the quantiles are distinct: counts, and nothing between them
NARROW = 1e-6  # a range of scores is at least as wide


def score_ranges(floats):
    """Return the least and the largest normal score of each number, (n_samples, 2).

    A range has as many rows as share the number.
    """
    _, at, counts = np.unique(floats, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    levels = np.column_stack([last - counts, last])[at] / len(floats)
    margin = 0.1 / len(floats)
    return ndtri(levels.clip(margin, 1 - margin))


def quantiles(floats):
    """Return the quantiles of a number at LEVELS, numbers that are there."""
    return np.quantile(floats, LEVELS, method="closest_observation")


def to_numbers(scores, own, quantiles):
    """Return the numbers that scores stand for, of which quantiles are known, too."""
    levels = np.interp(scores, own, LEVELS)
    if _are_few(quantiles):
        at = (levels * len(quantiles)).astype(int)
        return quantiles[at.clip(max=len(quantiles) - 1)]
    return np.interp(levels, LEVELS, quantiles)


def score_range(number, own, quantiles):
    """Return the least and the largest score that stand for a number.

    Of counts it is those of the nearest one.
    """
    if _are_few(quantiles):
        nearest = quantiles[np.abs(quantiles - number).argmin()]
        first = np.searchsorted(quantiles, nearest, "left") / len(quantiles)
        last = np.searchsorted(quantiles, nearest, "right") / len(quantiles)
    else:
        # of equal quantiles, interp takes the last
        first = 1 - np.interp(-number, -quantiles[::-1], LEVELS)
        last = np.interp(number, quantiles, LEVELS)
    first, last = np.interp([first, last], LEVELS, own)
    if last - first < NARROW:
        first, last = first - NARROW / 2, first + NARROW / 2
    return first, last


def _are_few(quantiles):
    return len(np.unique(quantiles)) < FEW * len(quantiles)
