"""The textbook's autoencoders: the published values and what skae reaches.

    OMP_NUM_THREADS=2 python -m benchmarks.classics --rows 1 3

"val" is the binary cross-entropy per pixel on MNIST's 10000 test images. Every row is
run twice: the textbook's network, and skae's default network with a code of that size.
"""

import argparse
import time

import numpy as np

from benchmarks._data import load_images, machine
from skae import AutoencoderTransformer

TEXTBOOK = {
    "activation": "relu",
    "code_activation": "relu",
    "loss": "binary_cross_entropy",
    "init": "random",
    "batch_size": 256,
    "random_state": 0,
}
PUBLISHED = {1: 0.0915, 3: 0.0828}
RECIPES = {
    1: AutoencoderTransformer(32, hidden_layer_sizes=(), max_iter=50, **TEXTBOOK),
    3: AutoencoderTransformer(
        32, hidden_layer_sizes=(128, 64), max_iter=50, **TEXTBOOK
    ),
}


def default(row):
    """Return skae's own network for the code of a row."""
    return AutoencoderTransformer(
        RECIPES[row].n_components, loss="binary_cross_entropy", random_state=0
    )


def cross_entropy(X, X_hat):
    """Return the binary cross-entropy per pixel."""
    X_hat = np.clip(X_hat.astype(np.float64), 1e-7, 1 - 1e-7)
    return -np.mean(X * np.log(X_hat) + (1 - X) * np.log1p(-X_hat))


def measure(autoencoder, X, X_test):
    start = time.perf_counter()
    autoencoder.fit(X)
    seconds = time.perf_counter() - start
    value = cross_entropy(X_test, autoencoder.reconstruct(X_test))
    weights = sum(p.numel() for p in autoencoder.net_.module_.parameters())
    return value, autoencoder.n_iter_, seconds, weights


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--rows", nargs="+", type=int, default=list(RECIPES), choices=list(RECIPES)
    )
    parser.add_argument("--max-iter", type=int, help="fewer epochs than published")
    arguments = parser.parse_args()
    print(machine())
    X, _, X_test, _ = load_images("mnist")
    print(f"{'row':<14}{'published':>10}{'skae':>9}{'epochs':>8}{'s':>8}{'weights':>9}")
    for row in arguments.rows:
        recipe = RECIPES[row]
        if arguments.max_iter:
            recipe.set_params(max_iter=arguments.max_iter)
        for name, autoencoder in (("textbook", recipe), ("default", default(row))):
            value, n_iter, seconds, weights = measure(autoencoder, X, X_test)
            print(
                f"{row} {name:<12}{PUBLISHED[row]:>10.4f}{value:>9.4f}{n_iter:>8}"
                f"{seconds:>8.0f}{weights:>9}",
                flush=True,
            )


if __name__ == "__main__":
    main()
