"""AutoencoderTransformer: what it starts as, what it beats and what it refuses."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, r2_score
from torch.nn import functional as F

from skae import AutoencoderTransformer

from .tables import (
    best_linear_error,
    cosines,
    make_binary,
    make_curve,
    make_digits,
    mean_squared_error,
)

FEW = {"max_iter": 5, "random_state": 0}
START = {
    "init": "pca",
    "max_iter": 1,
    "learning_rate_init": 1e-12,
    "random_state": 0,
}
LINEAR = {"hidden_layer_sizes": (), "random_state": 0}


def fit_and_held_out(X, **parameters):
    """Return a fitted autoencoder, its training rows and those that judged it."""
    order = np.random.default_rng(0).permutation(len(X))
    n_held_out = max(2, len(X) // 10)
    held_out, training = X[order[:n_held_out]], X[order[n_held_out:]]
    autoencoder = AutoencoderTransformer(**parameters).fit(training, X_val=held_out)
    assert autoencoder.judge_ == "held_out"
    return autoencoder, training, held_out


@pytest.fixture(scope="module")
def on_curve():
    """An autoencoder that has learnt a curved surface, with its table."""
    X = make_curve()
    return AutoencoderTransformer(max_iter=20, random_state=0).fit(X), X


# -- as good as PCA, or better --------------------------------------------------------


TABLES = {
    "noise": np.random.default_rng(0).standard_normal((60, 5)),
    "wine": load_wine().data,
    "breast cancer": load_breast_cancer().data[:150],
    "digits": make_digits(200),
    "few rows": make_digits(9),
    "duplicates": make_curve(12).repeat(8, axis=0),
    "constant columns": np.pad(make_curve(80), [(0, 0), (1, 1)], constant_values=3.0),
    "heavy tails": np.random.default_rng(0).standard_t(1.5, (100, 6)),
}


@pytest.mark.parametrize("X", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("solver", [torch.optim.AdamW, "muon"])
def test_never_worse_than_pca_on_rows_held_out(X, solver):
    """Rows that are not trained on judge, so the error on them is PCA's at most."""
    autoencoder, training, held_out = fit_and_held_out(
        X, n_components=2, max_iter=8, solver=solver, random_state=0
    )
    pca = PCA(2, svd_solver="full").fit(training)
    pca_error = mean_squared_error(
        held_out, pca.inverse_transform(pca.transform(held_out))
    )
    error = mean_squared_error(held_out, autoencoder.reconstruct(held_out))
    assert error <= pca_error * (1 + 1e-6) + 1e-12
    assert autoencoder.reconstruction_error_ == pytest.approx(error, rel=1e-6)
    assert autoencoder.pca_reconstruction_error_ == pytest.approx(pca_error, rel=1e-6)


@pytest.mark.parametrize("parameters", [{"whiten": True}, {"tied_weights": True}])
def test_variants_are_never_worse_than_pca_on_rows_held_out(parameters):
    """Neither whitening nor tied weights cost anything, as measured on the rows."""
    autoencoder, training, held_out = fit_and_held_out(
        load_wine().data, n_components=3, **parameters, **FEW
    )
    pca = PCA(3, svd_solver="full").fit(training)
    X_hat = autoencoder.inverse_transform(autoencoder.transform(held_out))
    error = mean_squared_error(held_out, X_hat)
    pca_error = mean_squared_error(
        held_out, pca.inverse_transform(pca.transform(held_out))
    )
    assert error <= pca_error * (1 + 1e-6)
    assert autoencoder.reconstruction_error_ == pytest.approx(error, rel=1e-6)


