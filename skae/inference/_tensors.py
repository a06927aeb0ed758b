"""Arrays as tensors that share their memory."""

import numpy as np
import torch


def as_tensor(array):
    """Return a tensor that shares the memory of `array`, read-only or not.

    torch warns about arrays that are not writable. Nothing here writes to them, so
    they are passed on under a writable interface instead.
    """
    if not array.flags.writeable or min(array.strides) < 0:
        array = np.ascontiguousarray(array)
    if not array.flags.writeable:
        array = np.asarray(_WritableInterface(array))
    return torch.from_numpy(array)


class _WritableInterface:
    def __init__(self, array):
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface
        self.array = array  # keeps the memory alive
