"""What each code does to the rows that are decoded from it."""

import numpy as np
from scipy.stats import norm

from ._axes import check_matplotlib, grid_shape, make_axes, used_axes
from ._fitted import FittedReducer, as_numbers, column_names, component_names, dense
from ._images import (
    in_deviations,
    largest,
    mosaic_size,
    names_of,
    resolve_kind,
    show_mosaic,
)

N_STEPS = 9
N_GRID_STEPS = 15
MOST_COMPONENTS = 10
TAIL = 2.5  # percent of the codes beyond each end


class TraversalDisplay:
    """Rows decoded from codes of which one varies at a time, or two in a grid.

    Make it by :meth:`from_estimator`. The parameters are kept as attributes of the
    same names.

    Parameters
    ----------
    codes : ndarray of shape (n_lines, n_steps, n_components)
        Codes. Along each line one component varies; in a grid, the first component
        along the lines and the second across them.

    X_hat : ndarray of shape (n_lines, n_steps, n_features)
        The rows that they stand for.

    components : tuple of int or None, default=None
        The component that varies along each line, from 0. None is a grid.

    kind : {"auto", "image", "series", "table"}, default="auto"
        How a row is drawn: as a picture; as a line over its columns; or as a colour for
        each column, in standard deviations from the column's mean. "auto" is as in
        :class:`ReconstructionDisplay`. A grid is drawn as images only.

    image_shape : tuple (height, width) or (height, width, 3), default=None
        What a row is, if it is an image, in C order.

    mean, scale : ndarray of shape (n_features,) or None, default=None
        Mean and standard deviation of the columns, for tables. None takes those of
        `X_hat`.

    feature_names : list of str or None, default=None
        Names of the columns, for tables.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        A single one for images, else one for each component.

    ax_ : matplotlib Axes
        The first of them.

    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import TraversalDisplay
    >>> X = load_digits().data[:300]
    >>> autoencoder = AutoencoderTransformer(3, max_iter=5, random_state=0).fit(X)
    >>> TraversalDisplay.from_estimator(autoencoder, X).X_hat.shape
    (3, 9, 64)
    """

    def __init__(
        self,
        codes,
        X_hat,
        *,
        components=None,
        kind="auto",
        image_shape=None,
        mean=None,
        scale=None,
        feature_names=None,
    ):
        self.codes = codes
        self.X_hat = X_hat
        self.components = components
        self.kind = kind
        self.image_shape = image_shape
        self.mean = mean
        self.scale = scale
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        components=None,
        n_steps=None,
        kind="auto",
        image_shape=None,
        ax=None,
        **kwargs,
    ):
        """Decode codes that vary as those of X do, and draw the rows.

        Each code takes equal steps from its 2.5th to its 97.5th percentile over X, with
        all others at their means. Two components of a
        :class:`~skae.VariationalAutoencoder` of images make a grid instead, at equal
        steps of the prior's probability.

        Parameters
        ----------
        estimator : estimator instance
            Fitted, with `transform` and `inverse_transform`, or a Pipeline that ends in
            such a one.

        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows whose codes say what values are usual.

        components : tuple of int, default=None
            Components to vary, from 0. None takes the first ten.

        n_steps : int, default=None
            Steps of each code. None is 9, and 15 in a grid.

        kind, image_shape : object
            See the class.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``imshow`` or, for series, to ``plot``.

        Returns
        -------
        display : TraversalDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If there is no way back from the codes to the columns of X.
        ValueError
            If `components`, `n_steps`, `image_shape` or `kind` does not fit.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        estimator, X = as_numbers(estimator, X)
        reducer = FittedReducer(estimator, ("transform", "inverse_transform"))
        Z, table, names = reducer.encode(X), dense(X), column_names(X)
        architecture = getattr(reducer.reducer, "architecture", None)
        kind, image_shape = resolve_kind(
            table.shape[1], names, architecture, kind, image_shape
        )
        n_components = Z.shape[1]
        has_prior = hasattr(reducer.reducer, "posterior")
        if components is None and kind == "image" and has_prior and n_components == 2:
            codes = _grid(_steps(n_steps, N_GRID_STEPS))
        else:
            if components is None:
                components = range(min(n_components, MOST_COMPONENTS))
            components = _checked(components, n_components)
            codes = _lines(Z, components, _steps(n_steps, N_STEPS))
        decoded = reducer.decode(codes.reshape(-1, n_components))
        display = cls(
            codes,
            decoded.reshape(*codes.shape[:2], -1),
            components=components,
            kind=kind,
            image_shape=image_shape,
            mean=np.nanmean(table, axis=0),
            scale=np.nanstd(table, axis=0),
            feature_names=names,
        )
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the decoded rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``imshow`` or, for series, to ``plot``.

        Returns
        -------
        display : TraversalDisplay
            Itself.

        Raises
        ------
        ValueError
            If a grid is to be drawn of rows that are no images.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        kind, image_shape = resolve_kind(
            self.X_hat.shape[2], self.feature_names, None, self.kind, self.image_shape
        )
        if kind == "image":
            self._plot_images(ax, image_shape, kwargs)
        elif self.components is None:
            raise ValueError(f"A grid can be drawn of images only, not of {kind=}.")
        elif kind == "series":
            self._plot_lines(ax, kwargs)
        else:
            self._plot_colours(ax, kwargs)
        self.ax_ = self.axes_.flat[0]
        self.figure_ = self.ax_.figure
        return self

    def _plot_images(self, ax, image_shape, options):
        is_grid = self.components is None
        n_lines, n_steps = self.X_hat.shape[:2]
        width, height = mosaic_size(n_lines, n_steps, image_shape, widest=6.4)
        self.axes_ = make_axes(
            ax, size=(width + (0.7 if is_grid else 1.4), height + 0.6)
        )
        (axes,) = self.axes_.flat
        options = {"like": self.X_hat} | options
        if is_grid:
            across, up = self.codes[0, :, 0], self.codes[:, 0, 1]
            options["column_labels"] = _sparse_labels(across)
            options["row_labels"] = _sparse_labels(up)
            axes.set(xlabel="component 1", ylabel="component 2")
        else:
            options["row_labels"] = [
                f"{name}\n{ends}" for name, ends in self._line_names()
            ]
            axes.set_xlabel(self._what_varies())
        show_mosaic(axes, self.X_hat, image_shape, **options)

    def _plot_lines(self, ax, options):
        import matplotlib
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        shape = grid_shape(len(self.X_hat), 2)
        size = (4.0 * shape[1] + 0.8, 1.6 * shape[0] + 0.6)
        grid = make_axes(ax, shape, size, sharex=True, sharey=True)
        n_steps = self.X_hat.shape[1]
        cmap = matplotlib.colormaps["viridis"]
        colors = cmap(np.linspace(0, 0.95, n_steps))
        for axes, (name, ends), rows in self._drawn(grid, "column"):
            for color, row in zip(colors, rows, strict=True):
                axes.plot(row, **({"color": color, "linewidth": 1.2} | options))
            axes.set_title(f"{name}: {ends}", fontsize="small", loc="left")
        scale = ScalarMappable(Normalize(0, 1), cmap)
        bar = self._bar(scale, grid, label="value of the code", ticks=[0, 1])
        bar.set_ticklabels(["lowest", "highest"])

    def _plot_colours(self, ax, options):
        rows = self.X_hat.reshape(-1, self.X_hat.shape[2])
        deviations = in_deviations(self.X_hat, rows, self.mean, self.scale)
        columns = largest(np.ptp(deviations, axis=1).max(axis=0))
        y = np.arange(len(columns))
        shape = grid_shape(len(self.X_hat), 5)
        height = 0.24 * max(len(columns), 5) + 0.6
        size = (2.4 + 1.5 * shape[1], 0.4 + height * shape[0])
        grid = make_axes(ax, shape, size, sharey=True)
        end = np.abs(deviations).max() or 1.0
        options = {"cmap": "PuOr_r", "vmin": -end, "vmax": end} | options
        for line, (axes, (name, _), _) in enumerate(self._drawn(grid, "code")):
            steps = self.codes[line, :, self.components[line]]
            picture = axes.pcolormesh(
                steps, y, deviations[line][:, columns].T, **options
            )
            axes.set_title(name, fontsize="small")
            axes.tick_params(axis="y", length=0)
            axes.locator_params(axis="x", nbins=3)
        grid[0, 0].set_yticks(y, names_of(columns, self.feature_names))
        grid[0, 0].invert_yaxis()
        self._bar(picture, grid, label="standard deviations\nfrom the mean")

    def _what_varies(self):
        n_components, n_lines = self.codes.shape[2], len(self.codes)
        text = "one code varies, the others are at their means"
        if n_lines == n_components:
            return text
        return f"{n_lines} of {n_components} components: {text}"

    def _line_names(self):
        """Yield the name of each line's component, and its first and last value."""
        for line, component in zip(self.codes, self.components, strict=True):
            (name,) = component_names([component])
            low, high = (_number(value) for value in line[[0, -1], component])
            yield name, f"{low} to {high}"

    def _drawn(self, grid, xlabel):
        """Return axes, names and rows of each line."""
        self.axes_ = used_axes(grid, len(self.X_hat), xlabel)
        return zip(self.axes_, self._line_names(), self.X_hat, strict=True)

    def _bar(self, picture, grid, **options):
        figure = grid.flat[0].figure
        return figure.colorbar(picture, ax=list(grid.flat), **options)


