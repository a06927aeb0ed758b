"""How much evidence it needs before a fit to few rows leaves PCA.

    OMP_NUM_THREADS=1 python -m benchmarks.caution [--networks]

40 to 200 rows are drawn of each table again and again; up to 3000 others test. Twenty
folds of the drawn rows judge a kernel ridge regression, kept in whole or in part; with
--networks, five folds judge what training made of the best start. It is chosen if
its mean gain is above so many of its standard errors: `caution`, and `of few` over the
square root of the number of rows that judge. "/ PCA" is the test error over that of
PCA, on average over all draws, "worst" the highest; "above" counts the draws in which
it is above 1.002.
"""

import argparse
from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from benchmarks._data import load_table, machine, parsed
from benchmarks._rivals import PCAReducer, mean_error
from skae import AutoencoderTransformer
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


def kernels(train, test, n_components, seed):
    """Return judged errors and the mean test errors over PCA's."""
    judged = np.empty((len(train), 1 + len(FACTORS)))
    folds = KFold(20, shuffle=True, random_state=seed)
    for kept, held_out in folds.split(train):
        found = fit_kernel_ridge(Table(train[kept]), n_components)
        judged[held_out] = errors(found, train[held_out])
    tested = errors(fit_kernel_ridge(Table(train), n_components), test).mean(axis=0)
    return judged, tested / tested[0]


def network(train, test, n_components, seed):
    """Return the same of a network after training, which is kept whatever it lost."""
    judged = []

    def keep(choices, losses_at, baseline, *args):
        if 1.0 not in choices or judged:
            return None, 0.0  # nothing was learnt, or it is a closed form
        judged.append(np.stack([baseline, losses_at(1.0)], axis=1))
        return 1.0, 0.0

    reducer = AutoencoderTransformer(n_components, random_state=seed)
    with patch("skae.engine._folds.choose", keep):
        reducer.fit(train)
    if not judged:
        return np.zeros((len(train), 1)), np.ones(1)
    linear = PCAReducer(n_components, seed).fit(train)
    return judged[0], np.array(
        [1, mean_error(reducer, test) / mean_error(linear, test)]
    )


def draws(X, seeds, judge):
    """Yield what `judge`, `kernels` or `network`, returns of every draw."""
    for n_rows in ROWS:
        for seed in seeds if len(X) >= n_rows + 60 else ():
            order = np.random.default_rng(seed).permutation(len(X))
            train, test = np.split(X[order[: n_rows + TEST_ROWS]], [n_rows])
            varies = train.std(axis=0) > 0
            scaler = StandardScaler().fit(train[:, varies])
            train, test = (scaler.transform(part[:, varies]) for part in (train, test))
            for n_components in SIZES:
                if n_components < train.shape[1]:
                    yield judge(train, test, n_components, seed)


def ratio(judged, tested, caution, of_few):
    """Return the test error over PCA's of what the judge chooses."""
    baseline, choices = judged[:, 0], range(1, judged.shape[1])
    caution += of_few / np.sqrt(_n_judges(baseline, None))
    return tested[
        choose(choices, judged.T.__getitem__, baseline, None, caution)[0] or 0
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--tables", nargs="+", default=[*MADE, *TABLES])
    parser.add_argument("--networks", action="store_true")
    arguments = parsed(parser)
    found, judge = [], network if arguments.networks else kernels
    for name in arguments.tables:
        rng = np.random.default_rng(0)
        X = MADE[name](rng) if name in MADE else load_table(name).astype(float)
        found += draws(X, range(arguments.seeds), judge)
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
