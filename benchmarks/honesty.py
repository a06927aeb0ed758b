"""Reported errors over those of new rows, and what early stopping costs.

    OMP_NUM_THREADS=1 python -m benchmarks.honesty

First `reconstruction_error_` and `pca_reconstruction_error_` over the errors of the
same model, and of PCA, on rows never seen: the mean over seeds of the ratio, and its
standard error. Then the gain in test ELBO of a variational autoencoder over
probabilistic PCA (scikit-learn's PCA.score), as a share of what the same fit gains
without early stopping.
"""

import argparse
import warnings

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_s_curve,
)
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks._data import load_table, machine, made_table, parsed
from skae import AutoencoderTransformer, DenoisingAutoencoder, VariationalAutoencoder

ESTIMATORS = {
    "plain": AutoencoderTransformer,
    "dropout": lambda k, **options: AutoencoderTransformer(k, dropout=0.2, **options),
    "denoising": DenoisingAutoencoder,
}


def noise(n_columns):
    return lambda seed: np.random.default_rng(seed).standard_normal((4000, n_columns))


def heavy(seed):
    return np.random.default_rng(seed).standard_t(3, (4000, 20))


TABLES = {  # the table, rows to train on, components
    "noise, 200 columns": (noise(200), 600, 20),
    "noise, 50 columns": (noise(50), 300, 8),
    "Student's t": (heavy, 400, 4),
    "curved": (lambda seed: made_table(4000, 30), 400, 8),
    "curved, more rows": (lambda seed: made_table(4000, 30), 800, 8),
    "breast_cancer": (lambda seed: load_breast_cancer().data, 400, 4),
    "wine": (lambda seed: load_wine().data, 130, 4),
    "diabetes": (lambda seed: load_diabetes().data, 330, 4),
    "digits": (lambda seed: load_digits().data, 300, 8),
    "digits, more rows": (lambda seed: load_digits().data, 1200, 8),
    "vowel": (lambda seed: load_table("vowel"), 400, 4),
}
# Tables of some hundred rows that a network of two components is at home in, and
# tables on which training without a stop ends worse than it began.
VARIATIONAL = {
    "curve": (lambda seed: surface(seed, bend), 300, 2),
    "tanh and sine": (lambda seed: surface(seed, waves), 300, 2),
    "S curve": (
        lambda seed: make_s_curve(1300, noise=0.05, random_state=seed)[0],
        300,
        2,
    ),
    "vowel": (lambda seed: load_table("vowel"), 400, 2),
    "breast_cancer": (lambda seed: load_breast_cancer().data, 400, 4),
    "diabetes": (lambda seed: load_diabetes().data, 330, 4),
}


def bend(t, rng):
    return np.column_stack([2 * t, t**2, t[:, 0] * t[:, 1], np.sin(3 * t[:, 1])])


def waves(t, rng):
    axes = rng.standard_normal((2, 2, 10))
    return np.tanh(t @ axes[0]) + np.sin(t @ axes[1])


def surface(seed, curve):
    rng = np.random.default_rng(seed)
    X = curve(rng.uniform(-1, 1, (1300, 2)), rng)
    return X + 0.05 * rng.standard_normal(X.shape)


def split(tables, name, seed):
    """Return standardised training rows, test rows, and the components."""
    make, n_rows, n_components = tables[name]
    X_train, X_test = train_test_split(make(seed), train_size=n_rows, random_state=seed)
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test), n_components


def ratios(name, estimator, seed):
    """Return reported over true errors, of the model and of PCA, and who judged."""
    X_train, X_test, k = split(TABLES, name, seed)
    model = ESTIMATORS[estimator](k, random_state=seed).fit(X_train)
    pca = PCA(k).fit(X_train)
    true_pca = np.mean((pca.inverse_transform(pca.transform(X_test)) - X_test) ** 2)
    return (
        model.reconstruction_error_ / model.reconstruction_error(X_test),
        model.pca_reconstruction_error_ / true_pca,
        model.judge_,
        model.reconstruction_error(X_test) / true_pca,
    )


def report_ratios(tables, n_seeds):
    titles = ("judge", "model", "+-", "PCA", "+-", "over PCA")
    print(f"{'reported / true':<34}" + "".join(f"{title:>10}" for title in titles))
    means = []
    for name in tables:
        for estimator in ESTIMATORS:
            rows = [ratios(name, estimator, seed) for seed in range(n_seeds)]
            model, reference, judge, gain = zip(*rows, strict=True)
            means.append(np.mean(model))
            cells = [np.mean(model), _error(model), np.mean(reference)]
            cells += [_error(reference), np.mean(gain)]
            text = "".join(f"{cell:10.3f}" for cell in cells)
            print(f"{name + ', ' + estimator:<34}{judge[0]:>10}{text}", flush=True)
    print(
        f"mean over all {np.mean(means):.3f}, from {min(means):.3f} to {max(means):.3f}"
    )


def _error(values):
    return np.std(values, ddof=1) / np.sqrt(len(values))


def report_elbo(tables, n_seeds):
    titles = ("PPCA", "default", "no stop", "share")
    print(f"\n{'test ELBO in nats':<24}" + "".join(f"{title:>10}" for title in titles))
    for name in tables:
        rows = []
        for seed in range(n_seeds):
            X_train, X_test, k = split(tables, name, seed)
            floor = PCA(k).fit(X_train).score(X_test)
            found = [
                VariationalAutoencoder(k, random_state=seed, early_stopping=stops)
                .fit(X_train)
                .score_samples(X_test)
                .mean()
                for stops in (True, False)
            ]
            rows.append([floor, *found])
        floor, default, free = np.mean(rows, axis=0)
        gains = default - floor, free - floor
        share = f"{gains[0] / gains[1]:.2f}" if gains[1] > 0.1 else "no gain"
        cells = "".join(f"{cell:10.2f}" for cell in (floor, default, free))
        print(f"{name:<24}{cells}{share:>10}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--tables", nargs="*", default=list(TABLES))
    parser.add_argument("--only", choices=["ratios", "elbo"])
    arguments = parsed(parser)
    print(machine())
    warnings.simplefilter("error")
    if arguments.only != "elbo":
        report_ratios(arguments.tables, arguments.seeds)
    if arguments.only != "ratios":
        report_elbo(VARIATIONAL, min(arguments.seeds, 4))


if __name__ == "__main__":
    main()
