"""Training of one network on one table: the engine's entry points."""

import copy
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from ..losses import weight_penalty
from ..networks._autoencoder import Anchored
from ..networks._noise import fixed_noise
from ._callbacks import BestWeights, Progress
from ._net import AutoencoderNet
from ._solvers import SCHEDULES, make_optimizers
from ._threads import count_weights, threads_for


@dataclass(frozen=True)
class Plan:
    """How to train: the estimator's parameters with every "auto" resolved."""

    solver: object
    learning_rate_init: float
    learning_rate: str
    batch_size: int
    max_iter: int
    n_iter_no_change: int
    tol: float
    alpha: float = 0.0
    l1_ratio: float = 0.0
    precision: str = "float32"
    verbose: int = 0
    description: str = ""
    callbacks: list = field(default_factory=list)


def make_net(module, criterion, plan, *, device, generators, n_batches, validation):
    """Return an initialised net for a module, ready to train on rows."""
    set_generators(module, generators)
    schedule = SCHEDULES[plan.learning_rate]
    net = AutoencoderNet(
        module,
        criterion,
        make_optimizers=partial(
            make_optimizers,
            plan.solver,
            learning_rate=plan.learning_rate_init,
            anchors=list(anchors(module)),
        ),
        schedule=schedule,
        n_steps=plan.max_iter * n_batches,
        penalty=make_penalty(plan.alpha, plan.l1_ratio),
        generator=generators["shuffle"],
        autocast=torch.bfloat16 if plan.precision == "bfloat16" else None,
        batch_size=plan.batch_size,
        validation=validation,
        callbacks=list(plan.callbacks),
        verbose=0,
        device=str(device),
    )
    return net.initialize()


def set_generators(module, generators):
    """Hand the layers that draw random numbers their generator."""
    for part in module.modules():
        if hasattr(part, "generator"):
            part.generator = generators["dropout"]


def make_penalty(alpha, l1_ratio):
    """Return the penalty on a module's weights as a function, or None without one."""
    return partial(_penalty, alpha=alpha, l1_ratio=l1_ratio) if alpha > 0 else None


def _penalty(module, alpha, l1_ratio):
    return weight_penalty(penalised_weights(module), alpha, l1_ratio)


def penalised_weights(module):
    """Yield the weight matrices; of an anchored part, the correction's alone."""
    left_out = {id(weight) for weight in anchors(module)}
    for weight in module.parameters():
        if weight.ndim > 1 and id(weight) not in left_out:
            yield weight


def anchors(module):
    """Yield the weights of the linear maps that anchored parts correct."""
    for part in module.modules():
        if isinstance(part, Anchored):
            yield from part.linear.parameters(recurse=False)


def train(net, rows, plan, *, monitor, start_loss=None, start_state=None, hook=None):
    """Train and restore the best weights seen. Returns the `BestWeights` used.

    Raises
    ------
    ValueError
        If no finite loss was seen and there is no `start_state` to fall back on.
    """
    best = BestWeights(
        monitor,
        tol=plan.tol,
        n_iter_no_change=plan.n_iter_no_change,
        start_loss=start_loss,
    )
    net.own_callbacks = [best]
    if hook is not None:
        net.own_callbacks.append(hook)
    if plan.verbose:
        net.own_callbacks.append(Progress(plan.description, plan.max_iter))
    net.initialize_callbacks()
    net.train(rows, plan.max_iter)
    state = best.best_state_ or start_state
    if state is None:
        raise ValueError(
            f"The loss is not finite after {len(net.history)} epochs of training with "
            f"solver={plan.solver!r}. Lower learning_rate_init (now "
            f"{plan.learning_rate_init:g}), scale the columns of X, or use init='pca'."
        )
    net.module_.load_state_dict(state)
    net.forget()
    best.best_state_ = None
    return best


def row_losses(net, rows, *, noise=True):
    """Return the loss of every row in evaluation mode, as float64 numpy array.

    What training corrupts is corrupted here too, every time alike, unless `noise` is
    False.
    """
    net._set_training(False)
    noise = fixed_noise(net.module_) if noise else nullcontext()
    threads = threads_for(count_weights(net.module_), len(rows))
    with torch.inference_mode(), threads, noise:
        losses = [
            net.criterion_.per_row(net.infer(U), U) for U, _ in net.get_iterator(rows)
        ]
    return torch.cat(losses).double().cpu().numpy() * net.criterion_.unit


def record_clean_loss(net):
    """Record the loss on the held-out rows as they are, without the noise."""
    if net.validation is not None:
        losses = row_losses(net, net.validation, noise=False)
        net.history.record("clean_valid_loss", mean_loss(losses, net.validation))


def mean_loss(losses, rows):
    """Return the weighted mean of `row_losses`."""
    return float(np.average(losses, weights=rows.sample_weight))


def copy_state(module):
    """Return a copy of the module's weights and buffers."""
    return copy.deepcopy(module.state_dict())
