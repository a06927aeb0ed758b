"""Callbacks of skorch's and of scikit-learn's, and the progress bar."""

import json
import logging
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    LRScheduler,
    PrintLog,
)

from skae import AutoencoderTransformer
from skae.metrics import reconstruction_r2

from .tables import make_curve

RANDOM = {"init": "random", "hidden_layer_sizes": (8,)}


def fit(callbacks, X=None, **parameters):
    X = make_curve(100) if X is None else X
    autoencoder = AutoencoderTransformer(
        **({"max_iter": 4, "random_state": 0} | parameters), callbacks=callbacks
    )
    return autoencoder.fit(X)


class Journal(Callback):
    """Writes down every hook in the order in which they are called."""

    def __init__(self, lines=None):
        self.lines = [] if lines is None else lines

    def on_train_begin(self, net, **kwargs):
        self.lines.append("train begin")

    def on_epoch_begin(self, net, **kwargs):
        self.lines.append("epoch begin")

    def on_batch_begin(self, net, training=False, **kwargs):
        self.lines.append(f"batch begin {training}")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        assert all(weight.grad is not None for _, weight in named_parameters)
        self.lines.append("gradient")

    def on_batch_end(self, net, training=False, **kwargs):
        self.lines.append(f"batch end {training}")

    def on_epoch_end(self, net, **kwargs):
        self.lines.append("epoch end")

    def on_train_end(self, net, **kwargs):
        self.lines.append("train end")


# -- skorch ---------------------------------------------------------------------------


def test_hooks_come_in_the_order_of_skorch():
    """Train, epochs, training batches with their gradients, validation batches."""
    lines = []
    fit([Journal(lines)], make_curve(40), batch_size=20, max_iter=2, **RANDOM)
    step = ["batch begin True", "gradient", "batch end True"]
    epoch = ["epoch begin", *step, *step]
    epoch += ["batch begin False", "batch end False", "epoch end"]
    assert lines == ["train begin", *epoch, *epoch, "train end"]


@pytest.mark.parametrize(
    "make",
    [lambda c: c, lambda c: ("mine", c), lambda c: [c]],
    ids=["plain", "pair", "list"],
)
@pytest.mark.parametrize(
    ("n_samples", "parameters", "judge"),
    [
        (150, {"max_iter": 25}, "folds"),
        (60, {}, "folds"),  # left to PCA
        (150, {"solver": "muon", "max_iter": 20}, "held_out"),
        (600, {}, "held_out"),
        (600, RANDOM, "held_out"),
        (60, {"hidden_layer_sizes": ()}, "held_out"),
        (60, {"early_stopping": False}, "none"),
    ],
)
def test_callbacks_do_not_change_the_model(make, n_samples, parameters, judge):
    """Watching every batch gives the model of an unwatched fit, bit for bit."""
    X, journal = make_curve(n_samples), Journal()
    made = make(journal)
    watched = fit(made if isinstance(made, list) else [made], X, **parameters)
    expected = fit(None, X, **parameters)
    assert expected.judge_ == judge
    assert journal.lines[0] == "train begin"
    assert journal.lines.count("epoch end") == expected.n_iter_
    assert journal.lines[-1] == "train end"
    for name, weight in expected.net_.module_.state_dict().items():
        assert torch.equal(watched.net_.module_.state_dict()[name], weight)
    fitted = [name for name in vars(expected) if name.endswith("_")]
    assert sorted(fitted) == sorted(n for n in vars(watched) if n.endswith("_"))
    for name in set(fitted) - {"net_"}:
        np.testing.assert_array_equal(
            getattr(watched, name), getattr(expected, name), err_msg=name
        )


def test_a_class_is_a_callback_too():
    """Skorch makes an instance of it."""
    made = []

    class Counting(Callback):
        def on_epoch_end(self, net, **kwargs):
            made.append(self)

    fit([Counting], **RANDOM)
    fit([("counting", Counting)], **RANDOM)
    assert len(made) == 8
    assert len(set(map(id, made))) == 2


