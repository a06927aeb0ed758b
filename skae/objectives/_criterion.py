"""What is asked of every criterion."""

from torch import nn


class Criterion(nn.Module):
    """What training minimises.

    Attributes
    ----------
    unit : float
        Factor between the loss and the loss in the units of the data.

    n_warm_up : int
        Epochs in which something else is minimised: they are neither progress nor best.
    """

    unit = 1.0
    n_warm_up = 0

    def begin_epoch(self, epoch):
        """Prepare for an epoch, counted from zero."""

    def per_row(self, output, U, sample_weight=None):
        """Return one loss per row for what `propagate` returns and its input."""
        raise NotImplementedError

    def forward(self, output, U, sample_weight=None):
        """Return the mean loss of a batch, a scalar."""
        return weighted_mean(self.per_row(output, U, sample_weight), sample_weight)


def weighted_mean(losses, weight):
    """Return the mean loss of rows whose weights have mean one, or are None."""
    return losses.mean() if weight is None else (losses * weight).mean()


def weight_penalty(weights, alpha, l1_ratio):
    """Return alpha (l1_ratio |w|_1 + (1 - l1_ratio) / 2 |w|^2), as in ElasticNet."""
    penalty = 0.0
    for weight in weights:
        if l1_ratio > 0:
            penalty = penalty + alpha * l1_ratio * weight.abs().sum()
        if l1_ratio < 1:
            penalty = penalty + alpha * (1 - l1_ratio) / 2 * weight.square().sum()
    return penalty
