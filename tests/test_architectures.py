"""Architectures: sizes there and back, weights, the user's own networks."""

import pickle
import random
import threading
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch import nn
from torch.nn import functional as F

from skae import AutoencoderTransformer
from skae.architectures import Conv1d, Conv2d, Custom, Dense
from skae.testing import check_autoencoder

CLASSIC = {
    "init": "random",
    "code_activation": "relu",
    "loss": "binary_cross_entropy",
    "solver": "adam",
    "max_iter": 1,
}
# The checks' tables have 12 columns in [0, 1].
SOUND = {
    "images": AutoencoderTransformer(
        3,
        architecture=Conv2d(
            (4, 3), (8,), downsampling="stride", upsampling="transposed"
        ),
        init="pca",
        max_iter=20,
    ),
    "map of series": AutoencoderTransformer(
        architecture=Conv1d(3, (8, 4), code="map"), init="random"
    ),
}


def rows(n_features, n_samples=40, seed=0):
    return np.random.default_rng(seed).random((n_samples, n_features))


def fitted(architecture, X, n_components=2, **parameters):
    parameters = {"max_iter": 2, "random_state": 0} | parameters
    return AutoencoderTransformer(
        n_components, architecture=architecture, **parameters
    ).fit(X)


def count(module):
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize("upsampling", ["nearest", "transposed"])
@pytest.mark.parametrize("downsampling", ["max_pool", "avg_pool", "stride"])
def test_textbook_network_has_its_weights(downsampling, upsampling):
    """16-8-8 channels on 28 x 28 pixels: a code of 4 x 4 x 8 and 4385 weights."""
    architecture = Conv2d(
        (1, 28, 28),
        (16, 8, 8),
        code="map",
        downsampling=downsampling,
        upsampling=upsampling,
    )
    X = rows(784, 12)
    autoencoder = fitted(architecture, X, **CLASSIC)
    assert count(autoencoder.net_.module_) == 4385
    assert autoencoder.n_components_ == 128
    assert autoencoder.transform(X).shape == (12, 128)
    assert len(autoencoder.get_feature_names_out()) == 128


def test_second_textbook_network():
    """32-32 channels: a code of 7 x 7 x 32."""
    architecture = Conv2d((28, 28), (32, 32), code="map")
    assert architecture.code_size(784) == 7 * 7 * 32
    generator = torch.Generator().manual_seed(0)
    encoder, decoder = architecture.build(784, 1568, generator)
    assert count(encoder) == 320 + 9248
    assert count(decoder) == 9248 + 9248 + 289


def test_map_is_the_last_feature_map():
    """Codes are neither rotated nor centred: the last map, flattened."""
    X = rows(64)
    autoencoder = fitted(Conv2d((8, 8), (4,), code="map"), X, init="random")
    assert autoencoder.net_.module_.rotation is None
    encoder = autoencoder.net_.module_.encoder
    maps = encoder[:-1](torch.tensor(X, dtype=torch.float32))
    assert maps.shape == (40, 4, 4, 4)
    np.testing.assert_allclose(
        autoencoder.transform(X), maps.flatten(1).detach().numpy(), atol=1e-5
    )


@pytest.mark.parametrize("code", ["vector", "map"])
@pytest.mark.parametrize("upsampling", ["nearest", "transposed"])
@pytest.mark.parametrize("downsampling", ["max_pool", "avg_pool", "stride"])
@pytest.mark.parametrize("shape", [(1, 7, 5), (3, 9, 10), (2, 1, 3), (5, 1, 1)])
def test_sizes_come_back(shape, downsampling, upsampling, code):
    """Sizes that do not divide are those of the rows again."""
    architecture = Conv2d(
        shape, (4, 4, 4), downsampling=downsampling, upsampling=upsampling, code=code
    )
    n_features = np.prod(shape)
    n_components = architecture.code_size(n_features) or 2
    generator = torch.Generator().manual_seed(0)
    encoder, decoder = architecture.build(n_features, n_components, generator)
    Z = encoder(torch.zeros(3, n_features))
    assert Z.shape == (3, n_components)
    assert decoder(Z).shape == (3, n_features)


@pytest.mark.parametrize("n_features", [1, 2, 7, 30])
def test_length_of_a_series_follows_from_the_columns(n_features):
    """Conv1d takes any number of columns."""
    X = rows(n_features, 20)
    autoencoder = fitted(Conv1d(channels=(4,)), X, 1)
    assert autoencoder.reconstruct(X).shape == X.shape


