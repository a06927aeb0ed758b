"""Test error over PCA's on MNIST and Fashion-MNIST, with default parameters.

    OMP_NUM_THREADS=2 python -m benchmarks.images

`AutoencoderTransformer(30)` as it comes, fitted to the 60000 training images and judged
on the 10000 others. Squared errors are summed over the 784 pixels.
"""

import argparse
import time

import numpy as np
from sklearn.decomposition import PCA

from benchmarks._data import load_images, machine, parsed
from benchmarks.hinton import squared_error
from skae import AutoencoderTransformer

LIMITS = {"mnist": 0.25, "fashion-mnist": 0.60}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", nargs="+", default=list(LIMITS))
    parser.add_argument("--n-components", type=int, default=30)
    arguments = parsed(parser)
    print(machine())
    AutoencoderTransformer().fit(np.eye(20))  # imports are not what is measured
    print(f"{'images':<15}{'s':>6}{'skae':>8}{'PCA':>8}{'ratio':>8}{'limit':>8}")
    for name in arguments.images:
        X, _, X_test, _ = load_images(name)
        start = time.perf_counter()
        autoencoder = AutoencoderTransformer(arguments.n_components, random_state=0)
        autoencoder.fit(X)
        seconds = time.perf_counter() - start
        pca = PCA(arguments.n_components, random_state=0).fit(X)
        floor = squared_error(X_test, pca.inverse_transform(pca.transform(X_test)))
        error = squared_error(X_test, autoencoder.reconstruct(X_test))
        print(
            f"{name:<15}{seconds:>6.0f}{error:>8.2f}{floor:>8.2f}{error / floor:>8.3f}"
            f"{LIMITS[name]:>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
