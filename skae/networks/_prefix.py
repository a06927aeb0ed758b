"""Codes in order: a decoder that makes do with the first few of them."""

import copy
from contextlib import contextmanager

import torch
from torch import nn

from ._noise import NoisePart

GOLDEN = 0.6180339887498949  # its multiples spread any number of rows evenly


def octaves(n_components):
    """Return sizes in groups, a first and a last each: 1, 2, 3 to 4, 5 to 8 and so on.

    The last group is all codes; the one before ends below.
    """
    groups, last = [], 0
    while last < n_components - 1:
        first, last = last + 1, min(max(1, 2 * last), n_components - 1)
        groups.append((first, last))
    return [*groups, (n_components, n_components)]


class Prefix(NoisePart):
    """Passes codes on several times, each time without the last of them.

    So it does while training or judged; otherwise it is the identity. A decoder that
    has to do with the first codes alone makes the first the one that it could do least
    without. There is one pass for each group of `octaves`. In training, rows take sizes
    from all over the group; judges see its last size.

    Parameters
    ----------
    left : Tensor of shape (n_components,)
        What principal components leave of the variance: one, two and so on. Errors with
        as many codes count by how large they are beside it.

    `missing` is what stands for codes that are left out: zero, the mean row's code, as
    long as nothing better is learnt.

    References
    ----------
    Rippel, O., Gelbart, M. A., and Adams, R. P. (2014). Learning ordered
    representations with nested dropout. ICML, 1746-1754.

    Kusupati, A., et al. (2022). Matryoshka representation learning. NeurIPS.
    """

    draws_when_judged = False

    def __init__(self, left, dtype):
        super().__init__()
        self.register_buffer("left", left)
        groups = octaves(len(left))
        weight = 1 / left[torch.tensor([last for _, last in groups]) - 1]
        self.register_buffer("weight", (weight / weight.sum()).to(dtype))
        self.missing = nn.Parameter(torch.zeros(len(left), dtype=dtype))
        self.groups = groups
        self.n_first = None

    @property
    def n_components(self):
        return self.missing.shape[-1]

    def forward(self, Z):
        if self.n_first is not None:
            return self._first(Z, self.n_first)
        if not self.is_active:
            return Z
        if not self.training:
            return torch.cat([self._first(Z, last) for _, last in self.groups], dim=-2)
        start = torch.rand((), generator=self.generator, device=Z.device)
        rows = torch.arange(Z.shape[-2], device=Z.device)
        places = (start + GOLDEN * rows) % 1
        passes = [
            self._first(Z, first + (places * (last - first + 1)).floor()[:, None])
            for first, last in self.groups
        ]
        return torch.cat(passes, dim=-2)

    def _first(self, Z, sizes):
        kept = torch.arange(Z.shape[-1], device=Z.device) < sizes
        return torch.where(kept, Z, self.missing.to(Z.dtype))

    @contextmanager
    def holding(self, n_first):
        """Pass on as many codes of all rows, once, while the block runs."""
        self.n_first = n_first
        try:
            yield
        finally:
            self.n_first = None


class First(nn.Module):
    """Returns the first columns."""

    def __init__(self, n_columns):
        super().__init__()
        self.n_columns = n_columns

    def forward(self, X):
        return X[..., : self.n_columns]

    def extra_repr(self):
        return str(self.n_columns)


class Extended(nn.Module):
    """Adds columns that are the same in every row."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(values)

    def forward(self, X):
        values = self.values.to(X.dtype).expand(*X.shape[:-1], -1)
        return torch.cat([X, values], dim=-1)


def truncated(autoencoder, n_components):
    """Return a copy of an ordered autoencoder that has its first codes alone."""
    return truncate(copy.deepcopy(autoencoder), n_components)


def truncate(autoencoder, n_components):
    """Let an ordered autoencoder have its first codes alone, in place, and return it.

    What a decoder makes of codes that are missing is kept beside it.
    """
    prefix, kept = autoencoder.prefix, slice(n_components)
    missing = prefix.missing.detach()
    autoencoder.encoder = nn.Sequential(autoencoder.encoder, First(n_components))
    autoencoder.decoder = nn.Sequential(
        Extended(missing[n_components:].clone()), autoencoder.decoder
    )
    autoencoder.prefix = Prefix(prefix.left[kept].clone(), missing.dtype)
    autoencoder.prefix.missing.data.copy_(missing[kept])
    if autoencoder.code_scale is not None:
        autoencoder.code_scale = autoencoder.code_scale[kept].clone()
    if autoencoder.rotation is not None:
        autoencoder.set_rotation(
            autoencoder.rotation[kept, kept].clone(),
            autoencoder.code_offset[kept].clone(),
        )
    return autoencoder
