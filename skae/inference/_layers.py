"""What a network consists of, layer by layer."""

from typing import NamedTuple

import torch


class Layer(NamedTuple):
    """One layer: its name in the network, its kind, and what a row is after it."""

    name: str
    kind: str
    output_shape: tuple
    n_weights: int


def layers_of(network, n_features):
    """Return the `Layer` values of a network in the order in which rows pass them."""
    found = []

    def note(name, part):
        def hook(module, inputs, output):
            first = output[0] if isinstance(output, tuple) else output
            shape = tuple(getattr(first, "shape", ())[1:])
            n_weights = sum(w.numel() for w in part.parameters(recurse=False))
            if any(layer.name == name for layer in found):  # it is used again
                n_weights = 0
            found.append(Layer(name, _kind(part), shape, n_weights))

        return part.register_forward_hook(hook)

    hooks = [
        note(name or "network", part)
        for name, part in network.named_modules()
        if part._parameters or not list(part.children())
    ]
    weight = next(network.parameters())
    rows = torch.zeros(2, n_features, dtype=weight.dtype, device=weight.device)
    try:
        with torch.inference_mode():
            network(rows)
    finally:
        for hook in hooks:
            hook.remove()
    return [layer for layer in found if layer.kind not in ("identity", "Identity")]


def _kind(part):
    """Return the name of a function, for what applies one, or of a class."""
    function = getattr(part, "function", None)
    if function is None:
        return type(part).__name__
    return getattr(function, "__name__", str(function))
