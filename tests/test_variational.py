"""The variational autoencoder: its bounds, its samples and probabilistic PCA."""

import pickle

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from skorch.callbacks import Callback
from torch.distributions import Normal, kl_divergence

from skae import VariationalAutoencoder
from skae.architectures import Conv2d
from skae.inference._bounds import standard_draws
from skae.metrics import reconstruction_r2
from skae.objectives._variational import gaussian_kl

LINEAR = {"hidden_layer_sizes": (), "random_state": 0}
QUICK = {"max_iter": 3, "random_state": 0}


def make_gaussian(n_samples=2000, seed=0):
    """Return rows of a linear model with two factors in five columns."""
    rng = np.random.default_rng(seed)
    loadings = np.array([[2, 1, 0, -1, 0.5], [0, 1, -1.5, 1, 0]])
    noise = 0.3 * rng.standard_normal((n_samples, 5))
    return 3 + rng.standard_normal((n_samples, 2)) @ loadings + noise


def make_bent(n_samples=1500, seed=0):
    """Return rows near a parabola in three columns: no linear model's."""
    rng = np.random.default_rng(seed)
    t = rng.standard_normal(n_samples)
    noise = 0.05 * rng.standard_normal((n_samples, 3))
    return np.column_stack([t, 0.4 * t**2, 0.5 * t]) + noise


def make_binary(n_samples=600):
    return (load_digits().data[:n_samples] > 8).astype(float)


def divergence(autoencoder, X):
    """Return each component's mean divergence from the prior in nats."""
    mean, std = autoencoder.posterior(X)
    return gaussian_kl(torch.tensor(mean), torch.tensor(std**2).log()).mean(dim=0)


# -- the parts -------------------------------------------------------------------------


def test_divergence_is_that_of_torch_distributions():
    """KL(N(mean, std^2) || N(0, 1)), entry by entry."""
    generator = torch.Generator().manual_seed(0)
    mean, log_var = torch.randn(2, 50, 4, generator=generator, dtype=torch.float64)
    expected = kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian_kl(mean, log_var), expected)


@pytest.mark.parametrize("n_components", [1, 2, 40])
def test_fixed_draws_have_the_moments_of_the_prior(n_components):
    """Mean zero and unit covariance to rounding, whatever their number."""
    draws = standard_draws(n_components)
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=1e-12)
    covariance = draws.T @ draws / len(draws)
    np.testing.assert_allclose(covariance, np.eye(n_components), atol=1e-10)


# -- the linear model is probabilistic PCA ---------------------------------------------


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_linear_model_starts_as_probabilistic_pca(n_components):
    """The bound is tight: it is PCA's own log-likelihood, row by row."""
    X = make_gaussian()
    autoencoder = VariationalAutoencoder(
        n_components, max_iter=1, learning_rate_init=1e-12, **LINEAR
    ).fit(X)
    pca = PCA(n_components).fit(X)
    assert autoencoder.noise_variance_ == pytest.approx(pca.noise_variance_, rel=1e-2)
    np.testing.assert_allclose(
        autoencoder.score_samples(X), pca.score_samples(X), atol=2e-2
    )
    assert autoencoder.score_samples(X).mean() == pytest.approx(pca.score(X), abs=1e-4)


def test_linear_model_from_random_weights_finds_probabilistic_pca():
    """Training alone reaches the maximum of the likelihood, noise included."""
    X = make_gaussian() - 3
    autoencoder = VariationalAutoencoder(
        2, init="random", solver="adamw", max_iter=80, learning_rate_init=0.03, **LINEAR
    ).fit(X)
    pca = PCA(2).fit(X)
    assert autoencoder.score_samples(X).mean() == pytest.approx(pca.score(X), abs=0.03)
    assert autoencoder.noise_variance_ == pytest.approx(pca.noise_variance_, rel=0.1)
    assert autoencoder.score(X) == pytest.approx(reconstruction_r2(pca, X), abs=1e-2)