def test_callbacks_of_the_user_are_called_before_training_is_judged():
    """What a callback records about an epoch is there for those after it."""
    seen = []

    class Second(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.history[-1, "mine"])

    class First(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("mine", len(net.history))

    fit([("first", First()), ("second", Second())], **RANDOM)
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize("parameters", [{}, RANDOM, {"hidden_layer_sizes": ()}])
def test_history_holds_the_losses(parameters):
    """A callback finds in net.history what the curves hold afterwards."""
    found = []

    class Losses(Callback):
        def on_epoch_end(self, net, **kwargs):
            row = net.history[-1]
            found.append((row["train_loss"], row["valid_loss"], row["dur"] > 0))

    autoencoder = fit([Losses()], **parameters)
    assert [train for train, _, _ in found] == autoencoder.loss_curve_
    assert [valid for _, valid, _ in found] == autoencoder.validation_loss_curve_
    assert all(timed for _, _, timed in found)


def test_checkpoint_stores_the_best_weights(tmp_path):
    """Checkpoint's file holds the weights that the fit ends with: its best epoch's."""
    checkpoint = Checkpoint(dirname=tmp_path, monitor="valid_loss_best")
    autoencoder = fit([checkpoint], max_iter=8, **RANDOM)
    stored = torch.load(tmp_path / "params.pt", weights_only=True)
    weights = dict(autoencoder.net_.module_.named_parameters())
    assert stored.keys() == weights.keys()  # no rotation yet, and nothing standardised
    for name, weight in weights.items():
        assert torch.equal(stored[name], weight)
    assert (tmp_path / "optimizer.pt").exists()
    assert len(json.loads((tmp_path / "history.json").read_text())) > 0


def test_checkpoint_loads_the_best_weights(tmp_path):
    """With load_best it restores them itself, and nothing goes wrong."""
    checkpoint = Checkpoint(dirname=tmp_path, load_best=True)
    expected = fit(None, **RANDOM)
    found = fit([checkpoint], **RANDOM)
    X = make_curve(10)
    np.testing.assert_allclose(found.transform(X), expected.transform(X), atol=1e-6)


def test_checkpoint_pickles_the_net(tmp_path):
    """f_pickle holds a net whose module reconstructs."""
    fit([Checkpoint(dirname=tmp_path, f_pickle="net.pkl")])
    net = pickle.loads((tmp_path / "net.pkl").read_bytes())
    X = torch.tensor(make_curve(10)).float()
    assert net.module_(X).shape == (10, 6)


def test_print_log_prints_a_line_an_epoch():
    """Where skorch's log is wanted, it has the losses of every epoch."""
    lines = []

    class Loud(Callback):
        def on_train_begin(self, net, **kwargs):
            net.verbose = 1

    fit([Loud(), PrintLog(sink=lines.append)], **RANDOM)
    text = "\n".join(map(str, lines))
    assert "train_loss" in text
    assert "valid_loss" in text
    assert len(text.splitlines()) == 4 + 2  # a head of two lines


def test_callback_may_use_logging(caplog):
    """A callback of the user's own reports where the user wants it."""

    class Log(Callback):
        def on_epoch_end(self, net, **kwargs):
            logging.getLogger("mine").info("epoch %d", len(net.history))

    with caplog.at_level(logging.INFO, logger="mine"):
        fit([Log()], **RANDOM)
    assert caplog.messages == [f"epoch {i}" for i in (1, 2, 3, 4)]


@pytest.mark.parametrize("policy", ["StepLR", torch.optim.lr_scheduler.StepLR])
def test_lr_scheduler_sets_the_rate(policy):
    """With a constant rate of skae's own, skorch's schedule is what holds."""
    rates = []

    class Rates(Callback):
        def on_epoch_begin(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    fit(
        [LRScheduler(policy, step_size=2, gamma=0.1), Rates()],
        learning_rate="constant",
        learning_rate_init=0.01,
        init="pca",
        solver="adam",
        max_iter=5,
    )
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.001, 0.001, 0.0001])


def test_gradient_clipping_clips():
    """A clip of zero stops learning: the weights stay at their start."""
    states = []

    class Weights(Callback):
        def on_train_begin(self, net, **kwargs):
            states.append({k: v.clone() for k, v in net.module_.state_dict().items()})

        def on_train_end(self, net, **kwargs):
            states.append(net.module_.state_dict())

    fit([GradientNormClipping(0.0), Weights()], solver="sgd", **RANDOM)
    assert all(torch.equal(states[1][name], v) for name, v in states[0].items())


