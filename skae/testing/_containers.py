"""DataFrames and sparse tables."""

from importlib.util import find_spec

import numpy as np
import scipy.sparse
from sklearn import config_context
from sklearn.base import clone

from ._assert import assert_close, assert_raises
from ._prepare import ROW_METHODS, make_frame, make_rows


def check_pandas_output(estimator):
    """After set_output("pandas") codes and rows are DataFrames with names and index."""
    X = make_frame()
    plain = clone(estimator).fit(X)
    estimator.set_output(transform="pandas").fit(X)
    Z = estimator.transform(X)
    _check_pandas("transform", Z, estimator.get_feature_names_out(), X.index)
    for name, given in {"inverse_transform": Z, "reconstruct": X}.items():
        X_hat = getattr(estimator, name)(given)
        _check_pandas(name, X_hat, X.columns, X.index)
        message = f"{name} has other values after set_output than before"
        assert_close(X_hat, plain.reconstruct(X), message, tol=1e-8)


def _check_pandas(name, table, columns, index):
    import pandas

    assert isinstance(table, pandas.DataFrame), (
        f"after set_output(transform='pandas') {name} returns a "
        f"{type(table).__name__}; expected a pandas.DataFrame"
    )
    assert list(table.columns) == list(columns), (
        f"the columns that {name} returns are {list(table.columns)}; expected "
        f"{list(columns)}"
    )
    assert list(table.index) == list(index), (
        f"the index of what {name} returns begins {list(table.index[:3])}; expected "
        f"that of its input, {list(index[:3])}"
    )


def check_polars_output(estimator):
    """After set_output("polars") codes and rows are polars DataFrames with names."""
    if find_spec("polars") is None:
        return
    X = make_frame()
    estimator.set_output(transform="polars").fit(X)
    Z = estimator.transform(X)
    tables = {
        "transform": (Z, estimator.get_feature_names_out()),
        "inverse_transform": (estimator.inverse_transform(Z), X.columns),
        "reconstruct": (estimator.reconstruct(X), X.columns),
    }
    for name, (table, columns) in tables.items():
        found = f"{type(table).__module__}.{type(table).__name__}"
        assert found.startswith("polars."), (
            f"after set_output(transform='polars') {name} returns a {found}; expected "
            "a polars.DataFrame"
        )
        assert list(table.columns) == list(columns), (
            f"the columns that {name} returns are {list(table.columns)}; expected "
            f"{list(columns)}"
        )


def check_global_output(estimator):
    """The configuration `transform_output` acts on the way back as well."""
    X = make_frame()
    estimator.fit(X)
    with config_context(transform_output="pandas"):
        Z = estimator.transform(X)
        _check_pandas(
            "inverse_transform", estimator.inverse_transform(Z), X.columns, X.index
        )
    X_hat = estimator.inverse_transform(Z)
    assert type(X_hat) is np.ndarray, (
        f"without set_output, inverse_transform of a DataFrame returns a "
        f"{type(X_hat).__name__}; expected a numpy.ndarray"
    )


def check_column_order(estimator):
    """A DataFrame whose columns are in another order than in training is refused."""
    X = make_frame()
    estimator.fit(X)
    for name in ROW_METHODS:
        with assert_raises(ValueError, f"{name} of reordered columns"):
            getattr(estimator, name)(X[X.columns[::-1]])


def check_sparse_input(estimator):
    """Sparse tables give what the same tables give as arrays, where the tags allow."""
    if not estimator.__sklearn_tags__().input_tags.sparse:
        return
    X = make_rows()
    X = np.where(X < 0.4, 0.0, X)
    dense = clone(estimator).fit(X)
    for convert in (scipy.sparse.csr_array, scipy.sparse.csc_matrix):
        table = convert(X)
        for name in ROW_METHODS:
            method = getattr(dense, name)
            message = f"{name} of a {convert.__name__} differs from that of an array"
            assert_close(method(table), method(X), message)
        score = clone(estimator).fit(table).score(X)
        message = f"fit on a {convert.__name__} gives another score than on an array"
        assert_close(score, dense.score(X), message, tol=1e-3)
