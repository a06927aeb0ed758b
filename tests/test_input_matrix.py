"""Fifty-odd kinds of input to every method of every estimator.

What is a table gives the answer of the plain array; what is none gives a ValueError or
a TypeError that names the cause.
"""

import functools
import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone

from skae import (
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
    AutoencoderRegressor,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    MarginalizedDenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)

pytestmark = pytest.mark.filterwarnings("ignore:X .*feature names:UserWarning")

ONE = {"max_iter": 1, "early_stopping": False, "random_state": 0}
PCA = {"init": "pca", "hidden_layer_sizes": (4,)}
INNER = AutoencoderTransformer(2, **ONE, **PCA)
HEAD = {"alpha": 1.0, "consistency_weight": 0.0, **ONE}
ESTIMATORS = {
    "plain": INNER,
    "random": AutoencoderTransformer(2, init="random", **ONE),
    "denoising": DenoisingAutoencoder(2, **ONE, **PCA),
    "sparse": SparseAutoencoder(2, hidden_layer_sizes=(4,), **ONE),
    "contractive": ContractiveAutoencoder(2, **ONE, **PCA),
    "variational": VariationalAutoencoder(2, **ONE, **PCA),
    "stacked": StackedAutoencoder(2, hidden_layer_sizes=(4,), **ONE),
    "marginalized": MarginalizedDenoisingAutoencoder(),
    "classifier": AutoencoderClassifier(INNER, **HEAD),
    "regressor": AutoencoderRegressor(INNER, **HEAD),
    "outliers": AutoencoderOutlierDetector(INNER, n_folds=2, random_state=0),
}
METHODS = ("transform", "reconstruct", "score_samples", "score", "predict")
N_ROWS, N_COLUMNS = 24, 4
SPARSE = {"csr", "csr matrix", "csc", "coo", "lil", "dok", "bsr", "dia"}


