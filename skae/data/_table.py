"""Rows and their weights as one thing, read in blocks."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy import sparse

from ._axes import principal_axes
from ._group import ALONE, Group
from ._moments import column_moments
from ._source import Source

BLOCK_CELLS = 2**20


@dataclass(frozen=True, eq=False)
class Table:
    """Some rows of a table, and their weights.

    This is the only way in which rows are read. They are read in blocks, so that a
    sparse or memory-mapped table is never dense as a whole; what is computed of them
    are sums over blocks, which can be merged.

    Parameters
    ----------
    X : ndarray, CSR array or Source of shape (n_samples, n_features)

    sample_weight : ndarray of shape (n_samples,) or None
        Positive.

    group : ndarray of shape (n_samples,) or None
        Rows with the same label belong together.

    rows : ndarray of int or None
        Which rows of X these are; None for all.

    ranks : Group
        The processes that have a part of the rows each. What is computed of the rows is
        then of those of all; what is read are this one's.
    """

    X: object
    sample_weight: np.ndarray | None = None
    group: np.ndarray | None = None
    rows: np.ndarray | None = None
    ranks: Group = ALONE

    @property
    def n_rows(self):
        return self.X.shape[0] if self.rows is None else len(self.rows)

    @cached_property
    def total_rows(self):
        """The number of rows of all ranks together."""
        return self.ranks.sum(self.n_rows)

    @property
    def total_shape(self):
        """The shape of the table of all ranks together."""
        return self.total_rows, self.n_columns

    @property
    def n_columns(self):
        return self.X.shape[1]

    @property
    def shape(self):
        return self.n_rows, self.n_columns

    @property
    def dtype(self):
        return self.X.dtype

    def __len__(self):
        return self.n_rows

    @property
    def weight(self):
        """The weights of these rows, (n_rows,), or None."""
        return self._of_rows(self.sample_weight)

    @property
    def groups(self):
        """The groups of these rows, (n_rows,), or None."""
        return self._of_rows(self.group)

    def _of_rows(self, values):
        if values is None or self.rows is None:
            return values
        return values[self.rows]

    def take(self, positions):
        """Return the table of the rows at some positions, without copying them."""
        rows = self.rows
        if rows is None:
            dtype = np.int32 if self.n_rows < 2**31 else np.int64  # half the memory
            rows = np.arange(self.n_rows, dtype=dtype)
        return replace(self, rows=rows[positions])

    def know(self, moments):
        """Keep these `Moments`, which are the table's: nobody has to compute them."""
        vars(self)["moments"] = moments

    def spread(self, n_rows):
        """Return the table of at most `n_rows` evenly spaced rows.

        Of a file they are among those that were read for an earlier and larger call.
        """
        if n_rows >= self.total_rows:
            return self
        n_rows = self.share_of(n_rows)
        table = vars(self).get("_known", self)
        if len(table) < n_rows:
            table = self
        few = table.take(np.linspace(0, len(table) - 1, n_rows).astype(int)).held()
        if table.is_elsewhere and not few.is_elsewhere:
            vars(self)["_known"] = few
        return few

    def share_of(self, n_rows):
        """Return how many of so many rows of all ranks are to be this one's."""
        return max(1, n_rows * self.n_rows // self.total_rows)

    def gathered(self):
        """Return the table of the rows of all ranks, in memory on each of them."""
        if self.ranks.size == 1:
            return self
        found = self.ranks.gather((self.block(slice(None)), self.weight, self.groups))
        X, weight, groups = (
            None if parts[0] is None else np.concatenate(parts)
            for parts in zip(*found, strict=True)
        )
        return Table(X, weight, groups)

    @property
    def is_elsewhere(self):
        """Whether the rows are not in memory."""
        return isinstance(self.X, Source)

    @property
    def most_held(self):
        """How many rows may be in memory at once: all, if they are there as it is."""
        return self.X.most_held if self.is_elsewhere else self.n_rows

    def held(self):
        """Return the table with its rows in memory, if they are elsewhere and few.

        They are read now, once: each further pass would have to read all pieces that
        have one of them.
        """
        if not self.is_elsewhere or self.n_rows > self.most_held:
            return self
        block = self.block(slice(None))
        return Table(block, self.weight, self.groups, ranks=self.ranks)

    def parts(self):
        """Yield the table in parts whose rows are in memory; itself if they are."""
        if not self.is_elsewhere:
            yield self
            return
        for block, weight in self.chunks(max(1, self.most_held)):
            yield Table(block, weight)

    def runs(self):
        """Return (start, stop) of positions to be read at once, or None if any may."""
        if not self.is_elsewhere:
            return None
        bounds = self.X.bounds
        if self.rows is not None:
            bounds = np.searchsorted(self.rows, bounds.astype(self.rows.dtype))
        return list(pairwise(np.unique([0, *bounds, self.n_rows]).tolist()))

    def block(self, positions):
        """Return the rows at some positions, a slice or indices, as a dense array."""
        rows = positions if self.rows is None else self.rows[positions]
        block = self.X[rows]
        return block.toarray() if sparse.issparse(block) else np.asarray(block)

    def blocks(self, n_rows=None, *, start=0, stop=None):
        """Yield dense blocks of `n_rows` rows, or of about BLOCK_CELLS cells.

        They are those from position `start` to `stop`.
        """
        stop = self.n_rows if stop is None else stop
        n_rows = n_rows or max(1, BLOCK_CELLS // max(1, self.n_columns))
        for first in range(start, stop, n_rows):
            yield self.block(slice(first, min(first + n_rows, stop)))

    def chunks(self, n_rows=None):
        """Yield `blocks` with the weights of their rows, or None."""
        start, weight = 0, self.weight
        for block in self.blocks(n_rows):
            stop = start + len(block)
            yield block, None if weight is None else weight[start:stop]
            start = stop

    def average(self, values):
        """Return the weighted mean of one value per row, or of several."""
        return float(np.mean(self.mean(values)))

    def mean(self, values):
        """Return the weighted mean of values of the rows, in columns or not."""
        weight = self.weight
        mean = np.average(values, axis=0, weights=weight)
        return self.ranks.mean(mean, self.n_rows if weight is None else weight.sum())

    @cached_property
    def moments(self):
        """The `Moments` of the columns."""
        return column_moments(self)

    @cached_property
    def _axes(self):
        return {}

    def axes(self, n_components):
        """Return the leading `PrincipalAxes`."""
        if n_components not in self._axes:
            self._axes[n_components] = principal_axes(self, n_components)
        return self._axes[n_components]
