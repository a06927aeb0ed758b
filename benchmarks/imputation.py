"""Missing cells of mixed tables, filled: skae beside scikit-learn's imputers.

    OMP_NUM_THREADS=2 python -m benchmarks.imputation [penguins ...]

Of rows without missing cells a fifth of the cells is taken away: "at random", or "by
value", where the largest numbers and the rarer values of a category go more often (up
to 0.4 of them, and none of the others). Every method fits the table with holes and
fills it. What is printed is the root mean squared error of numbers over their standard
deviation, and the accuracy of categories, each the mean over columns, and seconds.

All but skae fill what a TableEncoder makes of the table, with NaN for missing cells,
and decode it: the mean (of a category, its most frequent value), KNNImputer,
IterativeImputer (ten rounds of ridge regressions). Random forests take the table itself
and work as missForest does (Stekhoven and Buehlmann, 2012). skae has half as many
components as the table has columns; after masking noise, as many.
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from benchmarks._data import TABLES, machine, parsed
from benchmarks.tables import load
from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.tables import TableEncoder

SHARE = 0.2
FOREST_ROUNDS = 3
IMPUTERS = {
    "mean": SimpleImputer,
    "KNNImputer": KNNImputer,
    "IterativeImputer": IterativeImputer,
}


def behind_encoder(make):
    """Return a method that fills an encoded table."""

    def fill(table):
        encoder = TableEncoder(missing_values="nan").fit(table)
        return encoder.inverse_transform(make().fit_transform(encoder.transform(table)))

    return fill


def by_skae(table):
    n_components = max(2, table.shape[1] // 2)
    return AutoencoderTransformer(n_components, random_state=0).fit(table).impute(table)


def by_masking(table):
    autoencoder = DenoisingAutoencoder(
        table.shape[1], noise="masking", noise_level=0.4, random_state=0
    )
    return autoencoder.fit(table).impute(table)


def by_forests(table):
    """Predict column after column from the others, as missForest does, three times."""
    known, values = table.copy(), {}
    for name, column in table.items():
        if column.dtype.kind not in "if":
            codes, values[name] = pd.factorize(column)
            known[name] = np.where(codes < 0, np.nan, codes)
    start = {c: known[c].mode()[0] if c in values else known[c].mean() for c in known}
    filled, n_missing = known.fillna(start), known.isna().sum().sort_values()
    for _ in range(FOREST_ROUNDS):
        for name in n_missing.index[n_missing > 0]:
            forest = RandomForestRegressor(random_state=0)
            if name in values:
                forest = RandomForestClassifier(random_state=0)
            there, others = known[name].notna(), filled.drop(columns=name)
            forest.fit(others[there], known.loc[there, name])
            filled.loc[~there, name] = forest.predict(others[~there])
    for name, names in values.items():
        filled[name] = names[filled[name].astype(int)]
    return filled


METHODS = {name: behind_encoder(make) for name, make in IMPUTERS.items()}
METHODS |= {"random forests": by_forests, "skae": by_skae, "skae, masking": by_masking}


def holes(table, kind, rng):
    """Return which cells to take away."""
    chance = np.full(table.shape, SHARE)
    if kind == "by value":
        for i, (_, column) in enumerate(table.items()):
            if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
                rank = column.rank(pct=True)
            else:
                rank = 1 - column.map(column.value_counts(normalize=True)).astype(float)
                rank = rank.rank(pct=True)
            chance[:, i] = 2 * SHARE * (rank > 0.5)
    return rng.random(table.shape) < chance


def scores(table, filled, missing):
    """Return the error of numbers and the accuracy of categories, means of columns."""
    errors, accuracies = [], []
    for i, (name, column) in enumerate(table.items()):
        there, back = column[missing[:, i]], filled[name][missing[:, i]]
        if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
            error = np.sqrt(np.mean((back.astype(float) - there.astype(float)) ** 2))
            errors.append(error / column.std())
        else:
            accuracies.append(np.mean(back.astype(str) == there.astype(str)))
    return np.mean(errors or np.nan), np.mean(accuracies or np.nan)


def complete(name, most_rows):
    """Return rows without missing cells, of the columns that an encoder takes."""
    table = load(name, 10**9).dropna()
    table = table.sample(min(most_rows, len(table)), random_state=0)
    with warnings.catch_warnings(action="ignore"):
        left_out = TableEncoder().fit(table).left_out_
    table = table.drop(columns=list(left_out)).reset_index(drop=True)
    for column in table.select_dtypes(["category", "object", "string"]):
        table[column] = table[column].astype(str)
    return table.loc[:, table.nunique() > 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", default=TABLES)
    parser.add_argument("--rows", type=int, default=2000, help="at most, of a table")
    parser.add_argument("--methods", nargs="+", default=[*METHODS])
    arguments = parsed(parser)
    print(machine())
    print(f"{'':<28}" + "".join(f"{name:>26}" for name in arguments.methods))
    ranks = []
    for name in arguments.tables:
        table = complete(name, arguments.rows)
        for kind in ("at random", "by value"):
            missing = holes(table, kind, np.random.default_rng(0))
            # truth values with holes are objects
            masked = table.astype(
                {c: object for c in table if table[c].dtype == bool}
            ).mask(missing)
            masked = masked.astype(
                {c: float for c in table if table[c].dtype.kind in "iu"}
            )
            found, cells = [], []
            for method in arguments.methods:
                start = time.perf_counter()
                with warnings.catch_warnings(action="ignore"):
                    filled = METHODS[method](masked)
                seconds = time.perf_counter() - start
                error, accuracy = scores(table, filled, missing)
                found.append((error, -accuracy))
                cells.append(f"{error:9.3f} {accuracy:7.3f} {seconds:6.1f} s")
            print(f"{name:<16}{kind:<12}" + "".join(cells), flush=True)
            ranks.append(pd.DataFrame(found).rank().mean(axis=1))
    mean = pd.concat(ranks, axis=1).mean(axis=1)
    print(f"{'mean rank':<28}" + "".join(f"{rank:>26.2f}" for rank in mean))


if __name__ == "__main__":
    main()
