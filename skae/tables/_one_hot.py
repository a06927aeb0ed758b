"""Codes of categories as zeros and ones, rare values together."""

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import OneHotEncoder


@dataclass(frozen=True)
class OneHot:
    """Which encoded column each code has a one in.

    `members` are, for each category, the codes of each of its encoded columns, the most
    frequent first. `unknown_are_rare` says that code -1, which is no value of fit, is
    one of those that share a column, where some do.
    """

    members: list
    unknown_are_rare: bool

    @classmethod
    def fit(cls, codes, n_values, *, unknown_are_rare, **options):
        """Return the encoding of codes, of shape (n_samples, n_categories)."""
        if not n_values:
            return cls([], unknown_are_rare)
        encoder = OneHotEncoder(
            categories=[np.arange(n) for n in n_values],
            handle_unknown="ignore",
            **options,
        ).fit(codes)
        # there is no such attribute where nothing can be rare
        rare = getattr(encoder, "infrequent_categories_", [None] * len(n_values))
        members = [
            _members(column, n, () if group is None else group)
            for column, n, group in zip(codes.T, n_values, rare, strict=True)
        ]
        return cls(members, unknown_are_rare)

    def encode(self, codes):
        """Return an array of zeros and ones for each column of codes.

        scikit-learn's way there takes a millisecond for each column of one row.
        """
        return [
            self._encode_one(groups, own)
            for groups, own in zip(self.members, codes.T, strict=True)
        ]

    def _encode_one(self, groups, codes):
        n_values = sum(map(len, groups))
        column_of = np.full(n_values + 1, -1)
        for column, group in enumerate(groups):
            column_of[group] = column
        if self.unknown_are_rare and len(groups[-1]) > 1:
            column_of[-1] = len(groups) - 1
        columns = column_of[codes]
        return (columns[:, None] == np.arange(len(groups))).astype(float)


def _members(codes, n_values, rare):
    counts = np.bincount(codes[codes >= 0], minlength=n_values)
    groups = [[code] for code in range(n_values) if code not in rare]
    if len(rare):
        groups.append(sorted(map(int, rare), key=lambda code: -counts[code]))
    return groups
