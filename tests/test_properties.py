"""Properties of every estimator, whatever the parameters and the shape of the table."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import skae

SEARCH = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=12,
    phases=[Phase.generate],  # shrinking would take minutes
    suppress_health_check=list(HealthCheck),
)
ACTIVATIONS = ("silu", "relu", "tanh", "identity", "softplus")
SHARED = {
    "n_components": st.integers(1, 5),
    "hidden_layer_sizes": st.sampled_from([(), (3,), (4, 3), 5]),
    "activation": st.sampled_from(ACTIVATIONS),
    "init": st.sampled_from(["pca", "random"]),
    "loss": st.sampled_from(["squared_error", "absolute_error", "huber"]),
    "alpha": st.sampled_from([0.0, 1e-3, 1.0]),
    "l1_ratio": st.sampled_from([0.0, 0.5]),
    "dropout": st.sampled_from([0.0, 0.3]),
    "solver": st.sampled_from(["auto", "muon", "adam", "sgd"]),
    "learning_rate": st.sampled_from(["auto", "constant"]),
    "batch_size": st.sampled_from(["auto", 1, 7, 100]),
    "max_iter": st.integers(1, 2),
    "early_stopping": st.booleans(),
    "validation_fraction": st.sampled_from([0.1, 0.5]),
    "precision": st.sampled_from(["auto", "float64"]),
    "random_state": st.integers(0, 2**32 - 1),
}
CODE = {"code_activation": st.sampled_from(ACTIVATIONS), "whiten": st.booleans()}
TIED = {"tied_weights": st.booleans()}
ESTIMATORS = {
    skae.AutoencoderTransformer: {
        **(SHARED | CODE | TIED),
        "ordered": st.booleans(),
        "init": st.sampled_from(["auto", "pca", "random"]),
    },
    skae.DenoisingAutoencoder: {
        **(SHARED | CODE | TIED),
        "noise": st.sampled_from(["gaussian", "masking", "salt_pepper", "swap"]),
        "noise_level": st.sampled_from(["auto", 0.0, 0.5, 1.0]),
    },
    skae.SparseAutoencoder: {
        **(SHARED | TIED),
        "sparsity": st.sampled_from(["l1", "kl", "top_k"]),
        "sparsity_weight": st.sampled_from([0.0, 0.1]),
        "rho": st.sampled_from([0.05, 0.9]),
    },
    skae.ContractiveAutoencoder: {
        **(SHARED | CODE | TIED),
        "contraction": st.sampled_from([0.0, 1e-3, 1.0]),
    },
    skae.VariationalAutoencoder: {
        **SHARED,
        "loss": st.just("squared_error"),
        "beta": st.sampled_from([0.0, 1.0, 4.0]),
        "free_bits": st.sampled_from([0.0, 0.5]),
        "noise_variance": st.sampled_from(["auto", 0.5]),
    },
    skae.StackedAutoencoder: {
        **(SHARED | CODE),
        "autoencoder": st.sampled_from(["plain", "denoising", "sparse"]),
        "pretraining_max_iter": st.just(1),
    },
    skae.MarginalizedDenoisingAutoencoder: {
        "n_layers": st.integers(1, 4),
        "noise_level": st.floats(0, 0.99),
        "alpha": st.sampled_from([1e-8, 1e-5, 1.0]),
        "concatenate": st.booleans(),
    },
}
SUPERVISED = {
    "fine_tune": st.booleans(),
    "reconstruction_weight": st.sampled_from([0.0, 1.0]),
    "consistency_weight": st.sampled_from([0.0, 1.0]),
    "alpha": st.sampled_from([1e-3, 1.0]),
    "batch_size": st.sampled_from(["auto", 5]),
    "max_iter": st.just(1),
    "random_state": st.integers(0, 2**32 - 1),
}


@st.composite
def tables(draw, fewest=2, columns=1):
    """Return curved rows, with columns of all units, constant ones and copies."""
    n_rows, n_columns = draw(st.integers(fewest, 40)), draw(st.integers(columns, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    X = np.sin(rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, n_columns)))
    X += 0.1 * rng.normal(size=X.shape)
    unit = draw(st.sampled_from([1e-6, 1.0, 1e6]))
    X = unit * (X * 10.0 ** rng.integers(-2, 3, n_columns) + draw(st.integers(-9, 9)))
    X[:, rng.random(n_columns) < draw(st.sampled_from([0.0, 0.3]))] = 3.0
    if draw(st.booleans()):
        X[n_rows // 2 :] = X[: n_rows - n_rows // 2]
    return X.astype(draw(st.sampled_from([np.float64, np.float32])))


def fit(estimator, *arguments):
    """Return a fitted clone, or None where parameters do not go together."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return clone(estimator).fit(*arguments)
        except (ValueError, FloatingPointError) as error:
            message = str(error)
    # It names what is to be changed, such as "tied_weights=True needs ...".
    assert any(name in message for name in estimator.get_params()), message
    return None


