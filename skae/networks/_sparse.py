"""Networks whose code is mostly zero, and those that only report their code."""

import torch
from torch import nn

from ._autoencoder import Autoencoder
from ._layers import Activation

# A unit is dead once it has been left out this many times as long as an average unit
# is between two rows that it is active in.
PATIENCE = 20


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
