"""Every prefix of an ordered code over a model of that size alone, and over PCA.

    OMP_NUM_THREADS=2 python -m benchmarks.ordered
    OMP_NUM_THREADS=1 python -m benchmarks.ordered --rows 1000 --sizes 1 4 16 \
        --data digits breast_cancer

One `AutoencoderTransformer(32, ordered=True)` for each data set (fewer components where
there are fewer columns), cut to its first 1, 2, 4, ... components, and one model fitted
for each of these sizes alone. Squared errors are those of test rows: a quarter of a
table, standardised, and of the images those that come as such.
"""

import argparse
import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from benchmarks._data import (
    load_images,
    load_table,
    machine,
    parsed,
    standardised_split,
)
from benchmarks.hinton import squared_error
from skae import AutoencoderTransformer

IMAGES = ("mnist", "fashion-mnist")
TABLES = ("digits", "breast_cancer", "texture")
SIZES = (1, 2, 4, 8, 16, 32)
OVER_OWN, OVER_PCA = 1.05, 0.75  # limits; the second for images


def load(name, n_rows):
    """Return training and test rows, so many of the first at most."""
    if name in IMAGES:
        X, _, X_test, _ = load_images(name)
    else:
        X, X_test = standardised_split(load_table(name), 0, test_size=0.25)
    return X[:n_rows], X_test


def timed(autoencoder, X):
    start = time.perf_counter()
    return autoencoder.fit(X), time.perf_counter() - start


def measure(name, n_rows, sizes):
    """Return one row for every size: errors of prefix, own model and PCA."""
    X, X_test = load(name, n_rows)
    sizes = [size for size in sizes if size < min(X.shape)]
    ordered = AutoencoderTransformer(max(sizes), ordered=True, random_state=0)
    ordered, seconds = timed(ordered, X)
    rows = []
    for size in sizes:
        own, own_s = timed(AutoencoderTransformer(size, random_state=0), X)
        pca = PCA(size, random_state=0).fit(X)
        errors = [
            squared_error(X_test, model.inverse_transform(model.transform(X_test)))
            for model in (ordered.truncate(size), own, pca)
        ]
        rows.append([name, len(X), size, *errors, seconds, own_s])
        report(rows[-1])
    return rows


def report(row):
    name, n_rows, size, ordered, own, pca, seconds, own_s = row
    limit = f"{OVER_PCA:>8.2f}" if name in IMAGES else ""
    print(
        f"{name:<15}{n_rows:>7}{size:>6}{ordered:>10.4g}{ordered / own:>8.3f}"
        f"{OVER_OWN:>7.2f}{ordered / pca:>8.3f}{seconds:>8.0f}{own_s:>7.0f}{limit}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", nargs="+", default=[*IMAGES, *TABLES])
    parser.add_argument("--rows", type=int, help="of each data set at most")
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    arguments = parsed(parser)
    print(machine())
    AutoencoderTransformer().fit(np.eye(20))  # imports are not what is measured
    print(f"{'':<28}{'error':>10}{'/own':>8}{'limit':>7}{'/PCA':>8}", end="")
    print(f"{'s':>8}{'own s':>7}{'limit':>8}")
    rows = []
    for name in arguments.data:
        rows += measure(name, arguments.rows, sorted(arguments.sizes))
    columns = ["data", "rows", "size", "ordered", "own", "pca", "s", "own_s"]
    results = pd.DataFrame(rows, columns=columns)
    over_own = results["ordered"] / results["own"]
    print(
        f"over own: median {over_own.median():.3f}, largest {over_own.max():.3f}, "
        f"within the limit {(over_own <= OVER_OWN).sum()} of {len(results)}"
    )
    images = results[results["data"].isin(IMAGES)]
    if len(images):
        print(
            f"images over PCA: largest {(images['ordered'] / images['pca']).max():.3f}"
        )


if __name__ == "__main__":
    main()
