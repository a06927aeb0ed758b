"""Columns that no encoding of a few columns keeps: identifiers and free text."""

import numpy as np

from ._cells import CATEGORY, NUMBER

FEWEST_ROWS = 20  # below, every value may be distinct by chance
LARGEST_SHARE = 0.5
MOST_VALUES = 1000  # each would be a column
EXPECTED_REPEATS = 10


def reason_to_leave_out(cells, source, max_categories):
    """Return what speaks against a column, as words, or None.

    Text that has hardly two cells alike is none of a category. Whole numbers that are
    all distinct although chance would have repeated some are numbered by somebody.
    Columns of a category type and numbers that are floats are always kept.
    """
    values = cells.observed()
    if len(values) < FEWEST_ROWS:
        return None
    if source.kind == CATEGORY and not source.is_declared:
        n_distinct = len(set(values))
        is_wide = max_categories is None and n_distinct > MOST_VALUES
        if is_wide or n_distinct > LARGEST_SHARE * len(values):
            return f"{n_distinct} distinct values in {len(values)} cells"
    if source.kind == NUMBER and source.is_whole and _are_numbered(values):
        return f"{len(values)} whole numbers, all distinct"
    return None


def _are_numbered(values):
    """Whether distinct values are so near each other that repeats were to be expected.

    Of n values drawn among N there are about n^2 / 2N pairs of equal ones.
    """
    n_possible = values.max() - values.min() + 1
    is_dense = len(values) ** 2 > 2 * EXPECTED_REPEATS * n_possible
    return is_dense and len(np.unique(values)) == len(values)
