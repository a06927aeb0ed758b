"""Training: solvers, schedules, penalties, stopping, best weights, going on."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback
from torch.nn import functional as F

from skae import AutoencoderTransformer, SparseAutoencoder, VariationalAutoencoder
from skae.architectures import Dense

from .tables import make_curve, make_digits, mean_squared_error

PLAIN = {"init": "random", "hidden_layer_sizes": (8,), "random_state": 0}
ALL_ROWS = {"early_stopping": False, "n_iter_no_change": 1000}


def standardised_curve(n_samples=200, seed=0):
    X = make_curve(n_samples, seed)
    return (X - X.mean(axis=0)) / X.std(axis=0)


def fit(X=None, **parameters):
    X = make_curve() if X is None else X
    return AutoencoderTransformer(**({"random_state": 0} | parameters)).fit(X)


class Watch(Callback):
    """Calls a function with the net at one of skorch's hooks."""

    def __init__(self, hook, function):
        self.hook = hook
        self.function = function

    def on_batch_end(self, net, training=False, **kwargs):
        if self.hook == "on_batch_end" and training:
            self.function(net)

    def on_train_begin(self, net, **kwargs):
        if self.hook == "on_train_begin":
            self.function(net)

    def on_train_end(self, net, **kwargs):
        if self.hook == "on_train_end":
            self.function(net)


def copy_weights(net):
    return {
        name: weight.detach().double().clone()
        for name, weight in net.module_.named_parameters()
    }


def weights_after_training(X=None, **parameters):
    """Return the weights as training leaves them, whatever is selected afterwards."""
    found = {}
    take = Watch("on_train_end", lambda net: found.update(copy_weights(net)))
    fit(X, callbacks=[take], **parameters)
    return {name: weight.numpy() for name, weight in found.items()}


# -- solvers --------------------------------------------------------------------------

