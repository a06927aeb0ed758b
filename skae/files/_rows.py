"""What rows of mixed tables are drawn from: arrays whose shapes the table says."""

import numpy as np

from ..exceptions import FileError
from ..tables._chain import Chain
from ..tables._margins import LEVELS
from ..tables._mixture import Mixture
from ..tables._sample import RowModel
from ..tables._steps import steps
from ..tables._trees import DEPTH, Forest


def describe_rows(model, writer, label):
    """Return JSON for a RowModel."""
    mixture = model.mixture
    return {
        "mixture": mixture and writer.encode_fields(mixture, label),
        "weights": writer.encode(model.chain.weights),
        "noise": writer.encode(model.chain.noise),
        "forests": [
            writer.encode_fields(forest, label) for forest in model.chain.forests
        ],
        "scores": writer.encode(model.scores),
        "quantiles": writer.encode(model.quantiles),
    }


def read_rows(stored, estimator, restorer):
    """Return the RowModel of an estimator that has its encoder."""
    is_whole = isinstance(stored, dict) and set(stored) == {
        *("mixture", "weights", "noise", "forests", "scores", "quantiles")
    }
    _expect(is_whole, "what rows are drawn from")
    codec, n_codes = estimator.encoder_._codec, estimator.n_components_
    mixture = None
    if stored["mixture"] is not None:
        mixture = restorer.fields(Mixture, stored["mixture"])
        _check_mixture(mixture, n_codes)
    chain = _read_chain(stored, estimator.encoder_.blocks_, n_codes, restorer)
    shape = sum(column.is_number for column in codec.columns), len(LEVELS)
    margins = [restorer.values.decode(stored[name]) for name in ("scores", "quantiles")]
    for margin in margins:
        _check_floats("quantiles of its numbers", margin, shape)
        _expect(bool((np.diff(margin) >= 0).all()), "quantiles in order")
    return RowModel(mixture, chain, *margins)


def _check_mixture(mixture, n_codes):
    n_parts = len(mixture.shares) if np.ndim(mixture.shares) == 1 else 0
    _check_floats("shares of a mixture", mixture.shares, (n_parts,))
    _check_floats("means of a mixture", mixture.means, (n_parts, n_codes))
    _check_floats("roots of a mixture", mixture.roots, (n_parts, n_codes, n_codes))
    shares = mixture.shares
    is_one = n_parts > 0 and (shares >= 0).all() and np.isclose(shares.sum(), 1)
    _expect(bool(is_one), "shares whose sum is one")


def _read_chain(stored, blocks, n_codes, restorer):
    """Return the Chain of a table whose encoded columns are known."""
    weights, noise = (
        restorer.values.decode(stored[name]) for name in ("weights", "noise")
    )
    n_encoded = sum(block.stop - block.start for block in blocks)
    n_features = 1 + n_codes + 2 * n_encoded
    _check_floats("weights of cells", weights, (n_encoded, n_features))
    _check_floats("noise of cells", noise, (n_encoded,))
    _expect(bool((noise >= 0).all()), "noise of cells")
    forests, all_steps = stored["forests"], steps(blocks)
    is_whole = isinstance(forests, list) and len(forests) == len(all_steps)
    _expect(is_whole, "the trees of each step")
    forests = [restorer.fields(Forest, forest) for forest in forests]
    for step, forest in zip(all_steps, forests, strict=True):
        _check_forest(forest, n_features, step.cells.stop - step.cells.start)
    return Chain(weights, forests, noise)


def _check_forest(forest, n_features, n_cells):
    n_trees = len(forest.values) if np.ndim(forest.values) == 3 else 0
    shape = n_trees, 2**DEPTH - 1
    _check_floats("thresholds of trees", forest.thresholds, shape)
    _check_floats("leaves of trees", forest.values, (n_trees, 2**DEPTH, n_cells))
    features = forest.features
    is_whole = isinstance(features, np.ndarray) and features.dtype == np.int64
    _expect(is_whole and features.shape == shape, "features of trees")
    _expect(bool(((features >= 0) & (features < n_features)).all()), "its features")


def _check_floats(name, array, shape):
    is_right = isinstance(array, np.ndarray) and array.dtype == np.float64
    _expect(is_right and array.shape == shape and bool(np.isfinite(array).all()), name)


def _expect(condition, what):
    if not condition:
        raise FileError(f"The model of rows does not have {what}.")
