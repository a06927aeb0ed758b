"""Fully connected encoders and decoders."""

import torch
from torch import nn

from ._layers import Activation, Dropout, TiedLinear, linear


def mlp(widths, *, activation, dropout, generator):
    """Return a stack of linear layers from widths[0] to widths[-1].

    The activation and the dropout follow every layer but the last.
    """
    layers = []
    for n_in, n_out in zip(widths[:-2], widths[1:-1], strict=True):
        layers += [linear(n_in, n_out, generator), Activation(activation)]
        if dropout > 0:
            layers.append(Dropout(dropout))
    layers.append(linear(widths[-2], widths[-1], generator))
    return nn.Sequential(*layers)


def tie(encoder, decoder):
    """Return `decoder` with the transposed weights of `encoder`, a mirrored `mlp`."""
    mirrored = [layer for layer in encoder if isinstance(layer, nn.Linear)][::-1]
    return nn.Sequential(
        *(
            TiedLinear(mirrored.pop(0)) if isinstance(layer, nn.Linear) else layer
            for layer in decoder
        )
    )


def load_layers(encoder, decoder, autoencoders):
    """Copy the weights of autoencoders with one layer, the lowest first, into an `mlp`.

    `decoder` is the mirror image of `encoder`.
    """
    down = [layer for layer in encoder if isinstance(layer, nn.Linear)]
    up = [layer for layer in decoder if isinstance(layer, nn.Linear)][::-1]
    with torch.no_grad():
        for autoencoder, *layers in zip(autoencoders, down, up, strict=False):
            parts = (autoencoder.encoder[0], autoencoder.decoder[0])
            for layer, part in zip(layers, parts, strict=True):
                layer.weight.copy_(part.weight)
                layer.bias.copy_(part.bias)
