"""The linear autoencoder that training starts from."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..data._moments import reciprocal
from ..data._threads import threads_for

LINK_ROWS = 4096
LINK_ITERATIONS = 60
# Of the columns' root mean square deviation. A pixel that is black in all training rows
# but one would stand 1000 deviations out in the next, and the network's answer with it:
# on MNIST (5000 rows, 64 components) the floor takes a fifth off the test error.
SMALLEST_SCALE = 0.1


@dataclass(frozen=True)
class Start:
    """PCA as the weights of a network whose columns and codes have unit variance.

    Attributes
    ----------
    mean, scale : Tensor of shape (n_features,), float64
        What the columns are standardised by.

    axes_in : Tensor of shape (n_components, n_features)
        From standardised columns to codes of unit variance.

    axes_out : Tensor of shape (n_features, n_components)
        From codes to the decoder's raw output.

    offset : Tensor of shape (n_features,)
        The raw output for the code zero.

    code_scale : Tensor of shape (n_components,), float64
        Standard deviation of each code in the units of X.

    code_offset : Tensor of shape (n_components,)
        The code of the mean row.

    noise_variance : float
        Mean variance along the axes left out, in the units of X squared.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    axes_in: torch.Tensor
    axes_out: torch.Tensor
    offset: torch.Tensor
    code_scale: torch.Tensor
    code_offset: torch.Tensor
    noise_variance: float


def pca_start(moments, axes, n_components, *, tied=False):
    """Return PCA as a `Start`; components beyond the table's rank start at zero."""
    n_features = len(moments.scale)
    scale = raise_smallest(moments.scale)
    if tied:  # one scale for all columns: the decoder's axes are the encoder's
        total = np.sqrt(np.mean(scale**2)) if scale.any() else 1.0
        scale = np.where(scale > 0, total, 0.0)
    code_scale = np.ones(n_components)
    axes_in = np.zeros((n_components, n_features))
    axes_out = np.zeros((n_features, n_components))
    n_axes = len(axes.components)
    if tied:
        code_scale[:] = total
    else:
        code_scale[:n_axes] = np.sqrt(axes.explained_variance)
    unit = code_scale[:n_axes]
    axes_in[:n_axes] = axes.components * (scale / unit[:, None])
    axes_out[:, :n_axes] = axes.components.T * unit * reciprocal(scale)[:, None]
    return Start(
        mean=torch.tensor(moments.mean),
        scale=torch.tensor(scale),
        axes_in=torch.tensor(axes_in),
        axes_out=torch.tensor(axes_out),
        offset=torch.zeros(n_features, dtype=torch.float64),
        code_scale=torch.tensor(code_scale),
        code_offset=torch.zeros(n_components, dtype=torch.float64),
        noise_variance=_variance_left(moments, axes),
    )


def _variance_left(moments, axes):
    left_out = max(1, len(moments.scale) - len(axes.components))
    left = np.sum(moments.scale**2) - np.sum(axes.explained_variance)
    return max(0.0, float(left)) / left_out


def raise_smallest(scale):
    """Return scales with a floor, but for constant columns; the objective is the same.

    It is in the units of X, whatever the columns are divided by.
    """
    largest = scale.max(initial=0.0) or 1.0
    floor = SMALLEST_SCALE * largest * np.sqrt(np.mean((scale / largest) ** 2))
    return np.where(scale > 0, np.maximum(scale, floor), 0.0)


def fit_sigmoid_link(start, table):
    """Return `start` with a decoder that fits rows in [0, 1] through a sigmoid.

    Logistic regression of every column on the codes, by steps with the constant bound
    Z^T Z / 4 on the Hessian (Boehning and Lindsay, 1988), which never overshoot.
    """
    few = table.spread(LINK_ROWS).gathered()
    work = few.n_columns * (len(start.axes_in) + 1)
    with threads_for(work, few.n_rows, training=True):
        return _fit_sigmoid_link(start, few.block(slice(None)), few.weight)


def _fit_sigmoid_link(start, block, w):
    X = torch.tensor(block, dtype=torch.float32).clamp(0.001, 0.999)
    inverse_scale = torch.where(start.scale > 0, 1 / start.scale, 0.0)
    U = (torch.tensor(block, dtype=torch.float64) - start.mean) * inverse_scale
    Z = torch.cat([U @ start.axes_in.T, torch.ones(len(U), 1, dtype=U.dtype)], dim=1)
    weighted = Z if w is None else Z * torch.tensor(w)[:, None]
    ridge = 1e-3 * len(Z) * torch.eye(Z.shape[1], dtype=Z.dtype)
    step = (4 * torch.linalg.inv(weighted.T @ Z + ridge)).float()
    Z, weighted = Z.float(), weighted.float()
    coef = X.new_zeros(Z.shape[1], X.shape[1])
    coef[-1] = start.mean.clamp(0.001, 0.999).logit()
    for _ in range(LINK_ITERATIONS):
        slope = weighted.T @ (X - torch.sigmoid(Z @ coef)) - 1e-3 * coef
        coef += step @ slope
    coef = coef.double()
    return replace(start, axes_out=coef[:-1].T.contiguous(), offset=coef[-1])
