"""StackedAutoencoder: layers trained one by one, then all together."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.utils._param_validation import InvalidParameterError

from skae import (
    AutoencoderTransformer,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    engine,
)
from skae.data._table import Table
from skae.engine import Seed
from skae.engine._splits import hold_out

SMALL = {"hidden_layer_sizes": (12, 6), "pretraining_max_iter": 2, "random_state": 0}
# A step that changes nothing: the network is what the pretraining left.
AT_START = {"max_iter": 1, "solver": "sgd", "learning_rate_init": 1e-12}


def digits(n_samples=200):
    return load_digits().data[:n_samples]


def linear_layers(network):
    return [part for part in network.modules() if isinstance(part, torch.nn.Linear)]


def test_layers_are_those_trained_by_hand():
    """Each layer's autoencoder is trained on the codes of the one below."""
    X, X_val = np.split(digits(250).astype(np.float32), [200])
    stacked = StackedAutoencoder(
        3, init="random", activation="tanh", learning_rate="constant", **SMALL
    ).set_params(**AT_START)
    stacked.set_params(autoencoder=AutoencoderTransformer(max_iter=2))
    stacked.fit(X, X_val=X_val)
    down = linear_layers(stacked.net_.module_.encoder)
    up = linear_layers(stacked.net_.module_.decoder)[::-1]
    Z = X
    for level, width in enumerate((12, 6, 3)):
        layer = AutoencoderTransformer(
            width,
            hidden_layer_sizes=(),
            init="random",
            code_activation="identity" if level == 2 else "tanh",
            max_iter=2,
        )
        seed = Seed(0).child("layers").child(level)
        layer = engine.fit(Table(Z), layer._task(Z.shape, "cpu"), seed=seed)
        module = layer.net.module_
        for found, expected in (
            (down[level], module.encoder[0]),
            (up[level], module.decoder[0]),
        ):
            torch.testing.assert_close(found.weight, expected.weight)
            torch.testing.assert_close(found.bias, expected.bias)
        assert stacked.pretraining_loss_curves_[level] == layer.loss_curve
        validation_curve = stacked.pretraining_validation_loss_curves_[level]
        assert validation_curve == layer.validation_loss_curve
        module.set_rotation(None, None)
        with torch.no_grad():
            Z = module.encode(torch.tensor(Z)).numpy()


def test_layers_do_not_see_the_rows_that_judge():
    """Other values in them change no layer, from neither start."""
    X = digits(600)
    X = X[:, X.std(axis=0) > 1]  # rows that alone make a column vary are not held out
    held_out = hold_out(Table(X), 0.1, Seed(0))
    other = X.copy()
    other[held_out] = 16 - X[held_out]
    layers = [
        linear_layers(
            StackedAutoencoder(3, init="random", **SMALL)
            .set_params(**AT_START)
            .fit(table)
            .net_.module_
        )
        for table in (X, other)
    ]
    assert len(layers[0]) == 6
    for one, two in zip(*layers, strict=True):
        assert torch.equal(one.weight, two.weight)
    curves = [
        StackedAutoencoder(3, max_iter=1, **SMALL).fit(table).pretraining_loss_curves_
        for table in (X, other)
    ]
    assert curves[0] == curves[1]


