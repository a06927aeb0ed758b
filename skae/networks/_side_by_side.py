"""Several networks of one shape as one: each layer is one batched product."""

import copy

import torch
from torch import nn

from ._autoencoder import Anchored, Autoencoder
from ._layers import Activation, Dropout
from ._prefix import Prefix
from ._shares import Shares

UNCHANGED = (Autoencoder, Anchored, nn.Sequential, nn.Identity, Dropout, Prefix)


class Linears(nn.Module):
    """Linear layers of one shape, from (n_layers, n_rows, n_in) to (..., n_out)."""

    def __init__(self, layers):
        super().__init__()
        # as batched products like it
        self.weight = _stacked([layer.weight.T for layer in layers])
        self.bias = _stacked([layer.bias[None] for layer in layers])

    def forward(self, X):
        return torch.baddbmm(self.bias, X, self.weight)


def _stacked(weights):
    trained = weights[0].requires_grad
    return nn.Parameter(torch.stack(weights).detach(), requires_grad=trained)


def can_stand_side_by_side(module):
    """Whether all parts are linear layers or do the same to one table and to many."""
    return all(map(_is_known, module.modules()))


def _is_known(part):
    if type(part) is nn.Linear:
        return part.bias is not None
    if type(part) is Activation:
        return isinstance(part.function, str)
    return type(part) in UNCHANGED


def side_by_side(modules):
    """Return modules of one structure as one, for (n_modules, n_rows, ...) at a time.

    Buffers get a dimension for the modules and one for the rows before their last.
    """
    first = modules[0]
    if type(first) is nn.Linear:
        return Linears(modules)
    if type(first) is Shares:
        return first.beside(modules[1:])
    together = copy.deepcopy(first)
    for name, _ in first.named_parameters(recurse=False):  # numbers, or one a code
        numbers = [module.get_parameter(name)[None] for module in modules]
        together.register_parameter(name, _stacked(numbers))
    for name in dict(first.named_buffers(recurse=False)):
        buffers = [module.get_buffer(name) for module in modules]
        together.register_buffer(name, torch.stack(buffers, dim=-2).unsqueeze(-2))
    for name, _ in first.named_children():
        parts = [getattr(module, name) for module in modules]
        setattr(together, name, side_by_side(parts))
    return together


def joined(stacks):
    """Return modules that each stand for several side by side as one of all these."""
    memo = {}
    for same in zip(*(stack.parameters() for stack in stacks), strict=True):
        new = torch.cat([weight.detach() for weight in same])
        memo[id(same[0])] = nn.Parameter(new, requires_grad=same[0].requires_grad)
    for same in zip(*(stack.buffers() for stack in stacks), strict=True):
        memo[id(same[0])] = torch.cat(same, dim=-3)
    return copy.deepcopy(stacks[0], memo)
