"""Squared error of 784-1000-500-250-30 on MNIST, against time.

    OMP_NUM_THREADS=2 python -m benchmarks.hinton

The network of Hinton and Salakhutdinov (2006): logistic output, trained on the
cross-entropy, measured by the squared error summed over the 784 pixels and averaged
over the 10000 test images. They report 3.00 (PCA 13.87), Martens (2010) 2.55 from a
random start and 2.46 pretrained. Every line is one whole fit, from the PCA start.
"""

import argparse
import time

import numpy as np

from benchmarks._data import load_images, machine
from skae import AutoencoderTransformer


def hinton(max_iter, **parameters):
    return AutoencoderTransformer(
        30,
        hidden_layer_sizes=(1000, 500, 250),
        loss="binary_cross_entropy",
        batch_size=1024,
        learning_rate_init=0.03,
        max_iter=max_iter,
        random_state=0,
        **parameters,
    )


def squared_error(X, X_hat):
    """Return the squared error per image."""
    return float(np.square(X_hat - X).sum(axis=1).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", nargs="+", type=int, default=[1, 7, 30])
    arguments = parser.parse_args()
    print(machine())
    X, _, X_test, _ = load_images("mnist")
    print(f"{'epochs':>6}{'s':>8}{'squared error':>15}")
    for max_iter in arguments.epochs:
        start = time.perf_counter()
        autoencoder = hinton(max_iter, early_stopping=False).fit(X)
        seconds = time.perf_counter() - start
        error = squared_error(X_test, autoencoder.reconstruct(X_test))
        print(f"{max_iter:>6}{seconds:>8.1f}{error:>15.2f}", flush=True)


if __name__ == "__main__":
    main()
