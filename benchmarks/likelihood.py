"""Log-likelihood of binarised MNIST under a variational autoencoder.

    OMP_NUM_THREADS=2 python -m benchmarks.likelihood

50 codes and two hidden layers of 200 tanh units each way, from random weights unless
--init says otherwise. The pixels are drawn from their grey levels, once for the test
images and anew for each copy of the training images. "log p(x)" is the bound with 5000
samples, weighted by importance, in nats, on some test images; "+-" its standard error
over these. Burda et al. (2016) report -86.76 after thousands of epochs, of pixels drawn
anew in each.
"""

import argparse
import time

import numpy as np

from benchmarks._data import load_images, machine, parsed
from skae import VariationalAutoencoder

N_SAMPLES = 5000


def binarised(X, rng):
    """Return pixels that are 1 with the probability that their grey levels say."""
    return (rng.random(X.shape, dtype=np.float32) < X).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--max-iter", nargs="+", type=int, default=[20, 100])
    parser.add_argument("--copies", type=int, default=2, help="of the training images")
    parser.add_argument("--samples", type=int, help="train on the first images alone")
    parser.add_argument("--test-images", type=int, default=1000)
    parser.add_argument("--init", default="random", choices=("auto", "pca", "random"))
    arguments = parsed(parser)
    print(machine())
    X, _, X_test, _ = load_images("mnist")
    X, X_test = X[: arguments.samples], X_test[: arguments.test_images]
    rng = np.random.default_rng(0)
    X = np.concatenate([binarised(X, rng) for _ in range(arguments.copies)])
    X_test = binarised(X_test, rng)
    print(f"{'epochs':>6}{'copies':>8}{'s':>7}{'log p(x)':>11}{'+-':>7}")
    for max_iter in arguments.max_iter:
        model = VariationalAutoencoder(
            50,
            hidden_layer_sizes=(200, 200),
            activation="tanh",
            loss="binary_cross_entropy",
            init=arguments.init,
            max_iter=max_iter,
            random_state=0,
        )
        start = time.perf_counter()
        model.fit(X)
        seconds = time.perf_counter() - start
        found = model.log_likelihood(X_test, n_samples=N_SAMPLES, random_state=0)
        error = found.std(ddof=1) / np.sqrt(len(found))
        print(
            f"{model.n_iter_:>6}{arguments.copies:>8}{seconds:>7.0f}"
            f"{found.mean():>11.2f}{error:>7.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
