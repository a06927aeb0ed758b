"""Fine-tuning of an autoencoder with a head, for as long as held-out labels advise."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import torch

from ..data._table import Table
from ..data._threads import threads_for
from ..inference import encode
from ..networks._network import set_generators
from ..objectives._criterion import weight_penalty
from ..objectives._supervised import FineTuning, LabelledAndAll
from ._callbacks import BestWeights
from ._heads import ENOUGH_HELD_OUT, HeadFitter, Labelled, label_folds
from ._interrupt import is_stopping
from ._net import VALIDATION_BATCH_SIZE, AutoencoderNet
from ._random import Seed
from ._rows import Rows
from ._solvers import SCHEDULES, make_optimizers
from ._task import Plan
from ._training import copy_state, train


class Targets(NamedTuple):
    """Targets and weights of labelled rows, and the weights of some of all rows."""

    y: torch.Tensor
    weight: torch.Tensor | None
    row_weight: torch.Tensor | None = None


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning leaves behind, in the words of the estimator's attributes."""

    net: AutoencoderNet
    alpha: float
    consistency_weight: float
    n_iter: int
    best_n_iter: int
    loss_curve: list
    validation_loss_curve: list | None


@dataclass(frozen=True)
class Labels:
    """A table with labels on some rows, and who judges.

    Attributes
    ----------
    table : Table

    labelled : Labelled

    folds : list
        Pairs of positions among the labelled rows to train on and to hold out.

    validation_fraction : float
    """

    table: Table
    labelled: Labelled
    folds: list
    validation_fraction: float

    def without(self, held_out):
        """Return the table without the labelled rows at some positions.

        Nor with rows of their groups.
        """
        left = np.ones(self.table.n_rows, dtype=bool)
        left[self.labelled.rows[held_out]] = False
        if self.table.groups is not None:
            held_out_groups = self.labelled.groups[held_out]
            left &= ~np.isin(self.table.groups, held_out_groups)
        return self.table.take(np.flatnonzero(left))

    @property
    def judging(self):
        """Positions of the labelled rows that some fold holds out."""
        return np.concatenate([held_out for _, held_out in self.folds])

    @property
    def are_enough(self):
        """Whether one fold's rows judge well: its own network is then the result."""
        return len(self.folds) == 1 and len(self.judging) >= ENOUGH_HELD_OUT


def fine_tune(labels, judged, objectives, alphas, plan, seed, device):
    """Return the network `Tuned` from a linear head on frozen codes.

    Each fold is trained from a head that has not seen the rows it holds out. The
    objective with the lowest mean loss on these wins. If that is lower than what the
    head has on frozen codes, all labelled rows are then trained on for as long. A
    single fold with enough rows to judge gives the network itself. Without early
    stopping the first objective is trained as long as the plan says.

    Parameters
    ----------
    labels : Labels

    judged : tuple of Network and Labels
        The autoencoder that has seen no row that a fold holds out, and the labels with
        rows as it takes them; that of the objectives may have seen all.

    objectives : list of FineTuning
        What to choose from.

    alphas : tuple of float
        Penalties on the head to choose from.

    plan : Plan

    seed : Seed

    device : str
    """
    start = _Start(labels, objectives[0], alphas, plan, seed, device)
    network, its_labels = judged
    its_objective = replace(objectives[0], autoencoder=network)
    judges = replace(start, labels=its_labels, objective=its_objective)
    choice = judges.heads.choose(labels.folds, alphas)
    everything = np.arange(len(labels.labelled))

    def tuned(net, objective, n_iter, best, losses, curve):
        weight = objective.consistency_weight
        net.detach_training().network_.seal()
        return Tuned(net, choice[1], weight, n_iter, best, losses, curve)

    if not objectives[0].trains_encoder:
        net, _ = start.net(choice, everything)
        return tuned(net, objectives[0], 1, 0, [], None)
    if not (labels.folds and plan.early_stopping):
        net = _train(*start.net(choice, everything), plan, plan.max_iter)
        n_iter, losses = len(net.history), _losses(net)
        return tuned(net, objectives[0], n_iter, n_iter, losses, None)
    choices = [judges.choice_without(fold) for fold in labels.folds]
    judged = [_cross_validate(judges.by(other), choices) for other in objectives]
    verdicts = [_verdict(curve, labels, plan.max_iter) for _, curve in judged]
    which = min(range(len(objectives)), key=lambda i: verdicts[i])
    objective, (net, curve), (_, best) = (
        objectives[which],
        judged[which],
        verdicts[which],
    )
    if not labels.are_enough or best == 0:
        net = _train(*start.by(objective).net(choice, everything), plan, best)
    if is_stopping() and not labels.are_enough:  # the folds judged a longer training
        best, (net, _) = 0, start.net(choice, everything)
    return tuned(net, objective, len(curve) - 1, best, _losses(net), curve.tolist())


