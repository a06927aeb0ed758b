"""Inference: what it derives of a network, and that it notices when one changes."""

import copy

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.metrics import r2_score
from skorch.callbacks import Callback
from torch import nn

from skae import (
    AutoencoderTransformer,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
    inference,
)
from skae.architectures import Conv2d, Custom
from skae.data._table import Table
from skae.engine import _pretraining
from skae.inference._derived import Snapshot, derived
from skae.metrics import reconstruction_r2

from .tables import make_curve

FEW = {"max_iter": 2, "random_state": 0}
DTYPES = [np.float64, np.float32]


def fit(X=None, **parameters):
    X = make_curve(80) if X is None else X
    return AutoencoderTransformer(**(FEW | parameters)).fit(X)


def plain_codes(network, X):
    """Return what the module itself makes of rows, with nothing derived."""
    network = copy.deepcopy(network).double().eval()
    with torch.no_grad():
        return network.encode(torch.tensor(X, dtype=torch.float64)).numpy()


# -- networks that change -------------------------------------------------------------


def multiply(network):
    with torch.no_grad():
        network.encoder[0].weight.mul_(2)


def multiply_data(network):
    network.encoder[0].weight.data.mul_(2)  # torch counts no version


def write_through_numpy(network):
    network.encoder[0].weight.detach().numpy()[:] *= 2


def replace_weight(network):
    weight = network.encoder[0].weight
    network.encoder[0].weight = nn.Parameter(2 * weight.detach())


def replace_data(network):
    weight = network.encoder[0].weight
    weight.data = 2 * weight.data


def replace_layer(network):
    layer = network.encoder[0]
    other = nn.Linear(layer.in_features, layer.out_features)
    with torch.no_grad():
        other.weight.copy_(2 * layer.weight)
    network.encoder[0] = other


def replace_encoder(network):
    network.encoder = nn.Linear(6, 2)


def replace_activation(network):
    network.code_activation = type(network.code_activation)("relu")


def replace_function(network):
    network.encoder[1].function = "relu"


def append_layer(network):
    network.encoder.append(nn.Tanh())


def drop_layer(network):
    del network.encoder[1]


def change_slope(network):
    network.encoder[1] = nn.LeakyReLU(0.9)


def set_rotation(network):
    network.set_rotation(
        torch.tensor([[0.0, 2.0], [1.0, 0.0]], dtype=torch.float64),
        torch.zeros(2, dtype=torch.float64),
    )


