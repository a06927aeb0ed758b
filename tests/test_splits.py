"""Which rows judge: drawn at random, in whole groups, or told by their content."""

import numpy as np
import pytest
from scipy import sparse

from skae import AutoencoderTransformer, VariationalAutoencoder
from skae.data._source import HELD_BYTES, Source
from skae.data._table import Table
from skae.engine._random import Seed
from skae.engine._splits import (
    MOST_HELD_OUT,
    ContentSplit,
    are_rare,
    folds,
    hold_out,
    parts,
)

from .tables import make_curve

GROUPS = np.repeat([f"patient {i}" for i in range(20)], 5)


def make_table(n_rows=100, *, grouped=False):
    rows = make_curve(n_rows)
    order = np.random.default_rng(0).permutation(n_rows)
    return Table(rows, None, GROUPS[order] if grouped else None)


# -- at random ------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_a_share_of_the_rows_is_held_out(fraction):
    """So many, each once, others with another seed."""
    table = make_table()
    held_out = [hold_out(table, fraction, Seed(seed)) for seed in (0, 0, 1)]
    assert len(np.unique(held_out[0])) == len(held_out[0]) == 100 * fraction
    np.testing.assert_array_equal(held_out[0], held_out[1])
    assert set(held_out[0]) != set(held_out[2])


@pytest.mark.parametrize(
    ("n_rows", "fraction", "expected"),
    [(3, 0.5, 0), (4, 0.1, 2), (10, 0.01, 2), (10, 0.99, 8)],
)
def test_two_rows_at_least_on_either_side(n_rows, fraction, expected):
    """Or none, where there are too few to spare any."""
    assert len(hold_out(make_table(n_rows), fraction, Seed(0))) == expected
    split = ContentSplit(0).begun(make_table(n_rows), fraction)
    assert len(split.hold_out(make_table(n_rows))) == expected


def test_more_rows_than_enough_are_not_held_out():
    """They would tell no more; of a file there are what fits into memory."""
    table = Table(np.zeros((300_000, 1), np.float32))
    assert len(hold_out(table, 0.1, Seed(0))) == 30_000
    assert len(hold_out(table, 0.5, Seed(0))) == MOST_HELD_OUT == 50_000
    n_columns = 2**14
    source = Source(
        lambda start, stop: np.zeros((stop - start, n_columns), np.float32),
        lambda: [0, 3000, 6000],
        n_columns,
        np.dtype(np.float32),
        "a file",
    )
    held_out = hold_out(Table(source), 0.5, Seed(0))
    assert len(held_out) * n_columns * 4 == HELD_BYTES


def test_every_row_is_in_one_fold():
    """The folds are of nearly one size."""
    parts = folds(make_table(), 5, Seed(0))
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(100))
    assert [len(part) for part in parts] == [20] * 5


# -- in groups ------------------------------------------------------------------------


def is_whole(groups, held_out):
    """Whether no group is on both sides of a split."""
    kept = np.setdiff1d(np.arange(len(groups)), held_out)
    return len(held_out) and set(groups[held_out]).isdisjoint(groups[kept])


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_held_out_as_a_whole(seed):
    """Drawn at random, as folds and by content."""
    table = make_table(grouped=True)
    assert is_whole(table.groups, hold_out(table, 0.2, Seed(seed)))
    parts = folds(table, 5, Seed(seed))
    assert all(is_whole(table.groups, part) for part in parts)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(100))
    split = ContentSplit(seed).begun(table, 0.2)
    assert is_whole(table.groups, split.hold_out(table))


def test_no_more_folds_than_groups():
    """Three groups make three folds."""
    table = Table(make_curve(9), None, np.repeat([1, 2, 3], 3))
    parts = folds(table, 5, Seed(0))
    assert len(parts) == 3
    assert all(is_whole(table.groups, part) for part in parts)


def test_groups_of_taken_rows_are_theirs():
    """Of a table of some rows, positions are those in it."""
    table = make_table(grouped=True).take(np.arange(60))
    held_out = hold_out(table, 0.2, Seed(0))
    assert held_out.max() < 60
    assert is_whole(table.groups, held_out)


