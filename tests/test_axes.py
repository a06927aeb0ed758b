"""Column moments and principal axes of a table in chunks, against numpy's SVD."""

import statistics

import numpy as np
import pytest
from scipy.sparse.linalg import svds
from sklearn.decomposition import PCA

from skae import _linear
from skae._linear import (
    attained_limits,
    axis_signs,
    column_moments,
    principal_axes,
    projection_errors,
)

from .tables import cosines


def in_pieces(X, weight=None, size=37):
    """Return `chunks` that yield the table a few rows at a time."""

    def chunks():
        for start in range(0, len(X), size):
            rows = slice(start, start + size)
            yield X[rows], None if weight is None else weight[rows]

    return chunks


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
    monkeypatch.setattr(_linear, "EXACT_LIMIT", 50)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("shape", BRANCHES.values(), ids=BRANCHES)
def test_axes_are_those_of_the_svd(shape, weighted):
    """Each branch finds axes, variances and signs of the singular vectors."""
    X = make_table(*shape)
    weight = np.random.default_rng(1).uniform(0.2, 3, len(X)) if weighted else None
    chunks = in_pieces(X, weight)
    found = principal_axes(chunks, column_moments(chunks), 4)
    axes, variance = weighted_svd(X, np.ones(len(X)) if weight is None else weight, 4)
    np.testing.assert_allclose(found.explained_variance, variance, rtol=1e-6)
    axes *= np.sign(axes[np.arange(4), np.abs(axes).argmax(axis=1)])[:, None]
    np.testing.assert_allclose(found.components, axes, atol=1e-5)


@pytest.mark.parametrize("n_samples", [60, 3100], ids=["few rows", "many rows"])
def test_more_than_3000_columns(n_samples):
    """Tables past the limit itself have the axes of scipy's truncated SVD."""
    X = make_table(n_samples, 3050).astype(np.float32)
    chunks = in_pieces(X, size=400)
    found = principal_axes(chunks, column_moments(chunks), 3)
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
    chunks = in_pieces(X)
    found = principal_axes(chunks, column_moments(chunks), 5)
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
    chunks = in_pieces(X)
    found = principal_axes(chunks, column_moments(chunks), 4)
    axes, variance = weighted_svd(X.astype(float), np.ones(len(X)), 4)
    assert cosines(found.components, axes).min() > 1 - 1e-5
    np.testing.assert_allclose(found.explained_variance, variance, rtol=1e-3)


def test_signs_are_those_of_scikit_learn():
    """An axis points where scikit-learn's PCA has it point."""
    X = make_table(100, 12)
    chunks = in_pieces(X)
    found = principal_axes(chunks, column_moments(chunks), 4)
    reference = PCA(4, svd_solver="full").fit(X)
    np.testing.assert_allclose(found.components, reference.components_, atol=1e-8)