def assert_close(found, expected, X):
    """Compare to the precision that sums over the table's columns have."""
    digits = 1e-10 if X.dtype == np.float64 else 1e-4
    size = np.abs(expected).max(initial=0.0)
    np.testing.assert_allclose(found, expected, rtol=digits, atol=digits * size)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_transformers(cls):
    """Shapes, dtypes, finite numbers, rows alone, seeds, copies; PCA is not lost to."""

    @SEARCH
    @given(X=tables(), parameters=st.fixed_dictionaries(ESTIMATORS[cls]))
    def check(X, parameters):
        estimator = cls(**parameters)
        fitted = fit(estimator, X)
        if fitted is None:
            return
        Z = fitted.transform(X)
        assert Z.shape == (len(X), fitted.n_components_)
        assert (Z.dtype, np.isfinite(Z).all()) == (X.dtype, True)
        X_hat = fitted.inverse_transform(Z)
        assert (X_hat.shape, X_hat.dtype) == (X.shape, X.dtype)
        # saturated codes of many layers lose too much if they are rounded to float32
        if X.dtype == np.float64 or cls is not skae.MarginalizedDenoisingAutoencoder:
            assert_close(fitted.reconstruct(X), X_hat, X)
        assert_close(fitted.transform(X[:1]), Z[:1], X)
        scores = fitted.score_samples(X)
        assert scores.shape == (len(X),)
        assert np.isfinite(scores).all()
        for twin in (fit(estimator, X), pickle.loads(pickle.dumps(fitted))):
            np.testing.assert_array_equal(twin.transform(X), Z)
        if cls is skae.AutoencoderTransformer and parameters["init"] != "random":
            floor = fitted.pca_reconstruction_error_ + 1e-12 * X.var()
            is_squared = parameters["loss"] == "squared_error"
            assert not is_squared or fitted.reconstruction_error_ <= 1.0001 * floor

    check()


@pytest.mark.parametrize("cls", [skae.AutoencoderClassifier, skae.AutoencoderRegressor])
def test_predictors(cls):
    """Predictions are classes or numbers; a row alone gets its own; seeds decide."""
    inner = skae.AutoencoderTransformer(2, init="pca", max_iter=1, random_state=0)

    @settings(SEARCH, max_examples=6)
    @given(
        X=tables(fewest=12),
        n_classes=st.integers(2, 4),
        parameters=st.fixed_dictionaries(SUPERVISED),
    )
    def check(X, n_classes, parameters):
        y = np.arange(len(X)) % n_classes
        fitted = fit(cls(inner, **parameters), X, y)
        if fitted is None:
            return
        found = fitted.predict(X)
        assert found.shape == (len(X),)
        if cls is skae.AutoencoderClassifier:
            assert np.isin(found, fitted.classes_).all()
            found = fitted.predict_proba(X)
            np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)
        assert np.isfinite(found).all()
        twin = fit(cls(inner, **parameters), X, y)
        np.testing.assert_array_equal(twin.transform(X), fitted.transform(X))

    check()


@SEARCH
@given(
    X=tables(fewest=8, columns=2),
    n_folds=st.integers(2, 4),
    contamination=st.sampled_from(["auto", 0.1, 0.5]),
    standardize=st.booleans(),
)
def test_detector(X, n_folds, contamination, standardize):
    """Labels are the signs of decisions; scores of rows alone are their own."""
    inner = skae.AutoencoderTransformer(2, init="pca", max_iter=1, random_state=0)
    detector = skae.AutoencoderOutlierDetector(
        inner, contamination, standardize=standardize, n_folds=n_folds, random_state=0
    )
    fitted = fit(detector, X)
    if fitted is None:
        return
    decisions = fitted.decision_function(X)
    assert np.isfinite(decisions).all()
    np.testing.assert_array_equal(fitted.predict(X), np.where(decisions < 0, -1, 1))
