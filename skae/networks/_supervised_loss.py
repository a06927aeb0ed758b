"""What fine-tuning minimises, for classes and for numbers."""

import torch
from torch import nn
from torch.nn import functional as F


class SupervisedLoss(nn.Module):
    """Error on labelled rows, reconstruction and consistency on all rows.

    Evaluation judges the predictions alone, by `judge`.

    Parameters
    ----------
    reconstruction : nn.Module
        The criterion of the autoencoder.

    reconstruction_weight, consistency_weight : float
    """

    unit = 1.0

    def __init__(self, reconstruction, *, reconstruction_weight, consistency_weight):
        super().__init__()
        self.reconstruction = reconstruction
        self.reconstruction_weight = reconstruction_weight
        self.consistency_weight = consistency_weight

    def forward(self, outputs, batch, targets):
        """Return the mean loss of a batch, a scalar."""
        if not self.training:
            return _mean(self.judge(outputs, targets.y), targets.weight)
        loss = _mean(self.error(outputs.labelled, targets.y), targets.weight)
        if outputs.noisy is not None:
            gap = self.difference(outputs.noisy, outputs.clean)
            loss = loss + self.consistency_weight * _mean(gap, targets.row_weight)
        if outputs.reconstruction is not None:
            loss = loss + self.reconstruction_weight * self.reconstruction(
                outputs.reconstruction, batch.rows, targets.row_weight
            )
        return loss

    def error(self, outputs, y):
        """Return one training loss per row."""
        raise NotImplementedError

    def judge(self, outputs, y):
        """Return one loss per held-out row."""
        raise NotImplementedError

    def difference(self, noisy, clean):
        """Return per row how far noise moves the outputs."""
        raise NotImplementedError


class ClassLoss(SupervisedLoss):
    """Cross-entropy, judged by the Brier score: bounded, whatever the confidence."""

    def error(self, outputs, y):
        return F.cross_entropy(class_scores(outputs), y, reduction="none")

    def judge(self, outputs, y):
        probability = class_scores(outputs).softmax(dim=1)
        truth = F.one_hot(y, probability.shape[1]).to(probability)
        return (probability - truth).square().sum(dim=1)

    def difference(self, noisy, clean):
        belief = class_scores(clean).softmax(dim=1)
        return F.cross_entropy(class_scores(noisy), belief, reduction="none")


class NumberLoss(SupervisedLoss):
    """Half the squared error of targets of unit variance."""

    def error(self, outputs, y):
        return (outputs - y).square().mean(dim=1) / 2

    judge = error
    difference = error


def class_scores(outputs):
    """Return one score per class; two classes have one output, the second's."""
    if outputs.shape[1] > 1:
        return outputs
    return torch.cat([torch.zeros_like(outputs), outputs], dim=1)


def _mean(rows, weight):
    return rows.mean() if weight is None else (rows * weight).mean()