def test_fixed_noise_variance_is_kept():
    """Of probabilistic PCA with a given noise, axes below it are the prior."""
    X = make_gaussian()
    autoencoder = VariationalAutoencoder(2, noise_variance=2.5, **QUICK).fit(X)
    assert autoencoder.noise_variance_ == pytest.approx(2.5)
    loud = VariationalAutoencoder(2, noise_variance=1e3, **QUICK).fit(X)
    assert len(loud.active_units_) == 0
    assert divergence(loud, X).max() < 0.01


@pytest.mark.parametrize("factor", [1e-20, 10.0, 1e20])
def test_density_follows_the_units(factor):
    """Rows in other units have the density of a change of variables."""
    X = make_bent()
    one = VariationalAutoencoder(1, **QUICK).fit(X)
    other = VariationalAutoencoder(1, **QUICK).fit(X * factor)
    np.testing.assert_allclose(
        other.score_samples(X * factor) + 3 * np.log(factor),
        one.score_samples(X),
        atol=0.05,
    )


# -- training --------------------------------------------------------------------------


def test_curved_rows_get_more_likely():
    """What probabilistic PCA takes for noise is learnt."""
    X, new = make_bent(), make_bent(seed=1)
    autoencoder = VariationalAutoencoder(1, max_iter=60, random_state=0).fit(X)
    assert autoencoder.score_samples(new).mean() > PCA(1).fit(X).score(new) + 1
    assert autoencoder.noise_variance_ < 0.5 * PCA(1).fit(X).noise_variance_
    assert min(autoencoder.validation_loss_curve_) == pytest.approx(
        -autoencoder.score_samples(X).mean(), abs=0.5
    )


def test_beta_trades_reconstruction_for_the_prior():
    """A heavier divergence is smaller, and the reconstruction worse."""
    X = make_binary()
    few, many = (
        VariationalAutoencoder(
            4, beta=beta, loss="binary_cross_entropy", max_iter=15, random_state=0
        ).fit(X)
        for beta in (0.5, 8.0)
    )
    assert divergence(many, X).sum() < 0.5 * divergence(few, X).sum()
    assert many.score(X) < few.score(X)


def test_free_bits_keep_components_active():
    """Without them, beta presses most components into the prior."""
    X = make_binary()
    pressed, free = (
        VariationalAutoencoder(
            8,
            beta=8.0,
            free_bits=free_bits,
            loss="binary_cross_entropy",
            init="random",
            hidden_layer_sizes=(64,),
            max_iter=20,
            early_stopping=False,
            random_state=0,
        ).fit(X)
        for free_bits in (0.0, 0.5)
    )
    assert len(pressed.active_units_) < len(free.active_units_)
    assert len(free.active_units_) >= 6


