"""What is lost of the cells of mixed tables: squares of numbers, and cross-entropies."""

import torch
from torch import nn

from ..networks._shares import DOUBT, as_shares, softmax, sums


class CellLoss(nn.Module):
    """The mean over the columns of a table of what is lost of their cells.

    Of a number that is the squared error in units of its variance, of a category the
    cross-entropy over the entropy of its shares: the mean over rows is 1 - D^2. A value
    is never quite ruled out, as in D^2. Of a column with missing cells those that are
    there count for all.

    Parameters
    ----------
    shares : Shares
        Of the network, or of several side by side.

    scale : Tensor of shape (..., n_features)
        What the encoded columns are divided by.

    dtype : torch.dtype
        Of the rows.
    """

    def __init__(self, shares, scale, dtype):
        super().__init__()
        self.shares = shares
        member, is_category = shares.member, shares.is_category
        n_values = member.sum(dim=-2, keepdim=True)
        entropy = sums(-shares.expected * shares.expected.log(), member)
        weight = torch.where(
            is_category, 1 / entropy.clamp(min=DOUBT), scale.square()
        ) / len(shares.blocks)
        told_by, is_told = _indicators(shares.blocks, scale)
        share_there = (1 - shares.mean[..., told_by]).clamp(min=DOUBT)
        for name, value in (
            ("weight", weight),
            ("is_number", ~is_category),
            # from standardised rows to numbers and shares
            ("factor", torch.where(is_category, scale / shares.unit, 1.0)),
            ("shift", torch.where(is_category, shares.mean / shares.unit, 0.0)),
            ("prior", shares.prior),
            ("member", member),
            ("mean_member", member / n_values),
            ("doubt", DOUBT / n_values),
            ("step", torch.where(is_told, scale[..., told_by] / share_there, 0.0)),
        ):
            self.register_buffer(name, value.to(dtype))
        self.register_buffer("told_by", told_by if is_told.any() else None)

    def forward(self, output, U):
        """Return one loss per row for raw outputs and standardised rows."""
        target = torch.addcmul(self.shift, U, self.factor)
        weight = self.weight
        if self.told_by is not None:  # 0 where a cell is missing, 1 on average
            weight = weight * (1 - U.index_select(-1, self.told_by) * self.step)
        return _Losses.apply(output, target, weight, self)

    def values(self, output):
        """Return raw outputs as numbers and shares."""
        if self.shares.is_linked:
            shares = softmax(output + self.prior, self.member)
        else:
            shares = as_shares(output * self.factor + self.shift, self.member)
        return torch.lerp(shares, output, self.is_number)


class _Losses(torch.autograd.Function):
    """Rows' sums of losses, in fewer passes than autograd's."""

    @staticmethod
    def forward(ctx, output, target, weight, loss):
        found = loss.values(output)
        difference = found - target
        weighted = difference * weight
        squares = torch.linalg.vecdot(weighted * loss.is_number, difference)
        # what fills a missing cell may be no share, and counts for nothing
        right = ((found * target) @ loss.member).clamp(0, 1).mul_(1 - DOUBT)
        share = right + loss.doubt
        if ctx.needs_input_grad[0]:
            slope = (right / share) @ loss.member.mT
            ctx.save_for_backward(weighted.mul_(slope.add_(loss.is_number, alpha=2)))
        return squares - (weight @ loss.mean_member * share.log()).sum(dim=-1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (slope,) = ctx.saved_tensors
        return slope * gradient.unsqueeze(-1), None, None, None


def _indicators(blocks, like):
    """Return the column that tells whether a cell is missing, and where there is one.

    Elsewhere it is the column itself.
    """
    told_by = torch.arange(like.shape[-1], device=like.device)
    is_told = torch.zeros_like(told_by, dtype=torch.bool)
    for start, stop, scales in blocks:
        n_members = max(1, len(scales))
        if stop - start > n_members:
            told_by[start : start + n_members] = stop - 1
            is_told[start : start + n_members] = True
    return told_by, is_told
