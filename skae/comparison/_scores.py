"""Scores of one reducer that was fitted on the training rows of one fold."""

import time
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import FactorAnalysis
from sklearn.manifold import trustworthiness
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import check_array, get_tags

from .. import tables

# Distances between all pairs are what takes long: the structure of some rows will do.
_MAX_ROWS = 500
_N_NEIGHBORS = 10

# Of each fold, the rows that are kept for the report.
_N_WORST = 5
N_RESTORED = 8


class Glimpse(NamedTuple):
    """What a report shows of one fit."""

    rows: np.ndarray  # held-out rows whose codes are shown
    codes: np.ndarray  # two columns, or one where there are no more
    errors: dict  # of the worst rows: the mean squared error per cell, by row
    restored: dict  # of the worst rows and of some others, by row


def score_fit(reducer, X, target, split, encoder=None, *, scale, seed):
    """Fit a reducer on the training rows, and score it on the others.

    Returns
    -------
    scores : dict of {str: float}
    column_r2 : ndarray of shape (n_features,), or None
        None where the reducer has no way back to columns.
    glimpse : Glimpse
    """
    train, test = split
    scaler = _scaler(reducer, scale)
    start = time.perf_counter()
    reducer.fit(scaler.fit_transform(X[train]))
    scores = {"fit_time": time.perf_counter() - start}
    Z = _codes(reducer, scaler.transform(X[test]))
    shown = _some(test, seed)
    scores |= _structure(X[test[shown]], Z[shown])
    if target is not None:
        Z_train = _codes(reducer, scaler.transform(X[train]))
        scores |= target.scores((Z_train, Z), split, seed)
    pair = Z[shown][:, _widest_two(Z)]
    if not has_inverse(reducer):
        return scores, None, Glimpse(test[shown], pair, {}, {})
    X_hat = _restored(reducer, scaler, Z)
    restored = _reconstruction(X[test], X_hat)
    glimpse = Glimpse(test[shown], pair, *_restored_rows(X[test], X_hat, test, shown))
    if encoder is None:
        return scores | restored, _column_r2(X[test], X_hat), glimpse
    of_columns = tables.d2(encoder, X[test], X_hat)
    labels = [block.column for block in encoder.blocks_]
    restored["r2"] = of_columns.mean()
    return scores | restored, of_columns.reindex(labels).to_numpy(), glimpse


def has_inverse(reducer):
    """Tell whether codes lead back to columns."""
    # UMAP's inverse is a search, row by row.
    is_search = type(reducer).__name__ == "UMAP"
    known = hasattr(reducer, "inverse_transform") or isinstance(reducer, FactorAnalysis)
    return known and not is_search


def _scaler(reducer, scale):
    if not scale:
        return FunctionTransformer()
    # NMF takes no negative numbers; the unit of every column is the same.
    return StandardScaler(with_mean=not get_tags(reducer).input_tags.positive_only)


def _codes(reducer, X):
    return check_array(reducer.transform(X), dtype=np.float64, input_name="codes")


def _restored(reducer, scaler, Z):
    if isinstance(reducer, FactorAnalysis):
        # Its model's mean of the columns given the factors; it has no method for it.
        X_hat = Z @ reducer.components_ + reducer.mean_
    else:
        X_hat = reducer.inverse_transform(Z)
    X_hat = check_array(X_hat, dtype=np.float64, input_name="reconstruction")
    return scaler.inverse_transform(X_hat)


def _reconstruction(X, X_hat):
    return {
        "r2": r2_score(X, X_hat, multioutput="variance_weighted"),
        "reconstruction_error": mean_squared_error(X, X_hat),
    }


def _column_r2(X, X_hat):
    """Return R^2 by column, NaN where a column does not vary."""
    error = np.square(X - X_hat).sum(axis=0)
    total = np.square(X - X.mean(axis=0)).sum(axis=0)
    varies = np.ptp(X, axis=0) > 0
    return 1 - np.divide(error, total, out=np.full(len(total), np.nan), where=varies)


def _some(test, seed):
    """Return positions of held-out rows, the same for every reducer."""
    if len(test) <= _MAX_ROWS:
        return np.arange(len(test))
    rng = np.random.RandomState(seed)
    return np.sort(rng.choice(len(test), _MAX_ROWS, replace=False))


def _structure(X, Z):
    """Return how far the neighbours of a row in X are its neighbours in the codes."""
    k = min(_N_NEIGHBORS, (len(X) - 1) // 2)
    if k < 1:
        return {"trustworthiness": np.nan, "neighbor_overlap": np.nan}
    near, kept = (
        NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(return_distance=False)
        for rows in (X, Z)
    )
    both = (near[:, :, None] == kept[:, None, :]).sum(axis=(1, 2))
    return {
        "trustworthiness": trustworthiness(X, Z, n_neighbors=k),
        "neighbor_overlap": np.mean(both) / k,
    }


def _widest_two(Z):
    """Return the columns to draw codes by, in their own order."""
    return np.sort(np.argsort(-Z.var(axis=0), kind="stable")[:2])


def _restored_rows(X, X_hat, rows, shown):
    """Return the errors of the worst rows, and these and other rows restored."""
    error = np.square(X - X_hat).mean(axis=1)
    worst = np.argsort(-error, kind="stable")[:_N_WORST]
    kept = {*worst, *shown[:N_RESTORED]}
    return (
        {int(rows[i]): float(error[i]) for i in worst},
        {int(rows[i]): X_hat[i].astype(np.float32) for i in kept},
    )