def test_whitened_codes_have_unit_variance_and_lose_nothing():
    """They are the codes without, each over its deviation; rows come back alike."""
    X = make_curve()
    plain, white = (
        AutoencoderTransformer(2, whiten=whiten, max_iter=20, random_state=0).fit(X)
        for whiten in (False, True)
    )
    assert plain.score(X) > PCA(2).fit(X).explained_variance_ratio_.sum()
    Z = plain.transform(X)
    np.testing.assert_allclose(white.transform(X), Z / Z.std(axis=0), atol=1e-5)
    np.testing.assert_allclose(white.reconstruct(X), plain.reconstruct(X), atol=1e-5)


def test_absolute_error_is_never_worse_than_pca_on_rows_held_out():
    """With another loss, that loss is what must not rise above PCA's."""
    X = TABLES["heavy tails"]
    autoencoder, training, held_out = fit_and_held_out(
        X, n_components=2, loss="absolute_error", max_iter=20, random_state=0
    )
    pca = PCA(2, svd_solver="full").fit(training)
    by_pca = pca.inverse_transform(pca.transform(held_out))
    error = np.abs(autoencoder.reconstruct(held_out) - held_out).mean()
    assert error <= np.abs(by_pca - held_out).mean() * (1 + 1e-6)


@pytest.mark.parametrize("n_components", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_beats_pca_on_unseen_digits(n_components):
    """Pictures that it never saw lose clearly less than they do under PCA."""
    X = np.random.default_rng(0).permutation(make_digits(1000))  # of all writers
    train, test = X[:600], X[600:]
    autoencoder = AutoencoderTransformer(n_components, max_iter=30, random_state=0)
    pca = PCA(n_components).fit(train)
    error = mean_squared_error(test, autoencoder.fit(train).reconstruct(test))
    pca_error = mean_squared_error(test, pca.inverse_transform(pca.transform(test)))
    assert error < 0.85 * pca_error


def test_beats_pca_on_a_curved_surface(on_curve):
    """What bends is learnt, on rows from the same surface."""
    autoencoder, X = on_curve
    unseen = make_curve(seed=1)
    pca = PCA(2).fit(X)
    pca_error = mean_squared_error(unseen, pca.inverse_transform(pca.transform(unseen)))
    assert mean_squared_error(unseen, autoencoder.reconstruct(unseen)) < 0.6 * pca_error


# -- the start ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [{}, {"hidden_layer_sizes": (20, 10)}, {"tied_weights": True}, {"dropout": 0.5}],
)
def test_start_is_pca(parameters):
    """Before it has learnt anything its codes and reconstructions are PCA's."""
    X = make_curve()
    autoencoder = AutoencoderTransformer(3, **parameters, **START).fit(X)
    pca = PCA(3, svd_solver="full").fit(X)
    Z = pca.transform(X)
    found = autoencoder.transform(X)
    signs = np.sign((found * Z).sum(axis=0))
    np.testing.assert_allclose(found * signs, Z, atol=1e-5)
    np.testing.assert_allclose(
        autoencoder.reconstruct(X), pca.inverse_transform(Z), atol=1e-5
    )


def test_weighted_start_is_weighted_pca():
    """Weights of rows count in the mean and in the axes."""
    X = make_curve()
    weight = np.random.default_rng(0).uniform(0.1, 4, len(X))
    autoencoder = AutoencoderTransformer(3, early_stopping=False, **START)
    autoencoder.fit(X, sample_weight=weight)
    mean = np.average(X, axis=0, weights=weight)
    axes = np.linalg.svd((X - mean) * np.sqrt(weight)[:, None])[2][:3]
    np.testing.assert_allclose(autoencoder.mean_, mean, rtol=1e-12)
    np.testing.assert_allclose(
        autoencoder.reconstruct(X), (X - mean) @ axes.T @ axes + mean, atol=1e-4
    )


