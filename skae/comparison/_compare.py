"""Cross-validated comparison of reducers over the number of components."""

import warnings
from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.decomposition import PCA
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state

from .. import tables
from ._details import Details, how_it_was_run
from ._fits import planned, run
from ._reducers import named_reducers
from ._report import ReducerComparison
from ._target import read_target


class ComparisonInterrupt(KeyboardInterrupt):
    """Ctrl-C during :func:`compare_reducers`, with what had finished by then.

    It is a KeyboardInterrupt and ends a program as one does, unless it is caught.

    Parameters
    ----------
    message : str
        How many fits had finished.
    comparison : ReducerComparison
        The scores of these fits.

    Examples
    --------
    >>> from skae.comparison import ComparisonInterrupt, compare_reducers
    >>> X = [[1, 2], [2, 1], [3, 5], [0, 2]]
    >>> try:
    ...     comparison = compare_reducers(X, reducers=["pca"], n_components=1, cv=2)
    ... except ComparisonInterrupt as interrupt:
    ...     comparison = interrupt.comparison
    >>> len(comparison.results)
    2
    """

    def __init__(self, message, comparison):
        super().__init__(message)
        self.comparison = comparison


def compare_reducers(
    X,
    y=None,
    *,
    reducers=None,
    n_components=(2, 4, 8, 16),
    estimator=None,
    cv=5,
    scale=True,
    n_jobs=None,
    random_state=None,
    verbose=0,
):
    """Cross-validated comparison of reducers by what they keep of unseen rows.

    Every reducer is fitted at every size on the training rows of every fold, and scored
    on the rows held out:

    - reconstruction, where codes lead back to columns: the R^2 of
      :func:`~skae.metrics.reconstruction_r2`, in all and for each column;
    - structure: trustworthiness [1]_, and the share of each row's ten nearest rows that
      are its nearest in the codes, too, among 500 held-out rows at most;
    - usefulness, where there is a `y`: how well `estimator` predicts it from the codes,
      beside the same from all columns;
    - seconds of the fit.

    With `scale=True` each reducer comes behind a StandardScaler fitted on the training
    rows alone, and errors are measured with every column divided by its standard
    deviation over the whole table. These units are the same in every fold: in those of
    the training rows, a column that hardly varies there could outweigh all others. For
    reducers that take no negative numbers, such as NMF, the scaler does not centre.

    A DataFrame with categories, text, dates or missing cells is encoded by a
    :class:`~skae.tables.TableEncoder` instead, whatever `scale` is. What is compared is
    then the D^2 of :func:`~skae.metrics.explained_deviance`, in which every column
    counts alike, in place of R^2.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Finite numbers, a sparse matrix is made dense; or a mixed table, for which a
        DataFrame with missing cells is taken.
    y : array-like of shape (n_samples,), default=None
        Class labels, whose accuracy is scored and by which the folds are stratified, or
        a quantity, whose R^2 is. Numbers are taken for labels if they are whole and
        each occurs ten times on average, unless `estimator` decides.
    reducers : dict of {str: estimator}, or list of estimators and names, default=None
        What to compare. The names are "pca", "kernel_pca" (radial basis functions),
        "nmf", "factor_analysis", "fast_ica", "truncated_svd", "isomap", "umap" (where
        it is installed), "ae" (:class:`~skae.AutoencoderTransformer`), "denoising_ae",
        "sparse_ae", "contractive_ae", "stacked_ae", "vae", and those of any other class
        in full, such as "sklearn.decomposition.SparsePCA". An estimator needs
        `transform` and a parameter `n_components`, its own or that of one step of a
        Pipeline. Without `inverse_transform` it has no reconstruction to score
        (FactorAnalysis has: its model's mean given the codes). None compares "pca" with
        "ae".
    n_components : int or sequence of int, default=(2, 4, 8, 16)
        Sizes to compare, none above the number of columns or of training rows.
    estimator : classifier, regressor or str, default=None
        What predicts `y` from the standardised codes. A classifier takes `y` for
        labels, a regressor for a quantity. The names are "linear" (logistic regression
        or ridge, as by default), "neighbors" and "forest".
    cv : int, cross-validation generator or iterable, default=5
        Number of folds, which are shuffled; or the splits themselves. More folds take
        longer and train on more rows.
    scale : bool, default=True
        Whether to standardise the columns. False suits columns in one common unit, such
        as pixels; columns of large variance then weigh most.
    n_jobs : int, default=None
        Number of fits to run in parallel, as in scikit-learn. It does not change the
        scores.
    random_state : int, RandomState instance or None, default=None
        Determines the folds, and the `random_state` of the reducers and of the
        estimator where they have none set.
    verbose : int, default=0
        1 shows on standard error what runs and how long is left: a bar on a terminal,
        elsewhere a line now and then.

    Returns
    -------
    comparison : ReducerComparison
        The scores, with a summary, a conclusion in words, a plot and a report.

    Raises
    ------
    ValueError
        If a size does not fit the table, a reducer is unknown, or a fold has fewer than
        two rows to score.
    TypeError
        If a reducer has no `transform`, or the estimator does not predict.
    RuntimeError
        If a reducer fails; the message names the reducer, the size and the fold.
    ComparisonInterrupt
        On Ctrl-C. This KeyboardInterrupt has the finished fits in its `comparison`.

    References
    ----------
    .. [1] J. Venna and S. Kaski, "Neighborhood preservation in nonlinear projection
       methods: an experimental study", ICANN 2001.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skae import compare_reducers
    >>> X, y = load_wine(return_X_y=True)
    >>> comparison = compare_reducers(
    ...     X, y, reducers=["pca"], n_components=[2, 4], cv=3, random_state=0
    ... )
    >>> comparison.results.shape
    (6, 11)
    """
    X, names, encoder = _read(X)
    if encoder is not None:  # whose numbers and categories weigh alike
        scale = False
    target = read_target(y, X, estimator)
    reducers = named_reducers(reducers)
    random_state = check_random_state(random_state)
    splits = _splits(X, target, cv, random_state)
    sizes = _sizes(n_components, X, splits)
    seed = random_state.randint(np.iinfo(np.int32).max)
    # Rounding gives constant columns a deviation, which scale_ sees through.
    units = StandardScaler().fit(X).scale_ if scale else np.ones(X.shape[1])

    fits = planned(reducers, sizes, len(splits), target, seed)
    done = run(
        fits,
        n_jobs,
        verbose,
        X / units,
        target,
        splits,
        encoder,
        scale=scale,
        seed=seed,
    )
    # Of all columns the reducer is None.
    scored = [(fit, score) for fit, score in done if fit.reducer is not None]
    if not scored:
        raise KeyboardInterrupt
    settings = {"scale": scale, "seed": seed, "n_jobs": n_jobs}
    comparison = ReducerComparison(
        pd.DataFrame([score.row for _, score in scored]),
        reference=_first_pca(reducers),
        all_columns=_all_columns(done, X),
        column_r2=_column_r2(scored, _labels(encoder, names)),
        n_unfinished=len(fits) - len(done),
        details=Details(
            names=names,
            rows=_rows_restored(scored, X),
            units=units,
            target=target,
            glimpses={fit[:3]: score.glimpse for fit, score in scored},
            run=how_it_was_run(X, reducers, sizes, splits, target, encoder, **settings),
        ),
    )
    if len(done) < len(fits):
        raise ComparisonInterrupt(
            f"interrupted with {len(done)} of {len(fits)} fits finished, which are in "
            "the attribute `comparison` of this ComparisonInterrupt",
            comparison,
        )
    return comparison


