"""Which encoded columns belong to which column of the table."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Block:
    """The encoded columns of one column of a table.

    Attributes
    ----------
    column : object
        Label of the column; its position where the table was an array.

    feature : int
        Position of the column in the table.

    kind : {"number", "date", "duration", "category"}
        What is in its cells. All but categories are one number.

    start, stop : int
        Its encoded columns are `start` to `stop - 1`.

    categories : list, default=None
        What the encoded columns of a category stand for, one item each, the indicator
        of missing cells aside. A list of several values is a group of rare ones.

    has_indicator : bool, default=False
        Whether the last encoded column says that the cell is missing.

    scale : ndarray of shape (stop - start,)
        What scaled numbers, or zeros and ones, were multiplied by.
    """

    column: object
    feature: int
    kind: str
    start: int
    stop: int
    scale: np.ndarray = field(repr=False)
    categories: list | None = None
    has_indicator: bool = False

    @property
    def columns(self):
        """All encoded columns, as a slice."""
        return slice(self.start, self.stop)

    @property
    def members(self):
        """The encoded columns without the indicator, as a slice."""
        return slice(self.start, self.stop - self.has_indicator)

    @property
    def indicator(self):
        """Position of the encoded column that says a cell is missing, or None."""
        return self.stop - 1 if self.has_indicator else None
