"""How much of each column of a table its reconstruction keeps."""

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

# A share of zero for what is there would make any deviance infinite.
DOUBT = 0.001


def d2(encoder, X, X_hat, weight=None):
    """Return D^2 of each column, a Series: of rows that are encoded, and restored.

    See :func:`skae.metrics.explained_deviance`.
    """
    truth, expected = encoder.decode(X), encoder.decode(X_hat)
    X = np.asarray(X)
    weight = np.ones(len(X)) if weight is None else weight
    scores = {
        block.column: _d2_of(
            truth[block.column],
            expected[block.column],
            np.where(_is_observed(X, block), weight, 0),
        )
        for block in encoder.blocks_
        if block.column in truth
    }
    return pd.Series(scores, dtype=float, name="explained_deviance")


def _is_observed(X_encoded, block):
    """Whether cells are there, and values that fit has seen."""
    members = X_encoded[:, block.members]
    observed = ~np.isnan(members).any(axis=1)
    if block.indicator is not None:
        observed &= X_encoded[:, block.indicator] == 0
    if block.categories is None:
        return observed
    return observed & (np.count_nonzero(members, axis=1) == 1)  # else it is filled


def _d2_of(truth, expected, weight):
    """Return D^2 of one column, of the rows with a weight, or NaN if they are alike."""
    kept = weight > 0
    truth, expected, weight = truth[kept], expected[kept], weight[kept]
    if not len(truth) or np.all(truth == truth[0]):
        return np.nan
    if truth.ndim == 1:
        return r2_score(truth, expected, sample_weight=weight)
    n_values = truth.shape[1]
    shares = np.where(np.isnan(expected), 1 / n_values, expected)
    shares = (1 - DOUBT) * shares + DOUBT / n_values
    base = np.broadcast_to(np.average(truth, axis=0, weights=weight), truth.shape)
    is_there = truth > 0
    cross_entropy = -np.sum(weight * np.log(shares[is_there]))
    return 1 - cross_entropy / -np.sum(weight * np.log(base[is_there]))
