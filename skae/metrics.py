"""Scorers of reconstructions, for anything with transform and inverse_transform."""

import numpy as np
import scipy.sparse
from sklearn.exceptions import NotFittedError
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

from .tables import d2, mixed_encoder

__all__ = ["explained_deviance", "neg_reconstruction_error", "reconstruction_r2"]


def reconstruction_r2(estimator, X, y=None, sample_weight=None):
    """Share of the variance of X that a round trip through the codes keeps.

    With `X_hat = estimator.inverse_transform(estimator.transform(X))`, and the sums
    running over the cells of the table, this is ::

        1 - sum((X - X_hat) ** 2) / sum((X - X.mean(axis=0)) ** 2)

    which is :func:`sklearn.metrics.r2_score` with every column weighted by its
    variance, computed in float64. 1 is a perfect reconstruction, 0 what the column
    means give, and below 0 is worse than these. It serves as ``scoring=`` as it is.

    It is the share of variance that PCA reports, measured on X instead of on the
    training rows, so it compares PCA with an autoencoder, NMF, KernelPCA or a Pipeline.
    Columns of large variance weigh most: scale X first where units differ, and score
    the scaled rows.

    Parameters
    ----------
    estimator : estimator instance
        Fitted, with `transform` and `inverse_transform`.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows to reconstruct. Columns are compared by position.
    y : None
        Ignored, exists for compatibility with scikit-learn's scorers.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None weighs all alike.

    Returns
    -------
    score : float
        Variance-weighted R^2 of the reconstruction, at most 1; higher is better.

    Raises
    ------
    TypeError
        If the estimator cannot map codes back to columns.
    ValueError
        If X or its reconstruction is not finite, or their shapes differ.

    See Also
    --------
    neg_reconstruction_error : The same comparison in the squared units of X.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skae.metrics import reconstruction_r2
    >>> X, _ = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     PCA(), {"n_components": [1, 2, 3]}, scoring=reconstruction_r2
    ... )
    >>> search.fit(X).best_params_
    {'n_components': 3}
    """
    X, X_hat = _round_trip(estimator, X)
    return float(
        r2_score(X, X_hat, sample_weight=sample_weight, multioutput="variance_weighted")
    )


def neg_reconstruction_error(estimator, X, y=None, sample_weight=None):
    """Minus the mean squared error per cell of a round trip through the codes.

    With `X_hat = estimator.inverse_transform(estimator.transform(X))`, this is ::

        -((X - X_hat) ** 2).mean()

    computed in float64. It ranks estimators on the same rows as
    :func:`reconstruction_r2` does, in the squared units of X. It serves as
    ``scoring=`` as it is.

    Parameters
    ----------
    estimator : estimator instance
        Fitted, with `transform` and `inverse_transform`.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows to reconstruct. Columns are compared by position.
    y : None
        Ignored, exists for compatibility with scikit-learn's scorers.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None weighs all alike.

    Returns
    -------
    score : float
        Minus the mean squared error, at most 0; higher is better.

    Raises
    ------
    TypeError
        If the estimator cannot map codes back to columns.
    ValueError
        If X or its reconstruction is not finite, or their shapes differ.

    See Also
    --------
    reconstruction_r2 : The same comparison as a share of the variance of X.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from skae.metrics import neg_reconstruction_error
    >>> X = np.array([[0.0, 0.0], [0.0, 2.0], [4.0, 0.0], [4.0, 2.0]])
    >>> round(neg_reconstruction_error(PCA(1).fit(X), X), 6)
    -0.5
    """
    X, X_hat = _round_trip(estimator, X)
    return -float(mean_squared_error(X, X_hat, sample_weight=sample_weight))