CHANGES = [
    *(multiply, multiply_data, write_through_numpy, replace_weight, replace_data),
    *(replace_layer, replace_encoder, replace_activation, replace_function),
    *(append_layer, drop_layer, change_slope, set_rotation),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_the_network_counts_at_once(change, dtype):
    """Also where a float64 copy of a float32 network is kept, and behind torch."""
    X = make_curve(80).astype(dtype)
    autoencoder = fit(init="random", hidden_layer_sizes=(8,))
    before = autoencoder.transform(X)
    network = autoencoder.net_.module_
    np.testing.assert_array_equal(autoencoder.transform(X), before)
    change(network)
    found = autoencoder.transform(X)
    assert not np.allclose(found, before, atol=1e-3)
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found, plain_codes(network, X), atol=tolerance)
    np.testing.assert_allclose(
        autoencoder.score_samples(X),
        -((autoencoder.reconstruct(X) - X.astype(float)) ** 2).sum(axis=1),
        rtol=1e-3,
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_setting_of_a_layer_counts_at_once(dtype):
    """A part that somebody wrote may keep what it does in an attribute."""
    X = make_curve(80).astype(dtype)
    autoencoder = fit(
        init="random",
        architecture=Custom(
            lambda n_in, n_out: nn.Sequential(
                nn.Linear(n_in, n_out), nn.LeakyReLU(0.1)
            ),
            nn.Linear,
        ),
    )
    before = autoencoder.transform(X)
    network = autoencoder.net_.module_
    next(p for p in network.modules() if type(p) is nn.LeakyReLU).negative_slope = 0.9
    assert not np.allclose(autoencoder.transform(X), before, atol=1e-3)


def test_a_network_that_was_handed_out_once_is_compared_from_then_on():
    """Who has kept it may change it at any time."""
    X = make_curve(80)
    autoencoder = fit(init="random", hidden_layer_sizes=())
    weight = autoencoder.net_.module_.encoder[0].weight
    for _ in range(3):
        before = autoencoder.transform(X)
        weight.data.mul_(2)
        assert not np.allclose(autoencoder.transform(X), before)


def test_callbacks_hold_the_network_too():
    """What they were handed in training is not sealed after it."""

    class Keep(Callback):
        def on_train_end(self, net, **kwargs):
            self.weight = net.module_.encoder[0].weight

    keep, X = Keep(), make_curve(80)
    autoencoder = fit(init="random", hidden_layer_sizes=(), callbacks=[keep])
    before = autoencoder.transform(X)
    keep.weight.data.mul_(2)
    assert not np.allclose(autoencoder.transform(X), before)


@pytest.mark.parametrize(
    "estimator",
    [
        AutoencoderTransformer(**FEW),
        AutoencoderTransformer(init="random", **FEW),
        SparseAutoencoder(3, **FEW),
        VariationalAutoencoder(**FEW),
        StackedAutoencoder(2, hidden_layer_sizes=(5,), **FEW),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sealed_network_is_not_compared(estimator, dtype, monkeypatch):
    """Nobody outside has seen it: a call costs no look at its weights."""
    X = make_curve(80).astype(dtype)
    estimator.fit(X)
    assert estimator._network.sealed
    Z = estimator.transform(X)

    def compare(*args):
        raise AssertionError("compared")

    monkeypatch.setattr(Snapshot, "is_current", compare)
    np.testing.assert_array_equal(estimator.transform(X), Z)
    _ = estimator.net_.module_
    with pytest.raises(AssertionError, match="compared"):
        estimator.transform(X)


def test_what_is_derived_is_kept():
    """A second call, and one for other rows, folds nothing anew."""
    network = fit()._network
    for dtype in DTYPES:
        ready = derived(network, np.dtype(dtype))
        assert derived(network, np.dtype(dtype)) is ready
    network.unseal()
    for dtype in DTYPES:
        ready = derived(network, np.dtype(dtype))
        assert derived(network, np.dtype(dtype)) is ready


def test_layers_of_a_stack_are_pretrained_on_codes_that_it_makes(monkeypatch):
    """The stacked network keeps no largest codes, so the layers above see all."""
    X = load_digits().data[:300] / 16
    seen, encode = [], _pretraining.encode

    def watched(network, rows):
        seen.append(encode(network, rows))
        return seen[-1]

    monkeypatch.setattr(_pretraining, "encode", watched)
    StackedAutoencoder(
        4,
        hidden_layer_sizes=(32, 16),
        autoencoder=SparseAutoencoder(sparsity="top_k", k=4),
        **FEW,
    ).fit(X)
    assert {Z.shape[1] for Z in seen} == {32, 16}
    for Z in seen:  # 4 of 32 are 0.125
        assert np.mean(Z != 0) > 0.9


# -- passes ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("as_table", [np.asarray, sparse.csr_array, Table])
def test_chunks_do_not_matter(as_table, dtype, monkeypatch):
    """Arrays, CSR and tables of taken rows give the codes of a single pass."""
    X = make_curve(200).astype(dtype)
    network = fit(X)._network
    Z, X_hat = inference.encode(network, X), inference.reconstruct(network, X)
    monkeypatch.setattr("skae.inference._passes.PASS_BYTES", 128 * 8 * 9)
    rows = as_table(X)
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(inference.encode(network, rows), Z, atol=tolerance)
    np.testing.assert_allclose(
        inference.reconstruct(network, rows), X_hat, atol=tolerance
    )
    some = Table(X).take(np.arange(150, 20, -3))
    np.testing.assert_allclose(
        inference.encode(network, some), Z[150:20:-3], atol=tolerance
    )


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("as_container", [np.asarray, sparse.csr_array])
def test_score_is_that_of_scikit_learn_in_chunks_too(
    as_container, weighted, monkeypatch
):
    """R^2 of each column by its variance, of rows that are never all dense."""
    X = make_curve(200)
    X[X < 0.5] = 0
    weight = np.random.default_rng(0).uniform(0.1, 3, 200) if weighted else None
    autoencoder = fit(X)
    monkeypatch.setattr("skae.data._table.BLOCK_CELLS", 60)
    dense, sizes = sparse.csr_array.toarray, []

    def watched(self, *args, **kwargs):
        sizes.append(self.shape[0])
        return dense(self, *args, **kwargs)

    monkeypatch.setattr(sparse.csr_array, "toarray", watched)
    found = autoencoder.score(as_container(X), sample_weight=weight)
    monkeypatch.undo()
    expected = r2_score(
        X,
        autoencoder.reconstruct(X),
        sample_weight=weight,
        multioutput="variance_weighted",
    )
    assert found == pytest.approx(expected, rel=1e-12)
    assert found == pytest.approx(reconstruction_r2(autoencoder, X, None, weight))
    assert max(sizes, default=0) <= 10
    assert sizes or as_container is np.asarray


@pytest.mark.parametrize("offset", [0, 1])
def test_score_of_rows_without_variance_is_that_of_scikit_learn(offset):
    """1 where they are reconstructed, 0 where they are not."""
    autoencoder = fit(np.full((20, 3), 5.0))
    X = np.full((4, 3), 5.0 + offset)
    expected = r2_score(X, autoencoder.reconstruct(X), multioutput="variance_weighted")
    assert autoencoder.score(X) == expected == 1 - offset


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_errors_of_columns_are_means_over_rows(weighted, monkeypatch):
    X = make_curve(90)
    weight = np.random.default_rng(0).uniform(0.1, 3, 90) if weighted else None
    autoencoder = fit(X)
    squares = (autoencoder.reconstruct(X) - X) ** 2
    monkeypatch.setattr("skae.data._table.BLOCK_CELLS", 60)
    np.testing.assert_allclose(
        autoencoder.reconstruction_error(X, per_feature=True, sample_weight=weight),
        np.average(squares, axis=0, weights=weight),
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        autoencoder.score_samples(X), -squares.sum(axis=1), rtol=1e-9
    )


# -- layers that write in place -------------------------------------------------------


def in_place_first(n_in, n_out):
    return nn.Sequential(nn.ReLU(inplace=True), nn.Linear(n_in, n_out))


def in_place_after_flatten(n_in, n_out):
    layers = [nn.Flatten(), nn.Identity(), nn.Hardtanh(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))


class AddsInPlace(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)

    def forward(self, X):
        X += 1000
        return self.linear(X)


def image_in_place(n_in, n_out):
    return nn.Sequential(
        nn.Unflatten(1, (1, n_in)),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(n_in, n_out),
    )


IN_PLACE = [in_place_first, in_place_after_flatten, AddsInPlace, image_in_place]


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layers", IN_PLACE, ids=lambda layers: layers.__name__)
def test_layers_that_write_in_place_leave_the_rows_alone(layers, dtype, init):
    """Neither the caller's table nor the codes are written to, read-only or not."""
    X = make_curve(60).astype(dtype)
    before = X.copy()
    for writeable in (True, False):
        X.setflags(write=writeable)
        autoencoder = fit(X, init=init, architecture=Custom(layers, layers))
        Z = autoencoder.transform(X)
        codes = Z.copy()
        for method in ("transform", "reconstruct", "score", "score_samples"):
            getattr(autoencoder, method)(X)
        X_hat = autoencoder.inverse_transform(Z)
        autoencoder.partial_fit(X)
        np.testing.assert_array_equal(X, before)
        np.testing.assert_array_equal(Z, codes)
        assert not np.shares_memory(X_hat, Z)


def test_layers_that_write_in_place_leave_the_target_alone():
    """A network is trained to reconstruct the rows, not what it makes of them."""
    X = np.random.default_rng(0).standard_normal((300, 3)).astype(np.float32)

    def identity(n_in, n_out):
        return nn.Sequential(nn.Linear(n_in, n_out))

    def erasing(n_in, n_out):
        return nn.Sequential(Erase(), nn.Linear(n_in, n_out))

    for init in ("random", "pca"):
        fitted = fit(
            X,
            n_components=3,
            init=init,
            architecture=Custom(erasing, identity),
            max_iter=3,
            early_stopping=False,
        )
        # Of erased rows the best reconstruction is the mean: the loss is the variance.
        if init == "random":
            assert fitted.loss_curve_[-1] == pytest.approx(X.var(), rel=0.2)
        np.testing.assert_allclose(
            fitted.score_samples(X),
            -((fitted.reconstruct(X).astype(float) - X) ** 2).sum(axis=1),
            rtol=1e-5,
        )


class Erase(nn.Module):
    def forward(self, X):
        return X.zero_()


def test_networks_that_write_nothing_are_not_slowed_down():
    """A dense network or one of images copies no row."""
    for parameters in ({}, {"architecture": Conv2d((2, 3), (2,))}):
        network = fit(**parameters)._network
        assert "Copy" not in {type(part).__name__ for part in network.modules()}
