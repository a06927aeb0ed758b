"""A network that reports how much its encoder stretches the rows around each row."""

import torch

from ._autoencoder import Autoencoder
from ._noise import NoisePart

# Codes of up to this size have their Jacobian computed exactly: a step is then at most
# four times as long as a plain one (benchmarks/contractive.py).
EXACT_COMPONENTS = 3


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
