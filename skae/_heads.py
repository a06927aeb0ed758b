"""Linear heads on codes: how they are fitted, and how strongly they are penalised."""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

ALPHAS = np.logspace(-4, 1, 6)
# Where there are too few labelled rows to hold any out.
CAUTIOUS_ALPHA = 0.1
# One split is judge enough with so many rows held out; with fewer, every row is held
# out once.
ENOUGH_HELD_OUT = 100
N_FOLDS = 5
# Enough to compare penalties by, and to start fine-tuning from: a logistic regression
# of 60000 rows on a thousand codes takes minutes, longer than the network.
FEW_ROWS = 10_000
FEW_ITERATIONS = 100


@dataclass(frozen=True)
class LinearMap:
    """Outputs Z coef^T + intercept."""

    coef: np.ndarray  # (n_outputs, n_components)
    intercept: np.ndarray  # (n_outputs,)

    def predict(self, Z):
        """Return outputs of shape (n_samples, n_outputs)."""
        return Z @ self.coef.T + self.intercept


def fit_classes(Z, y, weight, alpha, *, exact=True):
    """Return the logistic regression of classes 0, 1, ... on codes.

    Minimised is the mean cross-entropy plus alpha / 2 |coef|^2.
    """
    total = len(y) if weight is None else weight.sum()
    max_iter, tolerance = 10_000, nullcontext()
    if not exact:
        max_iter = FEW_ITERATIONS
        tolerance = warnings.catch_warnings(
            action="ignore", category=ConvergenceWarning
        )
    model = LogisticRegression(C=1 / (alpha * total), max_iter=max_iter)
    with tolerance:
        model.fit(Z, y, sample_weight=weight)
    return LinearMap(model.coef_, model.intercept_)


def fit_numbers(Z, y, weight, alpha, *, exact=True):
    """Return the ridge regression of numbers, shape (n_samples, n_outputs), on codes.

    Minimised is half the mean squared error plus alpha / 2 |coef|^2; it is always
    exact.
    """
    total = len(y) if weight is None else weight.sum()
    model = Ridge(alpha=alpha * total).fit(Z, y, sample_weight=weight)
    return LinearMap(model.coef_.reshape(y.shape[1], -1), model.intercept_)


def class_losses(outputs, y):
    """Return minus the logarithm of the probability of every row's class."""
    probability = class_probabilities(outputs)[np.arange(len(y)), y]
    return -np.log(np.maximum(probability, np.finfo(np.float64).tiny))


def number_losses(outputs, y):
    """Return the squared error of every row."""
    return ((outputs - y) ** 2).mean(axis=1)


def class_probabilities(outputs):
    """Return shape (n_samples, n_classes) for (n_samples, 1 or n_classes)."""
    if outputs.shape[1] > 1:
        return softmax(outputs, axis=1)
    return np.hstack([expit(-outputs), expit(outputs)])


def code_scales(Z, weight):
    """Return the mean of codes and what to divide them by: two candidates.

    One number for all leaves the codes that vary most the cheapest to use, which is
    right where these carry what counts; their own deviations treat all alike.
    """
    mean = np.average(Z, axis=0, weights=weight)
    variance = np.average((Z - mean) ** 2, axis=0, weights=weight)
    common = np.full(len(mean), np.sqrt(variance.mean()) or 1.0)
    floor = 1e-3 * common  # a code that is constant but for rounding
    return mean, (common, np.maximum(np.sqrt(variance), floor))


def choose_head(fit, losses, Z, y, weight, folds, scales, alphas):
    """Return the scale and the alpha with the lowest mean loss on held-out rows."""
    if not folds or len(scales) * len(alphas) == 1:
        return scales[0], alphas[len(alphas) // 2]
    best = np.inf, None, None
    for scale in scales:
        scaled = Z / scale
        for alpha in alphas:
            loss = _held_out_loss(fit, losses, scaled, y, weight, folds, alpha)
            if loss < best[0]:
                best = loss, scale, alpha
    return best[1:]


def fit_to_a_few(fit, Z, y, weight, positions, alpha):
    """Return a `LinearMap` fitted to at most FEW_ROWS of some rows.

    These are some of every class in y. If they are not all the rows there are, then the
    fit is not exact either.
    """
    few = positions
    if len(positions) > FEW_ROWS:
        few = positions[np.linspace(0, len(positions) - 1, FEW_ROWS).astype(int)]
        if y.ndim == 1:
            firsts = np.unique(y[positions], return_index=True)[1]
            few = np.union1d(few, positions[firsts])
    w = None if weight is None else weight[few]
    return fit(Z[few], y[few], w, alpha, exact=few is positions)


def _held_out_loss(fit, losses, Z, y, weight, folds, alpha):
    total = 0.0
    for kept, held_out in folds:
        w_held_out = None if weight is None else weight[held_out]
        fitted = fit_to_a_few(fit, Z, y, weight, kept, alpha)
        outputs = fitted.predict(Z[held_out])
        total += np.average(losses(outputs, y[held_out]), weights=w_held_out) * len(
            held_out
        )
    return total


def make_folds(strata, validation_fraction, rng):
    """Return pairs of positions to train on and to hold out, alike in every stratum.

    One pair if `validation_fraction` of the rows are enough to judge by, else N_FOLDS
    that hold out every row once. The only row of its stratum is never held out. The
    list is empty if there is nothing to hold out.
    """
    n_rows = len(strata)
    order = rng.permutation(n_rows)
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata)[strata[order]]
    order = order[sizes > 1]
    single = validation_fraction * n_rows >= ENOUGH_HELD_OUT
    n_folds = max(2, round(1 / validation_fraction)) if single else N_FOLDS
    if len(order) < n_folds:
        return []
    fold = np.arange(len(order)) % n_folds
    parts = [np.sort(order[fold == k]) for k in range(1 if single else n_folds)]
    everything = np.arange(n_rows)
    return [(np.setdiff1d(everything, part), part) for part in parts]
