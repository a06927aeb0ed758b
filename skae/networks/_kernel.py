"""A correction that is a sum of radial basis functions around some codes."""

import torch
from torch import nn

from ._autoencoder import Anchored


class RadialBasis(nn.Module):
    """Gaussian kernels around centres times coefficients.

    It computes in float64: the coefficients are large and cancel each other.

    Parameters
    ----------
    centres : Tensor of shape (n_centres, n_components)

    gamma : float
        One over twice the squared width.

    coef : Tensor of shape (n_centres, n_features)
    """

    def __init__(self, centres, gamma, coef):
        super().__init__()
        self.centres = nn.Parameter(centres)
        self.coef = nn.Parameter(coef)
        self.gamma = gamma

    def forward(self, Z):
        distances = _squared_distances(Z.double(), self.centres)
        return (torch.exp(-self.gamma * distances) @ self.coef).to(Z.dtype)

    def extra_repr(self):
        return f"{len(self.centres)} centres, gamma={self.gamma:g}"


def _squared_distances(Z, centres):
    if torch.is_grad_enabled():  # torch.func makes wrong gradients of torch.cdist
        return (Z[:, None] - centres).square().sum(dim=2)
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(Z, centres, compute_mode=mode).square()


def correct_by_kernels(autoencoder, centres, gamma, coef):
    """Let a network that is PCA keep its encoder and correct its decoder, in place."""
    linear = autoencoder.decoder.linear
    basis = RadialBasis(centres.double(), gamma, coef.double())
    autoencoder.encoder = autoencoder.encoder.linear
    autoencoder.decoder = Anchored(linear, basis.to(linear.weight.device))
    autoencoder.work += 2 * coef.numel()
    autoencoder.widest = max(autoencoder.widest, len(centres))
