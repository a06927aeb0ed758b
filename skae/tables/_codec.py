"""Cells of all columns as one matrix, and back."""

import numpy as np

from ._blocks import Block
from ._one_hot import OneHot
from ._scaling import category_scale, make_scaler

MOST_NAMED = 5


class Codec:
    """The matrix that columns are encoded as.

    Parameters
    ----------
    columns : list of Column

    numeric, missing_values : str
        As :class:`TableEncoder` has them.
    """

    def __init__(self, columns, *, numeric, missing_values):
        self.columns = columns
        self.numeric = numeric
        self.missing_values = missing_values
        self.keeps_nan = missing_values == "nan"

    def fit(self, cells, category_scaling, weights, **options):
        """Learn scales and shares; `options` are those of OneHot.

        `weights` are those of the columns: numbers are multiplied by their roots.
        """
        floats, codes = self._floats(cells), self.codes(cells)
        scaler = make_scaler(self.numeric, len(floats))
        means = np.empty(0)
        if floats.shape[1]:
            means = np.nanmean(scaler.fit_transform(floats), axis=0)
        n_values = [len(c.content.values) for c in self.columns if c.is_category]
        one_hot = OneHot.fit(codes, n_values, **options)
        of_categories = []
        for own, part in zip(codes.T, one_hot.encode(codes), strict=True):
            shares = (
                part[own >= 0].mean(axis=0) if self.keeps_nan else part.mean(axis=0)
            )
            of_categories.append(category_scale(shares, category_scaling))
        of_categories = iter(of_categories)
        scales = [
            np.sqrt(weight)
            * (next(of_categories) if c.is_category else np.ones(int(c.is_number)))
            for c, weight in zip(self.columns, weights, strict=True)
        ]
        return self.restore(scaler, means, one_hot, scales)

    def restore(self, scaler, means, one_hot, scales):
        """Take what a fit has found out: `scales` are those of each column."""
        self.scaler, self.means, self.one_hot = scaler, means, one_hot
        self.blocks, stop = [], 0
        members = iter(one_hot.members)
        for column, scale in zip(self.columns, scales, strict=True):
            categories = None
            if column.is_category:
                categories = [column.content.meaning(codes) for codes in next(members)]
            has_indicator = (
                column.has_missing and column.content is not None and not self.keeps_nan
            )
            if has_indicator:
                scale = np.append(scale, 1.0)
            start, stop = stop, stop + len(scale)
            where = column.label, column.feature, column.source.kind, start, stop
            self.blocks.append(Block(*where, scale, categories, has_indicator))
        return self

    @property
    def n_encoded(self):
        """Number of encoded columns."""
        return self.blocks[-1].stop

    # -- there ----------------------------------------------------------------------

    def codes(self, cells):
        """Return the codes of all categories, one column for each."""
        pairs = zip(self.columns, cells, strict=True)
        codes = [c.codes(own) for c, own in pairs if c.is_category]
        return np.column_stack([*codes, np.empty((len(cells[0].missing), 0), int)])

    def _floats(self, cells):
        pairs = zip(self.columns, cells, strict=True)
        floats = [c.floats(own) for c, own in pairs if c.is_number]
        return np.column_stack([*floats, np.empty((len(cells[0].missing), 0))])

    def unknown(self, cells, codes):
        """Return what cells there are that fit had none of, by label."""
        found, codes = {}, iter(codes.T)
        for column, (values, missing) in zip(self.columns, cells, strict=True):
            takes_holes = column.has_missing or self.missing_values != "indicator"
            if missing.any() and not takes_holes:
                found[column.label] = "missing cells"
            if column.content is None and not missing.all():
                found[column.label] = "cells that are not missing"
            elif column.is_category:
                is_new = (next(codes) < 0) & ~missing
                new = sorted(set(values[is_new]), key=str)[:MOST_NAMED]
                if new:
                    found[column.label] = ", ".join(map(repr, new))
        return found

    def encode(self, cells, codes):
        """Return the matrix of shape (n_samples, n_encoded)."""
        floats = self._floats(cells)
        X = np.zeros((len(floats), self.n_encoded))
        if floats.shape[1]:
            scaled = self.scaler.transform(floats)
            is_filled = np.isnan(scaled) & (not self.keeps_nan)
            scaled = np.where(is_filled, self.means, scaled)
            X[:, self._numbers] = scaled * self._number_scales
        parts = self.one_hot.encode(codes)
        for block, part in zip(self._categories, parts, strict=True):
            X[:, block.members] = part * block.scale[: part.shape[1]]
        for block, (_, missing) in zip(self.blocks, cells, strict=True):
            if self.keeps_nan:
                X[missing, block.columns] = np.nan
            elif block.has_indicator:
                if block.categories is not None:
                    X[missing, block.members] = 0
                X[missing, block.indicator] = 1
        return X

    @property
    def _numbers(self):
        pairs = zip(self.columns, self.blocks, strict=True)
        return [block.start for column, block in pairs if column.is_number]

    @property
    def _number_scales(self):
        pairs = zip(self.columns, self.blocks, strict=True)
        return np.array([b.scale[0] for column, b in pairs if column.is_number])

    @property
    def _categories(self):
        pairs = zip(self.columns, self.blocks, strict=True)
        return [block for column, block in pairs if column.is_category]

    # -- and back -------------------------------------------------------------------

    def floats(self, X):
        """Return the floats that encoded numbers stand for, a column for each."""
        scaled = X[:, self._numbers] / self._number_scales
        return self.scaler.inverse_transform(scaled) if scaled.shape[1] else scaled

    def decode(self, X, *, clip, floats=None):
        """Return the cells of each column as a Series, as it was in fit.

        `floats` are those of numbers, where they are known.
        """
        floats = self.floats(X) if floats is None else floats
        floats, members = iter(floats.T), iter(self.one_hot.members)
        series = []
        for column, block in zip(self.columns, self.blocks, strict=True):
            shares = X[:, block.columns] / block.scale
            if column.is_number:
                numbers = next(floats)
                numbers = column.content.clip(numbers) if clip else numbers
                missing = np.isnan(numbers)
                if block.has_indicator:
                    missing |= shares[:, -1] > 0.5
            elif column.is_category:
                numbers = _likeliest(shares, next(members))
                missing = numbers < 0
            else:
                numbers, missing = np.zeros(len(X)), np.ones(len(X), dtype=bool)
            series.append(column.cells(numbers, missing))
        return series

    def expected(self, X):
        """Return floats or shares for each column that has some, by its label."""
        floats = iter(self.floats(X).T)
        return {
            column.label: next(floats) if column.is_number else _shares(X, block)
            for column, block in zip(self.columns, self.blocks, strict=True)
            if column.content is not None
        }


def _likeliest(shares, members):
    """Return the code with the largest share, or -1 for a missing cell.

    Of values that share a column it is the most frequent one.
    """
    codes = np.array([group[0] for group in members] + [-1])
    says_nothing = np.isnan(shares).any(axis=1) | ~shares.any(axis=1)
    return np.where(says_nothing, -1, codes[shares.argmax(axis=1)])


def _shares(X, block):
    """Return what values of a category have, none below zero, their sum one."""
    shares = X[:, block.members] / block.scale[: len(block.categories)]
    shares = np.maximum(shares, 0)
    total = shares.sum(axis=1, keepdims=True)
    return np.divide(shares, total, out=np.full_like(shares, np.nan), where=total > 0)
