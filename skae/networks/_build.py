"""Assembling an `Autoencoder`: plain, or anchored in principal axes."""

import torch
from torch import nn

from ._autoencoder import Anchored
from ._conv import ToImage, ToRow, Upsample
from ._layers import Copy, Dropout, Gain, TiedLinear, is_plain_sequence, linear_of
from ._mlp import tie

WEIGHTED = (
    nn.Linear,
    TiedLinear,
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
# Layers without weights that return zeros for zeros.
ZERO_TO_ZERO = (
    *(nn.Identity, nn.Flatten, nn.Unflatten, nn.Upsample),
    *(ToImage, ToRow, Upsample, Dropout),
)

# What a random network's last weights are multiplied by: 1 and 0 are slower.
LAST_WEIGHTS = 0.1
# What an output activation makes the mean of.
LINKS = {
    "identity": lambda mean: mean,
    "sigmoid": lambda mean: mean.clamp(0.001, 0.999).logit(),
}


def plain_autoencoder(encoder, decoder, network, *, tied_weights=False, **options):
    """Return the network as it stands: nothing added, scaled or weighted."""
    if tied_weights:
        decoder = tie(encoder, decoder)
    return network(encoder, decoder, **options)


def anchored_autoencoder(
    encoder, decoder, network, start, *, tied_weights=False, **options
):
    """Return a network that starts as a linear autoencoder.

    Parameters
    ----------
    encoder, decoder : nn.Module
        The corrections; their last layers are set to zero.

    network : callable
        `Autoencoder`, or what takes the same.

    start : Start
        The linear autoencoder. With tied weights its `axes_out` must be the transpose
        of its `axes_in`.
    """
    dtype = _dtype(encoder)
    into = _linear_map(start.axes_in, start.code_offset, dtype)
    if tied_weights:
        out = TiedLinear(into)
        decoder = tie(encoder, decoder)
    else:
        out = _linear_map(start.axes_out, start.offset, dtype)
    return network(
        _correct(into, encoder, *start.axes_in.shape[::-1]),
        _correct(out, decoder, *start.axes_out.shape[::-1]),
        mean=start.mean,
        scale=start.scale,
        code_scale=start.code_scale,
        **options,
    )


def _linear_map(weight, bias, dtype):
    return linear_of(weight.to(dtype, copy=True), bias.to(dtype, copy=True))


def _correct(anchor, network, n_inputs, n_outputs):
    """Return anchor + network, or the anchor alone if the network is linear too."""
    last = last_layer(network)
    if network is last or (isinstance(network, nn.Sequential) and len(network) == 1):
        return anchor
    if last is None:
        network = Gain(network, n_outputs, _dtype(network))
    elif isinstance(last, TiedLinear):
        with torch.no_grad():  # its first layer is zero: its output is a constant
            last.bias.sub_(network.eval()(last.bias.new_zeros(1, n_inputs))[0])
    else:
        nn.init.zeros_(last.weight)
        if last.bias is not None:
            nn.init.zeros_(last.bias)
    return Anchored(anchor, network)


def last_layer(network):
    """Return the layer whose weights, set to zero, make the output zero, or None.

    It is found in the plain layers of a Sequential; what other modules do with theirs
    cannot be known.
    """
    hooks = network._forward_hooks or network._forward_pre_hooks
    if type(network) in WEIGHTED and not hooks:
        return network
    if is_plain_sequence(network) and not hooks:
        parts = [part for part in network if type(part) not in ZERO_TO_ZERO]
        return last_layer(parts[-1]) if parts else None
    return None


def centre(autoencoder, mean):
    """Let a network with random weights take deviations from the mean and add them.

    That is a matter of the first and the last layer's biases, which would otherwise
    have to learn it, and of small weights in the last. A layer whose biases are not
    zero is somebody's choice and stays.
    """
    if autoencoder.mean is not None:  # it standardises
        return
    encoder = autoencoder.encoder
    first = encoder[0] if is_plain_sequence(encoder) and len(encoder) else encoder
    last = last_layer(autoencoder.decoder)
    if type(first) is nn.Linear and _has_zero_bias(first):
        first.bias.data -= (first.weight.double() @ mean).to(first.bias)
    link = LINKS.get(autoencoder.output_activation.function)
    if link is None or last is None or not _has_zero_bias(last):
        return
    # a bias for each column, or for each channel of an image
    is_image = not isinstance(last, (nn.Linear, TiedLinear))
    if len(last.bias) == len(mean) or (is_image and len(mean) % len(last.bias) == 0):
        target = link(mean).reshape(len(last.bias), -1)
        decoder = autoencoder.decoder
        if is_plain_sequence(decoder) and type(decoder[-1]) is ToRow:
            target = link(mean).reshape(-1, len(last.bias)).T
        last.bias.data += target.mean(dim=1).to(last.bias)
        if not isinstance(last, TiedLinear):
            last.weight.data *= LAST_WEIGHTS


def _has_zero_bias(layer):
    return layer.bias is not None and not layer.bias.any()


def protected(network):
    """Return a network that leaves its input as it is, whatever its layers do."""
    first = network[0] if is_plain_sequence(network) and len(network) else network
    if type(first) in (*WEIGHTED, ToImage):
        return network
    parts = network if is_plain_sequence(network) else [network]
    return nn.Sequential(Copy(), *parts)


def check_shapes(encoder, decoder, n_features, n_components):
    """Raise a ValueError if the networks do not take and return rows as they should."""
    for name, network, n_inputs, n_outputs in (
        ("encoder", encoder, n_features, n_components),
        ("decoder", decoder, n_components, n_features),
    ):
        rows = torch.zeros(2, n_inputs, dtype=_dtype(network))
        expected = (
            f"The architecture's {name} should turn a tensor of shape "
            f"(n_samples, {n_inputs}) into one of shape (n_samples, {n_outputs})"
        )
        try:
            with torch.no_grad():
                output = network.eval()(rows)
        except RuntimeError as error:
            raise ValueError(f"{expected}, but it fails: {error}") from error
        found = tuple(getattr(output, "shape", ()))
        if found != (2, n_outputs):
            raise ValueError(f"{expected}, but 2 rows came out in shape {found}.")
        network.train()


def _dtype(network):
    return next((part.dtype for part in network.parameters()), torch.float32)


def perturb(autoencoder, generator, size=0.1):
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


def leave_axes(autoencoder, generator):
    """Draw what an anchored network starts from at random instead, in place.

    Its linear maps start at zero, its corrections as any network does.
    """
    with torch.no_grad():
        for part in (autoencoder.encoder, autoencoder.decoder):
            part.linear.weight.zero_()
            last = last_layer(part.network)
            if last is None:
                part.network.gain.fill_(1.0)
            else:
                nn.init.xavier_uniform_(last.weight, generator=generator)


def can_leave_axes(autoencoder):
    """Whether `leave_axes` can be had: corrections that do not share weights."""
    parts = (autoencoder.encoder, autoencoder.decoder)
    return all(isinstance(part, Anchored) for part in parts) and not any(
        isinstance(layer, TiedLinear) for layer in autoencoder.modules()
    )


def is_linear(autoencoder):
    """Whether encoder and decoder can be nothing but linear maps."""
    linear = isinstance(autoencoder.encoder, (nn.Linear, TiedLinear))
    return linear and acts_linearly(autoencoder)


def acts_linearly(autoencoder):
    """Whether encoder and decoder are linear maps now, with corrections of zero."""
    activations = (autoencoder.code_activation, autoencoder.output_activation)
    return (
        all(map(_is_linear_map, (autoencoder.encoder, autoencoder.decoder)))
        and all(activation.function == "identity" for activation in activations)
        and autoencoder.limits is None
    )


def linear_part(module):
    """Return the linear layer that a decoder is or corrects, or None."""
    if isinstance(module, Anchored):
        return linear_part(module.linear)
    if is_plain_sequence(module) and len(module) == 1:
        return linear_part(module[0])
    return module if isinstance(module, (nn.Linear, TiedLinear)) else None


def _is_linear_map(module):
    """Whether a module is its `linear_part`, with a correction of zero if any."""
    if not isinstance(module, Anchored):
        return linear_part(module) is not None
    last = last_layer(module.network)
    if last is None and isinstance(module.network, Gain):
        return not module.network.gain.any()
    if isinstance(last, TiedLinear):  # zero with the encoder's last layer
        first = module.network[0]
        return isinstance(first, TiedLinear) and not first.weight.any()
    return last is not None and not (last.weight.any() or _has_bias(last))


def _has_bias(layer):
    return layer.bias is not None and bool(layer.bias.any())
