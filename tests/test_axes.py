"""Principal axes of a table, in blocks and in shards, against numpy's SVD."""

from functools import reduce

import numpy as np
import pytest
from scipy.sparse.linalg import svds
from sklearn.decomposition import PCA

from skae.data._axes import Scatter, axis_signs, randomised_axes, scatter
from skae.data._table import Table

from .tables import cosines, in_blocks


def weighted_svd(X, weight, n_components):
    """Return the leading axes and the variances along them, from numpy's SVD."""
    centred = X - np.average(X, axis=0, weights=weight)
    _, values, axes = np.linalg.svd(
        centred * np.sqrt(weight / weight.sum())[:, None], full_matrices=False
    )
    return axes[:n_components], values[:n_components] ** 2


def make_table(n_samples, n_features, seed=0):
    """Return rows whose variances along the leading directions are well apart."""
    rng = np.random.default_rng(seed)
    codes = rng.standard_normal((n_samples, 6)) * [32, 16, 8, 4, 2, 1]
    axes = np.linalg.qr(rng.standard_normal((n_features, 6)))[0].T
    noise = 0.1 * rng.standard_normal((n_samples, n_features))
    return codes @ axes + noise + rng.uniform(-5, 5, n_features)


# Which of the three ways to the axes a shape takes when the limit is 50.
BRANCHES = {
    "covariance": (120, 30),
    "few rows": (20, 30),
    "rows": (40, 80),
    "range finder": (90, 80),
}


@pytest.fixture
def small_limit(monkeypatch):
    """Let small tables take the branches that are for wide ones."""
    monkeypatch.setattr("skae.data._axes.EXACT_LIMIT", 50)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("shape", BRANCHES.values(), ids=BRANCHES)
def test_axes_are_those_of_the_svd(shape, weighted, monkeypatch):
    """Each branch finds axes, variances and signs of the singular vectors."""
    in_blocks(monkeypatch, n_rows=17, n_columns=shape[1])
    X = make_table(*shape)
    weight = np.random.default_rng(1).uniform(0.2, 3, len(X)) if weighted else None
    found = Table(X, weight).axes(4)
    axes, variance = weighted_svd(X, np.ones(len(X)) if weight is None else weight, 4)
    np.testing.assert_allclose(found.explained_variance, variance, rtol=1e-6)
    axes *= np.sign(axes[np.arange(4), np.abs(axes).argmax(axis=1)])[:, None]
    np.testing.assert_allclose(found.components, axes, atol=1e-5)


@pytest.mark.parametrize("n_samples", [60, 3100], ids=["few rows", "many rows"])
def test_more_than_3000_columns(n_samples, monkeypatch):
    """Tables past the limit itself have the axes of scipy's truncated SVD."""
    in_blocks(monkeypatch, n_rows=400, n_columns=3050)
    X = make_table(n_samples, 3050).astype(np.float32)
    found = Table(X).axes(3)
    _, values, axes = svds(X - X.mean(axis=0), k=3, random_state=0)
    np.testing.assert_allclose(
        found.explained_variance, values[::-1] ** 2 / n_samples, rtol=1e-3
    )
    assert cosines(found.components, axes).min() > 1 - 1e-5


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("shape", BRANCHES.values(), ids=BRANCHES)
def test_axes_of_a_table_of_lower_rank(shape):
    """No more axes come back than the table has, and they are orthonormal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((shape[0], 2)) @ rng.standard_normal((2, shape[1]))
    found = Table(X).axes(5)
    assert cosines(found.components, np.linalg.svd(X - X.mean(0))[2][:2]).min() > 0.999
    assert len(found.components) == 2
    np.testing.assert_allclose(
        found.components @ found.components.T, np.eye(2), atol=1e-9
    )


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("shape", BRANCHES.values(), ids=BRANCHES)
def test_float32_rows_give_nearly_the_axes_of_float64(shape):
    """Single precision costs digits, not directions, far from the origin too."""
    X = (make_table(*shape) + 1000).astype(np.float32)
    found = Table(X).axes(4)
    axes, variance = weighted_svd(X.astype(float), np.ones(len(X)), 4)
    assert cosines(found.components, axes).min() > 1 - 1e-5
    np.testing.assert_allclose(found.explained_variance, variance, rtol=1e-3)


def test_signs_are_those_of_scikit_learn():
    """An axis points where scikit-learn's PCA has it point."""
    X = make_table(100, 12)
    reference = PCA(4, svd_solver="full").fit(X)
    np.testing.assert_allclose(
        Table(X).axes(4).components, reference.components_, atol=1e-8
    )


