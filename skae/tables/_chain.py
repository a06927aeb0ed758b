"""Cells of a row, drawn in turn: each from a regression on its code and the others."""

from dataclasses import dataclass, replace

import numpy as np

from ._steps import steps
from ._trees import LEAST_ROWS, Forest, most_likely

ROUNDS = 3
MOST_TREES = 60  # of a step
MOST_IN_ALL = 1800  # of all steps: many columns take long, and each tells less
DIFFERENT = 0.9  # share of a number's rows that have one of their own, at least


@dataclass(frozen=True)
class Chain:
    """A regression for each encoded cell: logistic for categories, normal for numbers.

    It is linear in the code, the own column as it is decoded, and the cells of the
    columns before; trees add what these tell by thresholds and together.

    Attributes
    ----------
    weights : ndarray of shape (n_encoded, 1 + n_components + 2 * n_encoded)
        Of 1, the code, decoded cells and cells.

    forests : list of Forest
        Of these features, one for each step.

    noise : ndarray of shape (n_encoded,)
        Deviations of numbers from what is expected; 0 for categories.
    """

    weights: np.ndarray
    forests: list
    noise: np.ndarray

    @property
    def n_encoded(self):
        """Number of cells of a row."""
        return len(self.weights)

    @property
    def n_codes(self):
        """Size of the code."""
        return self.weights.shape[1] - 1 - 2 * self.n_encoded

    @classmethod
    def fit(cls, blocks, codes, decoded, found, rng, most_trees=MOST_TREES):
        """Return the chain of some rows, and how likely those left out are in the mean.

        `found` are, by the first cell of a step, what its `given` takes of each row:
        positions of values, and ranges of normal scores, NaN where there is none.
        """
        n_rows, n_encoded = decoded.shape
        n_codes = codes.shape[1]
        F = _features(codes, decoded, np.zeros((n_rows, n_encoded)))
        chain = cls(
            np.zeros((n_encoded, F.shape[1])),
            [],
            np.zeros(n_encoded),
        )
        known, total = np.arange(1, 1 + n_codes), 0.0
        in_turn = steps(blocks)
        most_trees = min(most_trees, MOST_IN_ALL // max(1, len(in_turn)))
        for step in in_turn:
            own = 1 + n_codes + np.arange(step.block.start, step.block.stop)
            drawn = (
                1 + n_codes + n_encoded + np.arange(step.cells.start, step.cells.stop)
            )
            is_there = _is_there(found[step.cells.start])
            forest = Forest.none(len(drawn))
            if np.count_nonzero(is_there) > 1:
                truth, used = found[step.cells.start][is_there], np.append(known, own)
                forest, cells, chance = chain._learn(
                    step, F[is_there], truth, used, rng, most_trees
                )
                F[np.ix_(is_there, drawn)] = cells
                total += chance.sum()
            chain.forests.append(forest)
            known = np.append(known, drawn)
        return chain, total / n_rows

    def _learn(self, step, F, truth, used, rng, most_trees):
        """Learn a step; return its forest, cells of the rows, and their likelihood.

        Equal numbers have scores in a range. Where in it is drawn from what is
        expected, which is learnt again from these.
        """
        features, cells = F[:, used], step.to_cells(truth)
        n_different = len(np.unique(truth[:, 0])) if truth.ndim > 1 else len(truth)
        for _ in range(ROUNDS if n_different < DIFFERENT * len(truth) else 0):
            intercept, weights, noise = step.fit(features, cells)
            cells, _ = step.given(truth, intercept + features @ weights.T, noise, rng)
        n_trees, outputs = _left_out(step, features, cells, rng, most_trees)
        intercept, weights, _ = step.fit(features, cells)
        start = intercept + features @ weights.T
        forest = Forest.grow(step, features, cells, start, rng, n_trees)
        row = step.cells
        self.weights[row, 0] = intercept + step.limits(cells)
        self.weights[np.ix_(np.arange(row.start, row.stop), used)] = weights
        self.noise[row] = step.noise(cells, outputs)
        cells, chance = step.given(truth, outputs, self.noise[row], rng)
        return replace(forest, features=used[forest.features]), cells, chance

    def _outputs(self, step, forest, F):
        return F @ self.weights[step.cells].T + forest.outputs(F)

    def draw(self, blocks, codes, decoded, rng, conditions=None):
        """Return cells of new rows, those that meet some conditions.

        `conditions` are, by the first cell of a step, a position or a range. A row
        stays by chance, as likely as what is given is in it, so that rows which stay
        are drawn from the distribution under these conditions.
        """
        F = _features(codes, decoded, np.zeros(decoded.shape))
        first = F.shape[1] - self.n_encoded
        for step, forest in zip(steps(blocks), self.forests, strict=True):
            row, outputs = step.cells, self._outputs(step, forest, F)
            noise, condition = self.noise[row], (conditions or {}).get(row.start)
            if condition is None:
                cells = step.draw(outputs, noise, rng)
            else:
                shape = len(F), *np.shape(condition)
                truth = np.broadcast_to(condition, shape)
                cells, chance = step.given(truth, outputs, noise, rng)
                kept = np.log(rng.random(len(F))) < chance - step.most(condition, noise)
                F, cells = F[kept], cells[kept]
            if step.block.indicator not in (None, row.stop - 1):
                cells[F[:, first + step.block.indicator] == 1] = 0
            F[:, first + row.start : first + row.stop] = cells
        return F[:, first:]


def _left_out(step, F, cells, rng, most_trees):
    """Return how many trees rows bear, and outputs for each from rows without it.

    Each half of the rows says after how many trees of the other half it is likeliest.
    All rows would bear more than the mean of both, and be nearer to single rows.
    """
    outputs, n_trees = np.empty_like(cells), []
    for fitted, left_out in _halves(cells, rng):
        intercept, weights, _ = step.fit(F[fitted], cells[fitted])
        arrays = F, cells, intercept + F @ weights.T
        parts = ([array[rows] for array in arrays] for rows in (fitted, left_out))
        n_best, outputs[left_out] = most_likely(step, *parts, rng, most_trees)
        n_trees.append(n_best)
    return int(np.mean(n_trees)), outputs


def _halves(cells, rng):
    """Return which rows are fitted and which left out, twice.

    A half has every second row, in the order of its cells. Few rows are not divided.
    """
    if len(cells) < 2 * LEAST_ROWS:
        return [(slice(None), slice(None))]
    is_second = np.empty(len(cells), dtype=bool)
    order = np.lexsort((rng.random(len(cells)), *cells.T))
    is_second[order] = np.arange(len(cells)) % 2
    return [(is_second, ~is_second), (~is_second, is_second)]


def _is_there(found):
    return ~np.isnan(found).any(axis=1) if found.ndim > 1 else np.full(len(found), True)


def _features(codes, decoded, cells):
    return np.column_stack([np.ones(len(codes)), codes, decoded, cells])