@dataclass(frozen=True, eq=False)
class _Start:
    """What networks start from: codes of one autoencoder, and heads on them."""

    labels: Labels
    objective: FineTuning
    alphas: tuple
    plan: Plan
    seed: Seed
    device: str

    @cached_property
    def heads(self):
        table, network = self.labels.table, self.objective.autoencoder
        Z = encode(network, table).astype(np.float64)
        return HeadFitter(Z, table.weight, self.labels.labelled)

    def by(self, objective):
        """Return the start of another objective from the same autoencoder."""
        autoencoder = self.objective.autoencoder
        other = replace(self, objective=replace(objective, autoencoder=autoencoder))
        other.__dict__["heads"] = self.heads
        return other

    def choice_without(self, fold):
        """Return how to fit a head, as rows say that a fold does not hold out."""
        kept, _ = fold
        labelled = self.labels.labelled.take(kept)
        inner = label_folds(labelled, self.labels.validation_fraction, self.seed)[:1]
        pairs = [(kept[train], kept[held_out]) for train, held_out in inner]
        return self.heads.choose(pairs, self.alphas)

    def net(self, choice, kept, held_out=()):
        """Return a net with a head for some labelled rows, and what it trains on."""
        labels, plan = self.labels, self.plan
        judges = len(held_out) > 0
        head = self.heads.fit(kept, choice, without=held_out, exact=not judges)
        objective = replace(self.objective, alpha=choice[1])
        beside = labels.without(held_out) if judges else labels.table
        dtype = next(objective.autoencoder.parameters()).dtype
        make_rows = partial(
            Rows, network=objective.autoencoder, dtype=dtype, device=self.device
        )
        rows = make_rows(beside)
        network = objective.network(head, _column_deviations(rows))
        set_generators(network, self.seed.generator("noise", self.device))
        labelled = labels.labelled.in_units(head)
        training = LabelledRows(labels.table, labelled.take(kept), make_rows, rows)
        validation = None
        if judges:
            validation = LabelledRows(labels.table, labelled.take(held_out), make_rows)
        net = SupervisedNet(
            network,
            objective.criterion(network, has_classes=labelled.has_classes),
            make_optimizers=partial(
                make_optimizers, plan.solver, learning_rate=plan.learning_rate_init
            ),
            schedule=SCHEDULES[plan.learning_rate],
            n_steps=plan.max_iter * training.n_steps(plan.batch_size),
            penalty=partial(_head_penalty, alpha=objective.alpha),
            generator=self.seed.generator("shuffle"),
            batch_size=plan.batch_size,
            validation=validation,
            callbacks=[],
            verbose=0,
            device=str(self.device),
        )
        return net.initialize(), training


def restored_supervised_net(network, objective, plan, *, has_classes):
    """Return a net for a network that was fine-tuned elsewhere."""
    net = SupervisedNet(
        network,
        objective.criterion(network, has_classes=has_classes),
        make_optimizers=partial(
            make_optimizers, plan.solver, learning_rate=plan.learning_rate_init
        ),
        batch_size=plan.batch_size,
        callbacks=[],
        verbose=0,
    )
    net.initialize().detach_training().network_.seal()
    return net


def _cross_validate(start, choices):
    """Return the last fold's net and the mean loss on held-out rows, by epoch."""
    curves, plan, folds = [], start.plan, start.labels.folds
    for number, (fold, choice) in enumerate(zip(folds, choices, strict=True), start=1):
        net, training = start.net(choice, *fold)
        start_loss = _held_out_loss(net)
        label = f"{plan.description}, fold {number} of {len(folds)}"
        patience = plan.n_iter_no_change if start.labels.are_enough else plan.max_iter
        fold_plan = replace(plan, description=label, n_iter_no_change=patience)
        _train(net, training, fold_plan, plan.max_iter, start_loss)
        curves.append([start_loss, *net.history[:, "valid_loss"]])
    return net, mean_curve(curves, [len(held_out) for _, held_out in folds])


def _verdict(curve, labels, max_iter):
    """Return the held-out loss and the epochs that it stands for.

    The lowest point of the curve of few rows is an accident, so only the end of
    training is compared with its start (benchmarks/few_labels.py).
    """
    if labels.are_enough:
        best = int(np.argmin(curve))
    else:
        best = max_iter if len(curve) > max_iter and curve[-1] < curve[0] else 0
    return curve[best], best


def mean_curve(curves, sizes):
    """Return the mean of curves as far as all are finite, each weighted by a size."""
    length = min(map(len, curves))
    curve = np.average([c[:length] for c in curves], axis=0, weights=sizes)
    return np.where(np.isfinite(curve), curve, np.inf)


