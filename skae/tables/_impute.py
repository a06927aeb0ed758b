"""Missing cells, filled with what a reducer says of them."""

import numpy as np
import pandas as pd

from ._frames import read_columns

MOST_ROUNDS = 100
CHANGE = 1e-4  # of a standard deviation, on average


def impute(encoder, X, restore):
    """Return a table with its missing cells filled.

    `restore` maps encoded rows to their reconstruction.
    """
    rows, is_missing = np.array(encoder.transform(X)), missing_cells(encoder, X)
    unknown = np.zeros(rows.shape, dtype=bool)
    for block, missing in zip(encoder.blocks_, is_missing.T, strict=True):
        unknown[:, block.members] = missing[:, None]
        if block.has_indicator:
            rows[:, block.indicator] = 0
    touched = is_missing.any(axis=1)
    part, unknown = rows[touched], unknown[touched]
    for _ in range(MOST_ROUNDS if len(part) else 0):
        restored = np.where(unknown, restore(part), part)
        change = np.abs(restored - part)[unknown].mean() if unknown.any() else 0.0
        part = restored
        if change < CHANGE:
            break
    rows[touched] = part
    filled = encoder.inverse_transform(rows)
    labels = [block.column for block in encoder.blocks_]
    return _put(X, filled, labels, is_missing)


def missing_cells(encoder, X):
    """Return which cells of the encoded columns are missing, (n_samples, n_blocks)."""
    series, _ = read_columns(encoder, X, reset=False)
    columns = [series[block.feature] for block in encoder.blocks_]
    return np.column_stack(
        [
            np.asarray(column.is_null())
            if hasattr(column, "is_null")
            else column.isna()
            for column in columns
        ]
    )


def _put(X, filled, labels, is_missing):
    """Return a table with some cells of another."""
    if isinstance(X, pd.DataFrame):
        result = X.copy()
        for label, missing in zip(labels, is_missing.T, strict=True):
            if missing.any():
                cells = filled[label].set_axis(X.index)
                result[label] = X[label].where(~missing, cells)
        return result
    import polars as pl

    columns = [
        pl.when(pl.Series(~missing))
        .then(X[label])
        .otherwise(filled[label])
        .alias(label)
        for label, missing in zip(labels, is_missing.T, strict=True)
        if missing.any()
    ]
    return X.with_columns(columns)
