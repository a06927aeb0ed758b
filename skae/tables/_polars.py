"""Columns of polars: what is in them, read and written."""

from dataclasses import dataclass

import numpy as np

from ._cells import CATEGORY, DATE, DURATION, NUMBER, Cells


@dataclass(frozen=True)
class PolarsColumn:
    """How the cells of a column are read, and written as they were.

    `has_nan` says that missing numbers were NaN, not null.
    """

    dtype: object
    kind: str
    unit: str | None
    has_nan: bool

    @classmethod
    def of(cls, column):
        """Return what is to be remembered of a Series."""
        import polars as pl

        dtype = column.dtype
        if dtype.is_numeric():
            kind = NUMBER
        elif dtype in (pl.Date, pl.Datetime):
            kind = DATE
        elif dtype in (pl.Duration, pl.Time):
            kind = DURATION
        elif dtype.is_nested() or dtype == pl.Object:
            raise TypeError(f"holds {dtype}")
        else:
            kind = CATEGORY
        unit = getattr(dtype, "time_unit", None) or ("ns" if dtype == pl.Time else None)
        is_float = dtype.is_float() and column.null_count() == 0
        has_nan = is_float and bool(column.is_nan().any())
        return cls(dtype, kind, unit, has_nan)

    @property
    def is_whole(self):
        """Whether its numbers are whole by their type."""
        return self.dtype.is_integer()

    @property
    def is_declared(self):
        """Whether somebody has said that it is a category."""
        import polars as pl

        return self.dtype in (pl.Categorical, pl.Enum, pl.Boolean)

    @property
    def limits(self):
        """Return the least and the largest number that it can hold, or None."""
        if not self.is_whole:
            return None
        n_bits = int("".join(filter(str.isdigit, str(self.dtype))))
        if self.dtype.is_unsigned_integer():
            return 0, 2**n_bits - 1
        return -(2 ** (n_bits - 1)), 2 ** (n_bits - 1) - 1

    @property
    def categories(self):
        """Return all values that it can have, in order, or None."""
        import polars as pl

        if self.dtype == pl.Enum:
            return self.dtype.categories.to_list()
        return [False, True] if self.dtype == pl.Boolean else None

    @staticmethod
    def adopt(column):
        """Return a Series, of pandas too, as one of polars."""
        import polars as pl

        if isinstance(column, pl.Series):
            return column
        objects = column.astype(object)
        return pl.Series(objects.where(column.notna(), None).to_list())

    def read(self, column):
        """Return the cells of a Series that was like this one in fit."""
        import polars as pl

        missing = column.is_null().to_numpy()
        if self.kind == NUMBER:
            values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
            return Cells(values, np.isnan(values))
        if self.kind == CATEGORY:
            if column.dtype in (pl.Categorical, pl.Enum):
                column = column.cast(pl.String)
            values = np.empty(len(column), dtype=object)
            values[:] = column.to_list()
            return Cells(values, missing)
        ticks = column.cast(self.dtype).to_physical().cast(pl.Int64)
        return Cells(ticks.fill_null(0).to_numpy(), missing)

    def write(self, cells):
        """Return a Series of cells in the dtype of the column of fit."""
        import polars as pl

        values, missing = cells
        if self.kind == NUMBER and self.is_whole:
            values = values.round().astype("u8" if values.min() >= 0 else "i8")
        if self.kind == CATEGORY:
            column = pl.Series([*values], dtype=self._plain)
        else:
            column = pl.Series(values)
        column = column.cast(pl.Int32) if self.dtype == pl.Date else column
        blank = np.nan if self.has_nan else None
        blanks = pl.repeat(blank, len(values), dtype=self.dtype, eager=True)
        return column.cast(self.dtype).zip_with(pl.Series(~missing), blanks)

    @property
    def _plain(self):
        import polars as pl

        is_text = self.dtype in (pl.Categorical, pl.Enum)
        return pl.String if is_text else self.dtype


def polars_error(column):
    """Return the class of errors that polars raises about a column of its own."""
    if type(column).__module__.split(".")[0] != "polars":
        return ValueError
    import polars as pl

    return pl.exceptions.PolarsError
