"""Rows and their weights as one thing, dense or sparse, some of them or all."""

import numpy as np
import pytest
from scipy import sparse

from skae.data._table import Table

from .tables import in_blocks

WEIGHT = np.linspace(1, 3, 50)
GROUP = np.arange(50) // 5


def make_rows():
    X = np.random.default_rng(0).standard_normal((50, 4))
    X[X < -1] = 0
    return X


CONTAINERS = {"array": np.asarray, "csr": sparse.csr_array}


@pytest.fixture(params=CONTAINERS.values(), ids=CONTAINERS)
def table(request):
    return Table(request.param(make_rows()), WEIGHT, GROUP)


def dense(table):
    return np.concatenate(list(table.blocks()))


def test_take_takes_rows_weights_and_groups_together(table):
    """Of what was taken before as well: positions are those of the table at hand."""
    some = table.take(np.arange(10, 40)).take(np.array([3, 0, 29, 3]))
    rows = [13, 10, 39, 13]
    assert len(some) == some.n_rows == 4
    assert some.shape == (4, 4)
    np.testing.assert_array_equal(dense(some), make_rows()[rows])
    np.testing.assert_array_equal(some.weight, WEIGHT[rows])
    np.testing.assert_array_equal(some.groups, GROUP[rows])


def test_take_does_not_copy_the_rows(table):
    """A table of some rows knows which they are; slices and masks say it too."""
    some = table.take(slice(5, 9))
    assert some.X is table.X
    np.testing.assert_array_equal(some.rows, [5, 6, 7, 8])
    mask = np.zeros(50, dtype=bool)
    mask[[2, 30]] = True
    np.testing.assert_array_equal(table.take(mask).rows, [2, 30])


def test_table_without_weights_or_groups_has_none():
    some = Table(make_rows()).take(np.array([1, 2]))
    assert some.weight is None
    assert some.groups is None
    assert all(weight is None for _, weight in some.chunks())


def test_moments_of_taken_rows_are_theirs_alone(table):
    """Nothing that was computed of all rows is taken for theirs."""
    rows = np.arange(0, 50, 3)
    _ = table.moments, table.axes(2)
    some, weight = table.take(rows), WEIGHT[rows]
    mean = np.average(make_rows()[rows], axis=0, weights=weight)
    np.testing.assert_allclose(some.moments.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(some.axes(2).mean, mean, rtol=1e-12)
    assert not np.allclose(some.moments.mean, table.moments.mean, rtol=1e-6)


@pytest.mark.parametrize("n_rows", [1, 2, 7, 49])
def test_spread_rows_are_evenly_spread(table, n_rows):
    """From the first to the last, none twice, in their order."""
    some = table.spread(n_rows)
    assert len(some) == n_rows
    assert some.rows[0] == 0
    gaps = np.diff(some.rows)
    assert n_rows == 1 or (some.rows[-1] == 49 and gaps.max() - gaps.min() <= 1)
    assert (gaps > 0).all()
    np.testing.assert_array_equal(dense(some), make_rows()[some.rows])


@pytest.mark.parametrize("n_rows", [50, 1000])
def test_spread_of_all_rows_is_the_table(table, n_rows):
    assert table.spread(n_rows) is table


def test_block_is_dense_in_the_order_asked_for(table):
    some = table.take(np.arange(20, 50))
    for positions in (np.array([4, 0, 2]), slice(1, 5)):
        found = some.block(positions)
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, make_rows()[20:][positions])


@pytest.mark.parametrize("n_rows", [1, 7, 50, 80])
def test_chunks_are_all_rows_with_their_weights(table, n_rows):
    """In order, none left out, none twice; the last may be shorter."""
    some = table.take(np.arange(49, -1, -1))
    blocks, weights = zip(*some.chunks(n_rows), strict=True)
    np.testing.assert_array_equal(np.concatenate(blocks), make_rows()[::-1])
    np.testing.assert_array_equal(np.concatenate(weights), WEIGHT[::-1])
    assert all(len(block) == n_rows for block in blocks[:-1])


def test_blocks_have_about_so_many_cells(table, monkeypatch):
    """At least one row each, however wide it is."""
    in_blocks(monkeypatch, n_rows=13, n_columns=4)
    assert [len(block) for block in table.blocks()] == [13, 13, 13, 11]
    monkeypatch.setattr("skae.data._table.BLOCK_CELLS", 3)
    assert [len(block) for block in table.blocks()] == [1] * 50


def test_average_is_weighted(table):
    values = np.random.default_rng(1).standard_normal(50)
    expected = (values @ WEIGHT) / WEIGHT.sum()
    assert table.average(values) == pytest.approx(expected, rel=1e-12)
    assert Table(make_rows()).average(values) == pytest.approx(values.mean())


def test_axes_are_found_once_for_each_number(table):
    assert table.axes(2) is table.axes(2)
    assert len(table.axes(3).components) == 3
