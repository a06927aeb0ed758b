"""Rows beside what an autoencoder makes of them."""

import numpy as np
from sklearn.utils import _safe_indexing

from ._axes import COLORS, GREY, check_matplotlib, grid_shape, make_axes, used_axes
from ._fitted import FittedReducer, as_numbers, column_names, dense, evenly_spaced
from ._images import (
    in_deviations,
    largest,
    mosaic_size,
    names_of,
    resolve_kind,
    show_mosaic,
)

N_ROWS = {"image": 10, "series": 6, "table": 5}


class ReconstructionDisplay:
    """Rows and their reconstructions: as images, as lines, or column by column.

    Make it by :meth:`from_estimator`. The parameters are kept as attributes of the
    same names.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows as they are.

    X_hat : ndarray of shape (n_rows, n_features)
        Their reconstructions.

    X_corrupted : ndarray of shape (n_rows, n_features) or None, default=None
        What was reconstructed instead of X, such as noisy rows.

    kind : {"auto", "image", "series", "table"}, default="auto"
        How a row is drawn: as a picture; as a line over its columns; or as one point
        for each column, in standard deviations from the column's mean. "auto" draws
        rows of 64 columns or more as images if their number is a square, or
        `image_shape` says what they are; other tables as such if they have column names
        or less than 20 columns; and the rest as lines.

    image_shape : tuple (height, width) or (height, width, 3), default=None
        What a row is, if it is an image, in C order. None takes the shape from the
        autoencoder's :class:`~skae.architectures.Conv2d`, or a square.

    mean, scale : ndarray of shape (n_features,) or None, default=None
        Mean and standard deviation of the columns, for tables. None takes those of `X`.

    feature_names : list of str or None, default=None
        Names of the columns, for tables.

    row_names : list of str or None, default=None
        Names of the rows, above lines and tables.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        A single one for images, else one for each row.

    ax_ : matplotlib Axes
        The first of them.

    figure_ : matplotlib Figure

    See Also
    --------
    ErrorDisplay : Which columns and which rows are reconstructed badly.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import ReconstructionDisplay
    >>> X = load_digits().data[:300]
    >>> autoencoder = AutoencoderTransformer(8, max_iter=5, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(autoencoder, X)
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['original', 'reconstruction']
    """

    def __init__(
        self,
        X,
        X_hat,
        *,
        X_corrupted=None,
        kind="auto",
        image_shape=None,
        mean=None,
        scale=None,
        feature_names=None,
        row_names=None,
    ):
        self.X = X
        self.X_hat = X_hat
        self.X_corrupted = X_corrupted
        self.kind = kind
        self.image_shape = image_shape
        self.mean = mean
        self.scale = scale
        self.feature_names = feature_names
        self.row_names = row_names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        X_corrupted=None,
        n_rows=None,
        kind="auto",
        image_shape=None,
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Reconstruct some rows of X and draw them.

        A :class:`~skae.DenoisingAutoencoder` is shown rows with the noise of its
        training, unless `X_corrupted` has others.

        Parameters
        ----------
        estimator : estimator instance
            Fitted, with `transform` and `inverse_transform`: an autoencoder, PCA and
            its like, a Pipeline that ends in one, or a detector or classifier around
            one (its `autoencoder_` is drawn).

        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows, best such that were not trained on.

        X_corrupted : array-like of shape (n_samples, n_features), default=None
            What to reconstruct instead of X, row by row.

        n_rows : int, default=None
            Rows to draw, evenly spaced over X. None is 10 images, 6 lines or 5 rows of
            a table.

        kind, image_shape : object
            See the class.

        random_state : int, RandomState instance or None, default=0
            Seed of a denoising autoencoder's noise.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``imshow`` or, for the reconstructions, to ``plot``.

        Returns
        -------
        display : ReconstructionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If there is no way back from the codes to the columns of X.
        ValueError
            If `image_shape`, `kind` or `n_rows` does not fit X.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        estimator, X = as_numbers(estimator, X)
        reducer = FittedReducer(estimator, ("transform", "inverse_transform"))
        names = column_names(X)
        kind, image_shape = resolve_kind(
            X.shape[1] if hasattr(X, "shape") else len(X[0]),
            names,
            getattr(reducer.reducer, "architecture", None),
            kind,
            image_shape,
        )
        n_rows = N_ROWS[kind] if n_rows is None else n_rows
        table = dense(X)
        chosen = evenly_spaced(len(table), n_rows)
        rows = _safe_indexing(X, chosen)
        if X_corrupted is not None:
            X_corrupted = _safe_indexing(X_corrupted, chosen)
        else:
            X_corrupted = reducer.corrupt(rows, random_state)
        shown = rows if X_corrupted is None else X_corrupted
        display = cls(
            table[chosen],
            reducer.reconstruct(shown),
            X_corrupted=None if X_corrupted is None else dense(X_corrupted),
            kind=kind,
            image_shape=image_shape,
            mean=np.nanmean(table, axis=0),
            scale=np.nanstd(table, axis=0),
            feature_names=names,
            row_names=[f"row {i}" for i in chosen],
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``imshow`` or, for the reconstructions, to ``plot``.

        Returns
        -------
        display : ReconstructionDisplay
            Itself.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        kind, image_shape = resolve_kind(
            self.X.shape[1], self.feature_names, None, self.kind, self.image_shape
        )
        if kind == "image":
            self._plot_images(ax, image_shape, kwargs)
        elif kind == "series":
            self._plot_lines(ax, kwargs)
        else:
            self._plot_points(ax, kwargs)
        self.ax_ = self.axes_.flat[0]
        self.figure_ = self.ax_.figure
        return self

    def _shown(self):
        """Return what there is to draw, by name."""
        shown = {"original": self.X, "corrupted": self.X_corrupted}
        shown["reconstruction"] = self.X_hat
        return {name: rows for name, rows in shown.items() if rows is not None}

    def _plot_images(self, ax, image_shape, options):
        shown = self._shown()
        width, height = mosaic_size(len(shown), len(self.X), image_shape)
        self.axes_ = make_axes(ax, size=(width + 1.2, height + 0.2))
        show_mosaic(
            self.axes_[0, 0],
            np.stack(list(shown.values())),
            image_shape,
            like=self.X,
            row_labels=list(shown),
            **options,
        )

    def _plot_lines(self, ax, options):
        shape = grid_shape(len(self.X), 2)
        size = (4.0 * shape[1], 1.4 * shape[0] + 0.6)
        grid = make_axes(ax, shape, size, sharex=True, sharey=True)
        styles = self._styles(corrupted={"color": "0.7", "linewidth": 0.8})
        styles["original"] |= {"linewidth": 2.5, "alpha": 0.6}
        styles["reconstruction"] |= {"linewidth": 1.4} | options
        self.axes_ = used_axes(grid, len(self.X), "column")
        for i, axes in enumerate(self.axes_):
            for name, rows in self._shown().items():
                axes.plot(rows[i], label=name, **styles[name])
            axes.set_title(self._row_name(i), fontsize="small", loc="left")
        _add_legend(grid, on_figure=ax is None)

    def _plot_points(self, ax, options):
        shown = {
            name: in_deviations(rows, self.X, self.mean, self.scale)
            for name, rows in self._shown().items()
        }
        residuals = shown["original"] - shown["reconstruction"]
        columns = largest(np.nanmean(residuals**2, axis=0))
        shape = (1, len(self.X))
        size = (1.6 + 1.6 * shape[1], 0.9 + 0.24 * max(len(columns), 5))
        grid = make_axes(ax, shape, size, sharex=True, sharey=True)
        styles = self._styles(corrupted={"marker": "x", "markersize": 4})
        styles["original"] |= {"marker": "o", "fillstyle": "none", "markersize": 6}
        styles["reconstruction"] |= {"marker": "o", "markersize": 4} | options
        y = np.arange(len(columns))
        self.axes_ = grid[0]
        for i, axes in enumerate(self.axes_):
            ends = [shown[name][i, columns] for name in ("original", "reconstruction")]
            axes.hlines(y, *ends, color="0.8", zorder=0)
            for name, rows in shown.items():
                axes.plot(rows[i, columns], y, linestyle="", label=name, **styles[name])
            axes.set_title(self._row_name(i), fontsize="small")
            axes.grid(axis="y", color="0.93", linewidth=0.8)
            axes.locator_params(axis="x", nbins=3)
        grid[0, 0].set_yticks(y, names_of(columns, self.feature_names))
        grid[0, 0].set_ylim(len(columns) - 0.4, -0.6)
        grid[0, len(self.X) // 2].set_xlabel("standard deviations from the mean")
        _add_legend(grid, on_figure=ax is None)

    def _row_name(self, i):
        return self.row_names[i] if self.row_names else f"row {i}"

    @staticmethod
    def _styles(corrupted):
        return {
            "original": {"color": GREY},
            "corrupted": {"color": "0.7"} | corrupted,
            "reconstruction": {"color": COLORS[0]},
        }


def _add_legend(grid, *, on_figure):
    """Draw the legend above a figure of our own, else beside the first row of axes."""
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if on_figure:
        place, options = grid[0, 0].figure, {"loc": "outside upper center"}
        options["ncols"] = len(handles)
    else:
        place, options = grid[0, -1], {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
    place.legend(handles, labels, frameon=False, **options)
