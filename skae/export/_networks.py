"""Fitted networks as torch modules that take and return float64."""

import copy
import math

import torch
from torch import nn

from ..inference._bounds import SMALLEST_PROBABILITY, standard_draws
from ..networks._autoencoder import Autoencoder
from ..networks._kernel import RadialBasis
from ..networks._layers import Activation
from ..objectives._supervised import SupervisedNetwork, class_scores


class OwnDtype(nn.Module):
    """A part that computes in the dtype of its weights, between float64 ends.

    Runtimes have convolutions and most activations in float32 alone.
    """

    def __init__(self, part, dtype):
        super().__init__()
        self.part = part
        self.dtype = dtype

    def forward(self, X):
        return self.part(X.to(self.dtype)).double()


class Kernels(nn.Module):
    """A `RadialBasis` in operations that runtimes have: they have no torch.cdist."""

    def __init__(self, basis):
        super().__init__()
        self.basis = basis

    def forward(self, Z):
        basis = self.basis
        distances = (Z.double()[:, None] - basis.centres).square().sum(dim=2)
        correction = torch.exp(-basis.gamma * distances) @ basis.coef
        return correction.to(Z.dtype)


class Method(nn.Module):
    """A function of a network and rows; NaN or infinity in a row makes its results NaN.

    Codes that are left out (top-k) and maps of pixels would have numbers all the same.
    """

    def __init__(self, network, function):
        super().__init__()
        self.network = _with_float64_ends(network)
        self.function = function

    def forward(self, X):
        result = self.function(self.network, X)
        nothing = (X * 0).sum(dim=1)
        return result + (nothing if result.ndim == 1 else nothing[:, None])


def _with_float64_ends(network):
    """Return a copy that standardises, rotates and restores units in float64."""
    network = copy.deepcopy(network).unseal().cpu().eval()
    dtype = next(network.parameters()).dtype
    for part in list(network.modules()):
        for name, child in part.named_children():
            if isinstance(child, RadialBasis):
                setattr(part, name, Kernels(child))
        if isinstance(part, SupervisedNetwork):
            part.head = OwnDtype(part.head, dtype)
        if isinstance(part, Autoencoder):
            for layers, activation in (
                ("encoder", "code_activation"),
                ("decoder", "output_activation"),
            ):
                chain = nn.Sequential(getattr(part, layers), getattr(part, activation))
                setattr(part, layers, OwnDtype(chain, dtype))
                setattr(part, activation, Activation("identity"))
    return network


# -- functions of a network and rows ---------------------------------------------------


def encode(network, X):
    return network.encode(X)


def decode(network, Z):
    return network.decode(Z)


def outputs(network, X):
    """Return reconstructions, or what the head of a network returns."""
    return network(X)


def single_output(network, X):
    return network(X)[:, 0]


def probabilities(network, X):
    return class_scores(network(X)).softmax(dim=1)


def error_score(network, X):
    return -(network(X) - X).square().sum(dim=1)


def elbo(noise_variance):
    """Return a function: the bound of every row, as `inference.elbo` defines it."""

    def score(network, X):
        mean, std = network.posterior(X).chunk(2, dim=1)
        draws = torch.from_numpy(standard_draws(mean.shape[1]))
        Z = mean[:, None] + std[:, None] * draws
        X_hat = network.decode(Z.flatten(0, 1)).unflatten(0, (-1, len(draws)))
        likelihood = _log_likelihood(X[:, None], X_hat, noise_variance).mean(dim=1)
        divergence = 0.5 * (mean.square() + std.square() - 1) - std.log()
        return likelihood - divergence.sum(dim=1)

    return score


def _log_likelihood(X, X_hat, noise_variance):
    if noise_variance is None:
        X_hat = X_hat.clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return (X * X_hat.log() + (1 - X) * (1 - X_hat).log()).sum(dim=2)
    errors = (X_hat - X).square() / noise_variance
    return -0.5 * (errors + math.log(2 * math.pi * noise_variance)).sum(dim=2)
