"""Fitted networks in torch's own tools, and estimators amid its modes."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch.func import jacrev, vmap

import skae

from .tables import make_curve
from .test_devices import BRIEF, ESTIMATORS

X = make_curve(60)
X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
HEADS = {
    "classifier": skae.AutoencoderClassifier(ESTIMATORS["plain"], **BRIEF),
    "regressor": skae.AutoencoderRegressor(ESTIMATORS["variational"], **BRIEF),
}
CONVOLUTIONS = {
    "strides": skae.architectures.Conv2d(
        (2, 3), (2, 3), downsampling="stride", upsampling="transposed"
    ),
    "pixelwise": skae.architectures.Conv2d((3, 1, 2), (2,), channels_last=True),
    "series": skae.architectures.Conv1d(1, (2,)),
}
EVERY = {
    **ESTIMATORS,
    **HEADS,
    **{
        name: skae.AutoencoderTransformer(2, architecture=each, **BRIEF)
        for name, each in CONVOLUTIONS.items()
    },
}


def few(*names):
    """Return all names; those that are not among a few are slow."""
    others = EVERY.keys() - names
    return [*names, *(pytest.param(n, marks=pytest.mark.slow) for n in sorted(others))]


@pytest.fixture(scope="module")
def fitted():
    """Return a function that fits each estimator once: its network and what it does."""
    known = {}

    def fit(name):
        if name not in known:
            y = X[:, 0] > 0.5 if name == "classifier" else X[:, 0]
            known[name] = clone(EVERY[name]).fit(X, y)
        estimator = known[name]
        net = getattr(estimator, "net_", estimator)
        return estimator, net.module_.eval()

    return fit


def calls(estimator, network):
    """Yield functions of numpy rows, those of tensors, and rows for both."""
    rows = X[:4]
    yield estimator.transform, network.encode, rows
    if hasattr(estimator, "inverse_transform"):
        codes = estimator.transform(rows)
        yield estimator.inverse_transform, network.decode, codes


def as_rows(array, network):
    return torch.tensor(array, dtype=next(network.parameters()).dtype)


def differences(function, rows, step=1e-6):
    """Return the Jacobian of each row by central differences."""
    steps = step * np.eye(rows.shape[1])
    slopes = [(function(rows + s) - function(rows - s)) / (2 * step) for s in steps]
    return np.stack(slopes, axis=-1)


@pytest.mark.parametrize("name", few("plain", "images", "top_k", "variational"))
def test_torch_func_takes_one_row_at_a_time(fitted, name):
    """Vmap gives what a batch gives, and jacrev the slopes, for encode and decode."""
    estimator, network = fitted(name)
    for expected, function, rows in calls(estimator, network):
        tensor = as_rows(rows, network)
        found = vmap(function)(tensor).detach().numpy()
        np.testing.assert_allclose(found, expected(rows), rtol=1e-4, atol=1e-4)
        assert function(tensor[0]).shape == found[0].shape
        slopes = vmap(jacrev(function))(tensor).detach().numpy()
        np.testing.assert_allclose(
            slopes, differences(expected, rows), rtol=1e-2, atol=1e-3
        )


@pytest.mark.parametrize("name", few("variational"))
def test_torch_export_takes_encode_and_decode(fitted, name):
    """Programs for any number of rows, that compute the same."""
    estimator, network = fitted(name)
    for expected, function, rows in calls(estimator, network):
        tensor = as_rows(rows, network)
        part = Part(network, function.__name__).eval()
        n_rows = {0: torch.export.Dim("n_rows", min=2)}
        program = torch.export.export(part, (tensor,), dynamic_shapes=(n_rows,))
        found = program.module()(tensor[:3]).detach().numpy()
        np.testing.assert_allclose(found, expected(rows[:3]), rtol=1e-4, atol=1e-4)


class Part(torch.nn.Module):
    """A module of one method of a network."""

    def __init__(self, network, method):
        super().__init__()
        self.network, self.method = network, method

    def forward(self, X):
        return getattr(self.network, self.method)(X)


MODES = {
    "device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "name", few("plain", "variational", "contractive", "classifier")
)
def test_modes_of_torch_are_those_of_other_code(fitted, name, mode):
    """All that is fitted and computed is the same to the last bit."""
    expected, _ = fitted(name)
    y = X[:, 0] > 0.5 if name == "classifier" else X[:, 0]
    with MODES[mode]():
        found = clone(EVERY[name]).fit(X, y)
        for method in ("transform", "reconstruct", "predict", "score_samples"):
            if hasattr(found, method):
                here, there = (getattr(each, method)(X) for each in (found, expected))
                np.testing.assert_array_equal(here, there)
