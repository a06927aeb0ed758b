"""Cells that are given for new rows, as conditions on what is drawn."""

import numpy as np
import pandas as pd

from ._frames import read_cells
from ._margins import score_range

MOST_NAMED = 10


def read_given(encoder, scores, quantiles, given):
    """Return conditions on steps of the chain, and the numbers that are given.

    Parameters
    ----------
    encoder : TableEncoder

    scores, quantiles : ndarray of shape (n_numbers, n_levels)

    given : dict of label to object

    Returns
    -------
    conditions : dict of int to object
        By the first encoded cell that is drawn: the position of a value, or the range
        of a normal score.

    fixed : dict of int to float
        By the position among the columns that are numbers.
    """
    if not isinstance(given, dict):
        raise TypeError(
            f"given={given!r} should be a dict of columns and their values."
        )
    columns, blocks = encoder._codec.columns, encoder.blocks_
    by_label = {column.label: i for i, column in enumerate(columns)}
    conditions, fixed = {}, {}
    for label, value in given.items():
        if label not in by_label:
            raise ValueError(
                f"given has {label!r}, which is none of the columns that rows are "
                f"drawn of: {list(by_label)}."
            )
        column, block = columns[by_label[label]], blocks[by_label[label]]
        cells = read_cells(column.source, pd.Series([value], dtype=object), label)
        if cells.missing[0]:
            conditions |= _missing(block, value)
        elif column.is_category:
            conditions[block.start] = _position(column, cells, value)
        elif column.is_number:
            number = _checked(column, cells, value)
            at = sum(c.is_number for c in columns[: by_label[label]])
            conditions[block.start] = score_range(number, scores[at], quantiles[at])
            if block.has_indicator:
                conditions[block.indicator] = 0
            fixed[at] = number
        else:
            raise ValueError(
                f"given[{label!r}]={value!r}: all cells of fit are missing."
            )
    return conditions, fixed


def _missing(block, value):
    if block.start == block.stop:  # always
        return {}
    if not block.has_indicator:
        raise ValueError(
            f"given[{block.column!r}]={value!r}: no cell of this column was missing "
            "in fit."
        )
    if block.categories is None:
        return {block.indicator: 1}
    return {block.start: len(block.categories)}


def _position(column, cells, value):
    code = int(column.codes(cells)[0])
    if code < 0:
        known = column.content.values.tolist()
        shown = ", ".join(map(repr, known[:MOST_NAMED]))
        more = len(known) - MOST_NAMED
        raise ValueError(
            f"given[{column.label!r}]={value!r}: fit has never seen this value, but "
            f"{shown}{f' and {more} more' if more > 0 else ''}."
        )
    return code


def _checked(column, cells, value):
    """Return a number that is in the range of fit, and no finer than what it had."""
    content, number = column.content, float(column.floats(cells)[0])
    if not content.minimum <= number <= content.maximum:
        ends = np.array([content.minimum, content.maximum])
        least, most = column.cells(ends, np.zeros(2, dtype=bool))
        raise ValueError(
            f"given[{column.label!r}]={value!r} is out of the range of fit, from "
            f"{least} to {most}."
        )
    if content.to_values(np.array([number]))[0] != cells.values[0]:
        (nearest,) = column.cells(np.array([number]), np.zeros(1, dtype=bool))
        raise ValueError(
            f"given[{column.label!r}]={value!r} is finer than the cells of fit: the "
            f"nearest is {nearest}."
        )
    return number