def test_warm_up_raises_the_weight_of_the_divergence():
    """It is zero in the first epoch, and full from the last one of the warm-up on."""
    weights = []

    class Warmth(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if training:
                weights.append(net.criterion_.warmth)

    VariationalAutoencoder(
        1,
        kl_warmup=2,
        max_iter=4,
        batch_size=150,
        early_stopping=False,
        callbacks=[Warmth()],
        random_state=0,
    ).fit(make_bent(300))
    assert weights == [0, 0, 0.5, 0.5, 1, 1, 1, 1]


def test_warm_up_is_for_training_alone():
    """Rows that judge are judged by the bound itself, in every epoch."""
    autoencoder = VariationalAutoencoder(1, kl_warmup=2, max_iter=4, random_state=0)
    X = make_bent(300)
    net = autoencoder.fit(X).net_
    network, criterion = net.module_.eval(), net.criterion_.eval()
    U = network.standardise(torch.tensor(X))
    losses = []
    for epoch in (0, 3):
        criterion.begin_epoch(epoch)
        with torch.no_grad():
            losses.append(criterion.per_row(network.propagate(U.float()), U.float()))
    torch.testing.assert_close(losses[0], losses[1])


@pytest.mark.parametrize(
    ("kl_warmup", "max_iter"), [(200, 3), (3, 3), (200, "auto"), (5, 4)]
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_up_of_all_training_is_refused(kl_warmup, max_iter, early_stopping):
    """The full objective would never be trained."""
    with pytest.raises(
        ValueError, match=f"kl_warmup={kl_warmup} should be less than max"
    ):
        VariationalAutoencoder(
            kl_warmup=kl_warmup, max_iter=max_iter, early_stopping=early_stopping
        ).fit(make_bent())


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_no_epoch_of_the_warm_up_is_the_best(init, early_stopping):
    """Where the divergence weighs less, the loss is another one, and no better."""
    X, states = make_bent(600), []

    class States(Callback):
        def on_epoch_end(self, net, **kwargs):
            weights = net.module_.encoder.state_dict()
            states.append({name: w.clone() for name, w in weights.items()})

    autoencoder = VariationalAutoencoder(
        1,
        kl_warmup=12,
        max_iter=20,
        beta=4.0,
        init=init,
        early_stopping=early_stopping,
        n_iter_no_change=5,
        hidden_layer_sizes=(16,),
        callbacks=[States()],
        random_state=0,
    ).fit(X)
    final = autoencoder.net_.module_.encoder.state_dict()
    same = [
        epoch
        for epoch, state in enumerate(states, start=1)
        if all(torch.equal(final[name], weight) for name, weight in state.items())
    ]
    assert len(states) > 12
    assert all(epoch > 12 for epoch in same)
    assert same or init == "pca"  # which may keep a part of the training, or none


def test_patience_leaves_a_small_table_time_to_learn():
    """It does not stop where the learning rate has hardly risen."""
    X, new = make_bent(300), make_bent(seed=1)
    autoencoder = VariationalAutoencoder(
        1, max_iter=100, n_iter_no_change=15, hidden_layer_sizes=(32,), random_state=0
    ).fit(X)
    assert autoencoder.score_samples(new).mean() > PCA(1).fit(X).score(new) + 0.8


def test_free_bits_count_for_the_rows_that_judge():
    """Their divergence costs as little as that of the training rows."""
    X = make_bent(600)
    parameters = {"hidden_layer_sizes": (8,), "early_stopping": True, **QUICK}
    plain = VariationalAutoencoder(2, beta=1.0, **parameters).fit(X)
    free = VariationalAutoencoder(2, beta=1.0, free_bits=50.0, **parameters).fit(X)
    gap = min(free.validation_loss_curve_) - min(plain.validation_loss_curve_)
    assert 80 < gap < 110  # two components at 50 nats, none of which can be saved
    assert 80 < free.loss_curve_[-1] - plain.loss_curve_[-1] < 110


# -- what is asked of a fitted model ---------------------------------------------------


def test_posterior_is_the_mean_and_a_deviation():
    """The mean is what transform returns; deviations are positive and at most one."""
    X = make_gaussian()
    autoencoder = VariationalAutoencoder(2, **QUICK).fit(X)
    mean, std = autoencoder.posterior(X)
    np.testing.assert_allclose(mean, autoencoder.transform(X), atol=1e-10)
    assert std.shape == (len(X), 2)
    assert (std > 0).all()
    assert std.max() < 1


def test_samples_resemble_the_rows():
    """Means and covariances of drawn rows are those of the table."""
    X = make_gaussian()
    autoencoder = VariationalAutoencoder(2, max_iter=10, random_state=0).fit(X)
    drawn = autoencoder.sample(5000, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.2)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(X.T), atol=0.6)


def test_samples_have_the_variance_of_the_data():
    """With the likelihood's noise; what is drawn without is its mean, and has less."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 1)) @ np.ones((1, 6)) + rng.normal(0, 1, (3000, 6))
    autoencoder = VariationalAutoencoder(1, max_iter=3, random_state=0).fit(X)
    variance = X.var(axis=0).sum()
    drawn = autoencoder.sample(5000, random_state=0)
    assert drawn.var(axis=0).sum() == pytest.approx(variance, rel=0.07)
    means = autoencoder.sample(5000, random_state=0, observation_noise=False)
    assert means.var(axis=0).sum() == pytest.approx(
        variance - 6 * autoencoder.noise_variance_, rel=0.1
    )
    noise = drawn - means  # of the same codes
    assert noise.var() == pytest.approx(autoencoder.noise_variance_, rel=0.05)


def test_samples_of_bernoulli_are_zeros_and_ones():
    """Their means, without the noise, lie between."""
    X = make_binary(300)
    autoencoder = VariationalAutoencoder(
        4, loss="binary_cross_entropy", max_iter=5, random_state=0
    ).fit(X)
    drawn = autoencoder.sample(2000, random_state=0)
    assert set(np.unique(drawn)) == {0, 1}
    means = autoencoder.sample(2000, random_state=0, observation_noise=False)
    assert ((means > 0.01) & (means < 0.99)).mean() > 0.3
    np.testing.assert_allclose(drawn.mean(axis=0), means.mean(axis=0), atol=0.05)


@pytest.mark.parametrize("observation_noise", [False, True])
def test_samples_keep_to_the_limits_of_columns(observation_noise):
    """A column that many rows have at its end does not pass it."""
    X = load_digits().data[:500]
    autoencoder = VariationalAutoencoder(4, max_iter=2, random_state=0).fit(X)
    assert autoencoder.output_activation_ == "clamp"
    drawn = autoencoder.sample(500, random_state=0, observation_noise=observation_noise)
    lower, upper = autoencoder.net_.module_.limits.numpy()
    assert (drawn >= lower - 1e-6).all()
    assert (drawn <= upper + 1e-6).all()
    assert (drawn[:, lower == 0] == 0).any(axis=0).sum() > 10


def test_samples_come_from_their_own_seed():
    """One seed gives one table; the global generators stay as they were."""
    autoencoder = VariationalAutoencoder(2, **QUICK).fit(make_gaussian(200))
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    first = autoencoder.sample(4, random_state=1)
    np.testing.assert_array_equal(first, autoencoder.sample(4, random_state=1))
    assert not np.array_equal(first, autoencoder.sample(4, random_state=2))
    assert not np.array_equal(autoencoder.sample(4), autoencoder.sample(4))
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    torch.testing.assert_close(before[1], torch.get_rng_state())
    frame = autoencoder.set_output(transform="pandas").sample(2, random_state=0)
    assert list(frame.columns) == [f"x{i}" for i in range(5)]


def test_more_draws_tighten_the_bound():
    """The importance-weighted bound rises from the evidence lower bound."""
    X = make_bent()
    autoencoder = VariationalAutoencoder(1, beta=0.2, max_iter=15, random_state=0)
    autoencoder.fit(X)
    bounds = [
        autoencoder.log_likelihood(X, n_samples, random_state=0).mean()
        for n_samples in (1, 5, 100)
    ]
    assert bounds[0] < bounds[1] < bounds[2]
    assert autoencoder.score_samples(X).mean() < bounds[1]


def test_tight_bound_is_the_likelihood():
    """For the linear model, any number of draws gives the normal's own density."""
    X = make_gaussian()
    autoencoder = VariationalAutoencoder(
        2, max_iter=1, learning_rate_init=1e-12, **LINEAR
    ).fit(X)
    axes = autoencoder.components_
    covariance = axes.T @ axes + autoencoder.noise_variance_ * np.eye(5)
    expected = multivariate_normal(X.mean(axis=0), covariance).logpdf(X[:50])
    found = autoencoder.log_likelihood(X[:50], n_samples=3, random_state=0)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_bernoulli_likelihood_of_binary_rows():
    """The score is a log-probability, above that of independent pixels."""
    X = make_binary()
    autoencoder = VariationalAutoencoder(
        8, loss="binary_cross_entropy", max_iter=30, random_state=0
    ).fit(X)
    rate = X.mean(axis=0).clip(1e-3, 1 - 1e-3)
    independent = (X * np.log(rate) + (1 - X) * np.log(1 - rate)).sum(axis=1).mean()
    assert independent < autoencoder.score_samples(X).mean() < 0
    assert autoencoder.noise_variance_ is None
    drawn = autoencoder.sample(20, random_state=0)
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_scores_do_not_depend_on_the_batch():
    """A row alone has the score that it has among others."""
    X = make_bent(300)
    autoencoder = VariationalAutoencoder(2, **QUICK).fit(X)
    scores = autoencoder.score_samples(X)
    np.testing.assert_allclose(autoencoder.score_samples(X[:1]), scores[:1], rtol=1e-10)


@pytest.mark.parametrize("code", ["vector", "map"])
def test_convolutions_encode_means_and_variances(code):
    """An architecture with a code of its own has two encoders."""
    X = load_digits().data[:100] / 16
    architecture = Conv2d((1, 8, 8), channels=(4, 2), code=code)
    autoencoder = VariationalAutoencoder(
        4,
        architecture=architecture,
        loss="binary_cross_entropy",
        init="random",
        **QUICK,
    ).fit(X)
    mean, std = autoencoder.posterior(X)
    assert mean.shape == std.shape == (100, autoencoder.n_components_)
    assert autoencoder.sample(2, random_state=0).shape == (2, 64)


def test_copies_score_alike():
    """Pickles and clones are the same model."""
    X = make_bent(300)
    autoencoder = VariationalAutoencoder(2, **QUICK).fit(X)
    scores = autoencoder.score_samples(X)
    copy = pickle.loads(pickle.dumps(autoencoder))
    np.testing.assert_array_equal(copy.score_samples(X), scores)
    again = clone(autoencoder).fit(X)
    np.testing.assert_array_equal(again.score_samples(X), scores)


@pytest.mark.parametrize("n_components", [2, 3, 5])
def test_perfect_fit_is_finite(n_components):
    """Where nothing is left over, the noise stops at its floor."""
    X = make_bent(100)
    X[:, 2] = 7.0
    autoencoder = VariationalAutoencoder(n_components, **QUICK).fit(X)
    assert np.isfinite(autoencoder.score_samples(X)).all()
    assert autoencoder.noise_variance_ > 0


def test_chunks_are_learnt_from():
    """partial_fit trains the same objective, without a warm-up."""
    X = make_bent(1200)
    autoencoder = VariationalAutoencoder(1, kl_warmup=5, random_state=0)
    for start in range(0, 1200, 300):
        autoencoder.partial_fit(X[start : start + 300])
    assert autoencoder.kl_warmup_ == 0
    assert autoencoder.score_samples(X).mean() > PCA(1).fit(X).score(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": "huber"}, "The 'loss' parameter of VariationalAutoencoder"),
        ({"beta": -1.0}, "The 'beta' parameter of VariationalAutoencoder"),
        ({"noise_variance": 0}, "The 'noise_variance' parameter of"),
        (
            {"loss": "binary_cross_entropy", "noise_variance": 1.0},
            "noise_variance=1.0 needs loss='squared_error'",
        ),
    ],
)
def test_error_names_the_parameter(parameters, message):
    """What cannot be is refused with the parameter and what would do."""
    with pytest.raises(ValueError, match=message):
        VariationalAutoencoder(**parameters, **QUICK).fit(make_binary(50))


@pytest.mark.parametrize("n_samples", [0, -1, 2.5])
def test_number_of_draws_is_positive(n_samples):
    """Anything else is refused by name."""
    X = make_gaussian(50)
    autoencoder = VariationalAutoencoder(2, max_iter=1, random_state=0).fit(X)
    with pytest.raises((ValueError, TypeError), match="n_samples"):
        autoencoder.sample(n_samples)
    with pytest.raises((ValueError, TypeError), match="n_samples"):
        autoencoder.log_likelihood(X, n_samples)
