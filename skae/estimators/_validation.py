"""Checks of what comes in, with errors that say what would do."""

import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from .. import tables
from ..data._source import Source
from ..data._sources import as_source
from ..data._table import Table

# Where an estimator is inside another, which encodes tables by their dtypes.
IN_FRONT = "Put TableEncoder(categorical_features=...) in front of all."
FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


def check_fitted(estimator):
    """Raise NotFittedError if the estimator is not fitted.

    scikit-learn collects the tags first, which takes as long as a layer for one row.
    """
    if not estimator.__sklearn_is_fitted__():
        check_is_fitted(estimator)


def read_rows(
    estimator,
    X,
    *,
    reset,
    accept_sparse=("csr", "csc"),
    accept_source=False,
    encode=True,
    takes_holes=None,
    **minimum,
):
    """Return X as a float32 or float64 array, as CSR, or as a `Source`.

    `minimum` are numbers of rows and columns, as scikit-learn's `check_array` has them.
    Without `encode` numbers are as they come, with NaN where that is a missing cell.
    Whether it is says `takes_holes`, or else the parameters.
    """
    X = detach(X)
    if isinstance(X, (list, tuple)):
        X = np.asarray(X)
    is_encoded = not reset and "encoder_" in vars(estimator)
    source = None if is_encoded else as_source(X)
    if source is not None:
        _check_in_memory(estimator)
        few = _few_rows(source, len(source))
        read_rows(estimator, few, reset=reset, **minimum)
        return source if accept_source else source[:]
    if reset or tables.mixed_encoder(estimator) is not None:
        encoded = tables.encode(estimator, X, reset=reset)
        if encoded is not None:
            return check_array(encoded, dtype=FLOATS, **minimum)
    _check_meaning(X)
    labels = _other_labels(X)
    if takes_holes is None:
        takes_holes = tables.takes_holes(estimator, reset=reset)
    takes_holes &= not sparse.issparse(X)
    with hint_at_mask(estimator, X):
        rows = validate_data(
            estimator,
            X,
            reset=reset,
            dtype=FLOATS,
            accept_sparse=accept_sparse,
            ensure_all_finite="allow-nan" if takes_holes else True,
            **minimum,
        )
    if not reset:
        _check_labels(estimator, labels)
    elif labels is not None:
        estimator._other_labels = labels
    else:
        vars(estimator).pop("_other_labels", None)
    rows = rows.tocsr() if sparse.issparse(rows) else rows
    return tables.encode_numbers(estimator, rows, reset=reset) if encode else rows


@contextmanager
def hint_at_mask(estimator, X):
    """Let the error about NaN say what takes it."""
    try:
        yield
    except ValueError as error:
        is_told = "missing_values" in str(error)
        if "contains NaN" not in str(error) or is_told:
            raise
        remedy = (
            "Put skae.tables.TableEncoder(missing_values='pca') in front, which fills "
            "missing cells: every column then counts alike, whatever its unit."
        )
        if "missing_values" in estimator.get_params(deep=False):
            remedy = "Fit with missing_values='mask', and it is a missing cell."
        elif hasattr(estimator, "autoencoder"):
            remedy = (
                "Fit it around an autoencoder with missing_values='mask', such as "
                "AutoencoderTransformer, and it is a missing cell."
            )
        if sparse.issparse(X):
            remedy = "Missing cells are for dense tables: pass X.toarray()."
        raise ValueError(
            f"Input X contains NaN, which {type(estimator).__name__} does not take in "
            f"a table of numbers. {remedy}"
        ) from None


def _check_in_memory(estimator):
    """Raise a ValueError if parameters need all rows in memory."""
    remedy = "Read X into memory first."
    check_lists_none(estimator, remedy)
    if estimator.missing_values == "mask" or isinstance(estimator.column_weight, dict):
        raise ValueError(
            f"{type(estimator).__name__} reads tables in files with missing_values="
            f"'auto' and column_weight=None alone. {remedy}"
        )


def check_lists_none(estimator, remedy):
    """Raise a ValueError if an estimator lists categories where rows are numbers."""
    features = getattr(estimator, "categorical_features", None)
    if not (features is None or isinstance(features, str)):
        raise ValueError(
            f"categorical_features={features!r} of {type(estimator).__name__} lists "
            f"categories, but the rows that it gets are numbers. {remedy}"
        )


def _few_rows(source, n_rows):
    """Return zeros in the place of a source: as wide, and with its names."""
    X = np.zeros((min(n_rows, 2), source.n_columns), source.dtype)
    return X if source.names is None else pd.DataFrame(X, columns=source.names)


def check_collection(estimator, X):
    """Return the dtype of a dask collection as numbers; nothing of it is computed.

    Where `fit` had a mixed table, each partition is one, and makes its own errors.
    """
    if hasattr(estimator, "encoder_"):
        return np.dtype(np.float64)
    source = as_source(X)
    read_rows(estimator, _few_rows(source, 1), reset=False)
    return source.dtype


def check_codes(estimator, Z):
    """Return what `check_collection` does, of codes."""
    source = as_source(Z)
    _check_width(estimator, source.n_columns)
    return source.dtype


def _check_meaning(X, name="X"):
    """Raise a ValueError for what would silently become other numbers."""
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} is a masked array with {np.ma.count_masked(X)} masked values, and "
            "these are not skipped. Fill them, for instance with "
            "SimpleImputer().fit_transform(X.filled(numpy.nan))."
        )
    if sparse.issparse(X):
        _check_indices(X)
        return
    for label, dtype in _dtypes(X):
        is_temporal = getattr(dtype, "is_temporal", bool)  # polars
        if getattr(dtype, "kind", "") in ("m", "M") or is_temporal():
            where = name if label is None else f"Column {label!r} of {name}"
            raise ValueError(
                f"{where} holds dates or durations ({dtype}), which are no numbers. "
                "Take their difference from some date in days, or parts such as the "
                "month, or drop them."
            )


