"""What inference derives from a network, and how it notices that one changed."""

import copy
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch

from ..data._threads import threads_for
from ..networks._autoencoder import Autoencoder
from ..networks._fold import as_functions, can_fold, fold, lay_out

# Means this many deviations away from zero still fold without a visible rounding error.
FOLDING_DISTANCE = {torch.float64: 1e3, torch.float32: 4.0}


@dataclass
class Derived:
    """A network as inference uses it, and what it was made of."""

    network: object
    dtype: torch.dtype
    device: torch.device
    functions: dict  # faster forms of the network's methods, by name
    source: "Snapshot | None"


def derived(network, dtype):
    """Return what inference uses of a network for rows of a numpy dtype.

    A float32 network computes float64 rows in float64, through a copy that is kept, so
    that a row's code does not depend on the batch that it comes in. A network that is
    not sealed is compared with what the copy was made of at every call: users may
    write to its weights, or replace layers.
    """
    by_dtype = network.__dict__.setdefault("_derived", {})
    ready = by_dtype.get(dtype)
    if ready is not None and (network.sealed or ready.source.is_current(network)):
        return ready
    by_dtype.pop(dtype, None)  # not two copies at a time
    with threads_for(network.work, 1):
        ready = by_dtype[dtype] = _derive(network, dtype)
    return ready


def _derive(network, dtype):
    weight = next(network.parameters())
    own, device = weight.dtype, weight.device
    source = Snapshot(network)
    double = dtype == np.float64 and own == torch.float32
    if double:
        own, network = torch.float64, copy.deepcopy(network).double()
    else:
        network = _copy_around_tensors(network)
    network.eval()
    functions = {}
    if type(network) is Autoencoder:
        folds = can_fold(network, FOLDING_DISTANCE[own])
        if folds:
            network = fold(network if double else copy.deepcopy(network))
        if folds or double:  # the weights are a copy
            lay_out(network)
        functions = as_functions(network)
    return Derived(network, own, device, functions, source)


def _copy_around_tensors(network):
    """Return a copy that shares the tensors: what is kept must not keep its owner."""
    tensors = chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})


class Snapshot:
    """The parts of a network, their settings and the values of their tensors."""

    def __init__(self, network):
        self.parts = list(network.modules())
        self.settings = [_settings(part) for part in self.parts]
        self.tensors = [
            (tensor, tensor._version, None if network.sealed else tensor.clone())
            for tensor in _tensors(self.parts)
        ]

    def is_current(self, network):
        """Whether nothing has changed since, be it behind torch's back."""
        parts = list(network.modules())
        if not _are_same(parts, self.parts):
            return False
        if not all(map(_have_same_settings, parts, self.settings)):
            return False
        tensors = _tensors(parts)
        return len(tensors) == len(self.tensors) and all(
            tensor is seen and tensor._version == version and _is_equal(tensor, value)
            for tensor, (seen, version, value) in zip(
                tensors, self.tensors, strict=True
            )
        )


def _tensors(parts):
    return [
        tensor
        for part in parts
        for holder in (part._parameters, part._buffers)
        for tensor in holder.values()
        if tensor is not None
    ]


def _settings(part):
    """Return the attributes of a part but for what torch keeps itself, in dicts."""
    return {
        name: value
        for name, value in part.__dict__.items()
        if not isinstance(value, dict)
    }


def _have_same_settings(part, settings):
    found = _settings(part)
    return found.keys() == settings.keys() and _are_same(
        list(found.values()), [settings[name] for name in found]
    )


def _are_same(first, second):
    return len(first) == len(second) and all(map(lambda a, b: a is b, first, second))


def _is_equal(tensor, value):
    # NaN is never equal: such a network is derived anew, which costs time alone.
    return value is not None and torch.equal(tensor, value)
