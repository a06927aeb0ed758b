"""Random numbers: reproducible, and none of anybody else's."""

# ruff: noqa: NPY002 - the legacy generator is the one to be left alone

import pickle
import random
from contextlib import contextmanager

import numpy as np
from sklearn.base import clone

from ._assert import assert_same
from ._callbacks import with_callback
from ._prepare import make_rows


def check_global_generators_are_left_alone(estimator):
    """No method moves the global generators of random, numpy or torch."""
    X = make_rows()
    with _generators_unmoved("fit"):
        estimator.fit(X)
    with _generators_unmoved("transform"):
        Z = estimator.transform(X)
    with _generators_unmoved("inverse_transform"):
        estimator.inverse_transform(Z)
    with _generators_unmoved("reconstruct"):
        estimator.reconstruct(X)
    with _generators_unmoved("score_samples"):
        estimator.score_samples(X)
    if "random_state" in estimator.get_params():
        with _generators_unmoved("fit with random_state=None"):
            clone(estimator).set_params(random_state=None).fit(X)


def check_fit_ignores_global_generators(estimator):
    """What others do with the global generators, even during fit, has no effect."""
    X = make_rows()
    expected = clone(estimator).fit(X).transform(X)
    message = (
        "the codes depend on the global random generators, seeded {} fit; expected fit "
        "to draw from generators of its own alone"
    )
    with _restored_generators():
        _seed_generators(1)
        codes = clone(estimator).fit(X).transform(X)
    assert_same(codes, expected, message.format("before"))
    if "callbacks" not in estimator.get_params():
        return
    found = []
    for seed in (2, 3):  # with callbacks both: they may change how fit goes about it
        with _restored_generators():
            seeding = with_callback(
                estimator, on_epoch_begin=lambda seed=seed: _seed_generators(seed)
            )
            found.append(seeding.fit_transform(X))
    assert_same(*found, message.format("during"))


def _states():
    import torch

    states = {
        "random": pickle.dumps(random.getstate()),
        "numpy.random": pickle.dumps(np.random.get_state()),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
    if torch.cuda.is_available():
        states["torch.cuda"] = torch.cuda.get_rng_state().numpy().tobytes()
    return states


@contextmanager
def _generators_unmoved(act):
    before = _states()
    yield
    after = _states()
    moved = [name for name in before if after[name] != before[name]]
    assert not moved, (
        f"{act} moves the global random generator of {moved}; expected it to draw from "
        "generators of its own alone"
    )


def _seed_generators(seed):
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def _restored_generators():
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
