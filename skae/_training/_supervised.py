"""Fine-tuning of an autoencoder with a head, for as long as held-out labels advise."""

import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ..losses import ReconstructionLoss, weight_penalty
from ..networks._corruption import Added
from ..networks._supervised import LabelledAndAll, SupervisedNetwork
from ..networks._supervised_loss import ClassLoss, NumberLoss
from ._callbacks import BestWeights, Progress
from ._net import VALIDATION_BATCH_SIZE, AutoencoderNet
from ._random import make_generators
from ._rows import Rows
from ._solvers import SCHEDULES, make_optimizers
from ._threads import count_weights, threads_for
from ._train import copy_state, set_generators


class Targets(NamedTuple):
    """Targets and weights of labelled rows, and the weights of some of all rows."""

    y: torch.Tensor
    weight: torch.Tensor | None
    row_weight: torch.Tensor | None = None


@dataclass(frozen=True)
class Head:
    """A linear map of centred codes in units of `code_scale`, as numpy has it."""

    coef: np.ndarray  # (n_outputs, n_components)
    intercept: np.ndarray  # (n_outputs,)
    code_mean: np.ndarray  # (n_components,)
    code_scale: np.ndarray  # (n_components,)
    target_mean: np.ndarray | None = None
    target_scale: np.ndarray | None = None


@dataclass(frozen=True)
class Labelled:
    """The labelled rows of a table.

    Attributes
    ----------
    rows : ndarray of shape (n_labelled,)
        Where they are in the table.

    y : ndarray of shape (n_labelled,) or (n_labelled, n_outputs)
        Indices of classes, or numbers of unit variance.

    weight : ndarray of shape (n_labelled,) or None
    """

    rows: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None

    def subset(self, positions):
        """Return the labelled rows at some positions."""
        weight = None if self.weight is None else self.weight[positions]
        return Labelled(self.rows[positions], self.y[positions], weight)


@dataclass(frozen=True)
class FineTuning:
    """What to minimise beside the error on labelled rows."""

    autoencoder: nn.Module
    criterion: nn.Module | None  # the autoencoder's own; None is squared error
    reconstruction_weight: float
    consistency_weight: float
    noise_level: float
    alpha: float
    trains_encoder: bool = True


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning leaves behind, in the words of the estimator's attributes."""

    net: object
    task: FineTuning
    n_iter: int
    best_n_iter: int
    loss_curve: list
    validation_loss_curve: list | None


def fine_tune(X, weight, labelled, folds, fit_head, tasks, plan, *, seed, device):
    """Return the network `Tuned` from a linear head on frozen codes.

    Each of the `folds`, pairs of positions among the labelled rows to train on and to
    hold out, is trained from a head that has not seen the rows held out. The task with
    the lowest mean loss on these wins. If that is lower than what the head has on
    frozen codes, all labelled rows are then trained on for as long. A single fold's own
    network is taken as it is, with its best weights. Without folds the first task is
    trained as long as the plan says.

    Parameters
    ----------
    fit_head : callable
        Takes positions among the labelled rows that a head may be fitted to, and may
        use a part of them; or nothing, for all. Returns a `Head`.

    tasks : list of `FineTuning`
        What to choose from.
    """
    rows = _standardised_rows(X, weight, tasks[0], plan, device)

    def prepare(task, positions=None, held_out=None):
        head = fit_head(positions)
        judge = None if held_out is None else labelled.subset(held_out)
        training = labelled if positions is None else labelled.subset(positions)
        return _make_net(head, rows, training, judge, task, plan, seed, device)

    if not tasks[0].trains_encoder:
        return Tuned(prepare(tasks[0])[0].release(), tasks[0], 1, 0, [], None)
    if not folds:
        net = _train(*prepare(tasks[0]), plan, plan.max_iter)
        n_iter = len(net.history)
        losses = _losses(net)
        return Tuned(net.release(), tasks[0], n_iter, n_iter, losses, None)
    judged = [_cross_validate(partial(prepare, task), folds, plan) for task in tasks]
    verdicts = [_verdict(curve, len(folds), plan.max_iter) for _, curve in judged]
    choice = min(range(len(tasks)), key=lambda i: verdicts[i])
    task, (net, curve), (_, best) = tasks[choice], judged[choice], verdicts[choice]
    n_iter = len(curve) - 1
    if len(folds) > 1 or best == 0:
        net = _train(*prepare(task), plan, best)
    losses = _losses(net)
    return Tuned(net.release(), task, n_iter, best, losses, curve.tolist())


