"""Seconds of a grid search with two jobs over half of those with one.

    OMP_NUM_THREADS=1 python -m benchmarks.parallel

A search over six fits on made data, in joblib's processes (loky) and in threads; the
smallest of several times each, measured in turn. The workers have started and imported
torch before. 1 is as fast as can be. scikit-learn's MLPRegressor, trained to return its
input, tells what the machine itself allows.
"""

import argparse
import time

import numpy as np
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor

from benchmarks._data import machine, made_table
from skae import AutoencoderTransformer

LIMIT = 1.2
BACKENDS = ("loky", "threading")


SEARCHES = {
    "AutoencoderTransformer": (
        AutoencoderTransformer(random_state=0),
        {"n_components": [2, 4, 8]},
    ),
    "MLPRegressor": (
        MLPRegressor(hidden_layer_sizes=(64, 4, 64), max_iter=1000, random_state=0),
        {"learning_rate_init": [1e-3, 2e-3, 4e-3]},
    ),
}


def seconds(estimator, grid, X, backend, n_jobs):
    search = GridSearchCV(estimator, grid, cv=2, refit=False)
    start = time.perf_counter()
    with parallel_config(backend=backend, n_jobs=n_jobs):
        search.fit(X, X)
    return time.perf_counter() - start


def measure(estimator, grid, X, repeats):
    """Return the smallest seconds of one job and of two with every backend."""
    ways = [("loky", 1), *((backend, 2) for backend in BACKENDS)]
    for way in ways:
        seconds(estimator, grid, X[:100], *way)
    times = [
        [seconds(estimator, grid, X, *way) for way in ways] for _ in range(repeats)
    ]
    return np.min(times, axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=2000)
    arguments = parser.parse_args()
    print(machine())
    print(f"{'':<36} {'one job s':>10} {'two jobs s':>10} {'ratio':>6} {'limit':>6}")
    X = made_table(arguments.rows, 50)
    for name, (estimator, grid) in SEARCHES.items():
        serial, *parallel = measure(estimator, grid, X, arguments.repeats)
        for backend, value in zip(BACKENDS, parallel, strict=True):
            limit = LIMIT if name == "AutoencoderTransformer" else ""
            print(
                f"{f'{name}, {backend}':<36} {serial:10.2f} {value:10.2f} "
                f"{2 * value / serial:6.2f} {limit:>6}",
                flush=True,
            )


if __name__ == "__main__":
    main()
