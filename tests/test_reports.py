"""What estimators report of their codes: of the weighted rows, and of the last ones."""

import numpy as np
import pytest

from skae import SparseAutoencoder, VariationalAutoencoder
from skae.data._table import Table
from skae.objectives._sparse import Sparse
from skae.objectives._variational import Variational

from .tables import make_curve

BRIEF = {"max_iter": 4, "random_state": 0}


def two_kinds():
    """Return rows of two kinds, and weights with which one hardly counts."""
    X = np.concatenate([make_curve(150), make_curve(150, seed=1) * 3 + 20])
    return X, np.repeat([1.0, 1e-9], 150)


@pytest.mark.parametrize("sparsity", ["l1", "kl", "top_k"])
def test_share_of_active_units_is_that_of_the_weighted_rows(sparsity):
    """Of rows that hardly count, it says hardly anything."""
    X, weight = two_kinds()
    sparse = SparseAutoencoder(8, sparsity=sparsity, early_stopping=False, **BRIEF).fit(
        X, sample_weight=weight
    )
    Z = sparse.transform(X)
    active = (Z if sparsity == "kl" else Z != 0).mean(axis=1)
    assert sparse.active_share_ == pytest.approx(np.average(active, weights=weight))
    spread = Z[:150].std(axis=0)
    expected = np.flatnonzero(spread <= 1e-3 * spread.max())
    np.testing.assert_array_equal(sparse.dead_units_, expected)


def counting_network(monkeypatch, name, Z):
    monkeypatch.setattr(f"skae.objectives.{name}.encode", lambda network, rows: Z)


@pytest.mark.parametrize("flipped", [False, True])
def test_units_are_dead_or_active_by_weight(monkeypatch, flipped):
    """A unit that varies in rows of no weight alone is dead, and not active."""
    Z = np.zeros((100, 3))
    Z[:50, 0] = np.random.default_rng(0).standard_normal(50) + 3
    Z[50:, 1] = np.random.default_rng(1).standard_normal(50) + 3
    weight = np.repeat([1.0, 1e-12], 50)[:: -1 if flipped else 1]
    table, used = Table(np.zeros((100, 4)), weight), int(flipped)
    counting_network(monkeypatch, "_sparse", Z)
    report = Sparse(n_components=3).report(None, table)
    assert report["active_share"] == pytest.approx(1 / 3)
    np.testing.assert_array_equal(report["dead_units"], [1 - used, 2])
    counting_network(monkeypatch, "_variational", Z)

    class Network:
        noise_variance = 1.0

    report = Variational().report(Network, table)
    np.testing.assert_array_equal(report["active_units"], [used])


def test_active_units_are_those_of_the_weighted_rows():
    """The variance of the posterior means, over the rows that count."""
    X, weight = two_kinds()
    fitted = VariationalAutoencoder(5, early_stopping=False, **BRIEF)
    fitted.fit(X, sample_weight=weight)
    variance = fitted.transform(X[:150]).var(axis=0)
    np.testing.assert_array_equal(fitted.active_units_, np.flatnonzero(variance > 0.01))


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (SparseAutoencoder(8, sparsity="top_k", k=2, **BRIEF), "active_share_"),
        (SparseAutoencoder(8, **BRIEF), "active_share_"),
    ],
)
def test_reports_follow_the_stream(estimator, name):
    """After partial_fit they are those of the network that there is now."""
    X = make_curve(600)
    estimator.set_params(batch_size=32).fit(X)
    estimator.partial_fit(5 * X)
    Z = estimator.transform(5 * X)
    assert getattr(estimator, name) == pytest.approx(np.mean(Z != 0))
