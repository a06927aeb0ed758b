"""Encoding and decoding of numpy tables in chunks, in the dtype that comes in.

Everything here takes an array, a CSR array or a `Table`. What maps rows to rows takes a
tensor, too, and returns one on the same device.
"""

import math

import numpy as np
import torch
from sklearn.utils import assert_all_finite

from ..data._moments import check_squares
from ..data._table import Table
from ..data._threads import threads_for
from ._derived import derived
from ._tensors import as_tensor
from ._undisturbed import undisturbed

# What a pass holds of its widest layer. Twice as much is slower in float64, by a fifth
# or more, and a quarter of it is in float32 with two threads, by a tenth.
PASS_BYTES = 2**24


def encode(network, X):
    """Return the codes of X, shape (n_samples, n_components), in the dtype of X."""
    return _in_chunks(network, X, "encode")


def decode(network, Z):
    """Return the rows that codes Z stand for, in the dtype of Z."""
    return _in_chunks(network, Z, "decode")


def reconstruct(network, X):
    """Return decode(encode(X)), in the dtype of X."""
    return _in_chunks(network, X, "forward")


def posterior(network, X):
    """Return means and standard deviations of the codes, in the dtype of X."""
    return np.split(_in_chunks(network, X, "posterior"), 2, axis=1)


def corrupt(network, X, generator):
    """Return X as training corrupts it, drawn from a torch generator, in its dtype."""
    device = next(network.parameters()).device
    threads = threads_for(network.work, X.shape[0])
    with undisturbed(), torch.inference_mode(), threads:
        blocks = [
            _corrupted(network, as_tensor(block).to(device, torch.float64), generator)
            for block in _as_table(X).blocks()
        ]
    return np.concatenate(blocks).astype(X.dtype, copy=False)


def _corrupted(network, rows, generator):
    U = network.standardise(rows)
    U_noisy = network.corruption.draw(U, generator)
    X_noisy = U_noisy
    if network.scale_input:
        X_noisy = U_noisy * network.scale + network.mean
    # cells that were left alone stay as they are to the last digit
    return torch.where(U_noisy == U, rows, X_noisy).cpu().numpy()


def outputs(network, X):
    """Return what a network that predicts makes of X, in the dtype of X."""
    return _in_chunks(network, X, "forward")


def squared_errors(network, X):
    """Return the squared reconstruction error of every row, float64.

    It is summed over the columns.
    """
    if isinstance(X, torch.Tensor):
        return (reconstruct(network, X).double() - X).square().sum(dim=1)
    blocks = _as_table(X).blocks()
    return np.concatenate(
        [_residual(network, block).sum(dim=1).numpy() for block in blocks]
    )


def column_errors(network, X):
    """Return every column's mean squared reconstruction error, float64."""
    table, sums, total = _as_table(X), 0.0, 0.0
    for block, weight in table.chunks():
        weight = np.ones(len(block)) if weight is None else weight
        sums = sums + weight @ _residual(network, block).numpy()
        total += weight.sum()
    return table.ranks.sum(sums) / table.ranks.sum(total)


def r2(network, X):
    """Return the variance-weighted R^2 of the reconstruction."""
    table = _as_table(X)
    check_squares(table.moments)
    variance = np.square(table.moments.scale).sum()
    return r2_of(column_errors(network, table).sum(), variance)


def r2_of(error, variance):
    """Return what an error leaves of a variance, as a share of it."""
    if variance == 0:  # as sklearn.metrics.r2_score has it
        return float(error == 0)
    return float(1 - error / variance)


def squared_residual(X, X_hat):
    """Return the squared error of every cell, a float64 tensor in place of X_hat."""
    return torch.from_numpy(X_hat).double().sub_(as_tensor(X)).square_()


def _residual(network, block):
    return squared_residual(block, reconstruct(network, block))


def _as_table(X):
    return X if isinstance(X, Table) else Table(X)


def _in_chunks(network, X, method):
    compute = _beside if isinstance(X, torch.Tensor) else _computed
    with undisturbed():
        return compute(network, X, method)


def _rows_at_a_time(network, X):
    return max(1, PASS_BYTES // (max(X.shape[1], network.widest) * X.dtype.itemsize))


def _beside(network, X, method):
    """Compute of a tensor where the network is; the host learns if all is finite."""
    ready = derived(network, np.dtype(str(X.dtype).removeprefix("torch.")))
    function = ready.functions.get(method) or getattr(ready.network, method)
    with torch.no_grad(), threads_for(network.work, len(X)):
        parts = [
            function(rows.to(ready.device, ready.dtype)).to(X)
            for rows in X.split(_rows_at_a_time(network, X))
        ]
        result = torch.cat(parts)
        if math.isfinite((X.sum() + result.sum()).item()):
            return result
    rows = X.cpu().numpy()  # that has errors for what is not finite
    return torch.from_numpy(_computed(network, rows, method)).to(X.device)


def _computed(network, X, method):
    ready = derived(network, X.dtype)
    function = ready.functions.get(method) or getattr(ready.network, method)

    def apply(block):
        rows = as_tensor(block)
        if not math.isfinite(rows.sum().item()):  # while the block is in the cache
            name = "codes" if method == "decode" else "X"
            assert_all_finite(block, input_name=name)
        result = function(rows.to(ready.device, ready.dtype)).cpu()
        if not math.isfinite(result.sum().item()):
            _check_result(result.numpy(), block)
        return result.numpy()

    n_samples, n_rows = X.shape[0], _rows_at_a_time(network, X)
    with torch.inference_mode(), threads_for(network.work, n_samples):
        if n_samples <= n_rows and isinstance(X, np.ndarray):
            return apply(X).astype(X.dtype, copy=False)
        output, start = None, 0
        for block in _as_table(X).blocks(n_rows):
            result = apply(block)
            if output is None:
                output = np.empty((n_samples, result.shape[1]), dtype=X.dtype)
            output[start : start + len(result)] = result
            start += len(result)
    return output


def _check_result(result, block):
    """Raise a ValueError for rows of which the network makes no number."""
    bad = np.flatnonzero(~np.isfinite(result).all(axis=1))
    if len(bad):
        raise ValueError(
            f"The network returns NaN or infinity for {len(bad)} row(s), one of them "
            f"with values up to {np.abs(block[bad[0]]).max():g}. Is it in the units of "
            f"the training rows? {block.dtype} or an activation cannot hold the result."
        )
