"""Threads at once, too little memory: nothing is lost and nothing half done."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skae import AutoencoderTransformer
from skae.estimators._base import unchanged_on_error

from .tables import make_curve

FEW = {"max_iter": 2, "random_state": 0}


def test_transforms_beside_other_work_are_those_of_one_thread():
    """A thousand of one estimator, while others fit, stream, store and load theirs."""
    X = make_curve(40)
    autoencoder = AutoencoderTransformer(**FEW).fit(X)
    expected = autoencoder.transform(X)

    def work(i):
        other = AutoencoderTransformer(max_iter=1, init="pca", random_state=i).fit(X)
        return pickle.loads(pickle.dumps(other.partial_fit(X))).transform(X)

    alone = work(0)
    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(4) as readers:
        others = [pool.submit(work, i) for i in (0, 1, 0)]
        found = list(readers.map(autoencoder.transform, [X] * 1000))
    assert all(np.array_equal(Z, expected) for Z in found)
    for other in (others[0], others[2]):
        np.testing.assert_array_equal(other.result(), alone)


class Watched(dict):
    """Attributes that know whether `net_` was missing at any moment of a change."""

    missing = False

    def clear(self):
        super().clear()
        self.missing = True

    def update(self, other):
        self.missing |= "net_" not in self
        super().update(other)


def test_failing_fit_is_fitted_all_along():
    """Who transforms while a fit fails finds the earlier fit at any moment."""
    autoencoder = AutoencoderTransformer(**FEW).fit(make_curve(30))
    before = vars(autoencoder)
    autoencoder.__dict__ = Watched(before)

    def fail():
        with unchanged_on_error(autoencoder):
            autoencoder.half_done_ = True
            autoencoder.net_ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not vars(autoencoder).missing
    assert vars(autoencoder) == before


def greedy(Z):
    """Return nothing, for want of memory."""
    return Z + torch.empty(10**15)


def test_too_little_memory_is_a_memory_error():
    """Torch calls it a RuntimeError; what was fitted before stays."""
    X = make_curve(60)
    autoencoder = AutoencoderTransformer(**FEW).fit(X)
    Z = autoencoder.transform(X)
    autoencoder.set_params(init="random", code_activation=greedy)
    for method in (autoencoder.fit, clone(autoencoder).partial_fit):
        with pytest.raises(MemoryError, match="allocate memory"):
            method(X)
    np.testing.assert_array_equal(autoencoder.transform(X), Z)
    autoencoder.net_.module_.code_activation.function = greedy
    for method in ("transform", "reconstruct", "score"):
        with pytest.raises(MemoryError, match="allocate memory"):
            getattr(autoencoder, method)(X)


@pytest.mark.parametrize("returned", [lambda loss: loss.detach().numpy(), float])
def test_loss_that_returns_no_tensor_is_refused(returned):
    """The error says what came and what would do."""

    def loss(X_hat, X):
        return returned((X_hat - X).square().mean())

    with pytest.raises(TypeError, match=r"returned (ndarray|float): .* a tensor"):
        AutoencoderTransformer(loss=loss, **FEW).fit(make_curve(30))