def test_sigmoid_start_is_logistic_regression_on_pca_codes():
    """With cross-entropy the decoder starts as the best one through its link."""
    X = make_binary()
    autoencoder = AutoencoderTransformer(2, loss="binary_cross_entropy", **START)
    X_hat = autoencoder.fit(X).reconstruct(X)
    Z = PCA(2).fit_transform(X)
    np.testing.assert_allclose(cosines(autoencoder.transform(X).T, Z.T), 1, atol=1e-6)
    by_columns = [LogisticRegression().fit(Z, x).predict_proba(Z)[:, 1] for x in X.T]
    best = log_loss(X.ravel(), np.column_stack(by_columns).ravel())
    assert log_loss(X.ravel(), X_hat.ravel()) < best * 1.01


def test_cross_entropy_learns_beyond_its_start():
    """Training lowers the cross-entropy of rows held out, and stays within [0, 1]."""
    X = make_digits(300) / 16
    parameters = {"n_components": 4, "loss": "binary_cross_entropy"}
    start, _, _ = fit_and_held_out(X, **parameters, **START)
    trained, _, held_out = fit_and_held_out(
        X, **parameters, max_iter=15, random_state=0
    )
    losses = [
        F.binary_cross_entropy(
            torch.tensor(model.reconstruct(held_out)), torch.tensor(held_out)
        )
        for model in (start, trained)
    ]
    assert losses[1] < 0.95 * losses[0]
    assert trained.reconstruct(X).min() >= 0
    assert trained.reconstruct(X).max() <= 1
    assert trained.output_activation_ == "sigmoid"


def test_counts_stay_counts():
    """Columns with many zeros are reconstructed within them, better than without."""
    X, held_out = np.split(make_digits(440), [400])
    options = {"init": "pca", "n_components": 4, "learning_rate_init": 4e-3}
    options |= {"max_iter": 20, "random_state": 0}
    clamped = AutoencoderTransformer(**options).fit(X)
    free = AutoencoderTransformer(output_activation="identity", **options).fit(X)
    assert clamped.output_activation_ == "clamp"
    X_hat = clamped.reconstruct(held_out)
    has_zeros = clamped.net_.module_.limits[0].numpy() == 0
    assert X_hat[:, has_zeros].min() == 0
    assert free.reconstruct(held_out)[:, has_zeros].min() < 0
    np.testing.assert_array_equal(
        X_hat, clamped.inverse_transform(clamped.transform(held_out))
    )
    assert clamped.score(held_out) > free.score(held_out)


def test_columns_without_limits_are_not_clamped():
    """Reconstructions of continuous columns may lie outside the training range."""
    autoencoder = AutoencoderTransformer(1, **START).fit(make_curve())
    far = 10 * make_curve()
    assert np.abs(autoencoder.reconstruct(far)).max() > np.abs(make_curve()).max()


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (8,), "activation": "identity"},
        {"init": "random"},
    ],
)
def test_linear_and_textbook_networks_are_not_clamped(parameters):
    """They are PCA, or exactly what the user wrote down."""
    autoencoder = fit_with(make_digits(50), max_iter=1, **parameters)
    assert autoencoder.output_activation_ == "identity"


# -- without hidden layers it is PCA --------------------------------------------------


@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_linear_autoencoder_is_pca(n_components):
    """Codes with their signs, axes and ratios are those of scikit-learn."""
    X = make_curve()
    autoencoder = AutoencoderTransformer(n_components, **LINEAR).fit(X)
    pca = PCA(n_components, svd_solver="full").fit(X)
    np.testing.assert_allclose(autoencoder.transform(X), pca.transform(X), atol=1e-6)
    np.testing.assert_allclose(autoencoder.components_, pca.components_, atol=1e-6)
    np.testing.assert_allclose(autoencoder.mean_, pca.mean_, rtol=1e-12)
    np.testing.assert_allclose(
        autoencoder.explained_variance_ratio_, pca.explained_variance_ratio_, rtol=1e-6
    )
    assert autoencoder.n_iter_ == 1


