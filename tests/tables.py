"""Tables that several test files fit, and references for what they are worth."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits


@cache
def _digits():
    X = load_digits().data
    X.setflags(write=False)  # shared by every test that asks for it
    return X


def make_digits(n_samples=600, dtype=np.float64):
    """Return the first pictures of digits, 64 columns, as a new array."""
    return _digits()[:n_samples].astype(dtype)


def make_curve(n_samples=200, seed=0):
    """Return rows near a curved surface of two dimensions, in six unequal columns.

    PCA with two components leaves much of it that an autoencoder can learn.
    """
    rng = np.random.default_rng(seed)
    t = rng.uniform(-1, 1, (n_samples, 2))
    bent = np.column_stack([2 * t, t**2, t[:, 0] * t[:, 1], np.sin(3 * t[:, 1])])
    noise = 0.01 * rng.standard_normal(bent.shape)
    return (bent + noise) * [1, 1, 2, 0.5, 1, 3] + [0, 1, -2, 0, 10, 0]


def make_binary(n_samples=300, n_features=8, seed=0):
    """Return rows of zeros and ones that two hidden directions explain in part."""
    rng = np.random.default_rng(seed)
    logits = (
        2 * rng.standard_normal((n_samples, 2)) @ rng.standard_normal((2, n_features))
    )
    return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)


def best_linear_error(X, n_components, sample_weight=None):
    """Return the least mean squared error per cell of any linear map through a code.

    By the singular values of the centred rows (Eckart and Young): float64 throughout.
    """
    X = np.asarray(X, dtype=np.float64)
    weight = np.ones(len(X)) if sample_weight is None else sample_weight
    centred = X - np.average(X, axis=0, weights=weight)
    values = np.linalg.svd(centred * np.sqrt(weight)[:, None], compute_uv=False)
    return (values[n_components:] ** 2).sum() / weight.sum() / X.shape[1]


def mean_squared_error(X, X_hat):
    """Return the mean over all cells, in float64."""
    return np.mean((np.asarray(X, np.float64) - np.asarray(X_hat, np.float64)) ** 2)


def cosines(A, B):
    """Return the cosines of the principal angles between two row spaces."""
    bases = [
        np.linalg.svd(np.asarray(M, float), full_matrices=False)[2] for M in (A, B)
    ]
    return np.linalg.svd(bases[0] @ bases[1].T, compute_uv=False)


def in_blocks(monkeypatch, *, n_rows, n_columns):
    """Let tables of so many columns be read so many rows at a time."""
    monkeypatch.setattr("skae.data._table.BLOCK_CELLS", n_rows * n_columns)
