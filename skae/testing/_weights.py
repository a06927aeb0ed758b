"""Sample weights."""

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from ._assert import assert_close
from ._prepare import N_SAMPLES, make_rows, make_weights


def check_zero_weights(estimator):
    """Rows of weight zero are as good as left out of the fit."""
    X, odd = make_rows(), make_rows(seed=1)[:30]
    weight = np.r_[np.ones(N_SAMPLES), np.zeros(30)]
    with_zeros = clone(estimator).fit(np.vstack([X, odd]), sample_weight=weight)
    without = estimator.fit(X)
    message = "a row of sample_weight zero changes {}; expected it not to count"
    codes = without.transform(X)
    assert_close(with_zeros.transform(X), codes, message.format("the codes"), tol=1e-5)
    assert_close(with_zeros.mean_, without.mean_, message.format("mean_"), tol=1e-5)


def check_equal_weights(estimator):
    """Weights that are all one are as good as none."""
    X = make_rows()
    without = clone(estimator).fit(X).transform(X)
    message = "sample_weight of ones gives other codes than no sample_weight"
    codes = estimator.fit(X, sample_weight=np.ones(N_SAMPLES)).transform(X)
    assert_close(codes, without, message, tol=1e-5)


def check_weights_count(estimator):
    """Weights that differ change the fit."""
    X = make_rows()
    without = clone(estimator).fit(X).transform(X)
    weight = np.where(X[:, 0] > np.median(X[:, 0]), 100.0, 1.0)
    codes = estimator.fit(X, sample_weight=weight).transform(X)
    assert not np.allclose(codes, without), (
        "sample_weight between 1 and 100 gives the codes that no sample_weight gives; "
        "expected the heavy rows to count for more"
    )


def check_weights_are_routed(estimator):
    """A Pipeline hands on sample_weight where `set_fit_request` asks for it."""
    X, weight = make_rows(), make_weights()
    expected = clone(estimator).fit(X, sample_weight=weight).transform(X)
    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True)
        codes = make_pipeline(estimator).fit(X, sample_weight=weight).transform(X)
    message = (
        "sample_weight routed through a Pipeline gives other codes than given to fit"
    )
    assert_close(codes, expected, message, tol=1e-8)
