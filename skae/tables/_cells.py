"""The cells of a column, whichever library it comes from."""

from typing import NamedTuple

import numpy as np

NUMBER, DATE, DURATION, CATEGORY = "number", "date", "duration", "category"


class Cells(NamedTuple):
    """Cells of one column: floats (numbers), ticks as int64 (dates) or any objects."""

    values: np.ndarray
    missing: np.ndarray

    def observed(self):
        """Return the values that are there."""
        return self.values[~self.missing]
