"""Who judges a fit, and that judges know nothing of what they judge."""

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.data import _table as data_table
from skae.data._table import Table
from skae.engine import Seed
from skae.engine._splits import hold_out

from .tables import make_curve, make_digits, mean_squared_error

RANDOM = {"init": "random", "hidden_layer_sizes": (8,)}  # takes rows as they are


def fit(X, fit_parameters=None, **parameters):
    autoencoder = AutoencoderTransformer(**({"random_state": 0} | parameters))
    return autoencoder.fit(X, **(fit_parameters or {}))


def make_noise(n_samples, n_features, seed=0):
    return np.random.default_rng(seed).standard_normal((n_samples, n_features))


def pca_error(training, held_out, n_components):
    pca = PCA(n_components, svd_solver="full").fit(training)
    X_hat = pca.inverse_transform(pca.transform(held_out))
    return mean_squared_error(held_out, X_hat)


class Seen(Callback):
    """Notes the rows of training batches, as a random network takes them."""

    def __init__(self, rows):
        self.rows = rows

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        if training:
            self.rows.update(map(tuple, batch[0].tolist()))


def as_set(X):
    return set(map(tuple, X.astype(np.float32).tolist()))


# -- what is reported is true ---------------------------------------------------------


@pytest.mark.parametrize(
    ("n_samples", "parameters", "judge"),
    [
        (600, {}, "held_out"),
        (300, {}, "folds"),
        (300, {"solver": "muon"}, "held_out"),
        (600, {"hidden_layer_sizes": ()}, "held_out"),
    ],
)
def test_errors_of_noise_are_those_of_new_noise(n_samples, parameters, judge):
    """Where there is nothing but noise, nothing seems to be learnt."""
    n_features, k = n_samples // 2, n_samples // 12
    X, new = make_noise(n_samples, n_features), make_noise(2000, n_features, seed=1)
    autoencoder = fit(X, n_components=k, max_iter=2, **parameters)
    assert autoencoder.judge_ == judge
    # folds train on four fifths of the rows
    expected = pca_error(X, new, k)
    assert autoencoder.pca_reconstruction_error_ == pytest.approx(expected, rel=0.04)
    expected = mean_squared_error(new, autoencoder.reconstruct(new))
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=0.04)


def test_held_out_rows_are_not_in_the_start():
    """Other values in the rows that judge leave mean, scale and limits as they are."""
    X = make_digits(600)
    X = X[:, X.std(axis=0) > 1]  # rows that alone make a column vary are not held out
    held_out = hold_out(Table(X), 0.1, Seed(0))
    other = X.copy()
    other[held_out] = 40 * X[held_out] + 100
    networks = []

    class Take(Callback):
        def on_train_begin(self, net, **kwargs):
            networks.append(net.module_)

    for table in (X, other):
        fit(table, max_iter=1, callbacks=[Take()])
    kept = np.delete(X, held_out, axis=0)
    np.testing.assert_allclose(networks[0].mean.numpy(), kept.mean(axis=0), rtol=1e-12)
    for name in ("mean", "scale", "limits"):
        assert torch.equal(*[getattr(network, name) for network in networks])


@pytest.mark.parametrize("parameters", [{}, RANDOM, {"hidden_layer_sizes": ()}])
def test_errors_are_those_of_the_rows_held_out(parameters):
    """With enough rows to judge, the network that they judge is the result."""
    X = make_curve(600)
    autoencoder = fit(X, max_iter=5, **parameters)
    held_out = hold_out(Table(X), 0.1, Seed(0))
    kept = np.delete(X, held_out, axis=0)
    assert autoencoder.judge_ == "held_out"
    expected = pca_error(kept, X[held_out], 2)
    assert autoencoder.pca_reconstruction_error_ == pytest.approx(expected, rel=1e-6)
    if parameters.get("hidden_layer_sizes") != ():  # PCA wins: then it is of all rows
        expected = mean_squared_error(X[held_out], autoencoder.reconstruct(X[held_out]))
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=1e-5)


