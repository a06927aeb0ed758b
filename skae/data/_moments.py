"""Column moments: sums over blocks of rows, which can be merged."""

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

# Rows, and their share of all, at one end of a column that make this end a limit.
LIMIT_ROWS = 10
LIMIT_SHARE = 0.02


@dataclass(frozen=True)
class Moments:
    """Mean, standard deviation and range of each column.

    `scale` is 0 where it is constant, and `rest` is what rounding took off the mean.
    `at_lowest` and `at_highest` are the weights of the rows at either end of the range.
    """

    mean: np.ndarray
    scale: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    at_lowest: np.ndarray
    at_highest: np.ndarray
    n_rows: int
    total_weight: float
    rest: np.ndarray

    @property
    def inverse_scale(self):
        """1 / scale, and 0 for constant columns: they standardise to 0."""
        return reciprocal(self.scale)

    @property
    def limits(self):
        """The limits that columns keep to, (2, n_columns).

        The lowest (highest) value of a column is taken for a limit where enough rows
        share it: the zero of a count, the black and the white of a pixel. Elsewhere
        there is none, which the largest float stands for.
        """
        mean_weight = self.total_weight / self.n_rows
        enough = max(LIMIT_ROWS * mean_weight, LIMIT_SHARE * self.total_weight)
        at_end = np.stack([self.at_lowest, self.at_highest])
        largest = np.finfo(np.float64).max
        ends = np.stack([self.lowest, self.highest])
        return np.where(at_end >= enough, ends, [[-largest], [largest]])

    def merged(self, other):
        """Return the moments of both tables' rows together (Chan et al., 1983)."""
        total = self.total_weight + other.total_weight
        share = other.total_weight / total
        lowest = np.minimum(self.lowest, other.lowest)
        highest = np.maximum(self.highest, other.highest)
        gap = other.mean - self.mean + (other.rest - self.rest)
        step = share * gap + self.rest
        mean = np.clip(self.mean + step, lowest, highest)
        # In units that keep the square of 1e200 finite.
        unit = np.maximum(np.maximum(self.scale, other.scale), np.abs(gap))
        inverse = reciprocal(unit)
        variance = (1 - share) * (self.scale * inverse) ** 2
        variance += share * (other.scale * inverse) ** 2
        variance += share * (1 - share) * (gap * inverse) ** 2
        return Moments(
            mean=mean,
            scale=unit * np.sqrt(variance),
            lowest=lowest,
            highest=highest,
            at_lowest=sum(m.at_lowest * (m.lowest == lowest) for m in (self, other)),
            at_highest=sum(
                m.at_highest * (m.highest == highest) for m in (self, other)
            ),
            n_rows=self.n_rows + other.n_rows,
            total_weight=total,
            rest=step - (mean - self.mean),
        )


def column_moments(table):
    """Return the weighted `Moments` of a table's columns."""
    with np.errstate(over="ignore", invalid="ignore"):  # `check_squares` says so
        with table.ranks.together():  # it may be the first time that rows are read
            blocks = (_block_moments(X, weight) for X, weight in table.chunks())
            own = reduce(Moments.merged, blocks) if table.n_rows else None
        found = filter(None, table.ranks.gather(own))
        moments = reduce(Moments.merged, found)
    return replace(moments, scale=_zero_where_constant(moments.scale, moments.mean))


def check_squares(moments):
    """Raise a ValueError for columns whose variance overflows or underflows."""
    scale = moments.scale
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(scale**2 * moments.n_rows))
    if len(bad):
        raise ValueError(
            f"Column {bad[0]} has a standard deviation of {scale[bad[0]]:g}: "
            "its squares overflow float64. Scale X, for instance with StandardScaler."
        )
    largest, dtype = scale.max(initial=0.0), moments.lowest.dtype
    if 0 < largest < max(np.finfo(dtype).tiny, np.finfo(np.float64).tiny ** 0.5):
        raise ValueError(
            f"No column has a standard deviation above {largest:g}: with such numbers "
            f"{dtype} underflows. Scale X, for instance with StandardScaler."
        )


def reciprocal(scale):
    """Return 1 / scale, and 0 where it is 0."""
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)


def _block_moments(X, weight):
    """Return the moments of one block, with its rounding errors corrected."""
    total = float(len(X) if weight is None else weight.sum())
    lowest, highest = X.min(axis=0), X.max(axis=0)
    mean = np.clip(_sum_of_rows(X, weight) / total, lowest, highest)
    unit = np.asarray(highest, dtype=np.float64) - lowest
    unit[unit == 0] = 1.0
    deviation = X - mean
    deviation /= unit
    shift = _sum_of_rows(deviation, weight) / total
    squares = _sum_of_rows(np.square(deviation, out=deviation), weight) / total
    scale = unit * np.sqrt(np.maximum(squares - shift**2, 0.0))
    at_ends = (_weight_of(end == X, weight) for end in (lowest, highest))
    return Moments(mean, scale, lowest, highest, *at_ends, len(X), total, unit * shift)


def _weight_of(is_counted, weight):
    if weight is None:
        return np.count_nonzero(is_counted, axis=0).astype(np.float64)
    return weight @ is_counted


def _sum_of_rows(X, weight):
    if weight is None:
        return X.sum(axis=0, dtype=np.float64)
    return weight @ np.asarray(X, dtype=np.float64)


def _zero_where_constant(scale, mean):
    """A spread that rounding alone explains is no spread."""
    return np.where(scale <= rounding_of(mean), 0.0, scale)


def rounding_of(mean):
    """Return the spread that rounding alone gives constant columns."""
    return 10 * np.finfo(np.float64).eps * np.abs(mean)
