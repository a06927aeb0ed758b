"""How much evidence a kernel ridge regression needs before it corrects PCA.

    OMP_NUM_THREADS=1 python -m benchmarks.caution

40 to 200 rows are drawn of each table again and again; up to 3000 others test. Twenty
folds of the drawn rows judge the regression, kept in whole or in part. It is chosen if
its mean gain is above so many of its standard errors: `caution`, and `of few` over the
square root of the number of rows that judge. "/ PCA" is the test error over that of
PCA, on average over all draws, "worst" the highest; "above" counts the draws in which
it is above 1.002.
"""

import argparse

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from benchmarks._data import load_table, machine, parsed
from skae.data._table import Table
from skae.engine._folds import _n_judges
from skae.engine._kernel_ridge import fit_kernel_ridge
from skae.engine._selection import FACTORS, choose

TABLES = (
    *("digits", "breast_cancer", "wine", "diabetes", "letter", "magic", "spambase"),
    *("texture", "vowel", "ames", "cells", "credit_data", "diamonds", "meats"),
    *("mlc_churn", "penguins", "yrbss", "optdigits", "ad_data"),
)
MADE = {
    "normal": lambda rng: rng.standard_normal((5000, 12)) @ _mix(rng, 12),
    "Student t": lambda rng: rng.standard_t(3, (5000, 12)) @ _mix(rng, 12),
    "lognormal": lambda rng: np.exp(rng.standard_normal((5000, 8))),
    "outliers": lambda rng: rng.standard_normal((5000, 12)) * _outliers(rng, 5000),
}
ROWS, SIZES, TEST_ROWS = (40, 80, 130, 200), (2, 4, 8), 3000
CAUTIONS = [(0.0, 0.0), (1.0, 0.0), (1.0, 4.0), (1.0, 6.0), (2.0, 6.0)]


def _mix(rng, n_columns):
    return rng.standard_normal((n_columns, n_columns))


def _outliers(rng, n_rows):
    return np.where(rng.random((n_rows, 1)) < 0.03, 10, 1)


def errors(found, X):
    """Return the squared errors of rows, a column for PCA and for each factor."""
    parts = (0.0, *FACTORS)
    return np.stack([found.shrunk(part).errors(Table(X)) for part in parts], axis=1)


def draws(X, seeds):
    """Yield judged errors and the mean test errors over PCA's of every draw."""
    for n_rows in ROWS:
        for seed in seeds if len(X) >= n_rows + 60 else ():
            order = np.random.default_rng(seed).permutation(len(X))
            train, test = np.split(X[order[: n_rows + TEST_ROWS]], [n_rows])
            varies = train.std(axis=0) > 0
            scaler = StandardScaler().fit(train[:, varies])
            train, test = (scaler.transform(part[:, varies]) for part in (train, test))
            folds = list(KFold(20, shuffle=True, random_state=seed).split(train))
            for k in SIZES:
                if k < train.shape[1]:
                    judged = np.empty((n_rows, 1 + len(FACTORS)))
                    for kept, held_out in folds:
                        found = fit_kernel_ridge(Table(train[kept]), k)
                        judged[held_out] = errors(found, train[held_out])
                    tested = errors(fit_kernel_ridge(Table(train), k), test).mean(0)
                    yield judged, tested / tested[0]


def ratio(judged, tested, caution, of_few):
    """Return the test error over PCA's of what the judge chooses."""
    baseline, choices = judged[:, 0], range(1, judged.shape[1])
    caution += of_few / np.sqrt(_n_judges(baseline, None))
    cautions = dict.fromkeys(choices, caution)
    return tested[choose(cautions, lambda i: judged[:, i], baseline, None)[0] or 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--tables", nargs="+", default=[*MADE, *TABLES])
    arguments = parsed(parser)
    found = []
    for name in arguments.tables:
        rng = np.random.default_rng(0)
        X = MADE[name](rng) if name in MADE else load_table(name).astype(float)
        found += draws(X, range(arguments.seeds))
    print(machine())
    print(f"{len(found)} draws of {len(arguments.tables)} tables")
    rows = []
    for caution, of_few in CAUTIONS:
        ratios = np.array([ratio(*each, caution, of_few) for each in found])
        rows.append(
            {
                "caution": caution,
                "of few": of_few,
                "chosen": (ratios != 1).sum(),
                "/ PCA": ratios.mean(),
                "above": (ratios > 1.002).sum(),
                "worst": ratios.max(),
            }
        )
    print(pd.DataFrame(rows).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
