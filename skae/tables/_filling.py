"""Missing cells of an encoded table, filled by a PCA of what is there."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

MOST_ROUNDS = 60
CHANGE = 1e-4  # of the filled cells, on average, in standard deviations
FIT_ROWS = 5000


@dataclass(frozen=True)
class Filling:
    """A PCA whose components count as far as they stand out from noise.

    Attributes
    ----------
    mean : ndarray of shape (n_encoded,)

    axes : ndarray of shape (n_axes, n_encoded)

    ratio : ndarray of shape (n_axes,)
        What is kept of each component: its variance without noise over its variance.
    """

    mean: np.ndarray
    axes: np.ndarray
    ratio: np.ndarray

    def fill(self, X, unknown):
        """Return encoded rows with unknown cells as the PCA restores them.

        A row is as it would be alone.
        """
        X = np.where(unknown, self.mean, X)
        n_unknown = unknown.sum(axis=1)
        rows = np.flatnonzero(n_unknown)
        for _ in range(MOST_ROUNDS):
            if not len(rows):
                break
            part = self.step(X[rows], unknown[rows])
            change = np.abs(part - X[rows]).sum(axis=1) / n_unknown[rows]
            X[rows], rows = part, rows[change >= CHANGE]
        return X

    def step(self, X, unknown):
        """Return rows after one round."""
        restored = self.mean + ((X - self.mean) @ self.axes.T * self.ratio) @ self.axes
        return np.where(unknown, restored, X)


def fit_filling(X, unknown, n_axes):
    """Return the `Filling` of encoded rows, by regularised iterative PCA [1]_.

    References
    ----------
    .. [1] J. Josse and F. Husson, "Handling missing values in exploratory multivariate
       data analysis methods", Journal de la SFdS 153(2), 2012.
    """
    spread = np.linspace(0, len(X) - 1, min(len(X), FIT_ROWS)).astype(int)
    X, unknown = X[spread], unknown[spread]
    known = (~unknown).sum(axis=0)
    mean = np.where(unknown, 0, X).sum(axis=0) / np.maximum(known, 1)
    X = np.where(unknown, mean, X)
    for _ in range(MOST_ROUNDS):
        filling = _pca(X, n_axes)
        filled = filling.step(X, unknown)
        change = np.abs(filled - X).sum()
        X = filled
        if change <= CHANGE * unknown.sum():
            break
    return filling


def _pca(X, n_axes):
    mean = X.mean(axis=0)
    covariance = (X - mean).T @ (X - mean) / len(X)
    values, vectors = linalg.eigh(covariance, driver="evd")
    values = values[::-1].clip(min=0)
    n_axes = min(n_axes, len(X) - 1, len(values) - 1)
    noise = values[n_axes:].mean()
    kept = values[:n_axes]
    ratio = np.divide(kept - noise, kept, out=np.zeros(n_axes), where=kept > noise)
    # rounding depends on how rows lie in memory, and copies lay them one by one
    axes = np.ascontiguousarray(vectors[:, ::-1][:, :n_axes].T)
    return Filling(mean, axes, ratio)
