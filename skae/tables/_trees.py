"""Trees that add up to what a linear step cannot tell: thresholds and interactions."""

from dataclasses import dataclass
from itertools import islice, starmap

import numpy as np
from sklearn import config_context
from sklearn.tree import DecisionTreeRegressor

DEPTH = 5
LEAST_ROWS = 10  # of a leaf
RATE = 0.3  # share of a tree's outputs that is used
PATIENCE = 8  # trees in a row that other rows see nothing better by
MOST_FEATURES = 64  # that a split is chosen from
MOST_ROWS = 2000  # that splits are chosen by; all say what leaves add


@dataclass(frozen=True)
class Forest:
    """Trees whose outputs are added, as deep as each other.

    Node i leads to node 2 i + 1, or 2 i + 2 where the feature is above the threshold.

    Attributes
    ----------
    features : ndarray of int of shape (n_trees, 2**DEPTH - 1)

    thresholds : ndarray of shape (n_trees, 2**DEPTH - 1)

    values : ndarray of shape (n_trees, 2**DEPTH, n_cells)
        What is added to the outputs, by the leaf that a row is in.
    """

    features: np.ndarray
    thresholds: np.ndarray
    values: np.ndarray

    @classmethod
    def none(cls, n_cells):
        """Return no trees."""
        shape = 0, 2**DEPTH - 1
        values = np.zeros((0, 2**DEPTH, n_cells))
        return cls(np.zeros(shape, dtype=np.int64), np.zeros(shape), values)

    @classmethod
    def grow(cls, step, F, cells, outputs, rng, n_trees):
        """Return a forest of some trees, which `cells` are likelier with."""
        if n_trees == 0:
            return cls.none(cells.shape[1])
        trees = islice(_boosted(step, F, cells, outputs, rng), n_trees)
        return cls(*map(np.stack, zip(*starmap(_whole, trees), strict=True)))

    def outputs(self, F):
        """Return the sum of what the trees add for each row, (n_rows, n_cells)."""
        rows, trees = np.arange(len(F))[:, None], np.arange(len(self.values))
        node = np.zeros((len(F), len(trees)), dtype=int)
        for _ in range(DEPTH):
            is_above = (
                F[rows, self.features[trees, node]] > self.thresholds[trees, node]
            )
            node = 2 * node + 1 + is_above
        return self.values[trees, node - (2**DEPTH - 1)].sum(axis=1)


def most_likely(step, fitted, left_out, rng, most_trees):
    """Return after how many trees rows left out are likeliest, and their outputs.

    `fitted` and `left_out` are features, cells, and outputs without trees.
    """
    F, cells, outputs = left_out
    F, n_best, best = F.astype("f4"), 0, outputs
    least = step.loss(cells, outputs)
    trees = islice(_boosted(step, *fitted, rng), most_trees)
    for n_trees, (tree, values) in enumerate(trees, 1):
        outputs = outputs + values[tree.apply(F)]
        loss = step.loss(cells, outputs)
        if loss < least:
            least, n_best, best = loss, n_trees, outputs
        elif n_trees == n_best + PATIENCE:
            break
    return n_best, best


def _boosted(step, F, cells, outputs, rng):
    """Yield trees without end, and what their nodes add.

    Each follows the gradient of the log-likelihood of `cells`, and a Newton step sets
    what its leaves add: gradient boosting.
    """
    F = F.astype("f4")
    while True:
        tree, values = _grown(F, *step.slope(cells, outputs), rng)
        outputs = outputs + values[tree.apply(F)]
        yield tree, values


def _grown(F, gradient, curvature, rng):
    """Return a tree, and what its nodes add.

    Splits at random thresholds take a quarter of the time of the best ones, and are no
    row's own.
    """
    model = DecisionTreeRegressor(
        splitter="random",
        max_depth=DEPTH,
        max_features=min(MOST_FEATURES, F.shape[1]),
        min_samples_leaf=LEAST_ROWS,
        random_state=rng.integers(2**31),
    )
    chosen = slice(None)
    if len(F) > MOST_ROWS:
        chosen = rng.choice(len(F), MOST_ROWS, replace=False)
    with config_context(skip_parameter_validation=True):  # of each tree
        tree = model.fit(F[chosen], gradient[chosen], check_input=False).tree_
    leaf = tree.apply(F)
    totals = [
        np.array([np.bincount(leaf, column, tree.node_count) for column in array.T]).T
        for array in (gradient, curvature)
    ]
    return tree, RATE * totals[0] / (totals[1] + 1)


def _whole(tree, values):
    """Return features, thresholds and leaves of a tree that is as deep everywhere."""
    node, features, thresholds = np.zeros(1, dtype=int), [], []
    for _ in range(DEPTH):
        is_leaf = tree.children_left[node] < 0
        features.append(np.where(is_leaf, 0, tree.feature[node]))
        thresholds.append(np.where(is_leaf, 0, tree.threshold[node]))
        children = tree.children_left[node], tree.children_right[node]
        node = np.column_stack(np.where(is_leaf, node, children)).ravel()
    return np.concatenate(features), np.concatenate(thresholds), values[node]