def test_convolutions_of_series_stay_within_a_series():
    """Two series in a row are two channels, not one after the other."""
    encoder, _ = Conv1d(2, (1,), kernel_size=1, code="map").build(
        8, 2, torch.Generator().manual_seed(0)
    )
    weight = encoder[1].weight
    assert weight.shape == (1, 2, 1, 1)
    X = torch.zeros(1, 8)
    X[0, 5] = 1.0  # the second point of the second series
    found = encoder(X)[0]
    expected = weight[0, 1, 0, 0].clamp(min=0), torch.tensor(0.0)
    torch.testing.assert_close(found, torch.stack(expected))


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (Conv2d((1, 8, 9)), r"image_shape=\(1, 8, 9\) stands for 72 columns.* 64"),
        (Conv2d((64,)), r"image_shape=\(64,\) should be"),
        (Conv2d((8, 8), (4, 0)), r"channels=\(4, 0\) should hold positive integers"),
        (Conv2d((8, 8), ()), "channels=.* should hold positive integers"),
        (Conv2d((8, 8), 4), "channels=4 should hold positive integers"),
        (Conv2d((8, 8), kernel_size=2), "kernel_size=2 should be an odd"),
        (Conv2d((8, 8), downsampling="pool"), "downsampling='pool' of Conv2d"),
        (Conv2d((8, 8), upsampling="up"), "upsampling='up' of Conv2d"),
        (Conv1d(code="series"), "code='series' of Conv1d should be one of"),
        (Conv1d(5), "n_channels=5 does not divide the 64 columns"),
        (Conv2d((8, 8), code="map"), "init='pca' needs .*init='random'"),
    ],
)
def test_unusable_architecture_is_a_clear_error(architecture, message):
    """The message names the parameter and what would do."""
    with pytest.raises(ValueError, match=message):
        fitted(architecture, rows(64))


def test_map_cannot_be_whitened():
    """A map is given out as it is."""
    with pytest.raises(ValueError, match="whiten=True needs"):
        fitted(Conv1d(code="map"), rows(8), init="random", whiten=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["images", "map of series"])
def test_convolutional_autoencoders_are_sound(name):
    """No check fails on a convolutional autoencoder."""
    check_autoencoder(SOUND[name])


def assert_is_pca(start, X):
    """The start is PCA within the limits of the columns: no worse, and near it."""
    pca = PCA(start.n_components_, svd_solver="full").fit(X)
    X_hat = pca.inverse_transform(pca.transform(X))
    limits = start._network.limits
    if limits is not None:
        X_hat = X_hat.clip(*limits.numpy())
    np.testing.assert_allclose(start.reconstruct(X), X_hat, atol=1e-4 * X.max())
    error, of_pca = start.reconstruction_error_, start.pca_reconstruction_error_
    assert 0.9 * of_pca < error < of_pca * (1 + 1e-6)


@pytest.mark.parametrize("architecture", [Conv2d((8, 8)), Conv1d(8), Dense((32,))])
def test_anchored_network_is_never_worse_than_pca(architecture):
    """Before training it is PCA, on rows of digits soon better."""
    X = load_digits().data[:600]
    few = X[:400]  # all of which are in the start
    still = {"init": "pca", "solver": "sgd", "learning_rate_init": 1e-12}
    start = fitted(architecture, few, 8, max_iter=1, **still)
    assert_is_pca(start, few)
    autoencoder = fitted(architecture, X, 8, max_iter=15)
    expected = autoencoder.pca_reconstruction_error_
    assert autoencoder.reconstruction_error_ < 0.95 * expected


def test_architecture_is_cloned_searched_and_shown():
    """An architecture's parameters are the estimator's, under its name."""
    estimator = AutoencoderTransformer(
        2, architecture=Conv2d((8, 8)), max_iter=1, random_state=0
    )
    assert clone(estimator).architecture.get_params() == Conv2d((8, 8)).get_params()
    assert "Conv2d(image_shape=(8, 8))" in repr(estimator)
    grid = {"architecture__channels": [(2,), (4, 4)]}
    X = load_digits().data[:100]
    search = GridSearchCV(estimator, grid, cv=2).fit(X)
    for channels, score in zip(
        grid["architecture__channels"],
        search.cv_results_["mean_test_score"],
        strict=True,
    ):
        candidate = clone(estimator).set_params(architecture=Conv2d((8, 8), channels))
        expected = cross_val_score(candidate, X, cv=2).mean()
        assert score == pytest.approx(expected, rel=1e-9)
    found = search.best_estimator_._network.encoder.network[1].out_channels
    assert (found,) == search.best_params_["architecture__channels"][:1]
    weights = [
        count(fitted(Conv2d((8, 8), channels), X, max_iter=1)._network)
        for channels in grid["architecture__channels"]
    ]
    assert weights[0] != weights[1]
    assert estimator.architecture.channels == (16, 32)


