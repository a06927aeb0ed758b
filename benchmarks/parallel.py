"""Seconds of a grid search with two jobs over half of those with one.

    OMP_NUM_THREADS=1 python -m benchmarks.parallel

A search over six fits on made data, 2000 rows of 50 columns and 10000 of 784, in
joblib's processes (loky) and in threads; the smallest of several times each, measured
in turn. In threads, fits of small steps wait for each other: Python runs one thread at
a time, and small steps are little else. The workers have started and imported
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
        MLPRegressor(hidden_layer_sizes=(64, 4, 64), random_state=0),
        {"learning_rate_init": [1e-3, 2e-3, 4e-3]},
    ),
}
# rows, columns, epochs of each estimator
TABLES = [
    (2000, 50, {"AutoencoderTransformer": "auto", "MLPRegressor": 1000}),
    (10_000, 784, {"AutoencoderTransformer": 4, "MLPRegressor": 10}),
]


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
    arguments = parser.parse_args()
    print(machine())
    print(f"{'':<48} {'one job s':>10} {'two jobs s':>10} {'ratio':>6} {'limit':>6}")
    for n_rows, n_features, epochs in TABLES:
        X = made_table(n_rows, n_features).astype(np.float32)
        for name, (estimator, grid) in SEARCHES.items():
            estimator.set_params(max_iter=epochs[name])
            serial, *parallel = measure(estimator, grid, X, arguments.repeats)
            for backend, value in zip(BACKENDS, parallel, strict=True):
                limit = LIMIT if name == "AutoencoderTransformer" else ""
                print(
                    f"{f'{name}, {n_rows} x {n_features}, {backend}':<48} "
                    f"{serial:10.2f} {value:10.2f} {2 * value / serial:6.2f} "
                    f"{limit:>6}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
