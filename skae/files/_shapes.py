"""Whether the layers of a network fit each other: nothing is computed, only widths."""

import math

from torch import nn

from ..exceptions import FileError
from ..networks._autoencoder import Anchored
from ..networks._conv import ToImage, ToRow, Upsample
from ..networks._kernel import RadialBasis
from ..networks._layers import Gain, TiedLinear
from ..networks._marginalized import Concatenated
from ..networks._prefix import Extended, First
from ..objectives._sparse import TopK
from ..objectives._supervised import SupervisedNetwork
from ..objectives._variational import GaussianEncoder, VariationalNetwork

# Tensors of an Autoencoder of which all are there or none.
TOGETHER = (
    ("scale", "inverse_scale", "mean"),
    ("limits", "standardised_limits"),
    ("rotation", "inverse_rotation", "code_offset", "rotation_bias"),
)


def check_widths(network, n_features, n_components):
    """Raise a FileError if a network does not turn rows into codes and back."""
    if type(network) is SupervisedNetwork:
        _check(network.head.in_features == n_components, "head")
        has_mean, has_scale = network.target_mean, network.target_scale
        _check((has_mean is None) == (has_scale is None), "target_scale")
        network = network.autoencoder
    for names in TOGETHER:
        are_there = {getattr(network, name) is not None for name in names}
        _check(len(are_there) == 1, names[0])
    has_scale = network.scale is not None
    _check(has_scale or not (network.scale_input or network.scale_output), "scale")
    widths = 2 if isinstance(network, VariationalNetwork) else 1
    area = n_features
    encoded = _after(network.encoder, (n_features,), area)
    decoded = _after(network.decoder, (n_components,), area)
    _check(encoded == (widths * n_components,), "encoder")
    _check(decoded == (n_features,), "decoder")
    top = network.code_activation.function
    _check(not isinstance(top, TopK) or top.k <= n_components, "code_activation")
    prefix = network.prefix
    _check(prefix is None or prefix.n_components == n_components, "prefix")
    if prefix is not None:
        _check(len(prefix.weight) == len(prefix.groups), "prefix")


def _check(fits, name):
    if not fits:
        raise FileError(f"The network's {name} does not fit the rest of it.")


def _after(module, shape, area):
    """Return the shape of a row after a module; images have at most `area` pixels."""
    name = type(module).__name__
    if type(module) in (nn.Linear, TiedLinear, RadialBasis):
        n_in, n_out = _linear(module)
        _check(shape == (n_in,), name)
        return (n_out,)
    if isinstance(module, (nn.Sequential, Gain)):
        parts = module if isinstance(module, nn.Sequential) else [module.network]
        for part in parts:
            shape = _after(part, shape, area)
        _check(type(module) is not Gain or shape == (len(module.gain),), name)
        return shape
    if type(module) in (Anchored, GaussianEncoder):
        first, second = (_after(part, shape, area) for part in module.children())
        _check(first == second and len(first) == 1, name)
        return first if type(module) is Anchored else (2 * first[0],)
    if type(module) is Concatenated:
        widths = [shape]
        for part in module.parts:
            widths.append(_after(part, widths[-1], area))
        _check(all(len(width) == 1 for width in widths), name)
        return (sum(width[0] for width in widths),)
    if type(module) is First:
        _check(len(shape) == 1 and module.n_columns <= shape[0], name)
        return (module.n_columns,)
    if type(module) is Extended:
        _check(len(shape) == 1, name)
        return (shape[0] + len(module.values),)
    return _after_image(module, shape, area)


def _linear(module):
    """Return how many columns a layer takes and returns."""
    if type(module) is RadialBasis:
        return module.centres.shape[1], module.coef.shape[1]
    return module.weight.shape[1], module.weight.shape[0]


def _after_image(module, shape, area):
    name = type(module).__name__
    if type(module) is ToImage:
        _check(len(module.shape) == 3 and shape == (math.prod(module.shape),), name)
        return module.shape
    if type(module) in (ToRow, nn.Flatten):
        return (math.prod(shape),)
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d, Upsample)
    if type(module) not in kinds:
        return shape
    _check(len(shape) == 3, name)
    n_channels, *size = shape
    if type(module) is Upsample:
        size = module.size
    elif type(module) in (nn.MaxPool2d, nn.AvgPool2d):
        size = [-(-n // step) for n, step in _zip(size, module.kernel_size, name)]
    else:
        _check(n_channels == module.in_channels, name)
        n_channels, size = module.out_channels, _convolved(module, size, name)
    _check(len(size) == 2 and min(size) > 0 and math.prod(size) <= area, name)
    return (n_channels, *size)


def _convolved(module, size, name):
    added = getattr(module, "output_padding", (0, 0))
    options = module.kernel_size, module.stride, module.padding, added
    _check(all(len(option) == 2 for option in options), name)
    result = []
    for n, kernel, stride, padding, more in zip(size, *options, strict=True):
        _check(padding < kernel and stride <= kernel + 1 and more <= stride, name)
        if type(module) is nn.Conv2d:
            result.append((n + 2 * padding - kernel) // stride + 1)
        else:
            result.append((n - 1) * stride - 2 * padding + kernel + more)
    return result


def _zip(size, steps, name):
    _check(len(steps) == len(size), name)
    return zip(size, steps, strict=True)
