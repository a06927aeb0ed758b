"""Codes: centred, decorrelated, sorted, with signs; and what each of them explains."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from skae import AutoencoderTransformer
from skae.data._table import Table
from skae.engine import _explained

from .tables import make_binary, make_curve, make_digits

CONFIGURATIONS = {
    "default": {},
    "deep": {"hidden_layer_sizes": (24, 12)},
    "linear": {"hidden_layer_sizes": ()},
    "random": {"init": "random", "solver": "adam", "learning_rate_init": 0.02},
    "tied": {"tied_weights": True},
    "tied random": {"tied_weights": True, "init": "random"},
    "more codes than columns": {"n_components": 9},
    "float64": {"precision": "float64"},
}


def fit(X, weight=None, **parameters):
    autoencoder = AutoencoderTransformer(
        **({"n_components": 3, "max_iter": 12, "random_state": 0} | parameters)
    )
    return autoencoder.fit(X, sample_weight=weight)


def covariance(Z, weight=None):
    return np.atleast_2d(np.cov(Z.T, aweights=weight, ddof=0))


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_codes_are_centred_uncorrelated_and_sorted(parameters, weighted):
    """On the training rows they are as principal components are."""
    X = make_curve()
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X)) if weighted else None
    Z = fit(X, weight, **parameters).transform(X)
    spread = covariance(Z, weight)
    variance = np.diag(spread)
    tolerance = 1e-5 * variance.max()
    assert np.abs(np.average(Z, axis=0, weights=weight)).max() < tolerance
    assert np.abs(spread - np.diag(variance)).max() < tolerance
    assert (np.diff(variance) <= tolerance).all()


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_codes_have_deterministic_signs(parameters):
    """Of its covariances with the columns, each code's largest is positive."""
    X = make_curve()
    Z = fit(X, **parameters).transform(X)[:, :2]
    together = (Z - Z.mean(axis=0)).T @ (X - X.mean(axis=0))
    largest = np.abs(together).argmax(axis=1)
    assert (together[np.arange(2), largest] > 0).all()


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_whitened_codes_have_unit_variance(parameters):
    """With whiten=True the codes that vary have the identity as covariance."""
    X = make_curve()
    autoencoder = fit(X, whiten=True, **parameters)
    Z = autoencoder.transform(X)
    varies = Z.std(axis=0) > 1e-3
    assert varies.sum() >= 3
    np.testing.assert_allclose(
        covariance(Z[:, varies]), np.eye(varies.sum()), atol=1e-4
    )
    assert np.abs(Z.mean(axis=0)).max() < 1e-5


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rounding_is_not_whitened(dtype):
    """Codes beyond the rank do not vary; a row's are the same alone as in a batch."""
    X = (1e7 * make_curve(30)[:, :1]).astype(dtype)
    parameters = {"init": "random", "tied_weights": True, "hidden_layer_sizes": ()}
    autoencoder = fit(X, n_components=3, whiten=True, **parameters)
    Z = autoencoder.transform(X)
    np.testing.assert_allclose(Z.std(axis=0), [1, 0, 0], atol=1e-3)
    np.testing.assert_allclose(autoencoder.transform(X[:1]), Z[:1], atol=1e-3)


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_whitening_keeps_the_reconstruction(parameters):
    """Codes are scaled, and scaled back before they are decoded."""
    X = make_curve()
    plain, whitened = fit(X, **parameters), fit(X, whiten=True, **parameters)
    np.testing.assert_allclose(
        whitened.inverse_transform(whitened.transform(X)),
        plain.reconstruct(X),
        atol=1e-5,
    )


def test_codes_behind_an_activation_stay_as_they_are():
    """A rotation would leave the range of the activation."""
    X = make_curve()
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    parameters = {"init": "random", "code_activation": "sigmoid"}
    Z = fit(X, **parameters).transform(X)
    assert Z.min() >= 0
    assert Z.max() <= 1
    assert Z.std(axis=0).min() > 0.01
    assert np.abs(np.corrcoef(Z.T) - np.eye(3)).max() > 0.1
    whitened = fit(X, whiten=True, **parameters).transform(X)
    scaled = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    np.testing.assert_allclose(whitened, scaled, atol=1e-4)


def test_axes_of_the_codes_are_in_the_units_of_the_rows():
    """A change of the decoder's linear part by one code is its row of components_."""
    X = make_digits(200)
    autoencoder = fit(X, hidden_layer_sizes=())
    steps = autoencoder.inverse_transform(np.vstack([np.zeros(3), np.eye(3)]))
    np.testing.assert_allclose(steps[1:] - steps[0], autoencoder.components_, atol=1e-5)
    np.testing.assert_allclose(
        autoencoder.components_ @ autoencoder.components_.T, np.eye(3), atol=1e-5
    )