def test_pickle_keeps_codes():
    """A pickled convolutional autoencoder gives the same codes."""
    X = rows(64)
    autoencoder = fitted(Conv2d((8, 8)), X)
    copy = pickle.loads(pickle.dumps(autoencoder))
    np.testing.assert_array_equal(copy.transform(X), autoencoder.transform(X))


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_other_precisions_train(precision):
    """Convolutions train in every precision."""
    X = rows(64)
    autoencoder = fitted(Conv2d((8, 8), (4,)), X, precision=precision)
    assert np.isfinite(autoencoder.transform(X)).all()


def test_muon_takes_a_network_without_matrices():
    """Where all weights are kernels, it trains them as matrices."""
    architecture = Conv2d((8, 8), (4,), code="map")
    autoencoder = fitted(architecture, rows(64), init="random", solver="muon")
    assert np.isfinite(autoencoder.loss_curve_).all()


# -- networks of one's own ----------------------------------------------------------


class Branches(nn.Module):
    """Not a Sequential: nobody can tell which layer is the last."""

    def __init__(self, n_in, n_out, width=8):
        super().__init__()
        self.last = nn.Linear(width, n_out)  # the last, first
        self.linear = nn.Linear(n_in, width)
        self.drop = nn.Dropout(0.5)

    def forward(self, X):
        return self.last(self.drop(F.relu(self.linear(X))))


def without_bias(n_in, n_out):
    hidden = nn.BatchNorm1d(6)
    layers = [nn.Linear(n_in, 6, bias=False), hidden, nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(6, n_out, bias=False))


def normalised(n_in, n_out):
    last = nn.utils.parametrizations.weight_norm(nn.Linear(6, n_out))
    return nn.Sequential(nn.Linear(n_in, 6), nn.Tanh(), last)


def lazy(n_in, n_out):
    return nn.Sequential(nn.LazyLinear(6), nn.Tanh(), nn.LazyLinear(n_out))


FACTORIES = [
    Branches,
    partial(Branches, width=3),
    without_bias,
    normalised,
    lazy,
    nn.Linear,
]


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("factory", FACTORIES)
def test_own_networks_train(factory, init):
    """Any torch modules serve, and in float64 a code is the same alone."""
    X = load_digits().data[:200]
    autoencoder = fitted(Custom(factory, factory), X, 4, init=init)
    Z = autoencoder.transform(X)
    np.testing.assert_allclose(autoencoder.transform(X[:1]), Z[:1], atol=1e-9)
    np.testing.assert_allclose(
        autoencoder.inverse_transform(Z), autoencoder.reconstruct(X), atol=1e-6
    )


@pytest.mark.parametrize("factory", FACTORIES)
def test_own_networks_start_as_pca(factory):
    """Whatever the last layer is, the correction starts at zero, and can leave it."""
    X = load_digits().data[:300]
    architecture = Custom(factory, factory)
    start = fitted(
        architecture, X, 4, max_iter=1, solver="sgd", learning_rate_init=1e-12
    )
    assert_is_pca(start, X)


def test_network_with_an_unknown_last_layer_learns():
    """Outputs multiplied by weights that start at zero do not stay there."""
    X = load_digits().data[:600]
    autoencoder = fitted(
        Custom(partial(Branches, width=64), partial(Branches, width=64)),
        X,
        4,
        max_iter=20,
    )
    assert autoencoder.reconstruction_error_ < autoencoder.pca_reconstruction_error_


def test_own_networks_leave_the_global_generators_alone():
    """Constructors draw from the global generators, which have their state again."""
    X = rows(8)

    def states():
        return (
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            random.getstate(),
        )

    before = states()
    first = fitted(Custom(Branches, Branches), X)
    assert states() == before
    torch.rand(3)
    second = fitted(Custom(Branches, Branches), X)
    np.testing.assert_array_equal(first.transform(X), second.transform(X))
    other = fitted(Custom(Branches, Branches), X, init="random", random_state=1)
    assert not np.allclose(first.transform(X), other.transform(X))


