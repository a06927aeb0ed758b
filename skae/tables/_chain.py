"""Cells of a row, drawn in turn: each from a regression on its code and the others."""

from dataclasses import dataclass

import numpy as np

from ._steps import steps

MOST_PAIRS = 20
ROUNDS = 4
DIFFERENT = 0.9  # share of a number's rows that have one of their own, at least
MOST_VALUES = 5  # of a category, the hardest ones, that pairs are looked for


@dataclass(frozen=True)
class Chain:
    """A regression for each encoded cell: logistic for categories, normal for numbers.

    It is linear in the code, the own column as it is decoded, the cells of the columns
    before, and products of two of these.

    Attributes
    ----------
    weights : ndarray of shape (n_encoded, 1 + n_components + 2 * n_encoded)
        Of 1, the code, decoded cells and cells.

    pairs : ndarray of int of shape (n_encoded, MOST_PAIRS, 2)
        Which two of these are multiplied; 0 and 0 where there is no such product.

    pair_weights : ndarray of shape (n_encoded, MOST_PAIRS)

    noise : ndarray of shape (n_encoded,)
        Deviations of numbers from what is expected; 0 for categories.
    """

    weights: np.ndarray
    pairs: np.ndarray
    pair_weights: np.ndarray
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
    def fit(cls, blocks, codes, decoded, found, rng):
        """Return the chain of some rows.

        `found` are, by the first cell of a step, what its `given` takes of each row:
        positions of values, and ranges of normal scores, NaN where there is none.
        """
        n_rows, n_encoded = decoded.shape
        n_codes = codes.shape[1]
        F = _features(codes, decoded, np.zeros((n_rows, n_encoded)))
        chain = cls(
            np.zeros((n_encoded, F.shape[1])),
            np.zeros((n_encoded, MOST_PAIRS, 2), dtype=np.int64),
            np.zeros((n_encoded, MOST_PAIRS)),
            np.zeros(n_encoded),
        )
        known = np.arange(1, 1 + n_codes)
        for step in steps(blocks):
            own = 1 + n_codes + np.arange(step.block.start, step.block.stop)
            drawn = (
                1 + n_codes + n_encoded + np.arange(step.cells.start, step.cells.stop)
            )
            is_there = _is_there(found[step.cells.start])
            if np.count_nonzero(is_there) > 1:
                rows, truth = F[is_there], found[step.cells.start][is_there]
                cells = chain._learn(step, rows, truth, known, own, rng)
                F[np.ix_(is_there, drawn)] = cells
            known = np.append(known, drawn)
        return chain

    def _learn(self, step, F, truth, known, decoded, rng):
        """Learn a step, and return cells of the rows.

        Equal numbers have scores in a range. Where in it is drawn from what is
        expected, which is learnt again from these.
        """
        used = np.append(known, decoded)
        row = np.arange(step.cells.start, step.cells.stop)
        pairs, features = np.zeros((0, 2), dtype=int), F[:, used]
        is_number = truth.ndim > 1
        target = truth.mean(axis=1) if is_number else truth
        n_different = len(np.unique(truth[:, 0])) if is_number else len(truth)
        are_equal = n_different < DIFFERENT * len(truth)
        for i in range(ROUNDS if are_equal else 2):
            intercept, weights, noise = step.fit(features, target)
            outputs = intercept + features @ weights.T
            cells, _ = step.given(truth, outputs, noise, rng)
            target = cells[:, 0] if is_number else truth
            if i == 0:
                errors = cells - step.expected(outputs)
                pairs = known[telling_pairs(F[:, known], errors)]
                features = np.column_stack([features, _products(F, pairs)])
                if not (len(pairs) or are_equal):
                    break
        self.weights[row, 0] = intercept
        self.weights[np.ix_(row, used)] = weights[:, : len(used)]
        self.pairs[row, : len(pairs)] = pairs
        self.pair_weights[row, : len(pairs)] = weights[:, len(used) :]
        self.noise[row] = noise
        return cells

    def log_likelihood(self, blocks, codes, decoded, found, rng):
        """Return the log-likelihood of what is found in each row, given its code."""
        F = _features(codes, decoded, np.zeros(decoded.shape))
        first, total = F.shape[1] - self.n_encoded, np.zeros(len(F))
        for step in steps(blocks):
            row, truth = step.cells, found[step.cells.start]
            is_there = _is_there(truth)
            cells, chance = step.given(
                truth[is_there],
                self._outputs(step, F[is_there]),
                self.noise[row],
                rng,
            )
            F[is_there, first + row.start : first + row.stop] = cells
            total[is_there] += chance
        return total

    def _outputs(self, step, F):
        products = _products(F, self.pairs[step.cells.start])
        weights, pair_weights = self.weights[step.cells], self.pair_weights[step.cells]
        return F @ weights.T + products @ pair_weights.T

    def draw(self, blocks, codes, decoded, rng, conditions=None):
        """Return cells of new rows, those that meet some conditions.

        `conditions` are, by the first cell of a step, a position or a range. A row
        stays by chance, as likely as what is given is in it, so that rows which stay
        are drawn from the distribution under these conditions.
        """
        F = _features(codes, decoded, np.zeros(decoded.shape))
        first = F.shape[1] - self.n_encoded
        for step in steps(blocks):
            row, outputs = step.cells, self._outputs(step, F)
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


def telling_pairs(F, errors):
    """Return pairs of columns whose product errors depend on, (n_pairs, 2).

    By how many standard errors: more than the largest of as many chances would be.
    """
    n_rows, n_columns = F.shape
    if not n_columns:
        return np.empty((0, 2), dtype=int)
    deviation = F.std(axis=0)
    F = ((F - F.mean(axis=0)) / np.where(deviation > 0, deviation, 1)).astype("f4")
    hardest = np.argsort(-np.square(errors).sum(axis=0))[:MOST_VALUES]
    score = np.zeros((n_columns, n_columns))
    for error in errors[:, hardest].T.astype("f4"):
        total = (F * error[:, None]).T @ F
        square = (F * error[:, None]).T ** 2 @ F**2
        score = np.maximum(score, np.abs(total) / np.sqrt(square.clip(min=1e-9)))
    pairs = np.column_stack(np.triu_indices(n_columns))
    score = score[pairs[:, 0], pairs[:, 1]]
    best = np.argsort(-score)[:MOST_PAIRS]
    return pairs[best[score[best] > np.sqrt(2 * np.log(len(score) + 1))]]


def _is_there(found):
    return ~np.isnan(found).any(axis=1) if found.ndim > 1 else np.full(len(found), True)


def _features(codes, decoded, cells):
    return np.column_stack([np.ones(len(codes)), codes, decoded, cells])


def _products(F, pairs):
    return F[:, pairs[:, 0]] * F[:, pairs[:, 1]]
