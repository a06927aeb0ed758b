"""Scores and errors of the reconstruction."""

import inspect

import numpy as np
from sklearn.metrics import r2_score

from ..metrics import reconstruction_r2
from ._assert import assert_close, assert_finite
from ._prepare import N_FEATURES, N_SAMPLES, in_full, make_rows


def _takes_weights(method):
    return "sample_weight" in inspect.signature(method).parameters


def _repeats():
    """Return the rows, integer weights, and the rows repeated as often as these say."""
    X, weight = make_rows(), np.arange(N_SAMPLES) % 4
    return X, weight, np.repeat(X, weight, axis=0)


def check_score(estimator):
    """`score` is the variance-weighted R^2 of the reconstruction and ignores y."""
    estimator.fit(make_rows())
    for X in (make_rows(), make_rows(seed=1)):
        score = estimator.score(X)
        assert isinstance(score, float), f"score returns {score!r}; expected a float"
        X_hat = estimator.reconstruct(X)
        expected = {
            "r2_score(X, reconstruct(X), multioutput='variance_weighted')": r2_score(
                X, X_hat, multioutput="variance_weighted"
            ),
            "skae.metrics.reconstruction_r2": reconstruction_r2(estimator, X),
            "score(X, y)": estimator.score(X, np.arange(N_SAMPLES)),
        }
        for what, value in expected.items():
            assert_close(score, value, f"score(X) is not {what}", tol=1e-6)


def check_score_weights(estimator):
    """`score` with integer weights is the score of rows repeated as often."""
    if not _takes_weights(estimator.score):
        return
    X, weight, repeated = _repeats()
    estimator.fit(X)
    message = "score(X, sample_weight=w) is not the score of each row repeated w times"
    score = estimator.score(X, sample_weight=weight)
    assert_close(score, estimator.score(repeated), message, tol=1e-6)


def check_score_samples(estimator):
    """`score_samples` has a number for each row: minus its squared error, as a rule."""
    X = make_rows()
    scores = estimator.fit(X).score_samples(X)
    assert scores.shape == (N_SAMPLES,), (
        f"score_samples has shape {scores.shape}; expected {(N_SAMPLES,)}"
    )
    assert_finite(scores, "score_samples has")
    if hasattr(estimator, "sample"):  # a bound on the log-likelihood
        return
    expected = -((X - estimator.reconstruct(X)) ** 2).sum(axis=1)
    message = "score_samples is not minus the squared error summed over the columns"
    assert_close(scores, expected, message, tol=1e-6)


@in_full
def check_outliers_score_low(estimator):
    """Rows off the surface that the training rows lie on score lower than these.

    An estimator with codes as wide as the rows may reconstruct any row.
    """
    X = make_rows()
    if estimator.fit(X).n_components_ >= N_FEATURES:
        return
    corners = np.random.default_rng(0).integers(0, 2, (N_SAMPLES, N_FEATURES))
    outliers = estimator.score_samples(corners.astype(float)).mean()
    inliers = estimator.score_samples(X).mean()
    assert outliers < inliers, (
        f"score_samples is {outliers:.3g} on average for random corners of the unit "
        f"cube and {inliers:.3g} for the training rows; expected the corners to "
        "score lower: they are outliers"
    )


def check_reconstruction_error(estimator):
    """`reconstruction_error` is the mean squared error, of all cells or by column."""
    X = make_rows()
    errors = estimator.fit(X).reconstruction_error(X, per_feature=True)
    assert np.shape(errors) == (N_FEATURES,), (
        f"reconstruction_error(X, per_feature=True) has shape {np.shape(errors)}; "
        f"expected {(N_FEATURES,)}"
    )
    expected = ((X - estimator.reconstruct(X)) ** 2).mean(axis=0)
    message = "reconstruction_error(X{}) is not the mean squared error {}"
    by_column = message.format(", per_feature=True", "of each column")
    assert_close(errors, expected, by_column, tol=1e-6)
    error = estimator.reconstruction_error(X)
    assert isinstance(error, float), (
        f"reconstruction_error(X) returns {error!r}; expected a float"
    )
    assert_close(error, expected.mean(), message.format("", "of all cells"), tol=1e-6)


def check_reconstruction_error_weights(estimator):
    """`reconstruction_error` with integer weights is that of rows repeated as often."""
    if not _takes_weights(estimator.reconstruction_error):
        return
    X, weight, repeated = _repeats()
    error = estimator.fit(X).reconstruction_error(X, sample_weight=weight)
    message = (
        "reconstruction_error(X, sample_weight=w) is not the error of each row "
        "repeated w times"
    )
    assert_close(error, estimator.reconstruction_error(repeated), message, tol=1e-6)