def test_freezer_keeps_weights():
    """Frozen weights do not learn, the others do."""
    anchors, trained = [], []

    class Weights(Callback):
        def on_train_begin(self, net, **kwargs):
            anchors.append(net.module_.encoder.linear.weight.detach().clone())

        def on_train_end(self, net, **kwargs):
            anchors.append(net.module_.encoder.linear.weight.detach().clone())
            trained.append(net.module_.encoder.network[-1].weight.detach().clone())

    fit([Freezer("encoder.linear.*"), Weights()], make_curve(600))
    assert torch.equal(*anchors)
    assert trained[0].abs().max() > 0


def test_epoch_scoring_scores_an_epoch():
    """A score of the user's own lands in the history, and can be watched."""
    found = []

    def mean_error(net, X, y=None):
        U, _ = X[torch.arange(len(X))]
        with torch.no_grad():
            return float((net.module_.propagate(U) - U).square().mean())

    class Scores(Callback):
        def on_epoch_end(self, net, **kwargs):
            found.append((net.history[-1, "mine"], net.history[-1, "valid_loss"]))

    scoring = EpochScoring(mean_error, name="mine", use_caching=False)
    fit([scoring, Scores()], **RANDOM)
    mine, losses = zip(*found, strict=True)
    assert mine == pytest.approx(losses, rel=1e-5)


def test_callbacks_see_partial_fit():
    """Every batch of a stream passes by them too."""
    lines = []
    autoencoder = AutoencoderTransformer(
        init="random", batch_size=20, callbacks=[Journal(lines)], random_state=0
    )
    autoencoder.partial_fit(make_curve(50))
    assert lines.count("gradient") == 2
    assert lines[0] == "train begin"
    assert lines[-1] == "train end"


