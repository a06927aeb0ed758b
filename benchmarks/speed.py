"""Cost of skae over what it is made of: epochs, transform, import.

    OMP_NUM_THREADS=2 python -m benchmarks.speed

Each ratio is of two things measured in turn, the smaller of several times each, in one
process on an otherwise idle machine. The networks are the textbook's on MNIST:
784-32-784 and 784-128-64-32-64-128-784, ReLU, sigmoid output, binary cross-entropy,
Adam, batches of 256.
"""

import argparse
import subprocess
import sys
import time

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import nn
from torch.nn import functional as F

from benchmarks._data import load_images, machine, parsed
from skae import AutoencoderTransformer

NETWORKS = {"784-32-784": (), "784-128-64-32-...": (128, 64)}


def textbook(hidden_layer_sizes, max_iter):
    return AutoencoderTransformer(
        32,
        hidden_layer_sizes=hidden_layer_sizes,
        activation="relu",
        code_activation="relu",
        loss="binary_cross_entropy",
        init="random",
        solver="adam",
        learning_rate="constant",
        learning_rate_init=1e-3,
        batch_size=256,
        max_iter=max_iter,
        early_stopping=False,
        random_state=0,
    )


def torch_loop(X, hidden_layer_sizes, max_iter):
    """Train the same network by hand: batches by index, fused Adam."""
    widths = (784, *hidden_layer_sizes, 32, *hidden_layer_sizes[::-1], 784)
    layers = []
    for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    X = torch.from_numpy(X)
    start = time.perf_counter()
    for _ in range(max_iter):
        order = torch.randperm(len(X))
        for rows in order.split(256):
            batch = X[rows]
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(network(batch), batch).backward()
            optimizer.step()
    return (time.perf_counter() - start) / max_iter


def skae_epoch(X, hidden_layer_sizes, max_iter):
    """Return the seconds of an epoch, from skorch's own timer."""
    fitted = textbook(hidden_layer_sizes, max_iter).fit(X)
    return float(np.mean(fitted.net_.history[:, "dur"])), fitted


def smallest(function, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def in_turn(first, second, repeats, inner=1):
    """Return the smallest seconds of two functions, measured alternately."""
    first(), second()
    times = np.array(
        [[smallest(first, inner), smallest(second, inner)] for _ in range(repeats)]
    )
    return times.min(axis=0)


def report(name, ours, theirs, limit):
    print(f"{name:<58} {ours:10.3e} {theirs:10.3e} {ours / theirs:6.2f} {limit:>6}")


def epochs(X, repeats, max_iter):
    for name, hidden_layer_sizes in NETWORKS.items():
        pairs = []
        for _ in range(repeats):
            hand = torch_loop(X, hidden_layer_sizes, max_iter)
            ours, fitted = skae_epoch(X, hidden_layer_sizes, max_iter)
            pairs.append((ours, hand))
        ours, hand = np.min(pairs, axis=0)
        report(f"epoch of {name} / torch loop", ours, hand, 1.10)
        yield name, fitted


def inference(name, fitted, X):
    module = fitted.net_.module_

    @torch.inference_mode()
    def bare():
        return module.encoder(torch.from_numpy(X)).relu()

    ours, theirs = in_turn(lambda: fitted.transform(X), bare, 20)
    report(f"transform of 10000 rows, {name} / bare module", ours, theirs, 1.15)


def one_row(X):
    for dtype in (np.float32, np.float64):
        X = X[:2000].astype(dtype)
        pca = PCA(32).fit(X)
        row = X[:1]
        for label, fitted in (
            ("default", AutoencoderTransformer(32, max_iter=1).fit(X)),
            ("textbook", textbook((128, 64), 1).fit(X)),
        ):
            ours, theirs = in_turn(
                lambda f=fitted, r=row: f.transform(r),
                lambda p=pca, r=row: p.transform(r),
                20,
                inner=100,
            )
            name = f"transform of one row, {label}, {np.dtype(dtype)} / PCA"
            report(name, ours, theirs, 2.0)


def imports(repeats):
    def run(statement):
        code = f"import time; t = time.perf_counter(); {statement}; "
        code += "print(time.perf_counter() - t)"
        return float(subprocess.check_output([sys.executable, "-c", code]))

    base = "import sklearn.base, sklearn.decomposition"
    for statement in ("import skae", "from skae import AutoencoderTransformer"):
        pairs = [(run(statement), run(base)) for _ in range(repeats)]
        report(f"{statement} / {base}", *np.min(pairs, axis=0), 1.20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parsed(parser)
    print(machine())
    print(f"{'':<58} {'skae s':>10} {'other s':>10} {'ratio':>6} {'limit':>6}")
    imports(arguments.repeats)
    X, _, X_test, _ = load_images("mnist")
    for name, fitted in epochs(X, arguments.repeats, arguments.epochs):
        inference(name, fitted, X_test)
    one_row(X)


if __name__ == "__main__":
    main()