@pytest.mark.parametrize("split", [hold_out, folds])
def test_one_group_cannot_be_held_out(split):
    """The error names the group and the way out."""
    table = Table(make_curve(9), None, np.repeat("only", 9))
    with pytest.raises(
        ValueError, match="groups has one group, .*only.*early_stopping"
    ):
        split(table, {hold_out: 0.2, folds: 5}[split], Seed(0))


@pytest.mark.parametrize("n_rows", [100, 600], ids=["folds", "held out"])
def test_copies_in_one_group_do_not_judge_each_other(n_rows):
    """Noise in five copies is learnt by heart, unless these are held out together."""
    noise = np.random.default_rng(0).standard_normal((n_rows // 5, 40))
    X, groups = np.repeat(noise, 5, axis=0), np.repeat(np.arange(n_rows // 5), 5)
    parameters = {"max_iter": 3, "random_state": 0}
    apart = AutoencoderTransformer(15, **parameters).fit(X)
    together = AutoencoderTransformer(15, **parameters).fit(X, groups=groups)
    fresh = np.random.default_rng(1).standard_normal((500, 40))
    true = together.reconstruction_error(fresh)
    assert together.judge_ == apart.judge_ == ("folds" if n_rows == 100 else "held_out")
    assert together.pca_reconstruction_error_ == pytest.approx(true, rel=0.15)
    assert apart.pca_reconstruction_error_ < 0.85 * true


@pytest.mark.parametrize("Estimator", [AutoencoderTransformer, VariationalAutoencoder])
def test_errors_of_groups_are_finite(Estimator):
    """With groups of one row and of many, weighted or not."""
    X = make_curve(90)
    groups = np.concatenate([np.arange(40), np.full(50, 99)])
    for weight in (None, np.linspace(0.1, 3, 90)):
        fitted = Estimator(2, max_iter=3, random_state=0).fit(
            X, None, weight, groups=groups
        )
        assert np.isfinite(fitted.reconstruction_error_)
        assert np.isfinite(fitted.pca_reconstruction_error_)
        assert np.isfinite(fitted.validation_loss_curve_).all()


def test_groups_need_a_label_for_every_row():
    """Another number of them is an error."""
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        AutoencoderTransformer(max_iter=1).fit(make_curve(20), groups=np.arange(19))


# -- by content -----------------------------------------------------------------------


def contents(X, split, groups=None):
    """Return the rows that are held out, as a set."""
    table = Table(X, None, groups)
    held_out = split.hold_out(table)
    return {tuple(map(float, row)) for row in table.block(held_out)}


def test_a_share_of_the_first_table_is_held_out():
    """Exactly so many as at random, others with another salt."""
    table = make_table()
    splits = [ContentSplit(salt).begun(table, 0.2) for salt in (0, 0, 1)]
    found = [split.hold_out(table).tolist() for split in splits]
    assert [len(rows) for rows in found] == [20] * 3
    assert found[0] == found[1] != found[2]


def test_nothing_is_held_out_before_the_first_table():
    assert len(ContentSplit(0).hold_out(make_table())) == 0


def test_a_split_that_has_begun_stays():
    """A later table does not move the threshold."""
    split = ContentSplit(0).begun(make_table(), 0.2)
    assert split.begun(make_table(50), 0.5) == split


def test_the_same_rows_are_held_out_in_any_order():
    X = make_curve(100)
    split = ContentSplit(0).begun(Table(X), 0.2)
    order = np.random.default_rng(1).permutation(100)
    assert contents(X[order], split) == contents(X, split)
    taken = Table(X).take(order)
    np.testing.assert_array_equal(
        np.sort(order[split.hold_out(taken)]), split.hold_out(Table(X))
    )


def test_the_same_rows_are_held_out_in_a_table_that_has_grown():
    """And about the same share of those that are new."""
    X, more = make_curve(100), make_curve(1000, seed=1)
    split = ContentSplit(0).begun(Table(X), 0.2)
    before, after = contents(X, split), contents(np.concatenate([more, X]), split)
    assert before <= after
    assert after.isdisjoint({tuple(row) for row in X} - before)
    assert 120 < len(after - before) < 280


CONTAINERS = {
    "float32": lambda X: X.astype(np.float32),
    "csr": sparse.csr_array,
    "fortran": np.asfortranarray,
    "a view": lambda X: X.repeat(2, axis=1)[:, ::2],
    "minus zero": lambda X: np.where(X == 0, -0.0, X),
}


@pytest.mark.parametrize("as_container", CONTAINERS.values(), ids=CONTAINERS)
def test_equal_numbers_are_equal_rows(as_container):
    """Whatever they are stored in."""
    X = np.round(make_curve(100))  # which float32 holds, with zeros
    assert (X == 0).any()
    split = ContentSplit(3).begun(Table(X), 0.3)
    found = split.hold_out(Table(as_container(X)))
    np.testing.assert_array_equal(found, split.hold_out(Table(X)))


def test_blocks_do_not_matter(monkeypatch):
    X = make_curve(100)
    split = ContentSplit(0).begun(Table(X), 0.2)
    expected = split.hold_out(Table(X))
    monkeypatch.setattr("skae.data._table.BLOCK_CELLS", 7)
    np.testing.assert_array_equal(split.hold_out(Table(X)), expected)


def test_columns_are_told_apart():
    """Rows with the same numbers in another order are other rows."""
    rng = np.random.default_rng(0)
    X = np.stack([rng.permutation(np.arange(6.0)) for _ in range(200)])
    held_out = ContentSplit(0).begun(Table(X), 0.2).hold_out(Table(X))
    assert 40 <= len(held_out) < 50


def test_near_rows_are_not_held_out_together():
    """Small steps in one column, and small integers, are spread over both sides."""
    for X in (
        np.linspace(0, 1, 1000)[:, None],
        np.arange(1000.0)[:, None],
        np.eye(1000)[:, :400] + np.arange(1000)[:, None] * 2.0**-40,
    ):
        split = ContentSplit(5).begun(Table(X), 0.2)
        is_held_out = np.zeros(1000, dtype=bool)
        is_held_out[split.hold_out(Table(X))] = True
        halves = is_held_out[:500].sum(), is_held_out[500:].sum()
        assert min(halves) > 60
        pairs = (is_held_out[1:] & is_held_out[:-1]).sum()
        assert 15 < pairs < 75  # 40 by chance


def test_groups_are_known_again_by_their_labels():
    """Rows of a group are on the same side, also those that come later."""
    X = make_curve(100)
    split = ContentSplit(0).begun(Table(X, None, GROUPS), 0.2)
    held_out = set(GROUPS[split.hold_out(Table(X, None, GROUPS))])
    later = Table(make_curve(100, seed=1), None, GROUPS[::-1])
    assert set(later.groups[split.hold_out(later)]) == held_out
    assert 2 <= len(held_out) <= 6


def test_warm_fits_hold_out_the_same_rows():
    """A network that goes on is not judged by rows that it was trained on."""
    X = make_curve(300)
    fitted = VariationalAutoencoder(2, max_iter=2, warm_start=True, random_state=0)
    held_out = []
    for order in (np.arange(300), np.arange(299, -1, -1)):
        fitted.fit(X[order])
        assert fitted.judge_ == "held_out"
        held_out.append(contents(X[order], fitted._split))
    assert held_out[0] == held_out[1]
    assert len(held_out[0]) == 30


def test_rows_that_alone_make_a_column_vary_are_not_held_out():
    """PCA would see the column, so the network has to."""
    X = np.random.default_rng(0).standard_normal((100, 3))
    X[:, 1] = 5.0
    held_out = hold_out(Table(X), 0.2, Seed(0))
    X[held_out[3], 1] = 7.0
    found = held_out[~are_rare(*parts(Table(X), held_out))]
    assert found.tolist() == np.delete(held_out, 3).tolist()
    X[np.delete(np.arange(100), held_out)[0], 1] = 6.0  # now others vary, too
    assert not are_rare(*parts(Table(X), held_out)).any()
