"""Missing cells, filled with what a reducer says of them."""

import numpy as np
import pandas as pd


def impute(encoder, X, restore, *, masks=False):
    """Return a table with its missing cells filled.

    `restore` maps encoded rows to their reconstruction. With `masks` it gets missing
    cells as masking noise leaves them; else as the encoder fills them.
    """
    rows, is_missing = encoder._encode(X)
    unknown = encoder._spread(is_missing)
    if masks:
        rows = _without_indicators(encoder, np.where(unknown, 0, rows))
    rows = np.where(unknown, restore(rows), rows)
    filled = encoder.inverse_transform(_without_indicators(encoder, rows))
    labels = [block.column for block in encoder.blocks_]
    if isinstance(filled, np.ndarray):
        is_whole = len(labels) == encoder.n_features_in_  # else some were left out
        dtype = filled.dtype if is_whole else object
        X = np.array(X, dtype=getattr(X, "dtype", dtype))
        for i, label in enumerate(labels):
            X[is_missing[:, i], label] = filled[is_missing[:, i], i]
        return X
    pairs = zip(labels, is_missing.T, strict=True)
    return _fill(X, {label: cells for label, cells in pairs if cells.any()}, filled)


def _without_indicators(encoder, rows):
    for block in encoder.blocks_:
        if block.has_indicator:
            rows[:, block.indicator] = 0
    return rows


def holes(encoder, X):
    """Return which cells of a table are missing, a column for each block."""
    return np.column_stack([missing for _, missing in encoder._cells(X)])


def without(encoder, X, missing):
    """Return encoded rows as they are if these cells are missing."""
    X = encoder._filling.fill(X / encoder._units, encoder._spread(missing))
    X *= encoder._units
    for block, cells in zip(encoder.blocks_, missing.T, strict=True):
        if block.has_indicator:
            X[cells, block.indicator] = 1
    return X


def impute_numbers(X, checked, restored):
    """Return a table of numbers with those that are missing filled.

    `checked` is X as an array with NaN. A DataFrame stays one.
    """
    missing = np.isnan(checked)
    if isinstance(X, pd.DataFrame):
        X = X.copy()
        for i in np.flatnonzero(missing.any(axis=0)):
            column = X.iloc[:, i]
            if pd.api.types.is_integer_dtype(column.dtype):  # with a mask of its own
                column = column.astype("Float64")
            X.isetitem(i, column.mask(missing[:, i], restored[:, i]))
        return X
    if hasattr(X, "get_columns"):
        import polars as pl

        filled = pl.DataFrame(restored, schema=X.columns)
        pairs = zip(X.columns, missing.T, strict=True)
        return _fill(X, {name: cells for name, cells in pairs if cells.any()}, filled)
    return np.where(missing, restored, checked)


def _fill(X, holes, filled):
    """Return a table with the cells of some columns from another; `holes` by label."""
    if isinstance(X, pd.DataFrame):
        X = X.copy()
        for label, missing in holes.items():
            X[label] = X[label].where(~missing, filled[label].set_axis(X.index))
        return X
    import polars as pl

    return X.with_columns(
        pl.when(pl.Series(~missing))
        .then(X[label])
        .otherwise(filled[label])
        .alias(label)
        for label, missing in holes.items()
    )
