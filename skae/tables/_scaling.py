"""What numbers and categories weigh: scikit-learn's scalers, and shares."""

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

MOST_QUANTILES = 1000


def make_scaler(numeric, n_samples):
    """Return a transformer of numbers that keeps NaN.

    It returns arrays, whatever scikit-learn is configured to return.
    """
    bent = FunctionTransformer(np.arcsinh, inverse_func=np.sinh, check_inverse=False)
    scaler = {
        "standard": StandardScaler(),
        "minmax": MinMaxScaler(),
        "arcsinh": make_pipeline(RobustScaler(), bent, StandardScaler()),
        "quantile": QuantileTransformer(
            n_quantiles=min(MOST_QUANTILES, n_samples),
            output_distribution="normal",
            subsample=None,
        ),
    }[numeric]
    return scaler.set_output(transform="default")


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
