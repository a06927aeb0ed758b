"""Cross-validated comparison of reducers over the number of components."""

import time
import warnings
from itertools import product
from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.base import clone
from sklearn.decomposition import PCA, KernelPCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import column_or_1d

from ..exceptions import PCAFallbackWarning
from ..metrics import neg_reconstruction_error, reconstruction_r2
from ._report import ReducerComparison

# A target of whole numbers with fewer rows a value is taken for a quantity.
_ROWS_PER_CLASS = 10


def compare_reducers(
    X,
    y=None,
    *,
    reducers=None,
    n_components=(2, 4, 8, 16),
    cv=5,
    scale=True,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """Cross-validated comparison of reducers by what they reconstruct of unseen rows.

    Every reducer is fitted at every size on the training rows of every fold, and scored
    on the rows held out, by :func:`~skae.metrics.reconstruction_r2` and, where `y`
    holds class labels, by the accuracy of a logistic regression on the codes.

    With `scale=True` each reducer comes behind a StandardScaler fitted on the training
    rows alone, and errors are measured with every column divided by its standard
    deviation over the whole table. These units are the same in every fold: in those of
    the training rows, a column that hardly varies there could outweigh all others.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Finite numbers. A sparse matrix is made dense.
    y : array-like of shape (n_samples,), default=None
        Class labels add the accuracy, and the folds are stratified by them. Numbers are
        taken for labels if they are whole and each occurs ten times on average;
        any other numbers are a quantity, for which no accuracy is computed: make them
        strings to have them taken for labels.
    reducers : dict of {str: estimator}, or list of estimators and names, default=None
        What to compare. The names are "pca", "kernel_pca" (radial basis functions) and
        "ae" (:class:`~skae.AutoencoderTransformer`). An estimator needs `transform`,
        `inverse_transform` and a parameter `n_components`, its own or that of one step
        of a Pipeline. None compares "pca" with "ae".
    n_components : int or sequence of int, default=(2, 4, 8, 16)
        Sizes to compare, none above the number of columns or of training rows.
    cv : int, cross-validation generator or iterable, default=5
        Number of folds, which are shuffled; or the splits themselves. More folds take
        longer and train on more rows.
    scale : bool, default=True
        Whether to standardise the columns. False suits columns in one common unit, such
        as pixels; columns of large variance then weigh most.
    n_jobs : int, default=None
        Number of fits to run in parallel, as in scikit-learn.
    random_state : int, RandomState instance or None, default=None
        Determines the folds, and the `random_state` of the reducers that have none set.
    verbose : int, default=0
        1 shows a progress bar on standard error.

    Returns
    -------
    comparison : ReducerComparison
        The scores, with a summary, a conclusion in words and a plot.

    Raises
    ------
    ValueError
        If a size does not fit the table, a reducer is unknown, or a fold has fewer than
        two rows to score.
    RuntimeError
        If a reducer fails; the message names the reducer, the size and the fold.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skae import compare_reducers
    >>> X, y = load_wine(return_X_y=True)
    >>> comparison = compare_reducers(
    ...     X, y, reducers=["pca"], n_components=[2, 4], cv=3, random_state=0
    ... )
    >>> comparison.results.shape
    (6, 9)
    """
    X = _numbers(X)
    labels = None if y is None else _class_labels(y, X)
    reducers = _named_reducers(reducers)
    random_state = check_random_state(random_state)
    splits = _splits(X, labels, cv, random_state)
    sizes = _sizes(n_components, X, splits)
    seed = random_state.randint(np.iinfo(np.int32).max)
    if scale:
        # Rounding gives constant columns a deviation, which scale_ sees through.
        X = X / StandardScaler().fit(X).scale_

    cells = [
        (name, _configured(name, reducer, size, seed), size, fold)
        for (name, reducer), size, fold in product(
            reducers.items(), sizes, range(len(splits))
        )
    ]
    fits = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_scored_cell)(*cell, X, labels, splits[cell[-1]], scale)
        for cell in cells
    )
    results = pd.DataFrame(_with_progress(fits, len(cells), verbose))
    return ReducerComparison(results, reference=_first_pca(reducers))


def _numbers(X):
    """Return X as a dense float64 table with something to reduce."""
    X = X.toarray() if scipy.sparse.issparse(X) else X
    X = check_array(X, dtype=np.float64, input_name="X")
    if not np.ptp(X, axis=0).any():
        raise ValueError("X has no column that varies, so there is nothing to compare.")
    return X


def _class_labels(y, X):
    """Return y as class labels, or None where it holds a quantity."""
    y = column_or_1d(y, dtype=None)
    check_consistent_length(X, y)
    n_missing = np.count_nonzero(pd.isna(y))
    if n_missing:
        raise ValueError(f"y is missing in {n_missing} of {len(y)} rows.")
    if y.dtype.kind in "iuf":
        is_label = np.all(np.mod(y, 1) == 0) and (
            len(np.unique(y)) * _ROWS_PER_CLASS <= len(y)
        )
        return y if is_label else None
    return y.astype(str)


