"""Devices and precisions: what is measured, and what nobody may depend on."""

import re
import time

import numpy as np
import pytest
import torch
from sklearn.base import clone

import skae
from skae.engine import _devices
from skae.engine._devices import bfloat16_ratio, resolve_device
from skae.estimators import _resolve

from .tables import make_curve

BRIEF = {"max_iter": 2, "random_state": 0}
ESTIMATORS = {
    "plain": skae.AutoencoderTransformer(2, **BRIEF),
    "random": skae.AutoencoderTransformer(2, init="random", dropout=0.1, **BRIEF),
    "tied": skae.AutoencoderTransformer(2, tied_weights=True, **BRIEF),
    "cross-entropy": skae.AutoencoderTransformer(
        2, loss="binary_cross_entropy", **BRIEF
    ),
    "images": skae.AutoencoderTransformer(
        2, architecture=skae.architectures.Conv2d((2, 3), (2,)), **BRIEF
    ),
    "own": skae.AutoencoderTransformer(
        2,
        architecture=skae.architectures.Custom(torch.nn.Linear, torch.nn.Linear),
        **BRIEF,
    ),
    "muon": skae.AutoencoderTransformer(2, solver="muon", **BRIEF),
    "float64": skae.AutoencoderTransformer(2, precision="float64", **BRIEF),
    "contractive": skae.ContractiveAutoencoder(2, **BRIEF),
    "denoising": skae.DenoisingAutoencoder(2, **BRIEF),
    "masking": skae.DenoisingAutoencoder(2, noise="masking", **BRIEF),
    "marginalized": skae.MarginalizedDenoisingAutoencoder(2),
    "sparse": skae.SparseAutoencoder(2, **BRIEF),
    "top_k": skae.SparseAutoencoder(4, sparsity="top_k", k=2, **BRIEF),
    "stacked": skae.StackedAutoencoder(
        2, hidden_layer_sizes=(4, 3), pretraining_max_iter=2, **BRIEF
    ),
    "variational": skae.VariationalAutoencoder(2, **BRIEF),
}


@pytest.fixture
def double_by_default():
    """Somebody else's work in the same process wants double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def used(estimator, X):
    estimator.fit(X)
    Z = estimator.transform(X)
    results = [Z, estimator.inverse_transform(Z), estimator.score_samples(X)]
    if hasattr(estimator, "partial_fit"):
        results.append(estimator.partial_fit(X).transform(X))
    return results


def default_results(name):
    X = make_curve(90)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    return used(clone(ESTIMATORS[name]), X), X


@pytest.mark.parametrize("name", ESTIMATORS)
def test_default_dtype_of_torch_does_not_matter(name):
    """Fits, streams and inference are what they are under torch's own default."""
    expected, X = default_results(name)
    torch.set_default_dtype(torch.float64)
    try:
        found, _ = default_results(name)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    # weights of one's own layers are drawn in the default dtype: other numbers
    atol = 3 if name == "own" else 1e-4
    for first, second in zip(found, expected, strict=True):
        assert first.dtype == second.dtype
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=atol)


@pytest.mark.usefixtures("double_by_default")
@pytest.mark.parametrize("on", ["plain", "variational"])
@pytest.mark.parametrize("kind", ["AutoencoderClassifier", "AutoencoderRegressor"])
def test_supervised_estimators_fit_under_another_default_dtype(kind, on):
    """With a plain autoencoder and with a variational one."""
    X = make_curve(90)
    y = X[:, 0] > 0 if kind.endswith("Classifier") else X[:, 0]
    estimator = getattr(skae, kind)(ESTIMATORS[on], max_iter=2, random_state=0)
    assert np.isfinite(estimator.fit(X, y).transform(X)).all()
    assert estimator.score(X, y) > 0.5


# -- bfloat16 -------------------------------------------------------------------------


@pytest.fixture
def unknown_ratio():
    bfloat16_ratio.cache_clear()
    yield
    bfloat16_ratio.cache_clear()


class Machine:
    """A clock that products advance by their time, and others now and then."""

    def __init__(self, monkeypatch, ratio, *, busy=0.0, seed=0):
        self.now = 0.0
        self.rng = np.random.default_rng(seed)
        self.ratio, self.busy = ratio, busy
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)
        product = torch.Tensor.__matmul__

        def timed(a, b):
            self.now += self.seconds(a.dtype)
            return product(a, b)

        monkeypatch.setattr(torch.Tensor, "__matmul__", timed)

    def seconds(self, dtype):
        seconds = 4e-4 * (self.ratio if dtype == torch.bfloat16 else 1.0)
        interrupted = self.rng.random() < self.busy
        return seconds + (self.rng.exponential(0.02) if interrupted else 0)


@pytest.mark.usefixtures("unknown_ratio")
@pytest.mark.parametrize("busy", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("ratio", [0.3, 1.0, 40.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_busy_machine_measures_what_an_idle_one_does(monkeypatch, ratio, busy, seed):
    """Others may take half of the time slices: the decision stays the same."""
    Machine(monkeypatch, ratio, busy=busy, seed=seed)
    found = bfloat16_ratio("cpu")
    assert found == pytest.approx(ratio, rel=1e-6)


@pytest.mark.usefixtures("unknown_ratio")
def test_it_is_measured_once_in_a_process(monkeypatch):
    """A second fit decides as the first did."""
    Machine(monkeypatch, 0.3)
    first = bfloat16_ratio("cpu")
    Machine(monkeypatch, 40.0)
    assert bfloat16_ratio("cpu") == first


@pytest.mark.usefixtures("unknown_ratio")
def test_this_machine_says_the_same_again():
    """The measured ratio is on the same side of both thresholds, time after time."""
    sides = set()
    for _ in range(5):
        bfloat16_ratio.cache_clear()
        ratio = bfloat16_ratio("cpu")
        sides.add((ratio < _resolve.ACCELERATED, ratio < _resolve.BEARABLE))
    assert len(sides) == 1


def test_the_threshold_lies_between_machines():
    """With instructions for bfloat16 a third of the time, without as long or longer."""
    assert 0.4 < _resolve.ACCELERATED < 0.8
    assert 2 < _resolve.BEARABLE < 30
    assert _devices.ROUNDS >= 10


# -- devices --------------------------------------------------------------------------


NOWHERE = [
    *("nowhere", "meta", "privateuseone", "mps", "xla", "hpu", "cuda:7", "cpu:x"),
    *("", " cpu", 3, 3.5, -1, True, None, ["cpu"]),
]


@pytest.mark.parametrize("device", NOWHERE, ids=repr)
def test_a_device_that_is_not_there_is_an_error_that_says_what_there_is(device):
    """Torch itself says something else for each, and finds some of them in fit."""
    message = rf"device={re.escape(repr(device))} is not available here.*\['cpu'"
    with pytest.raises(ValueError, match=message):
        resolve_device(device)
    estimator = skae.AutoencoderTransformer(2, device=device)
    with pytest.raises(ValueError, match=message):
        estimator.fit(make_curve(20))
