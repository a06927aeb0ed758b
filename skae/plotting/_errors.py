"""Which columns and which rows are reconstructed badly."""

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ._axes import COLORS, check_matplotlib, make_axes
from ._fitted import FittedReducer, as_numbers, column_names, dense, evenly_spaced
from ._images import MOST_COLUMNS, names_of, resolve_kind

N_BINS = 40
MOST_CELLS = 1_000_000  # of which contributions are asked for


class ErrorDisplay:
    """Reconstruction error of each column, and a histogram of the rows' errors.

    Make it by :meth:`from_estimator`. The parameters are kept as attributes of the
    same names.

    Parameters
    ----------
    column_errors : ndarray of shape (n_features,)
        Error of each column.

    row_errors : ndarray of shape (n_samples,)
        Error of each row.

    threshold : float or None, default=None
        Rows with a larger error are outliers to a detector.

    kind : {"auto", "image", "series", "table"}, default="auto"
        How columns are drawn: as a picture, as a line, or as bars, the largest first
        and at most 20 of them. "auto" is as in :class:`ReconstructionDisplay`.

    image_shape : tuple (height, width) or (height, width, 3), default=None
        What a row is, if it is an image, in C order. Errors of the channels are
        averaged.

    feature_names : list of str or None, default=None
        Names of the columns, for tables.

    column_label, row_label : str, default="error"
        What the errors are.

    Attributes
    ----------
    axes_ : ndarray of shape (1, 2) of matplotlib Axes
        That of the columns and that of the rows.

    ax_ : matplotlib Axes
        The first of them.

    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import ErrorDisplay
    >>> X = load_iris().data
    >>> autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(X)
    >>> ErrorDisplay.from_estimator(autoencoder, X).column_errors.shape
    (4,)
    """

    def __init__(
        self,
        column_errors,
        row_errors,
        *,
        threshold=None,
        kind="auto",
        image_shape=None,
        feature_names=None,
        column_label="error",
        row_label="error",
    ):
        self.column_errors = column_errors
        self.row_errors = row_errors
        self.threshold = threshold
        self.kind = kind
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.column_label = column_label
        self.row_label = row_label

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, kind="auto", image_shape=None, ax=None, **kwargs
    ):
        """Draw the errors of the rows of X.

        Squared errors, in the units of X where its columns have the same, as those of
        images and series. Columns of a table are compared by the share of their
        variance that is lost: 0 is a perfect reconstruction, 1 as bad as the mean.
        A row's error is its mean over the columns. A detector, anything with `offset_`
        and `score_samples`, says itself how unusual it finds a row: minus its
        `score_samples`, with the threshold at minus its `offset_`. If it can `explain`
        its scores, columns show the mean contribution of their cells, over up to a
        million cells.

        Parameters
        ----------
        estimator : estimator instance
            Fitted, with `transform` and `inverse_transform`, a detector around such a
            one, or a Pipeline that ends in either.

        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows, best such that were not trained on.

        y : Ignored
            Present for API consistency.

        kind, image_shape : object
            See the class.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``hist``.

        Returns
        -------
        display : ErrorDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If there is no way back from the codes to the columns of X.
        ValueError
            If `image_shape` or `kind` does not fit X.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        estimator, X = as_numbers(estimator, X)
        reducer = FittedReducer(estimator, needs=())
        detects = _detects(reducer.last)
        if detects and hasattr(reducer.last, "explain"):
            facts = _explained(reducer, X, kind, image_shape)
        else:
            reducer = FittedReducer(estimator, ("transform", "inverse_transform"))
            facts = _measured(reducer, X, kind, image_shape)
        if detects:
            facts["row_errors"] = -reducer.scores(X)
            facts["row_label"] = "\N{MINUS SIGN}score_samples"
            facts["threshold"] = float(-reducer.last.offset_)
        return cls(**facts).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the errors.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``hist``.

        Returns
        -------
        display : ErrorDisplay
            Itself.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        kind, image_shape = resolve_kind(
            len(self.column_errors),
            self.feature_names,
            None,
            self.kind,
            self.image_shape,
        )
        n_bars = min(len(self.column_errors), MOST_COLUMNS)
        height = max(3.4, 1.2 + 0.22 * n_bars) if kind == "table" else 3.4
        self.axes_ = make_axes(ax, (1, 2), (9.0, height))
        self.ax_ = self.axes_[0, 0]
        self.figure_ = self.ax_.figure
        if kind == "image":
            self._plot_picture(self.ax_, image_shape)
        elif kind == "series":
            self.ax_.plot(self.column_errors, color=COLORS[0])
            self.ax_.set(xlabel="column", ylabel=self.column_label, ylim=(0, None))
        else:
            self._plot_bars(self.ax_)
        self._plot_rows(self.axes_[0, 1], kwargs)
        return self

    def _plot_picture(self, ax, image_shape):
        errors = self.column_errors.reshape(image_shape)
        errors = errors.mean(axis=2) if errors.ndim == 3 else errors
        picture = ax.imshow(errors, cmap="magma_r", vmin=0, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        self.figure_.colorbar(picture, ax=ax, label=self.column_label)

    def _plot_bars(self, ax):
        errors = np.nan_to_num(self.column_errors)
        shown = np.argsort(-errors, kind="stable")[:MOST_COLUMNS]
        ax.barh(np.arange(len(shown)), errors[shown], color=COLORS[0])
        ax.set_yticks(np.arange(len(shown)), names_of(shown, self.feature_names))
        ax.invert_yaxis()
        ax.set_xlabel(self.column_label)
        if len(errors) > len(shown):
            ax.set_title(
                f"{len(shown)} of {len(errors)} columns, the worst", fontsize="medium"
            )

    def _plot_rows(self, ax, options):
        errors = np.asarray(self.row_errors)
        is_wide = _differ_by_orders(errors)
        space = np.geomspace if is_wide else np.linspace
        bins = space(np.nanmin(errors), np.nanmax(errors), N_BINS + 1)
        options = {"bins": bins, "color": COLORS[0]} | options
        ax.hist(errors, **options)
        ax.set(
            xlabel=self.row_label, ylabel="rows", xscale="log" if is_wide else "linear"
        )
        if self.threshold is None:
            return
        beyond = errors > self.threshold
        ax.hist(errors[beyond], **(options | {"color": COLORS[2]}))
        ax.axvline(
            self.threshold,
            color="black",
            linestyle="--",
            label=f"threshold: {beyond.sum()} of {len(errors)} rows beyond",
        )
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)


def _differ_by_orders(errors):
    low, high = np.nanpercentile(errors, [1, 99])
    return np.nanmin(errors) > 0 and high > 10 * low


def _detects(estimator):
    return hasattr(estimator, "offset_") and hasattr(estimator, "score_samples")


def _measured(reducer, X, kind, image_shape):
    """Return what a display needs of a reducer with a way back."""
    table, names = dense(X), column_names(X)
    architecture = getattr(reducer.reducer, "architecture", None)
    kind, image_shape = resolve_kind(
        table.shape[1], names, architecture, kind, image_shape
    )
    cells = (reducer.reconstruct(X) - table) ** 2
    labels = ("mean squared error", "mean squared error")
    if kind == "table":
        variance = np.nanvar(table, axis=0)
        cells = np.where(variance > 0, cells, 0) / np.where(variance > 0, variance, 1)
        labels = (
            "share of the variance that is lost",
            "mean squared error in variances",
        )
    return {
        "column_errors": np.nanmean(cells, axis=0),
        "row_errors": np.nanmean(cells, axis=1),
        "kind": kind,
        "image_shape": image_shape,
        "feature_names": names,
        "column_label": labels[0],
        "row_label": labels[1],
    }


def _explained(reducer, X, kind, image_shape):
    """Return what a display needs of a detector that explains its scores."""
    detector, X = reducer.last, reducer.before(X)
    n_columns, names = detector.n_features_in_, column_names(X)
    kind, image_shape = resolve_kind(n_columns, names, None, kind, image_shape)
    rows = evenly_spaced(_num_samples(X), max(1, MOST_CELLS // n_columns))
    cells = detector.explain(_safe_indexing(X, rows))
    means = cells.groupby("column")["contribution"].mean()
    columns = getattr(detector, "feature_names_in_", range(n_columns))
    return {
        "column_errors": means.loc[list(columns)].to_numpy(),
        "kind": kind,
        "image_shape": image_shape,
        "feature_names": names,
        "column_label": "mean contribution to \N{MINUS SIGN}score_samples",
    }
