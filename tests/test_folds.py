"""Small tables: what five networks find on rows that they have not seen."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.preprocessing import scale
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae.data._table import Table
from skae.engine import Seed, _folds
from skae.engine._folds import MOST_FOLDS, N_FOLDS, _Folds, _kernels, _Rows
from skae.engine._splits import folds as split
from skae.engine._training import start_network
from skae.networks._side_by_side import side_by_side

from .tables import make_curve, make_digits, mean_squared_error


def fitted(X, **parameters):
    return AutoencoderTransformer(**({"random_state": 0} | parameters)).fit(X)


def make_folds(X, n_components):
    """Return the folds before the first step, as a fit with seed 0 makes them."""
    task = AutoencoderTransformer(n_components)._task(X.shape, "cpu")
    table, seed = Table(X), Seed(0)
    rows = _Rows(task, table, split(table, N_FOLDS, seed))
    networks = [start_network(part, task, seed)[0] for part in rows.tables]
    rows.standardise_by(networks)
    return _Folds(task, rows, side_by_side(networks), seed)


def out_of_fold_error(X, n_components):
    """Return PCA's error on rows that are held out as a fit with seed 0 does."""
    total = 0.0
    for held_out in split(Table(X), N_FOLDS, Seed(0)):
        kept = np.setdiff1d(np.arange(len(X)), held_out)
        pca = PCA(n_components, svd_solver="full").fit(X[kept])
        X_hat = pca.inverse_transform(pca.transform(X[held_out]))
        total += ((X_hat - X[held_out]) ** 2).sum()
    return total / X.size


def test_every_row_is_held_out_once():
    """By a network that is trained on all the others."""
    folds = make_folds(make_curve(53), 2)
    everything = set(range(53))
    held_out = [set(row) for row in folds.held_out.tolist()]
    assert set.union(*held_out) == everything
    assert sum(map(len, held_out)) == 53
    for seen, unseen in zip(folds.kept.tolist(), held_out, strict=True):
        assert set(seen) == everything - unseen


def test_folds_start_from_their_own_pca():
    """The loss of a row is that under the PCA of the rows in the other folds."""
    X = make_curve(53)
    folds = make_folds(X, 2)
    errors = np.empty(len(X))
    for seen, unseen in zip(folds.kept, folds.held_out, strict=True):
        pca = PCA(2, svd_solver="full").fit(X[np.unique(seen)])
        X_hat = pca.inverse_transform(pca.transform(X[unseen]))
        errors[unseen] = ((X_hat - X[unseen]) ** 2).mean(axis=1)
    np.testing.assert_allclose(folds.losses()[0], errors, rtol=1e-3, atol=1e-6)


def test_networks_side_by_side_are_the_networks():
    """Together they give what each gives of its own table."""
    table = Table(make_digits(100))
    task = AutoencoderTransformer(3)._task(table.shape, "cpu")
    parts = split(table, N_FOLDS, Seed(0))
    networks = [start_network(table.take(part), task, Seed(0))[0] for part in parts]
    with torch.no_grad():  # other weights in each of them
        for number, network in enumerate(networks):
            for weight in network.parameters():
                weight += 0.1 * number
    U = torch.randn(N_FOLDS, 7, 64, generator=torch.Generator().manual_seed(0))
    found = side_by_side(networks).propagate(U)
    for rows, output, network in zip(U, found, networks, strict=True):
        torch.testing.assert_close(output, network.propagate(rows))


def test_folds_take_the_steps_of_all_rows(monkeypatch):
    """With fewer rows each, their batches are smaller."""
    X = make_curve(200)
    folds, sizes = make_folds(X, 2), []
    found = folds._losses_at

    def losses_at(networks, places):
        sizes.append(places.shape[1])
        return found(networks, places)

    monkeypatch.setattr(folds, "_losses_at", losses_at)
    plan = (
        AutoencoderTransformer(2, batch_size=32, max_iter=1)._task(X.shape, "cpu").plan
    )
    assert list(folds.epochs(plan)) == [1]
    assert len(sizes) == 7  # of 32 rows, the last of 8
    assert sum(sizes) == 160


def test_small_tables_beat_pca_on_unseen_rows():
    """Where a tenth of the rows would be too few to tell."""
    X = scale(load_breast_cancer().data)
    X, unseen = X[:400], X[400:]
    autoencoder = fitted(X, n_components=4)
    pca = PCA(4).fit(X)
    error = mean_squared_error(unseen, autoencoder.reconstruct(unseen))
    floor = mean_squared_error(unseen, pca.inverse_transform(pca.transform(unseen)))
    assert autoencoder.judge_ == "folds"
    assert error < 0.95 * floor
    assert autoencoder.reconstruction_error_ < autoencoder.pca_reconstruction_error_
    assert len(autoencoder.validation_loss_curve_) == autoencoder.n_iter_


@pytest.mark.parametrize("seed", range(4))
def test_noise_costs_nothing(seed):
    """A closed form that some rows speak for by chance hardly differs from PCA."""
    rng = np.random.default_rng(seed)
    X, unseen = rng.standard_normal((100, 6)), rng.standard_normal((20_000, 6))
    autoencoder, pca = fitted(X, max_iter=40), PCA(2).fit(X)
    floor = mean_squared_error(unseen, pca.inverse_transform(pca.transform(unseen)))
    assert mean_squared_error(unseen, autoencoder.reconstruct(unseen)) < 1.002 * floor


