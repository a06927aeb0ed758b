"""What is lost of the cells of mixed tables: squares, and cross-entropies."""

import torch
from torch import nn

from ..networks._shares import DOUBT, as_shares, softmax, sums

# What a missing cell counts beside one that is there. With 0, such cells come back as
# anything and are imputed badly; with 1, cells that are there are restored worse.
FILLED = 0.1


class CellLoss(nn.Module):
    """The mean over the columns of a table of what is lost of their cells.

    Of a number that is the squared error in units of its variance, of a category the
    cross-entropy over the entropy of its shares: the mean over rows is 1 - D^2. A value
    is never quite ruled out, as in D^2. Cells that are there count more than those that
    are missing.

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
        is_category, member = shares.is_category, shares.member
        entropy = sums(-shares.expected * shares.expected.log(), member)
        weight = torch.where(
            is_category, 1 / entropy.clamp(min=DOUBT), scale.square()
        ) / len(shares.blocks)
        told_by, is_told = _indicators(shares.blocks, scale)
        less = (1 - FILLED) * is_told.to(scale.dtype)
        for name, value in (
            ("weight", weight),
            ("is_number", ~is_category),
            # from standardised rows to numbers and shares
            ("factor", torch.where(is_category, scale / shares.unit, 1.0)),
            ("shift", torch.where(is_category, shares.mean / shares.unit, 0.0)),
            ("prior", shares.prior),
            ("member", member),
            ("doubt", DOUBT / shares.n_values),
            (
                "step",
                less * scale[..., told_by] / (1 - less * shares.mean[..., told_by]),
            ),
        ):
            self.register_buffer(name, value.to(dtype))
        self.register_buffer("told_by", told_by if is_told.any() else None)

    def forward(self, output, U):
        """Return one loss per row for raw outputs and standardised rows."""
        target = torch.addcmul(self.shift, U, self.factor)
        weight = self.weight
        if self.told_by is not None:  # its mean is 1
            weight = weight * (1 - U.index_select(-1, self.told_by) * self.step)
        return _Losses.apply(output, target, weight, self)

    def shares_of(self, output):
        """Return the shares that raw outputs stand for."""
        if self.shares.is_linked:
            return softmax(output + self.prior, self.member)
        return as_shares(output * self.factor + self.shift, self.member)


class _Losses(torch.autograd.Function):
    """Rows' sums of losses, in fewer passes than autograd's."""

    @staticmethod
    def forward(ctx, output, target, weight, loss):
        of_number = weight * loss.is_number
        of_target = (weight - of_number) * target
        residual = output - target
        shares = loss.shares_of(output)
        doubted = torch.add(loss.doubt, shares, alpha=1 - DOUBT)
        weighted = residual * of_number
        losses = torch.linalg.vecdot(weighted, residual)
        losses -= torch.linalg.vecdot(of_target, doubted.log())
        if ctx.needs_input_grad[0]:
            pull = of_target.mul_(shares).div_(doubted).mul_(1 - DOUBT)
            slope = sums(pull, loss.member).mul_(shares).sub_(pull)
            ctx.save_for_backward(slope.add_(weighted, alpha=2))
        return losses

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
