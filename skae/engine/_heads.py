"""Linear heads on codes: how they are fitted, and how strongly they are penalised."""

import warnings
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

ALPHAS = tuple(np.logspace(-4, 1, 6))
# Where there are too few labelled rows to hold any out.
CAUTIOUS_ALPHA = 0.1
# One split is judge enough with so many rows held out; with fewer, every row is held
# out once.
ENOUGH_HELD_OUT = 100
N_FOLDS = 5
N_PARTS = 20
# Enough to compare penalties by, and to start fine-tuning from: a logistic regression
# of 60000 rows on a thousand codes takes minutes, longer than the network.
FEW_ROWS = 10_000
FEW_ITERATIONS = 100
SCALES = ("common", "own")


@dataclass(frozen=True)
class Labelled:
    """The labelled rows of a table.

    Attributes
    ----------
    rows : ndarray of shape (n_labelled,)
        Where they are in the table.

    y : ndarray of shape (n_labelled,) or (n_labelled, n_outputs)
        Indices of classes, or numbers.

    weight : ndarray of shape (n_labelled,) or None

    groups : ndarray of shape (n_labelled,) or None
        Rows with the same label are held out together.
    """

    rows: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None

    def __len__(self):
        return len(self.rows)

    @property
    def has_classes(self):
        """Whether y holds classes."""
        return self.y.ndim == 1

    def take(self, positions):
        """Return the labelled rows at some positions."""
        optional = (self.weight, self.groups)
        taken = (None if values is None else values[positions] for values in optional)
        return Labelled(self.rows[positions], self.y[positions], *taken)

    def in_units(self, head):
        """Return them with targets in the units of a head."""
        if head.target_mean is None:
            return self
        return replace(self, y=(self.y - head.target_mean) / head.target_scale)


@dataclass(frozen=True)
class Head:
    """Outputs coef (z - code_mean) / code_scale + intercept, in units of the targets.

    These are `target_mean` and `target_scale`, None for classes.
    """

    coef: np.ndarray  # (n_outputs, n_components)
    intercept: np.ndarray  # (n_outputs,)
    code_mean: np.ndarray  # (n_components,)
    code_scale: np.ndarray  # (n_components,)
    target_mean: np.ndarray | None = None
    target_scale: np.ndarray | None = None

    def losses(self, Z, labelled):
        """Return the loss of labelled rows with some codes."""
        outputs = (Z - self.code_mean) / self.code_scale @ self.coef.T + self.intercept
        y = labelled.in_units(self).y
        if not labelled.has_classes:
            return ((outputs - y) ** 2).mean(axis=1)
        probability = class_probabilities(outputs)[np.arange(len(y)), y]
        return -np.log(np.maximum(probability, np.finfo(np.float64).tiny))


