"""Encoding and decoding of numpy tables in chunks, in the dtype that comes in."""

import copy
import weakref

import numpy as np
import torch

from ._training._rows import as_tensor, dense_chunks
from ._training._threads import threads_for

# float64 copies of float32 modules: module -> (versions of its weights, copy)
_DOUBLE = weakref.WeakKeyDictionary()


def encode(module, X):
    """Return the codes of X, shape (n_samples, n_components), in the dtype of X."""
    return _in_chunks(module, X, type(module).encode)


def decode(module, Z):
    """Return the rows that codes Z stand for, in the dtype of Z."""
    return _in_chunks(module, Z, type(module).decode)


def reconstruct(module, X):
    """Return decode(encode(X)), in the dtype of X."""
    return _in_chunks(module, X, type(module).forward)


def _in_chunks(module, X, function):
    module, dtype, device = in_dtype(module, X.dtype)

    def apply(block):
        output = function(module, as_tensor(block).to(device, dtype))
        return output.cpu().numpy()

    with torch.inference_mode(), threads_for(module, X.shape[0]):
        output, start = None, 0
        for block, _ in dense_chunks(X)():
            result = apply(block)
            if len(result) == X.shape[0]:
                return result.astype(X.dtype, copy=False)
            if output is None:
                output = np.empty((X.shape[0], result.shape[1]), dtype=X.dtype)
            output[start : start + len(result)] = result
            start += len(result)
    return output


def in_dtype(module, dtype):
    """Return `module`, or a cached float64 copy, its torch dtype and its device.

    A float32 module computes float64 rows in float64, so that a row's code does not
    depend on the batch that it comes in.
    """
    parameters = list(module.parameters())
    own, device = parameters[0].dtype, parameters[0].device
    if dtype == np.float64 and own == torch.float32:
        tensors = [*parameters, *module.buffers()]
        versions = [(id(tensor), tensor._version) for tensor in tensors]
        cached = _DOUBLE.get(module)
        if cached is None or cached[0] != versions:
            cached = (versions, copy.deepcopy(module).double().eval())
            _DOUBLE[module] = cached
        return cached[1], torch.float64, device
    return module, own, device


def squared_errors(module, X):
    """Return every row's squared reconstruction error summed over columns, float64."""
    errors = []
    for block, _ in dense_chunks(X)():
        residual = reconstruct(module, block).astype(np.float64) - block
        errors.append((residual**2).sum(axis=1))
    return np.concatenate(errors)


def column_errors(module, X, weight=None):
    """Return every column's mean squared reconstruction error, float64."""
    sums, total = 0.0, 0.0
    for block, w in dense_chunks(X, weight)():
        residual = reconstruct(module, block).astype(np.float64) - block
        w = np.ones(len(block)) if w is None else w
        sums = sums + w @ residual**2
        total += w.sum()
    return sums / total
