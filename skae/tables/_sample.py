"""Rows of a table, drawn from what a model says of each cell."""

from copy import copy

import numpy as np


def sample(encoder, means, noisy, rng):
    """Return a table of rows that a model made up.

    Parameters
    ----------
    encoder : TableEncoder

    means : ndarray of shape (n_samples, n_encoded)
        What the model says of encoded rows: shares of categories are drawn from.

    noisy : ndarray of shape (n_samples, n_encoded)
        The same with the noise of single rows: numbers are taken from here, within the
        range of the training rows.

    rng : numpy.random.Generator
    """
    X = np.array(noisy)
    shares = encoder.decode(means)
    for block in encoder.blocks_:
        if block.has_indicator:
            is_missing = rng.random(len(X)) < means[:, block.indicator]
            X[:, block.indicator] = is_missing
        if block.categories is not None:
            drawn = _draw(shares[block.column], rng)
            X[:, block.members] = drawn * block.scale[: drawn.shape[1]]
        if block.has_indicator and block.categories is not None:
            X[is_missing, block.members] = 0
    return copy(encoder).set_params(clip=True).inverse_transform(X)


def _draw(shares, rng):
    """Return one value for each row, as zeros and ones."""
    n_rows, n_values = shares.shape
    shares = np.where(np.isnan(shares), 1 / n_values, shares)
    at = (shares.cumsum(axis=1) < rng.random((n_rows, 1))).sum(axis=1)
    return np.eye(n_values)[at.clip(max=n_values - 1)]
