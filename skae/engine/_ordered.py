"""Codes in order: which are left out in training, who judges, and how many to keep."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..inference import decode, encode
from ..networks._prefix import truncate, truncated

# By how much more errors with all codes count than those with one, beyond what they
# are less.
LARGEST_FACTOR = 100.0
# What "auto" chooses from: as many components as PCA needs for this share of variance.
AUTO_SHARE = 0.99


def variance_left(start, blueprint):
    """Return the share of variance that the first components leave, (n_components,).

    Of a network that does not start at PCA nobody knows: all sizes are alike.
    """
    if start is None:
        return torch.ones(blueprint.n_components, dtype=torch.float64)
    variance = start.code_scale.square()
    left_out = blueprint.n_features - blueprint.n_components
    left = variance.flip(0).cumsum(0).flip(0) - variance
    left = left + start.noise_variance * max(0, left_out)
    largest = left[0].clamp(min=torch.finfo(left.dtype).tiny)
    return (left / largest).clamp(min=1 / LARGEST_FACTOR)


def for_each_size(network, losses):
    """Return what `losses` gives, of ordered codes one column for each judged size.

    Their mean is what such a network is trained by.
    """
    prefix = network.prefix
    if prefix is None:
        return losses()
    columns = []
    for _, size in prefix.groups:
        with prefix.holding(size):
            columns.append(losses())
    n_sizes = len(columns)
    weight = prefix.weight.reshape(-1, n_sizes).mean(dim=0)  # one row for each network
    return np.stack(columns, axis=-1) * (n_sizes * weight.double().cpu().numpy())


@dataclass(frozen=True)
class BySize:
    """What the rows that judge say of the first codes alone: of one, of two and so on.

    Attributes
    ----------
    errors, pca_errors : ndarray of shape (n_components,)
        Mean squared errors per cell.

    deviations : ndarray of shape (n_components,)
        Standard errors of the first.

    variance : float
        Of the rows that judge, per cell.
    """

    errors: np.ndarray
    pca_errors: np.ndarray
    deviations: np.ndarray
    variance: float

    @classmethod
    def of(cls, errors, pca_errors, table, n_columns):
        """Return it for squared errors per cell of rows, one column a size.

        `n_columns` are those that have been restored.
        """
        ranks = table.ranks
        share = np.ones(len(errors)) if table.weight is None else table.weight
        share = share / ranks.sum(share.sum())
        mean = ranks.sum(share @ errors)
        deviations = np.sqrt(ranks.sum(np.square(share) @ (errors - mean) ** 2))
        variance = float(np.square(table.moments.scale).sum() / n_columns)
        return cls(mean, ranks.sum(share @ pca_errors), deviations, variance)

    def of_pca(self):
        """Return it for PCA in the network's place."""
        return replace(self, errors=self.pca_errors)

    def first(self, n_components):
        """Return it without the later codes."""
        kept = slice(n_components)
        return replace(
            self,
            errors=self.errors[kept],
            pca_errors=self.pca_errors[kept],
            deviations=self.deviations[kept],
        )

    def fewest(self, rule):
        """Return how many codes to keep.

        `rule` is the R^2 that they should reach, or "auto": the fewest with an error
        not above the least one and its standard error.
        """
        if rule == "auto":
            best = int(np.argmin(self.errors))
            is_enough = self.errors <= self.errors[best] + self.deviations[best]
        else:
            is_enough = self.errors <= (1 - rule) * self.variance
        return int(np.argmax(is_enough)) + 1 if is_enough.any() else len(self.errors)


def errors_by_size(network, table):
    """Return the squared error of every row with the first codes of an ordered network.

    Shape (n_rows, n_components): with one code, with two and so on.
    """
    Z, X = encode(network, table), table.block(slice(None)).astype(np.float64)
    errors = [
        np.square(decode(truncated(network, k), Z[:, :k]) - X).sum(axis=1)
        for k in range(1, Z.shape[1] + 1)
    ]
    return np.stack(errors, axis=1)


def pca_errors_by_size(axes, n_components, table):
    """Return the same of principal axes, the last again and again if they are fewer."""
    X = table.block(slice(None)).astype(np.float64) - axes.mean
    explained = np.square(X @ axes.components.T).cumsum(axis=1)
    left = (np.square(X).sum(axis=1)[:, None] - explained).clip(min=0)
    if not left.shape[1]:
        left = np.square(X).sum(axis=1)[:, None]
    return left[:, np.minimum(np.arange(n_components), left.shape[1] - 1)]


def components_needed(table, rule):
    """Return how many components PCA needs for a share of the variance.

    `rule` is that share, or "auto".
    """
    share = AUTO_SHARE if rule == "auto" else rule
    total, rank = np.square(table.moments.scale).sum(), max(1, min(table.total_shape))
    size = min(rank, 256)
    while True:
        explained = table.axes(size).explained_variance.cumsum()
        reached = explained >= share * total
        if reached.any():
            return int(np.argmax(reached)) + 1
        if size >= rank:
            return max(1, len(explained))
        size = min(rank, 2 * size)


def truncated_net(net, n_components):
    """Return a copy of a net whose ordered network has its first codes alone."""
    net, is_sealed = copy.deepcopy(net), net.network_.sealed
    truncate(net.network_, n_components)
    net.initialize_optimizer()
    if is_sealed:
        net.network_.seal()
    return net