def test_few_held_out_rows_only_judge():
    """Then the network that comes back is trained on all rows."""
    X = make_curve(200)
    seen = []

    class Count(Callback):
        def on_batch_end(self, net, batch=None, training=False, **kwargs):
            seen.append(len(batch[0]))

    autoencoder = fit(X, solver="muon", max_iter=20, callbacks=[Count()])
    assert autoencoder.judge_ == "held_out"
    assert sum(seen) == 200 * autoencoder.n_iter_
    np.testing.assert_allclose(
        autoencoder.net_.module_.mean.numpy(), X.mean(axis=0), rtol=1e-12
    )
    assert autoencoder.reconstruction_error_ < autoencoder.pca_reconstruction_error_


def test_pca_that_wins_is_that_of_all_rows():
    """The rows that judged it are then of use as well."""
    X = make_noise(600, 8)
    autoencoder = fit(X, n_components=3, max_iter=3)
    pca = PCA(3, svd_solver="full").fit(X)
    np.testing.assert_allclose(
        autoencoder.reconstruct(X),
        pca.inverse_transform(pca.transform(X)),
        atol=1e-5,
    )


def test_without_early_stopping_nobody_judges():
    """The errors are those of the training rows, and are said to be."""
    X = make_curve(600)
    autoencoder = fit(X, max_iter=2, early_stopping=False)
    assert autoencoder.judge_ == "none"
    expected = autoencoder.reconstruction_error(X)
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=1e-6)


# -- X_val ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_val", [7, 300])
@pytest.mark.parametrize("parameters", [{}, RANDOM, {"hidden_layer_sizes": ()}])
def test_errors_are_those_of_given_rows(n_val, parameters):
    """X_val judges, and neither the mean nor the network knows of it."""
    X, X_val = make_curve(200), make_curve(n_val, seed=1) + 1
    autoencoder = fit(X, {"X_val": X_val}, max_iter=10, **parameters)
    assert autoencoder.judge_ == "held_out"
    np.testing.assert_allclose(autoencoder.mean_, X.mean(axis=0), rtol=1e-12)
    expected = autoencoder.reconstruction_error(X_val)
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=1e-5)
    assert autoencoder.pca_reconstruction_error_ == pytest.approx(
        pca_error(X, X_val, 2), rel=1e-6
    )


@pytest.mark.parametrize("parameters", [{}, RANDOM])
def test_given_rows_only_choose_among_the_epochs(parameters):
    """Training passes through the same weights, whatever the rows that judge."""
    X, paths = make_curve(200), []

    class Path(Callback):
        def on_epoch_end(self, net, **kwargs):
            paths[-1].append([w.detach().clone() for w in net.module_.parameters()])

    for X_val in (make_curve(100, seed=1), 9 - 5 * make_curve(50, seed=2)):
        paths.append([])
        fit(X, {"X_val": X_val}, max_iter=3, callbacks=[Path()], **parameters)
    assert len(paths[0]) == len(paths[1]) == 3
    for epochs in zip(*paths, strict=True):
        assert all(map(torch.equal, *epochs))


def test_weights_of_given_rows_count():
    """sample_weight_val weights the errors, and zero leaves a row out."""
    X, X_val = make_curve(200), make_curve(60, seed=1)
    weight = np.repeat([0.0, 3.0, 1.0], 20)
    weighted = fit(X, {"X_val": X_val, "sample_weight_val": weight}, max_iter=5)
    expected = weighted.reconstruction_error(X_val, sample_weight=weight)
    assert weighted.reconstruction_error_ == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="at least one"):
        fit(X, {"X_val": X_val, "sample_weight_val": np.zeros(60)})


def test_given_rows_have_the_columns_of_x():
    """Another number of columns is refused."""
    with pytest.raises(ValueError, match="X has 4 features, .* expecting 6"):
        fit(make_curve(50), {"X_val": make_curve(9)[:, :4]})


# -- groups ---------------------------------------------------------------------------


