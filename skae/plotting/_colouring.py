"""What points are coloured by: nothing, classes with a legend, numbers with a bar."""

import numpy as np
import pandas as pd

from ._axes import COLORS

MOST_INTEGER_CLASSES = 20
UNCLEAR = "0.75"  # rows whose class or number is missing, and rare classes
CLIPPED = 1  # percent of numbers at either end that share the last colour


def colouring_by(y):
    """Return the `Classes` or `Numbers` that y stands for; None is one class."""
    if y is None:
        return Classes(None)
    values = np.asarray(y)
    if values.dtype.kind == "f" or (
        values.dtype.kind in "iu" and len(np.unique(values)) > MOST_INTEGER_CLASSES
    ):
        known = values[np.isfinite(values)]
        n_values = len(np.unique(known))
        if n_values > MOST_INTEGER_CLASSES or np.any(known != np.round(known)):
            return Numbers(values)
    return Classes(values)


class Classes:
    """A colour for each class; grey for rare ones beyond ten, and for missing ones.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or None
        None is a single class without a name.
    """

    def __init__(self, y):
        self.names, self.codes = [""], None
        if y is None:
            return
        codes, values = pd.factorize(y, sort=True)
        kept = np.arange(len(values))
        if len(values) > len(COLORS):
            counts = np.bincount(codes[codes >= 0], minlength=len(values))
            kept = np.sort(np.argsort(-counts, kind="stable")[: len(COLORS) - 1])
        place = np.full(len(values) + 1, len(kept))  # the last one is that of -1
        place[kept] = np.arange(len(kept))
        self.codes = place[codes]
        self.names = [_label(values[k]) for k in kept]
        if (self.codes == len(kept)).any():
            self.names.append("missing" if len(kept) == len(values) else "others")

    @property
    def colors(self):
        """One for each name."""
        greys = [UNCLEAR] if self.names[-1] in ("missing", "others") else []
        return [*COLORS[: len(self.names) - len(greys)], *greys]

    def scatter_options(self, order):
        """Return the options of `scatter` for rows in some order."""
        if self.codes is None:
            return {"color": COLORS[0]}
        return {"c": np.array(self.colors)[self.codes[order]]}

    def split(self, z):
        """Return the values of each class."""
        if self.codes is None:
            return [z]
        return [z[self.codes == k] for k in range(len(self.names))]

    def explain(self, points, grid, place, label):
        """Draw the legend beside the only axes of a grid, or else in `place`."""
        if self.codes is None:
            return
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], linestyle="", marker="o", color=color, label=name)
            for color, name in zip(self.colors, self.names, strict=True)
        ]
        where = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        if grid.size > 1:
            place.set_visible(True)
            place.set_axis_off()
            where = {"loc": "center"}
        place.legend(handles=handles, title=label, frameon=False, **where)


class Numbers:
    """A colour scale over the numbers, the outermost hundredth at each end aside.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    """

    def __init__(self, y):
        self.y = np.asarray(y, dtype=float)
        known = self.y[np.isfinite(self.y)]
        self.lowest, self.highest = np.percentile(known, [CLIPPED, 100 - CLIPPED])

    def scatter_options(self, order):
        """Return the options of `scatter` for rows in some order."""
        import matplotlib

        cmap = matplotlib.colormaps["viridis"].with_extremes(bad=UNCLEAR)
        return {
            "c": self.y[order],
            "cmap": cmap,
            "vmin": self.lowest,
            "vmax": self.highest,
            "plotnonfinite": True,
        }

    def explain(self, points, grid, place, label):
        """Draw the colour bar beside all axes of a grid."""
        from matplotlib.cm import ScalarMappable

        opaque = ScalarMappable(points.norm, points.cmap)
        place.figure.colorbar(opaque, ax=list(grid.flat), label=label, extend="both")


def _label(value):
    """Return the name of a class: integers that came as floats without a point."""
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)
