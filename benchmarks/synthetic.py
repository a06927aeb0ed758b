"""Synthetic rows of mixed tables: skae beside TVAE and CTGAN.

    OMP_NUM_THREADS=2 python -m benchmarks.synthetic [penguins ...]

Needs sdmetrics, and ctgan for TVAE and CTGAN (with the defaults of that package, 300
epochs): pip install sdmetrics ctgan. Without ctgan these two are left out.

Of rows without missing cells a quarter is held out, and every method draws as many rows
as it was fitted to. "independent" draws each column by itself from the training rows;
"held-out rows" are no synthetic ones, but what a perfect method would draw, as few as
there are. What is printed:

- the quality of sdmetrics' report: the mean over columns and pairs of columns, each
  between 0 and 1, of how alike their distributions are;
- AUC on the held-out rows of a classifier (histogram gradient boosting) that was fitted
  to the synthetic rows ("real rows": to the training rows). None for classes that a
  method does not draw;
- near: the share of synthetic rows that are nearer to a training row than to a held-out
  row, of as many of each. Copies of training rows make it larger than one half;
- seconds of fit and sample.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OrdinalEncoder

from benchmarks._data import machine
from benchmarks.imputation import complete
from skae import VariationalAutoencoder
from skae.tables import TableEncoder

TARGETS = {
    "credit_data": "Status",
    "diamonds": "cut",
    "mlc_churn": "churn",
    "cells": "class",
    "ad_data": "Class",
    "penguins": "species",
    "taxi": "tip",
}
DEFAULT = ("credit_data", "diamonds", "mlc_churn", "cells")


def categories(table):
    """Return the names of the columns that are no numbers."""
    return [
        c for c in table if table[c].dtype == bool or table[c].dtype.kind not in "iuf"
    ]


def independent(train, seed):
    columns = {
        c: train[c].sample(len(train), replace=True, random_state=seed + i).to_numpy()
        for i, c in enumerate(train)
    }
    return pd.DataFrame(columns).astype(train.dtypes)


def by_skae(train, seed):
    autoencoder = VariationalAutoencoder(random_state=seed).fit(train)
    return autoencoder.sample(len(train), seed)


def by_ctgan(name):
    """Return a method of the package ctgan."""

    def draw(train, seed):
        import ctgan
        import torch

        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        model = getattr(ctgan, name)()
        model.fit(train, categories(train))
        return model.sample(len(train))

    return draw


METHODS = {
    "independent": independent,
    "TVAE": by_ctgan("TVAE"),
    "CTGAN": by_ctgan("CTGAN"),
    "skae": by_skae,
}


def quality(train, synthetic):
    from sdmetrics.reports.single_table import QualityReport

    kinds = dict.fromkeys(train, "numerical") | dict.fromkeys(
        categories(train), "categorical"
    )
    metadata = {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
    report = QualityReport()
    report.generate(train, synthetic, metadata, verbose=False)
    return report.get_score()


def auc(fitted_to, test, target):
    """Return the AUC of a classifier on test rows, or NaN if a class is not there."""
    names = [c for c in categories(test) if c != target]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    encoder.set_output(transform="pandas").fit(test[names])

    def numbers(table):
        return table.drop(columns=target).assign(**encoder.transform(table[names]))

    y, y_test = fitted_to[target].astype(str), test[target].astype(str)
    if set(y) != set(y_test):
        return np.nan
    columns = test.columns.drop(target).isin(names)
    classifier = HistGradientBoostingClassifier(
        categorical_features=columns, random_state=0
    ).fit(numbers(fitted_to), y)
    shares = classifier.predict_proba(numbers(test))
    shares = shares[:, 1] if shares.shape[1] == 2 else shares
    return roc_auc_score(y_test, shares, multi_class="ovr")


def nearer_to_training(train, test, synthetic, seed):
    """Return the share of synthetic rows that are nearer to a training row."""
    encoder = TableEncoder(handle_unknown="ignore").fit(pd.concat([train, test]))
    train = train.sample(len(test), random_state=seed)
    distances = [
        NearestNeighbors(n_neighbors=1)
        .fit(encoder.transform(rows))
        .kneighbors(encoder.transform(synthetic))[0][:, 0]
        for rows in (train, test)
    ]
    ties = np.isclose(*distances)
    return np.mean(np.where(ties, 0.5, distances[0] < distances[1]))


def run(name, rows, methods, seed):
    table, target = complete(name, rows), TARGETS[name]
    train, test = train_test_split(
        table, test_size=0.25, random_state=seed, stratify=table[target]
    )
    print(f"{name}: {len(train)} training rows of {train.shape[1]} columns")
    print(f"  {'real rows':<14}{'':>9}{auc(train, test, target):9.3f}")
    print(f"  {'held-out rows':<14}{quality(train, test):9.3f}", flush=True)
    for method in methods:
        start = time.perf_counter()
        try:
            synthetic = METHODS[method](train, seed)
        except ImportError:
            print(f"  {method:<14}{'not installed':>18}")
            continue
        seconds = time.perf_counter() - start
        synthetic = synthetic.astype(train.dtypes)
        print(
            f"  {method:<14}{quality(train, synthetic):9.3f}"
            f"{auc(synthetic, test, target):9.3f}"
            f"{nearer_to_training(train, test, synthetic, seed):9.3f}"
            f"{seconds:9.1f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", default=DEFAULT)
    parser.add_argument("--rows", type=int, default=5000, help="at most, of a table")
    parser.add_argument("--methods", nargs="+", default=[*METHODS], choices=METHODS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(machine())
    print(f"{'':<16}{'quality':>9}{'AUC':>9}{'near':>9}{'seconds':>9}")
    for name in arguments.tables:
        with warnings.catch_warnings(action="ignore"):
            run(name, arguments.rows, arguments.methods, arguments.seed)


if __name__ == "__main__":
    main()