def test_axis_signs_make_the_largest_entry_positive():
    """Each row gets the sign of its entry of largest size."""
    axes = np.array([[1.0, -3.0], [2.0, -1.0], [0.0, 0.0]])
    assert axis_signs(axes).tolist() == [-1.0, 1.0, 1.0]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_moments_are_those_of_numpy(weighted):
    """Mean and standard deviation by chunks are the weighted ones of the table."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 5)) * [1e-20, 1, 1e3, 1e20, 2] + [0, 1, 1e3, 0, -7]
    weight = rng.uniform(0.1, 2, 150) if weighted else None
    moments = column_moments(in_pieces(X, weight))
    mean = np.average(X, axis=0, weights=weight)
    variance = np.average((X - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(moments.scale, np.sqrt(variance), rtol=1e-12)
    assert moments.n_samples == 150
    assert moments.total_weight == pytest.approx(
        150 if weight is None else weight.sum()
    )


def test_scale_survives_a_large_offset():
    """A spread of 1 around 1e8 is found to the digits that the rows have."""
    rows = np.random.default_rng(0).standard_normal((200, 1))
    X = rows + 1e8
    moments = column_moments(in_pieces(X))
    np.testing.assert_allclose(moments.scale, (X - 1e8).std(axis=0), rtol=1e-7)


def test_scale_where_the_mean_is_rounded():
    """A mean that float64 cannot hold costs the spread around it nothing."""
    steps = np.random.default_rng(0).integers(0, 100, 50)
    values = [10**17 + 16 * int(step) for step in steps]
    X = np.array(values, dtype=float)[:, None]
    assert [int(x) for x in X[:, 0]] == values
    found = column_moments(in_pieces(X, size=20)).scale[0]
    assert found == pytest.approx(statistics.pstdev(values), rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 / 3, 1e-300, -1e200])
def test_constant_column_has_no_scale(value):
    """Rounding in the sum does not make a constant column spread."""
    X = np.column_stack([np.full(101, value), np.arange(101.0)])
    moments = column_moments(in_pieces(X))
    assert moments.scale[0] == 0
    assert moments.inverse_scale[0] == 0
    assert moments.mean[0] == value
    assert moments.scale[1] == pytest.approx(np.arange(101.0).std())


@pytest.mark.parametrize("exponent", [-150, 150])
def test_extreme_units_neither_overflow_nor_vanish(exponent):
    """Axes and moments of a table in tiny or huge units are the same but for units."""
    X = make_table(80, 10)
    unit = 10.0**exponent
    chunks, scaled = in_pieces(X), in_pieces(X * unit)
    plain = principal_axes(chunks, column_moments(chunks), 3)
    found = principal_axes(scaled, column_moments(scaled), 3)
    np.testing.assert_allclose(found.components, plain.components, atol=1e-9)
    np.testing.assert_allclose(
        found.explained_variance / unit / unit, plain.explained_variance, rtol=1e-9
    )


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.arange(4.0)[None]])
def test_table_without_variance_has_no_axes(X):
    """A constant table and a single row have none, whatever was asked for."""
    found = principal_axes(in_pieces(X), column_moments(in_pieces(X)), 2)
    assert found.components.shape == (0, X.shape[1])
    assert found.explained_variance.shape == (0,)


def test_projection_errors_are_those_of_scikit_learn():
    """Each row's error is that of PCA's round trip, on rows not fitted too."""
    X = make_table(100, 12)
    chunks = in_pieces(X[:70])
    moments = column_moments(chunks)
    errors = projection_errors(
        in_pieces(X), moments, principal_axes(chunks, moments, 3)
    )
    pca = PCA(3, svd_solver="full").fit(X[:70])
    X_hat = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(errors, ((X - X_hat) ** 2).sum(axis=1), rtol=1e-8)


def test_limits_are_ends_that_many_rows_share():
    """Ten rows at an end, and two in a hundred, make it a limit; weights count."""
    X = np.random.default_rng(0).standard_normal((400, 4))
    X[:10, 0] = X[:, 0].min() - 1
    X[:9, 1] = X[:, 1].max() + 1
    X[:, 2] = X[:, 2].clip(-1, 1)
    largest = np.finfo(np.float64).max
    chunks = in_pieces(X)
    limits = attained_limits(chunks, column_moments(chunks))
    np.testing.assert_array_equal(
        limits,
        [[X[0, 0], -largest, -1, -largest], [largest, largest, 1, largest]],
    )
    weight = np.ones(400)
    weight[0] = 2.0
    chunks = in_pieces(X, weight)
    limits = attained_limits(chunks, column_moments(chunks))
    assert limits[1, 1] == X[0, 1]
    repeated = np.repeat(X, 2, axis=0)  # 18 of 800
    chunks = in_pieces(repeated)
    assert attained_limits(chunks, column_moments(chunks))[1, 1] == X[0, 1]
    chunks = in_pieces(np.concatenate([repeated, repeated[20:]]))  # 18 of 1580
    assert attained_limits(chunks, column_moments(chunks))[1, 1] == largest