def _dtypes(X):
    """Return (column, dtype) pairs of a DataFrame, and that of an array."""
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        return zip(X.columns, X.dtypes, strict=False)
    return [(None, getattr(X, "dtype", None))]


def _check_indices(X):
    """Raise a ValueError for indices beyond the shape: C code would follow them."""
    try:
        if hasattr(X, "check_format"):
            X.check_format(full_check=True)
        elif hasattr(X, "_check"):  # coordinates
            X._check()
    except ValueError as error:
        raise ValueError(f"X is a broken {X.format} matrix: {error}.") from error


def _other_labels(X):
    """Return the columns of a DataFrame if they are no strings, else None.

    scikit-learn keeps and compares names that are strings alone.
    """
    columns = getattr(X, "columns", None)
    if columns is None or callable(columns):
        return None
    labels = list(columns)
    return None if all(isinstance(label, str) for label in labels) else labels


def _check_labels(estimator, labels):
    before = getattr(estimator, "_other_labels", None)
    if before is None or labels is None or before == labels:
        return
    pairs = enumerate(zip(before, labels, strict=True))
    i, (old, new) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    raise ValueError(
        "The columns of X should be those of fit, in their order: "
        f"column {i} was {old!r} there, and is {new!r} here."
    )


def read_table(
    estimator,
    X,
    sample_weight=None,
    groups=None,
    *,
    reset,
    name="",
    has_unit=False,
    accept_source=True,
    encode=True,
):
    """Return the `Table` of the rows whose weight is not zero.

    `name` is a suffix of the parameters that errors name. Equal weights are none, but
    where they have a unit: other chunks are then weighted in it too.
    """
    X = read_rows(estimator, X, reset=reset, accept_source=accept_source, encode=encode)
    if isinstance(X, Source) and X.is_small:
        X = X[:]
    if groups is not None:
        groups = column_or_1d(groups, dtype=None)
        check_consistent_length(X, groups)
    if sample_weight is None:
        return Table(X, None, groups)
    sample_weight = detach(sample_weight)
    _check_meaning(sample_weight, f"sample_weight{name}")
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    used = weight > 0
    if not used.any():
        raise ValueError(
            f"sample_weight{name} is zero for every row: at least one has to be "
            "positive."
        )
    is_equal = not has_unit and np.all(weight[used] == weight[used][0])
    rows = None if used.all() else np.flatnonzero(used)
    return Table(X, None if is_equal else weight, groups, rows)


def rows_to_encode(estimator, X):
    """Return X as `read_rows` does for rows that inference takes next.

    That looks for NaN and infinity itself. Checking one row takes scikit-learn longer
    than encoding it, so an array that fits as it is goes straight on.
    """
    X = detach(X)
    is_plain = not {"feature_names_in_", "encoder_"} & vars(estimator).keys()
    if is_plain and _fits(X, estimator.n_features_in_):
        return X
    return read_rows(estimator, X, reset=False, accept_source=True)


def codes_to_decode(estimator, X):
    """Return codes as an array for inference, which sees to it that it is finite."""
    Z = detach(X)
    if _fits(Z, estimator.n_components_):
        return Z
    _check_meaning(Z, "codes")
    Z = check_array(Z, dtype=FLOATS, input_name="codes")
    _check_width(estimator, Z.shape[1])
    return Z


def _check_width(estimator, n_columns):
    if n_columns != estimator.n_components_:
        raise ValueError(
            f"The codes have {n_columns} columns, but {type(estimator).__name__} was "
            f"fitted with n_components_={estimator.n_components_}."
        )


def _fits(X, n_columns):
    return (
        type(X) is np.ndarray
        and X.dtype in FLOATS
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == n_columns
    )


def detach(X):
    """Return tensors and other libraries' arrays as numpy's, the rest as it is."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(X, torch.Tensor):
        is_other = hasattr(X, "__array_namespace__") and hasattr(X, "__dlpack__")
        return np.from_dlpack(X) if is_other and not isinstance(X, np.ndarray) else X
    if X.is_meta:
        raise ValueError("A tensor on the meta device has a shape, but no values.")
    if X.layout is not torch.strided:
        raise TypeError(
            f"A tensor of layout {X.layout} cannot be read: pass X.to_dense(), or a "
            "scipy.sparse array."
        )
    X = X.detach().cpu()
    return (X.float() if X.dtype == torch.bfloat16 else X).numpy()


def check_unit_interval(estimator, X, reason, remedy):
    """Raise a ValueError that names a column with values outside of [0, 1]."""
    lowest, highest = X.min(axis=0), X.max(axis=0)
    if sparse.issparse(X):
        lowest, highest = lowest.toarray().ravel(), highest.toarray().ravel()
    bad = np.flatnonzero((lowest < 0) | (highest > 1))
    if len(bad) == 0:
        return
    names = getattr(estimator, "feature_names_in_", None)
    column = f"column {bad[0]}" if names is None else f"column {names[bad[0]]!r}"
    raise ValueError(
        f"{reason} needs X within [0, 1], but {column} ranges from "
        f"{lowest[bad[0]]:g} to {highest[bad[0]]:g} ({len(bad)} such columns). "
        f"Scale X with MinMaxScaler(clip=True), or use {remedy}."
    )
