"""Which rows judge: drawn at random, in whole groups, or told by what is in them."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold

MIXER = np.uint64(0x9E3779B97F4A7C15)
# More would tell hardly more, and are read after every epoch.
MOST_HELD_OUT = 50_000


def hold_out(table, fraction, seed):
    """Return the positions of the rows to hold out: a share of the rows, or of groups.

    There are none if there are too few rows to spare any.
    """
    if table.n_rows < 4:
        return np.zeros(0, dtype=int)
    random_state = seed.of_rank(table.ranks).integer("split")
    if table.groups is None:
        order = np.random.default_rng(random_state).permutation(table.n_rows)
        return np.sort(order[: _n_held_out(table, fraction)])
    _check_groups(table)
    splitter = GroupShuffleSplit(1, test_size=fraction, random_state=random_state)
    return next(splitter.split(np.empty(table.n_rows), groups=table.groups))[1]


def parts(table, held_out):
    """Return the tables of the rows to train on and of those held out."""
    is_kept = np.ones(table.n_rows, dtype=bool)
    is_kept[held_out] = False
    return table.take(is_kept), table.take(held_out).held()


def are_rare(training, judging):
    """Return which rows held out alone make a column vary.

    Without them the network would take that column for a constant, which PCA does not.
    """
    moments, lost = training.moments, training.moments.scale == 0
    if not lost.any():
        return np.zeros(len(judging), dtype=bool)
    return np.concatenate(
        [(X[:, lost] != moments.mean[lost]).any(axis=1) for X in judging.blocks()]
    )


def folds(table, n_folds, seed):
    """Return the positions that each fold holds out; every row is in one of them."""
    random_state = seed.integer("folds")
    if table.groups is None:
        splitter = KFold(n_folds, shuffle=True, random_state=random_state)
    else:
        _check_groups(table)
        n_folds = min(n_folds, len(np.unique(table.groups)))
        splitter = GroupKFold(n_folds, shuffle=True, random_state=random_state)
    pairs = splitter.split(np.empty(table.n_rows), groups=table.groups)
    return [held_out for _, held_out in pairs]


def _n_held_out(table, fraction):
    most = min(table.share_of(MOST_HELD_OUT), table.most_held)
    return min(max(2, min(most, round(fraction * table.n_rows))), table.n_rows - 2)


def _check_groups(table):
    if len(np.unique(table.groups)) < 2:
        raise ValueError(
            f"groups has one group, {table.groups[0]!r}: two are the least to hold one "
            "out. Use early_stopping=False to hold out none."
        )


@dataclass(frozen=True)
class ContentSplit:
    """Rows held out by a hash of what is in them, so that later fits know them again.

    In whichever table and order they come, the same rows are held out, and rows trained
    on before are never among them.

    Attributes
    ----------
    salt : int

    threshold : int or None
        Rows with a hash up to this one are held out; None before the first table.
    """

    salt: int
    threshold: int | None = None

    def begun(self, table, fraction):
        """Return the split that holds out a share of this table."""
        if self.threshold is not None or table.n_rows < 4:
            return self
        hashes = np.sort(self._hashes(table))
        return replace(self, threshold=int(hashes[_n_held_out(table, fraction) - 1]))

    def hold_out(self, table):
        """Return the positions of the rows to hold out."""
        if self.threshold is None:
            return np.zeros(0, dtype=int)
        return np.flatnonzero(self._hashes(table) <= np.uint64(self.threshold))

    def _hashes(self, table):
        if table.groups is None:
            blocks = [hash_rows(block, self.salt) for block in table.blocks()]
            return np.concatenate(blocks)
        groups, of_row = np.unique(table.groups, return_inverse=True)
        key = self.salt.to_bytes(8, "little")
        digests = [
            hashlib.blake2b(str(group).encode(), digest_size=8, key=key).digest()
            for group in groups
        ]
        return np.frombuffer(b"".join(digests), np.uint64)[of_row]


def hash_rows(block, salt=0):
    """Return a hash of every row, the same for equal numbers in any dtype."""
    bits = (np.asarray(block, dtype=np.float64) + 0.0).view(np.uint64)  # -0.0 is 0.0
    rng = np.random.default_rng(salt)
    factors = rng.integers(2**63, size=bits.shape[1], dtype=np.uint64) * 2 + 1
    total = ((bits ^ (bits >> np.uint64(32))) * factors).sum(axis=1, dtype=np.uint64)
    total ^= total >> np.uint64(32)
    total *= MIXER
    return total ^ (total >> np.uint64(29))