def test_linear_autoencoder_has_the_least_error():
    """Its error on all rows is that of the singular values left over."""
    X = make_digits(300)
    autoencoder = AutoencoderTransformer(5, early_stopping=False, **LINEAR).fit(X)
    best = best_linear_error(X, 5)
    assert autoencoder.reconstruction_error(X) == pytest.approx(best, rel=1e-6)
    assert autoencoder.reconstruction_error_ == pytest.approx(best, rel=1e-6)
    assert autoencoder.pca_reconstruction_error_ == pytest.approx(best, rel=1e-9)
    assert autoencoder.loss_curve_ == [pytest.approx(best, rel=1e-5)]


@pytest.mark.parametrize(
    ("solver", "learning_rate_init", "max_iter"),
    [(torch.optim.LBFGS, 1.0, 30), ("adamw", 0.1, 200)],
)
def test_random_linear_autoencoder_finds_the_subspace_of_pca(
    solver, learning_rate_init, max_iter
):
    """Trained from random weights it spans PCA's axes and has its error."""
    X = make_curve(300)
    X -= X.mean(axis=0)
    autoencoder = AutoencoderTransformer(
        **LINEAR,
        init="random",
        solver=solver,
        learning_rate_init=learning_rate_init,
        max_iter=max_iter,
        batch_size=100 if solver == "adamw" else 300,
        n_iter_no_change=max_iter,
        early_stopping=False,
    ).fit(X)
    axes = PCA(2).fit(X).components_
    assert cosines(autoencoder.components_, axes).min() > 0.999
    assert autoencoder.reconstruction_error(X) < 1.001 * best_linear_error(X, 2)


# -- the textbook network -------------------------------------------------------------


def count_weights(autoencoder):
    return sum(weight.numel() for weight in autoencoder.net_.module_.parameters())


@pytest.mark.parametrize(
    ("parameters", "n_weights"),
    [
        ({"hidden_layer_sizes": ()}, 50992),
        ({"hidden_layer_sizes": (128, 64)}, 222384),
        ({"hidden_layer_sizes": (), "tied_weights": True}, 784 * 32 + 32 + 784),
    ],
)
def test_random_init_is_the_textbook_network(parameters, n_weights):
    """It has the textbook's number of weights, and nothing is standardised."""
    X = np.random.default_rng(0).random((40, 784), dtype=np.float32)
    autoencoder = AutoencoderTransformer(
        32, init="random", activation="relu", max_iter=1, random_state=0, **parameters
    ).fit(X)
    module = autoencoder.net_.module_
    assert count_weights(autoencoder) == n_weights
    assert module.mean is None
    assert module.scale is None


