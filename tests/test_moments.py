"""Column moments and limits, in blocks and in shards, against numpy."""

import statistics
from functools import reduce

import numpy as np
import pytest

from skae.data._moments import Moments, check_squares
from skae.data._table import Table

from .tables import in_blocks


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_moments_are_those_of_numpy(weighted, monkeypatch):
    """Mean, standard deviation and range by blocks are those of the table."""
    in_blocks(monkeypatch, n_rows=37, n_columns=5)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((150, 5)) * [1e-20, 1, 1e3, 1e20, 2] + [0, 1, 1e3, 0, -7]
    weight = rng.uniform(0.1, 2, 150) if weighted else None
    moments = Table(X, weight).moments
    mean = np.average(X, axis=0, weights=weight)
    variance = np.average((X - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(moments.scale, np.sqrt(variance), rtol=1e-12)
    np.testing.assert_array_equal(moments.lowest, X.min(axis=0))
    np.testing.assert_array_equal(moments.highest, X.max(axis=0))
    assert moments.n_rows == 150
    assert moments.total_weight == pytest.approx(
        150 if weight is None else weight.sum()
    )


def test_scale_survives_a_large_offset(monkeypatch):
    """A spread of 1 around 1e8 is found to the digits that the rows have."""
    in_blocks(monkeypatch, n_rows=37, n_columns=1)
    rows = np.random.default_rng(0).standard_normal((200, 1))
    X = rows + 1e8
    np.testing.assert_allclose(Table(X).moments.scale, (X - 1e8).std(axis=0), rtol=1e-7)


def test_scale_where_the_mean_is_rounded(monkeypatch):
    """A mean that float64 cannot hold costs the spread around it nothing."""
    in_blocks(monkeypatch, n_rows=20, n_columns=1)
    steps = np.random.default_rng(0).integers(0, 100, 50)
    values = [10**17 + 16 * int(step) for step in steps]
    X = np.array(values, dtype=float)[:, None]
    assert [int(x) for x in X[:, 0]] == values
    found = Table(X).moments.scale[0]
    assert found == pytest.approx(statistics.pstdev(values), rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 / 3, 1e-300, -1e200])
def test_constant_column_has_no_scale(value, monkeypatch):
    """Rounding in the sum does not make a constant column spread."""
    in_blocks(monkeypatch, n_rows=37, n_columns=2)
    X = np.column_stack([np.full(101, value), np.arange(101.0)])
    moments = Table(X).moments
    assert moments.scale[0] == 0
    assert moments.inverse_scale[0] == 0
    assert moments.mean[0] == value
    assert moments.scale[1] == pytest.approx(np.arange(101.0).std())


# Where a table of 50 rows is cut; parts with one row are among them.
CUTS = {"halves": [25], "a row alone": [1], "three": [7, 8], "rows": range(1, 50)}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_merged_moments_of_shards_are_those_of_the_whole(cuts, weighted):
    """Whatever the columns hold: constants, steps, 1e200, and rows alone."""
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            rng.standard_normal(50),
            np.full(50, 0.1),
            np.arange(50) >= 25,  # constant in each half
            1e200 * rng.standard_normal(50),
            1e-200 * rng.standard_normal(50),
            1e8 + rng.standard_normal(50),
        ]
    ).astype(float)
    weight = rng.uniform(0.1, 4, 50) if weighted else None
    whole = Table(X, weight)
    parts = [whole.take(rows) for rows in np.split(np.arange(50), cuts)]
    found = reduce(Moments.merged, (part.moments for part in parts))
    expected = whole.moments
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-13)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-6)
    np.testing.assert_allclose(found.scale[:5], expected.scale[:5], rtol=1e-12)
    assert found.scale[1] == 0
    assert found.mean[1] == 0.1
    np.testing.assert_array_equal(found.lowest, expected.lowest)
    np.testing.assert_array_equal(found.highest, expected.highest)
    assert found.n_rows == 50
    assert found.total_weight == pytest.approx(expected.total_weight)


def test_variance_that_overflows_is_an_error_that_names_the_column():
    """Columns whose squares fit float64 are none of its business."""
    X = np.random.default_rng(0).standard_normal((20, 3))
    check_squares(Table(X * 1e150).moments)
    X[:, 2] *= 1e200
    with pytest.raises(ValueError, match=r"Column 2 .*Scale X"):
        check_squares(Table(X).moments)


def limits_of(X, weight=None):
    return Table(X, weight).moments.limits


def test_limits_are_ends_that_many_rows_share(monkeypatch):
    """Ten rows at an end, and two in a hundred, make it a limit; weights count."""
    in_blocks(monkeypatch, n_rows=37, n_columns=4)
    X = np.random.default_rng(0).standard_normal((400, 4))
    X[:10, 0] = X[:, 0].min() - 1
    X[:9, 1] = X[:, 1].max() + 1
    X[:, 2] = X[:, 2].clip(-1, 1)
    largest = np.finfo(np.float64).max
    np.testing.assert_array_equal(
        limits_of(X),
        [[X[0, 0], -largest, -1, -largest], [largest, largest, 1, largest]],
    )
    weight = np.ones(400)
    weight[0] = 3.0  # with the other eight, 11 of 402 or 10.9 mean weights
    assert limits_of(X, weight)[1, 1] == X[0, 1]
    repeated = np.repeat(X, 2, axis=0)  # 18 of 800
    assert limits_of(repeated)[1, 1] == X[0, 1]
    rarer = np.concatenate([repeated, repeated[20:]])  # 18 of 1580
    assert limits_of(rarer)[1, 1] == largest


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_limits_do_not_depend_on_the_unit_of_the_weights(factor):
    """Ten rows are ten mean weights."""
    X = np.random.default_rng(0).standard_normal((400, 2)).clip(-1, None)
    weight = np.random.default_rng(1).uniform(0.5, 1.5, 400)
    np.testing.assert_array_equal(limits_of(X, factor * weight), limits_of(X, weight))
