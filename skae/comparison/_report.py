"""What a comparison of reducers found, as tables, words and a plot."""

import html
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from ..plotting import ComponentsDisplay

# Differences in R^2 below this are none: two reducers of nearly all the variance would
# else be far apart by what float32 and the last optimisation step leave.
_RESOLUTION = 1e-4

# The share of comparisons of equals in which the conclusion may claim a difference.
_LEVEL = 0.05

# Many folds share nearly all training rows, so their spread shows less of what other
# training rows would do than their number says: with a degree of freedom for each fold,
# equals whose fits hang on few rows are told apart too often.
_MAX_FREEDOM = 4

_APART = (
    "leaves {change} {side} variance unexplained than {reference} at {sizes}, a "
    "difference that chance alone would show in fewer than {level:.0f} % of such "
    "comparisons"
)
_TOGETHER = (
    "cannot be told apart from {reference} at {sizes}, where any difference may be "
    "chance"
)


class ReducerComparison:
    """Held-out scores of several reducers at several sizes.

    Made by :func:`compare_reducers`.

    Parameters
    ----------
    results : DataFrame
        One row per reducer, size and fold, with the columns `reducer`, `n_components`,
        `fold`, `n_train` and `n_test` (rows of the fold), `r2`, `reconstruction_error`
        (mean squared error per cell), `accuracy` where there are class labels, and
        `fit_time` in seconds.
    reference : str, default=None
        The reducer that the others are measured against. None measures all pairs, and
        the conclusion is on the best two.
    """

    def __init__(self, results, *, reference=None):
        self.results = results
        self.reference = reference

    def __repr__(self):
        return f"{self.summary().round(3)}\n\n{self.conclusion()}"

    def _repr_html_(self):
        conclusion = html.escape(self.conclusion())
        return f"{self.summary().round(3).to_html()}<p>{conclusion}</p>"

    def summary(self):
        """Scores of each reducer at each size, over the folds.

        Returns
        -------
        summary : DataFrame
            Indexed by `reducer` and `n_components`, with the mean of `r2`, its standard
            deviation over the folds (`r2_std`), the mean `accuracy` where there is one,
            and the median `fit_time`, so that loading a library in the first fit does
            not count.
        """
        columns = {"r2": ("r2", "mean"), "r2_std": ("r2", "std")}
        if "accuracy" in self.results:
            columns["accuracy"] = ("accuracy", "mean")
        columns["fit_time"] = ("fit_time", "median")
        groups = self.results.groupby(["reducer", "n_components"], sort=False)
        return groups.agg(**columns)

    def differences(self, level=0.05):
        """Test of the differences in R^2 between reducers, for chance.

        A t-test of the differences in each fold, corrected for training rows that the
        folds share [1]_: over `J` folds with a standard deviation `s`, the mean has the
        squared standard error `(1/J + n_test/n_train) s^2`, and 1e-4 at the least. It
        has `J - 1` degrees of freedom, or 4 where there are more folds: these share too
        many rows to count in full. The p-values are Holm's for all rows together: where
        no reducer is better than another, any is below 0.05 in at most about 5 % of
        comparisons.

        Parameters
        ----------
        level : float in (0, 1), default=0.05
            Share of intervals that may miss the true difference; lower widens them.

        Returns
        -------
        differences : DataFrame
            One row per pair and size, the best reducer first: `reducer`, `reference`,
            `n_components`, the mean `difference` in R^2, the ends `lower` and `upper`
            of its confidence interval, which is that of one row taken alone, and the
            `p_value`, which counts all rows.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1.

        References
        ----------
        .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error",
           Machine Learning 52, 2003.
        """
        if not 0 < level < 1:
            raise ValueError(f"level is {level!r}: a number between 0 and 1 is needed.")
        folds = self.results.drop_duplicates("fold")
        keys = ["reducer", "n_components"]
        r2 = self.results.pivot(index=keys, columns="fold", values="r2")
        sizes = self.results["n_components"].unique()
        rows = [(*pair, size) for pair in self._pairs() for size in sizes]
        gains = [r2.loc[name, size] - r2.loc[other, size] for name, other, size in rows]
        gains = np.reshape(gains, (len(rows), len(folds)))
        overlap = (folds["n_test"] / folds["n_train"]).mean()
        table = pd.DataFrame(rows, columns=["reducer", "reference", "n_components"])
        return table.assign(**_tested(gains, overlap, level))

    def conclusion(self):
        """One sentence on what the comparison shows.

        It sets the reducer of the highest mean R^2, the reference aside, against the
        reference, in terms of the variance that they leave unexplained, and claims
        what :meth:`differences` finds at the level of 5 %.

        Returns
        -------
        sentence : str
            On one line.
        """
        explained = self.summary()["r2"]
        pairs = self._pairs()
        if not pairs:
            return _alone(explained)
        reducer, reference = pairs[0]
        unexplained = (1 - explained).clip(lower=_RESOLUTION)
        change = (unexplained[reducer] / unexplained[reference] - 1).abs()
        tests = self.differences().head(len(change)).set_index("n_components")
        standing = np.sign(tests["difference"]) * (tests["p_value"] < _LEVEL)
        clauses = [
            (_APART if sign else _TOGETHER).format(
                change=_percent(change[standing == sign]),
                side="less" if sign > 0 else "more",
                reference=reference,
                sizes=_listed(change[standing == sign].index),
                level=100 * _LEVEL,
            )
            for sign in (1, 0, -1)
            if (standing == sign).any()
        ]
        return f"On held-out rows {reducer} {'; it '.join(clauses)}."

    def _pairs(self):
        """Return the pairs to test, the one that the conclusion is on first."""
        mean = self.results.groupby("reducer", sort=False)["r2"].mean()
        ranking = mean.sort_values(ascending=False, kind="stable").index
        if self.reference is None:
            return list(combinations(ranking, 2))
        return [(name, self.reference) for name in ranking if name != self.reference]

    def plot(self, ax=None):
        """Plot the mean held-out R^2 of each reducer over the sizes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ax : matplotlib Axes
            With one line per reducer; the bars are one standard deviation over the
            folds.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return ComponentsDisplay.from_comparison(self, ax=ax).ax_


def _tested(gains, overlap, level):
    """Return a corrected t-test of each row over its folds, as columns."""
    n_folds = gains.shape[1]
    freedom = min(n_folds - 1, _MAX_FREEDOM)
    mean, variance = gains.mean(axis=1), gains.var(axis=1, ddof=1)
    error = np.sqrt((1 / n_folds + overlap) * variance).clip(min=_RESOLUTION)
    width = stdtrit(freedom, 1 - level / 2) * error
    return {
        "difference": mean,
        "lower": mean - width,
        "upper": mean + width,
        "p_value": _holm(2 * stdtr(freedom, -np.abs(mean) / error)),
    }


def _holm(p_values):
    ranked = pd.Series(p_values).sort_values()
    return (ranked * np.arange(len(ranked), 0, -1)).cummax().clip(upper=1)


def _alone(explained):
    name = explained.index[0][0]
    return (
        f"{name} explains {_percent(explained)} of the variance of held-out "
        f"rows at {_listed(explained[name].index)}; nothing else was compared."
    )


def _percent(shares):
    """Return a share, or the range of several, in words."""
    low, high = _one_percent(shares.min()), _one_percent(shares.max())
    return low if low == high else f"{low} to {high}"


def _one_percent(share):
    if share > 10:
        return "over 1000 %"
    return f"{100 * share:.{0 if abs(share) >= 0.1 else 1}f} %"


def _listed(sizes):
    """Return sizes in words."""
    *first, last = (str(size) for size in sizes)
    if not first:
        return f"{last} component{'s' * (last != '1')}"
    return f"{', '.join(first)} and {last} components"
