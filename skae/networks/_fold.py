"""Inference without detours: folded constants, and functions instead of modules.

Calling a module costs more than multiplying one row by its weights.
"""

from torch import nn
from torch.nn import functional as F

from ._autoencoder import Anchored
from ._layers import Activation, Dropout, TiedLinear, is_plain_sequence


def as_functions(autoencoder):
    """Return `encode`, `decode` and `forward` of an `Autoencoder` as functions."""
    scales, rotates = autoencoder.scale_input, autoencoder.rotation is not None
    restores = (
        autoencoder.scale_output
        or autoencoder.limits is not None
        or autoencoder.output_activation.function != "identity"
    )
    encode = [
        autoencoder.standardise if scales else _same,
        _as_function(autoencoder.encoder),
        _as_function(autoencoder.code_activation),
    ]
    decode = [
        _as_function(autoencoder.decoder),
        autoencoder.restore_units if restores else _same,
    ]
    return {
        "encode": _chain([*encode, autoencoder.rotate if rotates else _same]),
        "decode": _chain([autoencoder.unrotate if rotates else _same, *decode]),
        "forward": _chain([*encode, *decode]),
    }


def _as_function(module):
    """Return what a module computes in evaluation mode as a function."""
    if type(module) is nn.Linear:
        return _linear(module.weight, module.bias)
    if isinstance(module, Anchored):
        return _sum(_as_function(module.linear), _as_function(module.network))
    if is_plain_sequence(module):
        return _chain([_as_function(layer) for layer in module])
    if isinstance(module, Activation) and module.function != "identity":
        return module.as_callable()
    if isinstance(module, (Activation, Dropout)):
        return _same
    return module


def _same(X):
    return X


def _linear(weight, bias):
    return lambda X: F.linear(X, weight, bias)


def _sum(first, second):
    return lambda X: first(X).add_(second(X))


def _chain(functions):
    functions = [function for function in functions if function is not _same]

    def chain(X):
        for function in functions:
            X = function(X)
        return X

    return chain


def fold(autoencoder):
    """Fold what can be folded into the layers of an `Autoencoder`, in place.

    The maps stay the same but for rounding. The result is for inference: `propagate`
    no longer takes standardised rows.
    """
    inverse, rotation = autoencoder.inverse_scale, autoencoder.rotation
    if autoencoder.scale_input and _find(autoencoder.encoder, first=True):
        _read(autoencoder.encoder, inverse, -autoencoder.mean * inverse)
        autoencoder.scale_input = False
    linear_output = autoencoder.output_activation.function == "identity"
    if (
        autoencoder.scale_output
        and linear_output
        and _write(autoencoder.decoder, autoencoder.scale, autoencoder.mean)
    ):
        autoencoder.scale_output = False
    linear_code = autoencoder.code_activation.function == "identity"
    if (
        rotation is not None
        and linear_code
        and _find(autoencoder.decoder, first=True)
        and _write(autoencoder.encoder, rotation, autoencoder.rotation_bias)
    ):
        inverse = autoencoder.inverse_rotation
        _read(autoencoder.decoder, inverse, autoencoder.code_offset)
        autoencoder.set_rotation(None, None)
    return autoencoder


def lay_out(autoencoder):
    """Store the weights of layers that widen by columns, in place.

    One row times such a matrix then takes four fifths of the time.
    """
    for layer in autoencoder.modules():
        if type(layer) is nn.Linear and layer.out_features > layer.in_features:
            layer.weight.data = layer.weight.data.T.contiguous().T


def can_fold(autoencoder, largest_distance):
    """Whether there is anything to fold, and rounding allows it.

    x / scale - mean / scale loses what (x - mean) / scale keeps where a column's mean
    is more deviations away from zero than `largest_distance`.
    """
    if any(isinstance(part, TiedLinear) for part in autoencoder.modules()):
        return False
    names = list(autoencoder.named_parameters(remove_duplicate=False))
    if len(names) > len(list(autoencoder.parameters())):  # two layers share weights
        return False
    if not autoencoder.scale_input:
        return autoencoder.rotation is not None
    distance = (autoencoder.mean * autoencoder.inverse_scale).abs().max()
    return bool(distance < largest_distance)


def _find(module, *, first):
    """Return the linear layers that read (or write) a module's input (or output)."""
    if type(module) is nn.Linear and module.bias is not None:
        return [module]
    if is_plain_sequence(module) and len(module):
        return _find(module[0 if first else -1], first=first)
    if isinstance(module, Anchored):
        layers = _find(module.network, first=first)
        return layers and [module.linear, *layers]
    return []


def _read(module, factor, shift):
    """Let the module take x for factor x + shift; a vector is a diagonal factor."""
    for layer in _find(module, first=True):
        weight = layer.weight.data
        layer.bias.data += weight @ shift.to(weight)
        factor = factor.to(weight)
        layer.weight.data = weight * factor if factor.ndim == 1 else weight @ factor


def _write(module, factor, shift):
    """Let the module return factor y + shift for y; return whether it can."""
    layers = _find(module, first=False)
    for layer in layers:
        factor = factor.to(layer.weight)
        for part in (layer.weight, layer.bias):
            column = factor.reshape(-1, *[1] * (part.ndim - 1))
            part.data = column * part.data if factor.ndim == 1 else factor @ part.data
    if layers:
        layers[0].bias.data += shift.to(layers[0].bias)
    return bool(layers)
