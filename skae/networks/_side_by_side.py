"""Several copies of a network as one: each layer is one batched product."""

import copy

import torch
from torch import nn

from ._autoencoder import Anchored, Autoencoder
from ._layers import Activation

UNCHANGED = (Autoencoder, Anchored, nn.Sequential, nn.Identity)


class Linears(nn.Module):
    """Copies of a linear layer, from (n_copies, n_rows, n_in) to (..., n_out)."""

    def __init__(self, layer, n_copies):
        super().__init__()
        self.weight = _repeat(layer.weight.T, n_copies)  # as batched products like it
        self.bias = _repeat(layer.bias, n_copies)

    def forward(self, X):
        return torch.baddbmm(self.bias, X, self.weight)


def _repeat(weight, n_copies):
    copies = weight.detach().repeat(n_copies, 1, 1)
    return nn.Parameter(copies, requires_grad=weight.requires_grad)


def can_stand_side_by_side(module):
    """Whether all parts are linear layers or do the same to one table and to many."""
    return all(map(_is_known, module.modules()))


def _is_known(part):
    if type(part) is nn.Linear:
        return part.bias is not None
    if type(part) is Activation:
        return isinstance(part.function, str)
    return type(part) in UNCHANGED


def side_by_side(module, n_copies):
    """Return a copy of a module with `n_copies` of each of its linear layers."""
    if type(module) is nn.Linear:
        return Linears(module, n_copies)
    copies = copy.deepcopy(module)
    for name, part in module.named_children():
        setattr(copies, name, side_by_side(part, n_copies))
    return copies