def _cross_validate(prepare, folds, plan):
    """Return the last fold's net and the mean loss on held-out rows, by epoch."""
    curves = []
    for number, (kept, held_out) in enumerate(folds, start=1):
        net, training = prepare(kept, held_out)
        start_loss, start_state = _judge(net), copy_state(net.module_)
        label = f"{plan.description}, fold {number} of {len(folds)}"
        patience = plan.n_iter_no_change if len(folds) == 1 else plan.max_iter
        fold_plan = replace(plan, description=label, n_iter_no_change=patience)
        _train(net, training, fold_plan, plan.max_iter, start_loss, start_state)
        curves.append([start_loss, *net.history[:, "valid_loss"]])
    return net, mean_curve(curves, [len(held_out) for _, held_out in folds])


def _verdict(curve, n_folds, max_iter):
    """Return the held-out loss and the epochs that it stands for.

    One fold holds out enough rows to choose the epoch by. Several hold out few: the
    lowest point of their curve is an accident, so only the end of training is compared
    with its start (benchmarks/few_labels.py).
    """
    if n_folds == 1:
        best = int(np.argmin(curve))
    else:
        best = max_iter if len(curve) > max_iter and curve[-1] < curve[0] else 0
    return curve[best], best


def mean_curve(curves, sizes):
    """Return the mean of curves as far as all are finite, each weighted by a size."""
    length = min(map(len, curves))
    curve = np.average([c[:length] for c in curves], axis=0, weights=sizes)
    return np.where(np.isfinite(curve), curve, np.inf)


def _standardised_rows(X, weight, task, plan, device):
    module = task.autoencoder
    scaled = module.mean is not None
    return Rows(
        X,
        weight,
        mean=module.mean.cpu().numpy() if scaled else None,
        inverse_scale=module.inverse_scale.cpu().numpy() if scaled else None,
        dtype=next(module.parameters()).dtype,
        device=device,
    )


def _make_net(head, rows, labelled, held_out, task, plan, seed, device):
    """Return a net at its start and what it trains on."""
    network = _make_network(head, rows, task)
    generators = make_generators(seed, ("shuffle",)) | make_generators(
        seed + 1, ("dropout",), device
    )
    set_generators(network, generators)
    is_number = labelled.y.ndim == 2
    criterion = (NumberLoss if is_number else ClassLoss)(
        task.criterion or ReconstructionLoss("squared_error", task.autoencoder),
        reconstruction_weight=task.reconstruction_weight,
        consistency_weight=task.consistency_weight,
    )
    training = LabelledRows(rows, labelled, with_rows=True)
    net = SupervisedNet(
        network,
        copy.deepcopy(criterion),
        make_optimizers=partial(
            make_optimizers, plan.solver, learning_rate=plan.learning_rate_init
        ),
        schedule=SCHEDULES[plan.learning_rate],
        n_steps=plan.max_iter * training.n_steps(plan.batch_size),
        penalty=partial(_head_penalty, alpha=task.alpha),
        generator=generators["shuffle"],
        batch_size=plan.batch_size,
        validation=None if held_out is None else LabelledRows(rows, held_out),
        callbacks=[],
        verbose=0,
        device=str(device),
    )
    return net.initialize(), training


