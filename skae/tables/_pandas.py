"""Columns of pandas: what is in them, read and written."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from ._cells import CATEGORY, DATE, DURATION, NUMBER, Cells

KINDS = {"b": CATEGORY, "i": NUMBER, "u": NUMBER, "f": NUMBER, "M": DATE, "m": DURATION}
# What pandas says of the objects in a column of objects.
OBJECTS = {
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), NUMBER),
    **dict.fromkeys(("datetime", "datetime64", "date"), DATE),
    **dict.fromkeys(("timedelta", "timedelta64"), DURATION),
}
WRITERS = {
    "integer": int,
    "floating": float,
    "decimal": lambda number: Decimal(repr(number)),
    "date": lambda date: date.date(),
}


@dataclass(frozen=True)
class PandasColumn:
    """How the cells of a column are read, and written as they were.

    `content` is what a column of objects holds, `unit` the unit of its ticks, and
    `blank` what stands in a cell of an object column that is missing.
    """

    dtype: object
    kind: str
    content: str | None
    unit: str | None
    blank: object

    @classmethod
    def of(cls, column):
        """Return what is to be remembered of a Series."""
        dtype, content, blank = column.dtype, None, None
        if isinstance(dtype, pd.CategoricalDtype):
            kind = CATEGORY
        elif isinstance(dtype, pd.PeriodDtype):
            kind = DATE
        elif _is_object(column):
            content = pd.api.types.infer_dtype(column, skipna=True)
            kind = OBJECTS.get(content, CATEGORY)
            blank = next(iter(column[column.isna()]), None)
        elif _is_decimal(dtype):
            kind = NUMBER
        else:
            kind = KINDS.get(dtype.kind, CATEGORY if dtype.kind in "OUST" else None)
        if kind is None:
            raise TypeError(f"holds {dtype}")
        unit = None
        if kind in (DATE, DURATION) and not isinstance(dtype, pd.PeriodDtype):
            unit = _ticks(column, kind).unit
        return cls(dtype, kind, content, unit, blank)

    @property
    def is_whole(self):
        """Whether its numbers are whole by their type."""
        return self.dtype.kind in "iu" or self.content == "integer"

    @property
    def is_declared(self):
        """Whether somebody has said that it is a category."""
        return isinstance(self.dtype, pd.CategoricalDtype) or self.dtype.kind == "b"

    @property
    def limits(self):
        """Return the least and the largest number that it can hold, or None."""
        if self.dtype.kind not in "iu":
            return None
        info = np.iinfo(self._numpy)
        return info.min, info.max

    @property
    def categories(self):
        """Return all values that it can have, in order, or None."""
        if isinstance(self.dtype, pd.CategoricalDtype):
            return list(self.dtype.categories)
        return [False, True] if self.dtype.kind == "b" else None

    @staticmethod
    def adopt(column):
        """Return a Series, of polars too, as one of pandas."""
        if isinstance(column, pd.Series):
            return column
        return pd.Series(column.to_list(), dtype=object)

    def read(self, column):
        """Return the cells of a Series that was like this one in fit."""
        missing = column.isna().to_numpy(dtype=bool)
        if self.kind == NUMBER:
            if _is_object(column):
                column = pd.to_numeric(column.where(~missing, np.nan))
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            return Cells(values, np.isnan(values))
        if self.kind == CATEGORY:
            values = column.to_numpy(dtype=object, na_value=None)
            return Cells(values, missing)
        if missing.all():
            return Cells(np.zeros(len(column), dtype=np.int64), missing)
        if isinstance(self.dtype, pd.PeriodDtype):
            ticks = pd.PeriodIndex(column, freq=self.dtype.freq)
        else:
            ticks = _ticks(column, self.kind).as_unit(self.unit)
        return Cells(ticks.asi8, missing)

    def write(self, cells):
        """Return a Series of cells in the dtype of the column of fit."""
        values, missing = cells
        if self.kind == CATEGORY:
            column = _objects(values, missing, self.blank)
            if self.content:
                return column
            is_int = isinstance(self.dtype, np.dtype) and self.dtype.kind in "iu"
            return column.astype(float if is_int and missing.any() else self.dtype)
        if self.kind == NUMBER:
            return self._write_numbers(values, missing)
        if isinstance(self.dtype, pd.PeriodDtype):
            index = pd.PeriodIndex.from_ordinals(values, freq=self.dtype.freq)
            return pd.Series(index).mask(missing)
        letter = "m8" if self.kind == DURATION else "M8"
        column = pd.Series(values.view(f"{letter}[{self.unit}]")).mask(missing)
        if self.content:
            return self._as_objects(column, missing)
        if self._zone is not None:
            column = column.dt.tz_localize("UTC").dt.tz_convert(self._zone)
        return column.astype(self.dtype)

    @property
    def _zone(self):
        dtype = getattr(self.dtype, "pyarrow_dtype", self.dtype)
        return getattr(dtype, "tz", None)

    def _write_numbers(self, values, missing):
        if self.content:
            return self._as_objects(pd.Series(values), missing)
        if isinstance(self.dtype, np.dtype | pd.SparseDtype):
            if self.dtype.kind == "f":
                values = np.where(missing, np.nan, values)
            return pd.Series(values.astype(np.dtype(self._numpy))).astype(self.dtype)
        values = values.round().astype(self._numpy) if self.is_whole else values
        return pd.Series(values).astype(self.dtype).mask(missing)

    @property
    def _numpy(self):
        dtype = getattr(self.dtype, "numpy_dtype", self.dtype)
        return getattr(dtype, "subtype", dtype)

    def _as_objects(self, column, missing):
        write = WRITERS.get(self.content, lambda value: value)
        values = np.empty(len(column), dtype=object)
        values[:] = [
            None if gone else write(value)
            for value, gone in zip(column, missing, strict=True)
        ]
        return _objects(values, missing, self.blank)


def _is_decimal(dtype):
    return isinstance(dtype, pd.ArrowDtype) and dtype.type.__name__ == "Decimal"


def _ticks(column, kind):
    if kind == DURATION:
        return pd.TimedeltaIndex(column)
    index = pd.DatetimeIndex(pd.to_datetime(column) if _is_object(column) else column)
    return index if index.tz is None else index.tz_convert("UTC")


def _is_object(column):
    return isinstance(column.dtype, np.dtype) and column.dtype == object


def _objects(values, missing, blank):
    values = np.array(values, dtype=object)
    values[missing] = blank
    return pd.Series(values, dtype=object)
