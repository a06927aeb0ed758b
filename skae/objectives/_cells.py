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
    are missing. Columns count as their weights say.

    Parameters
    ----------
    shares : Shares
        Of the network, or of several side by side.

    scale : Tensor of shape (..., n_features) or None
        What the encoded columns are divided by.

    dtype : torch.dtype
        Of the rows.

    Attributes
    ----------
    unit : float
        The mean weight of a column, 1 where all count alike. By so much the losses
        have been divided, so that float32 holds them whatever the units.
    """

    def __init__(self, shares, scale, dtype):
        super().__init__()
        self.shares = shares
        scale = torch.ones_like(shares.mean) if scale is None else scale
        is_category, member = shares.is_category, shares.member
        entropy = sums(-shares.expected * shares.expected.log(), member)
        self.unit = sum(span.weight for span in shares.blocks) / len(shares.blocks)
        self.unit = self.unit or 1.0
        counts, column_weight = _weights(shares.blocks, scale)
        weight = torch.where(
            is_category,
            column_weight / entropy.clamp(min=DOUBT),
            counts * scale.square(),
        ) / (self.unit * len(shares.blocks))
        told_by, there, step, mean = _presence(shares, scale)
        for name, value in (
            ("weight", weight),
            ("is_number", ~is_category),
            # from standardised rows to numbers and shares
            ("factor", torch.where(is_category, scale / shares.unit, 1.0)),
            ("shift", torch.where(is_category, shares.origin / shares.unit, 0.0)),
            ("prior", shares.origin_logits),
            ("member", member),
            ("doubt", DOUBT / shares.n_values),
            ("there", there / mean),
            ("step", step / mean),
        ):
            self.register_buffer(name, value.to(dtype))
        is_told = any(span.has_indicator for span in shares.blocks)
        self.register_buffer("told_by", told_by if is_told else None)

    def forward(self, output, U):
        """Return one loss per row for raw outputs and standardised rows."""
        target = torch.addcmul(self.shift, U, self.factor)
        weight = self.weight
        if self.told_by is not None:  # its mean is 1
            weight = weight * _counted(self, U)
        if not self.shares.has_categories:
            return WeightedSquares.apply(output, target, weight)
        return _Losses.apply(output, target, weight, self)

    def errors(self, output, U):
        """Return the same in the units of the columns, squared."""
        return self(output, U) * self.unit

    def shares_of(self, output):
        """Return the shares that raw outputs stand for."""
        if self.shares.is_linked:
            return softmax(output + self.prior, self.member)
        return as_shares(output * self.factor + self.shift, self.member)


class ObservedCells(nn.Module):
    """Cells of a table of numbers by how much they count: missing ones count less.

    Parameters are those of `CellLoss`.
    """

    def __init__(self, shares, scale, dtype):
        super().__init__()
        scale = torch.ones_like(shares.mean) if scale is None else scale
        told_by, there, step, mean = _presence(shares, scale)
        starts = torch.tensor([span.start for span in shares.blocks])
        self.register_buffer("columns", starts.to(told_by.device))
        self.register_buffer("told_by", self.of(told_by))
        self.register_buffer("there", self.of(there / mean).to(dtype))
        self.register_buffer("step", self.of(step / mean).to(dtype))

    def of(self, rows):
        """Return the columns that are restored."""
        return rows.index_select(-1, self.columns)

    def weighted(self, cells, U):
        """Return losses of these cells times what they count, 1 in the mean."""
        return cells * _counted(self, U)


class CellLikelihood(CellLoss):
    """What the likelihood of rows is made of: of numbers squares, of categories nats.

    Squares are in units of the mean square of `scale`. Columns count by their
    likelihood, and none but numbers by a weight. Cells that are missing are no part of
    it, but for a little, as in `CellLoss`.
    """

    def __init__(self, shares, scale, dtype):
        super().__init__(shares, scale, dtype)
        scale = torch.ones_like(shares.mean) if scale is None else scale
        is_category = shares.is_category
        unit = scale.square().mean(dim=-1, keepdim=True)
        squares = scale.square() / torch.where(unit > 0, unit, 1.0)
        counts, _ = _weights(shares.blocks, scale)
        _, there, step, _ = _presence(shares, scale)
        for name, value in (
            ("weight", torch.where(is_category, 1.0, counts * squares)),
            ("numbers", counts * ~is_category),
            ("there", there),
            ("step", step),
        ):
            self.register_buffer(name, value.to(dtype))

    def forward(self, output, U):
        """Return squares of numbers, nats of categories, and how many numbers are."""
        target = torch.addcmul(self.shift, U, self.factor)
        there = self.there
        if self.told_by is not None:
            there = _counted(self, U)
        weight = there * self.weight
        of_numbers = weight * self.is_number
        squares = WeightedSquares.apply(output, target, of_numbers)
        n_numbers = (there * self.numbers).sum(dim=-1)
        if not self.shares.has_categories:
            return squares, torch.zeros_like(squares), n_numbers
        nats = _Losses.apply(output, target, weight - of_numbers, self)
        return squares, nats, n_numbers


class WeightedSquares(torch.autograd.Function):
    """Rows' sums of weighted squared differences, in fewer passes than autograd's."""

    @staticmethod
    def forward(ctx, output, U, column_weight):
        residual = output - U
        weighted = residual * column_weight
        ctx.save_for_backward(weighted)
        return torch.linalg.vecdot(residual, weighted)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (weighted,) = ctx.saved_tensors
        return weighted * (2 * gradient).unsqueeze(-1), None, None


class _Losses(torch.autograd.Function):
    """Rows' sums of losses, in fewer passes than autograd's."""

    @staticmethod
    def forward(ctx, output, target, weight, loss):
        of_number = weight * loss.is_number
        residual = output - target
        weighted = residual * of_number
        losses = torch.linalg.vecdot(weighted, residual)
        of_target = (weight - of_number) * target
        shares = loss.shares_of(output)
        doubted = torch.add(loss.doubt, shares, alpha=1 - DOUBT)
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


def _weights(blocks, like):
    """Return for each encoded column whether, and what, its column counts."""
    counts = like.new_ones(like.shape[-1])
    weight = torch.ones_like(counts)
    for span in blocks:
        weight[span.start : span.stop] = span.weight
        counts[span.start + span.n_members : span.stop] = float(span.is_restored)
    return counts, weight


def _counted(loss, U):
    """Return how much the cells of standardised rows count, see `_presence`."""
    return loss.there - U.index_select(-1, loss.told_by) * loss.step


def _presence(shares, scale):
    """Return what tells how much cells count: `told_by`, `there`, `step`, their mean.

    That is `there`, less `step` for each unit of the column `told_by` of standardised
    rows, which says where cells are missing.
    """
    told_by, less = _indicators(shares.blocks, scale)
    there = 1 - less * shares.origin[..., told_by]
    mean = 1 - less * shares.mean[..., told_by]
    return told_by, there, less * scale[..., told_by], mean


def _indicators(blocks, like):
    """Return the column that tells whether a cell is missing, and what that costs it.

    By so much less it counts for each unit of that column. Where none tells, it is the
    column itself, and nothing.
    """
    told_by = torch.arange(like.shape[-1], device=like.device)
    less = like.new_zeros(like.shape[-1])
    for span in blocks:
        if span.has_indicator:
            members = slice(span.start, span.start + span.n_members)
            told_by[members] = span.stop - 1
            less[members] = (1 - FILLED) / span.unit
    return told_by, less
