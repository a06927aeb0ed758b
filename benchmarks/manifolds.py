"""Share of the way from PCA's error to the noise floor, on curved surfaces.

    OMP_NUM_THREADS=1 python -m benchmarks.manifolds

Rows of surfaces of 1 to 5 dimensions in 3 to 50 columns, and noise; as many components
as the surface has dimensions. A seed draws the surface itself, and 4000 test rows lie
on the same one. A share of 0 is PCA, 1 is the noise floor: the variance of the noise
times the columns that the surface has no dimensions for. To first order that is what
the surface itself leaves when each row is moved to its nearest point; noise along the
surface costs nothing. Columns are in their own units. MLPRegressor, the torch loop and
PyOD get them standardised. The loop trains for as many seconds as skae's fit took.
"""

import argparse
import importlib.util
import time
from functools import partial

import numpy as np
import pandas as pd
from sklearn.datasets import make_s_curve, make_swiss_roll

from benchmarks._data import machine, parsed
from benchmarks._rivals import (
    OnStandardised,
    PCAReducer,
    PyODReducer,
    TorchLoop,
    mean_error,
)
from benchmarks.pca_floor import MLPReducer
from skae import AutoencoderTransformer

TEST_ROWS = 4000
AT_PCA = 0.02


def swiss_roll(n_rows, rng, shape):
    return make_swiss_roll(n_rows, random_state=rng.integers(2**31))[0]


def s_curve(n_rows, rng, shape):
    return make_s_curve(n_rows, random_state=rng.integers(2**31))[0]


def helix(n_rows, rng, shape):
    t = rng.uniform(0, 4 * np.pi, n_rows)
    return np.column_stack([np.cos(t), np.sin(t), t / 4]) @ _axes(shape, 3, 10)


def sphere(n_rows, rng, shape):
    X = rng.standard_normal((n_rows, 3))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def waves(k, n_columns, n_rows, rng, shape):
    T = rng.standard_normal((n_rows, k))
    return np.tanh(T @ _axes(shape, k, n_columns)) + np.sin(
        T @ _axes(shape, k, n_columns)
    )


def quadratic(k, n_columns, n_rows, rng, shape):
    T = rng.standard_normal((n_rows, k))
    i, j = np.triu_indices(k)
    products = T[:, i] * T[:, j]
    bent = 0.7 * products @ _axes(shape, len(i), n_columns)
    return T @ _axes(shape, k, n_columns) + bent


def network(k, n_columns, n_rows, rng, shape):
    T = rng.uniform(-1.5, 1.5, (n_rows, k))
    hidden = np.tanh(1.5 * T @ _axes(shape, k, 16) + shape.standard_normal(16))
    return hidden @ _axes(shape, 16, n_columns) / 4


def fourier(k, n_columns, n_rows, rng, shape):
    T = rng.uniform(-2, 2, (n_rows, k))
    phases = shape.uniform(0, 2 * np.pi, n_columns)
    waved = np.cos(T @ _axes(shape, k, n_columns) + phases)
    return waved + 0.3 * T @ _axes(shape, k, n_columns)


def _axes(shape, n_in, n_out):
    return shape.standard_normal((n_in, n_out))


SURFACES = {  # rows without noise, dimensions, deviation of the noise
    "swiss roll": (swiss_roll, 2, 0.1),
    "S curve": (s_curve, 2, 0.03),
    "helix": (helix, 1, 0.1),
    "sphere": (sphere, 2, 0.02),
    "waves 2 in 40": (partial(waves, 2, 40), 2, 0.1),
    "waves 3 in 24": (partial(waves, 3, 24), 3, 0.1),
    "quadratic 2 in 20": (partial(quadratic, 2, 20), 2, 0.1),
    "quadratic 4 in 40": (partial(quadratic, 4, 40), 4, 0.1),
    "network 3 in 30": (partial(network, 3, 30), 3, 0.05),
    "network 5 in 50": (partial(network, 5, 50), 5, 0.05),
    "fourier 2 in 15": (partial(fourier, 2, 15), 2, 0.05),
}