def test_axis_signs_make_the_largest_entry_positive():
    """Each row gets the sign of its entry of largest size."""
    axes = np.array([[1.0, -3.0], [2.0, -1.0], [0.0, 0.0]])
    assert axis_signs(axes).tolist() == [-1.0, 1.0, 1.0]


@pytest.mark.parametrize("exponent", [-150, 150])
def test_extreme_units_neither_overflow_nor_vanish(exponent, monkeypatch):
    """Axes and moments of a table in tiny or huge units are the same but for units."""
    in_blocks(monkeypatch, n_rows=37, n_columns=10)
    X = make_table(80, 10)
    unit = 10.0**exponent
    plain, found = Table(X).axes(3), Table(X * unit).axes(3)
    np.testing.assert_allclose(found.components, plain.components, atol=1e-9)
    np.testing.assert_allclose(
        found.explained_variance / unit / unit, plain.explained_variance, rtol=1e-9
    )


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.arange(4.0)[None]])
def test_table_without_variance_has_no_axes(X):
    """A constant table and a single row have none, whatever was asked for."""
    found = Table(X).axes(2)
    assert found.components.shape == (0, X.shape[1])
    assert found.explained_variance.shape == (0,)


def test_errors_are_those_of_scikit_learn(monkeypatch):
    """Each row's error is that of PCA's round trip, on rows not fitted too."""
    in_blocks(monkeypatch, n_rows=37, n_columns=12)
    X = make_table(100, 12)
    errors = Table(X[:70]).axes(3).errors(Table(X))
    pca = PCA(3, svd_solver="full").fit(X[:70])
    X_hat = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(errors, ((X - X_hat) ** 2).sum(axis=1), rtol=1e-8)


# -- shards ---------------------------------------------------------------------------

# Where a table of 60 rows is cut, one part with a single row among them.
CUTS = {"halves": [30], "a row alone": [1], "three": [7, 8], "rows": range(1, 60)}


def shards_of(X, weight, cuts):
    parts = np.split(np.arange(len(X)), cuts)
    return [Table(X, weight).take(part) for part in parts]


def make_shardable(case):
    """Return rows whose shards differ, and their weights or None."""
    X = make_table(60, 8)
    X[:20, 1] = 3.0  # constant in some shards, not in all
    X[:, 5] = -7.0  # constant everywhere
    X[30:] += 40
    weight = (
        np.random.default_rng(1).uniform(0.2, 3, 60) if "weighted" in case else None
    )
    return X * {"huge": 1e150, "tiny": 1e-150}.get(case, 1.0), weight


@pytest.mark.parametrize("case", ["plain", "weighted", "huge", "tiny"])
@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_merged_scatters_of_shards_are_that_of_the_whole(cuts, case):
    """Axes may be found of rows that are never in one place."""
    X, weight = make_shardable(case)
    parts = [scatter(shard) for shard in shards_of(X, weight, cuts)]
    found, whole = reduce(Scatter.merged, parts), scatter(Table(X, weight))
    assert found.total_weight == pytest.approx(whole.total_weight)
    np.testing.assert_allclose(found.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(
        found.matrix * (found.unit / whole.unit) ** 2,
        whole.matrix,
        atol=1e-10 * np.abs(whole.matrix).max(),
    )
    axes, expected = found.axes(3), whole.axes(3)
    np.testing.assert_allclose(axes.components, expected.components, atol=1e-8)
    np.testing.assert_allclose(axes.explained_variance, expected.explained_variance)


@pytest.mark.parametrize("weighted", ["plain", "weighted"])
@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_randomised_axes_of_shards_are_those_of_the_whole(cuts, weighted):
    """Products with the scatter matrix are sums over the shards."""
    X, weight = make_shardable(weighted)
    found = randomised_axes(shards_of(X, weight, cuts), 3)
    expected = Table(X, weight).axes(3)
    np.testing.assert_allclose(found.components, expected.components, atol=1e-6)
    np.testing.assert_allclose(found.explained_variance, expected.explained_variance)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-12)


@pytest.mark.parametrize("n_rows", [19, 20])
def test_equal_eigenvalues_are_found(n_rows):
    """Of rows and of columns; LAPACK finds none of these if asked for some."""
    X = np.eye(20)[-n_rows:]
    axes = Table(X).axes(2)
    assert axes.components.shape == (2, 20)
    np.testing.assert_allclose(
        axes.components @ axes.components.T, np.eye(2), atol=1e-12
    )
