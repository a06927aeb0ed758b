"""Tables and parameters at the edge: a finite model, or an error that says why not."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from skae import (
    AutoencoderClassifier,
    AutoencoderRegressor,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    VariationalAutoencoder,
)

from .tables import make_binary, make_curve

X = make_curve(70)
FEW = {"max_iter": 5, "random_state": 0, "hidden_layer_sizes": (8,)}


def make(cls=AutoencoderTransformer, **parameters):
    return cls(2, **(FEW | parameters))


def with_cell(value):
    table = X.copy()
    table[3, 2] = value
    return table


def broken_later(X_hat, X):
    """Return losses that are no numbers once the network has learnt a little."""
    error = (X_hat - X).square()
    return error / (error.mean() > 0.5)


def nan_loss(X_hat, X):
    return (X_hat - X) * float("nan")


def infinite_loss(X_hat, X):
    return (X_hat - X).square() / 0


WILD = {"learning_rate_init": 1e3}
RANDOM = {"init": "random"}
CASES = {
    "rate of 1e3": (make(**WILD), X),
    "rate of 1e3, pca": (make(**WILD, init="pca"), X),
    "rate of 1e3, random": (make(**WILD, **RANDOM), X),
    "rate of 1e3, sgd": (make(**WILD, solver="sgd"), X),
    "rate of 1e3, sgd, random": (make(**WILD, solver="sgd", **RANDOM), X),
    "rate of 1e3, muon": (make(**WILD, solver="muon"), X),
    "rate of 1e3, held out": (make(**WILD, batch_size=200), make_curve(600)),
    "rate of 1e3, none held out": (make(**WILD, early_stopping=False), X),
    "rate of 1e30, tied": (make(learning_rate_init=1e30, tied_weights=True), X),
    "rate of 1e3, cross-entropy": (
        make(**WILD, loss="binary_cross_entropy"),
        make_binary(70),
    ),
    "rate of 1e3, cross-entropy, random": (
        make(**WILD, loss="binary_cross_entropy", **RANDOM),
        make_binary(70),
    ),
    "rate of 1e3, variational": (make(VariationalAutoencoder, **WILD), X),
    "rate of 1e3, sparse": (make(SparseAutoencoder, **WILD), X),
    "rate of 1e3, contractive": (make(ContractiveAutoencoder, **WILD), X),
    "rate of 1e3, denoising": (make(DenoisingAutoencoder, **WILD), X),
    "rate of 1e3, stacked": (StackedAutoencoder(2, max_iter=5, **WILD), X),
    "rate of 1e3, classifier": (
        AutoencoderClassifier(make(), max_iter=5, random_state=0, **WILD),
        X,
    ),
    "rate of 1e3, regressor": (
        AutoencoderRegressor(make(), max_iter=5, random_state=0, **WILD),
        X,
    ),
    "columns of 1e30": (make(), X * 1e30),
    "columns of 1e30, random": (make(**RANDOM), X * 1e30),
    "columns of 1e30, single": (make(), (X * 1e30).astype(np.float32)),
    "columns of 1e-30, random": (make(**RANDOM), X * 1e-30),
    "columns of 1e-170": (make(), X * 1e-170),
    "one row": (make(), X[:1]),
    "one row, random": (make(**RANDOM), X[:1]),
    "two rows": (make(), X[:2]),
    "all constant": (make(), np.full((70, 4), 5.0)),
    "all constant, random": (make(**RANDOM), np.full((70, 4), 5.0)),
    "all zero": (make(), np.zeros((70, 4))),
    "all zero, random": (make(**RANDOM), np.zeros((70, 4))),
    "huge outlier": (make(), with_cell(1e15)),
    "huge outlier, random": (make(**RANDOM), with_cell(1e15)),
    "outlier beyond squares": (make(), with_cell(1e200)),
    "last batch of one row": (make(batch_size=23), X),
    "batches of one row": (make(batch_size=1, max_iter=1), X),
    "loss of nan": (make(loss=nan_loss), X),
    "loss of nan, random": (make(loss=nan_loss, **RANDOM), X),
    "loss of infinity": (make(loss=infinite_loss), X),
    "loss that breaks later": (make(loss=broken_later, max_iter=20, **RANDOM), X),
    "more codes than columns": (AutoencoderTransformer(9, **FEW), X),
    "dropout of nearly all": (make(dropout=0.999), X),
    "huge penalty": (make(alpha=1e10), X),
    "exploding activation": (make(activation=torch.exp, **RANDOM), X * 1e4),
    "noise far beyond the data": (make(DenoisingAutoencoder, noise_level=1e20), X),
}


@pytest.mark.parametrize(("estimator", "X"), CASES.values(), ids=CASES)
def test_model_is_finite_or_the_error_is_clear(estimator, X):
    """No NaN, no raw error of a library: 44 cases in which one of these was near."""
    y = np.arange(len(X)) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            estimator.fit(X, y)
        except (ValueError, FloatingPointError) as error:
            message = str(error)
        else:
            message = None
    if message is not None:
        assert "Lower learning_rate" in message or "Scale X" in message
        assert not hasattr(estimator, "net_")
        return
    Z = estimator.transform(X)
    assert np.isfinite(Z).all()
    if hasattr(estimator, "inverse_transform"):
        assert np.isfinite(estimator.reconstruct(X)).all()
        assert np.isfinite(estimator.reconstruction_error_)
    else:
        assert np.isfinite(estimator.predict(X)).all()


@pytest.mark.parametrize(
    "parameters",
    [{"init": "pca"}, {"init": "pca", "early_stopping": False}, {"loss": nan_loss}],
)
def test_pca_remains_where_training_diverges(parameters):
    """The result is no worse than PCA, and a warning says what happened."""
    wild = {"solver": "sgd", "learning_rate_init": 1e12} | parameters
    with pytest.warns(ConvergenceWarning, match=r"Training diverged.*Lower learning"):
        autoencoder = make(**wild).fit(X)
    assert autoencoder.is_pca_
    best = make(init="pca", hidden_layer_sizes=()).fit(X)
    assert autoencoder.score(X) == pytest.approx(best.score(X), abs=1e-6)


@pytest.mark.parametrize(("init", "rate"), [("auto", 10.0), ("random", 1.0)])
def test_training_goes_on_at_a_lower_rate(init, rate):
    """A rate ten or a hundred times too high ends as a good fit, with a warning."""
    wild = {"solver": "sgd", "learning_rate_init": rate, "max_iter": 60}
    with pytest.warns(ConvergenceWarning, match="tenth of the learning rate"):
        autoencoder = make(init=init, **wild).fit(X)
    good = make(init=init, max_iter=60).fit(X)
    assert autoencoder.score(X) > 0.5 * good.score(X)


def test_step_back_is_to_the_best_weights():
    """Weights that an epoch has broken are gone; what was learnt before is kept."""

    class Break(torch.optim.SGD):
        n_steps = 0

        def step(self, closure=None):
            super().step(closure)
            Break.n_steps += 1
            if Break.n_steps == 20:
                for group in self.param_groups:
                    for weight in group["params"]:
                        weight.data.fill_(float("nan"))

    with pytest.warns(ConvergenceWarning, match=r"diverged, .*, 1 time\(s\)"):
        autoencoder = make(
            solver=Break, learning_rate_init=0.1, batch_size=10, max_iter=6, **RANDOM
        ).fit(X)
    curve = np.array(autoencoder.loss_curve_)
    assert np.flatnonzero(~np.isfinite(curve)).tolist() == [2]
    assert curve[3] < curve[0]
