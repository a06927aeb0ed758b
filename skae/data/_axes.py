"""Principal axes, from sums over blocks of rows, which can be merged."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy import linalg

from ._moments import Moments

# Above this many columns (and rows) the axes come from a randomised range finder: an
# exact eigendecomposition would cost more than the training it prepares.
EXACT_LIMIT = 3000
N_OVERSAMPLES = 16
N_POWER_ITERATIONS = 6


@dataclass(frozen=True)
class PrincipalAxes:
    """The leading axes of a table, in its own units, fewer than asked if rank is less.

    `components` has shape (n_axes, n_columns) and orthonormal rows;
    `explained_variance` (n_axes,) is the variance of the rows along each.
    """

    mean: np.ndarray
    components: np.ndarray
    explained_variance: np.ndarray

    def errors(self, table):
        """Return the squared error of every row's projection, (n_rows,), float64."""
        errors = []
        for X in table.blocks():
            block = np.asarray(X, dtype=np.float64) - self.mean
            block -= (block @ self.components.T) @ self.components
            errors.append(np.einsum("ij,ij->i", block, block))
        return np.concatenate(errors)


@dataclass(frozen=True)
class Scatter:
    """Sum of w (x - mean) (x - mean)^T over rows x, in squares of `unit`."""

    mean: np.ndarray
    matrix: np.ndarray
    total_weight: float
    unit: float

    def merged(self, other):
        """Return the scatter of both tables' rows together."""
        total, unit = self.total_weight + other.total_weight, max(self.unit, other.unit)
        share, gap = other.total_weight / total, other.mean - self.mean
        between = share * self.total_weight * np.outer(gap / unit, gap / unit)
        within = [part.matrix * (part.unit / unit) ** 2 for part in (self, other)]
        return Scatter(self.mean + share * gap, sum(within) + between, total, unit)

    def axes(self, n_components):
        """Return the leading `PrincipalAxes`."""
        found = _largest(self.matrix, n_components)
        return _made_axes(*found, self.mean, self.total_weight, self.unit)


def scatter(table):
    """Return the `Scatter` of a table."""
    moments = table.moments
    matrix = np.zeros((table.n_columns, table.n_columns))
    for block, weight in _centred(table, moments):
        matrix += (block if weight is None else block * weight[:, None]).T @ block
    matrix = table.ranks.sum(matrix)
    return Scatter(moments.mean, matrix, moments.total_weight, _unit(moments))


def principal_axes(table, n_components):
    """Return the `n_components` leading `PrincipalAxes` of a table (or its rank)."""
    n_rows = table.total_rows
    rank = min(n_components, table.n_columns, n_rows - 1)
    if not table.moments.scale.any() or rank < 1:
        nothing = np.zeros((0, table.n_columns))
        return PrincipalAxes(table.moments.mean, nothing, np.zeros(0))
    has_all_rows = table.ranks.size == 1
    if has_all_rows and n_rows < table.n_columns and n_rows <= EXACT_LIMIT:
        return _axes_of_rows(table, rank)
    if table.n_columns <= EXACT_LIMIT:
        return scatter(table).axes(rank)
    return randomised_axes([table], rank)


def _axes_of_rows(table, rank):
    moments = table.moments
    rows, start = None, 0
    for block, weight in _centred(table, moments):
        block = block if weight is None else block * np.sqrt(weight)[:, None]
        if rows is None:
            rows = np.empty((table.n_rows, table.n_columns), dtype=block.dtype)
        rows[start : start + len(block)] = block
        start += len(block)
    variance, vectors = _largest(rows @ rows.T, rank)
    axes = rows.T @ vectors
    lengths = np.linalg.norm(axes, axis=0)
    axes /= np.where(lengths > 0, lengths, 1.0)
    return _made_axes(
        variance, axes, moments.mean, moments.total_weight, _unit(moments)
    )


def _largest(matrix, rank):
    """Return the largest eigenvalues, in rising order, and their eigenvectors."""
    first, last = len(matrix) - rank, len(matrix) - 1
    values, vectors = linalg.eigh(matrix, subset_by_index=(first, last))
    if len(values) < rank:  # LAPACK loses some of many that are equal
        values, vectors = linalg.eigh(matrix, driver="evd")
    return values[-rank:], vectors[:, -rank:]


def randomised_axes(parts, rank, seed=0):
    """Return axes by subspace iteration on the scatter matrix, which is never formed.

    Only sums over the rows of all `parts`, tables of the same columns, are needed.
    """
    moments = reduce(Moments.merged, (part.moments for part in parts))

    def scatter_times(basis):
        return sum(_scatter_times(part, moments, basis) for part in parts)

    size = min(rank + N_OVERSAMPLES, len(moments.mean))
    basis = np.random.default_rng(seed).standard_normal((len(moments.mean), size))
    for _ in range(N_POWER_ITERATIONS):
        basis = linalg.qr(scatter_times(basis), mode="economic")[0]
    variance, vectors = linalg.eigh(basis.T @ scatter_times(basis))
    return _made_axes(
        variance[-rank:],
        (basis @ vectors)[:, -rank:],
        moments.mean,
        moments.total_weight,
        _unit(moments),
    )


def axis_signs(axes):
    """Signs that make each row's largest entry positive: PCA's own convention."""
    largest = np.abs(axes).argmax(axis=1)
    return np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)


def _scatter_times(table, moments, basis):
    product = np.zeros_like(basis)
    for block, weight in _centred(table, moments):
        projected = block @ basis
        if weight is not None:
            projected *= weight[:, None]
        product += block.T @ projected
    return table.ranks.sum(product)


def _centred(table, moments):
    """Yield centred blocks in units of the widest column, and their weights."""
    for X, weight in table.chunks():
        block = X - moments.mean.astype(X.dtype)
        block /= X.dtype.type(_unit(moments))
        block[:, moments.scale == 0] = 0.0
        yield block, weight


def _unit(moments):
    return float(moments.scale.max(initial=0.0)) or 1.0


def _made_axes(variance, vectors, mean, total_weight, unit):
    """Return eigenvectors, those of the largest values last, as `PrincipalAxes`.

    Those that rounding alone explains are left out.
    """
    variance, components = variance[::-1] / total_weight, vectors.T[::-1]
    rounding = np.finfo(np.float64).eps * len(mean)
    kept = variance > variance.max() * rounding
    components = components[kept] * axis_signs(components[kept])[:, None]
    return PrincipalAxes(mean, components, variance[kept] * unit**2)