def test_random_network_is_plain_layers_and_activations():
    """Its reconstruction is what its own weights compute by hand."""
    X = make_curve()
    autoencoder = AutoencoderTransformer(
        3,
        init="random",
        hidden_layer_sizes=(7,),
        activation="tanh",
        code_activation="relu",
        output_activation="softplus",
        **FEW,
    ).fit(X)
    module = autoencoder.net_.module_
    weights = {k: v.double().numpy() for k, v in module.state_dict().items()}
    W, b = ([v for v in weights.values() if v.ndim == d] for d in (2, 1))
    Z = np.maximum(np.tanh(X @ W[0].T + b[0]) @ W[1].T + b[1], 0)
    X_hat = np.logaddexp(0, np.tanh(Z @ W[2].T + b[2]) @ W[3].T + b[3])
    np.testing.assert_allclose(autoencoder.transform(X), Z, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(autoencoder.reconstruct(X), X_hat, rtol=1e-9, atol=1e-9)


def test_tied_decoder_uses_the_encoder_transposed():
    """One weight matrix serves both ways."""
    X = make_curve()
    autoencoder = AutoencoderTransformer(
        2, init="random", hidden_layer_sizes=(), tied_weights=True, **FEW
    ).fit(X)
    module = autoencoder.net_.module_
    assert torch.equal(module.decoder[0].weight, module.encoder[0].weight.T)


@pytest.mark.parametrize("sizes", [12, [12], np.array([12]), (12,)])
def test_hidden_layer_sizes_as_number_list_or_array(sizes):
    """All of them mean one hidden layer of that width."""
    autoencoder = AutoencoderTransformer(hidden_layer_sizes=sizes, init="pca", **FEW)
    assert autoencoder.fit(make_curve(30)).hidden_layer_sizes_ == (12,)
    # encoder and decoder, each: linear anchor, hidden layer, its output
    expected = (6 * 2 + 2) + (6 * 12 + 12 + 12 * 2 + 2)
    expected += (2 * 6 + 6) + (2 * 12 + 12 + 12 * 6 + 6)
    assert count_weights(autoencoder) == expected


# -- losses ---------------------------------------------------------------------------


def test_absolute_error_leaves_outliers_alone():
    """It gives up on wild rows, and restores the others better for it."""
    X = make_curve()
    X[::20] += np.random.default_rng(1).standard_t(1, (10, 6)) * 20
    errors = {}
    options = {"max_iter": 40, "early_stopping": False, "random_state": 0}
    for loss in ("squared_error", "absolute_error", "huber"):
        autoencoder = AutoencoderTransformer(2, loss=loss, **options)
        X_hat = autoencoder.fit(X).reconstruct(X)
        errors[loss] = np.median(np.abs(X_hat - X))
    assert errors["absolute_error"] < 0.7 * errors["squared_error"]
    assert errors["huber"] < 0.8 * errors["squared_error"]


def squared(X_hat, X):
    return (X_hat - X).square()


def squared_of_rows(X_hat, X):
    return (X_hat - X).square().mean(dim=1)


@pytest.mark.parametrize("init", ["random", "pca"])
@pytest.mark.parametrize("loss", [squared, squared_of_rows])
def test_callable_loss_is_minimised_in_the_units_of_the_rows(loss, init):
    """A callable squared error trains the network that the name does."""
    X = make_curve()
    parameters = {"init": init, "precision": "float64", "max_iter": 20}
    parameters["early_stopping"] = False
    named = AutoencoderTransformer(random_state=0, **parameters).fit(X)
    called = AutoencoderTransformer(loss=loss, random_state=0, **parameters).fit(X)
    assert called.loss_curve_ == pytest.approx(named.loss_curve_, rel=1e-3)
    assert called.reconstruction_error(X) == pytest.approx(
        named.reconstruction_error(X), rel=1e-2
    )


def test_loss_curve_starts_at_the_error_of_pca():
    """The loss of a model that does not learn is PCA's error, in squared units."""
    X = make_curve()
    autoencoder = AutoencoderTransformer(2, early_stopping=False, **START).fit(X)
    assert autoencoder.loss_curve_ == [pytest.approx(best_linear_error(X, 2), rel=1e-4)]


# -- scores ---------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_errors_and_scores_are_those_of_the_reconstruction(on_curve, weighted):
    """They agree with numpy and scikit-learn on inverse_transform(transform(X))."""
    autoencoder, _ = on_curve
    X = make_curve(50, seed=3)
    weight = np.random.default_rng(0).uniform(0.1, 2, 50) if weighted else None
    X_hat = autoencoder.inverse_transform(autoencoder.transform(X))
    columns = np.average((X_hat - X) ** 2, axis=0, weights=weight)
    options = {"sample_weight": weight}
    found = autoencoder.reconstruction_error(X, per_feature=True, **options)
    np.testing.assert_allclose(found, columns, rtol=1e-9)
    found = autoencoder.reconstruction_error(X, **options)
    assert found == pytest.approx(columns.mean(), rel=1e-9)
    expected = r2_score(X, X_hat, multioutput="variance_weighted", **options)
    assert autoencoder.score(X, **options) == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(
        autoencoder.score_samples(X), -((X_hat - X) ** 2).sum(axis=1), rtol=1e-7
    )


def test_outliers_score_low(on_curve):
    """A row off the surface has a lower score than any row on it."""
    autoencoder, X = on_curve
    outlier = X.mean(axis=0) + 20 * np.array([1, -1, 1, -1, 1, -1])
    assert (
        autoencoder.score_samples(outlier[None])[0] < autoencoder.score_samples(X).min()
    )


# -- errors ---------------------------------------------------------------------------


def fit_with(X=None, **parameters):
    X = make_curve(30) if X is None else X
    return AutoencoderTransformer(**(FEW | parameters)).fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"code_activation": "relu"}, "init='pca' needs code_activation='identity'"),
        ({"output_activation": "relu"}, "needs output_activation='identity', 'cla"),
        ({"output_activation": torch.sigmoid}, "needs output_activation='identity', "),
        ({"hidden_layer_sizes": (8, 0)}, "should hold positive integers"),
        ({"hidden_layer_sizes": (2.5,)}, "should hold positive integers"),
        ({"device": "no_such_device"}, "device='no_such_device' is not available"),
        ({"loss": lambda X_hat, X: (X_hat - X).mean()}, r"returned shape \(\)"),
        ({"loss": lambda X_hat, X: X[:, :2]}, "one loss per cell or one per row"),
        ({"solver": dict}, "is no class of torch.optim.Optimizer"),
        ({"n_components": 0}, "The 'n_components' parameter of AutoencoderTransformer"),
        ({"solver": "lbfgs"}, "The 'solver' parameter of AutoencoderTransformer"),
        ({"validation_fraction": 1.0}, "The 'validation_fraction' parameter of"),
    ],
)
def test_error_names_the_parameter(parameters, message):
    """What cannot be is refused with the parameter and what would do."""
    with pytest.raises(ValueError, match=message):
        fit_with(**parameters)


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_cross_entropy_needs_outputs_between_zero_and_one(activation, init):
    """Only a sigmoid, or a function of the user's own, ends there."""
    parameters = {"loss": "binary_cross_entropy", "init": init}
    message = f"needs .*got (output_activation=)?'{activation}'"
    with pytest.raises(ValueError, match=message):
        fit_with(make_binary(30), output_activation=activation, **parameters)


