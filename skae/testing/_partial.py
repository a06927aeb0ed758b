"""Fitting on a stream of rows, where there is a partial_fit."""

import pickle

import numpy as np
from sklearn.base import clone

from ._assert import Snapshot, assert_close, assert_raises, assert_same
from ._prepare import has_picklable_parameters, make_rows

CUTS = (1, 50, 90, 300)  # where the stream is cut into chunks


def _stream():
    """Return four tables one after the other: enough to start from and to learn."""
    return np.vstack([make_rows(seed) for seed in range(4)])


def check_partial_fit_ignores_chunks(estimator):
    """The same rows in the same order give the same codes, however they are cut."""
    if not hasattr(estimator, "partial_fit"):
        return
    X = _stream()
    whole = clone(estimator).partial_fit(X)
    for chunk in np.split(X, CUTS):
        estimator.partial_fit(chunk)
    message = "partial_fit of the same rows in other chunks gives other {}"
    codes = whole.transform(X)
    assert_close(estimator.transform(X), codes, message.format("codes"), tol=1e-5)
    rows = estimator.inverse_transform(codes)
    expected = whole.inverse_transform(codes)
    assert_close(rows, expected, message.format("rows"), tol=1e-5)


def check_partial_fit_copies_its_rows(estimator):
    """The caller may write the next chunk over the last one."""
    if not hasattr(estimator, "partial_fit"):
        return
    X = _stream()
    expected = clone(estimator)
    buffer = np.empty((len(X) // 8, X.shape[1]))
    for chunk in np.split(X, 8):
        expected.partial_fit(chunk)
        buffer[:] = chunk
        estimator.partial_fit(buffer)
        assert_same(buffer, chunk, "partial_fit changes X in place; expected no change")
        buffer.fill(0.5)
    message = "partial_fit depends on what its earlier X holds now; expected it to copy"
    assert_close(estimator.transform(X), expected.transform(X), message)


def check_partial_fit_resumes_from_a_pickle(estimator):
    """A stream goes on after pickling as if nothing had happened."""
    if not hasattr(estimator, "partial_fit") or not has_picklable_parameters(estimator):
        return
    X = _stream()
    estimator.partial_fit(X[:300])
    resumed = pickle.loads(pickle.dumps(estimator)).partial_fit(X[300:])
    codes = estimator.partial_fit(X[300:]).transform(X)
    message = "partial_fit gives other codes after pickling in the middle of a stream"
    assert_close(resumed.transform(X), codes, message)


def check_partial_fit_rejects_other_widths(estimator):
    """A chunk of another width raises ValueError and leaves the estimator as it was."""
    if not hasattr(estimator, "partial_fit"):
        return
    X = make_rows()
    before = Snapshot(estimator.partial_fit(X), X)
    with assert_raises(ValueError, "partial_fit of fewer columns than before"):
        estimator.partial_fit(X[:, :-1])
    before.assert_unchanged("a partial_fit that fails")


def check_partial_fit_goes_on(estimator):
    """After fit, a few rows more do not undo what was learnt."""
    if not hasattr(estimator, "partial_fit"):
        return
    X = make_rows()
    before = estimator.fit(X).reconstruction_error(X)
    after = estimator.partial_fit(make_rows(seed=1)[:3]).reconstruction_error(X)
    assert after <= 2 * before, (
        f"partial_fit of three rows after fit takes the error from {before:.3g} to "
        f"{after:.3g}; expected it to go on from what fit has learnt"
    )


def check_fit_forgets_the_stream(estimator):
    """`fit` after `partial_fit` is a first fit."""
    if not hasattr(estimator, "partial_fit"):
        return
    if estimator.get_params().get("warm_start"):
        return
    X = make_rows()
    expected = clone(estimator).fit(X).transform(X)
    codes = estimator.partial_fit(make_rows(seed=1)).fit(X).transform(X)
    assert_same(codes, expected, "fit after partial_fit differs from a first fit")
