"""Rows of a table that nobody has seen, from a model of all its cells at once."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from ._chain import Chain
from ._given import read_given
from ._margins import LEVELS, quantiles, score_ranges, to_numbers
from ._mixture import Mixture

BLUR = 0.25  # added to the deviations of posteriors: no density is that of single rows
FEWEST_ROWS = 20  # that say whether codes help
BATCH_ROWS = 10_000
CALIBRATING_ROWS = 5000
RAREST = 1e-4  # share of the rows that are drawn, for given cells


@dataclass(frozen=True)
class RowModel:
    """A distribution of rows: a mixture of codes, and a chain of cells.

    Attributes
    ----------
    mixture : Mixture or None
        Of codes; None where rows are likelier without.

    chain : Chain

    scores, quantiles : ndarray of shape (n_numbers, n_levels)
        Of each column that is a number, quantiles of scores that the chain draws, and
        of the numbers that these stand for.
    """

    mixture: Mixture | None
    chain: Chain
    scores: np.ndarray
    quantiles: np.ndarray

    @classmethod
    def fit(cls, encoder, X, posterior, decode, seed):
        """Return the model of encoded rows.

        Codes are of use if rows left out are likelier with them, by their evidence
        lower bound, than without; both without trees.

        Parameters
        ----------
        encoder : TableEncoder

        X : ndarray of shape (n_samples, n_encoded)

        posterior : tuple of two ndarrays of shape (n_samples, n_components)
            Means and standard deviations of codes.

        decode : callable
            Maps codes to encoded rows.

        seed : int
        """
        rng = np.random.default_rng(seed)
        found, known = _read_rows(encoder, X)
        mean, std = posterior[0], np.hypot(posterior[1], BLUR)
        codes = mean + std * rng.standard_normal(mean.shape)
        decoded = decode(codes)

        def fit(has_codes, **limits):
            inputs = codes * has_codes, decoded * has_codes
            return Chain.fit(encoder.blocks_, *inputs, found, rng, **limits)

        mixture = None
        if len(X) >= FEWEST_ROWS:
            of_codes, likely_codes = Mixture.fit(codes, seed)
            spent = norm.logpdf(codes, mean, std).sum(axis=1).mean()
            # without trees, which take longer and seldom think otherwise
            likely, with_codes = (fit(flag, most_trees=0)[1] for flag in (False, True))
            if likely_codes - spent + with_codes > likely:
                mixture = of_codes
        chain, _ = fit(mixture is not None)
        return cls(mixture, chain, known, known)._calibrated(encoder, decode, rng)

    def _calibrated(self, encoder, decode, rng):
        """Return the model with the scores that it draws, which are nearly normal."""
        cells = self._draw(encoder, decode, CALIBRATING_ROWS, rng, None)
        scores = np.empty_like(self.quantiles)
        for at, block in enumerate(_numbers(encoder)):
            drawn = cells[:, block.start]
            if block.has_indicator:
                drawn = drawn[cells[:, block.indicator] == 0]
            scores[at] = np.quantile(drawn, LEVELS) if len(drawn) else LEVELS
        return replace(self, scores=scores)

    def sample(self, encoder, decode, n_rows, rng, given=None):
        """Return a table of new rows, those with some given cells."""
        conditions, fixed = read_given(
            encoder, self.scores, self.quantiles, given or {}
        )
        parts, n_found, n_drawn = [], 0, 0
        while n_found < n_rows:
            n_wanted = (n_rows - n_found) * (n_drawn + 1) / (n_found + 1)
            n_batch = min(BATCH_ROWS, int(np.ceil(n_wanted)))
            parts.append(self._draw(encoder, decode, n_batch, rng, conditions))
            n_found, n_drawn = n_found + len(parts[-1]), n_drawn + n_batch
            if n_found < n_rows and n_found + 1 < n_drawn * RAREST:
                raise ValueError(
                    f"given={given!r}: of {n_drawn} rows that were drawn, {n_found} "
                    "are like that. Give fewer columns, or more usual values."
                )
        return self._to_table(encoder, np.vstack(parts)[:n_rows], fixed)

    def _draw(self, encoder, decode, n_rows, rng, conditions):
        """Return cells of those of some new rows that meet conditions."""
        codes = np.zeros((n_rows, self.chain.n_codes))
        decoded = np.zeros((n_rows, self.chain.n_encoded))
        if self.mixture is not None:
            codes = self.mixture.draw(n_rows, rng)
            decoded = decode(codes)
        return self.chain.draw(encoder.blocks_, codes, decoded, rng, conditions)

    def _to_table(self, encoder, cells, fixed):
        """Return the table that zeros, ones and scores stand for.

        `fixed` are numbers that are known, by their position among those.
        """
        X = cells.copy()
        for block in encoder.blocks_:
            if block.categories is not None and block.stop == block.start + 1:
                X[:, block.start] = 1  # the only value
            X[:, block.columns] *= block.scale
        floats = np.empty((len(cells), len(self.quantiles)))
        for at, block in enumerate(_numbers(encoder)):
            margin = self.scores[at], self.quantiles[at]
            floats[:, at] = fixed.get(at, to_numbers(cells[:, block.start], *margin))
        return encoder._build(encoder._codec.decode(X, clip=False, floats=floats))


def _read_rows(encoder, X):
    """Return what is found in encoded rows, by the first cell of a step, and quantiles.

    A category has positions of values, missing ones last, a number ranges of scores.
    """
    found, known = {}, [np.empty((0, len(LEVELS)))]
    floats = iter(encoder._codec.floats(X).T)
    for block in encoder.blocks_:
        is_missing = np.zeros(len(X), dtype=bool)
        if block.has_indicator:
            is_missing = X[:, block.indicator] == 1
        if block.categories is not None:
            value = X[:, block.members].argmax(axis=1)
            found[block.start] = np.where(is_missing, len(block.categories), value)
        elif block.start < block.members.stop:
            numbers = next(floats)
            there = numbers[~is_missing]
            found[block.start] = np.full((len(X), 2), np.nan)
            found[block.start][~is_missing] = score_ranges(there)
            known.append([quantiles(there if len(there) else numbers)])
            if block.has_indicator:
                found[block.indicator] = is_missing.astype(int)
    return found, np.concatenate(known)


def _numbers(encoder):
    """Return the blocks of columns that are numbers and not all missing."""
    return [
        block
        for block in encoder.blocks_
        if block.categories is None and block.start < block.members.stop
    ]
