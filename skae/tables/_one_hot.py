"""Codes of categories as zeros and ones, rare values together."""

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import OneHotEncoder


@dataclass(frozen=True)
class OneHot:
    """The rows of zeros and ones that codes become.

    `members` are, for each category, the codes of each of its encoded columns, the most
    frequent first. `rows` has an array for each, with a row for each code; the last is
    for code -1, which is no value of fit.
    """

    members: list
    rows: list

    @classmethod
    def fit(cls, codes, n_values, **options):
        """Return the encoding of codes, of shape (n_samples, n_categories)."""
        if not n_values:
            return cls([], [])
        encoder = OneHotEncoder(
            categories=[np.arange(n) for n in n_values], **options
        ).fit(codes)
        # there is no such attribute where nothing can be rare
        rare = getattr(encoder, "infrequent_categories_", [None] * len(n_values))
        members = [
            _members(column, n, () if group is None else group)
            for column, n, group in zip(codes.T, n_values, rare, strict=True)
        ]
        unknown_are_rare = encoder.handle_unknown != "ignore"
        return cls(members, [_rows(groups, unknown_are_rare) for groups in members])

    def encode(self, codes):
        """Return an array of zeros and ones for each column of codes.

        scikit-learn's way there takes a millisecond for each column of one row.
        """
        return [rows[own] for rows, own in zip(self.rows, codes.T, strict=True)]


def _members(codes, n_values, rare):
    counts = np.bincount(codes[codes >= 0], minlength=n_values)
    groups = [[code] for code in range(n_values) if code not in rare]
    if len(rare):
        groups.append(sorted(map(int, rare), key=lambda code: -counts[code]))
    return groups


def _rows(groups, unknown_are_rare):
    n_values = sum(map(len, groups))
    rows = np.zeros((n_values + 1, len(groups)))
    for column, codes in enumerate(groups):
        rows[codes, column] = 1
    rows[-1, -1] = unknown_are_rare and len(groups[-1]) > 1
    return rows
