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
        distances = torch.cdist(
            Z.double(), self.centres, compute_mode="donot_use_mm_for_euclid_dist"
        )
        correction = torch.exp(-self.gamma * distances.square()) @ self.coef
        return correction.to(Z.dtype)

    def extra_repr(self):
        return f"{len(self.centres)} centres, gamma={self.gamma:g}"


def correct_by_kernels(autoencoder, centres, gamma, coef):
    """Let a network that is PCA keep its encoder and correct its decoder, in place."""
    linear = autoencoder.decoder.linear
    basis = RadialBasis(centres.double(), gamma, coef.double())
    autoencoder.encoder = autoencoder.encoder.linear
    autoencoder.decoder = Anchored(linear, basis.to(linear.weight.device))
    autoencoder.work += 2 * coef.numel()
    autoencoder.widest = max(autoencoder.widest, len(centres))
