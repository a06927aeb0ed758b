"""Ctrl-C with `interruptible=True`: the best so far is kept, and nothing is claimed.

The signal is a real one. Where training would otherwise go on for hours, a fit that
returns has heard it.
"""

import importlib
import os
import signal
import threading
import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from skae import (
    AutoencoderClassifier,
    AutoencoderTransformer,
    StackedAutoencoder,
    VariationalAutoencoder,
)
from skae._lazy import attach
from skae.engine import _fine_tuning, _folds, _judges

from .tables import make_curve, mean_squared_error

ENDLESS = {
    "hidden_layer_sizes": (8,),
    "max_iter": 10**6,
    "n_iter_no_change": 10**6,
    "interruptible": True,
    "random_state": 0,
}


def send_interrupt():
    """Send SIGINT to this process from another thread, as a terminal would."""
    kill = (os.getpid(), signal.SIGINT)
    thread = threading.Thread(target=os.kill, args=kill)
    thread.start()
    thread.join()


def interrupt_at(monkeypatch, module, name, after=0):
    """Send SIGINT when a function of the engine is called, after some calls of it."""
    original, calls = getattr(module, name), []

    def interrupted(*args, **kwargs):
        calls.append(name)
        if len(calls) == after + 1:
            send_interrupt()
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, interrupted)
    return calls


class InEpoch(Callback):
    """Sends SIGINT in the middle of an epoch, maybe more than once."""

    def __init__(self, epoch, times=1):
        self.epoch = epoch
        self.times = times

    def on_batch_begin(self, net, training=False, **kwargs):
        if training and len(net.history) == self.epoch:
            for _ in range(self.times):
                send_interrupt()


@pytest.fixture(autouse=True)
def handler():
    """After every test Ctrl-C means what it meant before."""
    before = signal.getsignal(signal.SIGINT)
    yield
    assert signal.getsignal(signal.SIGINT) is before


def interrupted_fit(estimator, X, *args, **kwargs):
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        return estimator.fit(X, *args, **kwargs)


def assert_is_pca(autoencoder, X):
    """The result is PCA of all rows."""
    assert autoencoder.is_pca_
    pca = PCA(autoencoder.n_components_).fit(X)
    X_hat = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(autoencoder.reconstruct(X), X_hat, atol=1e-5)


# -- one network, judged by rows held out ---------------------------------------------


@pytest.mark.parametrize("parameters", [{}, {"init": "random"}, {"init": "pca"}])
def test_training_keeps_the_best_weights_so_far(parameters):
    """What is returned has the error that is said, on the rows that judge."""
    X, X_val = make_curve(300), make_curve(100, seed=1)
    autoencoder = AutoencoderTransformer(**ENDLESS | parameters, callbacks=[InEpoch(5)])
    interrupted_fit(autoencoder, X, X_val=X_val)
    assert autoencoder.judge_ == "held_out"
    assert autoencoder.n_iter_ == 5
    assert len(autoencoder.validation_loss_curve_) == 5
    error = mean_squared_error(X_val, autoencoder.reconstruct(X_val))
    assert autoencoder.reconstruction_error_ == pytest.approx(error, rel=1e-4)
    best = min(autoencoder.validation_loss_curve_)
    assert autoencoder.reconstruction_error_ <= best * 1.01
    if parameters.get("init") != "random":
        assert error <= 1.0001 * autoencoder.pca_reconstruction_error_


@pytest.mark.parametrize("delay", [0.01, 0.2, 0.5, 1.0])
def test_interrupt_at_any_time(delay):
    """A timer does not care what goes on: the fit ends, sound."""
    X, X_val = make_curve(300), make_curve(100, seed=1)
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    autoencoder = AutoencoderTransformer(**ENDLESS, callbacks=[Starts(timer)])
    interrupted_fit(autoencoder, X, X_val=X_val)
    error = mean_squared_error(X_val, autoencoder.reconstruct(X_val))
    assert autoencoder.reconstruction_error_ == pytest.approx(error, rel=1e-4)
    assert error <= 1.0001 * autoencoder.pca_reconstruction_error_


class Starts(Callback):
    """Starts a timer when training begins."""

    def __init__(self, timer):
        self.timer = timer

    def on_train_begin(self, net, **kwargs):
        self.timer.start()


