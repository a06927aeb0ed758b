"""Tensors in, tensors out: scikit-learn's array API dispatch."""

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone

import skae

from .tables import make_curve
from .test_devices import ESTIMATORS

METHODS = ("transform", "reconstruct", "score_samples")
NAMES = ("random", "variational", "marginalized", "own")


@pytest.fixture
def _dispatch(monkeypatch):
    # scikit-learn asks for it; what skae does does not depend on scipy
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with config_context(array_api_dispatch=True):
        yield


@pytest.fixture(scope="module")
def fitted():
    X = make_curve(60)
    return {name: clone(ESTIMATORS[name]).fit(X) for name in NAMES}, X


@pytest.mark.usefixtures("_dispatch")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", NAMES)
def test_tensors_come_back_as_tensors(fitted, name, dtype):
    """With the same numbers, on the device and in the dtype of the rows."""
    estimators, X = fitted
    estimator, X = estimators[name], torch.tensor(X, dtype=dtype, requires_grad=True)
    for method in METHODS:
        found = getattr(estimator, method)(X)
        expected = getattr(estimator, method)(X.detach().numpy())
        assert isinstance(found, torch.Tensor)
        assert found.device == X.device
        assert not found.requires_grad
        assert found.numpy().dtype == expected.dtype
        np.testing.assert_array_equal(found.numpy(), expected)
    Z = estimator.transform(X)
    found = estimator.inverse_transform(Z)
    np.testing.assert_array_equal(found, estimator.inverse_transform(Z.numpy()))
    assert isinstance(found, torch.Tensor)


@pytest.mark.usefixtures("_dispatch")
def test_fit_takes_tensors_and_everything_else_stays_what_it_was(fitted):
    """Also integers, arrays, DataFrames asked for, and fitted attributes."""
    estimators, X = fitted
    expected = estimators["random"]
    weight = torch.ones(len(X), dtype=torch.float64)
    found = clone(expected).fit(torch.tensor(X), sample_weight=weight)
    np.testing.assert_array_equal(found.transform(X), expected.transform(X))
    assert isinstance(found.transform(X), np.ndarray)
    assert isinstance(found.mean_, np.ndarray)
    whole = torch.tensor(X).long()
    assert found.transform(whole).dtype == torch.float64
    frame = clone(expected).set_output(transform="pandas").fit(X)
    assert list(frame.transform(torch.tensor(X)).columns)[0].endswith("0")


@pytest.mark.usefixtures("_dispatch")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X: X[:, :3], "3 features"),
        (lambda X: X.fill_(torch.nan), "NaN"),
        (lambda X: X[:0], "0 sample"),
        (lambda X: X.to("meta"), "no values"),
    ],
    ids=["width", "nan", "none", "meta"],
)
def test_a_bad_tensor_gets_the_error_of_a_bad_array(fitted, spoil, message):
    estimators, X = fitted
    with pytest.raises(ValueError, match=message):
        estimators["random"].transform(spoil(torch.tensor(X)))


def test_without_dispatch_tensors_become_arrays(fitted):
    estimators, X = fitted
    assert isinstance(estimators["random"].transform(torch.tensor(X)), np.ndarray)


@pytest.mark.usefixtures("_dispatch")
def test_many_rows_are_computed_in_passes(fitted, monkeypatch):
    """A tensor of any size takes a bounded amount of memory beside it."""
    estimators, X = fitted
    X = torch.tensor(X)
    expected = estimators["random"].reconstruct(X)
    monkeypatch.setattr(skae.inference._passes, "PASS_BYTES", 2**14)
    torch.testing.assert_close(estimators["random"].reconstruct(X), expected)