def explained_deviance(
    estimator, X, y=None, sample_weight=None, *, multioutput="uniform_average"
):
    """Share of the deviance of a mixed table that a round trip through the codes keeps.

    D^2 of a column of numbers, dates or durations is its R^2. Of a category it is ::

        1 - cross_entropy / entropy

    where the cross-entropy is that of the shares which the round trip gives to the
    values in X, and the entropy that of their shares in X. 1 is perfect, 0 what means
    and shares of X give, and below 0 is worse than these. Every column counts alike.

    `estimator` is a Pipeline whose first step is a
    :class:`~skae.tables.TableEncoder`, or an autoencoder that has one inside. So PCA,
    NMF and autoencoders are compared by what they keep of the table, however it is
    encoded. It serves as ``scoring=`` as it is.

    Parameters
    ----------
    estimator : estimator instance
        Fitted: a Pipeline of a TableEncoder and steps with `transform` and
        `inverse_transform`, or an autoencoder.
    X : dataframe of shape (n_samples, n_features)
        Rows to reconstruct.
    y : None
        Ignored, exists for compatibility with scikit-learn's scorers.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None weighs all alike.
    multioutput : {"uniform_average", "raw_values"}, default="uniform_average"
        The mean over columns, or D^2 of each.

    Returns
    -------
    score : float or pandas.Series
        At most 1; higher is better. NaN for a column whose observed cells are alike in
        X; the mean leaves it out.

    Raises
    ------
    TypeError
        If the first step is no TableEncoder, or codes cannot be mapped back.
    ValueError
        If `multioutput` is neither of these, or a weight is negative.

    See Also
    --------
    reconstruction_r2 : The same for tables of numbers.

    Notes
    -----
    Cells that are missing in X, and categories that `fit` has not seen, do not count.
    Shares that the round trip gives need not be shares: those below zero are set to
    zero, and each row is divided by its sum. Then one thousandth is taken from them
    and given to all values alike, which costs a perfect category as much.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> from skae.metrics import explained_deviance
    >>> from skae.tables import TableEncoder
    >>> size = np.random.default_rng(0).normal(size=100)
    >>> table = pd.DataFrame({"size": size, "is_large": size > 0, "weight": 3 * size})
    >>> pipeline = make_pipeline(TableEncoder(), PCA(1)).fit(table)
    >>> explained_deviance(pipeline, table) > 0.5
    True
    """
    accepted = ("uniform_average", "raw_values")
    if multioutput not in accepted:
        raise ValueError(f"multioutput={multioutput!r} is none of {accepted}.")
    encoder, X_encoded, X_hat = _encoded_round_trip(estimator, X)
    weight = _check_sample_weight(sample_weight, X_encoded, ensure_non_negative=True)
    scores = d2(encoder, X_encoded, X_hat, weight)
    return scores if multioutput == "raw_values" else float(scores.mean())


def _encoded_round_trip(estimator, X):
    """Return a TableEncoder, rows as it encodes them, and their reconstruction."""
    steps = estimator if isinstance(estimator, Pipeline) else [estimator]
    first = steps[0]
    if len(steps) == 1 and mixed_encoder(first) is not None:
        return first.encoder_, first.encoder_.transform(X), first.reconstruct_encoded(X)
    if not (hasattr(first, "blocks_") and hasattr(first, "decode")):
        raise TypeError(
            f"{type(first).__name__} is no fitted TableEncoder: explained_deviance "
            "takes a Pipeline that starts with one, or an autoencoder that was fitted "
            "to a mixed table."
        )
    X, reducer, name = first.transform(X), steps[1:], type(estimator).__name__
    if not len(reducer):
        return first, X, X
    _check_has_round_trip(reducer, name)
    return first, X, _decode(reducer, reducer.transform(X), name)


def _round_trip(estimator, X):
    """Return X and its reconstruction, as finite float64 arrays of one shape."""
    name = type(estimator).__name__
    _check_has_round_trip(estimator, name)
    if mixed_encoder(estimator) is not None:
        raise TypeError(
            f"{name} was fitted to a table with categories or dates, of which squared "
            "errors are none: use skae.metrics.explained_deviance."
        )
    X_hat = _dense(_decode(estimator, estimator.transform(X), name))
    X = _dense(X)
    if X.shape != X_hat.shape:
        raise ValueError(
            f"{name} reconstructs shape {X_hat.shape} from X of shape {X.shape}: "
            "inverse_transform has to return the columns that transform takes."
        )
    _check_finite(X, "X has")
    _check_finite(X_hat, f"{name} reconstructs")
    return X, X_hat


def _check_has_round_trip(estimator, name):
    for method in ("transform", "inverse_transform"):
        if not hasattr(estimator, method):
            raise TypeError(
                f"{name} has no {method}, so there is no reconstruction to score: use "
                "an estimator with transform and inverse_transform (in a Pipeline, "
                "every step needs both)."
            )


def _decode(estimator, Z, name):
    """Map codes back to columns.

    An estimator that has just encoded X is fitted: if it says otherwise now, it was
    not prepared for the way back, as KernelPCA is not by default.
    """
    try:
        return estimator.inverse_transform(Z)
    except NotFittedError as error:
        raise TypeError(
            f"{name} was fitted without its inverse, so there is no reconstruction to "
            "score: give KernelPCA fit_inverse_transform=True."
        ) from error


def _dense(X):
    X = X.toarray() if scipy.sparse.issparse(X) else X
    return check_array(X, dtype=np.float64, ensure_all_finite=False)


def _check_finite(X, who):
    n_bad = np.count_nonzero(~np.isfinite(X))
    if n_bad:
        raise ValueError(
            f"{who} {n_bad} NaN or infinite values among {X.size}, where a squared "
            "error is not defined: every cell has to be finite."
        )