@pytest.mark.parametrize("after", [0, 1, 2])
def test_race_of_starts_ends(monkeypatch, after):
    """The starts that have not begun are left out; the best of the others goes on."""
    X, X_val = make_curve(300), make_curve(100, seed=1)
    calls = interrupt_at(monkeypatch, _judges, "move_start", after)
    autoencoder = AutoencoderTransformer(**ENDLESS)
    interrupted_fit(autoencoder, X, X_val=X_val)
    assert len(calls) == after + 1
    assert autoencoder.n_iter_ == 1
    error = mean_squared_error(X_val, autoencoder.reconstruct(X_val))
    assert autoencoder.reconstruction_error_ == pytest.approx(error, rel=1e-4)


def test_interrupt_before_training(monkeypatch):
    """One step is made, and judged."""
    interrupt_at(monkeypatch, _judges, "start_network")
    autoencoder = AutoencoderTransformer(**ENDLESS, init="pca")
    interrupted_fit(autoencoder, make_curve(600))
    assert autoencoder.n_iter_ == 1
    assert (
        autoencoder.reconstruction_error_
        <= 1.0001 * autoencoder.pca_reconstruction_error_
    )


@pytest.mark.parametrize("moment", ["judging", "following"])
def test_network_that_few_rows_judged_is_the_result(monkeypatch, moment):
    """No other one is trained on all rows, or that one is put aside."""
    X, parameters = make_curve(200), {"max_iter": 60, "init": "pca", "solver": "muon"}
    full = AutoencoderTransformer(**ENDLESS | parameters).fit(X)
    if moment == "judging":
        interrupt_at(monkeypatch, _judges, "_train_from_start")
    else:
        interrupt_at(monkeypatch, _judges, "follow")
    stopped = interrupted_fit(AutoencoderTransformer(**ENDLESS | parameters), X)
    assert stopped.judge_ == full.judge_ == "held_out"
    if moment == "judging":
        assert stopped.n_iter_ == 1
    else:
        assert stopped.reconstruction_error_ == full.reconstruction_error_
        assert stopped.n_iter_ == 60
        assert not np.allclose(stopped.reconstruct(X), full.reconstruct(X), atol=1e-3)


def test_without_judges_the_training_loss_decides():
    """Its errors are those of the training rows, and said to be."""
    X = make_curve(100)
    parameters = {"early_stopping": False, "callbacks": [InEpoch(3)]}
    autoencoder = interrupted_fit(AutoencoderTransformer(**ENDLESS | parameters), X)
    assert autoencoder.judge_ == "none"
    error = mean_squared_error(X, autoencoder.reconstruct(X))
    assert autoencoder.reconstruction_error_ == pytest.approx(error, rel=1e-4)


# -- folds ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["_race", "_train"])
@pytest.mark.parametrize("cls", [AutoencoderTransformer, VariationalAutoencoder])
def test_folds_that_are_cut_short_leave_a_closed_form(monkeypatch, cls, name):
    """No network is trained on the word of folds that were not finished."""
    X = make_curve(100)
    interrupt_at(monkeypatch, _folds, name)
    autoencoder = interrupted_fit(cls(**ENDLESS), X)
    assert autoencoder.judge_ == "folds"
    assert autoencoder.n_iter_ == 1
    assert autoencoder.is_pca_ or autoencoder.init_ == "kernel_ridge"


def test_training_after_the_folds_is_put_aside(monkeypatch):
    """The folds judged a longer one: what they say of PCA is true."""
    X = make_curve(200)
    monkeypatch.setattr(_folds, "KERNEL", "none of the starts")
    interrupt_at(monkeypatch, _judges, "follow")
    autoencoder = AutoencoderTransformer(**ENDLESS | {"max_iter": 40})
    interrupted_fit(autoencoder, X)
    assert autoencoder.judge_ == "folds"
    assert_is_pca(autoencoder, X)
    assert autoencoder.reconstruction_error_ == autoencoder.pca_reconstruction_error_


# -- stacks and heads -----------------------------------------------------------------


