"""Mixed tables: what PCA and autoencoders keep of numbers and categories.

    OMP_NUM_THREADS=2 python -m benchmarks.tables [penguins taxi ...]

A quarter of the rows are held out. PCA is behind a TableEncoder, so that it gives a
table back; what differs is how zeros and ones of categories are scaled. skae takes the
table as it is. What is printed is the mean D^2 over the columns of the held-out rows
(explained_deviance), and the seconds of the fit, of every table and number of
components. The last line compares skae with the best of the others.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from benchmarks._data import TABLES, data_folder, machine, parsed
from skae import AutoencoderTransformer
from skae.metrics import explained_deviance
from skae.tables import TableEncoder

SKAE = "AutoencoderTransformer"
MIXED = [name for name in TABLES if name != "meats"]  # which has numbers alone


def encoder(scaling):
    return TableEncoder(category_scaling=scaling, handle_unknown="ignore")


def methods(n_components, seed):
    """Return an estimator for each method, by its name."""
    pca = PCA(n_components, random_state=seed)
    return {
        "one-hot, PCA": make_pipeline(encoder("standard"), pca),
        "FAMD": make_pipeline(encoder("famd"), pca),
        "balanced, PCA": make_pipeline(encoder("balanced"), pca),
        SKAE: AutoencoderTransformer(n_components, random_state=seed),
    }


def load(name, most_rows):
    table = pd.read_parquet(data_folder() / "tables" / f"{name}.parquet")
    if len(table) <= most_rows:
        return table
    return table.sample(most_rows, random_state=0)


def run(table, n_components, seeds):
    """Return mean D^2 and mean seconds of each method."""
    scores, seconds = {}, {}
    for seed in range(seeds):
        train, test = train_test_split(table, test_size=0.25, random_state=seed)
        for name, estimator in methods(n_components, seed).items():
            start = time.perf_counter()
            estimator.fit(train)
            seconds.setdefault(name, []).append(time.perf_counter() - start)
            with warnings.catch_warnings(action="ignore"):  # of unknown values
                score = explained_deviance(estimator, test)
            scores.setdefault(name, []).append(score)
    return pd.Series(scores).map(np.mean), pd.Series(seconds).map(np.mean)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", default=MIXED)
    parser.add_argument("--components", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", type=int, default=10_000, help="at most, of a table")
    arguments = parsed(parser)
    print(machine())
    names = list(methods(1, 0))
    print(f"{'':<16}" + "".join(f"{name:>24}" for name in names))
    gains = []
    for table_name in arguments.tables:
        table = load(table_name, arguments.rows)
        for k in arguments.components:
            scores, seconds = run(table, k, arguments.seeds)
            cells = [f"{scores[n]:14.3f} {seconds[n]:7.2f} s" for n in names]
            print(f"{table_name:<13}{k:>3}" + "".join(cells), flush=True)
            gains.append(scores[SKAE] - scores.drop(SKAE).max())
    gains = np.array(gains)
    print(
        f"{SKAE} less the best of the others: median {np.median(gains):+.3f}, least "
        f"{gains.min():+.3f}, below by more than 0.005 in {(gains < -0.005).sum()} of "
        f"{len(gains)}"
    )


if __name__ == "__main__":
    main()
