"""Codes centred, decorrelated and sorted."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..data._axes import axis_signs
from ..data._group import ALONE
from ..data._moments import check_squares
from ..inference import decode, encode, squared_residual
from ..inference._tensors import as_tensor
from ..networks._build import acts_linearly, linear_part

# Codes that vary so little beside the widest are rounding, and to whiten that would
# give codes that change with the batch.
ROUNDING = 1e-6


@dataclass(frozen=True)
class CodeMoments:
    """What sums over the rows of a table tell of a network.

    Attributes
    ----------
    mean : ndarray of shape (n_components,)
        Of the codes.

    covariance : ndarray of shape (n_components, n_components)

    cross : ndarray of shape (n_components, n_features)
        Covariance of codes and columns.

    scale : ndarray of shape (n_features,)
        Standard deviations of the columns.

    error : float or None
        Mean squared error of a row's reconstruction; None of linear maps, for which it
        follows from the rest.
    """

    mean: np.ndarray
    covariance: np.ndarray
    cross: np.ndarray
    scale: np.ndarray
    error: float | None

    def rotated(self, rotation, offset):
        """Return those of the codes (Z - offset) rotation^T."""
        return replace(
            self,
            mean=rotation @ (self.mean - offset),
            covariance=rotation @ self.covariance @ rotation.T,
            cross=rotation @ self.cross,
        )


def rotate_codes(network, table, task):
    """Choose the network's rotation from its codes of the training rows.

    With a linear code the rotation is orthogonal in the units of X. It leaves the
    codes centred, uncorrelated and sorted by variance, each with the sign that makes
    its largest covariance with a column positive. Codes behind a non-linear activation
    stay as they are, but for `whiten`, and ordered codes keep their order: they are not
    rotated. `whiten` divides by the standard deviation, but not codes that hardly
    have one. Returns the `CodeMoments` of the codes as they are then.
    """
    linear_code = network.code_activation.function == "identity"
    whiten = task.blueprint.whiten
    if not (task.rotates and (linear_code or whiten)):
        return code_moments(network, table)
    network.set_rotation(None, None)
    moments = code_moments(network, table)
    offset, covariance = moments.mean, moments.covariance
    if linear_code:
        unit = np.ones(len(offset))
        if network.code_scale is not None:
            unit = network.code_scale.cpu().numpy()
        rotation = np.diag(unit)
        if network.prefix is None:
            _, vectors = np.linalg.eigh(covariance * unit * unit[:, None])
            rotation = vectors.T[::-1] * unit
        rotation *= axis_signs(rotation @ moments.cross)[:, None]
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
    return moments.rotated(rotation, offset)


def code_moments(network, table):
    """Return the `CodeMoments` of a network and a table, which is read once."""
    moments, is_linear, error = table.moments, acts_linearly(network), 0.0
    check_squares(moments)
    middle = moments.mean[None].astype(table.dtype)
    shift = encode(network, middle)

    def blocks():
        nonlocal error
        for block, weight in table.chunks():
            Z = encode(network, block)
            if not is_linear:
                errors = squared_residual(block, decode(network, Z)).sum(dim=1).numpy()
                error += errors.sum() if weight is None else weight @ errors
            # Rows are multiplied in their own precision: more would not be of use.
            yield Z - shift, block - middle, weight

    mean, covariance, cross = joint_moments(blocks(), table.ranks)
    error = None if is_linear else table.ranks.sum(error) / moments.total_weight
    return CodeMoments(mean + shift[0], covariance, cross, moments.scale, error)


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


def mean_axes(moments):
    """Return how rows move with each code on average, (n_components, n_features).

    A regression of the rows on their codes; for PCA these are its axes.
    """
    inverse = np.linalg.pinv(moments.covariance, rcond=1e-10, hermitian=True)
    return inverse @ moments.cross
