"""Random numbers and interrupts: reproducible, nobody else's, and Ctrl-C is heard."""

# ruff: noqa: NPY002 - the legacy generator is the one to be left alone

import _thread
import functools
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

from skae import AutoencoderTransformer, StackedAutoencoder
from skae.data._threads import _openmp_pools, threads_for
from skae.engine._random import Seed, make_seed

from .tables import make_curve, make_digits

# Everything that draws: weights, the split, the order of rows, dropout.
DRAWING = {"init": "random", "dropout": 0.3, "max_iter": 4}
ENOUGH = 10**6
# Without folds, which nobody watches.
ENDLESS = {"max_iter": ENOUGH, "n_iter_no_change": ENOUGH, "early_stopping": False}


def fit(X=None, **parameters):
    X = make_curve(100) if X is None else X
    return AutoencoderTransformer(**({"random_state": 0} | DRAWING | parameters)).fit(X)


def weights_of(autoencoder):
    state = autoencoder._network.state_dict()
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
    """Neighbours have nothing in common: weights as drawn are uncorrelated."""
    barely = {"max_iter": 1, "solver": "sgd", "learning_rate_init": 1e-12}
    models = []
    for seed in (0, 1, 2, 2**32 - 1):
        network = fit(make_digits(60), random_state=seed, **barely)._network
        models.append(network.encoder[0].weight.detach().numpy().ravel())
    for i, first in enumerate(models):
        for second in models[:i]:
            limit = 5 / np.sqrt(len(first))  # standard errors of independent draws
            assert abs(np.corrcoef(first, second)[0, 1]) < limit < 0.1


class Chosen(Callback):
    """Notes which rows are held out, and which come first."""

    def __init__(self, found):
        self.found = found

    def on_train_begin(self, net, **kwargs):
        self.found["held out"] = net.validation.table.rows.tolist()

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


# What the parts of a fit draw by; a layer of a stack has all of them for itself.
NAMES = ["init", "noise", "shuffle", "folds", "split", "rows", "perturbation", "layers"]


def draws(seed, name):
    return torch.rand(1000, generator=seed.generator(name), dtype=torch.float64)


def test_streams_have_nothing_in_common():
    """No name of a seed draws what any other name, seed or layer of a stack does."""
    seeds = [Seed(0), Seed(1), Seed(2), Seed(2**31), Seed(2**32 - 1)]
    seeds += [Seed(0).child("layers"), Seed(0).child("layers").child(0)]
    seeds += [Seed(0).child("layers").child(1), Seed(1).child("layers").child(0)]
    streams = torch.stack([draws(seed, name) for seed in seeds for name in NAMES])
    together = np.corrcoef(streams.numpy()) - np.eye(len(streams))
    assert np.abs(together).max() < 5.5 / np.sqrt(1000)
    states = {tuple(stream.tolist()) for stream in streams}
    assert len(states) == len(seeds) * len(NAMES)


def test_streams_repeat():
    """The same seed and the same name are the same numbers, on their own again."""
    for name in NAMES:
        assert torch.equal(draws(Seed(3), name), draws(Seed(3), name))
        assert Seed(3).integer(name) == Seed(3).integer(name)
        assert 0 <= Seed(3).integer(name) < 2**31


def test_names_do_not_run_into_each_other():
    """A part's part is not a part with a longer name."""
    seeds = [
        Seed(0).child("a").child("b"),
        Seed(0).child("ab"),
        Seed(0).child("a"),
        Seed(0).child("b").child("a"),
        Seed(0).child(1).child(2),
        Seed(0).child(12),
    ]
    assert len({seed.integer("x") for seed in seeds}) == len(seeds)
    assert Seed(0).child("a").integer("b") != Seed(0).integer("ab")


class FirstDraws(Callback):
    """Keeps what the generators of a fit would draw first."""

    def __init__(self):
        self.found = {}

    def on_train_begin(self, net, **kwargs):
        parts = [part for part in net.module.modules() if hasattr(part, "generator")]
        noise = next(part.generator for part in parts if part.generator is not None)
        for name, generator in (("noise", noise), ("order", net.generator)):
            twin = generator.clone_state()
            self.found[name] = torch.rand(20, generator=twin).tolist()


def test_dropout_of_a_seed_is_not_the_order_of_the_next():
    """Neither of them repeats in the neighbour, under any name."""
    found = []
    for seed in range(4):
        callback = FirstDraws()
        fit(random_state=seed, callbacks=[callback])
        found += callback.found.values()
    assert len(found) == 8
    assert len({tuple(numbers) for numbers in found}) == 8


def test_layers_of_a_stack_have_seeds_of_their_own():
    """Layers of one shape start with other weights each, and stop no dropout alike."""
    X = make_digits(60)[:, :16]
    barely = {"pretraining_max_iter": 1, "max_iter": 1, "learning_rate_init": 1e-12}
    stack = StackedAutoencoder(
        16, hidden_layer_sizes=(16, 16), init="random", solver="sgd", **barely
    ).set_params(random_state=0)
    encoder = stack.fit(X)._network.encoder
    weights = [
        layer.weight.detach().numpy().ravel()
        for layer in encoder
        if isinstance(layer, torch.nn.Linear)
    ]
    together = np.corrcoef(weights) - np.eye(len(weights))
    assert len(weights) == 3
    assert np.abs(together).max() < 5 / 16


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
    """A large step takes every core, but not in one of several threads of joblib.

    Afterwards the number is what it was.
    """
    count = functools.partial(count_threads, 4, work=10**6, n_rows=10**6)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(count).result(timeout=60) == (4, 4)
    jobs = Parallel(n_jobs=2, backend="threading")
    assert jobs(delayed(count)() for _ in range(4)) == [(1, 4)] * 4


@pytest.mark.parametrize(("n_threads", "inside"), [(1, 1), (2, 1), (8, 8)])
def test_threads_are_worth_it_where_they_take_over_enough(n_threads, inside):
    """Of a step of default width on images, two threads save less than eight."""
    with ThreadPoolExecutor(1) as pool:
        count = pool.submit(count_threads, n_threads, work=550_000, n_rows=512)
        assert count.result(timeout=60) == (inside, n_threads)


def count_threads(n_threads, work, n_rows):
    """Return how many threads a training step takes, and how many others do after."""
    torch.get_num_threads()  # or the first call after sets the number anew
    for pool in _openmp_pools():
        pool.set_num_threads(n_threads)  # of the calling thread
    with threads_for(work, n_rows, training=True):
        inside = torch.get_num_threads()
    return inside, torch.get_num_threads()


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
        **ENDLESS,
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
        **ENDLESS,
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
            **ENDLESS,
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
        max_iter=10,
        early_stopping=False,
        callbacks=[AfterEpochs(2, interrupt)],
        random_state=0,
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
