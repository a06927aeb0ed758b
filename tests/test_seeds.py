"""Random numbers and interrupts: reproducible, nobody else's, and Ctrl-C is heard."""

# ruff: noqa: NPY002 - the legacy generator is the one to be left alone

import _thread
import os
import pickle
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from skorch.callbacks import Callback, EarlyStopping

from skae import AutoencoderTransformer
from skae._training._random import make_generators, make_seed
from skae._training._threads import _openmp_pools, threads_for

from .tables import make_curve, make_digits

# Everything that draws: weights, the split, the order of rows, dropout.
DRAWING = {"init": "random", "dropout": 0.3, "max_iter": 4}
ENOUGH = 10**6


def fit(X=None, **parameters):
    X = make_curve(100) if X is None else X
    return AutoencoderTransformer(**({"random_state": 0} | DRAWING | parameters)).fit(X)


def weights_of(autoencoder):
    state = autoencoder.net_.module_.state_dict()
    return np.concatenate([value.double().numpy().ravel() for value in state.values()])


# -- seeds ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [{}, {"init": "pca"}, {"solver": "muon"}, {"hidden_layer_sizes": (9, 5)}],
)
def test_same_seed_gives_the_same_bits(parameters):
    """Two fits with one seed have the same weights, losses and codes."""
    first, second = fit(**parameters), fit(**parameters)
    np.testing.assert_array_equal(weights_of(first), weights_of(second))
    assert first.loss_curve_ == second.loss_curve_
    assert first.validation_loss_curve_ == second.validation_loss_curve_


def test_other_seeds_give_other_models():
    """No two of some seeds agree; neighbours have nothing in common."""
    models = [weights_of(fit(random_state=seed)) for seed in (0, 1, 2, 2**32 - 1)]
    for i, first in enumerate(models):
        for second in models[:i]:
            assert np.corrcoef(first, second)[0, 1] < 0.99


class Chosen(Callback):
    """Notes which rows are held out, and which come first."""

    def __init__(self, found):
        self.found = found

    def on_train_begin(self, net, **kwargs):
        self.found["held out"] = net.validation.indices.tolist()

    def on_batch_begin(self, net, batch=None, **kwargs):
        self.found.setdefault("first", batch[0].tolist())


def test_split_and_order_of_rows_depend_on_the_seed():
    """Not only the weights are drawn anew with another seed."""
    choices = []
    for seed in range(3):
        choices.append({})
        fit(random_state=seed, callbacks=[Chosen(choices[-1])], batch_size=30)
    for key in ("held out", "first"):
        found = [choice[key] for choice in choices]
        assert all(x != y for i, x in enumerate(found) for y in found[:i])


def test_random_state_instance_moves_on():
    """Each fit draws from it, and equal instances give equal models."""
    state, twin = np.random.RandomState(7), np.random.RandomState(7)
    first, second = fit(random_state=state), fit(random_state=state)
    assert not np.array_equal(weights_of(first), weights_of(second))
    for autoencoder in (first, second):
        np.testing.assert_array_equal(
            weights_of(fit(random_state=twin)), weights_of(autoencoder)
        )


def test_no_seed_gives_a_new_model_each_time():
    """random_state=None never repeats, whatever the global seeds are."""
    models = []
    for _ in range(2):
        with seeded_globals():
            models.append(weights_of(fit(random_state=None)))
    assert not np.array_equal(*models)


def test_generators_are_independent():
    """Each name has its own numbers, the same for the same seed."""
    first, again = (make_generators(3, ("a", "b")) for _ in range(2))
    draws = {name: torch.rand(100, generator=g) for name, g in first.items()}
    assert abs(np.corrcoef(draws["a"], draws["b"])[0, 1]) < 0.3
    for name, numbers in draws.items():
        assert torch.equal(numbers, torch.rand(100, generator=again[name]))


@pytest.mark.parametrize("seed", [0, np.int64(5), 2**32 - 1])
def test_integers_are_seeds(seed):
    """Python's and numpy's integers stand for themselves."""
    assert make_seed(seed) == int(seed)


# -- global generators ----------------------------------------------------------------


def global_states():
    return [
        pickle.dumps(random.getstate()),
        pickle.dumps(np.random.get_state()),
        torch.get_rng_state().numpy().tobytes(),
    ]


class seeded_globals:
    """Seeds the global generators, and gives them back as they were."""

    def __enter__(self):
        self.states = random.getstate(), np.random.get_state(), torch.get_rng_state()
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    def __exit__(self, *error):
        random.setstate(self.states[0])
        np.random.set_state(self.states[1])
        torch.set_rng_state(self.states[2])


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_global_generators_do_not_move(seed, init):
    """No method draws from them: fit, partial_fit, transform or the way back."""
    X, fitted = make_curve(100), fit(init=init)
    Z = fitted.transform(X)
    stream = AutoencoderTransformer(
        **DRAWING | {"init": init}, batch_size=20, random_state=seed
    )
    for act in (
        lambda: fit(X, init=init, random_state=seed),
        lambda: stream.partial_fit(X),
        lambda: stream.partial_fit(X),
        lambda: fitted.transform(X),
        lambda: fitted.inverse_transform(Z),
        lambda: fitted.score(X),
    ):
        before = global_states()
        act()
        assert global_states() == before


def test_global_seeds_have_no_effect():
    """The model is the same whatever the global generators were seeded with."""
    expected = weights_of(fit())
    with seeded_globals():
        np.testing.assert_array_equal(weights_of(fit()), expected)


