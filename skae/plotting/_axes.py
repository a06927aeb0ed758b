"""Axes to draw on, and colours that people who are colour-blind can tell apart."""

import numpy as np

# Petroff's ten colours (arXiv:2107.02270), made to be told apart with any colour
# vision. The first stands for what is shown, the third for what is wrong or beyond.
COLORS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
GREY = "0.45"
MANY_POINTS = 2000


def check_matplotlib(caller):
    """Raise an ImportError that says what to install if there is no matplotlib.

    Called before anything is computed, as scikit-learn's displays do.
    """
    try:
        import matplotlib.pyplot  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{caller} needs matplotlib: pip install "skae[plot]"'
        ) from error


def make_axes(ax, shape=(1, 1), size=(6.4, 4.0), **options):
    """Return an array of axes of a shape: on a new figure, or in the place of `ax`.

    `options` are those of ``Figure.subplots`` and ``SubplotSpec.subgridspec``.
    """
    import matplotlib.pyplot as plt

    if ax is None:
        figure = plt.figure(figsize=size, layout="compressed")
        return figure.subplots(*shape, squeeze=False, **options)
    if shape == (1, 1):
        return np.array([[ax]])
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            f"ax has no place in a grid that could be divided into {shape[0]} x "
            f"{shape[1]} axes: make it by plt.subplots(), or leave ax at None."
        )
    ax.set_axis_off()
    return place.subgridspec(*shape).subplots(squeeze=False, **options)


def used_axes(grid, n_used, xlabel=None):
    """Return the first axes of a grid; the others are put away.

    The lowest of each column says what is on the x axis.
    """
    for axes in grid.flat[n_used:]:
        axes.set_axis_off()
    n_columns = grid.shape[1]
    for axes in grid.flat[max(0, n_used - n_columns) : n_used]:
        axes.set_xlabel(xlabel)
        axes.tick_params(labelbottom=True)
    return grid.flat[:n_used]


def grid_shape(n_axes, n_columns):
    """Return how many rows and columns of axes hold so many."""
    n_columns = min(n_axes, n_columns)
    return -(-n_axes // n_columns), n_columns


def point_style(n_points):
    """Return size, opacity and form of points, so that many of them stay legible."""
    return {
        "s": float(np.clip(36 * (150 / n_points) ** 0.5, 2, 36)),
        "alpha": float(np.clip((3000 / n_points) ** 0.5, 0.35, 0.9)),
        "linewidths": 0,
        "rasterized": n_points > MANY_POINTS,
    }
