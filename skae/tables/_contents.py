"""Cells as floats or codes, and back: what is remembered of one column."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ._cells import CATEGORY, NUMBER

MOST_DECIMALS = 12
ROUNDING = 64 * np.finfo(float).eps  # what scaling there and back may leave of zero
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # in a second
LARGEST_TICK = 2**63 - 2**12  # floats near the largest int64 are so far apart


def remember(cells, source):
    """Return the content of a column that has some cells, from its rows of fit."""
    values = cells.observed()
    if source.kind == CATEGORY:
        return Category.of(values, source.categories)
    if source.kind == NUMBER:
        decimals = 0 if source.is_whole else _decimals(values, source.dtype)
        return Number(values.min(), values.max(), decimals, source.limits)
    return Ticks.of(values, source.unit)


@dataclass(frozen=True)
class Number:
    """A number as it is: the range and the decimals that it had in fit.

    `limits` are those of its type.
    """

    minimum: float
    maximum: float
    decimals: int | None
    limits: tuple | None

    def to_floats(self, values):
        """Return values as floats."""
        return values

    def clip(self, floats):
        """Return floats within the range of fit."""
        return np.clip(floats, self.minimum, self.maximum)

    def to_values(self, floats):
        """Return the values that floats stand for."""
        if self.decimals is not None:
            floats = np.round(floats, self.decimals)
        else:
            largest = max(abs(self.minimum), abs(self.maximum))
            floats = np.where(np.abs(floats) < ROUNDING * largest, 0.0, floats)
        if self.limits is not None:
            floats = np.clip(floats, *map(_inside, self.limits))
        return floats


@dataclass(frozen=True)
class Ticks:
    """A date or duration as a float: steps since the first one of fit.

    A step is a day where all are whole days, and so on: floats are exact for long.
    `origin` is the first one in steps.
    """

    minimum: float
    maximum: float
    origin: int
    step: int

    @classmethod
    def of(cls, values, unit):
        """Return what to remember of ticks in a unit, or in whole periods."""
        second = TICKS.get(unit, 0)
        steps = [86400 * second, 3600 * second, 60 * second, second]
        steps += [second // 10**3, second // 10**6, 1]
        step = next(s for s in steps if s and not np.any(values % s))
        first, last = int(values.min()) // step, int(values.max()) // step
        return cls(0.0, float(last - first), first, step)

    def to_floats(self, values):
        """Return ticks as floats."""
        whole, rest = np.divmod(values, self.step)
        return (whole - self.origin) + rest / self.step

    def clip(self, floats):
        """Return floats within the range of fit."""
        return np.clip(floats, self.minimum, self.maximum)

    def to_values(self, floats):
        """Return the ticks that floats stand for, whole steps."""
        bound, origin = LARGEST_TICK // self.step, self.origin
        lowest = max(-bound - origin, -LARGEST_TICK)
        highest = min(bound - origin, LARGEST_TICK)
        whole = np.clip(np.round(floats), lowest, highest).astype(np.int64)
        return (whole + origin) * self.step


@dataclass(frozen=True)
class Category:
    """A value as its position among those of fit."""

    values: np.ndarray

    @classmethod
    def of(cls, values, declared):
        """Return the distinct values: in their declared order, or else as sorted text.

        Of declared categories those that are there count, of truth values both.
        """
        found = set(values) if declared != [False, True] else set(declared)
        order = sorted(found, key=str) if declared is None else declared
        kept = np.empty(len(found), dtype=object)
        kept[:] = [value for value in order if value in found]
        return cls(kept)

    def to_codes(self, values):
        """Return positions; -1 is for what was not there in fit."""
        codes = self._codes
        return np.array([codes.get(value, -1) for value in values], dtype=np.intp)

    @cached_property
    def _codes(self):
        return {value: code for code, value in enumerate(self.values)}

    def to_values(self, codes):
        """Return the values at positions."""
        return self.values[codes]

    def meaning(self, codes):
        """Return what an encoded column stands for: a value, or a list of several."""
        values = self.values[codes].tolist()
        return values[0] if len(values) == 1 else values


def _decimals(values, dtype):
    """Return the fewest decimals that hold all values, or None if they are many."""
    for decimals in range(MOST_DECIMALS + 1):
        rounded = np.round(values, decimals)
        if _is_single(dtype):
            rounded = rounded.astype(np.float32)
        if np.array_equal(rounded, values):
            return decimals
    return None


def _is_single(dtype):
    return str(dtype).lower().startswith(("float32", "float[", "float16", "halffloat"))


def _inside(limit):
    """Return the float next to a whole number, not beyond it."""
    nearest = float(limit)
    return (
        nearest if abs(int(nearest)) <= abs(limit) else float(np.nextafter(nearest, 0))
    )
