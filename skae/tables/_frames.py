"""Tables as columns: DataFrames of pandas and polars, and arrays."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array, validate_data

from ._pandas import PandasColumn
from ._polars import PolarsColumn, polars_error


def read_columns(estimator, X, *, reset):
    """Return the columns of a table, and what makes a table of columns again."""
    if _is_polars(X):
        if not hasattr(X, "get_columns"):
            raise TypeError(f"X is a polars {type(X).__name__}: pass X.collect().")
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        columns, layout = X.get_columns(), PolarsTable(X.columns)
    elif isinstance(X, pd.DataFrame):
        twice = map(str, X.columns[X.columns.duplicated()])
        if not X.columns.is_unique:
            raise ValueError(
                f"Columns have the same name, {', '.join(twice)}: rename them."
            )
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        columns, layout = _columns(X), PandasTable(X.columns)
    else:
        any_cells = {"dtype": None, "ensure_all_finite": False}
        X = validate_data(estimator, X, reset=reset, **any_cells)
        # pandas would make text of objects that are strings
        dtype = object if X.dtype.kind in "OU" else None
        columns = _columns(pd.DataFrame(X, dtype=dtype))
        layout = ArrayTable(X.dtype, range(X.shape[1]))
    if not columns or not len(columns[0]):
        check_array(np.empty((len(X), len(columns))))  # its error
    return columns, layout


def read_source(column, label):
    """Return how cells of a column are read and written."""
    kind = PandasColumn if isinstance(column, pd.Series) else PolarsColumn
    try:
        return kind.of(column)
    except TypeError as error:
        raise TypeError(
            f"Column {label!r} {error}, which TableEncoder does not take: it takes "
            "numbers, categories, text, truth values, dates and durations. Drop the "
            "column, or make these of it."
        ) from error


def read_cells(source, column, label):
    """Return the cells of a column that has to be like the one of fit."""
    column = source.adopt(column)
    try:
        return source.read(column)
    except (TypeError, ValueError, polars_error(column)) as error:
        raise ValueError(
            f"Column {label!r} is {column.dtype} here, which cannot be read as the "
            f"{source.kind} that it was in fit ({source.dtype}): give it that type."
        ) from error


def _columns(frame):
    return [column for _, column in frame.items()]


def _is_polars(X):
    return type(X).__module__.split(".")[0] == "polars"


@dataclass(frozen=True)
class PandasTable:
    """A pandas DataFrame: the labels of its columns."""

    labels: pd.Index

    def build(self, columns, kept, index):
        """Return a table of the columns that were kept."""
        frame = pd.DataFrame(dict(enumerate(columns)))
        frame.columns = self.labels.take(kept)
        return frame if index is None else frame.set_axis(index)


@dataclass(frozen=True)
class PolarsTable:
    """A polars DataFrame: the names of its columns."""

    labels: list

    def build(self, columns, kept, index):
        """Return a table of the columns that were kept."""
        import polars as pl

        names = [self.labels[position] for position in kept]
        return pl.DataFrame(dict(zip(names, columns, strict=True)))


@dataclass(frozen=True)
class ArrayTable:
    """An array: its type. Columns are called by their position."""

    dtype: np.dtype
    labels: range

    def build(self, columns, kept, index):
        """Return a table of the columns that were kept."""
        return pd.DataFrame(dict(enumerate(columns))).to_numpy(dtype=self.dtype)