def test_error_in_a_callback_reaches_the_caller():
    """It ends the fit, and no half-fitted model is left."""

    class Broken(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise RuntimeError("broken callback")

    autoencoder = AutoencoderTransformer(callbacks=[Broken()], max_iter=3)
    with pytest.raises(RuntimeError, match="broken callback"):
        autoencoder.fit(make_curve(50))
    assert not hasattr(autoencoder, "net_")


def test_callbacks_are_let_go_after_the_fit():
    """The fitted net holds neither callbacks nor rows."""
    autoencoder = fit([Journal()])
    assert autoencoder.net_.callbacks_ == []
    assert autoencoder.net_.validation is None


def test_a_snapshot_of_the_net_holds_no_rows():
    """What scikit-learn's callbacks get after an epoch is the network alone."""
    X, snapshots = make_curve(5000), []

    class Take(Callback):
        def on_epoch_end(self, net, **kwargs):
            snapshots.append((net.snapshot(), net.validation))

    fit([Take()], X, max_iter=2, hidden_layer_sizes=(4,))
    for snapshot, validation in snapshots:
        assert validation is not None  # the net itself trains on
        assert snapshot.validation is None
        assert snapshot.train_split is None
        assert snapshot.callbacks_ == []
        assert len(pickle.dumps(snapshot)) < 0.2 * X.nbytes


# -- the progress bar -----------------------------------------------------------------


def test_verbose_shows_a_bar_with_the_losses(capsys, monkeypatch):
    """On standard error: the estimator's name, the epochs and both losses."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LINES", "50")
    autoencoder = fit(None, make_curve(600), verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "AutoencoderTransformer: 100%" in err
    assert "4/4" in err
    assert f"loss={autoencoder.loss_curve_[-1]:.4g}" in err
    assert f"validation_loss={autoencoder.validation_loss_curve_[-1]:.4g}" in err


def test_bar_without_held_out_rows_shows_the_loss_alone(capsys):
    """There is no validation loss to show."""
    fit(None, verbose=1, early_stopping=False)
    err = capsys.readouterr().err
    assert "loss=" in err
    assert "validation" not in err


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_bar_is_closed_on_errors(capsys, error):
    """An interrupted bar leaves the cursor on a line of its own."""

    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise error

    with pytest.raises(error):
        fit([Stop()], verbose=1, **RANDOM)
    assert capsys.readouterr().err.endswith("\n")


def test_silence_is_the_default(capsys):
    """Neither stream gets anything."""
    fit(None)
    assert capsys.readouterr() == ("", "")


# -- scikit-learn ---------------------------------------------------------------------


@pytest.fixture
def callbacks():
    """Return scikit-learn's own callbacks, where it has any: from 1.9 on."""
    return pytest.importorskip("sklearn.callback")


def test_progress_bar_of_scikit_learn(capsys, callbacks):
    """Its ProgressBar follows the epochs to the end."""
    pytest.importorskip("rich")
    autoencoder = AutoencoderTransformer(max_iter=3, random_state=0)
    autoencoder.set_callbacks(callbacks.ProgressBar()).fit(make_curve(60))
    shown = "".join(capsys.readouterr())
    assert "AutoencoderTransformer" in shown
    assert "100%" in shown


def test_scoring_monitor_of_scikit_learn(callbacks):
    """It scores the model as it is after each epoch. (It wants a y for that.)"""
    X = make_curve(60)
    expected = []

    class Score(Callback):
        def on_epoch_end(self, net, **kwargs):
            with torch.no_grad():
                X_hat = net.module_.eval()(torch.tensor(X).float()).numpy()
            expected.append(r2_score(X, X_hat, multioutput="variance_weighted"))

    monitor = callbacks.ScoringMonitor(scoring={"r2": reconstruction_r2})
    autoencoder = AutoencoderTransformer(
        max_iter=4, callbacks=[Score()], random_state=0, **RANDOM
    )
    autoencoder.set_callbacks(monitor).fit(X, X)
    found = [
        row["r2"] for row in monitor.get_logs().data if row["task_name"] == "epoch"
    ]
    assert found == pytest.approx(expected, abs=1e-5)
    assert len(set(found)) == 4


def test_callbacks_of_scikit_learn_do_not_change_the_model(callbacks):
    """Scoring after each epoch leaves the training as it is."""
    X = make_curve(60)
    autoencoder = AutoencoderTransformer(max_iter=3, random_state=0)
    expected = clone(autoencoder).fit(X).transform(X)
    autoencoder.set_callbacks(
        callbacks.ScoringMonitor(scoring={"r2": reconstruction_r2})
    )
    np.testing.assert_array_equal(autoencoder.fit(X, X).transform(X), expected)


class Tasks:
    """Writes down the path to every task that ends, from the outermost on."""

    max_propagation_depth = None

    def __init__(self):
        self.paths = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        path = []
        while context is not None:
            path.insert(0, (context.estimator_name, context.task_name))
            context = context.parent
        self.paths.append(path)


def searched(*callbacks):
    """Return a search over a pipeline with an autoencoder, watched by callbacks."""
    autoencoder = AutoencoderTransformer(
        max_iter=3, early_stopping=False, init="pca", hidden_layer_sizes=(4,)
    )
    search = GridSearchCV(
        make_pipeline(StandardScaler(), autoencoder),
        {"autoencodertransformer__n_components": [1, 2]},
        cv=2,
    )
    return search.set_callbacks(*callbacks).fit(make_curve(30))


def test_callback_of_a_search_sees_the_epochs(callbacks):
    """Every epoch is a task below its fit, its pipeline and the search."""
    tasks = Tasks()
    searched(tasks)
    below = [
        ("Pipeline", "fit"),
        ("AutoencoderTransformer", "fit"),
        ("AutoencoderTransformer", "epoch"),
    ]
    epochs = [path for path in tasks.paths if path[-3:] == below]
    assert len(epochs) == 3 * (2 * 2 + 1)
    assert all(path[0] == ("GridSearchCV", "fit") for path in epochs)


def test_progress_bar_nests_through_a_search(capsys, callbacks):
    """The bar of the autoencoder is one of those of scikit-learn."""
    pytest.importorskip("rich")
    searched(callbacks.ProgressBar(max_propagation_depth=None))
    shown = "".join(capsys.readouterr())
    for name in ("GridSearchCV - fit", "Pipeline - fit", "AutoencoderTransformer"):
        assert name in shown
