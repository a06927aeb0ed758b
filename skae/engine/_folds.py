"""Cross-validation of a training: the networks of all folds, trained side by side.

Each of their layers is one batched product, so a step of all takes little longer than a
step of one. Each network is made of the rows that it is to see, and of these alone.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..data._threads import threads_for
from ..inference._tensors import as_tensor
from ..networks._network import set_generators
from ..networks._noise import fixed_noise, has_noise
from ..networks._side_by_side import can_stand_side_by_side, side_by_side
from ._rows import STANDARDISED_COPY_LIMIT
from ._selection import CAUTION_OF_FEW, Patience, choose_factor
from ._solvers import SCHEDULES, make_optimizers
from ._training import start_network

N_FOLDS = 5
FEWEST_ROWS = 20
CAUTION = 2.0  # as in `_judges`; rows that share a network are not independent
AVERAGED = 8  # about the last eighth of the steps so far (Shamir and Zhang, 2013)
DRAWN_ROWS = 1000
MOST_WEIGHTS = 2**17  # of a network; with more, five take five times as long as one
ELEMENTWISE = ("adamw", "adam", "nadam", "radam", "rmsprop", "adagrad", "sgd")


@dataclass(frozen=True)
class Verdict:
    """What the folds found: how long to train, and the `factor` of it to keep.

    `losses` are those on held-out rows by epoch, `loss` is what the factor leaves.
    `error` and `pca_error` are squared errors per cell there.
    """

    factor: float | None
    losses: list
    loss: float
    error: float
    pca_error: float


def can_cross_validate(task, table):
    """Whether the networks of folds can be trained side by side."""
    blueprint, plan = task.blueprint, task.plan
    return (
        table.n_rows >= FEWEST_ROWS
        and N_FOLDS * 4 * table.n_rows * table.n_columns <= STANDARDISED_COPY_LIMIT
        and task.objective.stands_side_by_side
        and task.objective.loss == "squared_error"
        and blueprint.init == "pca"
        and blueprint.output_activation in ("identity", "clamp")
        and not (blueprint.tied_weights or task.layers)
        and plan.solver in ELEMENTWISE
        and plan.alpha == 0
        and plan.precision != "bfloat16"
        and _can_stand_side_by_side(blueprint)
    )


def _can_stand_side_by_side(blueprint):
    parts = blueprint.parts(torch.Generator(), blueprint.n_components)
    n_weights = sum(weight.numel() for part in parts for weight in part.parameters())
    has_curves = any(len(list(part.children())) > 1 for part in parts)
    return (
        has_curves
        and n_weights <= MOST_WEIGHTS
        and all(map(can_stand_side_by_side, parts))
    )


def cross_validate(task, table, held_out, seed):
    """Return the `Verdict` of networks that start from PCAs of their own rows.

    `held_out` are the positions that each fold holds out. None if losses do not stay
    finite.
    """
    folds = _Folds(task, table, held_out, seed)
    work = len(held_out) * folds.networks.work
    with threads_for(work, task.plan.batch_size, training=True):
        start, baseline = folds.weights.clone(), folds.losses(limits=False)
        n_epochs, best, losses = _train(folds, task.plan)

        def losses_at(factor):
            folds.weights.copy_(start.lerp(best, factor) if factor else start)
            return folds.losses()

        factor, gain = choose_factor(
            losses_at,
            baseline,
            table.weight,
            has_learnt=best is not None,
            caution=_caution(baseline, table.weight),
        )
        pca_error = error = table.average(folds.pca_errors)
        if factor is not None:
            losses_at(factor)
            error = table.average(folds.errors())
    if not np.isfinite(losses).all():
        return None
    loss = table.average(baseline) - gain
    return Verdict(factor, losses[:n_epochs], loss, error, pca_error)


def _caution(losses, weight):
    shares = losses if weight is None else weight * losses
    if not shares.any():
        return CAUTION
    n_judges = shares.sum() ** 2 / (shares**2).sum()  # few, if a few rows lose most
    return CAUTION + CAUTION_OF_FEW / np.sqrt(n_judges)


def _train(folds, plan):
    """Return the best epoch, the weights after it and the loss of every epoch.

    If none is better than the start, that is epoch 0, without weights.
    """
    best_epoch, best, best_loss, losses = 0, None, folds.mean_loss(), []
    n_warm_up = folds.criterion.n_warm_up
    patience = Patience(plan, n_warm_up, best_loss)
    for epoch in folds.epochs(plan):
        loss = folds.mean_loss()
        losses.append(loss)
        if np.isfinite(loss) and epoch <= n_warm_up:
            continue
        if loss < best_loss:
            best_epoch, best, best_loss = epoch, folds.weights.clone(), loss
        if patience.is_over(epoch, loss):
            break
    return best_epoch, best, losses


class _Folds:
    """The networks of all folds, the rows to train them on and those to judge them."""

    def __init__(self, task, table, held_out, seed):
        everything = np.arange(table.n_rows)
        kept = [np.setdiff1d(everything, positions) for positions in held_out]
        tables = [table.take(positions) for positions in kept]
        networks = [start_network(part, task, seed)[0] for part in tables]
        self.table = table
        self.device = task.device
        self.pca_errors = _pca_errors(table, tables, held_out, task.blueprint)
        self.kept, self.held_out = _places(kept), _places(held_out)
        self.generator = seed.generator("folds")
        self.noise = seed.generator("noise", self.device)
        self.networks = side_by_side(networks).to(self.device).eval()
        self.criterion = task.objective.criterion(self.networks).to(self.device)
        self.U = _standardised(networks, table).to(self.device, task.dtype)
        self.weight = None
        if table.weight is not None:
            weight = torch.as_tensor(table.weight / table.weight.mean())
            self.weight = weight.to(self.device, task.dtype)
        self.weights = _in_one(self.networks)
        # Where chance is part of the loss, several draws of it judge each row.
        self.n_draws = 1
        if has_noise(self.networks):
            self.n_draws = max(1, DRAWN_ROWS // table.n_rows)

    def losses(self, *, limits=True):
        """Return the loss of every row, from the network that has not seen it."""
        networks, kept = self.networks, self.networks.limits
        networks.limits = kept if limits else None
        self.criterion.eval()
        places = self.held_out.repeat(1, self.n_draws)
        with torch.inference_mode(), fixed_noise(networks):
            found = self._losses_at(networks, places)[0] * self.criterion.unit
        networks.limits = kept
        return self._by_row(found.unflatten(1, (self.n_draws, -1)).mean(dim=1))

    def errors(self):
        """Return the squared error per cell of every row, free of noise."""
        networks, U = self.networks, self._rows_at(self.held_out)
        with torch.inference_mode():
            Z = networks.encode_standardised(U)
            residual = (networks.decode_standardised(Z) - U) * networks.scale
        return self._by_row(residual.square().mean(dim=-1))

    def _by_row(self, found):
        """Return what was found at the places held out as one value per row."""
        values = np.empty(self.table.n_rows)
        values[self.held_out.numpy()] = found.double().cpu().numpy()
        return values

    def mean_loss(self):
        """Return the mean loss of all rows."""
        return self.table.average(self.losses())

    def epochs(self, plan):
        """Train epoch after epoch, and yield the number of each.

        What is judged is an average of the last weights: that comes closest to what a
        falling learning rate would make of them.
        """
        trained = copy.deepcopy(self.networks).train()
        set_generators(trained, self.noise)
        weights = nn.Parameter(_in_one(trained))
        weights.grad = torch.zeros_like(weights)
        _add_gradients_to(weights.grad, trained)
        (optimizer,) = make_optimizers(plan.solver, [weights], plan.learning_rate_init)
        schedule = SCHEDULES[plan.learning_rate] or (lambda progress: 1.0)
        n_batches = -(-self.kept.shape[1] // plan.batch_size)
        for epoch in range(plan.max_iter):
            self.criterion.train().begin_epoch(epoch)
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
        U = self._rows_at(places)
        losses = self.criterion.per_row(networks.propagate(U), U)
        return losses, None if self.weight is None else self.weight[places]

    def _rows_at(self, places):
        # One gather from the tables of all folds, one after the other.
        places = places.to(self.device)
        start = torch.arange(len(places), device=self.device)[:, None] * len(self.table)
        flat = self.U.flatten(0, 1).index_select(0, (places + start).flatten())
        return flat.unflatten(0, places.shape)


def _pca_errors(table, tables, held_out, blueprint):
    """Return the squared error per cell of every row's PCA, that of the other folds."""
    errors = np.empty(table.n_rows)
    for part, positions in zip(tables, held_out, strict=True):
        axes = part.axes(blueprint.n_components)
        errors[positions] = axes.errors(table.take(positions)) / table.n_columns
    return errors


def _standardised(networks, table):
    """Return the rows as each network takes them, (n_networks, n_rows, n_columns)."""
    X = as_tensor(np.asarray(table.block(slice(None)), dtype=np.float64))
    return torch.stack([network.standardise(X) for network in networks])


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


def _places(positions):
    """Return positions as rows of one length: some come twice."""
    length = max(map(len, positions))
    return torch.from_numpy(np.stack([np.resize(row, length) for row in positions]))
