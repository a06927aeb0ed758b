"""Small tables: what five networks find on rows that they have not seen."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.preprocessing import scale
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae._linear import column_moments
from skae._training import _folds
from skae._training._folds import N_FOLDS, _Folds
from skae._training._rows import Rows, dense_chunks
from skae.networks._side_by_side import side_by_side

from .tables import make_curve, mean_squared_error


def fitted(X, **parameters):
    return AutoencoderTransformer(**({"random_state": 0} | parameters)).fit(X)


def make_folds(X, n_components, weight=None):
    """Return the folds before the first step."""
    autoencoder = fitted(X, n_components=n_components, max_iter=1)
    module = autoencoder.net_.module_
    rows = Rows(
        X,
        weight,
        mean=module.mean.numpy(),
        inverse_scale=module.inverse_scale.numpy(),
        dtype=torch.float32,
        device="cpu",
    )
    moments = column_moments(dense_chunks(X, weight))
    generator = torch.Generator().manual_seed(0)
    return _Folds(module, autoencoder.net_.criterion_, rows, moments, generator)


def test_every_row_is_held_out_once():
    """By a network that is trained on all the others."""
    folds = make_folds(make_curve(53), 2)
    everything = set(range(53))
    held_out = [set(row) for row in folds.held_out.tolist()]
    assert set.union(*held_out) == everything
    assert sum(map(len, held_out)) == 53
    for seen, unseen in zip(folds.kept.tolist(), held_out, strict=True):
        assert set(seen) == everything - unseen


def test_folds_start_from_their_own_pca():
    """The loss of a row is that under the PCA of the rows in the other folds."""
    X = make_curve(53)
    folds = make_folds(X, 2)
    errors = np.empty(len(X))
    for seen, unseen in zip(folds.kept, folds.held_out, strict=True):
        pca = PCA(2, svd_solver="full").fit(X[np.unique(seen)])
        X_hat = pca.inverse_transform(pca.transform(X[unseen]))
        errors[unseen] = ((X_hat - X[unseen]) ** 2).mean(axis=1)
    found = folds.losses() * folds.criterion.unit
    np.testing.assert_allclose(found, errors, rtol=1e-3, atol=1e-6)


def test_networks_side_by_side_are_the_network():
    """Each copy gives what the network gives."""
    module = fitted(make_curve(), max_iter=5).net_.module_
    X = torch.randn(N_FOLDS, 7, 6, generator=torch.Generator().manual_seed(0))
    found = side_by_side(module, N_FOLDS).propagate(X)
    for table, output in zip(X, found, strict=True):
        torch.testing.assert_close(output, module.propagate(table))


def test_small_tables_beat_pca_on_unseen_rows():
    """Where a tenth of the rows would be too few to tell."""
    X = scale(load_breast_cancer().data)
    X, unseen = X[:400], X[400:]
    autoencoder = fitted(X, n_components=4)
    pca = PCA(4).fit(X)
    error = mean_squared_error(unseen, autoencoder.reconstruct(unseen))
    floor = mean_squared_error(unseen, pca.inverse_transform(pca.transform(unseen)))
    assert error < 0.95 * floor
    assert autoencoder.reconstruction_error_ < autoencoder.pca_reconstruction_error_
    assert len(autoencoder.validation_loss_curve_) == autoencoder.n_iter_


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_left_to_pca(seed):
    """There is nothing to learn: the codes are PCA's."""
    X = np.random.default_rng(seed).standard_normal((100, 6))
    autoencoder = fitted(X, max_iter=40)
    pca = PCA(2, svd_solver="full").fit(X)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(autoencoder.reconstruct(X), expected, atol=1e-5)
    assert autoencoder.n_iter_ == 1
    assert autoencoder.reconstruction_error_ == autoencoder.pca_reconstruction_error_


@pytest.mark.parametrize(
    ("parameters", "advised"),
    [
        ({}, True),
        ({"solver": "sgd"}, True),
        ({"precision": "float64"}, True),
        ({"solver": "muon"}, False),
        ({"dropout": 0.1}, False),
        ({"alpha": 0.1}, False),
        ({"tied_weights": True}, False),
        ({"init": "random"}, False),
        ({"loss": "absolute_error"}, False),
        ({"hidden_layer_sizes": ()}, False),
        ({"early_stopping": False}, False),
        ({"validation_fraction": 0.3}, False),
        ({"callbacks": [Callback()]}, False),
    ],
)
def test_folds_advise_where_they_can(monkeypatch, parameters, advised):
    """Elsewhere some rows are held out, or none."""
    calls = []
    advise = _folds.advise

    def watched(*arguments):
        calls.append(arguments)
        return advise(*arguments)

    monkeypatch.setattr("skae._training._fit.advise", watched)
    fitted(make_curve(200), max_iter=3, **parameters)
    assert bool(calls) == advised


def test_curves_are_as_long_as_the_training():
    """The folds' losses stand in for those of rows held out."""
    autoencoder = fitted(make_curve(120), batch_size=40, max_iter=30)
    assert 1 < autoencoder.n_iter_ <= 30
    assert autoencoder.net_.step_ == 3 * autoencoder.n_iter_  # on all rows
    for curve in (autoencoder.loss_curve_, autoencoder.validation_loss_curve_):
        assert len(curve) == autoencoder.n_iter_
    assert (
        min(autoencoder.validation_loss_curve_)
        == (autoencoder.validation_loss_curve_[-1])
    )


def test_weights_are_heeded():
    """Rows of little weight do not matter to what the folds find."""
    X = np.concatenate([make_curve(100), 9 * make_curve(40, seed=1)])
    weight = np.repeat([1.0, 1e-9], [100, 40])
    autoencoder = AutoencoderTransformer(2, max_iter=20, random_state=0)
    light = autoencoder.fit(X, sample_weight=weight).pca_reconstruction_error_
    heavy = autoencoder.fit(X).pca_reconstruction_error_
    assert light < 0.1 * heavy


def test_interrupt_of_the_folds_reaches_the_caller(monkeypatch):
    """It is neither swallowed nor taken for the end of training."""

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(_Folds, "losses", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted(make_curve(100))
