"""Test error over PCA's, on many tables, with default parameters.

    OMP_NUM_THREADS=2 python -m benchmarks.pca_floor

Standardised columns, 25 % of the rows held out, three seeds, 2, 4, 8 and 16 components
(fewer than the columns). Besides `AutoencoderTransformer` as it comes, the plain
textbook autoencoder and scikit-learn's MLPRegressor trained to return its input.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from benchmarks._data import (
    BUNDLED,
    FILES,
    load_table,
    machine,
    parsed,
    standardised_split,
)
from skae import AutoencoderTransformer


class MLPReducer:
    """MLPRegressor as an autoencoder: its target is its input."""

    def __init__(self, n_components, random_state):
        widths = (64, n_components, 64)
        self.regressor = MLPRegressor(
            hidden_layer_sizes=widths, random_state=random_state
        )

    def fit(self, X):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.regressor.fit(X, X)
        return self

    def reconstruct(self, X):
        return self.regressor.predict(X).reshape(X.shape)


def textbook(n_components, random_state):
    return AutoencoderTransformer(
        n_components,
        init="random",
        hidden_layer_sizes=(64,),
        activation="relu",
        random_state=random_state,
    )


METHODS = {
    "skae": lambda k, seed: AutoencoderTransformer(k, random_state=seed),
    "textbook": textbook,
    "MLPRegressor": MLPReducer,
}


def measure(name, n_components, seed, methods):
    """Return one row: squared test error over PCA's and seconds, for each method."""
    X_train, X_test = standardised_split(load_table(name), seed, test_size=0.25)
    pca = PCA(n_components).fit(X_train)
    floor = ((pca.inverse_transform(pca.transform(X_test)) - X_test) ** 2).sum()
    row = {"table": name, "rows": len(X_train), "n_components": n_components}
    row["seed"] = seed
    for method in methods:
        start = time.perf_counter()
        model = METHODS[method](n_components, seed).fit(X_train)
        row[f"{method}_s"] = time.perf_counter() - start
        error = ((model.reconstruct(X_test) - X_test) ** 2).sum()
        row[method] = error / floor
    return row


def summary(results, methods):
    """Return one row per table and size: the mean over the seeds."""
    columns = [*methods, *(f"{method}_s" for method in methods)]
    groups = results.groupby(["table", "rows", "n_components"], sort=False)
    table = groups[columns].mean()
    table.insert(1, "worst seed", groups[methods[0]].max())
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", nargs="+", default=[*BUNDLED, *FILES])
    parser.add_argument("--sizes", nargs="+", type=int, default=[2, 4, 8, 16])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--output", help="write every single result to this CSV file")
    arguments = parsed(parser)
    AutoencoderTransformer().fit(np.eye(20))  # imports are not what is measured
    rows = []
    for name in arguments.tables:
        for n_components in arguments.sizes:
            if n_components < load_table(name).shape[1]:
                rows += [
                    measure(name, n_components, seed, arguments.methods)
                    for seed in arguments.seeds
                ]
                line = pd.DataFrame(rows[-len(arguments.seeds) :])
                print(line.mean(numeric_only=True).round(3).to_dict(), name, flush=True)
    results = pd.DataFrame(rows)
    print(machine())
    print(summary(results, arguments.methods).round(3).to_string())
    for method in arguments.methods:
        per_cell = results.groupby(["table", "n_components"])[method].mean()
        seconds = results[f"{method}_s"]
        print(
            f"{method}: median {per_cell.median():.3f}, "
            f"largest mean {per_cell.max():.4f}, "
            f"largest single {results[method].max():.4f}, "
            f"seconds in all {seconds.sum():.0f}, longest {seconds.max():.1f}, "
            f"median under 1000 rows {seconds[results['rows'] < 1000].median():.2f}"
        )
    if arguments.output:
        results.to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
