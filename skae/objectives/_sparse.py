"""Reconstruction from codes that are mostly zero."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from ..inference import encode
from ..networks._autoencoder import Autoencoder
from ..networks._layers import Activation
from ._reconstruction import Reconstruction, ReconstructionLoss

# A unit is dead once it has been left out this many times as long as an average unit
# is between two rows that it is active in.
PATIENCE = 20


# What the second output of a `TopKNetwork` counts (Gao et al., 2024, use 1/32).
WAKING_WEIGHT = 1 / 32
SUMMARY_ROWS = 10_000
DEAD = 1e-3  # of the largest standard deviation of a unit


@dataclass(frozen=True)
class Sparse(Reconstruction):
    """The loss plus what it costs a code to be active.

    Attributes
    ----------
    sparsity : {"l1", "kl", "top_k"}
        "l1" sums the absolute values of a row's code. "kl" sums over the units the
        divergence KL(rho || rate), in nats, of a unit's mean activation over the batch
        from the target. "top_k" costs nothing, but keeps `k` units of a row alone.

    weight : float
        Of the penalty.

    rho : float
        Target of "kl".

    k, n_components : int
        Units of "top_k", of how many.
    """

    sparsity: str = "l1"
    weight: float = 1e-3
    rho: float = 0.05
    k: int = 1
    n_components: int = 1

    network_fields: ClassVar[tuple] = ("sparsity",)
    rotates: ClassVar[bool] = False

    def network(self, encoder, decoder, *, code_activation, start, table, **options):
        if self.sparsity != "top_k":
            options["code_activation"] = code_activation
            return SparseNetwork(encoder, decoder, **options)
        return TopKNetwork(
            encoder,
            decoder,
            code_activation=TopK(self.k, code_activation),
            n_components=self.n_components,
            **options,
        )

    def adapt(self, network, table, blocks=None):
        if self.sparsity == "top_k":
            network.code_activation.function.k = self.k

    def criterion(self, network):
        return SparseLoss(self, network)

    def report(self, network, table):
        """Return the share of active units and which never are, of up to 10000 rows."""
        rows = table.spread(SUMMARY_ROWS)
        Z = encode(network, rows)
        active = Z if self.sparsity == "kl" else Z != 0
        spread = np.sqrt(rows.mean((Z - rows.mean(Z)) ** 2))
        share = rows.mean(active.mean(axis=1))
        dead = np.flatnonzero(spread <= DEAD * spread.max())
        return {"active_share": float(share), "dead_units": dead}


class SparseNetwork(Autoencoder):
    """An `Autoencoder` that returns (output, Z): a criterion can judge the code."""

    def propagate(self, U):
        """Return the decoder's raw output and the codes of standardised rows."""
        Z = self.encode_standardised(U)
        return self.decode_standardised(Z), Z


class TopK(nn.Module):
    """Keeps the `k` largest activations of every row and sets the others to zero.

    Parameters
    ----------
    k : int

    activation : str or callable
        Applied before; with "relu" fewer than k may stay.
    """

    def __init__(self, k, activation="identity"):
        super().__init__()
        self.k = k
        self.activation = Activation(activation)

    def forward(self, Z):
        return _keep_largest(self.activation(Z), self.k)

    def extra_repr(self):
        return f"k={self.k}"


class TopKNetwork(SparseNetwork):
    """A `SparseNetwork` behind a `TopK` that wakes units which have died.

    A unit that is never among the largest gets no gradient and stays out for good.
    So while there are dead ones, training sees a second output (Gao et al., 2024): the
    k largest of the dead are added to the code, which itself is held fixed. What they
    learn is what the active units leave over.

    Returns (output, Z) or, with dead units in training, (output, Z, second output).
    """

    def __init__(self, encoder, decoder, *, code_activation, n_components, **options):
        super().__init__(encoder, decoder, code_activation=code_activation, **options)
        self.patience = PATIENCE * -(-n_components // code_activation.k)
        self.register_buffer("idle", torch.zeros(n_components, dtype=torch.int64))

    def propagate(self, U):
        """Return the decoder's raw output and the codes of standardised rows."""
        if not self.training:
            return super().propagate(U)
        top = self.code_activation.function
        A = top.activation(self.encoder(U))
        Z = _keep_largest(A, top.k)
        output = self.decode_standardised(Z)
        with torch.no_grad():
            used = (Z != 0).any(dim=0)
            self.idle = torch.where(used, 0, self.idle + len(Z))
            dead = self.idle > self.patience
            n_dead = int(dead.sum())
        if n_dead == 0:
            return output, Z
        asleep = A.masked_fill(~dead, -torch.inf)
        woken = Z.detach() + _keep_largest(asleep, min(top.k, n_dead))
        return output, Z, self.decode_standardised(woken)


def _keep_largest(Z, k):
    values, columns = Z.topk(k, dim=1)
    return torch.zeros_like(Z).scatter(1, columns, values)


class SparseLoss(ReconstructionLoss):
    """A reconstruction loss plus what it costs a code to be active.

    Takes the output of a `SparseNetwork`, and a `Sparse` objective.
    """

    def __init__(self, objective, autoencoder):
        super().__init__(objective.loss, autoencoder)
        self.objective = objective

    def per_row(self, output, U, sample_weight=None):
        """Return one loss per row; "kl" is the same for all rows of a batch."""
        X_hat, Z, *second = output
        rows = super().per_row(X_hat, U)
        for X_woken in second:
            rows = rows + WAKING_WEIGHT * super().per_row(X_woken, U)
        if self.objective.sparsity == "top_k":
            return rows
        if self.objective.sparsity == "l1":
            return rows + self.objective.weight * Z.abs().sum(dim=1)
        penalty = kl_penalty(Z.to(U.dtype), self.objective.rho, sample_weight)
        return rows + self.objective.weight * penalty


def kl_penalty(Z, rho, sample_weight=None):
    """Return the sum over units of KL(rho || their mean activation), a scalar."""
    if sample_weight is None:
        rate = Z.mean(dim=0)
    else:
        rate = sample_weight @ Z / sample_weight.sum()
    rate = rate.clamp(1e-6, 1 - 1e-6)
    on, off = rho * (rho / rate).log(), (1 - rho) * ((1 - rho) / (1 - rate)).log()
    return (on + off).sum()
