"""How often a comparison of equal reducers claims a difference, and finds a real one.

    OMP_NUM_THREADS=1 python -m benchmarks.comparison

Each table holds the same eight signals three times, under independent noise of equal
variance, and each reducer is PCA of one of these copies that restores the whole table:
by symmetry, equals differ by chance alone. A worse reducer shrinks what it restores.
In tables with outliers (Student's t, 2.5 degrees of freedom) fits hang on few rows.
A comparison counts as a claim if any of four sizes is said to differ: by the old rule,
that a mean difference exceeds its standard deviation over the folds, and by the
conclusion's test. The intervals are Clopper and Pearson's, of 95 %.
"""

import argparse
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.model_selection import KFold

from benchmarks._data import machine, parsed
from skae.comparison import ReducerComparison

SIZES = (1, 2, 3, 4)
SIGNALS = np.array([3, 2, 1.5, 1, 0.7, 0.5, 0.4, 0.3])
N_COPIES = 3
# By reducer, the copy that it sees and the share that it restores of what it could:
# A, B and C are equals.
REDUCERS = {"A": (0, 1), "B": (1, 1), "C": (2, 1), "worse": (1, 0.73), "bad": (1, 0.62)}
EQUALS = [("A", "B"), ("A", "B", "C")]
WORSE = [("A", "worse"), ("A", "bad")]
SETTINGS = [
    ("normal", 120, 3, EQUALS + WORSE),
    ("normal", 120, 5, EQUALS + WORSE),
    ("outliers", 200, 10, EQUALS),
]


def made_table(rng, kind, n_rows):
    """Return copies of one table of signals under independent noise."""
    draw = rng.standard_normal if kind == "normal" else partial(rng.standard_t, 2.5)
    axes = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    signals = draw(size=(n_rows, 8)) * SIGNALS @ axes
    return np.hstack(signals + draw(size=(N_COPIES, n_rows, 8)))


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


def compared(X, n_splits, cases):
    """Return the claims on a table, and by how much the errors exceed A's."""
    results = pd.DataFrame(scores(X, n_splits)).assign(fit_time=0.0)
    error = 1 - results.groupby("reducer")["r2"].mean()
    return [claims(results, names) for names in cases], error / error["A"] - 1


def in_words(found):
    """Return a share of comparisons and its interval, in per cent."""
    test = binomtest(int(np.sum(found)), len(found))
    low, high = 100 * np.array(test.proportion_ci(0.95))
    return f"{100 * test.statistic:.1f} ({low:.1f} to {high:.1f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", type=int, default=400)
    n_tables = parsed(parser).tables
    rng = np.random.default_rng(0)
    print(machine())
    print(f"claims in % of {n_tables} comparisons; error: of the last reducer over A's")
    print(f"{'table':<8} {'rows':>4} {'folds':>5} reducers  {'error':>6} ", end="")
    print(f"{'old rule':>20} {'test':>18}")
    for kind, n_rows, n_splits, cases in SETTINGS:
        tables = (made_table(rng, kind, n_rows) for _ in range(n_tables))
        runs = (compared(X, n_splits, cases) for X in tables)
        found, errors = zip(*runs, strict=True)
        excess = pd.DataFrame(errors).mean()
        for names, case in zip(cases, np.swapaxes(found, 0, 1), strict=True):
            old, new = map(in_words, case.T)
            print(
                f"{kind:<8} {n_rows:>4} {n_splits:>5} {', '.join(names):<9} "
                f"{100 * excess[names[-1]]:+5.1f}% {old:>20} {new:>18}"
            )


if __name__ == "__main__":
    main()