def _make_network(head, rows, task):
    autoencoder = copy.deepcopy(task.autoencoder)
    weight = next(autoencoder.parameters())
    layer = nn.utils.skip_init(
        nn.Linear, *head.coef.shape[::-1], dtype=weight.dtype, device=weight.device
    )
    layer.weight.data.copy_(torch.from_numpy(head.coef))
    layer.bias.data.copy_(torch.from_numpy(head.intercept))
    noise = None
    if task.trains_encoder and task.consistency_weight > 0 and task.noise_level > 0:
        noise = Added("gaussian", task.noise_level * _column_deviations(rows))
    is_number = head.target_scale is not None
    return SupervisedNetwork(
        autoencoder,
        layer,
        code_mean=torch.from_numpy(head.code_mean),
        code_scale=torch.from_numpy(head.code_scale),
        target_mean=torch.from_numpy(head.target_mean) if is_number else None,
        target_scale=torch.from_numpy(head.target_scale) if is_number else None,
        noise=noise,
        reconstructs=task.reconstruction_weight > 0,
    )


def _column_deviations(rows, n_rows=4096):
    """Return the deviation of every standardised column, from evenly spaced rows."""
    spread = torch.linspace(0, len(rows) - 1, min(n_rows, len(rows))).long()
    U, _ = rows[spread]
    return U.double().std(dim=0, correction=0).cpu()


def _head_penalty(network, alpha):
    return weight_penalty([network.head.weight], alpha, 0.0)


def _train(net, training, plan, epochs, start_loss=None, start_state=None):
    """Train in place for some epochs; with held-out rows, keep the best weights."""
    if epochs == 0:
        return net
    best = None
    if start_state is not None:
        best = BestWeights(
            "valid_loss",
            tol=plan.tol,
            n_iter_no_change=plan.n_iter_no_change,
            start_loss=start_loss,
        )
        net.own_callbacks = [best]
    if plan.verbose:
        net.own_callbacks = [*net.own_callbacks, Progress(plan.description, epochs)]
    net.initialize_callbacks()
    net.train(training, epochs)
    if best is not None:
        net.module_.load_state_dict(best.best_state_ or start_state)
    elif not np.isfinite(net.history[-1, "train_loss"]):
        raise ValueError(
            f"The loss is not finite after {len(net.history)} epochs of fine-tuning. "
            f"Lower learning_rate_init (now {plan.learning_rate_init:g})."
        )
    return net


def _judge(net):
    """Return the loss on the held-out rows."""
    net._set_training(False)
    threads = threads_for(count_weights(net.module_), len(net.validation))
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
    """Labelled rows of `Rows`, with those for steps on all rows beside them.

    Parameters
    ----------
    rows : Rows

    labelled : Labelled

    with_rows : bool
        Whether a pass is one over all rows.
    """

    def __init__(self, rows, labelled, *, with_rows=False):
        self.rows = rows
        self.labelled = rows.subset(labelled.rows)
        self.labelled.weight = None
        dtype = rows.dtype if labelled.y.ndim == 2 else torch.int64
        self.y = torch.as_tensor(labelled.y).to(rows.device, dtype)
        self.weight = None
        if labelled.weight is not None:
            weight = labelled.weight / labelled.weight.mean()
            self.weight = torch.as_tensor(weight).to(rows.device, rows.dtype)
        self.with_rows = with_rows

    def __len__(self):
        return len(self.labelled)

    def n_steps(self, batch_size):
        """Return the number of steps in a pass over all rows."""
        return -(-len(self.rows) // batch_size)

    def take(self, positions):
        """Return labelled rows, their targets and their weights."""
        U, _ = self.labelled[positions]
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
        order = torch.randperm(len(data.rows), generator=generator)
        n_labelled = min(self.batch_size, len(data))
        queue = torch.zeros(0, dtype=torch.int64)
        for positions in order.tensor_split(len(self)):
            if len(queue) < n_labelled:
                again = torch.randperm(len(data), generator=generator)
                queue = torch.cat([queue, again])
            chosen, queue = queue[:n_labelled], queue[n_labelled:]
            rows, row_weight = data.rows[positions]
            U, y, weight = data.take(chosen)
            yield LabelledAndAll(U, rows), Targets(y, weight, row_weight)
