"""Folds that advise: where few rows could be held out, all of them judge.

Every row is held out once, from one of a few networks that are trained side by side:
each of their layers is one batched product, so a step of all takes little longer than a
step of one. What they make of rows that they have not seen tells for how many epochs
to train on all rows, and how much of that to keep.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from .._linear import column_moments, principal_axes
from ..losses import ReconstructionLoss
from ..networks._autoencoder import Anchored
from ..networks._build import is_linear
from ..networks._side_by_side import can_stand_side_by_side, side_by_side
from ._random import make_generators
from ._rows import dense_chunks
from ._select import CAUTION_OF_FEW, FACTORS, lower_bound
from ._solvers import SCHEDULES, make_optimizers
from ._start import pca_start
from ._threads import count_weights, threads_for

N_FOLDS = 5
FEWEST_ROWS = 20
ENOUGH_HELD_OUT = 50  # to do without folds
CAUTION = 2.0  # as in `keep_what_helps`; rows that share a network are not independent
AVERAGED = 8  # about the last eighth of the steps so far (Shamir and Zhang, 2013)
MOST_WEIGHTS = 2**17  # of a network; with more, five take five times as long as one
ELEMENTWISE = ("adamw", "adam", "nadam", "radam", "rmsprop", "adagrad", "sgd")


@dataclass(frozen=True)
class Advice:
    """What the folds found: how long to train, and the `factor` of it to keep.

    `losses` are those on held-out rows by epoch. `error` is what the factor left of the
    `start_error` there.
    """

    n_epochs: int
    factor: float
    losses: list
    error: float
    start_error: float


def can_advise(module, criterion, plan, n_rows, n_held_out):
    """Whether folds pay, and their networks can be trained side by side."""
    return (
        n_rows >= FEWEST_ROWS
        and 0 < n_held_out < ENOUGH_HELD_OUT
        and not is_linear(module)
        and count_weights(module) <= MOST_WEIGHTS
        and can_stand_side_by_side(module)
        and type(criterion) is ReconstructionLoss
        and criterion.loss == "squared_error"
        and plan.solver in ELEMENTWISE
        and plan.alpha == 0
        and not plan.callbacks  # they may change a training, or end it
        and plan.precision != "bfloat16"
    )


def advise(module, criterion, rows, moments, plan, seed):
    """Return the `Advice` of networks that start from PCAs of their own rows.

    None if their losses do not stay finite.
    """
    generator = make_generators(seed + 2, ("folds",))["folds"]
    folds = _Folds(module, criterion, rows, moments, generator)
    n_weights = N_FOLDS * count_weights(module)
    with threads_for(n_weights, plan.batch_size, training=True):
        start, start_losses = folds.weights.clone(), folds.losses()
        start_loss = folds.mean(start_losses)
        n_epochs, best, losses = _train(folds, plan, start_loss)
        factor, gain = 0.0, 0.0
        if n_epochs:
            factor, gain = _how_much(folds, start, best, start_losses)
    if not np.isfinite(losses).all():
        return None
    return Advice(
        n_epochs=n_epochs if factor else 1,
        factor=factor,
        losses=[loss * criterion.unit for loss in losses],
        error=(start_loss - gain) * criterion.unit,
        start_error=start_loss * criterion.unit,
    )


def _train(folds, plan, start_loss):
    """Return the best epoch, the weights after it and the loss of every epoch.

    If none is better than the start, that is epoch 0, without weights.
    """
    best_epoch, best, best_loss, losses = 0, None, start_loss, []
    last_progress, last_loss = 0, start_loss
    for epoch in folds.epochs(plan):
        loss = folds.mean(folds.losses())
        losses.append(loss)
        if loss < best_loss:
            best_epoch, best, best_loss = epoch, folds.weights.clone(), loss
        if loss < last_loss - plan.tol * last_loss:
            last_progress, last_loss = epoch, loss
        elif epoch - last_progress >= plan.n_iter_no_change or not np.isfinite(loss):
            break
    return best_epoch, best, losses


def _how_much(folds, start, end, start_losses):
    """Return the factor with the highest lower bound of its gain, and its mean gain."""
    weight = folds.rows.sample_weight
    shares = start_losses if weight is None else weight * start_losses
    n_judges = shares.sum() ** 2 / (shares**2).sum()  # few, if a few rows lose most
    caution = CAUTION + CAUTION_OF_FEW / np.sqrt(n_judges)
    choice = 0.0, 0.0, 0.0
    for factor in FACTORS:
        folds.weights.copy_(start.lerp(end, factor))
        gains = start_losses - folds.losses()
        bound = lower_bound(gains, weight, caution)
        choice = max(choice, (bound, factor, folds.mean(gains)))
    return choice[1:]


class _Folds:
    """The networks of all folds, the rows to train them on and those to judge them."""

    def __init__(self, module, criterion, rows, moments, generator):
        fold_of = torch.randperm(len(rows), generator=generator).numpy() % N_FOLDS
        self.kept = _places([fold_of != fold for fold in range(N_FOLDS)])
        self.held_out = _places([fold_of == fold for fold in range(N_FOLDS)])
        self.rows = rows
        self.criterion = copy.deepcopy(criterion).to(rows.device)
        self.generator = generator
        self.networks = side_by_side(module, N_FOLDS).to(rows.device)
        for fold in range(N_FOLDS):
            _start_from_pca(self.networks, fold, rows, fold_of != fold, moments)
        self.weights = _in_one(self.networks)

    def losses(self):
        """Return the loss of every row, from the network that has not seen it."""
        with torch.inference_mode():
            found = self._losses_at(self.networks, self.held_out)[0]
        losses = np.empty(len(self.rows))
        losses[self.held_out.numpy()] = found.double().cpu().numpy()
        return losses

    def mean(self, values):
        """Return the weighted mean of one value per row."""
        return float(np.average(values, weights=self.rows.sample_weight))

    def epochs(self, plan):
        """Train epoch after epoch, and yield the number of each.

        What is judged is an average of the last weights: that comes closest to what a
        falling learning rate would make of them.
        """
        trained = copy.deepcopy(self.networks)
        weights = nn.Parameter(_in_one(trained))
        weights.grad = torch.zeros_like(weights)
        _add_gradients_to(weights.grad, trained)
        (optimizer,) = make_optimizers(plan.solver, [weights], plan.learning_rate_init)
        schedule = SCHEDULES[plan.learning_rate] or (lambda progress: 1.0)
        n_batches = -(-self.kept.shape[1] // plan.batch_size)
        for epoch in range(plan.max_iter):
            order = torch.rand(self.kept.shape, generator=self.generator).argsort()
            batches = self.kept.gather(1, order).tensor_split(n_batches, dim=1)
            for step, places in enumerate(batches, start=epoch * n_batches):
                factor = schedule(step / (plan.max_iter * n_batches))
                optimizer.param_groups[0]["lr"] = plan.learning_rate_init * factor
                weights.grad.zero_()
                losses, weight = self._losses_at(trained, places)
                losses = losses if weight is None else losses * weight
                losses.mean(dim=1).sum().backward()
                optimizer.step()
                share = (AVERAGED + 1) / (step + AVERAGED + 1)
                self.weights.lerp_(weights.detach(), share)
            yield epoch + 1

    def _losses_at(self, networks, places):
        """Return losses and weights of the rows at one row of places per network."""
        U, weight = self.rows[places.flatten()]
        output = networks.propagate(U.unflatten(0, places.shape))
        losses = self.criterion.per_row(output.flatten(0, 1), U)
        weight = None if weight is None else weight.view(places.shape)
        return losses.view(places.shape), weight


def _in_one(module):
    """Return all that is trained in a module as one vector, which it uses from now on.

    An elementwise solver's step is then a few operations, not a few for each layer.
    """
    weights = _trained(module)
    vector = parameters_to_vector(weights).detach()
    vector_to_parameters(vector, weights)
    return vector


def _add_gradients_to(vector, module):
    """Let a module add its gradients to the parts of a vector from now on."""
    weights = _trained(module)
    parts = vector.split([weight.numel() for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.grad = part.view_as(weight)


def _trained(module):
    return [weight for weight in module.parameters() if weight.requires_grad]


def _places(masks):
    """Return where each mask is true, as rows of one length: some places come twice."""
    places = [np.flatnonzero(mask) for mask in masks]
    length = max(map(len, places))
    return torch.from_numpy(np.stack([np.resize(row, length) for row in places]))


@torch.no_grad()
def _start_from_pca(networks, fold, rows, kept, moments):
    """Set the linear parts of a fold's network to the PCA of the rows it is to see."""
    sample_weight = None if rows.weight is None else rows.sample_weight[kept]
    chunks = dense_chunks(rows.X[kept], sample_weight)
    own, n_components = column_moments(chunks), len(networks.code_scale)
    axes = principal_axes(chunks, own, n_components)
    start = pca_start(moments, axes, n_components)
    offset = networks.inverse_scale.cpu() * torch.tensor(own.mean - moments.mean)
    for end, weight, bias in (
        (networks.encoder, start.axes_in, -start.axes_in @ offset),
        (networks.decoder, start.axes_out, offset),
    ):
        linear = end.linear if isinstance(end, Anchored) else end
        linear.weight[fold] = weight.T
        linear.bias[fold] = bias
