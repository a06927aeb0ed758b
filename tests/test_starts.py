"""Where training starts: several places, one of which goes on."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_s_curve, make_swiss_roll
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.data._table import Table
from skae.engine import Seed
from skae.engine._starts import (
    is_flat,
    move_start,
    sprint_plan,
    starts_of,
    surface,
)
from skae.engine._training import copy_state, start_network

from .tables import make_curve, make_digits, mean_squared_error


def made_network(X, n_components=2, **parameters):
    task = AutoencoderTransformer(n_components, **parameters)._task(X.shape, "cpu")
    return start_network(Table(X), task, Seed(0))[0], task


@pytest.mark.parametrize("make", [make_s_curve, make_swiss_roll])
def test_surfaces_on_which_pca_is_a_saddle_are_followed(make):
    """What PCA misses is zero on average at every code; new rows are hit anyway."""
    X, _ = make(1000, random_state=0)
    unseen, _ = make(1000, random_state=1)
    fitted = AutoencoderTransformer(2, random_state=0).fit(X)
    pca = PCA(2).fit(X)
    floor = mean_squared_error(unseen, pca.inverse_transform(pca.transform(unseen)))
    assert mean_squared_error(unseen, fitted.reconstruct(unseen)) < 0.05 * floor
    assert fitted.init_ == "manifold"


def test_a_denoiser_has_the_starts_too():
    """On an S curve PCA is where it would end."""
    X, _ = make_s_curve(600, random_state=0)
    fitted = DenoisingAutoencoder(2, noise_level=0.1, random_state=0).fit(X)
    assert fitted.init_ in ("random", "manifold")
    assert fitted.reconstruction_error_ < 0.7 * fitted.pca_reconstruction_error_


@pytest.mark.parametrize("init", ["random", "manifold"])
def test_other_starts_keep_the_units(init):
    """Only weights move: mean, scale and limits are those of the table."""
    X = make_digits(120)
    network, task = made_network(X)
    before = copy_state(network)
    move_start(init, network, Table(X), task, Seed(0))
    after = network.state_dict()
    for name in ("mean", "scale", "limits"):
        torch.testing.assert_close(after[name], before[name])
    if init == "random":
        assert not network.encoder.linear.weight.any()
        assert not network.decoder.linear.weight.any()
    assert network.encoder.network[-1].weight.any()
    assert network.decoder.network[-1].weight.any()


def test_pca_is_left_where_it_is():
    X = make_curve(60)
    network, task = made_network(X)
    before = copy_state(network)
    move_start("pca", network, Table(X), task, Seed(0))
    for name, value in network.state_dict().items():
        assert value is None or torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("n_rows", "parameters"), [(500, {}), (12_000, {"max_iter": 2, "batch_size": 64})]
)
def test_the_surface_is_that_of_the_rows(n_rows, parameters):
    """After its lessons the network knows the way along a spiral, before training.

    Few epochs of many rows are many steps: there is time for lessons.
    """
    t = np.random.default_rng(0).uniform(1, 4 * np.pi, n_rows)
    X = np.column_stack([t * np.cos(t), t * np.sin(t)])
    network, task = made_network(X, 1, **parameters)
    move_start("manifold", network, Table(X), task, Seed(0))
    with torch.no_grad():
        X_hat = network.eval()(torch.from_numpy(X).float()).numpy()
    assert mean_squared_error(X, X_hat) < 0.2 * X.var(axis=0).mean()  # of PCA 0.4


def test_codes_that_tell_less_than_pca_are_no_start():
    """Neighbours see a spiral, but not what many columns of noise hide."""
    rng = np.random.default_rng(0)
    t = rng.uniform(1, 4 * np.pi, 200)
    spiral = np.column_stack([t * np.cos(t), t * np.sin(t)])
    plane = rng.standard_normal((200, 8)) @ rng.standard_normal((8, 30))
    for X, n_components, expected in [
        (spiral, 1, False),
        (plane + 0.1 * rng.standard_normal(plane.shape), 8, True),
        (plane[:20], 8, False),  # too few to tell
    ]:
        network, task = made_network(X, n_components)
        lesson = surface(network, Table(X), task, Seed(0))
        assert is_flat(network, *lesson) is expected


@pytest.mark.parametrize(
    "parameters", [{"init": "pca"}, {"tied_weights": True}, {"hidden_layer_sizes": ()}]
)
def test_where_there_is_one_start(parameters):
    network, task = made_network(make_curve(60), **parameters)
    assert starts_of(network, task) == ("pca",)


def test_races_are_short_beside_the_training():
    """Whoever asks for few epochs does not wait for many."""
    for max_iter in (4, 40, 400):
        task = made_network(make_curve(600), max_iter=max_iter)[1]
        plan = sprint_plan(task.plan, 600, 600)
        assert plan.max_iter <= max(1, max_iter / 4)
        assert plan.callbacks == []
    task = made_network(make_curve(600), max_iter=5, batch_size=512)[1]
    plans = [sprint_plan(task.plan, 8000, n_all) for n_all in (8000, 1_000_000)]
    assert [plan.max_iter for plan in plans] == [1, 3]


def test_the_same_seed_races_alike():
    X = make_curve(200)
    first, second = (
        AutoencoderTransformer(2, random_state=3).fit(X).transform(X) for _ in "ab"
    )
    np.testing.assert_array_equal(first, second)


def test_components_tell_how_rows_move_with_the_codes():
    """Where the linear part is not what training started from."""
    X, _ = make_swiss_roll(600, random_state=0)
    fitted = AutoencoderTransformer(2, random_state=0).fit(X)
    assert fitted.init_ == "manifold"
    Z = fitted.transform(X)
    expected = np.linalg.lstsq(Z - Z.mean(axis=0), X - X.mean(axis=0), rcond=None)[0]
    np.testing.assert_allclose(fitted.components_, expected, atol=1e-3)