def _all_columns(done, X):
    """Return the scores of all columns, a row a fold, or None without a target."""
    rows = [score.row for fit, score in done if fit.reducer is None]
    if not rows:
        return None
    return pd.DataFrame(rows).drop(columns="reducer").assign(n_components=X.shape[1])


def _rows_restored(scored, X):
    """Return the rows of which there are reconstructions, by their number."""
    return {row: X[row] for _, score in scored for row in score.glimpse.restored}


def _column_r2(scored, names):
    """Return R^2 by column, a row a fit, or None where no codes lead back."""
    found = {fit[:3]: score.column_r2 for fit, score in scored}
    found = {key: r2 for key, r2 in found.items() if r2 is not None}
    if not found:
        return None
    index = pd.MultiIndex.from_tuples(found, names=["reducer", "n_components", "fold"])
    return pd.DataFrame([*found.values()], index=index, columns=names)


def _read(X):
    """Return rows as numbers, the names of their columns, and their TableEncoder."""
    if not (tables.is_mixed(X) or _has_holes(X)):
        names = _column_names(X)
        return _numbers(X), names, None
    encoder = tables.TableEncoder(handle_unknown="ignore").fit(X)
    return encoder.transform(X), list(encoder.get_feature_names_out()), encoder


def _has_holes(X):
    """Whether a DataFrame of numbers has missing cells: null or NaN."""
    if isinstance(X, pd.DataFrame):
        return X.isna().any(axis=None)
    is_polars = hasattr(X, "get_columns")
    return is_polars and np.isnan(X.cast(float).to_numpy()).any()


def _labels(encoder, names):
    """Return the names of the columns that are judged."""
    return (
        names if encoder is None else [str(block.column) for block in encoder.blocks_]
    )


def _column_names(X):
    """Return the names of the columns, or numbers as scikit-learn writes them."""
    columns = getattr(X, "columns", None)
    if columns is not None:
        return [str(name) for name in columns]
    return [f"x{i}" for i in range(np.shape(X)[1])] if np.ndim(X) == 2 else []


def _numbers(X):
    """Return X as a dense float64 table with something to reduce."""
    X = X.toarray() if scipy.sparse.issparse(X) else X
    X = check_array(X, dtype=np.float64, input_name="X")
    if not np.ptp(X, axis=0).any():
        raise ValueError("X has no column that varies, so there is nothing to compare.")
    return X


def _first_pca(reducers):
    return next((name for name, r in reducers.items() if isinstance(r, PCA)), None)


def _splits(X, target, cv, random_state):
    """Return the training and test rows of each fold."""
    labels = target.y if target is not None and target.is_label else None
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
            f"{len(X)} rows in {len(splits)} folds leave {smallest} to score in the "
            "smallest: cv has to give two folds or more, of two rows or more each. "
            f"{2 * max(len(splits), 2)} rows are the least for that, and dozens are "
            "needed to learn from."
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
