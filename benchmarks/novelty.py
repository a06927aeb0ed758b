"""Rows of a class never seen: AUC beside other detectors, and rates of false alarms.

    OMP_NUM_THREADS=1 python -m benchmarks.novelty digits
    OMP_NUM_THREADS=1 python -m benchmarks.novelty tables
    OMP_NUM_THREADS=1 python -m benchmarks.novelty alarms

One class is left out of the training rows, and the area under the ROC curve says how
well it is told from test rows of the others. Digits are taken as they are, the columns
of tables standardised by the training rows. Every detector has its default parameters;
PCA has as many components as the detector of skae, and a second one 90 % of the
variance. Both PCA and PyOD's AutoEncoder score by their squared reconstruction error.

"alarms" draws training rows and 5 % or "auto" as `contamination`, and counts the new
rows of the same kind that are flagged; "outliers" adds strange rows to the training
rows, a tenth of them.
"""

import argparse
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from benchmarks._data import data_folder, load_table, machine, parsed
from benchmarks._rivals import PyODReducer
from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    MarginalizedDenoisingAutoencoder,
)
from skae.estimators._outliers import lowest_normal_score

TRAIN_ROWS, TEST_ROWS = 1000, 1000
# The class to leave out: the strange one of two, else each of the first three.
STRANGE = {"breast_cancer": [0], "spambase": [0], "magic": [1]}
TABLES = ("breast_cancer", "wine", "vowel", "texture", "spambase", "magic")
ASKED = 0.05


class ByReconstruction:
    """Scores rows by the squared error of a reducer."""

    def __init__(self, reducer, reconstruct):
        self.reducer, self.reconstruct = reducer, reconstruct

    def fit(self, X):
        self.reducer.fit(X)
        return self

    def score_samples(self, X):
        return -np.square(self.reconstruct(self.reducer, X) - X).sum(axis=1)


def round_trip(reducer, X):
    return reducer.inverse_transform(reducer.transform(X))


def rivals(n_components):
    """Return the detectors by name."""
    found = {
        "PCA": ByReconstruction(PCA(n_components), round_trip),
        "PCA 90 %": ByReconstruction(PCA(0.9), round_trip),
        "forest": IsolationForest(random_state=0),
        "LOF": LocalOutlierFactor(novelty=True),
        "SVM": OneClassSVM(),
    }
    if find_spec("pyod"):
        found["PyOD AE"] = ByReconstruction(
            PyODReducer(n_components, 0), PyODReducer.reconstruct
        )
    return found


def labels(name):
    if hasattr(datasets, f"load_{name}"):
        return getattr(datasets, f"load_{name}")().target
    with np.load(data_folder() / f"{name}.npz", allow_pickle=False) as archive:
        return archive["y"]


def parts(X, is_strange):
    """Return the training rows, the test rows, and which of these are strange."""
    known, strange = X[~is_strange], X[is_strange]
    train, test = train_test_split(known, test_size=0.3, random_state=0)
    strange = np.random.default_rng(0).permutation(strange)[:TEST_ROWS]
    test = test[:TEST_ROWS]
    is_strange = np.arange(len(test) + len(strange)) >= len(test)
    return train[:TRAIN_ROWS], np.concatenate([test, strange]), is_strange


def aucs(X, is_strange, standardise):
    """Return the area under the ROC curve of each detector."""
    train, test, is_strange = parts(X, is_strange)
    if standardise:
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
    detector = AutoencoderOutlierDetector(standardize=standardise, random_state=0)
    detector.fit(train)
    n_components = detector.autoencoders_[0].n_components_
    detectors = {"skae": detector}
    for name, rival in rivals(n_components).items():
        detectors[name] = rival.fit(train)
    return {
        name: roc_auc_score(is_strange, -np.ravel(detector.score_samples(test)))
        for name, detector in detectors.items()
    }


def in_line(name, values):
    return f"{name:<14}" + "".join(f"{value:10.3f}" for value in values)


