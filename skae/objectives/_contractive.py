"""Reconstruction by an encoder that pays for how much it stretches the rows."""

from dataclasses import dataclass

import torch

from ..networks._autoencoder import Autoencoder
from ..networks._noise import NoisePart
from ._reconstruction import Reconstruction, ReconstructionLoss

# Codes of up to this size have their Jacobian computed exactly: a step is then at most
# four times as long as a plain one (benchmarks/contractive.py).
EXACT_COMPONENTS = 3


@dataclass(frozen=True)
class Contractive(Reconstruction):
    """The loss plus `contraction` times the encoder's squared slope."""

    contraction: float = 1e-3

    def network(self, encoder, decoder, *, start, table, **options):
        return ContractiveNetwork(encoder, decoder, **options)

    def criterion(self, network):
        return ContractiveLoss(self.loss, network, contraction=self.contraction)


class JacobianNorm(NoisePart):
    """Squared Frobenius norm of dZ/dU for every row.

    Exact for codes of at most EXACT_COMPONENTS: one backward pass a component.
    For larger ones an unbiased estimate along a random direction w of independent signs
    for each row, E |J^T w|^2 = |J|_F^2 (Hutchinson, 1990).
    """

    def forward(self, Z, U):
        """Return shape (n_samples,), for codes Z that were computed from rows U."""
        norms = 0.0
        for direction in self._directions(Z):
            (slopes,) = torch.autograd.grad(
                Z, U, direction, retain_graph=True, create_graph=self.training
            )
            norms = norms + slopes.square().sum(dim=1)
        return norms

    def _directions(self, Z):
        if Z.shape[1] <= EXACT_COMPONENTS:
            for unit in torch.eye(Z.shape[1], dtype=Z.dtype, device=Z.device):
                yield unit.expand_as(Z)
            return
        signs = torch.empty_like(Z)
        yield 2 * signs.bernoulli_(0.5, generator=self.noise_source(Z.device)) - 1


class ContractiveNetwork(Autoencoder):
    """An `Autoencoder` that returns (output, squared norms of its Jacobian)."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.jacobian_norm = JacobianNorm()

    def propagate(self, U):
        """Return the decoder's raw output and |dZ/dU|_F^2 of every row."""
        with torch.inference_mode(False), torch.enable_grad():
            U = U.clone().requires_grad_()
            Z = self.encode_standardised(U)
            norms = self.jacobian_norm(Z, U)
        if not torch.is_grad_enabled():
            Z, norms = Z.detach(), norms.detach()
        return self.decode_standardised(Z), norms


class ContractiveLoss(ReconstructionLoss):
    """A reconstruction loss plus `contraction` times the encoder's squared slope.

    Takes the output of a `ContractiveNetwork`.
    """

    def __init__(self, loss, autoencoder, *, contraction):
        super().__init__(loss, autoencoder)
        self.contraction = contraction

    def per_row(self, output, U, sample_weight=None):
        """Return one loss per row."""
        X_hat, squared_norms = output
        rows = super().per_row(X_hat, U)
        return rows + self.contraction * squared_norms.to(U.dtype)