def test_layers_are_pretrained_on_the_codes_that_the_stack_makes(monkeypatch):
    """Of a layer that keeps the largest codes, the next one gets them all."""
    tables, fit = [], engine.fit

    def watched(table, task, **options):
        tables.append(table.X)
        return fit(table, task, **options)

    monkeypatch.setattr(engine, "fit", watched)
    X, X_val = np.split(digits(250), [200])
    stacked = StackedAutoencoder(
        3,
        autoencoder=SparseAutoencoder(sparsity="top_k", max_iter=1),
        init="random",
        **SMALL,
    ).set_params(**AT_START)
    stacked.fit(X, X_val=X_val)
    _, *layers = tables  # the stack itself comes first
    U = torch.tensor(X).float()
    for level, layer in enumerate(linear_layers(stacked.net_.module_.encoder)):
        np.testing.assert_allclose(layers[level], U, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            U = torch.nn.functional.silu(layer(U))
    assert level == 2
    assert (layers[1] != 0).mean() > 0.99


def test_parameters_of_the_given_autoencoder_are_validated():
    """As those of any estimator are, by name."""
    nested = AutoencoderTransformer(dropout=2.0)
    with pytest.raises(InvalidParameterError, match="'dropout' parameter of Auto"):
        StackedAutoencoder(autoencoder=nested, **SMALL).fit(digits())


def test_stack_starts_as_pca_with_pretrained_hidden_layers():
    """With init="pca" the hidden layers are pretrained and the last ones are zero."""
    X, X_val = np.split(digits(250), [200])
    stacked = StackedAutoencoder(3, output_activation="identity", **SMALL)
    stacked.set_params(**AT_START).fit(X, X_val=X_val)
    expected = stacked.pca_reconstruction_error_
    assert stacked.reconstruction_error_ == pytest.approx(expected, rel=1e-5)
    assert len(stacked.pretraining_loss_curves_) == 2
    again = StackedAutoencoder(3, max_iter=20, **SMALL).fit(X, X_val=X_val)
    assert again.reconstruction_error_ < 0.95 * expected


def test_pretraining_helps_a_deep_network_of_sigmoids():
    """What the textbooks stack autoencoders for."""
    X = digits(600)
    parameters = {
        "hidden_layer_sizes": (64, 32),
        "activation": "sigmoid",
        "init": "random",
        "max_iter": 40,
        "random_state": 0,
    }
    plain = AutoencoderTransformer(8, **parameters).fit(X)
    stacked = StackedAutoencoder(8, pretraining_max_iter=40, **parameters).fit(X)
    assert stacked.reconstruction_error_ < 0.8 * plain.reconstruction_error_


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize(
    "autoencoder",
    [
        "plain",
        "denoising",
        "sparse",
        DenoisingAutoencoder(noise="masking", noise_level=0.3, max_iter=1),
        SparseAutoencoder(sparsity="top_k", max_iter=1),
        AutoencoderTransformer(tied_weights=True, max_iter=1),
    ],
)
def test_any_dense_objective_pretrains(autoencoder, init):
    """A name, or an autoencoder with parameters of its own, which stays as it is."""
    X = digits()
    stacked = StackedAutoencoder(
        3, autoencoder=autoencoder, init=init, max_iter=1, **SMALL
    ).fit(X)
    assert stacked.transform(X).shape == (200, 3)
    assert stacked.score(X) > (0.3 if init == "pca" else -0.1)
    assert not hasattr(autoencoder, "net_")
    n_epochs = 2 if isinstance(autoencoder, str) else 1
    n_layers = 2 if init == "pca" else 3
    curves = stacked.pretraining_loss_curves_
    assert [len(curve) for curve in curves] == [n_epochs] * n_layers


def test_cross_entropy_is_for_the_rows_only():
    """The lowest layer has the stack's loss and output, codes have squared errors."""
    X = digits() / 16
    stacked = StackedAutoencoder(
        3, loss="binary_cross_entropy", init="random", max_iter=1, **SMALL
    ).fit(X)
    X_hat = stacked.reconstruct(X)
    assert X_hat.min() >= 0
    assert X_hat.max() <= 1


@pytest.mark.parametrize("init", ["pca", "random"])
def test_sparse_rows_are_as_good_as_dense(init):
    """CSR rows are pretrained on and fine-tuned on like dense ones."""
    X = digits()
    stacked = StackedAutoencoder(3, init=init, max_iter=1, **SMALL)
    expected = stacked.fit(X).transform(X)
    found = stacked.fit(sparse.csr_array(X)).transform(X)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_weights_count_in_pretraining():
    """A row of weight zero changes no layer."""
    X = digits()
    weight = np.r_[np.ones(150), np.zeros(50)]
    stacked = StackedAutoencoder(3, max_iter=1, **SMALL)
    expected = stacked.fit(X[:150]).transform(X)
    found = stacked.fit(X, sample_weight=weight).transform(X)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_warm_start_is_not_pretrained_again():
    """A second fit goes on from the whole network."""
    X = digits()
    stacked = StackedAutoencoder(3, warm_start=True, max_iter=1, **SMALL).fit(X)
    curves = stacked.pretraining_loss_curves_
    assert stacked.fit(X).pretraining_loss_curves_ is curves


def test_no_hidden_layer_is_nothing_to_pretrain():
    """With init="pca" and no hidden layer this is PCA."""
    stacked = StackedAutoencoder(3, hidden_layer_sizes=(), random_state=0)
    stacked.fit(digits())
    assert stacked.pretraining_loss_curves_ == []
    expected = stacked.pca_reconstruction_error_
    assert stacked.reconstruction_error_ == pytest.approx(expected)


@pytest.mark.parametrize("autoencoder", ["variational", torch.nn.Linear(2, 2), None])
def test_what_is_no_autoencoder_is_refused(autoencoder):
    """The message names the parameter."""
    stacked = StackedAutoencoder(autoencoder=autoencoder)
    with pytest.raises(ValueError, match="'autoencoder' parameter of Stacked"):
        stacked.fit(digits())
