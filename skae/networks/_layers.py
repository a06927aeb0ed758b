"""Layers that take their random numbers from a generator of their own."""

import torch
from torch import nn
from torch.nn import functional as F

from ._network import RandomPart


class Activation(nn.Module):
    """An elementwise function, by its name in torch.nn.functional or a callable."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, X):
        if self.function == "identity":
            return X
        return self.as_callable()(X)

    def as_callable(self):
        """Return the function itself."""
        return self.function if callable(self.function) else getattr(F, self.function)

    def extra_repr(self):
        return str(self.function)


class Dropout(RandomPart):
    """Sets a share `p` of the units to zero while training, as torch.nn.Dropout.

    The masks come from `generator`, which the training loop sets; torch.nn.Dropout
    would advance the global generator.
    """

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, X):
        if not self.training or self.p == 0:
            return X
        kept = torch.empty_like(X).bernoulli_(1 - self.p, generator=self.generator)
        return X * kept / (1 - self.p)

    def extra_repr(self):
        return f"p={self.p}"


class TiedLinear(nn.Module):
    """A linear layer that uses the transposed weight of another, with its own bias."""

    def __init__(self, linear):
        super().__init__()
        self._linear = (linear,)  # in a tuple: not registered a second time
        self.bias = nn.Parameter(linear.weight.new_zeros(linear.in_features))

    @property
    def weight(self):
        """The other layer's weight, transposed."""
        return self._linear[0].weight.T

    def forward(self, X):
        return F.linear(X, self.weight, self.bias)


class Gain(nn.Module):
    """Multiplies the outputs of a network by weights that start at zero."""

    def __init__(self, network, n_outputs, dtype):
        super().__init__()
        self.network = network
        self.gain = nn.Parameter(torch.zeros(n_outputs, dtype=dtype))

    def forward(self, X):
        return self.network(X) * self.gain


class Copy(nn.Module):
    """Copies its input, for layers behind it that write in place."""

    def forward(self, X):
        return X.clone()


def is_plain_sequence(module):
    """Whether a module runs its parts one after the other and does nothing else."""
    if not isinstance(module, nn.Sequential):
        return False
    return type(module).forward is nn.Sequential.forward


def with_own_dropout(module):
    """Return a module in which every torch.nn.Dropout is a `Dropout`."""
    if type(module) is nn.Dropout:
        return Dropout(module.p)
    for name, part in module.named_children():
        setattr(module, name, with_own_dropout(part))
    return module


def linear(in_features, out_features, generator):
    """Return a torch.nn.Linear with Glorot-uniform weights and zero biases."""
    options = {"dtype": torch.float32, "device": "cpu"}  # whatever torch's defaults are
    weight = torch.empty(out_features, in_features, **options)
    nn.init.xavier_uniform_(weight, generator=generator)
    return linear_of(weight, torch.zeros(out_features, **options))


def linear_of(weight, bias):
    """Return a torch.nn.Linear that has a weight and a bias.

    It is made without a draw of its own, in a tenth of the time of `skip_init`.
    """
    layer = nn.Linear.__new__(nn.Linear)
    nn.Module.__init__(layer)
    layer.out_features, layer.in_features = weight.shape
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer
