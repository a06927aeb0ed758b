"""What a comparison of reducers found, as tables, words, a plot and a page."""

import html
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from ..plotting import ComponentsDisplay
from . import _sentences
from ._differences import tested

# What the codes are worth to the target: by class labels or by a quantity.
TARGET_SCORES = ("accuracy", "target_r2")

# Of the fits over the folds: the column of the summary, of the results, and how.
_SUMMARY = {
    "r2": ("r2", "mean"),
    "r2_std": ("r2", "std"),
    "accuracy": ("accuracy", "mean"),
    "target_r2": ("target_r2", "mean"),
    "trustworthiness": ("trustworthiness", "mean"),
    "neighbor_overlap": ("neighbor_overlap", "mean"),
    "fit_time": ("fit_time", "median"),
}


class ReducerComparison:
    """Held-out scores of several reducers at several sizes.

    Made by :func:`compare_reducers`.

    Parameters
    ----------
    results : DataFrame
        One row per reducer, size and fold, with the columns `reducer`, `n_components`,
        `fold`, `n_train` and `n_test` (rows of the fold), `r2` and
        `reconstruction_error` (mean squared error per cell), both missing for a reducer
        without a way back, `trustworthiness`, `neighbor_overlap`, where there is a
        target `accuracy` or, of a quantity, `target_r2`, and `fit_time` in seconds.
    reference : str, default=None
        The reducer that the others are measured against. None measures all pairs, and
        the conclusion is on the best two.
    all_columns : DataFrame, default=None
        The score of the target from all columns, one row per fold.
    column_r2 : DataFrame, default=None
        R^2 by column, one row per reducer, size and fold, which are its index; missing
        where a column does not vary among the held-out rows.
    n_unfinished : int, default=0
        Fits that an interrupt has cut off.
    details : object, default=None
        What the page of :meth:`to_html` shows besides scores.
    """

    def __init__(
        self,
        results,
        *,
        reference=None,
        all_columns=None,
        column_r2=None,
        n_unfinished=0,
        details=None,
    ):
        self.results = results
        self.reference = reference
        self.all_columns = all_columns
        self.column_r2 = column_r2
        self.n_unfinished = n_unfinished
        self.details = details

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
            Indexed by `reducer` and `n_components`, with the means of `r2`, `accuracy`
            or `target_r2`, `trustworthiness` and `neighbor_overlap`, as far as there
            are any, the standard deviation of `r2` over the folds (`r2_std`), and the
            median `fit_time`, so that loading a library in the first fit does not
            count.
        """
        columns = {new: how for new, how in _SUMMARY.items() if how[0] in self.results}
        groups = self.results.groupby(["reducer", "n_components"], sort=False)
        return groups.agg(**columns)

    def differences(self, level=0.05, *, score="r2"):
        """Test of the differences between reducers, for chance.

        A t-test of the differences in each fold, corrected for training rows that the
        folds share [1]_: over `J` folds with a standard deviation `s`, the mean has the
        squared standard error `(1/J + n_test/n_train) s^2`, and 1e-4 at the least. It
        has `J - 1` degrees of freedom, or 4 where there are more folds: these share too
        many rows to count in full. The p-values are Holm's for all rows together: where
        no reducer is better than another, any is below 0.05 in at most about 5 % of
        comparisons. Differences in accuracy are counts of rows: their `s^2` is the
        difference over `n_test` at the least, which is its variance under chance.

        Parameters
        ----------
        level : float in (0, 1), default=0.05
            Share of intervals that may miss the true difference; lower widens them.
        score : str, default="r2"
            The column of `results` to test.

        Returns
        -------
        differences : DataFrame
            One row per pair and size, the best reducer first: `reducer`, `reference`,
            `n_components`, the mean `difference` in the score, the ends `lower` and
            `upper` of its confidence interval, which is that of one row taken alone,
            and the `p_value`, which counts all rows. Reducers without the score are
            left out, and so are folds that an interrupt left unfinished; a single fold
            has no p-value.

        Raises
        ------
        ValueError
            If `level` is not between 0 and 1, or there is no such score.

        References
        ----------
        .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error",
           Machine Learning 52, 2003.
        """
        if not 0 < level < 1:
            raise ValueError(f"level is {level!r}: a number between 0 and 1 is needed.")
        by_fold = self._by_fold(score)
        sizes = self.results["n_components"].unique()
        rows = [
            (name, other, size)
            for name, other in self._pairs(by_fold)
            for size in sizes
            if {(name, size), (other, size)} <= set(by_fold.index)
        ]
        gains = [
            by_fold.loc[name, size] - by_fold.loc[other, size]
            for name, other, size in rows
        ]
        gains = np.reshape(gains, (len(rows), by_fold.shape[1]))
        folds = self.results.drop_duplicates("fold").set_index("fold")
        n_rows = folds.loc[by_fold.columns, ["n_train", "n_test"]].to_numpy().T
        table = pd.DataFrame(rows, columns=["reducer", "reference", "n_components"])
        is_accuracy = score == "accuracy"
        return table.assign(**tested(gains, *n_rows, level, is_accuracy=is_accuracy))

    def conclusion(self):
        """What the comparison shows, in words.

        It sets the reducer of the highest mean R^2, the reference aside, against the
        reference, in terms of the variance that they leave unexplained, and claims
        what :meth:`differences` finds at the level of 5 %. Where there is a target, it
        says how well it is predicted from the codes of the same two, and from all
        columns, and claims what the same test finds of that, for itself. Reducers whose
        codes do not lead back to columns are named, and the best of them is set against
        the same reference by the target, or else by the neighbours that are kept.

        Returns
        -------
        sentences : str
            On one line.
        """
        scores = [s for s in ("r2", *TARGET_SCORES) if self._has(s)]
        if not scores:
            scores = ["neighbor_overlap"]
        by_fold = self._by_fold(scores[0])
        if by_fold.shape[1]:
            pairs = self._pairs(by_fold)
            words = list(self._words(scores, pairs[0] if pairs else None))
            words += self._words_on_one_way(scores)
        else:
            words = ["No fold has a score of all reducers, so they cannot be compared."]
        if self.all_columns is not None:
            mean = self.all_columns[scores[-1]].mean()
            n_columns = self.all_columns["n_components"].iloc[0]
            words.append(_sentences.on_all_columns(n_columns, mean))
        if self.n_unfinished:
            words.append(_sentences.on_interrupt(self.n_unfinished))
        return " ".join(words)

    def _words(self, scores, pair):
        """Yield a sentence on each score, of one pair or of the only reducer."""
        is_alone = self.results["reducer"].nunique() == 1
        gained = False
        for score in scores:
            means = self._by_fold(score).mean(axis=1)  # of the folds that are tested
            if pair is None:
                if score == "r2":
                    yield _sentences.on_one_reconstruction(means, is_alone=is_alone)
                elif is_alone:
                    yield _sentences.on_one_code(score, means, self._estimator())
                continue
            tests = _of_pair(self.differences(score=score), pair)
            if score == "r2":
                sentence, gained = _sentences.on_reconstruction(means, tests)
                yield sentence
            else:
                yield _sentences.on_codes(
                    score, means, tests, self._estimator(), after_a_gain=gained
                )

    def _words_on_one_way(self, scores):
        """Yield sentences on reducers without a way back, where others have one."""
        if "r2" not in scores:
            return
        n_restored = self.results.groupby("reducer", sort=False)["r2"].count()
        names = list(n_restored.index[n_restored == 0])
        if not names:
            return
        yield _sentences.on_no_way_back(names)
        score = "neighbor_overlap" if scores[-1] == "r2" else scores[-1]
        for pair in self._pairs(self._by_fold(score)):
            if pair[0] in names and pair[1] not in names:
                yield _sentences.on_codes(
                    score,
                    self._by_fold(score).mean(axis=1),
                    _of_pair(self.differences(score=score), pair),
                    self._estimator(),
                    after_a_gain=False,
                )
                return

    def _has(self, score):
        return score in self.results and self.results[score].notna().any()

    def _estimator(self):
        """Return the name of what predicts the target."""
        target = getattr(self.details, "target", None)
        if target is None:
            return "a prediction"
        last = getattr(target.estimator, "steps", [("", target.estimator)])[-1][1]
        return type(last).__name__

    def _by_fold(self, score):
        """Return a score by reducer and size, a column for each fold that is whole."""
        if not self._has(score):
            raise ValueError(f"score is {score!r}: the results have no such score.")
        keys = ["reducer", "n_components"]
        table = self.results.pivot(index=keys, columns="fold", values=score)
        return table.dropna(how="all").dropna(axis="columns")

    def _pairs(self, by_fold):
        """Return the pairs to test, the one that the conclusion is on first."""
        mean = by_fold.mean(axis=1).groupby("reducer", sort=False).mean()
        ranking = mean.sort_values(ascending=False, kind="stable").index
        if self.reference is None:
            return list(combinations(ranking, 2))
        if self.reference not in ranking:
            return []
        return [(name, self.reference) for name in ranking if name != self.reference]

    def to_html(self, path, *, image_shape=None):
        """Write a report: one page that needs nothing else, neither files nor network.

        Parameters
        ----------
        path : str or path-like
            File to write; one that exists is replaced.
        image_shape : tuple of int, default=None
            Height and width of the images that the rows are, with the number of
            channels (1 or 3) before or after them if there is one. Images then stand
            beside their reconstructions.

        Raises
        ------
        ValueError
            If the shape is not that of a row.
        """
        from ._html import page

        Path(path).write_text(page(self, image_shape), encoding="utf-8")

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


def _of_pair(tests, pair):
    return tests[(tests[["reducer", "reference"]] == list(pair)).all(axis=1)]