@dataclass(frozen=True)
class HeadFitter:
    """Fits heads to some of the labelled rows of a table, on their codes.

    Attributes
    ----------
    Z : ndarray of shape (n_rows, n_components)
        Codes of all rows of the table.

    weight : ndarray of shape (n_rows,) or None

    labelled : Labelled
    """

    Z: np.ndarray
    weight: np.ndarray | None
    labelled: Labelled

    def fit(self, positions, choice, *, without=(), exact=True):
        """Return the head of the labelled rows at some positions.

        `choice` is how to scale codes and the strength of the penalty. The scale is
        that of all rows but those of the labelled `without`. Not `exact` takes some of
        the rows, a few of every class among them.
        """
        kind, alpha = choice
        mean, scale = self._units(kind, without)
        if not exact:
            few = _a_few(positions, self.labelled)
            exact = len(few) == len(positions)
            positions = few
        rows = self.labelled.take(positions)
        target_mean = target_scale = None
        if not rows.has_classes:
            target_mean, target_scale = _target_units(rows)
        head = Head(None, None, mean, scale, target_mean, target_scale)
        fit = _fit_classes if rows.has_classes else _fit_numbers
        Z = (self.Z[rows.rows] - mean) / scale
        coef, intercept = fit(Z, rows.in_units(head).y, rows.weight, alpha, exact)
        return Head(coef, intercept, mean, scale, target_mean, target_scale)

    def choose(self, folds, alphas):
        """Return the choice with the lowest mean loss on the rows that folds hold out.

        A fold is a pair of positions to train on and to hold out.
        """
        if not folds:
            return SCALES[0], alphas[len(alphas) // 2]
        choices = [(kind, alpha) for kind in SCALES for alpha in alphas]
        return min(choices, key=lambda choice: self._held_out_loss(folds, choice))

    def _held_out_loss(self, folds, choice):
        total = 0.0
        for kept, held_out in folds:
            head = self.fit(kept, choice, without=held_out, exact=False)
            rows = self.labelled.take(held_out)
            losses = head.losses(self.Z[rows.rows], rows)
            total += np.average(losses, weights=rows.weight) * len(rows)
        return total

    def _units(self, kind, without):
        """Return the mean of codes and what to divide them by.

        One "common" number leaves the codes that vary most the cheapest to use, which
        is right where these carry what counts; their "own" deviations treat all alike.
        """
        weight = np.ones(len(self.Z)) if self.weight is None else self.weight.copy()
        if len(without):
            weight[self.labelled.rows[without]] = 0.0
        mean = np.average(self.Z, axis=0, weights=weight)
        variance = np.average((self.Z - mean) ** 2, axis=0, weights=weight)
        common = np.full(len(mean), np.sqrt(variance.mean()) or 1.0)
        if kind == "common":
            return mean, common
        return mean, np.maximum(np.sqrt(variance), 1e-3 * common)  # but for rounding


def label_folds(labelled, validation_fraction, seed, n_unlabelled=0):
    """Return pairs of positions to train on and to hold out, alike in every class.

    One pair if `validation_fraction` of the rows are enough to judge by. Else N_FOLDS
    that hold out every row once, if there are as many unlabelled rows to pretrain on
    meanwhile; else one pair of a fifth. The only row of its class is never held out,
    nor is the only group.
    The list is empty if there is nothing to hold out.
    """
    strata = labelled.y if labelled.has_classes else np.zeros(len(labelled), dtype=int)
    candidates = np.flatnonzero(np.bincount(strata)[strata] > 1)
    if len(candidates) < N_FOLDS:
        return []
    is_enough = validation_fraction * len(labelled) >= ENOUGH_HELD_OUT
    is_single = is_enough or n_unlabelled < len(labelled)
    share = validation_fraction if is_enough else 1 / N_FOLDS
    few, few_strata = labelled.take(candidates), strata[candidates]
    has_room = int(share * len(candidates)) >= len(np.unique(few_strata))
    if is_single and has_room and labelled.groups is None:  # exactly that share
        kind = StratifiedShuffleSplit if labelled.has_classes else ShuffleSplit
        splitter = kind(1, test_size=share, random_state=seed.integer("folds"))
        parts = splitter.split(candidates, few_strata)
    else:
        parts = _parts(few, few_strata, N_PARTS if is_single else N_FOLDS, seed)
    with warnings.catch_warnings(action="ignore"):  # of classes with few rows
        parts = [candidates[held_out] for _, held_out in parts]
    # a group may hold all rows of a class: nothing could be learnt of it without
    parts = [part for part in parts if _leaves_all_classes(strata, part)]
    if is_single and len(parts) > 1:  # so many small ones as make that share
        part = np.concatenate(parts[: max(1, round(share * len(parts)))])
        parts = [part] if _leaves_all_classes(strata, part) else parts[:1]
    everything = np.arange(len(labelled))
    return [(np.setdiff1d(everything, part), part) for part in parts]


def _leaves_all_classes(strata, held_out):
    return len(np.unique(np.delete(strata, held_out))) == len(np.unique(strata))


def _parts(labelled, strata, n_folds, seed):
    """Return the parts of a cross-validation; whole groups, where there are any."""
    options = {"shuffle": True, "random_state": seed.integer("folds")}
    groups = labelled.groups
    if groups is not None:
        n_folds = min(n_folds, len(np.unique(groups)))
        if n_folds < 2:
            return []
    # scikit-learn wants one class at least with a row for every fold
    is_stratified = labelled.has_classes and np.bincount(strata).max() >= n_folds
    if groups is not None:
        kind = StratifiedGroupKFold if is_stratified else GroupKFold
    elif labelled.has_classes and not is_stratified:
        return _dealt(strata, n_folds, options["random_state"])
    else:
        kind = StratifiedKFold if is_stratified else KFold
    return kind(n_folds, **options).split(strata, strata, groups)


def _dealt(strata, n_folds, random_state):
    """Return the parts of rows dealt to the folds like cards, class by class."""
    order = np.random.default_rng(random_state).permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    return [(None, np.sort(order[fold::n_folds])) for fold in range(n_folds)]


def class_probabilities(outputs):
    """Return shape (n_samples, n_classes) for (n_samples, 1 or n_classes)."""
    if outputs.shape[1] > 1:
        return softmax(outputs, axis=1)
    return np.hstack([expit(-outputs), expit(outputs)])


def _fit_classes(Z, y, weight, alpha, exact):
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
    return model.coef_, model.intercept_


def _fit_numbers(Z, y, weight, alpha, exact):
    """Return the ridge regression of numbers, shape (n_samples, n_outputs), on codes.

    Minimised is half the mean squared error plus alpha / 2 |coef|^2; it is always
    exact.
    """
    total = len(y) if weight is None else weight.sum()
    model = Ridge(alpha=alpha * total).fit(Z, y, sample_weight=weight)
    return model.coef_.reshape(y.shape[1], -1), model.intercept_


def _target_units(labelled):
    y, weight = labelled.y, labelled.weight
    mean = np.average(y, axis=0, weights=weight)
    scale = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))
    return mean, np.where(scale > 0, scale, 1.0)


def _a_few(positions, labelled):
    """Return at most FEW_ROWS of some positions, and some of every class."""
    if len(positions) <= FEW_ROWS:
        return positions
    few = positions[np.linspace(0, len(positions) - 1, FEW_ROWS).astype(int)]
    if not labelled.has_classes:
        return few
    firsts = np.unique(labelled.y[positions], return_index=True)[1]
    return np.union1d(few, positions[firsts])
