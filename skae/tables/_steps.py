"""What is drawn at once of a row: a category's value, or a number's normal score."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.special import log_softmax, logsumexp, ndtr, ndtri, softmax
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from ._blocks import Block

PENALTIES = (1, 10, 100, 1000)
C = 0.1  # shrinks logistic regressions, to which trees add
NEVER = -50.0  # added to the logit of a value that no row has
TOL = 3e-3  # of the gradient of the mean log-likelihood
LEAST_NOISE = 1e-4
LEAST_CHANCE = 1e-12
SURE = 1 - np.finfo(float).eps  # the least level whose normal score is not infinite


def steps(blocks):
    """Return the steps in which rows are drawn.

    Numbers come first, each after whether it is there: given numbers, shares of values
    take more shapes than a number does given values, with noise of one size.
    """
    numbers, categories = [], []
    for block in blocks:
        if block.categories is not None:
            if block.stop > block.start + 1:  # else there is one value
                categories.append(Value(block, block.columns))
            continue
        if block.has_indicator:
            numbers.append(Value(block, slice(block.indicator, block.stop)))
        if block.start < block.members.stop:
            numbers.append(Score(block, block.members))
    return numbers + categories


@dataclass(frozen=True)
class Value:
    """One of several values, as zeros and ones; of two, one cell may say which."""

    block: Block
    cells: slice

    @property
    def _n_cells(self):
        return self.cells.stop - self.cells.start

    def fit(self, F, cells):
        """Return intercepts and weights of logits, and no noise."""
        values = self._values(cells)
        n_values = max(self._n_cells, 2)
        found = np.unique(values)
        # a value of no row is half as frequent as one of a single row
        rare = -np.log(2 * len(values))
        intercept, weights = np.full(n_values, rare), np.zeros((n_values, F.shape[1]))
        if len(found) == 1:
            intercept[found] = 0
        else:
            model = LogisticRegression(C=C, tol=TOL, max_iter=1000).fit(F, values)
            of_two = len(found) == 2  # then the logits are those of the second
            intercept[found] = [0, *model.intercept_] if of_two else model.intercept_
            weights[found[of_two:]] = model.coef_
            others = np.setdiff1d(np.arange(n_values), found)
            outputs = intercept[found] + F @ weights[found].T
            intercept[others] += logsumexp(outputs, axis=1).mean()
        if self._n_cells == 1:
            intercept, weights = np.diff(intercept), np.diff(weights, axis=0)
        return intercept, weights, 0.0

    def to_cells(self, values):
        """Return the zeros and ones of values."""
        return np.eye(max(self._n_cells, 2))[values.astype(int)][:, -self._n_cells :]

    def limits(self, cells):
        """Return what is added to logits, so that no value is drawn that no row has."""
        is_one = self._n_cells == 1
        found = np.column_stack([1 - cells, cells]) if is_one else cells
        limits = np.where(found.any(axis=0), 0, NEVER)
        return np.diff(limits) if is_one else limits

    def noise(self, cells, outputs):
        """Return none."""
        return np.zeros(self._n_cells)

    def loss(self, cells, outputs):
        """Return the mean of what is lost by cells being unlikely."""
        chances = log_softmax(self._logits(outputs), axis=1)
        return -chances[np.arange(len(cells)), self._values(cells)].mean()

    def slope(self, cells, outputs):
        """Return the gradient of the log-likelihood by outputs, and its curvature."""
        shares = self._shares(outputs)[:, -self._n_cells :]
        return cells - shares, shares * (1 - shares)

    def draw(self, outputs, noise, rng):
        """Return a value for each row."""
        shares = self._shares(outputs)
        at = (shares.cumsum(axis=1) < rng.random((len(shares), 1))).sum(axis=1)
        return self.to_cells(at.clip(max=shares.shape[1] - 1))

    def given(self, values, outputs, noise, rng):
        """Return the cells of given values, and their log-likelihood."""
        found = log_softmax(self._logits(outputs), axis=1)
        return self.to_cells(values), found[np.arange(len(values)), values]

    def most(self, value, noise):
        """Return the largest log-likelihood that a value can have."""
        return 0.0

    def _logits(self, outputs):
        is_one = self._n_cells == 1  # the other logit is zero
        return np.pad(outputs, ((0, 0), (1, 0))) if is_one else outputs

    def _shares(self, outputs):
        return softmax(self._logits(outputs), axis=1)

    def _values(self, cells):
        return cells.argmax(axis=1) if self._n_cells > 1 else cells[:, 0].astype(int)


@dataclass(frozen=True)
class Score:
    """A normal score: a regression, and noise as large as rows left out say."""

    block: Block
    cells: slice

    def fit(self, F, scores):
        """Return an intercept, weights, and the deviation of the noise."""
        error, offset, weights = ridge(F, scores[:, 0])
        return offset, weights[None], max(np.sqrt(error), LEAST_NOISE)

    def to_cells(self, ranges):
        """Return scores, in the middle of ranges."""
        return ranges.mean(axis=1, keepdims=True)

    def limits(self, scores):
        """Return none."""
        return np.zeros(1)

    def noise(self, scores, outputs):
        """Return the deviation of the noise."""
        return np.array([max(np.sqrt(self.loss(scores, outputs)), LEAST_NOISE)])

    def loss(self, scores, outputs):
        """Return the mean squared error."""
        return np.square(scores - outputs).mean()

    def slope(self, scores, outputs):
        """Return the gradient of half the squared error, and its curvature."""
        return scores - outputs, np.ones_like(outputs)

    def draw(self, outputs, noise, rng):
        """Return a score for each row."""
        return outputs + noise * rng.standard_normal(outputs.shape)

    def given(self, ranges, outputs, noise, rng):
        """Return scores within given ranges, and the log-likelihood of these."""
        low, high = ndtr((ranges - outputs) / noise).T
        level = low + (high - low) * rng.random(len(outputs))
        scores = outputs[:, 0] + noise * ndtri(level.clip(1 - SURE, SURE))
        chance = np.log((high - low).clip(min=LEAST_CHANCE))
        return scores.clip(*ranges.T)[:, None], chance

    def most(self, interval, noise):
        """Return the largest log-likelihood that a range can have."""
        return min(0.0, np.log(norm.pdf(0) * np.ptp(interval) / noise[0]))


def ridge(F, y):
    """Return the mean squared error of rows left out, the intercept, and weights.

    Of the PENALTIES, it is the one with the least error. RidgeCV does the same by
    singular values of F, which take ten times as long.
    """
    mean, offset = F.mean(axis=0), y.mean()
    values, axes = eigh((F - mean).T @ (F - mean))
    turned = (F - mean) @ axes
    found = []
    for penalty in PENALTIES:
        shrunk = 1 / (values.clip(min=0) + penalty)
        weights = shrunk * (turned.T @ (y - offset))
        leverage = 1 / len(F) + turned**2 @ shrunk
        error = np.mean(((y - offset - turned @ weights) / (1 - leverage)) ** 2)
        found.append((error, axes @ weights))
    error, weights = min(found, key=lambda pair: pair[0])
    return error, offset - mean @ weights, weights
