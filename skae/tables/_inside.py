"""Tables in estimators: each may have an encoder inside, which fit makes."""

import numpy as np
import pandas as pd

from ._encoder import TableEncoder
from ._numbers import NumberEncoder

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


def mixed_encoder(estimator):
    """Return the encoder of an estimator that was fitted to a mixed table, or None."""
    encoder = vars(estimator).get("encoder_")
    return encoder if isinstance(encoder, TableEncoder) else None


def has_categories(estimator):
    """Whether an estimator was fitted to a table with some."""
    encoder = mixed_encoder(estimator)
    return encoder is not None and any(block.categories for block in encoder.blocks_)


def encode(estimator, X, *, reset):
    """Return the matrix that an estimator takes instead of a mixed table; else None.

    With `reset` the encoder is made, if the table is mixed, and kept as `encoder_`.
    One that goes on from an earlier fit keeps what it has.
    """
    attributes, encodes = vars(estimator), reset and is_encoded(estimator, X)
    if reset:
        _forget_encoder(estimator, TableEncoder if encodes else NumberEncoder)
    if encodes and "encoder_" not in attributes:
        attributes.pop("_other_labels", None)
        estimator.encoder_ = TableEncoder(
            missing_values="pca",
            categorical_features=estimator.categorical_features,
            column_weight=estimator.column_weight,
        ).fit(X)
        for name in ("n_features_in_", "feature_names_in_"):
            attributes.pop(name, None)
            if hasattr(estimator.encoder_, name):
                setattr(estimator, name, getattr(estimator.encoder_, name))
    encoder = mixed_encoder(estimator)
    return None if encoder is None else encoder.transform(X)


def takes_holes(estimator, *, reset):
    """Whether NaN in a table of numbers is a missing cell."""
    if reset:
        return estimator.missing_values == "mask"
    return getattr(vars(estimator).get("encoder_"), "fills", False)


def encode_numbers(estimator, X, *, reset):
    """Return what an estimator takes instead of checked numbers; often the same.

    With `reset` the encoder is made, if parameters ask for one.
    """
    attributes, weight = vars(estimator), estimator.column_weight
    weight = weight if isinstance(weight, dict) else None
    asked = estimator.missing_values == "mask" or weight
    if reset and not asked:
        attributes.pop("encoder_", None)
    elif reset and "encoder_" not in attributes:
        labels = attributes.get("feature_names_in_", attributes.get("_other_labels"))
        labels = range(X.shape[1]) if labels is None else labels
        encoder = NumberEncoder(weight, estimator.missing_values)
        estimator.encoder_ = encoder.fit(X, labels)
    encoder = attributes.get("encoder_")
    return X if encoder is None else encoder.transform(X)


def _forget_encoder(estimator, kind):
    """Drop the encoder of an earlier fit, but one of a kind where this one goes on."""
    encoder = vars(estimator).get("encoder_")
    if not (getattr(estimator, "warm_start", False) and isinstance(encoder, kind)):
        vars(estimator).pop("encoder_", None)


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
    """Return the columns of a mixed table as the engine takes them, see `Span`.

    Of numbers without missing cells there is nothing to say: None.
    """
    if isinstance(encoder, NumberEncoder):
        return encoder.spans if encoder.has_holes_.any() else None
    weights = encoder.column_weight
    weights = weights if isinstance(weights, dict) else {}
    spans = []
    for block in encoder.blocks_:
        if block.start == block.stop:  # all cells are missing
            continue
        scales = tuple(map(float, block.scale[: len(block.categories or ())]))
        weight = weights.get(block.column, 1) if scales else block.scale[0] ** 2
        spans.append((block.start, block.stop, scales, float(weight)))
    return tuple(spans)


def _is_number(column):
    if pd.api.types.is_object_dtype(column.dtype):
        return pd.api.types.infer_dtype(column, skipna=True) in NUMBERS
    return pd.api.types.is_numeric_dtype(column.dtype)