def test_cross_entropy_takes_an_output_activation_of_the_users_own():
    """A callable is trusted to end in [0, 1]."""
    autoencoder = fit_with(
        make_binary(30),
        loss="binary_cross_entropy",
        init="random",
        output_activation=torch.sigmoid,
    )
    assert np.ptp(autoencoder.reconstruct(make_binary(30))) < 1


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("value", [-0.5, 1.25])
def test_cross_entropy_names_the_column_out_of_range(value, init):
    """The error says which column, by its place, and what its values are."""
    X = make_binary(30)
    X[4, 3] = value
    with pytest.raises(ValueError, match=rf"column 3 ranges from .*{value}"):
        fit_with(X, loss="binary_cross_entropy", init=init)


def test_cross_entropy_names_the_column_of_a_frame():
    """Where columns have names, the error uses them."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(make_binary(30)[:, :2], columns=["low", "high"])
    X.loc[3, "high"] = 7.0
    with pytest.raises(ValueError, match="column 'high' ranges from 0 to 7"):
        fit_with(X, loss="binary_cross_entropy", n_components=1)


def test_sigmoid_link_refuses_tied_weights():
    """Through a link the decoder's axes are not the encoder's."""
    with pytest.raises(ValueError, match="tied_weights=True with init='pca' needs"):
        fit_with(make_binary(30), loss="binary_cross_entropy", tied_weights=True)


def test_codes_of_the_wrong_width_are_refused(on_curve):
    """inverse_transform says how many columns it needs."""
    autoencoder, _ = on_curve
    with pytest.raises(ValueError, match="The codes have 3 columns, .*n_components_=2"):
        autoencoder.inverse_transform(np.zeros((4, 3)))
