"""Assembling an `Autoencoder`: plain, or anchored in principal axes."""

import torch
from torch import nn

from ._autoencoder import Anchored, Autoencoder
from ._layers import TiedLinear
from ._mlp import tie


def plain_autoencoder(
    encoder, decoder, *, tied_weights=False, network=Autoencoder, **options
):
    """Return the network as it stands: nothing added, scaled or weighted."""
    if tied_weights:
        decoder = tie(encoder, decoder)
    return network(encoder, decoder, **options)


def anchored_autoencoder(
    encoder, decoder, start, *, tied_weights=False, network=Autoencoder, **options
):
    """Return a network that starts as a linear autoencoder.

    Parameters
    ----------
    encoder, decoder : nn.Module
        The corrections; their last layers are set to zero.

    start : Start
        The linear autoencoder. With tied weights its `axes_out` must be the transpose
        of its `axes_in`.

    network : type
        `Autoencoder` or a subclass.
    """
    dtype = next(encoder.parameters()).dtype
    into = _linear_map(start.axes_in, torch.zeros(len(start.axes_in)), dtype)
    if tied_weights:
        out = TiedLinear(into).to(dtype)
        decoder = tie(encoder, decoder).to(dtype)
    else:
        out = _linear_map(start.axes_out, start.offset, dtype)
    return network(
        _correct(into, encoder),
        _correct(out, decoder, len(start.axes_in)),
        mean=start.mean,
        scale=start.scale,
        code_scale=start.code_scale,
        **options,
    )


def _linear_map(weight, bias, dtype):
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=dtype)
    layer.weight.data.copy_(weight)
    layer.bias.data.copy_(bias)
    return layer


def _correct(anchor, network, n_inputs=None):
    """Return anchor + network, or the anchor alone if the network is linear too."""
    layers = [m for m in network.modules() if isinstance(m, (nn.Linear, TiedLinear))]
    if len(layers) == 1:
        return anchor
    last = layers[-1]
    if isinstance(last, TiedLinear):
        with torch.no_grad():  # its first layer is zero: its output is a constant
            last.bias.sub_(network.eval()(last.bias.new_zeros(1, n_inputs))[0])
    else:
        nn.init.zeros_(last.weight)
    return Anchored(anchor, network)


def leave_saddle(autoencoder, generator, size=0.1):
    """Move tied corrections a little off zero.

    There, the gradient of the shared weights is a sum of errors times codes, which PCA
    leaves uncorrelated: without a push, training would wait for chance to give it one.
    """
    encoder, decoder = autoencoder.encoder, autoencoder.decoder
    tied = any(isinstance(part, TiedLinear) for part in decoder.modules())
    if not tied or not isinstance(encoder, Anchored):
        return
    layers = [part for part in encoder.network.modules() if isinstance(part, nn.Linear)]
    weight = layers[-1].weight
    push = torch.randn(weight.shape, generator=generator) / weight.shape[1] ** 0.5
    with torch.no_grad():
        weight.add_(size * push.to(weight))


def is_linear(autoencoder):
    """Whether encoder and decoder are linear maps with nothing between."""
    linear_maps = (nn.Linear, TiedLinear)
    ends = (autoencoder.encoder, autoencoder.decoder)
    activations = (autoencoder.code_activation, autoencoder.output_activation)
    return all(isinstance(end, linear_maps) for end in ends) and all(
        activation.function == "identity" for activation in activations
    )
