"""Missing cells, filled with what a reducer says of them."""

import numpy as np
import pandas as pd


def impute(encoder, X, restore):
    """Return a table with its missing cells filled.

    `restore` maps encoded rows to their reconstruction.
    """
    rows, is_missing = encoder._encode(X)
    rows = np.where(encoder._spread(is_missing), restore(rows), rows)
    for block in encoder.blocks_:
        if block.has_indicator:
            rows[:, block.indicator] = 0
    filled = encoder.inverse_transform(rows)
    labels = [block.column for block in encoder.blocks_]
    pairs = list(zip(labels, is_missing.T, strict=True))
    if isinstance(X, pd.DataFrame):
        X = X.copy()
        for label, missing in pairs:
            if missing.any():
                X[label] = X[label].where(~missing, filled[label].set_axis(X.index))
        return X
    import polars as pl

    return X.with_columns(
        pl.when(pl.Series(~missing))
        .then(X[label])
        .otherwise(filled[label])
        .alias(label)
        for label, missing in pairs
        if missing.any()
    )