@pytest.mark.parametrize("warm_start", [False, True])
def test_whole_groups_are_held_out(warm_start):
    """No group has rows on both sides."""
    X = make_curve(600)
    groups = np.random.default_rng(0).integers(0, 30, 600).astype(str)
    seen = set()
    fit(
        X,
        {"groups": groups},
        max_iter=1,
        callbacks=[Seen(seen)],
        warm_start=warm_start,
        **RANDOM,
    )
    trained = np.array([tuple(row) in seen for row in X.astype(np.float32).tolist()])
    assert 0 < (~trained).sum() < 200
    assert not set(groups[trained]) & set(groups[~trained])


@pytest.mark.parametrize("parameters", [{}, {"solver": "muon"}])
def test_errors_with_groups_are_those_of_new_groups(parameters):
    """Rows of one group are nearly alike: other groups are what tells."""
    rng = np.random.default_rng(0)
    centres, new = rng.standard_normal((2, 40, 20))
    groups = np.repeat(np.arange(40), 5)
    X = centres[groups] + 0.01 * rng.standard_normal((200, 20))
    options = {"n_components": 8, "max_iter": 2, **parameters}
    told, untold = fit(X, {"groups": groups}, **options), fit(X, **options)
    expected = pca_error(X, new, 8)
    assert told.pca_reconstruction_error_ == pytest.approx(expected, rel=0.3)
    assert told.reconstruction_error_ == pytest.approx(expected, rel=0.3)
    assert untold.pca_reconstruction_error_ < 0.8 * told.pca_reconstruction_error_


@pytest.mark.parametrize("n_samples", [100, 600])
def test_one_group_is_an_error(n_samples):
    """It cannot be held out: the message names what would do."""
    groups = np.full(n_samples, "x")
    with pytest.raises(ValueError, match="groups has one group, .*'x'.* early_stoppin"):
        fit(make_curve(n_samples), {"groups": groups}, max_iter=1)
    X = make_curve(n_samples)
    fit(X, {"groups": groups}, max_iter=1, early_stopping=False)


def test_groups_are_as_many_as_rows():
    """Another number of them is refused."""
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fit(make_curve(50), {"groups": np.arange(49)})


def test_groups_pass_through_a_pipeline():
    """scikit-learn routes them to the step that asks for them."""
    X, groups = make_curve(200), np.arange(200) // 25
    with config_context(enable_metadata_routing=True):
        autoencoder = AutoencoderTransformer(max_iter=2, random_state=0)
        pipeline = make_pipeline(
            StandardScaler(), autoencoder.set_fit_request(groups=True)
        ).fit(X, groups=groups)
    X = StandardScaler().fit_transform(X)
    found = pipeline[-1].pca_reconstruction_error_
    told, untold = fit(X, {"groups": groups}, max_iter=2), fit(X, max_iter=2)
    assert found == told.pca_reconstruction_error_ != untold.pca_reconstruction_error_


# -- warm starts ----------------------------------------------------------------------


def changed_fit(name, autoencoder, X):
    """Fit again, with something else about the rows."""
    rng = np.random.default_rng(1)
    if name == "seed":
        autoencoder.set_params(random_state=1)
    elif name == "larger fraction":
        autoencoder.set_params(validation_fraction=0.4)
    elif name == "smaller fraction":
        autoencoder.set_params(validation_fraction=0.02)
    elif name == "order":
        X = X[rng.permutation(len(X))]
    elif name == "part":
        X = X[150:450]
    elif name == "grown":
        X = np.concatenate([make_curve(400, seed=1), X])
    elif name == "float32":
        X = X.astype(np.float32).astype(np.float64)
    return autoencoder.fit(X), X


