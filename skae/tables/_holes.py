"""Errors of rows with missing cells, as they would be of whole rows."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

N_COPIES = 5
# A few outliers should not say what cells contribute.
USUAL = 0.75
# A row that lacks a larger share of what is expected says nothing.
NOTHING = 1 - 1e-6
# There are too few errors above to tell a rank by.
RANKS = np.linspace(0, 0.99, 100)


@dataclass(frozen=True)
class HoleScale:
    """What errors are where cells are missing, by how much of a row is.

    Attributes
    ----------
    expected : ndarray of shape (n_columns,)
        What cells contribute on average.

    shares : ndarray of shape (n_levels,)
        Of what is expected of a row, the share of its missing cells; in rising order.

    errors : ndarray of shape (n_levels, n_ranks)
        Quantiles of errors of rows with such a share.
    """

    n_ranks: ClassVar[int] = len(RANKS)

    expected: np.ndarray
    shares: np.ndarray
    errors: np.ndarray

    def errors_of(self, contributions):
        """Return one error for each row; contributions are NaN where cells are missing.

        It is that of a row of the first level which has the same rank there. A row of
        which nothing is known has the median.
        """
        error, share = _sums(contributions, self.expected)
        whole = self.errors[0]
        as_whole = np.array(
            [
                np.interp(error, known, whole) + (error - known[-1]).clip(0)
                for known in self.errors
            ]
        )
        level = np.interp(share, self.shares, np.arange(len(self.shares)))
        lower = level.astype(int).clip(max=len(self.shares) - 2)
        rows, above = np.arange(len(error)), level - lower
        mapped = (1 - above) * as_whole[lower, rows] + above * as_whole[lower + 1, rows]
        mapped = np.where(share < NOTHING, mapped, np.median(whole) + error)
        return np.where(share > self.shares[0], mapped, error)


def hole_scale(contribute, missing, random):
    """Return the `HoleScale` of rows, from copies with more and more holes.

    `contribute` takes which cells of the rows are missing, and returns what the others
    contribute, NaN for those. The first of the arguments are those that are.
    """
    found = [contribute(missing)]
    for _ in range(N_COPIES):
        share = random.uniform(size=(len(missing), 1))
        found.append(contribute(missing | (random.uniform(size=missing.shape) < share)))
    expected = _expected(found[0])
    error, share = _sums(np.concatenate(found), expected)
    order = np.argsort(share, kind="stable")
    order = order[share[order] < NOTHING]
    levels = np.array_split(order, min(len(found), len(order)))
    return HoleScale(
        expected,
        np.array([share[level].mean() for level in levels]),
        np.array([np.quantile(error[level], RANKS) for level in levels]),
    )


def _expected(contributions):
    there = ~np.isnan(contributions)
    known = np.where(there, contributions, 0)
    size = known.sum(axis=1) / there.sum(axis=1).clip(1)
    usual = size <= np.quantile(size, USUAL)
    return known[usual].sum(axis=0) / there[usual].sum(axis=0).clip(1)


def _sums(contributions, expected):
    """Return errors as if of all cells, and the share of what is expected that lacks.

    Where nothing is known, errors are those of the cells that are there.
    """
    missing = np.isnan(contributions)
    error = np.where(missing, 0, contributions).sum(axis=1)
    share = missing @ expected / (expected.sum() or 1.0)
    return error / np.where(share < NOTHING, 1 - share, 1), share
