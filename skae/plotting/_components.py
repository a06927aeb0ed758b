"""How much of the variance so many components keep."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from ._axes import COLORS, check_matplotlib, make_axes
from ._fitted import FittedReducer, as_numbers, dense

MARKERS = "osD^vPX"


class ComponentsDisplay:
    """R^2 of the reconstruction over the number of components.

    Make it by :meth:`from_estimator` or :meth:`from_comparison`. The parameters are
    kept as attributes of the same names.

    Parameters
    ----------
    scores : DataFrame
        Indexed by `reducer` and `n_components`, with a column `r2` and maybe `r2_std`,
        as :meth:`ReducerComparison.summary <skae.comparison.ReducerComparison.summary>`
        returns it.

    rows : str, default="held-out rows"
        Which rows were scored.

    Attributes
    ----------
    ax_ : matplotlib Axes

    figure_ : matplotlib Figure

    See Also
    --------
    skae.compare_reducers : Scores on held-out rows.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import ComponentsDisplay
    >>> X = load_digits().data[:300]
    >>> autoencoder = AutoencoderTransformer(4, max_iter=5, random_state=0).fit(X)
    >>> ComponentsDisplay.from_estimator(autoencoder, X).scores.shape
    (8, 1)
    """

    def __init__(self, scores, *, rows="held-out rows"):
        self.scores = scores
        self.rows = rows

    @classmethod
    def from_estimator(cls, estimator, X=None, y=None, *, ax=None, **kwargs):
        """Draw what the first components of a fitted estimator explain, beside PCA.

        That is the sum of `explained_variance_ratio_` up to each component, of the rows
        that the estimator was fitted to. They are no judge of how many components
        generalise: :func:`~skae.compare_reducers` scores held-out rows.

        Parameters
        ----------
        estimator : estimator instance
            Fitted, with `explained_variance_ratio_`, or a Pipeline that ends in such a
            one.

        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features), \
                default=None
            The rows that the estimator was fitted to. PCA is fitted to them, as the
            last step takes them. None draws no PCA.

        y : Ignored
            Present for API consistency.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``errorbar``.

        Returns
        -------
        display : ComponentsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator has no `explained_variance_ratio_`.
        """
        check_matplotlib(f"{cls.__name__}.from_estimator")
        estimator, X = as_numbers(estimator, X)
        reducer = FittedReducer(estimator)
        fitted = reducer.reducer
        check_is_fitted(fitted)
        if not hasattr(fitted, "explained_variance_ratio_"):
            raise TypeError(
                f"{type(fitted).__name__} has no explained_variance_ratio_: compare it "
                "with others by skae.compare_reducers and use from_comparison."
            )
        ratios = {type(fitted).__name__: np.asarray(fitted.explained_variance_ratio_)}
        if X is not None and not isinstance(fitted, PCA):
            rows = dense(reducer.forward(X))
            n_components = min(len(*ratios.values()), *rows.shape)
            ratios["PCA"] = PCA(n_components).fit(rows).explained_variance_ratio_
        return cls(_summed(ratios), rows="training rows").plot(ax, **kwargs)

    @classmethod
    def from_comparison(cls, comparison, *, ax=None, **kwargs):
        """Draw the scores of a comparison, with a standard deviation over the folds.

        Parameters
        ----------
        comparison : ReducerComparison
            What :func:`~skae.compare_reducers` returns.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``errorbar``.

        Returns
        -------
        display : ComponentsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib(f"{cls.__name__}.from_comparison")
        return cls(comparison.summary()).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        **kwargs : dict
            Passed on to ``errorbar``.

        Returns
        -------
        display : ComponentsDisplay
            Itself.
        """
        check_matplotlib(f"{type(self).__name__}.plot")
        self.ax_ = make_axes(ax)[0, 0]
        self.figure_ = self.ax_.figure
        groups = self.scores.groupby(level="reducer", sort=False)
        for i, (name, scores) in enumerate(groups):
            scores = scores.sort_index(level="n_components")
            sizes = scores.index.get_level_values("n_components")
            options = {
                "color": COLORS[i % len(COLORS)],
                "marker": MARKERS[i % len(MARKERS)] if len(sizes) <= 20 else None,
                "capsize": 3,
                "label": name,
            }
            if name == "PCA":
                options |= {"color": "black", "linestyle": "--"}
            self.ax_.errorbar(
                sizes, scores["r2"], scores.get("r2_std"), **(options | kwargs)
            )
        sizes = self.scores.index.unique("n_components")
        if len(sizes) <= 10:
            self.ax_.set_xticks(sizes)
        self.ax_.set(xlabel="number of components", ylabel=f"R$^2$ on {self.rows}")
        self.ax_.legend(frameon=False)
        return self


def _summed(ratios):
    """Return a table of scores from what each further component explains."""
    parts = {
        name: pd.Series(np.cumsum(ratio), np.arange(1, len(ratio) + 1), name="r2")
        for name, ratio in ratios.items()
    }
    return pd.concat(parts, names=["reducer", "n_components"]).to_frame()
