"""Copies of a fitted estimator."""

import copy
import pickle

from sklearn.base import clone

from ._assert import assert_same, is_fitted
from ._prepare import has_picklable_parameters, make_rows


def _check_copy(original, duplicate, how):
    X = make_rows()
    Z = original.transform(X)
    for name, table in {
        "transform": X,
        "inverse_transform": Z,
        "reconstruct": X,
    }.items():
        found = getattr(duplicate, name)(table)
        message = f"{name} of {how} differs from the original's"
        assert_same(found, getattr(original, name)(table), message)


def check_pickle(estimator):
    """A pickled estimator encodes and decodes as the original, bit for bit."""
    if not has_picklable_parameters(estimator):
        return
    estimator.fit(make_rows())
    _check_copy(estimator, pickle.loads(pickle.dumps(estimator)), "an unpickled copy")


def check_deepcopy(estimator):
    """A deep copy encodes and decodes as the original, and outlives its refit."""
    X = make_rows()
    duplicate = copy.deepcopy(estimator.fit(X))
    _check_copy(estimator, duplicate, "a deep copy")
    codes = duplicate.transform(X)
    estimator.fit(make_rows(seed=1))
    message = "a deep copy changes when the original is fitted again"
    assert_same(duplicate.transform(X), codes, message)


def check_clone(estimator):
    """A clone of a fitted estimator is unfitted, and fits to the same."""
    X = make_rows()
    again = clone(estimator.fit(X))
    assert not is_fitted(again), "a clone is fitted; expected it to be unfitted"
    _check_copy(estimator, again.fit(X), "a clone fitted on the same rows")
