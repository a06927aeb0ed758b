"""The estimators and the tables that the checks work on."""

import pickle
from numbers import Integral

import numpy as np
from sklearn.base import clone

N_SAMPLES = 120
N_FEATURES = 12
N_DIMENSIONS = 3  # of the curved surface that the rows lie near
NOISE = 0.02
FEW_EPOCHS = 5
MANY = 600  # rows: a tenth of them tells the error of new rows well enough
LONG = 100_000  # rows: more than inference takes at once

# The methods that take rows.
ROW_METHODS = (
    "transform",
    "reconstruct",
    "score",
    "score_samples",
    "reconstruction_error",
)


def in_full(check):
    """Mark a check as one that trains for as many epochs as the estimator wants."""
    check.trains_in_full = True
    return check


def prepared(estimator, check):
    """Return a clone that is reproducible and, unless marked, fits in few epochs."""
    estimator = clone(estimator)
    parameters = estimator.get_params()
    if not isinstance(parameters.get("random_state", 0), Integral):
        estimator.set_params(random_state=0)
    if not hasattr(check, "trains_in_full") and _is_long(parameters.get("max_iter")):
        estimator.set_params(max_iter=FEW_EPOCHS)
    return estimator


def _is_long(max_iter):
    if isinstance(max_iter, Integral):
        return max_iter > FEW_EPOCHS
    return isinstance(max_iter, str)  # "auto"; anything else is left alone


def has_picklable_parameters(estimator):
    """Return whether pickle takes the parameters: it takes no lambda, for example."""
    try:
        pickle.dumps(estimator.get_params())
    except Exception:
        return False
    return True


def make_rows(seed=0):
    """Return rows in [0, 1] near a curved surface, shape (N_SAMPLES, N_FEATURES)."""
    rng = np.random.default_rng(seed)
    position = rng.random((N_SAMPLES, N_DIMENSIONS))
    return _rows_near(_draw_surface(rng), position, rng)


def make_further_rows(seed, n_samples=MANY):
    """Return rows in [0, 1] near the surface of ``make_rows(0)``, others for each seed.

    Where `make_rows` with another seed has another surface.
    """
    rng = np.random.default_rng(0)
    rng.random((N_SAMPLES, N_DIMENSIONS))  # which `make_rows` draws first
    surface = _draw_surface(rng)
    rng = np.random.default_rng([0, seed])
    return _rows_near(surface, rng.random((n_samples, N_DIMENSIONS)), rng)


def _draw_surface(rng):
    direction = rng.uniform(-3, 3, (N_DIMENSIONS, N_FEATURES))
    return direction, rng.uniform(0, 6, N_FEATURES)


def _rows_near(surface, position, rng):
    direction, phase = surface
    waves = np.sin(position @ direction + phase)
    height = np.linspace(0.2, 0.45, N_FEATURES)  # no two columns of one variance
    X = 0.5 + height * waves + rng.normal(0, NOISE, waves.shape)
    return np.clip(X, 0, 1)


def make_weights(seed=0):
    """Return positive weights for the rows, shape (N_SAMPLES,)."""
    return np.random.default_rng(seed).uniform(0.5, 2.0, N_SAMPLES)


def make_frame(seed=0):
    """Return the rows as a DataFrame whose columns and index are not the default."""
    import pandas

    X = make_rows(seed)
    names = [f"sensor {i}" for i in range(N_FEATURES)][::-1]
    return pandas.DataFrame(X, columns=names, index=np.arange(N_SAMPLES) + 1000)
