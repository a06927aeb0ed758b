"""Column moments and principal axes of a table that is read in chunks.

Everything here takes ``chunks``: a function without arguments that yields
``(X, sample_weight)`` pairs, dense blocks of rows and their weights (or None), as often
as it is called. So a sparse or memory-mapped table is never dense as a whole.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

# Above this many columns (and rows) the axes come from a randomised range finder: an
# exact eigendecomposition would cost more than the training it prepares.
EXACT_LIMIT = 3000
# Rows, and their share of all, at one end of a column that make this end a limit.
LIMIT_ROWS = 10
LIMIT_SHARE = 0.02
N_OVERSAMPLES = 16
N_POWER_ITERATIONS = 6


@dataclass(frozen=True)
class Moments:
    """Mean, standard deviation and range of each column.

    `scale` is 0 where it is constant.
    """

    mean: np.ndarray
    scale: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    n_samples: int
    total_weight: float

    @property
    def inverse_scale(self):
        """1 / scale, and 0 for constant columns: they standardise to 0."""
        return np.divide(
            1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0
        )


@dataclass(frozen=True)
class PrincipalAxes:
    """The leading axes of a table, in its own units, fewer than asked if rank is less.

    `components` has shape (n_axes, n_features) and orthonormal rows;
    `explained_variance` (n_axes,) is the variance of the rows along each.
    """

    components: np.ndarray
    explained_variance: np.ndarray


def column_moments(chunks):
    """Return the weighted `Moments` of the columns, in two passes."""
    n_samples, total, sums = 0, 0.0, 0.0
    lowest, highest = np.inf, -np.inf
    for X, weight in chunks():
        n_samples += len(X)
        total += len(X) if weight is None else weight.sum()
        sums = sums + _sum_of_rows(X, weight)
        lowest = np.minimum(lowest, X.min(axis=0))
        highest = np.maximum(highest, X.max(axis=0))
    mean = np.clip(sums / total, lowest, highest)
    unit = np.asarray(highest, dtype=np.float64) - lowest  # keeps 1e200 squared finite
    unit[unit == 0] = 1.0
    squares, shift = 0.0, 0.0
    for X, weight in chunks():
        deviation = X - mean
        deviation /= unit
        shift = shift + _sum_of_rows(deviation, weight)
        squares = squares + _sum_of_rows(np.square(deviation, out=deviation), weight)
    variance = np.maximum(squares / total - (shift / total) ** 2, 0.0)
    scale = unit * np.sqrt(variance)
    scale = _zero_where_constant(scale, mean)
    return Moments(mean, scale, lowest, highest, n_samples, total)


def attained_limits(chunks, moments):
    """Return the limits that columns keep to, shape (2, n_features).

    The lowest (highest) value of a column is taken for a limit where enough rows share
    it: the zero of a count, the black and the white of a pixel. Elsewhere there is
    none, which the largest float stands for.
    """
    ends = np.stack([moments.lowest, moments.highest])
    at_end = 0.0
    for X, weight in chunks():
        weight = _weights(X, weight)
        at_end = at_end + np.stack([weight @ (end == X) for end in ends])
    enough = max(LIMIT_ROWS, LIMIT_SHARE * moments.total_weight)
    largest = np.finfo(np.float64).max
    return np.where(at_end >= enough, ends, [[-largest], [largest]])


def _sum_of_rows(X, weight):
    if weight is None:
        return X.sum(axis=0, dtype=np.float64)
    return weight @ np.asarray(X, dtype=np.float64)


def _weights(X, weight):
    return np.ones(len(X)) if weight is None else weight


def _zero_where_constant(scale, mean):
    """A spread that rounding alone explains is no spread."""
    rounding = 10 * np.finfo(np.float64).eps * np.abs(mean)
    return np.where(scale <= rounding, 0.0, scale)


def principal_axes(chunks, moments, n_components, random_state=0):
    """Return the `n_components` leading `PrincipalAxes` of the table (or its rank)."""
    largest = moments.scale.max(initial=0.0)
    n_features = len(moments.scale)
    rank = min(n_components, n_features, moments.n_samples - 1)
    if largest == 0 or rank < 1:
        return PrincipalAxes(np.zeros((0, n_features)), np.zeros(0))

    def centred():  # in units of the widest column
        for X, weight in chunks():
            block = X - moments.mean.astype(X.dtype)
            block /= X.dtype.type(largest)
            block[:, moments.scale == 0] = 0.0
            yield block, weight

    if n_features <= min(EXACT_LIMIT, moments.n_samples):
        variance, components = _axes_of_covariance(centred, n_features, rank)
    elif moments.n_samples <= EXACT_LIMIT:
        variance, components = _axes_of_rows(centred, moments, rank)
    else:
        variance, components = _randomised_axes(
            centred, n_features, rank, np.random.default_rng(random_state)
        )
    variance = variance / moments.total_weight
    kept = variance > variance.max() * np.finfo(np.float64).eps * n_features
    return PrincipalAxes(
        _deterministic_signs(components[kept]), variance[kept] * largest**2
    )


def _axes_of_covariance(centred, n_features, rank):
    scatter = np.zeros((n_features, n_features))
    for block, weight in centred():
        scatter += (block if weight is None else block * weight[:, None]).T @ block
    variance, vectors = linalg.eigh(
        scatter, subset_by_index=(n_features - rank, n_features - 1)
    )
    return variance[::-1], vectors.T[::-1]


def _axes_of_rows(centred, moments, rank):
    rows, start = None, 0
    for block, weight in centred():
        block = block if weight is None else block * np.sqrt(weight)[:, None]
        if rows is None:
            rows = np.empty((moments.n_samples, block.shape[1]), dtype=block.dtype)
        rows[start : start + len(block)] = block
        start += len(block)
    variance, vectors = linalg.eigh(
        rows @ rows.T, subset_by_index=(len(rows) - rank, len(rows) - 1)
    )
    components = vectors.T[::-1] @ rows
    lengths = np.linalg.norm(components, axis=1, keepdims=True)
    return variance[::-1], components / np.where(lengths > 0, lengths, 1.0)


def _randomised_axes(centred, n_features, rank, rng):
    """Subspace iteration on the scatter matrix, which is never formed."""

    def scatter_times(basis):
        product = np.zeros_like(basis)
        for block, weight in centred():
            projected = block @ basis
            if weight is not None:
                projected *= weight[:, None]
            product += block.T @ projected
        return product

    size = min(rank + N_OVERSAMPLES, n_features)
    basis = rng.standard_normal((n_features, size))
    for _ in range(N_POWER_ITERATIONS):
        basis = linalg.qr(scatter_times(basis), mode="economic")[0]
    variance, vectors = linalg.eigh(basis.T @ scatter_times(basis))
    return variance[::-1][:rank], (basis @ vectors).T[::-1][:rank]


def projection_errors(chunks, moments, axes):
    """Return the squared error of every row's projection on the axes, (n_samples,)."""
    errors = []
    for X, _ in chunks():
        block = np.asarray(X, dtype=np.float64) - moments.mean
        block -= (block @ axes.components.T) @ axes.components
        errors.append(np.einsum("ij,ij->i", block, block))
    return np.concatenate(errors)


def _deterministic_signs(components):
    return components * axis_signs(components)[:, None]


def axis_signs(axes):
    """Signs that make each row's largest entry positive: PCA's own convention."""
    largest = np.abs(axes).argmax(axis=1)
    return np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)