@pytest.mark.parametrize("parameters", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_explained_variance_ratio_sums_to_the_r2(parameters, weighted):
    """Together the components explain what the reconstruction of the rows does."""
    X = make_curve()
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X)) if weighted else None
    autoencoder = fit(X, weight, **parameters)
    expected = r2_score(
        X,
        autoencoder.reconstruct(X),
        sample_weight=weight,
        multioutput="variance_weighted",
    )
    total = autoencoder.explained_variance_ratio_.sum()
    assert total == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"init": "random"}, {"n_components": 16}, {"init": "pca"}],
    ids=["default", "random", "many", "pca"],
)
def test_no_component_explains_less_than_nothing(parameters):
    """A code may always be ignored, whatever the decoder learnt with all of them."""
    autoencoder = fit(make_digits(), **parameters)
    assert autoencoder.explained_variance_ratio_.min() >= 0


def test_a_code_is_worth_what_it_tells_of_the_reconstruction(monkeypatch):
    """The first code runs along a parabola: the second tells nothing new."""
    t = np.random.default_rng(0).uniform(-1, 1, (300, 1))
    noise = np.random.default_rng(1).standard_normal((300, 1))
    curve = np.hstack([t, t**2])
    shares = {}
    for name, codes in {"t first": [t, t**2], "noise first": [noise, t]}.items():
        Z = np.hstack(codes)
        monkeypatch.setattr(_explained, "encode", lambda *_, Z=Z: Z)
        monkeypatch.setattr(_explained, "reconstruct", lambda *_: curve)
        shares[name] = _explained.predictable_shares(None, Table(curve))
    assert shares["t first"][0] > 0.98
    assert 0 <= shares["noise first"][0] < 0.02
    assert shares["t first"][1] == shares["noise first"][1] == 1


def test_explained_variance_ratio_ignores_whitening():
    """It is a matter of what codes tell, not of their units."""
    X = make_curve()
    plain, whitened = fit(X), fit(X, whiten=True)
    np.testing.assert_allclose(
        whitened.explained_variance_ratio_,
        plain.explained_variance_ratio_,
        atol=1e-5,
    )


def test_spectrum_is_that_of_scikit_learn():
    """Where PCA is the solution, so are the attributes that follow from it."""
    X = make_digits(200)
    pca = PCA(3, svd_solver="full").fit(X)
    autoencoder = fit(X, hidden_layer_sizes=())
    for name in ("explained_variance_", "singular_values_", "n_samples_"):
        np.testing.assert_allclose(
            getattr(autoencoder, name), getattr(pca, name), rtol=1e-5
        )


def test_cross_entropy_codes_are_sorted_too():
    """The rotation does not depend on the loss."""
    X = make_binary()
    Z = fit(X, loss="binary_cross_entropy", n_components=2).transform(X)
    spread = covariance(Z)
    assert spread[0, 0] > spread[1, 1]
    assert abs(spread[0, 1]) < 1e-5 * spread[0, 0]


def heavy_tailed(n_samples=3000, n_features=60):
    """Return rows of which a few have most of the variance."""
    rng = np.random.default_rng(0)
    codes = rng.standard_t(2.1, (n_samples, n_features)) * np.linspace(3, 1, n_features)
    return codes @ np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]


@pytest.mark.parametrize("n_samples", [300, 3000])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_explained_variance_ratio_of_pca_is_that_of_scikit_learn(n_samples, weighted):
    """Sorted, and of all rows, wherever PCA is the solution: tails may be heavy."""
    X = heavy_tailed(n_samples)
    weight = np.random.default_rng(1).integers(1, 4, n_samples) if weighted else None
    rows = X if weight is None else X.repeat(weight, axis=0)
    expected = PCA(20, svd_solver="full").fit(rows).explained_variance_ratio_
    still = {"init": "pca", "learning_rate_init": 1e-30, "max_iter": 1}
    for parameters in ({"hidden_layer_sizes": ()}, still):
        autoencoder = fit(X, weight, n_components=20, **parameters)
        found = autoencoder.explained_variance_ratio_
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        assert (np.diff(found) <= 0).all()


def test_explained_variance_ratio_of_many_rows_is_not_that_of_a_few():
    """Where it has to be measured, thousands of rows say so, not hundreds."""
    X = heavy_tailed(4000, 10)
    autoencoder = fit(X, hidden_layer_sizes=(8,), init="random")
    expected = r2_score(X, autoencoder.reconstruct(X), multioutput="variance_weighted")
    total = autoencoder.explained_variance_ratio_.sum()
    assert total == pytest.approx(expected, abs=1e-6)
