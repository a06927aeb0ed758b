"""The columns of a table that are encoded: what is remembered of each."""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

from ._cells import CATEGORY, NUMBER, Cells
from ._contents import remember
from ._frames import read_cells, read_source
from ._identifiers import reason_to_leave_out


@dataclass(frozen=True)
class Column:
    """What is remembered of a column; there is no content if all cells are missing.

    `source` reads and writes cells, `content` turns them into floats or codes.
    """

    label: object
    feature: int
    source: object
    content: object
    has_missing: bool

    @property
    def is_category(self):
        """Whether its cells become codes."""
        return self.source.kind == CATEGORY and self.content is not None

    @property
    def is_number(self):
        """Whether its cells become floats."""
        return self.source.kind != CATEGORY and self.content is not None

    def floats(self, cells):
        """Return floats, NaN where a cell is missing."""
        floats = np.asarray(self.content.to_floats(cells.values), dtype=np.float64)
        floats = np.where(cells.missing, np.nan, floats)
        n_infinite = np.count_nonzero(np.isinf(floats))
        if n_infinite:
            raise ValueError(
                f"Column {self.label!r} has {n_infinite} infinite cells: make them "
                "missing, or numbers."
            )
        return floats

    def codes(self, cells):
        """Return codes, -1 where a cell is missing or was not there in fit."""
        try:
            codes = self.content.to_codes(cells.values)
        except TypeError as error:
            raise _no_values(self.label, error) from error
        return np.where(cells.missing, -1, codes)

    def cells(self, numbers, missing):
        """Return the cells that floats or codes stand for."""
        if self.content is None:
            values = np.zeros(len(missing), dtype=_dtype(self.source.kind))
        else:
            values = self.content.to_values(np.where(missing, 0, numbers))
        if self.source.kind == CATEGORY:
            values[missing] = None
        return self.source.write(Cells(values, missing))


def remember_columns(series, labels, max_categories, declared=()):
    """Return the columns to encode, their cells, and why others are left out.

    `declared` are the positions of those that are categories, whatever their dtype.
    """
    columns, kept, left_out = [], [], {}
    for feature, (label, one) in enumerate(zip(labels, series, strict=True)):
        source = read_source(one, label)
        if feature in declared:
            source = replace(source, kind=CATEGORY, unit=None)
        cells = read_cells(source, one, label)
        missing = cells.missing
        try:
            reason = None
            if feature not in declared:
                reason = reason_to_leave_out(cells, source, max_categories)
            content = None if missing.all() or reason else remember(cells, source)
        except TypeError as error:  # not hashable
            raise _no_values(label, error) from error
        if reason is not None:
            left_out[label] = reason
            continue
        columns.append(Column(label, feature, source, content, bool(missing.any())))
        kept.append(cells)
    return columns, kept, left_out


def declared_features(categorical_features, labels):
    """Return the positions of the columns that somebody calls categories.

    Said by names, positions or a mask, as HistGradientBoosting takes them.
    """
    if isinstance(categorical_features, str):  # "from_dtype"
        return frozenset()
    listed, labels = np.asarray(categorical_features), list(labels)
    if listed.ndim != 1 or listed.dtype.kind not in "biuOUT":
        if listed.size:
            raise _no_columns(categorical_features, "names, positions or a mask")
        return frozenset()
    if listed.dtype.kind == "b":
        if len(listed) != len(labels):
            raise _no_columns(categorical_features, f"a mask of {len(labels)} columns")
        return frozenset(np.flatnonzero(listed).tolist())
    if listed.dtype.kind in "iu":
        if not np.isin(listed, range(len(labels))).all():
            what = f"positions from 0 to {len(labels) - 1}"
            raise _no_columns(categorical_features, what)
        return frozenset(listed.tolist())
    unknown = [label for label in listed.tolist() if label not in labels]
    if unknown:
        what = f"names of columns; there is no {unknown[0]!r}"
        raise _no_columns(categorical_features, what)
    return frozenset(map(labels.index, listed.tolist()))


def weights_of(columns, cells, column_weight):
    """Return the weight of each of some columns, see `TableEncoder`."""
    if column_weight != "variance":
        return check_weights([column.label for column in columns], column_weight)
    return [
        float(np.nanvar(column.floats(own))) or 1.0
        if column.is_number and column.source.kind == NUMBER
        else 1.0
        for column, own in zip(columns, cells, strict=True)
    ]


def check_weights(labels, column_weight):
    """Return the weight of each label; ValueError for others, or what is no weight."""
    column_weight = column_weight or {}
    for label, weight in column_weight.items():
        if label not in labels:
            raise ValueError(
                f"column_weight has a weight for {label!r}, which is none of the "
                f"columns that are encoded: {labels}."
            )
        if not (isinstance(weight, Real) and 0 < weight < np.inf):
            raise ValueError(
                f"column_weight has {weight!r} for {label!r}: a weight is a number "
                "above zero. Drop columns that are not to count."
            )
    return [float(column_weight.get(label, 1)) for label in labels]


def _no_columns(categorical_features, what):
    return ValueError(
        f"categorical_features={categorical_features!r} should be {what}."
    )


def _no_values(label, error):
    return TypeError(
        f"Column {label!r} has cells that are no values ({error}): drop it, or make "
        "text or numbers of them."
    )


def _dtype(kind):
    return {CATEGORY: object, "number": np.float64}.get(kind, np.int64)
