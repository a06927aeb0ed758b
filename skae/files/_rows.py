"""What rows of mixed tables are drawn from: arrays whose shapes the table says."""

import numpy as np

from ..exceptions import FileError
from ..tables._chain import MOST_PAIRS, Chain
from ..tables._margins import LEVELS
from ..tables._mixture import Mixture
from ..tables._sample import RowModel


def describe_rows(model, writer, label):
    """Return JSON for a RowModel."""
    mixture = model.mixture
    return {
        "mixture": mixture and writer.encode_fields(mixture, label),
        "chain": writer.encode_fields(model.chain, label),
        "scores": writer.encode(model.scores),
        "quantiles": writer.encode(model.quantiles),
    }


def read_rows(stored, estimator, restorer):
    """Return the RowModel of an estimator that has its encoder."""
    is_whole = isinstance(stored, dict) and set(stored) == {
        *("mixture", "chain", "scores", "quantiles")
    }
    _expect(is_whole, "what rows are drawn from")
    codec, n_codes = estimator.encoder_._codec, estimator.n_components_
    mixture = None
    if stored["mixture"] is not None:
        mixture = restorer.fields(Mixture, stored["mixture"])
        _check_mixture(mixture, n_codes)
    chain = restorer.fields(Chain, stored["chain"])
    _check_chain(chain, codec.n_encoded, 1 + n_codes + 2 * codec.n_encoded)
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


def _check_chain(chain, n_encoded, n_features):
    _check_floats("weights of cells", chain.weights, (n_encoded, n_features))
    _check_floats("weights of pairs", chain.pair_weights, (n_encoded, MOST_PAIRS))
    _check_floats("noise of cells", chain.noise, (n_encoded,))
    _expect(bool((chain.noise >= 0).all()), "noise of cells")
    pairs = chain.pairs
    is_whole = isinstance(pairs, np.ndarray) and pairs.dtype == np.int64
    _expect(is_whole and pairs.shape == (n_encoded, MOST_PAIRS, 2), "pairs of cells")
    _expect(bool(((pairs >= 0) & (pairs < n_features)).all()), "pairs of its cells")


def _check_floats(name, array, shape):
    is_right = isinstance(array, np.ndarray) and array.dtype == np.float64
    _expect(is_right and array.shape == shape and bool(np.isfinite(array).all()), name)


def _expect(condition, what):
    if not condition:
        raise FileError(f"The model of rows does not have {what}.")