def test_pretraining_of_layers_ends():
    """Each layer makes a step, and so does the whole."""
    X = make_curve(600)
    stacked = StackedAutoencoder(
        **ENDLESS | {"hidden_layer_sizes": (8, 4)}, pretraining_max_iter=10**6
    )
    timer = threading.Timer(0.5, send_interrupt)
    timer.start()
    interrupted_fit(stacked, X)
    timer.join()
    assert [len(curve) for curve in stacked.pretraining_loss_curves_][1:] == [1]


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [(_judges, "_train", 0), (_fine_tuning, "_train", 0), (_fine_tuning, "_train", 1)],
    ids=["pretraining", "judging", "training on all rows"],
)
def test_head_stays_on_frozen_codes(monkeypatch, module, name, after):
    """A fine-tuning that nobody judged is not kept."""
    X, y = make_curve(100), np.arange(100) % 2
    autoencoder = AutoencoderTransformer(max_iter=2, init="pca", solver="muon")
    classifier = AutoencoderClassifier(
        autoencoder, max_iter=20, interruptible=True, random_state=0
    )
    monkeypatch.setattr(_fine_tuning, "_verdict", lambda *args: (0.0, 20))
    interrupt_at(monkeypatch, module, name, after)
    interrupted_fit(classifier, X, y)
    assert classifier.best_n_iter_ == 0
    Z = classifier.autoencoder_.transform(X)
    np.testing.assert_allclose(classifier.transform(X), Z, atol=1e-6)


# -- as usual -------------------------------------------------------------------------


def test_default_is_an_interrupt():
    """Without the parameter nothing is kept."""
    parameters = {"interruptible": False, "callbacks": [InEpoch(2)], "init": "random"}
    autoencoder = AutoencoderTransformer(**ENDLESS | parameters)
    with pytest.raises(KeyboardInterrupt):
        autoencoder.fit(make_curve(60))
    assert not hasattr(autoencoder, "net_")


def test_second_interrupt_is_raised():
    """And leaves the estimator as it was."""
    parameters = {"callbacks": [InEpoch(2, times=2)], "init": "random"}
    autoencoder = AutoencoderTransformer(**ENDLESS | parameters)
    with pytest.raises(KeyboardInterrupt):
        autoencoder.fit(make_curve(60))
    assert not hasattr(autoencoder, "net_")


def test_interrupt_of_a_callback_is_none_of_a_terminal():
    """A KeyboardInterrupt that somebody raises reaches the caller."""

    class Raises(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    parameters = {"callbacks": [Raises()], "init": "random"}
    with pytest.raises(KeyboardInterrupt):
        AutoencoderTransformer(**ENDLESS | parameters).fit(make_curve(60))


def test_fit_in_another_thread_hears_nothing():
    """Python hears signals in its main thread: the fit runs as any other."""
    X = make_curve(60)
    autoencoder = AutoencoderTransformer(**ENDLESS | {"max_iter": 2})
    thread = threading.Thread(target=autoencoder.fit, args=(X,))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(
        autoencoder.transform(X),
        AutoencoderTransformer(**ENDLESS | {"max_iter": 2}).fit(X).transform(X),
    )


def test_ignored_signal_stays_ignored(monkeypatch):
    """Who started the process with nohup asked for no interrupts."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        parameters = {"max_iter": 3, "callbacks": [InEpoch(1)]}
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            fitted = AutoencoderTransformer(**ENDLESS | parameters).fit(make_curve(600))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert fitted.n_iter_ == 3
    finally:
        signal.signal(signal.SIGINT, before)


# -- at any moment --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_interrupted_fit_leaves_the_earlier_one(seed):
    """At a random moment: KeyboardInterrupt, and the estimator is as it was before."""
    delay = np.random.default_rng(seed).uniform(0.001, 0.4)
    X = make_curve(60)
    autoencoder = AutoencoderTransformer(max_iter=2, random_state=0).fit(X)
    Z, before = autoencoder.transform(X), vars(autoencoder).copy()
    autoencoder.set_params(max_iter=100_000, n_iter_no_change=100_000)
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        autoencoder.fit(make_curve(600)[:, :4])
    changed = {"max_iter", "n_iter_no_change"}
    after = vars(autoencoder)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before.keys() - changed)
    np.testing.assert_array_equal(autoencoder.transform(X), Z)


def test_interrupt_waits_for_the_end_of_an_import(tmp_path, monkeypatch):
    """What loads on first use is loaded as a whole, then the interrupt is raised."""
    package = "half_loaded_package"
    (tmp_path / f"{package}.py").write_text("")
    (tmp_path / "half_loaded.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGINT)\nvalue = 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(package)
    load, _ = attach(package, {"value": "half_loaded"})
    with pytest.raises(KeyboardInterrupt):
        load("value")
    assert load("value") == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
