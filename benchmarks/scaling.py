"""Seconds and memory of a fit as rows, columns and components grow.

    OMP_NUM_THREADS=1 python -m benchmarks.scaling [--largest 2e6] [--plot scaling.png]

Made data: eight hidden variables, columns that are curved in them, and noise. Default
parameters. Every fit has a process of its own; its memory is the largest that the
process ever had, less that of one that holds (and reads) the same data and fits ten
rows. What torch and skorch take themselves, once in a process, is thus not counted, but
printed. "growth" is the exponent of the seconds from one line to the next: 1 is linear.
The series "epochs" compares fits of a million rows by their test error over PCA's.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._data import BLOCK_ROWS, fill, machine, parsed
from skae import AutoencoderTransformer

MB = 1e6
MEMORY_LIMIT = 300 * MB
MEMMAP_LIMIT = 0.2  # of the data
GROWTH_LIMIT = 1.0
MILLION = 1_000_000, 100, 8
# (rows, columns, components)
SERIES = {
    "rows": [
        (n, 100, 8) for n in (1000, 3000, 10_000, 30_000, 100_000, 300_000, 600_000)
    ]
    + [MILLION],
    "columns": [(2000, n, 8) for n in (10, 30, 100, 300, 1000, 3000, 10_000)],
    "components": [(2000, 1000, n) for n in (2, 8, 32, 128, 512)],
}
MEMMAP_SHAPE = (500_000, 500)
NEW_ROWS = 20_000


def open_memmap(file):
    X = np.load(file, mmap_mode="r")
    for start in range(0, len(X), BLOCK_ROWS):
        X[start : start + BLOCK_ROWS].sum()
    return X


def peak_memory():
    """Return the most bytes that this process ever had in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def hold(X):
    print(json.dumps({"peak": peak_memory()}))


def hold_beside_libraries(X):
    AutoencoderTransformer(max_iter=1).fit(np.eye(10))
    hold(X)


def fit(X, n_components=8):
    start = time.perf_counter()
    fitted = AutoencoderTransformer(n_components, random_state=0).fit(X)
    seconds = time.perf_counter() - start
    result = {"seconds": seconds, "peak": peak_memory(), "n_iter": fitted.n_iter_}
    print(json.dumps(result))


def in_new_process(call):
    """Return what a call of functions of this module and of _data prints.

    A child's peak starts at its parent's memory, so this process stays small: it holds
    no table and imports no torch before the last fit.
    """
    code = "from benchmarks._data import *; from benchmarks.scaling import *; " + call
    return json.loads(subprocess.check_output([sys.executable, "-c", code]))


def measure(table, n_components):
    """Return a dict: seconds and epochs of a fit, and memory beyond the table's."""
    result = in_new_process(f"fit({table}, {n_components})")
    held = in_new_process(f"hold_beside_libraries({table})")["peak"]
    return {**result, "extra": result["peak"] - held}


def report(shape, data, result, limit, growth=math.nan):
    n_samples, n_features, n_components = shape
    print(
        f"{n_samples:>8} {n_features:>6} {n_components:>5} {result['n_iter']:>6} "
        f"{result['seconds']:8.2f} {result['seconds'] / n_samples * 1e6:10.1f} "
        f"{growth:6.2f} {data / MB:8.1f} {result['extra'] / MB:8.1f} "
        f"{limit / MB:6.0f} {result['extra'] / n_samples:10.0f}",
        flush=True,
    )


def header(name):
    print(
        f"{name}\n{'rows':>8} {'cols':>6} {'comp.':>5} {'epochs':>6} {'seconds':>8} "
        f"{'us/row':>10} {'growth':>6} {'data MB':>8} {'extra MB':>8} {'limit':>6} "
        f"{'bytes/row':>10}"
    )


def grow(name, shapes):
    """Measure fits of growing tables; return their sizes, seconds and memory."""
    header(name)
    varied = list(SERIES).index(name)
    points = []
    for shape in shapes:
        result = measure(f"made_table{shape[:2]}", shape[2])
        point = (shape[varied], result["seconds"], result["extra"])
        growth = math.nan
        if points:
            growth = math.log(point[1] / points[-1][1], point[0] / points[-1][0])
        points.append(point)
        report(shape, shape[0] * shape[1] * 8, result, MEMORY_LIMIT, growth)
    return points


