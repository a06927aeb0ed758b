"""Test error over that of the best rival, on every numeric table.

    OMP_NUM_THREADS=1 python -m benchmarks.front

Seeds may be measured apart, with --output, and put together with --results.

The tables of pca_floor, and the numeric columns of data frames without rows that miss
cells. Standardised columns, 25 % of the rows held out, three seeds, 2, 4, 8 and 16
components (fewer than the columns). All train on the same rows, 10000 at most. The
rivals: PCA; KernelPCA and a kernel ridge regression that improves PCA's decoder, each
with a width and a penalty that the training rows choose, on 1500 of them at most; the
textbook autoencoder (one hidden layer of 64, random start); MLPRegressor; PyOD where it
is installed. The best rival of a cell is known from its test error alone: no one could
have chosen it before. "ratio" is the mean over the seeds of skae's error over that of
the seed's best rival.
"""

import argparse
import importlib.util
import time

import numpy as np
import pandas as pd

from benchmarks._data import (
    BUNDLED,
    FILES,
    TABLES,
    load_table,
    machine,
    parsed,
    standardised_split,
)
from benchmarks._rivals import (
    KernelPCAReducer,
    KernelRidgeDecoder,
    PCAReducer,
    PyODReducer,
    mean_error,
)
from benchmarks.pca_floor import MLPReducer, textbook
from skae import AutoencoderTransformer

MOST_ROWS = 10_000
NEAR, FAR = 1.02, 1.08  # of the best rival
ABOVE_PCA = 1.002
RIVALS = {
    "KernelPCA": KernelPCAReducer,
    "kernel ridge decoder": KernelRidgeDecoder,
    "textbook": textbook,
    "MLPRegressor": MLPReducer,
}
if importlib.util.find_spec("pyod"):
    RIVALS["PyOD"] = PyODReducer


def measure(name, X, n_components, seed, rivals):
    """Return one row: test error over PCA's and seconds, of skae and each rival."""
    most = min(MOST_ROWS, int(0.75 * len(X)))
    X, X_test = standardised_split(X, seed, test_size=0.25, train_size=most)
    floor = mean_error(PCAReducer(n_components, seed).fit(X), X_test)
    row = {"table": name, "rows": len(X), "n_components": n_components, "seed": seed}
    makers = {"skae": AutoencoderTransformer} | {name: RIVALS[name] for name in rivals}
    for method, make in makers.items():
        start = time.perf_counter()
        model = make(n_components, random_state=seed).fit(X)
        row[f"{method}_s"] = time.perf_counter() - start
        row[method] = mean_error(model, X_test) / floor
    row["PCA"] = 1.0
    row["ratio"] = row["skae"] / min(row[rival] for rival in ["PCA", *rivals])
    return row


def cells(arguments):
    """Measure, and yield the rows of each table and size."""
    AutoencoderTransformer().fit(np.eye(20))  # imports are not what is measured
    for name in arguments.tables:
        X = load_table(name)
        for n_components in arguments.sizes:
            if n_components < X.shape[1]:
                yield [
                    measure(name, X, n_components, seed, arguments.rivals)
                    for seed in arguments.seeds
                ]


def read(paths):
    """Yield the same from files that were written earlier."""
    results = pd.concat([pd.read_csv(path) for path in paths])
    for _, rows in results.groupby(["table", "n_components"], sort=False):
        yield rows.to_dict("records")


def report(rows, rivals):
    """Print the means over the seeds for a table and a size."""
    means = pd.DataFrame(rows).mean(numeric_only=True)
    best = means[["PCA", *rivals]].idxmin()
    print(
        f"{rows[0]['table']:<14}{means['rows']:>6.0f}{means['n_components']:>4.0f}"
        f"{means['skae']:>8.3f}  {best:<21}{means[best]:>6.3f}{means['ratio']:>8.3f}"
        f"{means['skae_s']:>8.2f}",
        flush=True,
    )


def summary(results):
    """Return lines about how often skae is near the front, and where it is not."""
    ratio = results["ratio"]
    means = results.groupby(["table", "n_components"], sort=False)[["skae", "ratio"]]
    means = means.mean()
    known = means[means.index.get_level_values("table").isin([*BUNDLED, *FILES])]
    seconds = results["skae_s"][results["rows"] < 1000]
    far = means["ratio"][means["ratio"] > FAR]
    yield (
        f"within {NEAR} of the best rival: {(ratio <= NEAR).mean():.3f} of "
        f"{len(ratio)} single results, {(means['ratio'] <= NEAR).mean():.3f} of "
        f"{len(means)} means"
    )
    yield f"above {FAR}: {(ratio > FAR).sum()} single results, {len(far)} means"
    yield f"above {ABOVE_PCA} of PCA: {(results['skae'] > ABOVE_PCA).sum()}"
    yield f"median over PCA on pca_floor's tables: {known['skae'].median():.3f}"
    yield f"median seconds under 1000 rows: {seconds.median():.2f}"
    yield f"means above {FAR}:" + ("" if len(far) else " none")
    for (table, n_components), value in far.items():
        yield f"  {table}, {n_components} components: {value:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", nargs="+", default=[*BUNDLED, *FILES, *TABLES])
    parser.add_argument("--sizes", nargs="+", type=int, default=[2, 4, 8, 16])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rivals", nargs="*", default=list(RIVALS), help="beside PCA")
    parser.add_argument("--output", help="write every single result to this CSV file")
    parser.add_argument("--results", nargs="+", help="report these CSV files instead")
    arguments = parsed(parser)
    print(machine())
    print(f"{'':<24}{'skae':>8}  {'best rival':<21}{'':>6}{'':>8}{'skae':>8}")
    print(f"{'table':<14}{'rows':>6}{'k':>4}{'/ PCA':>8}  {'':<21}", end="")
    print(f"{'/ PCA':>6}{'ratio':>8}{'s':>8}")
    results = []
    for rows in read(arguments.results) if arguments.results else cells(arguments):
        report(rows, arguments.rivals)
        results += rows
    results = pd.DataFrame(results)
    print(*summary(results), sep="\n")
    if arguments.output:
        results.to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
