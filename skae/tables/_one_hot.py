"""Codes of categories as zeros and ones, and back."""

from dataclasses import dataclass

import numpy as np
from sklearn.preprocessing import OneHotEncoder


@dataclass(frozen=True)
class OneHot:
    """Columns of codes as zeros and ones, rare ones together.

    `members` are, for each column, the codes of each of its encoded columns, the most
    frequent first.
    """

    encoder: OneHotEncoder | None
    members: list

    @classmethod
    def fit(cls, codes, n_values, **options):
        """Return the encoding of codes, of shape (n_samples, n_categories)."""
        if not n_values:
            return cls(None, [])
        encoder = OneHotEncoder(
            categories=[np.arange(n) for n in n_values], sparse_output=False, **options
        ).fit(codes)
        encoder.set_output(transform="default")
        # there is no such attribute where nothing can be rare
        rare = getattr(encoder, "infrequent_categories_", [None] * len(n_values))
        members = [
            _members(column, n, () if group is None else group)
            for column, n, group in zip(codes.T, n_values, rare, strict=True)
        ]
        return cls(encoder, members)

    def encode(self, codes):
        """Return an array of zeros and ones for each column of codes."""
        if self.encoder is None:
            return []
        ends = np.cumsum([len(groups) for groups in self.members])
        return np.split(self.encoder.transform(codes), ends[:-1], axis=1)


def _members(codes, n_values, rare):
    counts = np.bincount(codes[codes >= 0], minlength=n_values)
    groups = [[code] for code in range(n_values) if code not in rare]
    if len(rare):
        groups.append(sorted(map(int, rare), key=lambda code: -counts[code]))
    return groups
