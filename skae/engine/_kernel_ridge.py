"""PCA's codes kept, and what it misses regressed on them: a fit in closed form."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.spatial.distance import cdist

from ..networks._kernel import correct_by_kernels

# Squared widths of the kernel over twice the number of components, of codes with unit
# variance, and penalties.
GAMMAS = (0.1, 0.3, 1.0)
PENALTIES = np.logspace(-3, 2, 6)


@dataclass(frozen=True)
class KernelRidge:
    """Kernel ridge regression of PCA's residuals on its codes.

    Attributes
    ----------
    axes : PrincipalAxes

    centres : ndarray of shape (n_rows, n_axes)
        Codes of the training rows, with unit variance.

    gamma : float

    coef : ndarray of shape (n_rows, n_columns)
    """

    axes: object
    centres: np.ndarray
    gamma: float
    coef: np.ndarray

    def errors(self, table, limits=None):
        """Return the squared error of every row of a table, (n_rows,).

        `limits` are those that reconstructions keep to, (2, n_columns).
        """
        codes, residual = _split(self.axes, table)
        kernel = np.exp(-self.gamma * cdist(codes, self.centres, "sqeuclidean"))
        error = kernel @ self.coef - residual
        if limits is not None:
            X = table.block(slice(None))
            error = (X + error).clip(*limits) - X
        return np.square(error).sum(axis=1)

    def shrunk(self, factor):
        """Return one whose corrections are less by a factor."""
        return replace(self, coef=factor * self.coef)

    def correct(self, network):
        """Let a network that is the same PCA add what the regression says, in place."""
        n_missing = network.code_scale.numel() - self.centres.shape[1]
        centres = np.pad(self.centres, ((0, 0), (0, n_missing)))
        coef = torch.from_numpy(self.coef) * network.inverse_scale.cpu()
        correct_by_kernels(network, torch.from_numpy(centres), self.gamma, coef)


def fit_kernel_ridge(table, n_components):
    """Return the `KernelRidge` of a table, or None if PCA leaves nothing.

    Width and penalty are those with the least squared error of rows left out, one at a
    time, which the eigenvectors of the kernel give for all penalties at once.
    """
    axes = table.axes(n_components)
    codes, residual = _split(axes, table)
    if not len(axes.components) or not residual.any():
        return None
    root = np.ones(len(codes)) if table.weight is None else np.sqrt(table.weight)
    root = root[:, None] / np.sqrt(np.mean(root**2))
    target = root * residual
    distances = cdist(codes, codes, "sqeuclidean")
    least, best = np.inf, None
    for gamma in GAMMAS:
        gamma /= codes.shape[1]
        kernel = np.exp(-gamma * distances) * root * root.T
        values, vectors = map(np.asarray, torch.linalg.eigh(torch.from_numpy(kernel)))
        rotated = vectors.T @ target
        for penalty in PENALTIES:
            inverse = 1 / (values.clip(min=0) + penalty)
            dual = vectors @ (inverse[:, None] * rotated)
            left_out = dual / (np.square(vectors) @ inverse)[:, None]
            error = np.square(left_out).sum()
            if error < least:
                least, best = error, KernelRidge(axes, codes, gamma, root * dual)
    return best


def _split(axes, table):
    """Return codes of unit variance and PCA's residuals, in the units of X."""
    X = np.asarray(table.block(slice(None)), dtype=np.float64) - axes.mean
    codes = X @ axes.components.T
    return codes / np.sqrt(axes.explained_variance), X - codes @ axes.components