def test_threads_take_turns_with_the_global_generators():
    """Four threads that fit at once get one and the same model."""
    X = rows(8)
    codes = []

    def fit():
        architecture = Custom(Branches, Branches)
        codes.append(fitted(architecture, X, init="random").transform(X))

    threads = [threading.Thread(target=fit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(codes) == 4
    for other in codes[1:]:
        np.testing.assert_array_equal(other, codes[0])


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (Custom(nn.Linear(8, 2), nn.Linear), "encoder=Linear.* of Custom should be a"),
        (Custom(nn.Linear, 3), "decoder=3 of Custom should be a class or a function"),
        (Custom(nn.Linear, lambda n_in, n_out: 3), "returned int"),
        (
            Custom(lambda n_in, n_out: nn.Linear(n_in, 3), nn.Linear),
            r"encoder should turn .* \(n_samples, 2\), but 2 rows came out in "
            r"shape \(2, 3\)",
        ),
        (
            Custom(nn.Linear, lambda n_in, n_out: nn.Linear(7, n_out)),
            r"decoder should turn .* but it fails",
        ),
    ],
)
def test_unusable_networks_are_a_clear_error(architecture, message):
    """The message names the part and the shape that it should have."""
    with pytest.raises(ValueError, match=message):
        fitted(architecture, rows(8))


class Wide(BaseEstimator):
    """The documented protocol, and no more."""

    def __init__(self, width=5):
        self.width = width

    def build(self, n_features, n_components, generator):
        def network(n_in, n_out):
            return nn.Sequential(
                nn.Linear(n_in, self.width), nn.Tanh(), nn.Linear(self.width, n_out)
            )

        return network(n_features, n_components), network(n_components, n_features)


def test_any_object_with_build_serves():
    """An architecture of one's own is searched as skae's are."""
    X = rows(8)
    estimator = AutoencoderTransformer(architecture=Wide(), max_iter=1, random_state=0)
    search = GridSearchCV(estimator, {"architecture__width": [3, 4]}, cv=2).fit(X)
    width = search.best_params_["architecture__width"]
    encoder = search.best_estimator_.net_.module_.encoder
    assert encoder.network[0].out_features == width
    torch.manual_seed(3)
    first = clone(estimator).fit(X).transform(X)
    torch.manual_seed(4)
    np.testing.assert_array_equal(first, clone(estimator).fit(X).transform(X))


# -- channels last --------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 6, 4), (28, 28, 1)])
def test_shape_that_looks_channels_last_is_asked_about(shape):
    """Nobody has pictures of 32 channels, 3 pixels wide: the error says what to do."""
    X = rows(int(np.prod(shape)), n_samples=5)
    height, width, n_channels = shape
    with pytest.raises(ValueError, match="channels_last=True") as error:
        fitted(Conv2d(shape), X)
    for part in (shape, (n_channels, height, width)):
        assert f"image_shape={part}" in str(error.value)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 3), (3, 2, 4), (8, 8), (6, 5, 2)])
def test_other_shapes_are_taken_as_they_are(shape):
    """PyTorch's order is the rule."""
    fitted(Conv2d(shape, (2,)), rows(int(np.prod(shape)), n_samples=30), max_iter=1)


def test_shape_can_be_meant_as_it_is():
    """channels_last=False asks for no more."""
    X = rows(8 * 6 * 3, n_samples=30)
    autoencoder = fitted(Conv2d((8, 6, 3), (2,), channels_last=False), X, max_iter=1)
    first = autoencoder.net_.module_.encoder.network[1]
    assert first.in_channels == 8


@pytest.mark.parametrize(
    ("init", "code"), [("pca", "vector"), ("random", "vector"), ("random", "map")]
)
def test_order_of_channels_is_only_an_order(init, code):
    """The same pictures in the other order give the same reconstructions."""
    images = np.random.default_rng(0).random((60, 3, 6, 5))
    X_first = images.reshape(60, -1)
    X_last = np.moveaxis(images, 1, -1).reshape(60, -1)
    parameters = {"init": init, "precision": "float64", "early_stopping": False}
    first = fitted(Conv2d((3, 6, 5), (4,), code=code), X_first, **parameters)
    last = fitted(
        Conv2d((6, 5, 3), (4,), code=code, channels_last=True), X_last, **parameters
    )
    expected = first.reconstruct(X_first).reshape(60, 3, 6, 5)
    found = last.reconstruct(X_last).reshape(60, 6, 5, 3)
    np.testing.assert_allclose(np.moveaxis(found, -1, 1), expected, atol=1e-6)
