"""The fits of a comparison: planned, run and put in order."""

import time
import warnings
from contextlib import closing, suppress
from itertools import product
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, clone
from sklearn.utils.parallel import Parallel, delayed

from ..exceptions import PCAFallbackWarning
from ._progress import Progress, shown
from ._reducers import configured
from ._scores import Glimpse, score_fit

ALL_COLUMNS = "all columns"


class Fit(NamedTuple):
    """One fit to make; the scores of all columns need no reducer."""

    name: str
    size: int
    fold: int
    reducer: BaseEstimator | None


class Scored(NamedTuple):
    """What came of a fit."""

    row: dict
    column_r2: np.ndarray | None
    glimpse: Glimpse | None
    seconds: float  # scoring included


def planned(reducers, sizes, n_folds, target, seed):
    """Return the fits in the order of running, fold by fold.

    So what each takes is known early, and an interrupt leaves whole folds behind.
    """
    made = [
        (name, size, configured(name, reducer, size, seed))
        for size, (name, reducer) in product(sizes, reducers.items())
    ]
    if target is not None:
        made.insert(0, (ALL_COLUMNS, None, None))
    return [
        Fit(name, size, fold, reducer)
        for fold in range(n_folds)
        for name, size, reducer in made
    ]


def run(fits, n_jobs, verbose, *data, **options):
    """Return pairs of fits and what came of them, without those that Ctrl-C cut off.

    They come in the order of the reducers, then of the sizes, then of the folds.
    """
    progress = Progress([fit[:3] for fit in fits], effective_n_jobs(n_jobs))
    results = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(_scored)(i, fit, *data, **options) for i, fit in enumerate(fits)
    )
    scored = {}
    # The caller sees an interrupt from what is missing, and tells it on.
    with suppress(KeyboardInterrupt), shown(progress, verbose), closing(results):
        for i, result in results:
            scored[i] = result
            progress.done(i, result.seconds)
    return [(fits[i], scored[i]) for i in _in_given_order(fits, scored)]


def _scored(i, fit, X, target, splits, encoder, *, scale, seed):
    name, size, fold, reducer = fit
    split = splits[fold]
    row = {"reducer": name, "n_components": size, "fold": fold}
    row |= {"n_train": len(split[0]), "n_test": len(split[1])}
    start = time.perf_counter()
    try:
        if reducer is None:
            scores = target.scores([X[rows] for rows in split], split, seed)
            column_r2 = glimpse = None
        else:
            # The scores say how far from PCA it is.
            with warnings.catch_warnings(action="ignore", category=PCAFallbackWarning):
                scores, column_r2, glimpse = score_fit(
                    clone(reducer), X, target, split, encoder, scale=scale, seed=seed
                )
    except Exception as error:
        at = "" if size is None else f"n_components={size} in "
        raise RuntimeError(f"{name} failed at {at}fold {fold}: {error}") from error
    return i, Scored(row | scores, column_r2, glimpse, time.perf_counter() - start)


def _in_given_order(fits, scored):
    names, sizes = (list(dict.fromkeys(fit[i] for fit in fits)) for i in (0, 1))
    keys = {
        i: (names.index(fits[i].name), sizes.index(fits[i].size), fits[i].fold)
        for i in scored
    }
    return sorted(scored, key=keys.get)
