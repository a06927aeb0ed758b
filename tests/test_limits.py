"""Limits of the columns where nothing is learnt: kept where they help."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer

from .tables import make_curve, make_digits

# Nothing is learnt in steps of this size.
STILL = {
    "init": "pca",
    "max_iter": 2,
    "solver": "sgd",
    "learning_rate_init": 1e-30,
    "random_state": 0,
}


def errors_of_pca(X, n_components, limits):
    """Return the errors of PCA of X on X: as it is, and within limits."""
    pca = PCA(n_components, svd_solver="full").fit(X)
    X_hat = pca.inverse_transform(pca.transform(X))
    return [np.mean((X - Y) ** 2) for Y in (X_hat, X_hat.clip(*limits))]


@pytest.mark.parametrize("n_samples", [300, 800], ids=["folds", "held out"])
def test_limits_stay_where_pca_is_better_within_them(n_samples):
    """Ink is never below white: clamped PCA is the model, and what is reported."""
    X = make_digits(n_samples)
    autoencoder = AutoencoderTransformer(8, **STILL).fit(X)
    assert autoencoder.judge_ == ("folds" if n_samples == 300 else "held_out")
    network = autoencoder._network
    assert network.limits is not None
    assert autoencoder.reconstruct(X).min() >= 0
    ratio = autoencoder.reconstruction_error_ / autoencoder.pca_reconstruction_error_
    plain, clamped = errors_of_pca(X, 8, network.limits.numpy())
    assert ratio < 0.99
    assert ratio == pytest.approx(clamped / plain, abs=0.01)
    assert autoencoder.reconstruction_error(X) == pytest.approx(clamped, rel=0.05)


@pytest.mark.parametrize("n_samples", [300, 800], ids=["folds", "held out"])
def test_pca_is_reported_where_nothing_is_better(n_samples):
    """Without limits that rows keep to, the model is PCA itself, of all rows."""
    X = make_curve(n_samples)
    autoencoder = AutoencoderTransformer(2, **STILL).fit(X)
    assert autoencoder._network.limits is None
    assert autoencoder.reconstruction_error_ == autoencoder.pca_reconstruction_error_
    pca = PCA(2, svd_solver="full").fit(X)
    np.testing.assert_allclose(
        autoencoder.reconstruct(X), pca.inverse_transform(pca.transform(X)), atol=1e-4
    )


@pytest.mark.parametrize("n_samples", [300, 800], ids=["folds", "held out"])
def test_pca_error_is_never_that_of_clamped_pca(n_samples):
    """Whatever the output activation, PCA is what scikit-learn calls so."""
    X = make_digits(n_samples)
    fits = [
        AutoencoderTransformer(8, output_activation=activation, **STILL).fit(X)
        for activation in ("identity", "clamp")
    ]
    found = [fitted.pca_reconstruction_error_ for fitted in fits]
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert fits[0].reconstruction_error_ == pytest.approx(found[0], rel=1e-4)
