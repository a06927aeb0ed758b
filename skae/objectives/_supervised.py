"""Fine-tuning of an autoencoder with a linear head on its code."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch.nn import functional as F

from ..networks._layers import linear_of
from ..networks._network import Network, RandomPart, one_row_or_many
from ._criterion import Criterion, weighted_mean
from ._denoising import Added
from ._reconstruction import Reconstruction

# The noise to answer alike under, and how strong it is for "auto": a step to where it
# does most is felt as much as a random one that is many times as long.
NOISE_LEVELS = {"gaussian": 0.5, "adversarial": 0.1}


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

    noise : {"gaussian", "adversarial"}

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
    noise: str
    noise_level: float
    alpha: float
    trains_encoder: bool = True

    def network(self, head, deviations):
        """Return the `SupervisedNetwork` that starts with a `Head`.

        `deviations` are those of the standardised columns.
        """
        noise = None
        if self.trains_encoder and self.consistency_weight * self.noise_level > 0:
            level = self.noise_level * deviations
            if self.noise == "adversarial":
                noise = Adversarial(level)
            else:
                noise = Added(self.noise, level)
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


class Adversarial(RandomPart):
    """Moves each row to where the outputs change most (Miyato et al., 2019).

    As far as gaussian noise of that level would, in the root mean square; columns
    without any stay.

    Parameters
    ----------
    level : array-like of shape (n_features,)
    """

    def __init__(self, level):
        super().__init__()
        self.register_buffer("level", torch.as_tensor(level))

    def forward(self, U, outputs_of, *, has_classes):
        """Return the outputs of rows, and the rows moved.

        Classes are moved away from the one that is likeliest, numbers along a random
        direction of the outputs.
        """
        U = U.detach().requires_grad_()
        outputs = outputs_of(U)
        if has_classes:
            scores = class_scores(outputs)
            change = F.cross_entropy(scores, scores.argmax(dim=1), reduction="sum")
        else:
            directions = torch.empty_like(outputs).normal_(generator=self.generator)
            change = (outputs * directions).sum()
        (slope,) = torch.autograd.grad(change, U)
        direction = F.normalize(slope * (self.level > 0), dim=1)
        return outputs.detach(), U.detach() + self.level.norm().to(U) * direction


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
            clean, moved = self._clean_and_moved(rows)
            noisy = self.predict_standardised(moved)
        if self.reconstructs:
            reconstruction = self.autoencoder.propagate(rows)
        return Outputs(
            self.predict_standardised(labelled), clean, noisy, reconstruction
        )

    def _clean_and_moved(self, rows):
        """Return the outputs of standardised rows, held fixed, and rows with noise."""
        if isinstance(self.noise, Adversarial):
            has_classes = self.target_scale is None
            return self.noise(rows, self.predict_standardised, has_classes=has_classes)
        with torch.no_grad():
            return self.predict_standardised(rows), self.noise(rows)

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