SOLVERS = {
    "muon": 0.02, "adamw": 0.01, "adam": 0.01, "nadam": 0.01, "radam": 0.03,
    "sgd": 0.05, "rmsprop": 0.01, "adagrad": 0.03,
    torch.optim.LBFGS: 0.3, torch.optim.Adamax: 0.02, torch.optim.Rprop: 0.01,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Training diverged")  # LBFGS, of single batches
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("tied", [False, True], ids=["free", "tied"])
def test_every_solver_lowers_the_loss(solver, tied):
    """Names and classes of torch.optim train, free weights and tied ones."""
    autoencoder = fit(
        standardised_curve(400),
        solver=solver,
        learning_rate_init=SOLVERS[solver],
        batch_size=200 if solver is torch.optim.LBFGS else 32,
        tied_weights=tied,
        max_iter=15,
        **PLAIN,
    )
    assert autoencoder.loss_curve_[-1] < 0.7 * autoencoder.loss_curve_[0]
    assert autoencoder.solver_ == solver


class Plain(torch.optim.SGD):
    """Gradient descent without momentum."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, lr=lr)


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.1, 0.3)])
def test_a_step_follows_the_gradient_of_loss_and_penalty(alpha, l1_ratio):
    """One full-batch step of a solver of the user's own is what autograd makes it."""
    X = standardised_curve(50)
    states = {}
    hooks = [
        Watch(hook, lambda net, hook=hook: states.update({hook: copy_weights(net)}))
        for hook in ("on_train_begin", "on_train_end")
    ]
    parameters = PLAIN | ALL_ROWS | {"learning_rate": "constant", "batch_size": 50}
    parameters |= {"alpha": alpha, "l1_ratio": l1_ratio, "precision": "float64"}
    fit(
        X,
        solver=Plain,
        learning_rate_init=0.3,
        max_iter=1,
        callbacks=hooks,
        **parameters,
    )
    before, after = states["on_train_begin"], states["on_train_end"]
    W, b = (
        [w.requires_grad_() for w in before.values() if w.ndim == d] for d in (2, 1)
    )
    U = torch.tensor(X)
    Z = F.silu(U @ W[0].T + b[0]) @ W[1].T + b[1]
    U_hat = F.silu(Z @ W[2].T + b[2]) @ W[3].T + b[3]
    l1, l2 = (sum(w.abs().pow(p).sum() for w in W) for p in (1, 2))
    penalty = alpha * (l1_ratio * l1 + (1 - l1_ratio) / 2 * l2)
    (F.mse_loss(U_hat, U) + penalty).backward()
    for name, weight in before.items():
        expected = (weight - 0.3 * weight.grad).detach()
        torch.testing.assert_close(after[name], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("learning_rate", ["constant", "cosine", "one_cycle", "auto"])
def test_learning_rate_follows_its_schedule(learning_rate):
    """The rate peaks at learning_rate_init, and falls to nothing unless constant."""
    rates = []
    watch = Watch(
        "on_batch_end", lambda net: rates.append(net.optimizer_.param_groups[0]["lr"])
    )
    autoencoder = fit(
        make_curve(100),
        learning_rate=learning_rate,
        learning_rate_init=0.007,
        solver="adam",
        batch_size=30,
        max_iter=10,
        early_stopping=False,
        callbacks=[watch],
    )
    rates = np.array(rates)
    assert autoencoder.learning_rate_ == learning_rate.replace("auto", "one_cycle")
    assert rates.max() == pytest.approx(0.007, rel=0.02)
    assert len(rates) == 10 * 4
    if learning_rate == "constant":
        assert (rates == 0.007).all()
        return
    peak = rates.argmax()
    assert peak == 0 if learning_rate == "cosine" else 0 < peak < 0.3 * len(rates)
    assert (np.diff(rates[:peak]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 0.03 * 0.007


def test_cosine_is_that_of_torch():
    """Each step has the rate of CosineAnnealingLR over all steps."""
    rates = []
    watch = Watch(
        "on_batch_end", lambda net: rates.append(net.optimizer_.param_groups[0]["lr"])
    )
    fit(
        standardised_curve(100),
        learning_rate="cosine",
        learning_rate_init=0.05,
        solver="sgd",
        batch_size=30,
        max_iter=4,
        callbacks=[watch],
        **PLAIN,
    )
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.05)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(rates))
    expected = []
    for _ in rates:
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


class Sizes(Callback):
    """Notes the sizes of the training batches."""

    def __init__(self, sizes):
        self.sizes = sizes

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        if training:
            self.sizes.append(len(batch[0]))


def test_every_row_is_used_once_an_epoch():
    """An epoch is the training rows in batches of nearly batch_size."""
    sizes = []
    parameters = {"batch_size": 25, "max_iter": 3, "callbacks": [Sizes(sizes)]}
    fit(make_curve(107), **parameters, **PLAIN)
    n_training = 107 - round(0.1 * 107)
    assert sum(sizes) == 3 * n_training
    assert max(sizes) <= 25
    assert max(sizes) - min(sizes) <= 1


def test_scale_of_the_weights_does_not_matter():
    """Rows count by their share of all weights, in steps and in what is reported."""
    X = make_curve(100)
    weight = np.random.default_rng(0).uniform(1, 3, size=100)
    parameters = {"solver": "sgd", "max_iter": 3, "alpha": 0.1, **PLAIN}
    light, heavy = (
        AutoencoderTransformer(2, **parameters).fit(X, None, w)
        for w in (weight, 1000 * weight)
    )
    np.testing.assert_allclose(heavy.loss_curve_, light.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(heavy.transform(X), light.transform(X), rtol=1e-3)


# -- penalties and dropout ------------------------------------------------------------


def size_of(weights, *, part):
    """Return the sum of squares of some weight matrices."""
    matrices = {name: w for name, w in weights.items() if w.ndim == 2}
    return sum((w**2).sum() for name, w in matrices.items() if part in name)


@pytest.mark.parametrize(
    "l1_ratio", [0.0, *(pytest.param(r, marks=pytest.mark.slow) for r in (0.5, 1.0))]
)
def test_alpha_shrinks_the_correction_and_leaves_the_anchor(l1_ratio):
    """A strong penalty leaves PCA, not the mean."""
    parameters = {"max_iter": 60, "solver": "adam", "learning_rate_init": 0.02}
    parameters |= ALL_ROWS
    free = weights_after_training(**parameters)
    held = weights_after_training(alpha=10.0, l1_ratio=l1_ratio, **parameters)
    corrections, anchors = ".network.", ".linear."
    assert size_of(held, part=corrections) < 0.01 * size_of(free, part=corrections)
    assert size_of(held, part=anchors) > 0.9 * size_of(free, part=anchors)
    X = make_curve()
    penalised = fit(X, alpha=10.0, l1_ratio=l1_ratio, **parameters)
    assert penalised.reconstruction_error(X) == pytest.approx(
        penalised.pca_reconstruction_error_, rel=0.02
    )


def test_alpha_shrinks_the_weights_of_a_random_network():
    """Without an anchor every weight matrix is penalised."""
    parameters = PLAIN | {"max_iter": 60, "learning_rate_init": 0.02}
    free = weights_after_training(standardised_curve(), **parameters)
    held = weights_after_training(standardised_curve(), alpha=0.1, **parameters)
    for name, weight in free.items():
        if weight.ndim == 2:
            assert np.linalg.norm(held[name]) < 0.7 * np.linalg.norm(weight)


def test_l1_leaves_most_weights_at_nothing():
    """The same pull on every weight leaves few large ones; that of L2 leaves many."""
    parameters = PLAIN | {"max_iter": 100, "learning_rate_init": 0.02, "alpha": 0.01}
    shares = []
    for l1_ratio in (0.0, 1.0):
        weights = weights_after_training(
            standardised_curve(), l1_ratio=l1_ratio, **parameters
        )
        sizes = np.concatenate(
            [np.abs(w).ravel() for name, w in weights.items() if "weight" in name]
        )
        shares.append(np.mean(sizes < 0.01 * sizes.max()))
    assert shares[1] > 3 * shares[0]


def test_dropout_acts_in_training_alone():
    """Hidden units are left out in training; a fitted model has all of them."""
    X = make_curve()
    shares, training = [], []

    def note(is_training, output):
        training.append(is_training)
        shares.append(float((output == 0).float().mean()))

    def listen(net):
        for part in net.module_.modules():
            if type(part).__name__ == "Dropout":
                part.register_forward_hook(
                    lambda part, inputs, output: note(part.training, output)
                )

    parameters = {"max_iter": 30, "hidden_layer_sizes": (64,), "early_stopping": False}
    watch = Watch("on_train_begin", listen)
    dropped = fit(X, dropout=0.5, callbacks=[watch], **parameters)
    shares, training = np.array(shares), np.array(training)
    assert shares[training].mean() == pytest.approx(0.5, abs=0.02)
    assert (shares[~training] == 0).all()
    n_training = training.sum()
    np.testing.assert_array_equal(dropped.transform(X), dropped.transform(X))
    assert n_training == training.sum()
    free = fit(X, **parameters)
    assert free.loss_curve_[-1] < 0.9 * dropped.loss_curve_[-1]
    bound = dropped.pca_reconstruction_error_ * (1 + 1e-6)
    assert mean_squared_error(X, dropped.reconstruct(X)) <= bound


# -- stopping -------------------------------------------------------------------------


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("learning_rate", "first"), [("constant", 0), ("one_cycle", 13), ("cosine", 13)]
)
def test_training_stops_without_progress(init, early_stopping, learning_rate, first):
    """Where no epoch is progress, n_iter_no_change of them are the last.

    They count from a third of a rate that falls: what that gains it gains late.
    """
    autoencoder = fit(
        make_curve(600),
        tol=1e9,
        n_iter_no_change=4,
        max_iter=40,
        init=init,
        learning_rate=learning_rate,
        early_stopping=early_stopping,
    )
    assert first + 4 <= autoencoder.n_iter_ <= first + 5
    assert len(autoencoder.loss_curve_) == autoencoder.n_iter_


def test_training_goes_on_while_there_is_progress():
    """A falling loss runs to max_iter, however few epochs may stand still."""
    autoencoder = fit(
        standardised_curve(), max_iter=12, n_iter_no_change=2, tol=0.0, **PLAIN
    )
    losses = autoencoder.validation_loss_curve_
    assert autoencoder.n_iter_ == 12
    assert losses == sorted(losses, reverse=True)


def test_without_early_stopping_all_rows_are_trained_on():
    """No row is held out, and there is no validation loss."""
    X = make_curve(60)
    sizes = []
    autoencoder = fit(X, max_iter=2, callbacks=[Sizes(sizes)], **ALL_ROWS)
    assert sum(sizes) == 2 * 60
    assert autoencoder.validation_loss_curve_ is None
    assert autoencoder.reconstruction_error_ == pytest.approx(
        mean_squared_error(X, autoencoder.reconstruct(X)), rel=1e-6
    )


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_validation_fraction_is_the_share_held_out(fraction):
    """That share of the rows is not trained on."""
    sizes = []
    fit(
        make_curve(600),
        max_iter=1,
        validation_fraction=fraction,
        callbacks=[
            Watch("on_train_end", lambda net: sizes.append(len(net.validation)))
        ],
    )
    assert sizes == [round(600 * fraction)]


def test_best_weights_come_back():
    """Of a training that goes down and up, the epoch that was best is the model."""

    def disturb(net):
        if len(net.history) == 11:
            torch.nn.init.constant_(net.module_.decoder[0].weight, 10.0)

    autoencoder = fit(
        standardised_curve(),
        max_iter=11,
        callbacks=[Watch("on_batch_end", disturb)],
        **PLAIN,
    )
    losses = autoencoder.validation_loss_curve_
    assert min(losses) < 0.5 * losses[-1]  # or there would be nothing to restore
    assert autoencoder.reconstruction_error_ == pytest.approx(min(losses), rel=1e-4)


# -- divergence -----------------------------------------------------------------------

WILD = {"solver": "sgd", "learning_rate_init": 1e6, "max_iter": 5}


def test_diverging_random_network_is_an_error():
    """It says that the loss is not finite and what to lower."""
    autoencoder = AutoencoderTransformer(**WILD, **PLAIN)
    message = r"not finite, .*Lower learning_rate_init"
    with pytest.raises(FloatingPointError, match=message):
        autoencoder.fit(make_curve())
    assert not hasattr(autoencoder, "net_")


def test_diverging_anchored_network_falls_back_on_pca():
    """There is a start to keep: a warning is enough."""
    X = make_curve()
    with pytest.warns(ConvergenceWarning, match="Lower learning_rate_init"):
        autoencoder = fit(X, **WILD)
    assert autoencoder.reconstruction_error_ == pytest.approx(
        autoencoder.pca_reconstruction_error_, rel=1e-6
    )
    assert np.isfinite(autoencoder.transform(X)).all()


def test_failed_fit_leaves_an_earlier_one_as_it_was():
    """An error in fit does not cost the model that was there."""
    X = make_curve()
    autoencoder = fit(X, max_iter=3)
    Z = autoencoder.transform(X)
    autoencoder.set_params(init="random", **WILD)
    with pytest.raises(FloatingPointError, match="not finite"):
        autoencoder.fit(X[:, :4])
    np.testing.assert_array_equal(autoencoder.transform(X), Z)
    assert autoencoder.n_features_in_ == 6


# -- warm start -----------------------------------------------------------------------


@pytest.mark.parametrize("init", ["pca", "random"])
def test_warm_start_goes_on(init):
    """A second fit starts where the first ended, and ends no worse."""
    X = make_curve()
    parameters = {"max_iter": 8, "init": init, "learning_rate": "constant"} | ALL_ROWS
    autoencoder = fit(X, warm_start=True, learning_rate_init=0.003, **parameters)
    first, losses = autoencoder.reconstruction_error(X), autoencoder.loss_curve_
    autoencoder.fit(X)
    assert autoencoder.loss_curve_[0] < losses[0]
    assert autoencoder.loss_curve_[0] == pytest.approx(losses[-1], rel=0.5)
    assert autoencoder.reconstruction_error(X) <= first * (1 + 1e-6)


def test_cold_start_forgets():
    """Without warm_start a second fit is the first again."""
    X = make_curve()
    autoencoder = fit(X, max_iter=5)
    Z = autoencoder.transform(X)
    np.testing.assert_array_equal(autoencoder.fit(X).transform(X), Z)


def test_warm_start_leaves_an_earlier_network_alone():
    """The second fit works on a copy: a kept reference does not change."""
    X = make_curve()
    autoencoder = fit(X, max_iter=5, warm_start=True, init="random")
    module = autoencoder.net_.module_
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    autoencoder.fit(X)
    assert all(torch.equal(module.state_dict()[k], v) for k, v in weights.items())
    learnt = autoencoder.net_.module_.state_dict()
    assert not all(torch.equal(learnt[name], v) for name, v in weights.items())


def test_warm_start_refuses_other_shapes():
    """Other columns, or another size of the code, need another network."""
    X = make_curve()
    autoencoder = fit(X, max_iter=2, warm_start=True)
    with pytest.raises(
        ValueError, match="warm_start=True .*n_features=6, .*n_features=4"
    ):
        autoencoder.fit(X[:, :4])
    autoencoder.set_params(n_components=3)
    with pytest.raises(
        ValueError, match="warm_start=True .*n_components=2, .*n_components=3"
    ):
        autoencoder.fit(X)
    assert autoencoder.transform(X).shape == (200, 2)


def test_warm_start_of_a_linear_network_learns():
    """Whatever it knew, it ends at what a fit from scratch finds: the optimum."""
    A, B = make_curve(), make_curve(seed=1)[:, ::-1]
    linear = {"hidden_layer_sizes": (), "n_components": 2}
    autoencoder = fit(A, warm_start=True, **linear)
    before = autoencoder.reconstruction_error(B)
    fresh = fit(B, warm_start=True, **linear).reconstruction_error(B)
    assert before > 5 * fresh
    # which rows judge depends on the first fit
    assert autoencoder.fit(B).reconstruction_error(B) == pytest.approx(fresh, rel=0.02)
    learnt = fit(A, warm_start=True, alpha=1e-6, max_iter=100, **linear).fit(B)
    assert learnt.n_iter_ > 1  # with a penalty PCA is no optimum: it is trained
    assert learnt.reconstruction_error(B) < 0.1 * before


CHANGES = {
    "activation": "tanh",
    "architecture": Dense((64, 64)),
    "dropout": 0.1,
    "hidden_layer_sizes": (3,),
    "init": "random",
    "n_components": 3,
    "output_activation": "identity",
    "precision": "float64",
    "tied_weights": True,
    "whiten": True,
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_going_on_refuses_a_parameter_of_another_network(name, way):
    """The message has its name, the value before and the value now."""
    X = make_digits(100)
    autoencoder = AutoencoderTransformer(max_iter=1, warm_start=True, random_state=0)
    autoencoder.fit(X)
    before = getattr(autoencoder, f"{name}_", getattr(autoencoder, name))
    Z = autoencoder.transform(X)
    autoencoder.set_params(**{name: CHANGES[name]})
    message = f"network with {name}={before!r}, .* for {name}={CHANGES[name]!r}"
    message = message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=message):
        getattr(autoencoder, way)(X)
    np.testing.assert_array_equal(autoencoder.transform(X), Z)


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (VariationalAutoencoder(max_iter=1), "noise_variance", 0.5),
        (SparseAutoencoder(max_iter=1), "sparsity", "top_k"),
        (SparseAutoencoder(max_iter=1), "code_activation", "sigmoid"),
    ],
)
@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_going_on_refuses_an_aim_of_another_network(estimator, name, value, way):
    """What an objective builds into the network is among them."""
    X = make_curve(60)
    autoencoder = clone(estimator).set_params(warm_start=True, random_state=0).fit(X)
    autoencoder.set_params(**{name: value})
    with pytest.raises(ValueError, match=f"network with {name}=.* {name}={value!r}"):
        getattr(autoencoder, way)(X)


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_going_on_takes_another_way_of_training(way):
    """Solver, rate, penalty and the like are no matter of the network."""
    X = make_curve(100)
    autoencoder = fit(X, max_iter=1, warm_start=True, early_stopping=False)
    autoencoder.set_params(
        solver="adam", learning_rate_init=1e-3, alpha=0.1, batch_size=20, tol=0.0
    )
    autoencoder.set_params(loss="absolute_error")
    getattr(autoencoder, way)(X)
    assert autoencoder.solver_ == "adam"


