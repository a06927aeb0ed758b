"""How much each component explains, in order."""

import numpy as np
import torch

from ..data._threads import threads_for
from ..inference import encode, reconstruct
from ..inference._tensors import as_tensor
from ..networks._build import acts_linearly
from ._ordered import errors_by_size
from ._rotation import linear_axes

# Where a component's share is measured: on so many rows of an ordered code; of others,
# between which the reconstruction is predicted, at a cost that grows with the cube.
MOST_ROWS = 10_000
PREDICTED_ROWS = 150
MOST_SIZES = 16  # of a larger code; between them shares are equal
# One over the squared width of the kernel, of codes with unit variance, times their
# number, and penalties.
GAMMAS = (0.5, 5.0)
PENALTIES = (0.03, 1.0)


def explained_variance_ratio(network, moments, table):
    """Return what each further component adds to the R^2 of the reconstruction.

    They sum to the R^2 that follows from `CodeMoments`. For linear maps all does, and
    is exact. Of an ordered code it is what the reconstruction from the first codes
    alone gains by one more, on rows of a table. Of any other code it is that R^2 times
    the share of the reconstruction's variance that the code adds to what those before
    it tell of the reconstruction.
    """
    if acts_linearly(network):
        axes = linear_axes(network)
        return linear_ratio(axes, moments.covariance, moments.cross, moments.scale)
    if not moments.scale.any():
        return np.zeros(len(moments.mean))
    if network.prefix is not None:
        r2s = r2_by_size(network, table.spread(MOST_ROWS))
        shares = r2s / r2s[-1]
    else:
        few = table.spread(PREDICTED_ROWS).gathered()
        shares = predictable_shares(network, few)
    r2 = 1 - moments.error / np.square(moments.scale).sum()
    return r2 * np.diff(shares, prepend=0.0)


def spectrum(ratio, table, n_samples):
    """Return attributes of scikit-learn's PCA that follow from what is explained.

    `n_samples` are those that the table stands for.
    """
    freedom = max(1, n_samples - 1)
    total = np.square(table.moments.scale).sum() * n_samples / freedom
    variance = ratio * total
    return {
        "explained_variance": variance,
        "singular_values": np.sqrt(freedom * variance.clip(min=0)),
        "n_samples": n_samples,
    }


def linear_ratio(axes, covariance, cross, scale):
    """Return `explained_variance_ratio` of a linear decoder with some axes.

    `covariance` is that of the codes, `cross` that of codes and columns, and `scale`
    the columns' standard deviation. Components that are left out are held at their
    mean.
    """
    unit = scale.max(initial=0.0) or 1.0
    total = ((scale / unit) ** 2).sum()
    if total == 0:
        return np.zeros(len(covariance))
    axes, cross = axes / unit, cross / unit
    hits = 2 * np.einsum("kj,kj->k", axes, cross)
    costs = (axes @ axes.T) * covariance
    explained = np.cumsum(hits) - np.diag(costs.cumsum(axis=0).cumsum(axis=1))
    return np.diff(explained / total, prepend=0.0)


def r2_by_size(network, table):
    """Return the R^2 of an ordered network with one code, with two and so on."""
    errors = table.mean(errors_by_size(network, table))
    return 1 - errors / np.square(table.moments.scale).sum()


def predictable_shares(network, table):
    """Return the share of a reconstruction's variance that its first codes predict.

    One for every number of codes. Rows are left out, one at a time, and predicted from
    the others; a code that does not help may be ignored, so shares never fall.
    """
    Z = as_tensor(encode(network, table)).double()
    target = as_tensor(reconstruct(network, table)).double()
    weight = np.ones(len(Z)) if table.weight is None else table.weight
    weight = torch.as_tensor(weight / weight.sum())[:, None]
    target = target - (weight * target).sum(dim=0)
    total = (weight * target.square()).sum()
    n_components = Z.shape[1]
    if total == 0:
        return np.ones(n_components)
    Z = Z - Z.mean(dim=0)
    deviation = Z.std(dim=0, correction=0)
    Z = Z / torch.where(deviation > 0, deviation, 1.0)
    sizes = _sizes(n_components)
    with threads_for(len(Z) ** 2, len(Z)):
        missed = [_least_error(Z[:, :k], target, weight) for k in sizes[:-1]]
    shares = 1 - torch.tensor([*missed, 0.0]).double().numpy() / float(total)
    shares = np.maximum.accumulate(shares.clip(0, 1))
    return np.interp(np.arange(n_components + 1), [0, *sizes], [0.0, *shares])[1:]


def _sizes(n_components):
    if n_components <= MOST_SIZES:
        return np.arange(1, n_components + 1)
    return np.unique(np.geomspace(1, n_components, MOST_SIZES).round().astype(int))


def _least_error(Z, target, weight):
    """Return the least error of kernel ridge regressions on rows that are left out.

    The kernel is a linear one plus a Gaussian one, so that many codes do no harm.
    """
    k = Z.shape[1]
    linear, distances = Z @ Z.T / k, torch.cdist(Z, Z).square() / k
    least = float((weight * target.square()).sum())
    for gamma in GAMMAS:
        kernel = linear + torch.exp(-gamma * distances)
        for penalty in PENALTIES:
            kernel.diagonal().add_(penalty)
            inverse = torch.cholesky_inverse(torch.linalg.cholesky(kernel))
            kernel.diagonal().sub_(penalty)
            left_out = (inverse @ target) / inverse.diagonal()[:, None]
            least = min(least, float((weight * left_out.square()).sum()))
    return least
