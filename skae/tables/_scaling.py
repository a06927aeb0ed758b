"""What numbers and categories weigh: scikit-learn's scalers, and shares."""

import numpy as np
from scipy.special import ndtr, ndtri
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

MOST_QUANTILES = 1000
MARGIN = 1e-3  # the least and the largest are 3.1 deviations from the median


def make_scaler(numeric, n_samples):
    """Return a transformer of numbers that keeps NaN.

    It returns arrays, whatever scikit-learn is configured to return.
    """
    scaler = {
        "standard": StandardScaler(),
        "minmax": MinMaxScaler(),
        "arcsinh": make_pipeline(
            RobustScaler(), _bent(np.arcsinh, np.sinh), StandardScaler()
        ),
        # its own normal output loses numbers that are less than 1e-7 apart at the ends
        "quantile": make_pipeline(
            QuantileTransformer(
                n_quantiles=min(MOST_QUANTILES, n_samples), subsample=None
            ),
            _bent(to_normal, to_uniform),
        ),
    }[numeric]
    return scaler.set_output(transform="default")


def _bent(function, inverse):
    return FunctionTransformer(function, inverse_func=inverse, check_inverse=False)


def to_normal(X):
    """Return normal quantiles of numbers from 0 to 1, the ends a little inside."""
    return ndtri(MARGIN + (1 - 2 * MARGIN) * X)


def to_uniform(X):
    """Return the numbers from 0 to 1 that have these normal quantiles."""
    return np.clip((ndtr(X) - MARGIN) / (1 - 2 * MARGIN), 0, 1)


def fitted_steps(scaler):
    """Return the steps of a scaler that have learnt something."""
    steps = scaler if isinstance(scaler, Pipeline) else [scaler]
    return [step for step in steps if not isinstance(step, FunctionTransformer)]


def category_scale(shares, scaling):
    """Return what zeros and ones of one category are multiplied by.

    `shares` are those of the rows that have each value.
    """
    if scaling is None:
        return np.ones_like(shares)
    variance = shares if scaling != "standard" else shares * (1 - shares)
    n_values = np.count_nonzero(shares)
    variance = variance * (max(n_values - 1, 1) if scaling == "balanced" else 1)
    return 1 / np.sqrt(np.where(variance > 0, variance, 1))
