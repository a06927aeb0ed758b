"""What fit returns, keeps, forgets and leaves alone."""

import pickle

import joblib
import numpy as np
from sklearn.base import clone

from ._assert import Snapshot, assert_close, assert_raises, assert_same, is_fitted
from ._callbacks import with_callback
from ._prepare import (
    N_SAMPLES,
    has_picklable_parameters,
    make_rows,
    make_weights,
)


def check_fit_returns_self(estimator):
    """`fit`, and `partial_fit` where there is one, return the estimator."""
    for method in ("fit", "partial_fit"):
        if hasattr(estimator, method):
            returned = getattr(estimator, method)(make_rows())
            assert returned is estimator, (
                f"{method} returns {returned!r}; expected the estimator itself"
            )


def check_fit_leaves_its_input_alone(estimator):
    """`fit` changes neither X nor y nor sample_weight."""
    given = {
        "X": make_rows(),
        "y": np.arange(N_SAMPLES),
        "sample_weight": make_weights(),
    }
    copies = {name: array.copy() for name, array in given.items()}
    estimator.fit(**given)
    for name, array in given.items():
        message = f"fit changes {name} in place; expected it to work on a copy"
        assert_same(array, copies[name], message)


def check_methods_are_deterministic(estimator):
    """Every method of a fitted estimator answers the same twice."""
    X = make_rows()
    Z = estimator.fit(X).transform(X)
    calls = {
        "transform": lambda: estimator.transform(X),
        "inverse_transform": lambda: estimator.inverse_transform(Z),
        "reconstruct": lambda: estimator.reconstruct(X),
        "score_samples": lambda: estimator.score_samples(X),
    }
    for name, call in calls.items():
        message = (
            f"{name} answers differently when asked again; expected no chance in it"
        )
        assert_same(call(), call(), message)


def check_fit_is_reproducible(estimator):
    """Two fits with one random_state give the same codes and rows bit for bit."""
    X = make_rows()
    first, second = clone(estimator).fit(X), estimator.fit(X)
    message = "two fits with the same random_state differ in {}"
    Z = first.transform(X)
    assert_same(second.transform(X), Z, message.format("transform"))
    assert_same(
        second.inverse_transform(Z),
        first.inverse_transform(Z),
        message.format("inverse_transform"),
    )


def check_fit_keeps_parameters(estimator):
    """`fit` replaces no parameter and changes none in place, nested ones included."""
    if "callbacks" in estimator.get_params():
        estimator = with_callback(estimator)
    before = estimator.get_params(deep=True)
    contents = {name: _content(value) for name, value in before.items()}
    estimator.fit(make_rows())
    after = estimator.get_params(deep=True)
    replaced = [name for name in before if after.get(name) is not before[name]]
    assert not replaced, (
        f"fit replaces the parameters {replaced}; expected it to put what it makes of "
        "them into attributes with a trailing underscore"
    )
    changed = [name for name in before if _content(before[name]) != contents[name]]
    assert not changed, (
        f"fit changes the values of the parameters {changed} in place; expected it to "
        "work on copies"
    )


def _content(value):
    try:
        return joblib.hash(value)
    except Exception:  # what cannot be pickled, such as a lambda
        return repr(value)


def check_read_only_input(estimator):
    """Arrays that cannot be written to serve as any other."""
    given = [make_rows(), make_weights()]
    for array in given:
        array.flags.writeable = False
    X, weight = given
    Z = estimator.fit(X, sample_weight=weight).transform(X)
    Z.flags.writeable = False
    estimator.inverse_transform(Z)
    estimator.reconstruct(X)
    estimator.score_samples(X)


def check_fit_ignores_y(estimator):
    """Codes do not depend on y."""
    X = make_rows()
    y = X[:, 0] > 0.5
    without = clone(estimator).fit(X).transform(X)
    message = "fit(X, y) gives other codes than fit(X); expected y to be ignored"
    assert_same(estimator.fit(X, y).transform(X), without, message)


def check_fit_transform(estimator):
    """`fit_transform` is `fit` and then `transform`."""
    X = make_rows()
    expected = clone(estimator).fit(X).transform(X)
    message = "fit_transform(X) differs from fit(X).transform(X)"
    assert_close(estimator.fit_transform(X), expected, message, tol=1e-8)


def check_refit_forgets(estimator):
    """A second fit gives what a first fit on the same rows gives."""
    if estimator.get_params().get("warm_start"):
        return
    X = make_rows(seed=1)
    _check_refit(estimator, X, clone(estimator).fit(X))
    narrow = X[:70, :9]
    try:
        fresh = clone(estimator).fit(narrow)
    except Exception:  # the parameters fix the number of columns
        return
    _check_refit(estimator, narrow, fresh)


def _check_refit(estimator, X, fresh):
    message = "after an earlier fit on other rows, {} differs from a first fit's"
    again = clone(estimator).fit(make_rows())
    again.transform(make_rows())
    again.fit(X)
    Z = fresh.transform(X)
    assert_same(again.transform(X), Z, message.format("transform"))
    assert_same(
        again.inverse_transform(Z),
        fresh.inverse_transform(Z),
        message.format("inverse_transform"),
    )


def check_failed_fit_leaves_unfitted(estimator):
    """An estimator whose first fit fails is not fitted."""
    with assert_raises(ValueError, "fit with too few sample_weight"):
        estimator.fit(make_rows(), sample_weight=np.ones(3))
    assert not is_fitted(estimator), (
        "a fit that raised leaves a fitted estimator; expected it to stay unfitted"
    )


def check_failed_refit_changes_nothing(estimator):
    """A fit that fails leaves a fitted estimator as it was."""
    X = make_rows()
    before = Snapshot(estimator.fit(X), X)
    with assert_raises(ValueError, "fit with infinite values in X"):
        estimator.fit(np.where(X > 0.9, np.inf, X))
    before.assert_unchanged("a fit that fails on infinite values")
    with assert_raises(ValueError, "fit with too few sample_weight"):
        estimator.fit(X[:, :9], sample_weight=np.ones(3))
    before.assert_unchanged("a fit that fails on sample_weight")


def check_training_rows_are_not_kept(estimator):
    """The fitted estimator holds no copy of the rows that it was trained on."""
    if not has_picklable_parameters(estimator):
        return
    X = make_rows()
    content = pickle.dumps(estimator.fit(X))
    kept = [i for i, row in enumerate(X) if _holds(content, row)]
    assert not kept, (
        f"the pickled estimator contains {len(kept)} of {N_SAMPLES} training rows; "
        "expected none: they cost memory and may be confidential"
    )


def _holds(content, row):
    return row.tobytes() in content or row.astype(np.float32).tobytes() in content
