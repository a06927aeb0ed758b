"""Test accuracy with few labels and many unlabelled rows, against linear baselines.

    OMP_NUM_THREADS=1 python -m benchmarks.few_labels [digits texture ...]

A quarter of the rows are test rows. Of the others a few have labels, five a class, the
same for all methods. Logistic regression on the raw columns and on PCA codes gets its
penalty, and the number of codes, from a grid search over five folds of the labelled
rows; PCA sees all training rows. Columns and codes are divided by one number, unless
--scale standardises the columns for every method. Then AutoencoderClassifier, with its
defaults, without and with fine-tuning. What is printed is the mean accuracy over the
seeds, and by how much the fine-tuned one is better, with the standard error of paired
differences.
"""

import argparse
import time

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks._data import BUNDLED, data_folder, machine, parsed
from skae import AutoencoderClassifier, AutoencoderTransformer

PENALTIES = np.logspace(-3, 2, 11)
N_COMPONENTS = (4, 8, 12, 16, 24, 32, 48)
MAX_ROWS = 3000


def load(name):
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
    else:
        with np.load(data_folder() / f"{name}.npz", allow_pickle=False) as archive:
            X, y = archive["X"].astype(np.float64), archive["y"]
    kept = np.random.default_rng(0).permutation(len(X))[:MAX_ROWS]
    return X[kept], np.unique(y, return_inverse=True)[1][kept]


def search(X, y):
    """Return a logistic regression whose C five folds chose, and their log loss."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = GridSearchCV(
        LogisticRegression(max_iter=5000),
        {"C": PENALTIES},
        cv=folds,
        scoring="neg_log_loss",
    ).fit(X, y)
    return model, model.best_score_


def fit_raw(X, y, labelled, seed):
    scale = X.std(axis=0)
    scale = np.sqrt((scale**2).mean())
    model, _ = search(X[labelled] / scale, y[labelled])
    return lambda X_test: model.predict(X_test / scale)


def fit_pca(X, y, labelled, seed):
    """PCA of all training rows; codes are divided by one number."""
    best = None
    pca = PCA(min(*X.shape, max(N_COMPONENTS))).fit(X)
    scale = np.sqrt(pca.explained_variance_[:8].mean())
    for n_components in N_COMPONENTS:
        if n_components > pca.n_components_:
            break
        codes = pca.transform(X[labelled])[:, :n_components] / scale
        model, score = search(codes, y[labelled])
        if best is None or score > best[0]:
            best = score, model, n_components
    _, model, n_components = best
    return lambda X_test: model.predict(pca.transform(X_test)[:, :n_components] / scale)


def fit_autoencoder(X, y, labelled, seed, **parameters):
    given = np.full(len(y), -1)
    given[labelled] = y[labelled]
    model = AutoencoderClassifier(random_state=seed, **parameters)
    return model.fit(X, given).predict


def fit_plain_frozen(X, y, labelled, seed):
    """Codes of an autoencoder that is trained without noise."""
    autoencoder = AutoencoderTransformer(min(128, max(32, X.shape[1])))
    return fit_autoencoder(
        X, y, labelled, seed, autoencoder=autoencoder, fine_tune=False
    )


def fit_frozen(X, y, labelled, seed):
    return fit_autoencoder(X, y, labelled, seed, fine_tune=False)


def fit_tuned(X, y, labelled, seed):
    return fit_autoencoder(X, y, labelled, seed)


METHODS = {
    "logistic regression, columns": fit_raw,
    "logistic regression, PCA codes": fit_pca,
    "AutoencoderTransformer, frozen": fit_plain_frozen,
    "AutoencoderClassifier, frozen": fit_frozen,
    "AutoencoderClassifier": fit_tuned,
}


def accuracies(name, seed, per_class, scaled):
    X, y = load(name)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=y
    )
    if scaled:
        scaler = StandardScaler().fit(X)
        X, X_test = scaler.transform(X), scaler.transform(X_test)
    labelled, _ = train_test_split(
        np.arange(len(X)),
        train_size=per_class * (y.max() + 1),
        random_state=seed,
        stratify=y,
    )
    found = {}
    for label, fit in METHODS.items():
        start = time.perf_counter()
        predict = fit(X, y, labelled, seed)
        found[label] = (predict(X_test) == y_test).mean()
        print(
            f"  seed {seed}: {label:<32} {found[label]:.4f} "
            f"{time.perf_counter() - start:6.1f} s",
            flush=True,
        )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", default=["digits"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--per-class", type=int, default=5)
    parser.add_argument("--scale", action="store_true", help="standardise columns")
    arguments = parsed(parser)
    print(machine())
    for name in arguments.tables:
        print(name)
        runs = [
            accuracies(name, seed, arguments.per_class, arguments.scale)
            for seed in range(arguments.seeds)
        ]
        best = np.array([run["AutoencoderClassifier"] for run in runs])
        for label in METHODS:
            found = np.array([run[label] for run in runs])
            gain = best - found
            error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.nan
            print(
                f"{label:<32} {found.mean():.4f}   "
                f"fine-tuned is better by {gain.mean():+.4f} +- {error:.4f}"
            )


if __name__ == "__main__":
    main()
