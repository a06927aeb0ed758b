"""What PCA misses, regressed on its codes in closed form."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.data._table import Table
from skae.engine._kernel_ridge import fit_kernel_ridge

from .tables import make_curve, make_digits


def parabola(n_samples, seed=0):
    rng = np.random.default_rng(seed)
    t = rng.uniform(-1, 1, n_samples)
    noise = 0.01 * rng.standard_normal((n_samples, 3))
    return np.column_stack([3 * t, t**2, t**3]) + noise


def test_it_follows_a_curve_that_pca_does_not():
    """On rows that it has not seen."""
    table, unseen = Table(parabola(100)), Table(parabola(200, seed=1))
    found = fit_kernel_ridge(table, 1)
    assert found.errors(unseen).mean() < 0.05 * table.axes(1).errors(unseen).mean()


def test_errors_are_those_of_a_network():
    """What is judged is what the fitted estimator reconstructs, in either dtype."""
    X = make_curve(300)
    fitted = AutoencoderTransformer(2, max_iter=1, random_state=0).fit(X)
    assert fitted.init_ == "kernel_ridge"
    expected = fit_kernel_ridge(Table(X), 2).errors(Table(X))
    found = -fitted.score_samples(X)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    single = fitted.reconstruct(X.astype(np.float32))
    np.testing.assert_allclose(single, fitted.reconstruct(X), atol=1e-3)
    assert fitted.n_iter_ == 1


def test_a_part_corrects_less():
    """Of none PCA is left."""
    table, unseen = Table(parabola(100)), Table(parabola(200, seed=1))
    found = fit_kernel_ridge(table, 1)
    whole, half, none = (found.shrunk(factor).errors(unseen) for factor in (1, 0.5, 0))
    np.testing.assert_allclose(none, table.axes(1).errors(unseen))
    assert whole.mean() < half.mean() < none.mean()


@pytest.mark.parametrize(("load", "n_components"), [(load_iris, 2), (load_wine, 8)])
def test_small_tables_gain_a_little(load, n_components):
    """On rows not seen, and never lose."""
    X = StandardScaler().fit_transform(load().data)
    ratios = []
    for seed in range(4):
        train, test = train_test_split(X, test_size=0.25, random_state=seed)
        floor = PCA(n_components).fit(train)
        missed = test - floor.inverse_transform(floor.transform(test))
        fitted = AutoencoderTransformer(n_components, random_state=seed).fit(train)
        error = np.square(test - fitted.reconstruct(test)).sum()
        ratios.append(error / np.square(missed).sum())
    assert max(ratios) < 1.002
    assert np.mean(ratios) < 0.99


def test_reconstructions_keep_to_limits():
    """Ink is never below white in a column that has a limit there."""
    table = Table(make_digits(120))
    found = fit_kernel_ridge(table, 8)
    assert found.errors(table, table.moments.limits).sum() < found.errors(table).sum()


def test_copies_answer_alike():
    X = make_curve(300)
    fitted = AutoencoderTransformer(2, random_state=0).fit(X)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.reconstruct(X), fitted.reconstruct(X))
    Z = fitted.transform(X)
    np.testing.assert_allclose(fitted.inverse_transform(Z), fitted.reconstruct(X))


def test_light_rows_do_not_matter():
    """A row of little weight changes nothing but its own code."""
    X = np.concatenate([parabola(60), [[50.0, 0.0, -50.0]]])
    weight = np.append(np.ones(60), 1e-12)
    light = fit_kernel_ridge(Table(X, weight), 1).errors(Table(X[:60]))
    without = fit_kernel_ridge(Table(X[:60]), 1).errors(Table(X[:60]))
    np.testing.assert_allclose(light.mean(), without.mean(), rtol=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_rounding_is_no_reason_for_kernels(seed):
    """As many components as columns leave nothing, but in some folds rounding."""
    X = make_curve(100)[:, :2] @ np.random.default_rng(seed).standard_normal((2, 2))
    fitted = AutoencoderTransformer(2, max_iter=2, random_state=seed).fit(X)
    np.testing.assert_allclose(fitted.reconstruct(X), X, atol=1e-6)


@pytest.mark.parametrize("X", [np.ones((30, 3)), np.outer(np.arange(30.0), [1, 2])])
def test_where_pca_misses_nothing_there_is_none(X):
    found = fit_kernel_ridge(Table(X), 1)
    assert found is None or found.errors(Table(X)).max() < 1e-20
