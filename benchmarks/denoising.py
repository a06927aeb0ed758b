"""Held-out error of denoised images, beside the noisy ones' and PCA's projection's.

    OMP_NUM_THREADS=2 python -m benchmarks.denoising

MNIST with pixels in [0, 1], or scikit-learn's digits, a quarter held out.
Mean squared error per pixel against the clean test images, as a share of the noisy
images' own error; PCA is fitted on clean training rows and has as many components.
"""

import argparse
import time

import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from benchmarks._data import load_images, load_table, machine, parsed
from skae import DenoisingAutoencoder

# the estimator's parameters
NOISES = {
    "gaussian 0.25": {"noise": "gaussian", "noise_level": 0.25},
    "gaussian 0.5": {"noise": "gaussian", "noise_level": 0.5},
    "gaussian 0.5, clipped": {
        "noise": "gaussian",
        "noise_level": 0.5,
        "clip": (0.0, 1.0),
    },
    "uniform 0.5": {"noise": "uniform", "noise_level": 0.5},
    "masking 0.3": {"noise": "masking", "noise_level": 0.3},
    "salt_pepper 0.3": {"noise": "salt_pepper", "noise_level": 0.3, "clip": (0.0, 1.0)},
    "swap 0.3": {"noise": "swap", "noise_level": 0.3},
}


def make_noisy(X, *, noise, noise_level, clip=None, seed=0):
    """Return noisy rows by numpy's own means, apart from what is measured."""
    rng = np.random.default_rng(seed)
    replaced = rng.random(X.shape) < noise_level
    if noise == "gaussian":
        X = X + rng.normal(0, noise_level, X.shape)
    elif noise == "uniform":
        X = X + rng.uniform(-noise_level, noise_level, X.shape)
    elif noise == "masking":
        X = np.where(replaced, 0, X)
    elif noise == "salt_pepper":
        X = np.where(replaced, rng.integers(0, 2, X.shape), X)
    else:
        others = X[rng.integers(0, len(X), X.shape), np.arange(X.shape[1])]
        X = np.where(replaced, others, X)
    return (X if clip is None else X.clip(*clip)).astype(np.float32)


def load(name, n_rows):
    if name == "digits":
        X = (load_table("digits") / 16).astype(np.float32)
        return train_test_split(X, test_size=0.25, random_state=0)
    X_train, _, X_test, _ = load_images(name)
    return X_train[:n_rows], X_test


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--rows", type=int, default=60000, help="training images")
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--max-iter", default="auto")
    parser.add_argument("--init", default="pca")
    parser.add_argument("--noises", nargs="+", default=list(NOISES))
    arguments = parsed(parser)
    X, X_test = load(arguments.data, arguments.rows)
    pca = PCA(arguments.components, random_state=0).fit(X)
    max_iter = arguments.max_iter
    max_iter = int(max_iter) if max_iter.isdigit() else max_iter
    print(machine())
    print(f"{len(X)} rows, {arguments.components} components")
    for name in arguments.noises:
        noisy = make_noisy(X_test, **NOISES[name])
        denoiser = DenoisingAutoencoder(
            arguments.components,
            init=arguments.init,
            max_iter=max_iter,
            random_state=0,
            **NOISES[name],
        )
        start = time.perf_counter()
        denoiser.fit(X)
        took = time.perf_counter() - start
        found = {
            "denoised": denoiser.reconstruct(noisy),
            "PCA": pca.inverse_transform(pca.transform(noisy)),
        }
        floor = ((noisy - X_test) ** 2).mean()
        shares = {
            label: ((X_hat - X_test) ** 2).mean() / floor
            for label, X_hat in found.items()
        }
        print(
            f"{name}: noisy {floor:.4f}; "
            + ", ".join(f"{label} {share:.3f} of it" for label, share in shares.items())
            + f"; {denoiser.n_iter_} epochs in {took:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
