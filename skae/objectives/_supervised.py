"""Fine-tuning of an autoencoder with a linear head on its code."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional as F

from ..networks._layers import linear_of
from ..networks._network import Network, one_row_or_many
from ._criterion import Criterion, weighted_mean
from ._denoising import Added
from ._reconstruction import Reconstruction


@dataclass(frozen=True)
class FineTuning:
    """Error on labelled rows, reconstruction and consistency on all rows.

    Attributes
    ----------
    autoencoder : Autoencoder
        Where it starts; it is copied.

    reconstruction : Reconstruction
        The autoencoder's own objective.

    reconstruction_weight, consistency_weight : float

    noise_level : float
        Standard deviation of the noise, as a share of each column's.

    alpha : float
        Of the penalty on the head.

    trains_encoder : bool
    """

    autoencoder: Network
    reconstruction: Reconstruction
    reconstruction_weight: float
    consistency_weight: float
    noise_level: float
    alpha: float
    trains_encoder: bool = True

    def network(self, head, deviations):
        """Return the `SupervisedNetwork` that starts with a `Head`.

        `deviations` are those of the standardised columns.
        """
        noise = None
        if self.trains_encoder and self.consistency_weight * self.noise_level > 0:
            noise = Added("gaussian", self.noise_level * deviations)
        network = SupervisedNetwork(
            copy.deepcopy(self.autoencoder).unseal(),
            head,
            noise=noise,
            reconstructs=self.reconstruction_weight > 0,
        )
        network.work = self.autoencoder.work + head.coef.size
        network.widest = self.autoencoder.widest
        return network

    def criterion(self, network, *, has_classes):
        """Return the `SupervisedLoss` for classes or for numbers."""
        loss = ClassLoss if has_classes else NumberLoss
        reconstruction = self.reconstruction.criterion(network.autoencoder)
        return loss(
            reconstruction,
            reconstruction_weight=self.reconstruction_weight,
            consistency_weight=self.consistency_weight,
        )


class LabelledAndAll(NamedTuple):
    """Standardised rows of one step: labelled ones, and some of all rows."""

    labelled: torch.Tensor
    rows: torch.Tensor

    def __len__(self):
        """Return the number of labelled rows: the loss of a step is their mean."""
        return len(self.labelled)


class Outputs(NamedTuple):
    """What a `SupervisedNetwork` makes of `LabelledAndAll`; the last three of rows."""

    labelled: torch.Tensor
    clean: torch.Tensor | None
    noisy: torch.Tensor | None
    reconstruction: object


class SupervisedNetwork(Network):
    """Encodes rows and puts a linear map on the codes.

    Parameters
    ----------
    autoencoder : Autoencoder

    head : Head
        Takes centred codes in units of its `code_scale`. Its outputs are brought to the
        units of y by its `target_mean` and `target_scale`, where it has them.

    noise : nn.Module or None
        Noise to answer alike under; None leaves the two outputs that tell out.

    reconstructs : bool
        Whether training reconstructs.
    """

    def __init__(self, autoencoder, head, *, noise=None, reconstructs=True):
        super().__init__()
        weight = next(autoencoder.parameters())
        self.autoencoder = autoencoder
        self.head = linear_of(
            torch.tensor(head.coef).to(weight), torch.tensor(head.intercept).to(weight)
        )
        self.noise = noise
        self.reconstructs = reconstructs
        for name in ("code_mean", "code_scale", "target_mean", "target_scale"):
            value = getattr(head, name)
            tensor = None if value is None else torch.tensor(value)
            self.register_buffer(name, tensor)

    @property
    def mean(self):
        """What `propagate` takes has this mean in the units of X, or None."""
        return self.autoencoder.mean

    @property
    def inverse_scale(self):
        """One over its scale."""
        return self.autoencoder.inverse_scale

    def standardise(self, X):
        """Return rows as `propagate` takes them."""
        return self.autoencoder.standardise(X)

    def propagate(self, batch):
        """Return `Outputs` for `LabelledAndAll`, else the head's for rows."""
        if not isinstance(batch, LabelledAndAll):
            return self.predict_standardised(batch)
        labelled, rows = batch
        clean = noisy = reconstruction = None
        if self.noise is not None:
            with torch.no_grad():
                clean = self.predict_standardised(rows)
            noisy = self.predict_standardised(self.noise(rows))
        if self.reconstructs:
            reconstruction = self.autoencoder.propagate(rows)
        return Outputs(
            self.predict_standardised(labelled), clean, noisy, reconstruction
        )

    def predict_standardised(self, U):
        """Return the head's outputs for standardised rows."""
        autoencoder = self.autoencoder
        return self.predict(autoencoder.rotate(autoencoder.encode_standardised(U)))

    def predict(self, Z):
        """Return the head's outputs for codes."""
        return self.head((Z - self.code_mean.to(Z)) / self.code_scale.to(Z))

    def encode(self, X):
        """Return codes of shape (n_samples, n_components)."""
        return self.autoencoder.encode(X)

    @one_row_or_many
    def forward(self, X):
        """Return outputs of shape (n_samples, n_outputs), in the units of y."""
        outputs = self.predict(self.encode(X))
        if self.target_scale is None:
            return outputs
        return outputs * self.target_scale.to(outputs) + self.target_mean.to(outputs)


class SupervisedLoss(Criterion):
    """Error on labelled rows, reconstruction and consistency on all rows.

    Evaluation judges the predictions alone, by `judge`.

    Parameters
    ----------
    reconstruction : nn.Module
        The criterion of the autoencoder.

    reconstruction_weight, consistency_weight : float
    """

    def __init__(self, reconstruction, *, reconstruction_weight, consistency_weight):
        super().__init__()
        self.reconstruction = reconstruction
        self.reconstruction_weight = reconstruction_weight
        self.consistency_weight = consistency_weight

    def forward(self, outputs, batch, targets):
        """Return the mean loss of a batch, a scalar."""
        if not self.training:
            return weighted_mean(self.judge(outputs, targets.y), targets.weight)
        loss = weighted_mean(self.error(outputs.labelled, targets.y), targets.weight)
        if outputs.noisy is not None:
            gap = self.difference(outputs.noisy, outputs.clean)
            loss = loss + self.consistency_weight * weighted_mean(
                gap, targets.row_weight
            )
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
