"""Codes centred, decorrelated and sorted, and what each of them explains."""

import numpy as np
import torch

from .. import _inference
from .._linear import axis_signs
from ..networks._autoencoder import Anchored
from ..networks._layers import TiedLinear, is_plain_sequence
from ._rows import as_tensor, dense_chunks, spread_rows

SUMMARY_ROWS = 10_000
SUMMARY_CELLS = 2**23
SUMMARY_DECODES = 51_200


def rotate_codes(module, X, weight, mean, *, whiten=False):
    """Choose the module's rotation from its codes of the training rows.

    With a linear code the rotation is orthogonal in the units of X. It leaves the
    codes centred, uncorrelated and sorted by variance, each with the sign that makes
    its largest covariance with a column positive. Codes behind a non-linear activation
    stay as they are. `whiten` divides by the standard deviation.
    """
    linear_code = module.code_activation.function == "identity"
    if not linear_code and not whiten:
        return
    module.set_rotation(None, None)
    offset, covariance, cross = _code_moments(module, X, weight, mean)
    if linear_code:
        unit = np.ones(len(offset))
        if module.code_scale is not None:
            unit = module.code_scale.cpu().numpy()
        _, vectors = np.linalg.eigh(covariance * unit * unit[:, None])
        rotation = vectors.T[::-1] * unit
        rotation *= axis_signs(rotation @ cross)[:, None]
    else:
        rotation = np.eye(len(offset))
    if whiten:
        deviation = np.sqrt(np.einsum("ij,jk,ik->i", rotation, covariance, rotation))
        rotation = rotation / np.where(deviation > 0, deviation, 1.0)[:, None]
    device = next(module.parameters()).device
    module.set_rotation(
        torch.tensor(rotation, device=device), torch.tensor(offset, device=device)
    )


def _code_moments(module, X, weight, mean):
    """Return mean and covariance of the codes and their covariance with the columns."""
    total, sums, squares, cross = 0.0, 0.0, 0.0, 0.0
    for block, block_weight in dense_chunks(X, weight)():
        rows = as_tensor(block)
        Z = torch.from_numpy(_inference.encode(module, block)).double()
        w = torch.ones(len(Z)) if block_weight is None else torch.tensor(block_weight)
        weighted = Z * w[:, None]
        total += float(w.sum())
        sums = sums + weighted.sum(dim=0)
        squares = squares + weighted.T @ Z
        # Only signs are taken from these: the precision of the rows will do.
        centred = rows - torch.from_numpy(mean).to(rows.dtype)
        cross = cross + (weighted.T.to(rows.dtype) @ centred).double()
    offset = sums / total
    covariance = squares / total - torch.outer(offset, offset)
    return offset.numpy(), covariance.numpy(), (cross / total).numpy()


def linear_axes(module):
    """Return the decoder's linear axes (n_components, n_features), or None."""
    layer = module.decoder
    if isinstance(layer, Anchored):
        layer = layer.linear
    if is_plain_sequence(layer) and len(layer) == 1:
        layer = layer[0]
    if not isinstance(layer, (torch.nn.Linear, TiedLinear)):
        return None
    axes = layer.weight.detach().double().cpu()
    if module.scale_output:
        axes = axes * module.scale.cpu()[:, None]
    if module.rotation is not None:
        axes = axes @ module.inverse_rotation.cpu()
    return axes.T.numpy().copy()


def explained_variance_ratio(module, X, weight, n_components):
    """Return the R^2 that each further component adds, in order.

    The components after it are held at their mean; without any, the mean row is what is
    left, of R^2 zero. So they sum to the R^2 of the reconstruction. At most
    SUMMARY_ROWS evenly spaced rows are used, fewer where much has to be decoded.
    """
    cheap = min(200, SUMMARY_DECODES // n_components)
    affordable = max(32, cheap, SUMMARY_CELLS // (n_components * X.shape[1]))
    block, w = spread_rows(X, weight, min(SUMMARY_ROWS, affordable))
    w = np.ones(len(block)) if w is None else w
    Z = _inference.encode(module, block)
    centre = np.average(Z, axis=0, weights=w).astype(Z.dtype)
    target = block.astype(np.float64)
    total = w @ ((target - np.average(target, axis=0, weights=w)) ** 2).sum(axis=1)
    if total == 0:
        return np.zeros(n_components)
    scores = [0.0]
    for n_kept in range(1, n_components + 1):
        truncated = np.where(np.arange(n_components) < n_kept, Z, centre)
        residual = _inference.decode(module, truncated) - target
        scores.append(1 - w @ (residual**2).sum(axis=1) / total)
    return np.diff(scores)
