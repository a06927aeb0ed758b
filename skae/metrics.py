"""Scorers of reconstructions, for anything with transform and inverse_transform."""

import numpy as np
import scipy.sparse
from sklearn.exceptions import NotFittedError
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.utils import check_array

__all__ = ["neg_reconstruction_error", "reconstruction_r2"]


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


def _round_trip(estimator, X):
    """Return X and its reconstruction, as finite float64 arrays of one shape."""
    name = type(estimator).__name__
    _check_has_round_trip(estimator, name)
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