def make_table():
    """Return small whole numbers, which every dtype holds."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(N_ROWS, 2))
    return np.clip(np.round(3 * Z @ rng.normal(size=(2, N_COLUMNS)) + 10), 0, 100)


def strings(X):
    return [f"c{i}" for i in range(X.shape[1])]


def frame(X):
    return pd.DataFrame(X, columns=strings(X))


def with_cell(X, value):
    table = X.astype(object if isinstance(value, str) else X.dtype)
    table[1, 1] = value
    return table


def frozen(X):
    table = X.copy()
    table.flags.writeable = False
    return table


def dates(X):
    return np.datetime64("2020-01-01", "D") + X.astype("timedelta64[D]")


def bad_indices(X):
    table = sparse.csr_array(X)
    table.indices = np.full_like(table.indices, 10**6)
    return table


SAME = {
    **{
        dtype: functools.partial(np.asarray, dtype=dtype)
        for dtype in (
            *("int8", "int32", "int64", "uint8", "uint16"),
            *("uint64", "float16", "longdouble", "object", ">f8", ">i2"),
        )
    },
    "list": np.ndarray.tolist,
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "list of arrays": list,
    "fortran": np.asfortranarray,
    "reversed": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "strided": lambda X: X.repeat(2, axis=1)[:, ::2],
    "read-only": frozen,
    "masked, no cell": np.ma.masked_invalid,
    "frame": frame,
    "frame of int columns": pd.DataFrame,
    "frame of many dtypes": lambda X: frame(X).astype({"c0": "int8", "c1": "float32"}),
    "nullable frame": lambda X: frame(X).astype("Int64"),
    "frame with MultiIndex": lambda X: pd.DataFrame(
        X, columns=pd.MultiIndex.from_product([["a", "b"], [0, 1]])
    ),
    "csr": sparse.csr_array,
    "csr matrix": sparse.csr_matrix,
    "csc": sparse.csc_array,
    "coo": sparse.coo_array,
    "lil": sparse.lil_array,
    "dok": sparse.dok_array,
    "bsr": sparse.bsr_array,
    "dia": sparse.dia_array,
    "tensor": torch.tensor,
    "tensor with gradient": lambda X: torch.tensor(X, requires_grad=True),
    "int tensor": lambda X: torch.tensor(X).int(),
}
NUMBERS = "float|convert|number|dtype|numeric|Complex"
REFUSED = {
    "nan": (lambda X: with_cell(X, np.nan), "NaN"),
    "infinity": (lambda X: with_cell(X, np.inf), "infinity"),
    "minus infinity": (lambda X: with_cell(X, -np.inf), "infinity"),
    "sparse nan": (lambda X: sparse.csr_array(with_cell(X, np.nan)), "NaN|[Ss]parse"),
    "nullable frame with NA": (
        lambda X: frame(X).astype("Int64").mask(frame(X) == X[1, 1]),
        "NaN|NA",
    ),
    "text": (lambda X: np.char.add(X.astype(str), "x"), NUMBERS),
    "one text": (lambda X: with_cell(X, "many"), NUMBERS),
    "complex": (lambda X: X * 1j, NUMBERS),
    "dates": (dates, "holds dates"),
    "durations": (lambda X: X.astype("timedelta64[s]"), "holds dates or durations"),
    "masked": (lambda X: np.ma.masked_greater(X, X.mean()), "masked values"),
    "records": (
        lambda X: np.rec.fromarrays(X.T),
        f"{NUMBERS}|1D array|dimension|2D|cast",
    ),
    "one dimension": (lambda X: X[:, 0], "2D array|1D array|2-dimensional"),
    "scalar": (lambda X: 3.0, "scalar|2D"),
    "three dimensions": (lambda X: X[:, :, None], "dim 3|3D|2D"),
    "no rows": (lambda X: X[:0], "minimum of"),
    "no columns": (lambda X: X[:, :0], "minimum of|features"),
    "ragged": (lambda X: [*X.tolist()[:-1], [1.0]], "inhomogeneous|sequence"),
    "none": (lambda X: None, "None|2D|NoneType"),
    "dict": (lambda X: {"a": X}, "dict"),
    "set": (lambda X: {1, 2}, "set"),
    "meta tensor": (lambda X: torch.tensor(X).to("meta"), "meta device"),
    "sparse tensor": (lambda X: torch.tensor(X).to_sparse(), "to_dense"),
    "bad indices": (bad_indices, "broken csr|[Ss]parse"),
}
NEW_COLUMNS = {  # to a fitted estimator alone
    "frame of dates": (lambda X: frame(dates(X)), "Column 'c0' of X holds dates"),
    "categories": (lambda X: frame(X).astype(str).add("x").astype("category"), NUMBERS),
    "fewer columns": (lambda X: X[:, 1:], "features"),
    "more columns": (lambda X: np.c_[X, X], "features"),
}


@functools.cache
def fitted(name):
    return fit(name, make_table())


def fit(name, X, method="fit"):
    estimator = clone(ESTIMATORS[name])
    y = np.arange(N_ROWS) % 2
    fit = getattr(estimator, method)
    if name in ("classifier", "regressor"):
        return fit(X, y)
    return fit(X)


def answers(estimator, X):
    """Return what every method that takes rows says of them."""
    found = {}
    for method in METHODS:
        if hasattr(estimator, method) and (method, "y") not in needs_y(estimator):
            found[method] = np.asarray(getattr(estimator, method)(X), dtype=float)
    return found


def needs_y(estimator):
    is_supervised = isinstance(estimator, (AutoencoderClassifier, AutoencoderRegressor))
    return {("score", "y")} if is_supervised else set()


def assert_same_answers(found, expected):
    assert found.keys() == expected.keys()
    for method in found:
        np.testing.assert_allclose(
            found[method], expected[method], rtol=1e-5, atol=1e-5, err_msg=method
        )


@functools.cache
def expected_answers(name):
    return answers(fitted(name), make_table())


@pytest.mark.parametrize("kind", SAME)
def test_tables_of_all_kinds_are_tables(kind):
    """Fitted to it or asked of it, the answers are those of the array of floats."""
    X = SAME[kind](make_table())
    for name in ESTIMATORS:
        if name == "outliers" and kind in SPARSE:
            continue
        assert_same_answers(answers(fitted(name), X), expected_answers(name))
        assert_same_answers(answers(fit(name, X), make_table()), expected_answers(name))
    stream = fit("plain", X, "partial_fit")
    assert_same_answers(
        answers(stream, make_table()),
        answers(fit("plain", make_table(), "partial_fit"), make_table()),
    )


@pytest.mark.parametrize("kind", [*REFUSED, *NEW_COLUMNS])
def test_what_is_no_table_is_refused(kind):
    """By every method of every estimator, with an error that names the cause."""
    make, message = (REFUSED | NEW_COLUMNS)[kind]
    X = make(make_table())
    for name in ESTIMATORS:
        calls = [
            functools.partial(getattr(fitted(name), method), X)
            for method in METHODS
            if hasattr(fitted(name), method)
            and (method, "y") not in needs_y(fitted(name))
        ]
        if kind in REFUSED:
            calls.append(functools.partial(fit, name, X))
            if hasattr(ESTIMATORS[name], "partial_fit"):
                calls.append(functools.partial(fit, name, X, "partial_fit"))
        for call in calls:
            with pytest.raises((ValueError, TypeError)) as caught:
                call()
            assert re.search(message, str(caught.value)), (name, call, caught.value)


@pytest.mark.parametrize("kind", [kind for kind in SAME if kind not in SPARSE])
def test_codes_of_all_kinds_are_codes(kind):
    """What inverse_transform makes of codes does not depend on what holds them."""
    Z = np.round(fitted("plain").transform(make_table())) + 20
    for name in ESTIMATORS:
        if not hasattr(fitted(name), "inverse_transform"):
            continue
        codes = np.clip(Z[:, [0] * fitted(name).n_components_], 0, 100)
        if kind == "frame with MultiIndex" and codes.shape[1] != 4:
            continue
        expected = fitted(name).inverse_transform(codes)
        kinds = SAME | {"frame of many dtypes": frame}
        found = fitted(name).inverse_transform(kinds[kind](codes))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=name)