@pytest.mark.parametrize(
    "change",
    ["nothing", "seed", "larger fraction", "smaller fraction", "order", "part"]
    + ["grown"],
)
def test_warm_fit_holds_out_no_row_that_was_trained_on(change):
    """Rows are told by what is in them, so the same ones judge."""
    first, second = set(), set()
    X = make_curve(600)
    autoencoder = fit(X, max_iter=2, warm_start=True, callbacks=[Seen(first)], **RANDOM)
    assert len(as_set(X) - first) == 60
    autoencoder.set_params(callbacks=[Seen(second)])
    autoencoder, X = changed_fit(change, autoencoder, X)
    held_out = as_set(X) - second
    assert autoencoder.judge_ == "held_out"
    assert 0 < len(held_out) < 0.3 * len(X)
    assert not held_out & first
    rows = np.array([x for x in X if tuple(x.astype(np.float32).tolist()) in held_out])
    expected = autoencoder.reconstruction_error(rows)
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("first", ["cold", "all rows", "stream", "X_val"])
def test_warm_fit_of_an_unknown_past_has_no_judge(first):
    """Nobody knows which rows the network was trained on."""
    X = make_curve(600)
    autoencoder = AutoencoderTransformer(max_iter=1, random_state=0)
    if first == "stream":
        autoencoder.partial_fit(X)
    elif first == "all rows":
        autoencoder.set_params(warm_start=True, early_stopping=False).fit(X)
    elif first == "X_val":
        autoencoder.set_params(warm_start=True).fit(X, X_val=make_curve(60, seed=1))
    else:
        autoencoder.fit(X)
    parameters = {"warm_start": True, "early_stopping": True}
    if first == "stream":  # which knows no limits
        parameters["output_activation"] = "identity"
    autoencoder.set_params(**parameters).fit(X)
    assert autoencoder.judge_ == "none"
    assert autoencoder.validation_loss_curve_ is None


def test_given_rows_judge_a_warm_fit_too():
    """Of them the network knows nothing, whatever it was trained on."""
    X, X_val = make_curve(300), make_curve(50, seed=1)
    autoencoder = fit(X, max_iter=2).set_params(warm_start=True)
    autoencoder.fit(X, X_val=X_val)
    assert autoencoder.judge_ == "held_out"
    expected = autoencoder.reconstruction_error(X_val)
    assert autoencoder.reconstruction_error_ == pytest.approx(expected, rel=1e-5)


def test_noise_does_not_keep_rows_apart():
    """Every estimator says who judged."""
    X = make_curve(600)
    denoiser = DenoisingAutoencoder(2, max_iter=1, random_state=0).fit(X)
    assert denoiser.judge_ == "held_out"


@pytest.mark.parametrize("n_samples", [200, 600])
def test_rows_that_judge_warm_fits_never_reach_the_network(n_samples):
    """Few or many, they are held out for good: even the mean is that of the others."""
    X = make_curve(n_samples)
    autoencoder = AutoencoderTransformer(max_iter=2, warm_start=True, random_state=0)
    for _ in range(2):
        autoencoder.fit(X)
        assert autoencoder.judge_ == "held_out"
        held_out = autoencoder._split.hold_out(Table(X))
        kept = np.delete(X, held_out, axis=0)
        assert 0 < len(held_out) < n_samples / 2
        np.testing.assert_allclose(autoencoder._network.mean, kept.mean(axis=0))


def test_a_row_that_alone_makes_a_column_vary_counts_among_the_training_rows():
    X = make_curve(700)
    X[:, 1] = 5.0
    held_out = hold_out(Table(X), 0.1, Seed(0))
    X[held_out[3], 1] = 7.0
    network = fit(X, max_iter=2).net_.module
    training = np.delete(X, np.delete(held_out, 3), axis=0)
    np.testing.assert_allclose(network.mean, training.mean(axis=0), rtol=1e-12)


def test_moments_of_no_row_are_computed_twice(monkeypatch):
    """Those of all rows are merged from those of the two parts."""
    n_rows = []
    compute = data_table.column_moments
    monkeypatch.setattr(
        data_table,
        "column_moments",
        lambda table: n_rows.append(len(table)) or compute(table),
    )
    assert fit(make_curve(700), max_iter=2).judge_ == "held_out"
    assert sum(n_rows) == 700
