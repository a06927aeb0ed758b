"""Comparisons whose failures say what was expected."""

import re
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted


def assert_same(actual, expected, message):
    """Raise with `message` unless two arrays are equal, value by value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (
        f"{message} (shapes {actual.shape} and {expected.shape})"
    )
    assert np.array_equal(actual, expected, equal_nan=True), (
        f"{message} ({np.mean(actual != expected):.0%} of the values differ, by up to "
        f"{_distance(actual, expected):.3g})"
    )


def assert_close(actual, expected, message, tol=1e-10):
    """Raise with `message` unless arrays agree to `tol` of the largest value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (
        f"{message} (shapes {actual.shape} and {expected.shape})"
    )
    allowed = tol * max(1.0, np.abs(expected).max(initial=0.0))
    distance = _distance(actual, expected)
    assert distance <= allowed, (
        f"{message} (they differ by up to {distance:.3g}, {allowed:.3g} is allowed)"
    )


def _distance(actual, expected):
    return np.abs(actual.astype(np.float64) - expected).max(initial=0.0)


def assert_finite(array, what):
    """Raise unless every value is finite; `what` names them."""
    n_bad = np.count_nonzero(~np.isfinite(array))
    assert n_bad == 0, (
        f"{what} {n_bad} NaN or infinite values among {np.size(array)}; expected none"
    )


@contextmanager
def assert_raises(error, what, match=""):
    """Raise unless the block does, with a message that matches.

    `what` names what the block does.
    """
    try:
        yield
    except Exception as raised:
        found = f"{type(raised).__name__}({str(raised)!r})"
        if not isinstance(raised, error):
            message = f"{what} raises {found}; expected {error.__name__}"
            raise AssertionError(message) from raised
        if not re.search(match, str(raised)):
            message = f"{what} raises {found}; expected a message matching {match!r}"
            raise AssertionError(message) from raised
    else:
        raise AssertionError(f"{what} raises nothing; expected {error.__name__}")


def is_fitted(estimator):
    """Return whether scikit-learn takes the estimator for fitted."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


class Snapshot:
    """What an estimator answers now, to compare with what it answers later."""

    def __init__(self, estimator, X):
        self.estimator = estimator
        self.X = X
        self.codes = estimator.transform(X).copy()
        self.rows = estimator.inverse_transform(self.codes).copy()
        self.names = set(vars(estimator))

    def assert_unchanged(self, event):
        """Raise if attributes came or went, or if codes or reconstructions moved."""
        changed = sorted(self.names ^ set(vars(self.estimator)))
        assert not changed, (
            f"{event} adds or removes the attributes {changed}; expected the fitted "
            "estimator to stay as it was"
        )
        message = f"{event} changes what {{}} returns; expected it to stay as it was"
        codes = self.estimator.transform(self.X)
        assert_same(codes, self.codes, message.format("transform"))
        rows = self.estimator.inverse_transform(self.codes)
        assert_same(rows, self.rows, message.format("inverse_transform"))
