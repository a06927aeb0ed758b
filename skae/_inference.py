"""Encoding and decoding of numpy tables in chunks, in the dtype that comes in."""

import copy
import math
import weakref
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.utils import assert_all_finite

from ._training._rows import as_tensor, dense_chunks
from ._training._threads import count_weights, threads_for, widest_layer
from .networks._autoencoder import Autoencoder
from .networks._fold import as_functions, can_fold, fold, lay_out

# What a pass holds of its widest layer. Twice as much is slower in float64, by a fifth
# or more, and a quarter of it is in float32 with two threads, by a tenth.
PASS_BYTES = 2**24

# Means this many deviations away from zero still fold without a visible rounding error.
FOLDING_DISTANCE = {torch.float64: 1e3, torch.float32: 4.0}


def encode(module, X):
    """Return the codes of X, shape (n_samples, n_components), in the dtype of X."""
    return _in_chunks(module, X, "encode")


def decode(module, Z):
    """Return the rows that codes Z stand for, in the dtype of Z."""
    return _in_chunks(module, Z, "decode")


def reconstruct(module, X):
    """Return decode(encode(X)), in the dtype of X."""
    return _in_chunks(module, X, "forward")


def posterior(module, X):
    """Return means and standard deviations of the codes, in the dtype of X."""
    return np.split(_in_chunks(module, X, "posterior"), 2, axis=1)


def outputs(module, X):
    """Return what a module that predicts makes of X, in the dtype of X."""
    return _in_chunks(module, X, "forward")


def _in_chunks(module, X, method):
    ready = in_dtype(module, X.dtype)
    function = ready.functions.get(method) or getattr(ready.module, method)

    def apply(block):
        rows = as_tensor(block)
        if not math.isfinite(rows.sum().item()):  # while the block is in the cache
            name = "codes" if method == "decode" else "X"
            assert_all_finite(block, input_name=name)
        return function(rows.to(ready.device, ready.dtype)).cpu().numpy()

    widest = max(X.shape[1], ready.widest)
    n_rows = max(1, PASS_BYTES // (widest * X.dtype.itemsize))
    with torch.inference_mode(), threads_for(ready.n_weights, X.shape[0]):
        if X.shape[0] <= n_rows and isinstance(X, np.ndarray):
            return apply(X).astype(X.dtype, copy=False)
        output, start = None, 0
        for block, _ in dense_chunks(X, n_rows=n_rows)():
            result = apply(block)
            if output is None:
                output = np.empty((X.shape[0], result.shape[1]), dtype=X.dtype)
            output[start : start + len(result)] = result
            start += len(result)
    return output


@dataclass
class _Ready:
    """A module as inference uses it, and what would make that stale."""

    module: object
    dtype: torch.dtype
    device: torch.device
    n_weights: int
    widest: int  # units of the widest layer
    tensors: list  # (the dict that holds it, its name, the tensor, its version)
    functions: dict  # faster forms of the module's methods, by name

    @property
    def is_current(self):
        for holder, name, tensor, version in self.tensors:
            if holder.get(name) is not tensor:
                return False
            if version is not None and tensor._version != version:
                return False
        return True


_READY = weakref.WeakKeyDictionary()  # module -> numpy dtype -> _Ready


def in_dtype(module, dtype):
    """Return the module `_Ready` for rows of a numpy dtype.

    A float32 module computes float64 rows in float64, through a copy that is kept, so
    that a row's code does not depend on the batch that it comes in.
    """
    by_dtype = _READY.setdefault(module, {})
    ready = by_dtype.get(dtype)
    if ready is None or not ready.is_current:
        ready = by_dtype[dtype] = None  # not two copies at a time
        with threads_for(count_weights(module), 1):
            ready = by_dtype[dtype] = _make_ready(module, dtype)
    return ready


def _make_ready(module, dtype):
    parameters = list(module.parameters())
    tensors = [
        (holder, name, tensor, None if tensor is None else tensor._version)
        for part in module.modules()
        for holder in (part._parameters, part._buffers)
        for name, tensor in holder.items()
    ]
    own, device = parameters[0].dtype, parameters[0].device
    size = count_weights(module), widest_layer(module)
    double = dtype == np.float64 and own == torch.float32
    if double:
        own, module = torch.float64, copy.deepcopy(module).double().eval()
    else:
        module = _copy_around(tensors, module)
    functions = {}
    if type(module) is Autoencoder:
        folds = can_fold(module, FOLDING_DISTANCE[own])
        if folds:
            module = fold(module if double else copy.deepcopy(module).eval())
        if folds or double:  # the weights are a copy
            lay_out(module)
        functions = as_functions(module)
    return _Ready(module, own, device, *size, tensors, functions)


def _copy_around(tensors, module):
    """Return a copy that shares the tensors: a cache must not keep its key alive."""
    memo = {id(tensor): tensor for _, _, tensor, _ in tensors}
    return copy.deepcopy(module, memo)


def squared_errors(module, X, indices=None):
    """Return the squared reconstruction error of some rows, or all, float64.

    It is summed over the columns.
    """
    errors = []
    for block, _ in dense_chunks(X, indices=indices)():
        errors.append(_squared_residual(module, block).sum(dim=1).numpy())
    return np.concatenate(errors)


def column_errors(module, X, weight=None):
    """Return every column's mean squared reconstruction error, float64."""
    sums, total = 0.0, 0.0
    for block, w in dense_chunks(X, weight)():
        w = np.ones(len(block)) if w is None else w
        sums = sums + w @ _squared_residual(module, block).numpy()
        total += w.sum()
    return sums / total


def _squared_residual(module, block):
    X_hat = torch.from_numpy(reconstruct(module, block)).double()
    return X_hat.sub_(as_tensor(block)).square_()