def report(title, found):
    """Print a line for each problem, and the mean ranks."""
    everything = []
    for name, values in found:
        if not everything:
            print(f"{title:<14}" + "".join(f"{column:>10}" for column in values))
        everything.append(list(values.values()))
        print(in_line(name, values.values()), flush=True)
    ranks = rankdata(-np.array(everything).round(3), axis=1)
    for name, row in (("mean", np.mean(everything, axis=0)), ("rank", ranks.mean(0))):
        print(in_line(name, row))


def digits():
    X, y = datasets.load_digits(return_X_y=True)
    report("digit", ((str(d), aucs(X, y == d, False)) for d in range(10)))


def table(name):
    """Return the mean over the classes that are left out."""
    X, y = load_table(name), labels(name)
    strange = STRANGE.get(name, np.unique(y)[:3])
    return (
        pd.DataFrame([aucs(X, y == label, True) for label in strange]).mean().to_dict()
    )


def tables():
    report("table", ((name, table(name)) for name in TABLES))


def surface(n_rows, rng, mixing):
    """Return rows near a curved surface of three dimensions in twelve columns."""
    X = np.tanh(rng.standard_normal((n_rows, 3)) @ mixing)
    return X + 0.2 * rng.standard_normal(X.shape)


def made_rows(n_rows, seed):
    rng = np.random.default_rng(seed)
    X = surface(n_rows + 4000, rng, rng.standard_normal((3, 12)))
    return X[:n_rows], X[n_rows:]


def real_rows(name, n_rows, seed):
    return train_test_split(load_table(name), train_size=n_rows, random_state=seed)


# In closed form; for ten epochs; and one that learns its training rows by heart.
CLOSED = MarginalizedDenoisingAutoencoder(1)
BRIEF = AutoencoderTransformer(4, init="pca", max_iter=10)
BY_HEART = AutoencoderTransformer(
    4,
    init="random",
    hidden_layer_sizes=(64,),
    learning_rate_init=0.01,
    batch_size=32,
    max_iter=30,
    early_stopping=False,
)
SOURCES = {
    "surface, closed form": (made_rows, 400, CLOSED),
    "magic, closed form": (partial(real_rows, "magic"), 400, CLOSED),
    "digits, closed form": (partial(real_rows, "digits"), 600, CLOSED),
    "surface, 10 epochs": (made_rows, 400, BRIEF),
    "surface, by heart": (made_rows, 200, BY_HEART),
}


def with_outliers(X, seed):
    """Return the rows and a ninth as many whose cells come from different rows."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(X, axis=0)[: len(X) // 9]
    return np.concatenate([X, shuffled])


def alarm_rates(autoencoder, X, new, seed):
    """Return the shares of new rows that are flagged."""
    detector = AutoencoderOutlierDetector(autoencoder, ASKED, random_state=seed).fit(X)
    scores = detector.score_samples(new)
    asked = np.mean(scores < detector.offset_)
    auto = lowest_normal_score(detector.score_samples(X), "auto")
    detector.set_params(contamination="auto").fit(with_outliers(X, seed))
    outliers = np.mean(detector.predict(new) < 0)
    return asked, np.mean(scores < auto), outliers


def alarms(n_seeds):
    titles = ("rows", "5 %", "lowest", "highest", "auto", "outliers")
    print(f"{'% flagged':<20}" + "".join(f"{title:>9}" for title in titles))
    for name, (draw, n_rows, autoencoder) in SOURCES.items():
        rates = np.array(
            [
                alarm_rates(autoencoder, *draw(n_rows, seed), seed)
                for seed in range(n_seeds)
            ]
        )
        asked, auto, outliers = 100 * rates.T
        values = asked.mean(), asked.min(), asked.max(), auto.mean(), outliers.mean()
        text = "".join(f"{value:9.1f}" for value in values)
        print(f"{name:<20}{n_rows:>9}{text}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=["digits", "tables", "alarms"])
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parsed(parser)
    print(machine())
    if arguments.part == "alarms":
        alarms(arguments.seeds)
    else:
        {"digits": digits, "tables": tables}[arguments.part]()


if __name__ == "__main__":
    main()
