"""Seconds of transform and inverse_transform over the bare matmuls' and PCA's.

    OMP_NUM_THREADS=1 python -m benchmarks.inference [--largest 100]

Default network, made data, 8 components of 20 columns and 32 of 784. "matmuls" is what
nobody can do without: the products with the network's weight matrices, in torch, in the
dtype of the rows, without biases, activations or checks. Each ratio is of two things
measured in turn, the smallest of several times each.
"""

import argparse
import copy

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn

from benchmarks._data import machine, made_table, parsed
from benchmarks.speed import in_turn
from skae import AutoencoderTransformer

SHAPES = [(1, 20), (100, 20), (1_000_000, 20), (1, 784), (100, 784)]
COMPONENTS = {20: 8, 784: 32}
TRAINING_ROWS = 2000
BLOCK_ROWS = 10_000
ONE_ROW_LIMIT = 1.5


def matmuls(part, dtype):
    """Return a function: the products of an encoder or a decoder and nothing else."""
    linear = part.linear.weight.detach().to(dtype).T
    weights = [
        layer.weight.detach().to(dtype).T
        for layer in part.network
        if isinstance(layer, nn.Linear)
    ]

    def multiply(block):
        hidden = block
        for weight in weights:
            hidden = hidden @ weight
        return block @ linear, hidden

    @torch.inference_mode()
    def multiply_all(X):
        for block in X.split(BLOCK_ROWS):
            multiply(block)

    return multiply_all


def report(name, ours, bare, pca, limit):
    print(
        f"{name:<46} {ours:10.3e} {bare:10.3e} {pca:10.3e} "
        f"{ours / bare:9.2f} {ours / pca:7.2f} {limit:>6}",
        flush=True,
    )


def measure(name, ours, bare, pca, n_rows, repeats):
    inner = 100 if n_rows <= 100 else 1
    seconds, bare_seconds = in_turn(ours, bare, repeats, inner)
    again, pca_seconds = in_turn(ours, pca, repeats, inner)
    limit = ONE_ROW_LIMIT if n_rows == 1 else ""
    report(name, min(seconds, again), bare_seconds, pca_seconds, limit)


def compare(fitted, pca, X, repeats):
    """Measure both directions on rows X."""
    dtype = torch.from_numpy(X).dtype
    module = copy.deepcopy(fitted).net_.module_  # nobody holds the network measured
    Z, Z_pca = fitted.transform(X), pca.transform(X)
    for method, part, rows, pca_rows in (
        ("transform", module.encoder, X, X),
        ("inverse_transform", module.decoder, Z, Z_pca),
    ):
        bare, tensor = matmuls(part, dtype), torch.from_numpy(rows)
        measure(
            f"{method}, {len(X)} x {X.shape[1]}, {X.dtype}",
            lambda m=method, r=rows: getattr(fitted, m)(r),
            lambda b=bare, t=tensor: b(t),
            lambda m=method, r=pca_rows: getattr(pca, m)(r),
            len(X),
            repeats,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--largest", type=float, default=1e6, help="rows at most")
    arguments = parsed(parser)
    print(machine())
    print(
        f"{'':<46} {'skae s':>10} {'matmuls s':>10} {'PCA s':>10} "
        f"{'/ matmuls':>9} {'/ PCA':>7} {'limit':>6}"
    )
    for dtype in (np.float32, np.float64):
        for n_features, n_components in COMPONENTS.items():
            X = made_table(TRAINING_ROWS, n_features).astype(dtype)
            fitted = AutoencoderTransformer(n_components, max_iter=2).fit(X)
            pca = PCA(n_components).fit(X)
            for n_rows, width in SHAPES:
                if width == n_features and n_rows <= arguments.largest:
                    rows = made_table(n_rows, width).astype(dtype)
                    compare(fitted, pca, rows, arguments.repeats)


if __name__ == "__main__":
    main()