# -- threads --------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(3))
def test_four_threads_with_one_seed_give_one_model(attempt):
    """Fits at the same time do not take each other's random numbers."""
    X = make_digits(150)
    ready = threading.Barrier(4)

    def fit_with_the_others(_):
        ready.wait(timeout=60)
        return weights_of(fit(X, n_components=4))

    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(fit_with_the_others, range(4)))
    for model in models:
        np.testing.assert_array_equal(model, weights_of(fit(X, n_components=4)))


def test_threads_share_a_fitted_model():
    """Codes computed at the same time by several threads are right."""
    X = make_digits(200)
    autoencoder = fit(X)
    expected = autoencoder.transform(X)
    ready = threading.Barrier(4)

    def transform(n_rows):
        ready.wait(timeout=60)
        return [autoencoder.transform(X[:n_rows]) for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        for Zs in pool.map(transform, [200, 50, 7, 1]):
            for Z in Zs:
                np.testing.assert_allclose(Z, expected[: len(Z)], atol=1e-12)


def test_jobs_in_threads_do_not_want_all_cores_each():
    """A large step takes every core, but not in one of several threads of joblib."""

    def count_threads():
        torch.get_num_threads()  # or the first call after sets the number anew
        for pool in _openmp_pools():
            pool.set_num_threads(4)  # of the calling thread
        with threads_for(10**6, 10**6, training=True):
            return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(count_threads).result(timeout=60) == 4
    jobs = Parallel(n_jobs=2, backend="threading")
    assert jobs(delayed(count_threads)() for _ in range(4)) == [1] * 4


# -- interrupts -----------------------------------------------------------------------


class AfterEpochs(Callback):
    """Calls a function at the end of some epoch."""

    def __init__(self, n_epochs, function):
        self.n_epochs = n_epochs
        self.function = function

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            self.function()


@pytest.fixture
def default_sigint():
    """Make sure that SIGINT raises KeyboardInterrupt, as it does in a fresh Python."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def from_a_thread():
    threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()


SOURCES = {
    "raise_signal": lambda: signal.raise_signal(signal.SIGINT),
    "kill from a thread": from_a_thread,
    "interrupt_main": _thread.interrupt_main,
}


@pytest.mark.usefixtures("default_sigint")
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_ctrl_c_reaches_the_caller_and_leaves_nothing(source):
    """A first fit that is interrupted leaves an estimator that is not fitted."""
    X = make_curve(100)
    autoencoder = AutoencoderTransformer(
        max_iter=ENOUGH,
        n_iter_no_change=ENOUGH,
        callbacks=[AfterEpochs(3, source)],
        random_state=0,
    )
    with pytest.raises(KeyboardInterrupt):
        autoencoder.fit(X)
    assert set(vars(autoencoder)) == set(autoencoder.get_params())


@pytest.mark.usefixtures("default_sigint")
@pytest.mark.parametrize("warm_start", [False, True])
def test_ctrl_c_leaves_a_fitted_model_as_it_was(warm_start):
    """A second fit that is interrupted, cold or warm, costs nothing of the first."""
    X = make_curve(100)
    autoencoder = fit(X, warm_start=warm_start)
    attributes, weights = dict(vars(autoencoder)), weights_of(autoencoder)
    autoencoder.set_params(
        max_iter=ENOUGH,
        n_iter_no_change=ENOUGH,
        callbacks=[AfterEpochs(3, from_a_thread)],
    )
    with pytest.raises(KeyboardInterrupt):
        autoencoder.fit(X * 2)
    for name in attributes.keys() - autoencoder.get_params().keys():
        assert vars(autoencoder)[name] is attributes[name]
    np.testing.assert_array_equal(weights_of(autoencoder), weights)
    autoencoder.set_params(max_iter=2, callbacks=None)
    assert autoencoder.fit(X).n_iter_ == 2


@pytest.mark.usefixtures("default_sigint")
def test_ctrl_c_in_the_middle_of_a_batch_reaches_the_caller():
    """It does not matter where in an epoch the signal arrives."""
    X = make_curve(100)
    for delay in (0.0, 0.003, 0.011):
        timer = []

        def start(delay=delay, timer=timer):
            timer.append(threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)))
            timer[0].start()

        autoencoder = AutoencoderTransformer(
            max_iter=ENOUGH,
            n_iter_no_change=ENOUGH,
            callbacks=[AfterEpochs(1, start)],
            random_state=0,
        )
        with pytest.raises(KeyboardInterrupt):
            autoencoder.fit(X)
        timer[0].join()
        assert not hasattr(autoencoder, "net_")


def interrupt():
    raise KeyboardInterrupt


def test_interrupt_of_a_callback_reaches_the_caller():
    """A callback that is not skorch's EarlyStopping cannot mean to stop quietly."""
    autoencoder = AutoencoderTransformer(
        max_iter=10, callbacks=[AfterEpochs(2, interrupt)], random_state=0
    )
    with pytest.raises(KeyboardInterrupt):
        autoencoder.fit(make_curve(60))
    assert not hasattr(autoencoder, "net_")


def test_early_stopping_of_skorch_stops_quietly():
    """Its KeyboardInterrupt ends training, and the fit is complete."""
    stop = EarlyStopping(patience=3, threshold=10)  # no epoch gains ten times the loss
    autoencoder = fit(max_iter=50, callbacks=[stop])
    assert autoencoder.n_iter_ == 4
    assert np.isfinite(autoencoder.transform(make_curve(10))).all()


class Interrupted(EarlyStopping):
    """Is interrupted at its work, when its patience is at an end anyway."""

    def _is_score_improved(self, score):
        raise KeyboardInterrupt


def test_interrupt_inside_early_stopping_reaches_the_caller():
    """A Ctrl-C that arrives while EarlyStopping runs is still a Ctrl-C."""
    with pytest.raises(KeyboardInterrupt):
        fit(max_iter=50, callbacks=[Interrupted(patience=0)])
