"""Mixed tables in estimators: each has a TableEncoder inside, which fit makes."""

import numpy as np
import pandas as pd

from ._encoder import TableEncoder

# What pandas calls cells of the dtype object that are numbers all the same.
NUMBERS = {
    *("integer", "floating", "mixed-integer-float", "decimal", "complex", "boolean"),
    "empty",
}


def is_mixed(X):
    """Whether it is a DataFrame with a column that is neither numbers nor truth."""
    if isinstance(X, pd.DataFrame):
        return any(not _is_number(column) for _, column in X.items())
    if hasattr(X, "get_columns"):  # polars
        dtypes = [column.dtype for column in X.get_columns()]
        return any(not (d.is_numeric() or str(d) == "Boolean") for d in dtypes)
    return False


def is_encoded(estimator, X):
    """Whether an estimator has to encode a table: one with categories, or dates.

    Who lists categories has some in every table.
    """
    features = getattr(estimator, "categorical_features", None)
    return features is not None and (not isinstance(features, str) or is_mixed(X))


def encode(estimator, X, *, reset):
    """Return the matrix that an estimator takes instead of a table; else None.

    With `reset` the encoder is made, if the table is mixed, and kept as `encoder_`.
    One that goes on from an earlier fit keeps what it has.
    """
    attributes, encodes = vars(estimator), reset and is_encoded(estimator, X)
    if reset and not (getattr(estimator, "warm_start", False) and encodes):
        attributes.pop("encoder_", None)
    if encodes and "encoder_" not in attributes:
        attributes.pop("_other_labels", None)
        estimator.encoder_ = TableEncoder(
            missing_values="pca", categorical_features=estimator.categorical_features
        ).fit(X)
        for name in ("n_features_in_", "feature_names_in_"):
            attributes.pop(name, None)
            if hasattr(estimator.encoder_, name):
                setattr(estimator, name, getattr(estimator.encoder_, name))
    encoder = attributes.get("encoder_")
    return None if encoder is None else encoder.transform(X)


def decode(encoder, X, like=None):
    """Return the table that encoded rows stand for, with the index of another."""
    if hasattr(like, "iloc"):
        X = pd.DataFrame(X, index=like.index)
    return encoder.inverse_transform(X)


def cells(table, columns):
    """Return the cells of some columns of a DataFrame as objects, one row for each."""
    return np.array([list(table[column]) for column in columns], dtype=object).T


def by_column(encoder, cells):
    """Return sums of encoded cells over those of each column, in the last axis."""
    sums = [cells[..., block.columns].sum(axis=-1) for block in encoder.blocks_]
    return np.stack(sums, axis=-1)


def spans(encoder):
    """Return for each column where its encoded columns start and stop, and scales.

    These are what zeros and ones of a category's values are multiplied by; of a number
    they are ().
    """
    spans = []
    for block in encoder.blocks_:
        scales = block.scale[: len(block.categories or ())]
        if block.start < block.stop:  # else all cells are missing
            spans.append((block.start, block.stop, tuple(map(float, scales))))
    return tuple(spans)


def _is_number(column):
    if pd.api.types.is_object_dtype(column.dtype):
        return pd.api.types.infer_dtype(column, skipna=True) in NUMBERS
    return pd.api.types.is_numeric_dtype(column.dtype)