@pytest.mark.parametrize("seed", range(1, 4))
def test_noise_is_left_to_pca(seed):
    """There is nothing to learn: codes and error are PCA's."""
    X = np.random.default_rng(seed).standard_normal((100, 6))
    autoencoder = fitted(X, max_iter=40)
    pca = PCA(2, svd_solver="full").fit(X)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(autoencoder.reconstruct(X), expected, atol=1e-5)
    assert autoencoder.n_iter_ == 1
    assert autoencoder.reconstruction_error_ == autoencoder.pca_reconstruction_error_
    assert autoencoder.reconstruction_error_ == pytest.approx(
        out_of_fold_error(X, 2), rel=1e-5
    )


@pytest.mark.parametrize("max_iter", [1, 25])
def test_reference_is_the_out_of_fold_error_of_pca_without_limits(max_iter):
    """Limits of the columns are the network's: PCA's own error knows none."""
    X = make_digits(300)
    autoencoder = fitted(X, n_components=8, max_iter=max_iter)
    assert autoencoder.judge_ == "folds"
    assert autoencoder.pca_reconstruction_error_ == pytest.approx(
        out_of_fold_error(X, 8), rel=1e-5
    )


def test_reported_error_is_that_of_the_model_returned():
    """Where nothing is learnt but limits help, the model has them and its error too."""
    X = make_digits(300)
    autoencoder = fitted(
        X, n_components=8, init="pca", max_iter=1, learning_rate_init=1e-12
    )
    assert autoencoder.reconstruct(X).min() == 0
    clamped = 0.0
    for held_out in split(Table(X), N_FOLDS, Seed(0)):
        kept = np.setdiff1d(np.arange(len(X)), held_out)
        pca = PCA(8, svd_solver="full").fit(X[kept])
        limits = autoencoder.net_.module_.limits.numpy()
        X_hat = pca.inverse_transform(pca.transform(X[held_out])).clip(*limits)
        clamped += ((X_hat - X[held_out]) ** 2).sum()
    assert autoencoder.reconstruction_error_ == pytest.approx(
        clamped / X.size, rel=0.01
    )
    assert autoencoder.reconstruction_error_ < autoencoder.pca_reconstruction_error_


def test_closed_form_and_networks_are_compared_on_the_same_rows(monkeypatch):
    """The closed form alone is judged by more folds, each with more rows."""
    seen = []

    def kernels(task, table, tables, held_out, pca_errors):
        seen.append(held_out)
        return _kernels(task, table, tables, held_out, pca_errors)

    monkeypatch.setattr(_folds, "_kernels", kernels)
    X = make_curve(200)
    assert fitted(X).judge_ == "folds"
    many, few = seen
    assert len(many) == MOST_FOLDS
    for positions, expected in zip(few, split(Table(X), N_FOLDS, Seed(0)), strict=True):
        np.testing.assert_array_equal(positions, expected)


@pytest.mark.parametrize(
    ("parameters", "judge"),
    [
        ({}, "folds"),
        ({"solver": "sgd"}, "folds"),
        ({"precision": "float64"}, "folds"),
        ({"callbacks": [Callback()]}, "folds"),
        ({"solver": "muon"}, "held_out"),
        ({"dropout": 0.1}, "folds"),
        ({"alpha": 0.1}, "held_out"),
        ({"tied_weights": True}, "held_out"),
        ({"init": "random"}, "held_out"),
        ({"loss": "absolute_error"}, "held_out"),
        ({"hidden_layer_sizes": ()}, "held_out"),
        ({"validation_fraction": 0.3}, "held_out"),
        ({"early_stopping": False}, "none"),
    ],
)
def test_folds_judge_where_they_can(parameters, judge):
    """Elsewhere some rows are held out, or none."""
    assert fitted(make_curve(200), max_iter=3, **parameters).judge_ == judge


def test_curves_are_as_long_as_the_training():
    """The folds' losses stand in for those of rows held out."""
    autoencoder = fitted(make_curve(120), init="pca", batch_size=40, max_iter=30)
    assert 1 < autoencoder.n_iter_ <= 30
    assert autoencoder.net_.step_ == 3 * autoencoder.n_iter_  # on all rows
    for curve in (autoencoder.loss_curve_, autoencoder.validation_loss_curve_):
        assert len(curve) == autoencoder.n_iter_
    assert (
        min(autoencoder.validation_loss_curve_)
        == (autoencoder.validation_loss_curve_[-1])
    )


def test_weights_are_heeded():
    """Rows of little weight do not matter to what the folds find."""
    X = np.concatenate([make_curve(100), 9 * make_curve(40, seed=1)])
    weight = np.repeat([1.0, 1e-9], [100, 40])
    autoencoder = AutoencoderTransformer(2, max_iter=20, random_state=0)
    light = autoencoder.fit(X, sample_weight=weight).pca_reconstruction_error_
    heavy = autoencoder.fit(X).pca_reconstruction_error_
    assert light < 0.1 * heavy


def test_groups_are_in_one_fold_each():
    """Every row is held out once, and its whole group with it."""
    groups = np.random.default_rng(0).integers(0, 12, 90)
    parts = split(Table(make_curve(90), None, groups), N_FOLDS, Seed(0))
    assert len(parts) == N_FOLDS
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(90))
    for part in parts:
        others = np.setdiff1d(np.arange(90), part)
        assert not set(groups[part]) & set(groups[others])


def test_interrupt_of_the_folds_reaches_the_caller(monkeypatch):
    """It is neither swallowed nor taken for the end of training."""

    def interrupt(self, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_Folds, "losses", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fitted(make_curve(100))