def skae(init, n_components, seed, seconds):
    return AutoencoderTransformer(n_components, init=init, random_state=seed)


def standardised(reducer, n_components, seed, seconds):
    return OnStandardised(reducer(n_components, seed))


def torch_loop(n_components, seed, seconds):
    return OnStandardised(TorchLoop(n_components, seed, seconds))


METHODS = {
    "skae": partial(skae, "auto"),
    "random": partial(skae, "random"),
    "pca start": partial(skae, "pca"),
    "MLPRegressor": partial(standardised, MLPReducer),
    "torch loop": torch_loop,
}
if importlib.util.find_spec("pyod"):
    METHODS["PyOD"] = partial(standardised, PyODReducer)


def noisy(name, n_rows, seed, part):
    """Return rows of a surface with noise: the seed's surface, the part's rows."""
    make, _, deviation = SURFACES[name]
    rng = np.random.default_rng([seed, part])
    X = make(n_rows, rng, np.random.default_rng(seed))
    return X + deviation * rng.standard_normal(X.shape)


def measure(name, n_rows, seed, methods):
    """Return one row: the share and the seconds of each method."""
    _, k, deviation = SURFACES[name]
    X, X_test = noisy(name, n_rows, seed, 1), noisy(name, TEST_ROWS, seed, 2)
    reference = mean_error(PCAReducer(k, seed).fit(X), X_test)
    floor = deviation**2 * (X.shape[1] - k)
    row = {"surface": name, "rows": n_rows, "seed": seed}
    for method in methods:
        start = time.perf_counter()
        model = METHODS[method](k, seed, row.get("skae_s")).fit(X)
        row[f"{method}_s"] = time.perf_counter() - start
        row[method] = (reference - mean_error(model, X_test)) / (reference - floor)
    return row


def report(rows, methods):
    """Print the mean and the worst share over the seeds, and the first's seconds."""
    cells = pd.DataFrame(rows)
    text = "".join(f"{cells[m].mean():>10.3f}{cells[m].min():>7.3f}" for m in methods)
    seconds = cells[f"{methods[0]}_s"]
    print(
        f"{rows[0]['surface']:<18}{rows[0]['rows']:>6}{text}"
        f"{seconds.mean():>8.2f}{seconds.max():>7.2f}",
        flush=True,
    )


def summary(results, method):
    shares, seconds = results[method], results[f"{method}_s"]
    return (
        f"{method}: mean share {shares.mean():.3f}, "
        f"worst of 1000 rows and more {shares[results['rows'] >= 1000].min():.3f}, "
        f"at PCA {(shares < AT_PCA).sum()} of {len(shares)}, "
        f"longest seconds up to 5000 rows {seconds[results['rows'] <= 5000].max():.1f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--surfaces", nargs="+", default=list(SURFACES))
    parser.add_argument(
        "--rows", nargs="+", type=int, default=[500, 1000, 5000, 20_000]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD"
    )
    parser.add_argument("--output", help="write every single result to this CSV file")
    arguments = parsed(parser)
    methods = sorted(arguments.methods, key=list(METHODS).index)
    if "torch loop" in methods and "skae" not in methods:
        parser.error("the torch loop takes skae's seconds: name skae, too")
    AutoencoderTransformer().fit(np.eye(20))  # imports are not what is measured
    print(machine())
    titles = "".join(f"{method:>17}" for method in methods)
    print(f"{'':<24}{titles}{f'{methods[0]} s':>15}")
    print(f"{'surface':<18}{'rows':>6}" + len(methods) * "      mean  worst", end="")
    print("    mean    max")
    results = []
    for name in arguments.surfaces:
        for n_rows in arguments.rows:
            rows = [measure(name, n_rows, seed, methods) for seed in arguments.seeds]
            report(rows, methods)
            results += rows
    results = pd.DataFrame(results)
    for method in methods:
        print(summary(results, method))
    if arguments.output:
        results.to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
