"""What a comparison shows, in words."""

import numpy as np

from ._differences import LEVEL, RESOLUTION

_CHANCE = (
    f"a difference that chance alone would show in fewer than {100 * LEVEL:.0f} % of "
    "such comparisons"
)
_APART = "leaves {change} {side} variance unexplained than {reference} at {sizes}, "
_TOGETHER = (
    "cannot be told apart from {reference} at {sizes}, where any difference may be "
    "chance"
)

# What a score is called, and what is said of it: losses come first.
_NOUNS = {
    "accuracy": "the accuracy of {estimator}",
    "target_r2": "the R^2 of {estimator}",
    "neighbor_overlap": "the share of nearest rows that stay nearest",
}
_SIDES = {
    -2: "is lower than from {reference}'s at {sizes} ({figures}), " + _CHANCE,
    -1: "is lower than from {reference}'s at {sizes} ({figures}), which may be chance",
    0: "is that from {reference}'s at {sizes} ({figures})",
    1: "is higher than from {reference}'s at {sizes} ({figures}), which may be chance",
    2: "is higher than from {reference}'s at {sizes} ({figures}), " + _CHANCE,
}

# Differences that three digits do not show are none to speak of.
_SHOWN = 0.0005


def on_reconstruction(explained, tests):
    """Return a sentence on R^2, and whether it tells of a gain.

    Parameters
    ----------
    explained : Series
        Mean R^2 by reducer and size.
    tests : DataFrame
        The differences of one pair.
    """
    reducer, reference, tests = _pair(tests)
    unexplained = (1 - explained).clip(lower=RESOLUTION)
    change = (unexplained[reducer] / unexplained[reference] - 1).abs()
    change = change[tests.index]
    standing = np.sign(tests["difference"]) * (tests["p_value"] < LEVEL)
    clauses = [
        (_APART + _CHANCE if sign else _TOGETHER).format(
            change=_percent(change[standing == sign]),
            side="less" if sign > 0 else "more",
            reference=reference,
            sizes=_sizes(change[standing == sign].index),
        )
        for sign in (1, 0, -1)
        if (standing == sign).any()
    ]
    return f"On held-out rows {reducer} {'; it '.join(clauses)}.", any(standing > 0)


def on_codes(score, means, tests, estimator, *, after_a_gain):
    """Return a sentence on what else the codes are worth.

    It starts with "But" where it tells of a loss after a gain.
    """
    reducer, reference, tests = _pair(tests)
    difference = tests["difference"].where(tests["difference"].abs() > _SHOWN, 0)
    standing = np.sign(difference) * np.where(tests["p_value"] < LEVEL, 2, 1)
    clauses = []
    for side, clause in _SIDES.items():
        sizes = tests.index[standing == side]
        if len(sizes):
            figures = f"{_figures(means[reducer], sizes)} against "
            figures += _figures(means[reference], sizes)
            clauses.append(
                clause.format(reference=reference, sizes=_sizes(sizes), figures=figures)
            )
    start = f"{_noun(score, estimator)} from {reducer}'s codes "
    start = f"But {start}" if after_a_gain and (standing < 0).any() else _upper(start)
    return f"{start}{'; it '.join(clauses)}."


def on_one_reconstruction(explained, *, is_alone):
    """Return a sentence on the R^2 of the only reducer that has one."""
    name = explained.index[0][0]
    end = "; nothing else was compared." if is_alone else "."
    return (
        f"{name} explains {_percent(explained)} of the variance of held-out rows at "
        f"{_sizes(explained[name].index)}{end}"
    )


def on_no_way_back(names):
    """Return a sentence on reducers that have no R^2."""
    verb = "has" if len(names) == 1 else "have"
    return f"{_listed(names)} {verb} no way back from codes to columns."


def on_one_code(score, means, estimator):
    """Return a sentence on what the codes of the only reducer are worth."""
    name, sizes = means.index[0][0], means.index.get_level_values(1)
    return (
        f"{_upper(_noun(score, estimator))} from {name}'s codes is "
        f"{_figures(means[name], sizes)} at {_sizes(sizes)}."
    )


def on_all_columns(n_columns, mean):
    """Return a sentence on what the columns themselves are worth."""
    return f"From all {n_columns} columns it is {mean:.3f}."


def on_interrupt(n_unfinished):
    """Return a sentence on fits that are missing."""
    fits = "1 fit is" if n_unfinished == 1 else f"{n_unfinished} fits are"
    return f"This was interrupted, and {fits} not in it."


def _pair(tests):
    first = tests.iloc[0]
    return first["reducer"], first["reference"], tests.set_index("n_components")


def _noun(score, estimator):
    return _NOUNS[score].format(estimator=estimator)


def _upper(text):
    return text[:1].upper() + text[1:]


def _percent(shares):
    """Return a share, or the range of several, in words."""
    low, high = _one_percent(shares.min()), _one_percent(shares.max())
    return low if low == high else f"{low} to {high}"


def _one_percent(share):
    if share > 10:
        return "over 1000 %"
    return f"{100 * share:.{0 if abs(share) >= 0.1 else 1}f} %"


def _figures(means, sizes):
    return _listed(f"{means[size]:.3f}" for size in sizes)


def _sizes(sizes):
    """Return sizes in words."""
    words = _listed(map(str, sizes))
    return f"{words} component{'s' * (words != '1')}"


def _listed(words):
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
