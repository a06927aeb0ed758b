"""Rows that stay where they are, and are read a piece at a time."""

from contextlib import contextmanager
from functools import cached_property

import numpy as np

# Rows that take no more than this are read once and kept.
HELD_BYTES = 64 * 2**20


class Source:
    """Rows that are read a piece at a time; the last piece is kept.

    Every piece is checked: rows have to be there, as wide as told, and finite.

    Parameters
    ----------
    read : callable
        Takes the first row of a piece and the one after its last, returns the array.

    count : callable
        Returns the bounds of the pieces, (n_pieces + 1,), from 0 to the number of rows.
        It is called when they are needed, as it may have to read.

    n_columns : int

    dtype : dtype
        float32 or float64.

    place : str
        What errors call it.

    names : list or None
        Of the columns.
    """

    def __init__(self, read, count, n_columns, dtype, place, names=None):
        self._read = read
        self._count = count
        self.n_columns = n_columns
        self.dtype = dtype
        self.place = place
        self.names = names
        self._last = (None, None)

    @cached_property
    def bounds(self):
        """Where pieces begin, and the number of rows, (n_pieces + 1,)."""
        with readable(f"The rows of {self.place} cannot be counted"):
            return np.asarray(self._count())

    @property
    def shape(self):
        return int(self.bounds[-1]), self.n_columns

    def __len__(self):
        return self.shape[0]

    @property
    def is_small(self):
        """Whether all rows may be kept."""
        return len(self) <= self.most_held

    @property
    def most_held(self):
        """How many rows may be in memory at once."""
        return HELD_BYTES // (self.n_columns * self.dtype.itemsize)

    def __getitem__(self, rows):
        """Return some rows, a slice or indices, as an array."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        order = None
        if (np.diff(rows) < 0).any():
            order = np.argsort(rows, kind="stable")
            rows = rows[order]
        found = np.empty((len(rows), self.n_columns), self.dtype)
        for piece, wanted in self._by_piece(rows):
            target = wanted if order is None else order[wanted]
            found[target] = self._piece(piece)[rows[wanted] - self.bounds[piece]]
        return found

    def _by_piece(self, rows):
        """Yield the pieces that sorted rows are in, and slices of those in each."""
        if len(rows) == 0:
            return
        ends = np.searchsorted(self.bounds, rows[[0, -1]], "right")
        pieces = np.arange(ends[0] - 1, ends[1])
        cuts = np.searchsorted(rows, self.bounds[ends[0] - 1 : ends[1] + 1])
        for piece, start, stop in zip(pieces, cuts[:-1], cuts[1:], strict=True):
            if stop > start:
                yield piece, slice(start, stop)

    def min(self, axis=0):
        """Return the lowest value of every column."""
        return self._reduced(np.min)

    def max(self, axis=0):
        """Return the highest value of every column."""
        return self._reduced(np.max)

    def _reduced(self, function):
        pieces = map(self._piece, np.flatnonzero(np.diff(self.bounds)))
        return function([function(piece, axis=0) for piece in pieces], axis=0)

    def _piece(self, number):
        known, rows = self._last
        if known != number:
            self._last = (None, None)  # two of them would take twice the memory
            start, stop = map(int, self.bounds[number : number + 2])
            where = f"Rows {start} to {stop - 1} of {self.place}"
            with readable(f"{where} cannot be read"):
                rows = self._read(start, stop)
            if rows.shape != (stop - start, self.n_columns):
                raise ValueError(
                    f"{where} should have the shape {(stop - start, self.n_columns)}, "
                    f"but what is there has {rows.shape}."
                )
            rows = rows.astype(self.dtype, copy=False)
            self._check_finite(rows, start)
            self._last = number, rows
        return rows

    def _check_finite(self, rows, start):
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(rows.sum()):
                return
        bad = ~np.isfinite(rows)
        if not bad.any():
            return
        row, column = np.argwhere(bad)[0]
        name = column if self.names is None else repr(self.names[column])
        found = "NaN" if np.isnan(rows[row, column]) else "infinity"
        raise ValueError(
            f"Input X contains {found}: column {name}, row {start + row} of "
            f"{self.place} ({bad.sum()} such cell(s) in rows {start} to "
            f"{start + len(rows) - 1}). Fill or drop such rows first."
        )


class Refused(ValueError):
    """What is wrong with rows, where that is known."""


@contextmanager
def readable(what):
    """Turn whatever else goes wrong while reading into an OSError that says where."""
    try:
        yield
    except (Refused, MemoryError):
        raise
    except Exception as error:
        text = f"{what}: {type(error).__name__}: {error}"
        raise OSError(text.rstrip()) from error