def _named_reducers(reducers):
    """Return a dict of estimators from any of the forms in which they are given."""
    reducers = ["pca", "ae"] if reducers is None else reducers
    if not isinstance(reducers, (dict, list, tuple)):
        raise TypeError(
            f"reducers is {reducers!r}: a dict or a list of reducers is accepted."
        )
    if not reducers:
        raise ValueError("reducers is empty: there is nothing to compare.")
    if isinstance(reducers, dict):
        return reducers
    estimators = [
        _known_reducer(reducer) if isinstance(reducer, str) else reducer
        for reducer in reducers
    ]
    names = [type(estimator).__name__ for estimator in estimators]
    if len(set(names)) < len(names):
        raise ValueError(
            f"reducers has two of one name among {names}: give a dict of names."
        )
    return dict(zip(names, estimators, strict=True))


def _known_reducer(name):
    from ..estimators._autoencoder import AutoencoderTransformer

    known = {
        "pca": PCA(),
        # The way back is a ridge regression, whose default penalty of 1 shrinks
        # codes of norm below 1, as those of this kernel are, towards the mean.
        "kernel_pca": KernelPCA(kernel="rbf", fit_inverse_transform=True, alpha=1e-3),
        "ae": AutoencoderTransformer(),
    }
    if name not in known:
        raise ValueError(f"unknown reducer {name!r}: known are {', '.join(known)}.")
    return known[name]


def _first_pca(reducers):
    return next((name for name, r in reducers.items() if isinstance(r, PCA)), None)


def _splits(X, labels, cv, random_state):
    """Return the training and test rows of each fold."""
    if isinstance(cv, Integral):
        if labels is not None:
            _check_classes(labels, cv)
        kind = KFold if labels is None else StratifiedKFold
        cv = kind(cv, shuffle=True, random_state=random_state)
    with warnings.catch_warnings():
        # A rare class is missing in some folds; the accuracy shows it.
        warnings.filterwarnings("ignore", message="The least populated class")
        splits = list(check_cv(cv).split(X, labels))
    smallest = min(len(test) for _, test in splits)
    if len(splits) < 2 or smallest < 2:
        raise ValueError(
            f"cv gives {len(splits)} folds of at least {smallest} rows, from {len(X)} "
            "rows: two folds of two rows are the least to be scored."
        )
    return splits


def _check_classes(labels, cv):
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"y has a single class, {classes[0]!s}: two are the least.")
    if counts.max() < cv:
        raise ValueError(
            f"y has {len(classes)} classes in {len(labels)} rows, and none has the "
            f"{cv} rows that cv={cv} needs: is it a class label?"
        )


def _sizes(n_components, X, splits):
    """Return the sizes to compare, each once."""
    sizes = list(dict.fromkeys(np.atleast_1d(n_components).tolist()))
    if not sizes or not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError(
            f"n_components is {n_components!r}: whole numbers from 1 are accepted."
        )
    n_rows = min(len(train) for train, _ in splits)
    limit = min(X.shape[1], n_rows)
    too_large = [str(size) for size in sizes if size > limit]
    if too_large:
        raise ValueError(
            f"n_components={', '.join(too_large)} is too large: the table allows "
            f"{limit} at most, with {X.shape[1]} columns and {n_rows} training rows."
        )
    return sizes


def _configured(name, reducer, size, seed):
    """Return an unfitted copy of the given size, seeded where it has no seed."""
    params = reducer.get_params()
    seeds = {
        key: seed
        for key, value in params.items()
        if key.split("__")[-1] == "random_state" and value is None
    }
    return clone(reducer).set_params(**{_size_parameter(name, params): size}, **seeds)


def _size_parameter(name, params):
    if "n_components" in params:
        return "n_components"
    nested = [key for key in params if key.endswith("__n_components")]
    if len(nested) != 1:
        raise ValueError(
            f"reducer {name!r} has {len(nested)} parameters n_components in its steps: "
            "one is needed to set its size."
        )
    return nested[0]


def _scored_cell(name, reducer, size, fold, X, labels, split, scale):
    """Return one row of the results."""
    cell = {"reducer": name, "n_components": size, "fold": fold}
    rows = {"n_train": len(split[0]), "n_test": len(split[1])}
    try:
        return cell | rows | _scores(reducer, X, labels, split, scale)
    except Exception as error:
        raise RuntimeError(
            f"{name} failed at n_components={size} in fold {fold}: {error}"
        ) from error


def _scores(reducer, X, labels, split, scale):
    train, test = split
    estimator = make_pipeline(StandardScaler(), reducer) if scale else reducer
    start = time.perf_counter()
    with warnings.catch_warnings():  # the table says how far from PCA it is
        warnings.simplefilter("ignore", PCAFallbackWarning)
        estimator.fit(X[train])
    fit_time = time.perf_counter() - start
    scores = {
        "r2": reconstruction_r2(estimator, X[test]),
        "reconstruction_error": -neg_reconstruction_error(estimator, X[test]),
    }
    if labels is not None:
        scores["accuracy"] = _accuracy(estimator, X, labels, split)
    return scores | {"fit_time": fit_time}


def _accuracy(estimator, X, labels, split):
    """Return the held-out accuracy of a logistic regression on the codes."""
    train, test = split
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(estimator.transform(X[train]), labels[train])
    return classifier.score(estimator.transform(X[test]), labels[test])


def _with_progress(fits, total, verbose):
    from tqdm import tqdm

    return list(tqdm(fits, total=total, unit="fit", disable=not verbose))
