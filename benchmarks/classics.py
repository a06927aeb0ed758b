"""The textbook's autoencoders: the published values and what skae reaches.

    OMP_NUM_THREADS=2 python -m benchmarks.classics --rows 1 3

"val" is the binary cross-entropy per pixel on MNIST's 10000 test images; of row 5, of
the clean images given noisy ones (plus 0.5 N(0, 1), clipped to [0, 1]). Every row is
run with the textbook's network, and with skae's default network for a code of that
size. Row 6 has no published value: its denoisers stand beside the error of their input,
the last of them as squared error.

The networks start from random weights and are trained by the "auto" solver, for fewer
epochs than published.
"""

import argparse
import io
import time

import joblib
import numpy as np

from benchmarks._data import load_images, machine, parsed
from skae import AutoencoderTransformer, DenoisingAutoencoder, SparseAutoencoder
from skae.architectures import Conv2d

TEXTBOOK = {"loss": "binary_cross_entropy", "init": "random", "random_state": 0}
DENSE = {**TEXTBOOK, "activation": "relu", "code_activation": "relu", "batch_size": 256}
SHALLOW = {**DENSE, "hidden_layer_sizes": (), "max_iter": 10}
SMALL = Conv2d((1, 28, 28), channels=(16, 8, 8), code="map")
LARGE = Conv2d((1, 28, 28), channels=(32, 32), code="map")
CONVOLUTIONAL = {**TEXTBOOK, "batch_size": 128}
NOISE = {"noise": "gaussian", "clip": (0.0, 1.0)}
DEFAULT = {"loss": "binary_cross_entropy", "random_state": 0}
RECIPES = {
    1: {
        "textbook": AutoencoderTransformer(32, **SHALLOW),
        "default": AutoencoderTransformer(32, **DEFAULT),
    },
    2: {
        "textbook": SparseAutoencoder(32, sparsity_weight=1e-9, **SHALLOW),
        "default": SparseAutoencoder(
            32, sparsity_weight=1e-9, hidden_layer_sizes="auto", **DEFAULT
        ),
    },
    3: {
        "textbook": AutoencoderTransformer(
            32, hidden_layer_sizes=(128, 64), max_iter=10, **DENSE
        ),
        "default": AutoencoderTransformer(32, **DEFAULT),
    },
    4: {
        "textbook": AutoencoderTransformer(
            architecture=SMALL, max_iter=15, **CONVOLUTIONAL
        ),
        "default": AutoencoderTransformer(128, **DEFAULT),
    },
    5: {
        "textbook": DenoisingAutoencoder(
            architecture=SMALL, noise_level=0.5, max_iter=15, **NOISE, **CONVOLUTIONAL
        ),
        "default": DenoisingAutoencoder(128, noise_level=0.5, **NOISE, **DEFAULT),
    },
    6: {
        "mnist": AutoencoderTransformer(
            architecture=LARGE, max_iter=3, **CONVOLUTIONAL
        ),
        "mnist, noise 1.0": DenoisingAutoencoder(
            architecture=LARGE, noise_level=1.0, max_iter=5, **NOISE, **CONVOLUTIONAL
        ),
        "fashion, noise 0.5": DenoisingAutoencoder(
            architecture=LARGE,
            noise_level=0.5,
            max_iter=5,
            **NOISE,
            **{**CONVOLUTIONAL, "loss": "squared_error"},
            output_activation="sigmoid",
        ),
    },
}
PUBLISHED = {1: 0.0915, 2: 0.0915, 3: 0.0828, 4: 0.0896, 5: 0.1195}


def cross_entropy(X, X_hat):
    """Return the binary cross-entropy per pixel."""
    X_hat = np.clip(X_hat.astype(np.float64), 1e-7, 1 - 1e-7)
    return -np.mean(X * np.log(X_hat) + (1 - X) * np.log1p(-X_hat))


def squared_error(X, X_hat):
    """Return the squared error per pixel."""
    return np.mean((X_hat.astype(np.float64) - X) ** 2)


def corrupted(autoencoder, X):
    """Return the input that an autoencoder is judged on: with its noise, if any."""
    level = getattr(autoencoder, "noise_level", 0.0)
    noise = np.random.default_rng(0).standard_normal(X.shape, dtype=np.float32)
    return np.clip(X + level * noise, 0, 1).astype(np.float32) if level else X


def stored(autoencoder):
    """Return an autoencoder after a way through a file."""
    file = io.BytesIO()
    joblib.dump(autoencoder, file)
    file.seek(0)
    return joblib.load(file)


def measure(autoencoder, X, X_test):
    """Return its error on test rows, that of its input, epochs, seconds, weights."""
    start = time.perf_counter()
    autoencoder.fit(X)
    seconds = time.perf_counter() - start
    squared = autoencoder.loss == "squared_error"
    error = squared_error if squared else cross_entropy
    given = corrupted(autoencoder, X_test)
    value = error(X_test, stored(autoencoder).reconstruct(given))
    unhelped = np.nan if given is X_test else error(X_test, given)
    weights = sum(p.numel() for p in autoencoder.net_.module_.parameters())
    return value, unhelped, autoencoder.n_iter_, seconds, weights


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--rows", nargs="+", type=int, default=list(RECIPES), choices=list(RECIPES)
    )
    parser.add_argument("--max-iter", type=int, help="epochs, instead of the script's")
    parser.add_argument("--samples", type=int, help="train on the first rows alone")
    arguments = parsed(parser)
    print(machine())
    print(
        f"{'row':<22}{'published':>10}{'skae':>9}{'input':>9}{'epochs':>8}{'s':>7}"
        f"{'weights':>9}"
    )
    for row in arguments.rows:
        for name, autoencoder in RECIPES[row].items():
            images = "fashion-mnist" if name.startswith("fashion") else "mnist"
            X, _, X_test, _ = load_images(images)
            if arguments.max_iter:
                autoencoder.set_params(max_iter=arguments.max_iter)
            value, unhelped, n_iter, seconds, weights = measure(
                autoencoder, X[: arguments.samples], X_test
            )
            published = f"{PUBLISHED[row]:.4f}" if row in PUBLISHED else "-"
            given = "-" if np.isnan(unhelped) else f"{unhelped:.4f}"
            print(
                f"{row} {name:<20}{published:>10}{value:>9.4f}{given:>9}{n_iter:>8}"
                f"{seconds:>7.0f}{weights:>9}",
                flush=True,
            )


if __name__ == "__main__":
    main()
