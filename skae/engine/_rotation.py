"""Codes centred, decorrelated and sorted."""

import numpy as np
import torch

from ..data._axes import axis_signs
from ..data._group import ALONE
from ..inference import encode
from ..inference._tensors import as_tensor
from ..networks._build import linear_part

# Codes that vary so little beside the widest are rounding, and to whiten that would
# give codes that change with the batch.
ROUNDING = 1e-6


def rotate_codes(network, table, mean, whiten=False):
    """Choose the network's rotation from its codes of the training rows.

    With a linear code the rotation is orthogonal in the units of X. It leaves the
    codes centred, uncorrelated and sorted by variance, each with the sign that makes
    its largest covariance with a column positive. Codes behind a non-linear activation
    stay as they are, but for `whiten`, and ordered codes keep their order: they are not
    rotated. `whiten` divides by the standard deviation, but not codes that hardly
    have one.
    """
    linear_code = network.code_activation.function == "identity"
    if not linear_code and not whiten:
        return
    network.set_rotation(None, None)
    offset, covariance, cross = code_moments(network, table, mean)
    if linear_code:
        unit = np.ones(len(offset))
        if network.code_scale is not None:
            unit = network.code_scale.cpu().numpy()
        rotation = np.diag(unit)
        if network.prefix is None:
            _, vectors = np.linalg.eigh(covariance * unit * unit[:, None])
            rotation = vectors.T[::-1] * unit
        rotation *= axis_signs(rotation @ cross)[:, None]
    else:
        rotation = np.eye(len(offset))
    if whiten:
        variance = np.einsum("ij,jk,ik->i", rotation, covariance, rotation)
        deviation = np.sqrt(np.maximum(variance, 0.0))  # rounding may go below
        varies = deviation > ROUNDING * deviation.max()
        widest = deviation.max() or 1.0
        rotation = rotation / np.where(varies, deviation, widest)[:, None]
    device = next(network.parameters()).device
    network.set_rotation(
        torch.tensor(rotation, device=device), torch.tensor(offset, device=device)
    )


def code_moments(network, table, mean):
    """Return `joint_moments` of the codes of a table and of its rows."""

    def blocks():
        for block, weight in table.chunks():
            # Rows are multiplied in their own precision: more would not be of use.
            yield encode(network, block), block - mean.astype(block.dtype), weight

    return joint_moments(blocks(), table.ranks)


def joint_moments(blocks, ranks=ALONE):
    """Return mean and covariance of codes, and their covariance with centred rows.

    `blocks` yields codes, rows and weights (or None), all arrays, of this one of some
    `ranks`. All is computed by torch: numpy's threads and torch's would wait for each
    other.
    """
    total, sums, squares, cross = 0.0, 0.0, 0.0, 0.0
    for block, centred, weight in blocks:
        Z, rows = as_tensor(block).double(), as_tensor(centred)
        weighted = Z if weight is None else Z * as_tensor(weight)[:, None]
        total += len(Z) if weight is None else weight.sum()
        sums = sums + weighted.sum(dim=0)
        squares = squares + weighted.T @ Z
        cross = cross + (weighted.T.to(rows.dtype) @ rows).double()
    total = ranks.sum(total)
    for part in (sums, squares, cross):
        ranks.add_(part)
    offset = sums / total
    covariance = squares / total - torch.outer(offset, offset)
    return offset.numpy(), covariance.numpy(), (cross / total).numpy()


def linear_axes(network):
    """Return the decoder's linear axes (n_components, n_features), or None."""
    layer = linear_part(network.decoder)
    if layer is None:
        return None
    axes = layer.weight.detach().double().cpu()
    if network.scale_output:
        axes = axes * network.scale.cpu()[:, None]
    if network.rotation is not None:
        axes = axes @ network.inverse_rotation.cpu()
    return axes.T.numpy().copy()


def mean_axes(network, table, mean):
    """Return how rows move with each code on average, (n_components, n_features).

    A regression of the rows on their codes; for PCA these are its axes.
    """
    _, covariance, cross = code_moments(network, table, mean)
    return np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ cross