def _steps(n_steps, default):
    n_steps = default if n_steps is None else n_steps
    if n_steps < 2:
        raise ValueError(f"n_steps={n_steps!r} should be 2 or more.")
    return n_steps


def _checked(components, n_components):
    components = tuple(components)
    if not components or not set(components) <= set(range(n_components)):
        raise ValueError(
            f"{components=} should name one or more of the {n_components} components, "
            f"from 0 to {n_components - 1}."
        )
    return components


def _lines(Z, components, n_steps):
    """Return codes in which one component varies and the others are at their means."""
    codes = np.tile(Z.mean(axis=0), (len(components), n_steps, 1))
    for line, j in enumerate(components):
        ends = np.percentile(Z[:, j], [TAIL, 100 - TAIL])
        codes[line, :, j] = np.linspace(*ends, n_steps)
    return codes


def _grid(n_steps):
    """Return codes in equal steps of the prior's probability, the highest first."""
    steps = norm.ppf((np.arange(n_steps) + 0.5) / n_steps)
    return np.stack(np.meshgrid(steps, steps[::-1]), axis=-1)


def _sparse_labels(values):
    """Return labels for the first, the middle and the last of some values."""
    shown = {0, len(values) // 2, len(values) - 1}
    return [_number(v) if i in shown else "" for i, v in enumerate(values)]


def _number(value):
    text = np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return text.replace("-", "\N{MINUS SIGN}")