def _column_deviations(rows, n_rows=4096):
    """Return the deviation of every standardised column, from evenly spaced rows."""
    spread = torch.linspace(0, len(rows) - 1, min(n_rows, len(rows))).long()
    U, _ = rows[spread]
    return U.double().std(dim=0, correction=0).cpu()


def _head_penalty(network, alpha):
    return weight_penalty([network.head.weight], alpha, 0.0)


def _train(net, training, plan, epochs, start_loss=None):
    """Train in place for some epochs; with held-out rows, keep the best weights."""
    if epochs == 0:
        return net
    plan = replace(plan, max_iter=epochs)
    if start_loss is None:
        train(net, training, plan)
        if not np.isfinite(net.history[-1, "train_loss"]):
            raise ValueError(
                f"The loss is not finite after {len(net.history)} epochs of "
                "fine-tuning. Lower learning_rate_init (now "
                f"{plan.learning_rate_init:g})."
            )
        return net
    start = copy_state(net.network_)
    best = BestWeights("valid_loss", plan, start_loss=start_loss, start_state=start)
    train(net, training, plan, last=[best])
    best.restore(net)
    return net


def _held_out_loss(net):
    net._set_training(False)
    threads = threads_for(net.network_.work, len(net.validation))
    total, n_rows = 0.0, 0
    with torch.inference_mode(), threads:
        for U, targets in net.get_iterator(net.validation):
            loss = net.get_loss(net.infer(U), targets, X=U)
            total, n_rows = total + float(loss) * len(U), n_rows + len(U)
    return total / n_rows


def _losses(net):
    return list(net.history[:, "train_loss"]) if len(net.history) else []


class SupervisedNet(AutoencoderNet):
    """An `AutoencoderNet` that trains a `SupervisedNetwork` on `LabelledRows`."""

    def get_iterator(self, dataset, training=False):
        if training:
            return Steps(dataset, self.batch_size, self.generator)
        return InOrder(dataset, max(self.batch_size, VALIDATION_BATCH_SIZE))


class LabelledRows(torch.utils.data.Dataset):
    """Labelled rows, with those for steps on all rows beside them.

    Parameters
    ----------
    table : Table

    labelled : Labelled

    make_rows : callable
        Returns the `Rows` of a table.

    beside : Rows or None
        A pass is one over these.
    """

    def __init__(self, table, labelled, make_rows, beside=None):
        self.beside = beside
        self.rows = make_rows(
            Table(table.X, None, None, table.take(labelled.rows).rows)
        )
        dtype = torch.int64 if labelled.has_classes else self.rows.dtype
        self.y = torch.as_tensor(labelled.y).to(self.rows.device, dtype)
        self.weight = None
        if labelled.weight is not None:
            weight = torch.as_tensor(labelled.weight / labelled.weight.mean())
            self.weight = weight.to(self.rows.device, self.rows.dtype)

    def __len__(self):
        return len(self.rows)

    def n_steps(self, batch_size):
        """Return the number of steps in a pass over all rows."""
        return -(-len(self.beside) // batch_size)

    def take(self, positions):
        """Return labelled rows, their targets and their weights."""
        U, _ = self.rows[positions]
        at = positions.to(self.y.device)
        return U, self.y[at], None if self.weight is None else self.weight[at]


class InOrder:
    """Iterates over labelled rows in order."""

    def __init__(self, dataset, batch_size):
        self.dataset = dataset
        self.batch_size = batch_size

    def __iter__(self):
        for positions in torch.arange(len(self.dataset)).split(self.batch_size):
            U, y, weight = self.dataset.take(positions)
            yield U, Targets(y, weight)


class Steps:
    """Iterates over all rows in shuffled batches, each with a batch of labelled ones.

    The labelled rows come round again as often as it takes, shuffled anew.
    """

    def __init__(self, dataset, batch_size, generator):
        self.dataset = dataset
        self.batch_size = batch_size
        self.generator = generator

    def __len__(self):
        return self.dataset.n_steps(self.batch_size)

    def __iter__(self):
        data, generator = self.dataset, self.generator
        order = torch.randperm(len(data.beside), generator=generator)
        n_labelled = min(self.batch_size, len(data))
        queue = torch.zeros(0, dtype=torch.int64)
        for positions in order.tensor_split(len(self)):
            if len(queue) < n_labelled:
                again = torch.randperm(len(data), generator=generator)
                queue = torch.cat([queue, again])
            chosen, queue = queue[:n_labelled], queue[n_labelled:]
            rows, row_weight = data.beside[positions]
            U, y, weight = data.take(chosen)
            yield LabelledAndAll(U, rows), Targets(y, weight, row_weight)