def memmap(shape):
    """Measure the fit of a float32 table that stays in its file."""
    header("float32 memmap")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.npy"
        table = f"np.lib.format.open_memmap('{file}', 'w+', np.float32, {shape})"
        in_new_process(f"hold(fill({table}))")
        data = shape[0] * shape[1] * 4
        result = measure(f"open_memmap('{file}')", 8)
    report((*shape, 8), data, result, MEMMAP_LIMIT * data)


def compare_epochs(shape):
    """Measure fits with the default and with twelve epochs, and what new rows show."""
    print(f"epochs\n{'rows':>8} {'epochs':>6} {'batch':>6} {'seconds':>8} {'/ PCA':>8}")
    for options in ({}, {"max_iter": 12}, {"max_iter": 12, "batch_size": 512}):
        result = in_new_process(f"fit_and_test({shape}, {options})")
        print(
            f"{shape[0]:>8} {result['n_iter']:>6} {result['batch_size']:>6} "
            f"{result['seconds']:8.2f} {result['over_pca']:8.4f}",
            flush=True,
        )


def fit_and_test(shape, options):
    from sklearn.decomposition import PCA  # not in the parent's memory

    n_samples, n_features, n_components = shape
    X = fill(np.empty((n_samples + NEW_ROWS, n_features), dtype=np.float32))
    X, X_test = X[:n_samples], X[n_samples:]
    pca = PCA(n_components).fit(X)
    missed = X_test - pca.inverse_transform(pca.transform(X_test))
    start = time.perf_counter()
    fitted = AutoencoderTransformer(n_components, random_state=0, **options).fit(X)
    result = {
        "seconds": time.perf_counter() - start,
        "n_iter": fitted.n_iter_,
        "batch_size": fitted.batch_size_,
        "over_pca": float(fitted.reconstruction_error(X_test) / np.mean(missed**2)),
    }
    print(json.dumps(result))


SINGLE = {"memmap": (memmap, MEMMAP_SHAPE), "epochs": (compare_epochs, MILLION)}


def plot(curves, file):
    """Draw seconds and memory over each size."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, len(curves), figsize=(10, 6), sharex="col", squeeze=False
    )
    for column, (name, points) in zip(axes.T, curves.items(), strict=True):
        sizes, seconds, extra = np.transpose(points)
        column[0].loglog(sizes, seconds, "o-")
        column[1].semilogx(sizes, extra / MB, "o-")
        column[1].axhline(MEMORY_LIMIT / MB, linestyle="--", color="grey")
        column[1].set_xlabel(name)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("MB beyond the data")
    figure.tight_layout()
    figure.savefig(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--largest", type=float, default=1e9, help="cells of the largest table"
    )
    parser.add_argument("--series", nargs="+", default=[*SERIES, *SINGLE])
    parser.add_argument("--plot", metavar="FILE", help="draw the curves into this file")
    arguments = parsed(parser)
    largest = arguments.largest
    tiny = "made_table(10, 10)"
    libraries = in_new_process(f"hold_beside_libraries({tiny})")["peak"]
    libraries -= in_new_process(f"hold({tiny})")["peak"]
    print(f"torch and skorch, not in extra MB: {libraries / MB:.0f} MB")
    print(f"limits: growth {GROWTH_LIMIT} over rows; extra MB as printed")
    curves = {}
    for name in arguments.series:
        shapes = SERIES.get(name) or [SINGLE[name][1]]
        shapes = [shape for shape in shapes if math.prod(shape[:2]) <= largest]
        if shapes and name in SINGLE:
            SINGLE[name][0](*shapes)
        elif shapes:
            curves[name] = grow(name, shapes)
    print(machine())
    if arguments.plot:
        plot(curves, arguments.plot)


if __name__ == "__main__":
    main()
