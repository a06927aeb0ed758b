"""Names of encoded columns."""

import numpy as np


def encoded_names(blocks, columns):
    """Return a name for each encoded column, all distinct, from those of the table."""
    names = []
    for block in blocks:
        name = columns[block.feature]
        if block.categories is not None:
            names += [f"{name}_{_text(category)}" for category in block.categories]
        elif block.stop > block.start:
            names.append(name)
        if block.has_indicator:
            names.append(f"{name}_missing")
    return np.array(_distinct(names), dtype=object)


def _text(category):
    return "infrequent" if isinstance(category, list) else category


def _distinct(names):
    """Return names of which those that come again end in underscores."""
    taken = set()
    for i, name in enumerate(names):
        while name in taken:
            name = f"{name}_"
        taken.add(name)
        names[i] = name
    return names
