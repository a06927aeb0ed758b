"""Codes in two dimensions."""

from itertools import combinations

import numpy as np
from sklearn.utils import column_or_1d

from ._axes import COLORS, check_matplotlib, make_axes, point_style
from ._colouring import Numbers, colouring_by
from ._fitted import FittedReducer, as_numbers, component_names, dense


class CodesDisplay:
    """Codes of rows, two components at a time.

    Make it by :meth:`from_estimator`. The parameters are kept as attributes of the
    same names.

    Parameters
    ----------
    Z : ndarray of shape (n_samples, n_components)
        Codes.

    y : ndarray of shape (n_samples,) or None, default=None
        What the points are coloured by: classes, or numbers such as each row's error.

    components : tuple of int, default=(0, 1)
        Components to draw, from 0. Two make one scatter plot, more a scatter plot for
        every pair, and one is drawn over the classes or numbers of `y`.

    label : str, default=None
        What `y` is, in the legend or at the colour bar.

    Attributes
    ----------
    axes_ : ndarray of shape (n_components - 1, n_components - 1) of matplotlib Axes
        One for each pair, in the lower left half.

    ax_ : matplotlib Axes
        The first of them.

    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import CodesDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> autoencoder = AutoencoderTransformer(2, max_iter=5, random_state=0).fit(X)
    >>> CodesDisplay.from_estimator(autoencoder, X, y).ax_.get_xlabel()
    'component 1'
    """

    def __init__(self, Z, y=None, *, components=(0, 1), label=None):
        self.Z = Z
        self.y = y
        self.components = components
        self.label = label

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, components=None, label=None, ax=None, **kwargs
    ):
        """Encode X and draw the codes.

        Parameters
        ----------
        estimator : estimator instance
            Fitted, with `transform`, or a Pipeline that ends in such a one.

        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            Colours: classes (strings, or at most 20 different integers) with a legend,
            other numbers with a colour bar. None takes the reconstruction error of each
            row, its mean square per cell as the reducer sees the row, where the reducer
            has an inverse.

        components : tuple of int, default=None
            Components to draw, from 0. None takes the first two.

        label : str, default=None
            What `y` is. None takes the name of a pandas Series.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``scatter``, or to ``hist``.

        Returns
        -------
        display : CodesDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If there is no `transform`.
        ValueError
            If `components` or `y` do not fit the codes.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        estimator, X = as_numbers(estimator, X)
        reducer = FittedReducer(estimator)
        inner = reducer.forward(X)
        Z = dense(reducer.reducer.transform(inner))
        if y is None and reducer.decodes:
            residual = reducer.reconstruct_inner(inner) - dense(inner)
            y, label = np.mean(residual**2, axis=1), "mean squared error of the row"
        elif y is not None:
            label = getattr(y, "name", None) if label is None else label
            y = column_or_1d(y, dtype=None)
        components = range(min(2, Z.shape[1])) if components is None else components
        display = cls(Z, y, components=tuple(components), label=label)
        return display.plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the codes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``scatter``, or to ``hist``.

        Returns
        -------
        display : CodesDisplay
            Itself.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        self._check()
        n_sides = max(1, len(self.components) - 1)
        size = (6.4, 4.8) if n_sides == 1 else (2.6 * n_sides + 1.2, 2.4 * n_sides)
        shared = {"sharex": "col", "sharey": "row"} if n_sides > 1 else {}
        self.axes_ = make_axes(ax, (n_sides, n_sides), size, **shared)
        self.ax_ = self.axes_[0, 0]
        self.figure_ = self.ax_.figure
        if len(self.components) == 1:
            self._plot_alone(kwargs)
        else:
            self._plot_pairs(kwargs)
        return self

    def _check(self):
        n_components = self.Z.shape[1]
        components = list(self.components)
        if not components or not set(components) <= set(range(n_components)):
            raise ValueError(
                f"components={tuple(components)!r} should name one or more of the "
                f"{n_components} components, from 0 to {n_components - 1}."
            )
        if self.y is not None and len(self.y) != len(self.Z):
            raise ValueError(f"y has {len(self.y)} values for {len(self.Z)} rows of X.")

    def _plot_pairs(self, options):
        # In an order of their own, or the last class would hide the others.
        order = np.random.default_rng(0).permutation(len(self.Z))
        colouring = colouring_by(self.y)
        style = point_style(len(self.Z)) | colouring.scatter_options(order) | options
        names = component_names(range(self.Z.shape[1]))
        first, *_, last = self.components
        for axes in self.axes_.flat:
            axes.set_visible(len(self.components) == 2)
        for (i, row), (j, column) in combinations(enumerate(self.components), 2):
            axes = self.axes_[j - 1, i]
            axes.set_visible(True)
            points = axes.scatter(self.Z[order, row], self.Z[order, column], **style)
            if column == last:
                axes.set_xlabel(names[row])
            if row == first:
                axes.set_ylabel(names[column])
        place = self.ax_ if len(self.components) == 2 else self.axes_[0, 1]
        colouring.explain(points, self.axes_, place, self.label)

    def _plot_alone(self, options):
        (component,) = self.components
        z, colouring = self.Z[:, component], colouring_by(self.y)
        self.ax_.set_xlabel(component_names([component])[0])
        if isinstance(colouring, Numbers):
            style = point_style(len(z)) | {"color": COLORS[0]} | options
            self.ax_.scatter(z, self.y, **style)
            self.ax_.set_ylabel(self.label or "y")
            return
        options = {"bins": 40, "histtype": "stepfilled", "alpha": 0.7} | options
        values = colouring.split(z)
        self.ax_.hist(values, color=colouring.colors, label=colouring.names, **options)
        self.ax_.set_ylabel("rows")
        colouring.explain(None, self.axes_, self.ax_, self.label)
