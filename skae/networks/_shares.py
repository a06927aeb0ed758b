"""Categories of mixed tables: outputs that become shares of their values."""

import copy
from typing import NamedTuple

import torch
from torch import nn

# What a value is given at least, split among all of its category: as in D^2.
DOUBT = 0.001
LARGEST_LOGIT = 30.0  # float32 holds sums of its exponential


class Span(NamedTuple):
    """The encoded columns of one column of a table: `start` to `stop - 1`.

    The first len(scales) are zeros and ones of the values of a category, multiplied by
    `scales`; these are () for a number. A last one beside them, or beside the number,
    is `unit` where the cell is missing, else zero; unless it `is_restored` it is there
    to be read alone. The column counts as `weight`: of a number that is its variance.
    """

    start: int
    stop: int
    scales: tuple
    weight: float = 1.0
    unit: float = 1.0
    is_restored: bool = True

    @property
    def n_members(self):
        """Number of columns without the one that says where cells are missing."""
        return max(1, len(self.scales))

    @property
    def has_indicator(self):
        return self.stop - self.start > self.n_members


class Shares(nn.Module):
    """A softmax over the values of each category.

    The logit of a value is its output in standard deviations, plus the logarithm of
    its share of the training rows: the mean row has these shares.

    Parameters
    ----------
    blocks : tuple of tuples
        The fields of a `Span`, for each column of the table.

    mean : Tensor of shape (n_features,), float64
        Of the encoded columns.

    scale : Tensor of shape (n_features,), float64, or None
        What the deviations from it are divided by. None: rows are as they are encoded.

    Attributes
    ----------
    is_linked : bool
        False leaves outputs as they are, for PCA itself.
    """

    def __init__(self, blocks, mean, scale):
        super().__init__()
        self.blocks = tuple(Span(*block) for block in blocks)
        self.is_linked = True
        origin = mean.clone()  # stacks take each once
        if scale is None:
            scale, origin = torch.ones_like(mean), torch.zeros_like(mean)
        categories = [span for span in self.blocks if span.scales]
        self.has_categories = bool(categories)
        member = mean.new_zeros(len(mean), len(categories))
        unit = torch.ones_like(mean)
        for i, span in enumerate(categories):
            members = slice(span.start, span.start + span.n_members)
            member[members, i] = 1
            unit[members] = mean.new_tensor(span.scales)
        is_category = member.any(dim=1)
        n_values = sums(torch.ones_like(mean), member).clamp(min=1)
        expected = (1 - DOUBT) * as_shares(mean / unit, member) + DOUBT / n_values
        for name, value in (
            ("mean", mean),
            ("origin", origin),
            ("inverse_scale", torch.where(scale > 0, 1 / scale, 0.0)),
            ("member", member),
            ("is_category", is_category),
            ("unit", unit),
            ("n_values", n_values),
            ("expected", torch.where(is_category, expected, 1.0)),
        ):
            # they follow from what the network has
            self.register_buffer(name, value, persistent=False)

    @property
    def prior(self):
        """The logits at the mean; 0 for what is no category."""
        return self.expected.log()

    @property
    def origin_logits(self):
        """The logits where rows, as the network has them, are zero."""
        return self.prior - (self.mean - self.origin) * self.inverse_scale

    def forward(self, X):
        """Return linear outputs, in the units of encoded rows, with shares in them."""
        if not (self.is_linked and self.has_categories):
            return X
        U = (X - self.mean) * self.inverse_scale
        shares = softmax(U + self.prior, self.member) * self.unit
        return torch.where(self.is_category, shares, X).to(X.dtype)

    def beside(self, others):
        """Return what does for several networks side by side what each does for one."""
        together = copy.deepcopy(self)
        for name, value in self.named_buffers():
            values = torch.stack([value, *(getattr(each, name) for each in others)])
            values = values.unsqueeze(1) if value.ndim == 1 else values
            together.register_buffer(name, values, persistent=False)
        return together


def sums(X, member):
    """Return for every column the sum over its category; 0 for what is in none.

    `member` has shape (n_features, n_categories): 1 for the columns of a category.
    """
    return (X @ member) @ member.mT


def softmax(logits, member):
    """Return what the exponentials are of the sum over their category.

    What is in none is some number.
    """
    weights = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).exp()
    total = sums(weights, member)
    return weights / torch.where(total > 0, total, 1.0)


def as_shares(X, member):
    """Return what numbers, none below zero, are of the sum over their category.

    All are alike where it is zero, and what is in none is some number.
    """
    X = X.clamp(min=0)
    total, n_values = sums(X, member), sums(torch.ones_like(X), member)
    return torch.where(total > 0, X / total, 1 / n_values.clamp(min=1))
