"""How often a comparison of equal reducers claims a difference, and finds a real one.

    OMP_NUM_THREADS=1 python -m benchmarks.comparison

Each table holds the same eight signals three times, under independent noise of equal
variance, and each reducer is PCA of one of these copies that restores the whole table:
by symmetry, equals differ by chance alone. A worse reducer shrinks what it restores.
A comparison counts as a claim if any of four sizes is said to differ: by the old rule,
that a mean difference exceeds its standard deviation over the folds, and by the
conclusion's test. The intervals are Clopper and Pearson's, of 95 %.
"""

import argparse

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.model_selection import KFold

from benchmarks._data import machine
from skae.comparison import ReducerComparison

SIZES = (1, 2, 3, 4)
SIGNALS = np.array([3, 2, 1.5, 1, 0.7, 0.5, 0.4, 0.3])
N_COPIES = 3
# By reducer, the copy that it sees and the share that it restores of what it could:
# A, B and C are equals.
REDUCERS = {"A": (0, 1), "B": (1, 1), "C": (2, 1), "worse": (1, 0.73), "bad": (1, 0.62)}
CASES = [("A", "B"), ("A", "B", "C"), ("A", "worse"), ("A", "bad")]


def made_table(rng, n_rows):
    """Return copies of one table of signals under independent noise."""
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    signals = rng.standard_normal((n_rows, 8)) * SIGNALS @ axes
    return np.hstack(signals + rng.standard_normal((N_COPIES, n_rows, 8)))


def restored(X_train, X_test, copy, size):
    """Return the test rows as PCA of one copy restores them, centred."""
    mean = X_train.mean(axis=0)
    X_train, X_test = X_train - mean, X_test - mean
    columns = slice(8 * copy, 8 * copy + 8)
    own = X_train[:, columns]
    axes = np.linalg.eigh(own.T @ own)[1][:, -size:]
    coef = np.linalg.lstsq(own @ axes, X_train)[0]
    return X_test, X_test[:, columns] @ axes @ coef


def scores(X, n_splits):
    """Return the results of every reducer at every size in every fold."""
    folds = KFold(n_splits).split(X)
    for fold, (train, test) in enumerate(folds):
        total = np.square(X[test] - X[test].mean(axis=0)).sum()
        rows = {"fold": fold, "n_train": len(train), "n_test": len(test)}
        for size in SIZES:
            made = [restored(X[train], X[test], i, size) for i in range(N_COPIES)]
            for name, (copy, shrink) in REDUCERS.items():
                target, back = made[copy]
                r2 = 1 - np.square(target - shrink * back).sum() / total
                yield rows | {"reducer": name, "n_components": size, "r2": r2}


def claims(results, names):
    """Return whether the old rule and the test tell the first reducer from others."""
    results = results[results["reducer"].isin(names)]
    r2 = results.pivot(index="fold", columns=["reducer", "n_components"], values="r2")
    best = r2.mean().groupby("reducer").mean()[list(names[1:])].idxmax()
    gains = r2[best] - r2[names[0]]
    old = (gains.mean().abs() > gains.std().clip(lower=1e-4)).any()
    conclusion = ReducerComparison(results, reference=names[0]).conclusion()
    return old, "chance alone" in conclusion


def compared(rng, n_rows, n_splits):
    """Return the claims on a new table, and by how much the errors exceed A's."""
    results = pd.DataFrame(scores(made_table(rng, n_rows), n_splits))
    error = 1 - results.groupby("reducer")["r2"].mean()
    results = results.assign(fit_time=0.0)
    return [claims(results, names) for names in CASES], error / error["A"] - 1


def in_words(found):
    """Return a share of comparisons and its interval, in per cent."""
    test = binomtest(int(np.sum(found)), len(found))
    low, high = 100 * np.array(test.proportion_ci(0.95))
    return f"{100 * test.statistic:.1f} ({low:.1f} to {high:.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", type=int, default=400)
    parser.add_argument("--rows", type=int, default=120)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    print(machine())
    print(f"{arguments.tables} tables of {arguments.rows} rows; claims in per cent")
    print(f"{'':<10} {'folds':>5} {'error / %':>10} {'old rule':>22} {'test':>22}")
    for n_splits in (3, 5):
        found, errors = zip(
            *(compared(rng, arguments.rows, n_splits) for _ in range(arguments.tables)),
            strict=True,
        )
        excess = pd.DataFrame(errors).mean()
        for names, case in zip(CASES, np.swapaxes(found, 0, 1), strict=True):
            old, new = map(in_words, case.T)
            error = f"{100 * excess[names[-1]]:+.1f}"
            label = ", ".join(names)
            print(f"{label:<10} {n_splits:>5} {error:>10} {old:>22} {new:>22}")


if __name__ == "__main__":
    main()