# -- precision ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("auto", torch.float32),
        ("float32", torch.float32),
        ("float64", torch.float64),
        ("bfloat16", torch.float32),
    ],
)
def test_precision_is_that_of_the_training(precision, dtype):
    """Weights have its dtype, and each learns about as well as the others."""
    parameters = {"max_iter": 10, "hidden_layer_sizes": (16,), "early_stopping": False}
    autoencoder = fit(precision=precision, **parameters)
    assert {p.dtype for p in autoencoder.net_.module_.parameters()} == {dtype}
    reference = fit(precision="float32", **parameters)
    assert autoencoder.reconstruction_error_ == pytest.approx(
        reference.reconstruction_error_, rel=0.05
    )


def test_bfloat16_multiplies_in_bfloat16():
    """Matrix products are rounded to it while training, and not afterwards."""
    dtypes = []

    def listen(net):
        net.module_.encoder.register_forward_hook(
            lambda module, inputs, output: dtypes.append(output.dtype)
        )

    autoencoder = fit(
        precision="bfloat16", max_iter=2, callbacks=[Watch("on_train_begin", listen)]
    )
    assert torch.bfloat16 in dtypes
    assert autoencoder.net_.module_(torch.tensor(make_curve(3)).float()).dtype == (
        torch.float32
    )
