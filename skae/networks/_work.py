"""How much work a network is: what threads and passes are chosen by."""

import torch
from torch import nn

from ._noise import fixed_noise


def measure_work(network, rows):
    """Set `work` and `widest` of a network from a pass of some rows through it."""
    found = []

    def measure(part, inputs, output):
        for weight in part.parameters(recurse=False):
            n_positions = _n_positions(part, inputs, output)
            n_units = len(weight) if weight.ndim else 1
            found.append((weight.numel() * n_positions, n_units * n_positions))

    parts = [part for part in network.modules() if part._parameters]
    hooks = [part.register_forward_hook(measure) for part in parts]
    try:
        with torch.no_grad(), fixed_noise(network):
            network.eval().propagate(rows)
    finally:
        for hook in hooks:
            hook.remove()
    network.train()
    network.work = sum(work for work, _ in found)
    network.widest = max((units for _, units in found), default=1)


def _n_positions(part, inputs, output):
    """Return how often a row meets a weight of a layer."""
    if isinstance(part, nn.modules.conv._ConvNd):
        image = inputs[0] if part.transposed else output
        return image[0, 0].numel()
    if isinstance(part, nn.Linear):
        return output[0].numel() // output.shape[-1]
    return 1
