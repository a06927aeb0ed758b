"""What a comparison of reducers found, as tables, words and a plot."""

import html

import numpy as np

# Differences in R^2 below this are none: two reducers of nearly all the variance would
# else be far apart by what float32 and the last optimisation step leave.
_RESOLUTION = 1e-4

_CLAUSES = {
    "ahead": "leaves {change} less variance unexplained than {reference} at {sizes}, "
    "beyond the spread over the folds",
    "level": "is level with {reference} at {sizes}, within the spread over the folds",
    "behind": "leaves {change} more variance unexplained than {reference} at {sizes}, "
    "beyond the spread over the folds",
}


class ReducerComparison:
    """Held-out scores of several reducers at several sizes.

    Made by :func:`compare_reducers`.

    Parameters
    ----------
    results : DataFrame
        One row per reducer, size and fold, with the columns `reducer`, `n_components`,
        `fold`, `r2`, `reconstruction_error` (mean squared error per cell), `accuracy`
        where there are class labels, and `fit_time` in seconds.
    reference : str, default=None
        The reducer that the conclusion measures the others against. None takes the
        second best.
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

    def conclusion(self):
        """One sentence on what the comparison shows.

        It sets the reducer of the highest mean R^2, the reference aside, against the
        reference, in terms of the variance that they leave unexplained. Both were
        scored on the same folds, so what counts is the difference in each fold: the two
        are level where its mean is within its standard deviation over the folds.

        Returns
        -------
        sentence : str
            On one line.
        """
        scores = self.results.pivot(
            index=["n_components", "fold"], columns="reducer", values="r2"
        )
        ranking = scores.mean().sort_values(ascending=False).index.tolist()
        if len(ranking) == 1:
            return _alone(scores[ranking[0]])
        reference = ranking[1] if self.reference is None else self.reference
        ranking.remove(reference)
        return _verdict(scores, ranking[0], reference)

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
        ax = _new_axes() if ax is None else ax
        for name, scores in self.summary().groupby(level="reducer", sort=False):
            scores = scores.sort_index(level="n_components")
            sizes = scores.index.get_level_values("n_components")
            ax.errorbar(
                sizes, scores["r2"], scores["r2_std"], label=name, marker="o", capsize=3
            )
        ax.set(xlabel="n_components", ylabel="R^2 on held-out rows", xticks=sizes)
        ax.legend()
        return ax


def _new_axes():
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plot needs matplotlib: pip install "skae[plot]"') from error
    return plt.subplots()[1]


def _alone(scores):
    explained = scores.groupby(level="n_components").mean()
    return (
        f"{scores.name} explains {_percent(explained)} of the variance of held-out "
        f"rows at {_listed(explained.index)}; nothing else was compared."
    )


def _verdict(scores, name, reference):
    """Return the sentence that sets one reducer against the reference."""
    standing = _standing(scores[name] - scores[reference])
    unexplained = 1 - scores.groupby(level="n_components").mean()
    unexplained = unexplained.clip(lower=_RESOLUTION)
    change = (unexplained[name] / unexplained[reference] - 1).abs()
    clauses = [
        clause.format(
            change=_percent(change[standing == outcome]),
            reference=reference,
            sizes=_listed(change[standing == outcome].index),
        )
        for outcome, clause in _CLAUSES.items()
        if (standing == outcome).any()
    ]
    return f"On held-out rows {name} {'; it '.join(clauses)}."


def _standing(differences):
    """Return for each size whether the differences put it ahead, level or behind."""
    by_size = differences.groupby(level="n_components")
    mean, spread = by_size.mean(), by_size.std().clip(lower=_RESOLUTION)
    sign = np.sign(mean).where(mean.abs() > spread, 0)
    return sign.map({1: "ahead", 0: "level", -1: "behind"})


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
