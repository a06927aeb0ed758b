"""The network of marginalised denoising layers."""

import torch
from torch import nn

from ._autoencoder import Autoencoder
from ._layers import Activation, linear_of
from ._work import measure_work


class Concatenated(nn.Module):
    """Returns its input and what each part makes of the part before, side by side."""

    def __init__(self, parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, X):
        outputs = [X]
        for part in self.parts:
            outputs.append(part(outputs[-1]))
        return torch.cat(outputs, dim=1)


def marginalized_autoencoder(layers, decoder, *, mean, scale, concatenate):
    """Return an `Autoencoder` in float64 from weights and biases, tanh between layers.

    Parameters
    ----------
    layers : list of pairs of array-likes
        Weight of shape (n_features, n_features) and bias of shape (n_features,).

    decoder : pair of array-likes
        Weight of shape (n_features, n_components) and bias of shape (n_features,).

    mean, scale : array-like of shape (n_features,)

    concatenate : bool
        Whether the code is the standardised row and all outputs, or the last output.
    """
    parts = [nn.Sequential(_linear(*layer), Activation("tanh")) for layer in layers]
    if concatenate:
        encoder, activation = Concatenated(parts), "identity"
    else:
        chain = [layer for part in parts for layer in part]
        encoder, activation = nn.Sequential(*chain[:-1]), "tanh"
    autoencoder = Autoencoder(
        encoder,
        _linear(*decoder),
        code_activation=activation,
        mean=torch.as_tensor(mean),
        scale=torch.as_tensor(scale),
    )
    measure_work(autoencoder, torch.zeros(2, len(mean), dtype=torch.float64))
    return autoencoder.eval()


def _linear(weight, bias):
    return linear_of(torch.tensor(weight), torch.tensor(bias))
