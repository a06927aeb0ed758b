"""What papers report of classifiers on autoencoders' codes, and what skae reaches.

    OMP_NUM_THREADS=2 python -m benchmarks.papers

MNIST, 60000 training and 10000 test images; errors on the latter. The papers' figures
are quoted, not checked; their networks trained for hundreds of epochs.

k-sparse: 1000 units of which 25 are active, a logistic regression on frozen codes with
three times as many active units (Makhzani and Frey, 2014, encode with more units than
they train with).
1000 units: a plain, a denoising and a contractive autoencoder, fine-tuned on all labels
by AutoencoderClassifier, and to answer alike where a row is moved to where its answer
changes most, or at random (Rifai et al., 2011, have no such term).
11 components: a logistic regression on the frozen codes of unit variance (POLCA-Net,
2024), without labels, as PCA is; the last line fine-tunes the codes on the labels.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmarks._data import load_images, machine, parsed
from skae import (
    AutoencoderClassifier,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)

WIDE = {
    "init": "random",
    "hidden_layer_sizes": (),
    "code_activation": "relu",
    "loss": "binary_cross_entropy",
    "solver": "adamw",  # Muon's steps would take longer than the gradients
    "learning_rate_init": 1e-3,
    "batch_size": 256,
    "max_iter": 10,
}
SMALL = {"random_state": 0, "loss": "binary_cross_entropy"}


def logistic_regression(Z, y, Z_test, y_test, C):
    """Return the test error of a logistic regression on codes of unit size."""
    model = LogisticRegression(C=C, max_iter=300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(Z, y)
    return 1 - model.score(Z_test, y_test)


def largest(autoencoder, X, k):
    """Return codes with the k largest activations of every row, sparse."""
    with torch.inference_mode():
        values, units = autoencoder.net_.module_.encoder(torch.from_numpy(X)).topk(k)
    starts = np.arange(0, k * len(X) + 1, k)
    shape = len(X), autoencoder.n_components_
    return sparse.csr_array((values.numpy().ravel(), units.ravel(), starts), shape)


def k_sparse(X, y, X_test, y_test):
    autoencoder = SparseAutoencoder(
        1000,
        sparsity="top_k",
        k=25,
        tied_weights=True,
        solver="adamw",
        learning_rate_init=1e-3,
        batch_size=128,
        max_iter=25,
        random_state=0,
    ).fit(X)
    Z, Z_test = (largest(autoencoder, rows, 75) for rows in (X, X_test))
    size = np.sqrt((Z.data**2).sum() / np.prod(Z.shape))
    return logistic_regression(Z / size, y, Z_test / size, y_test, C=0.1)


def fine_tuned(autoencoder, **parameters):
    def run(X, y, X_test, y_test):
        classifier = AutoencoderClassifier(
            autoencoder, alpha=1e-4, random_state=0, **parameters
        )
        return 1 - classifier.fit(X, y).score(X_test, y_test)

    return run


def frozen(reducer):
    def run(X, y, X_test, y_test):
        Z = reducer.fit_transform(X)
        scale = Z.std(axis=0)
        Z_test = reducer.transform(X_test) / scale
        return logistic_regression(Z / scale, y, Z_test, y_test, C=1.0)

    return run


# Without answers that stay under noise the networks know the training rows by heart.
ADVERSARIAL = {
    "reconstruction_weight": 0,
    "consistency_weight": 1,
    "noise": "adversarial",
    "noise_level": 0.14,
    "max_iter": 60,
}
GAUSSIAN = ADVERSARIAL | {"noise": "gaussian", "noise_level": 0.7}
MASKED = {"noise": "masking", "noise_level": 0.3}
# name: (error in percent that the paper reports, what to run)
RECIPES = {
    "k-sparse": (1.35, k_sparse),
    "plain, 1000 units": (
        1.78,
        fine_tuned(AutoencoderTransformer(1000, **WIDE), **ADVERSARIAL),
    ),
    "the same, random noise": (
        1.78,
        fine_tuned(AutoencoderTransformer(1000, **WIDE), **GAUSSIAN),
    ),
    "denoising, 1000 units": (
        1.18,
        fine_tuned(DenoisingAutoencoder(1000, **MASKED, **WIDE), **ADVERSARIAL),
    ),
    "contractive, 1000 units": (
        1.14,
        fine_tuned(
            ContractiveAutoencoder(1000, contraction=0.003, **WIDE), **ADVERSARIAL
        ),
    ),
    "PCA, 11 components": (18.97, frozen(PCA(11))),
    "autoencoder, 11 components": (7.88, frozen(AutoencoderTransformer(11, **SMALL))),
    "variational, 11 components": (
        7.88,
        frozen(VariationalAutoencoder(11, max_iter=10, **SMALL)),
    ),
    "11 components, fine-tuned": (
        7.88,
        fine_tuned(AutoencoderTransformer(11, **SMALL), max_iter=20),
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=RECIPES, default=list(RECIPES))
    arguments = parsed(parser)
    print(machine())
    data = load_images("mnist")
    print(f"{'':<28}{'reported %':>12}{'skae %':>9}{'s':>7}")
    for name in arguments.only:
        reported, run = RECIPES[name]
        start = time.perf_counter()
        error = run(*data)
        seconds = time.perf_counter() - start
        print(f"{name:<28}{reported:>12}{100 * error:>9.2f}{seconds:>7.0f}", flush=True)


if __name__ == "__main__":
    main()
