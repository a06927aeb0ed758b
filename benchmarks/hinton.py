"""Squared error of 784-1000-500-250-30 on MNIST, against time.

    OMP_NUM_THREADS=2 python -m benchmarks.hinton

The network of Hinton and Salakhutdinov (2006): logistic output, trained on the
cross-entropy, measured by the squared error summed over the 784 pixels and averaged
over the 10000 test images. They report 3.00 (PCA 13.87), Martens (2010) 2.55 from a
random start and 2.46 pretrained. Every line is one whole fit: one epoch from the PCA
start and from a random one, some more, then many and smaller steps. From the PCA start
the network knows more of the training images by heart.
"""

import argparse
import time

import numpy as np

from benchmarks._data import load_images, machine, parsed
from skae import AutoencoderTransformer

# start, rows a step, highest learning rate, epochs
FITS = [
    "pca,1024,0.03,1",
    "random,1024,0.06,1",
    "random,1024,0.06,6",
    "random,256,0.03,24",
]


def hinton(init, batch_size, learning_rate_init, max_iter):
    return AutoencoderTransformer(
        30,
        hidden_layer_sizes=(1000, 500, 250),
        loss="binary_cross_entropy",
        init=init,
        batch_size=batch_size,
        learning_rate_init=learning_rate_init,
        max_iter=max_iter,
        early_stopping=False,
        random_state=0,
    )


def squared_error(X, X_hat):
    """Return the squared error per image."""
    return float(np.square(X_hat - X).sum(axis=1).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--fits", nargs="+", default=FITS, help="start,rows a step,rate,epochs"
    )
    arguments = parsed(parser)
    print(machine())
    X, _, X_test, _ = load_images("mnist")
    print(
        f"{'start':<8}{'batch':>6}{'rate':>6}{'epochs':>8}{'s':>8}"
        f"{'squared error':>15}{'of training images':>20}"
    )
    for fit in arguments.fits:
        init, batch_size, rate, max_iter = fit.split(",")
        autoencoder = hinton(init, int(batch_size), float(rate), int(max_iter))
        start = time.perf_counter()
        autoencoder.fit(X)
        seconds = time.perf_counter() - start
        error, own_error = (
            squared_error(rows, autoencoder.reconstruct(rows)) for rows in (X_test, X)
        )
        print(
            f"{init:<8}{batch_size:>6}{rate:>6}{max_iter:>8}{seconds:>8.1f}"
            f"{error:>15.2f}{own_error:>20.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
