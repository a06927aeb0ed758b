"""From a table to a trained autoencoder: split, start, train, select, rotate."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from .. import _inference
from .._linear import (
    attained_limits,
    column_moments,
    principal_axes,
    projection_errors,
)
from ..losses import ReconstructionLoss
from ..networks._build import centre, is_linear, leave_saddle
from ._codes import explained_variance_ratio, linear_axes, rotate_codes
from ._devices import DTYPES
from ._folds import advise, can_advise
from ._random import make_generators
from ._rows import Rows, dense_chunks
from ._select import interpolate, keep_what_helps
from ._start import fit_sigmoid_link, pca_start
from ._train import copy_state, make_net, mean_loss, row_losses, train

# That tell whether training helped, where none are held out.
JUDGE_ROWS = 10_000


@dataclass(frozen=True)
class Task:
    """What to fit: the estimator's choices that are not about how to train.

    Attributes
    ----------
    make_module : callable
        Takes a `Start` (None for a random one) and a torch.Generator, returns the
        network.

    make_criterion : callable
        Takes the network, returns its criterion.

    rotate : bool
        Whether a rotation of the codes leaves the model what it is.

    pretrain : callable or None
        Takes the rows, their weights and moments before a new network is made of them.

    adapt : callable or None
        Takes the network before training, the rows that it starts from and their
        moments, and changes in the network what depends on these.

    clamp : bool
        Whether reconstructions keep to the limits that many rows attain.
    """

    n_components: int
    make_module: object
    make_criterion: object
    init: str = "pca"
    tied_weights: bool = False
    sigmoid_link: bool = False
    whiten: bool = False
    rotate: bool = True
    validation_fraction: float | None = 0.1
    pretrain: object = None
    adapt: object = None
    clamp: bool = False


@dataclass(frozen=True)
class Fitted:
    """What a fit leaves behind, in the words of the estimator's attributes."""

    FIELDS: ClassVar = (
        "net",
        "mean",
        "n_iter",
        "loss_curve",
        "validation_loss_curve",
        "reconstruction_error",
        "pca_reconstruction_error",
        "explained_variance_ratio",
        "components",
    )
    net: object
    mean: np.ndarray
    n_iter: int
    loss_curve: list
    validation_loss_curve: list | None
    reconstruction_error: float
    pca_reconstruction_error: float
    explained_variance_ratio: np.ndarray
    components: np.ndarray | None


def fit(X, weight, task, plan, *, seed, device, warm_module=None, hook=None):
    """Return the `Fitted` autoencoder of a dense or CSR table X.

    `warm_module` is an earlier fit's network to go on from; it is changed in place.
    `hook` is a skorch callback that follows the epochs.
    """
    chunks = dense_chunks(X, weight)
    moments = column_moments(chunks)
    check_finite(moments)
    axes = principal_axes(chunks, moments, task.n_components)
    held_out = _held_out_rows(X.shape[0], task.validation_fraction, seed)
    generators = fit_generators(seed, device)
    module = warm_module
    if module is None:
        module = start_module(X, weight, moments, axes, task, generators["init"])
        centre(module, torch.tensor(moments.mean))
    adapt(module, X, weight, moments, task)
    criterion = task.make_criterion(module)
    rows = standardised_rows(X, weight, module, plan, device)
    training, validation, advice = rows, None, None
    is_pca = task.init == "pca" and warm_module is None and not task.sigmoid_link
    if is_pca and can_advise(module, criterion, plan, X.shape[0], len(held_out)):
        advice = advise(module, criterion, rows, moments, plan, seed)
    if advice is not None:
        plan = replace(plan, max_iter=advice.n_epochs)
    elif len(held_out):
        is_kept = np.ones(X.shape[0], dtype=bool)
        is_kept[held_out] = False
        training = rows.subset(np.flatnonzero(is_kept))
        validation = rows.subset(held_out)
    net = make_net(
        module,
        criterion,
        plan,
        device=device,
        generators=generators,
        n_batches=-(-len(training) // plan.batch_size),
        validation=validation,
    )
    if advice is not None:
        has_learnt = _follow(advice, net, training, plan, hook)
    else:
        has_start = task.init == "pca" or warm_module is not None
        has_learnt = _train(
            net, training, validation, plan, has_start, hook, generators["init"]
        )
    if not has_learnt and warm_module is None:  # PCA itself, which knows no limits
        module.set_limits(None)
    net.release()
    if task.rotate:
        rotate_codes(net.module_, X, weight, moments.mean, whiten=task.whiten)
    fitted = _summarise(net, X, weight, held_out, moments, axes, task.n_components)
    if advice is None:
        return fitted
    return replace(
        fitted,
        reconstruction_error=advice.error,
        pca_reconstruction_error=advice.start_error,
    )


def fit_generators(seed, device):
    """Return the generators of a fit: each use has its own."""
    return make_generators(seed, ("init", "shuffle")) | make_generators(
        seed + 1, ("dropout",), device
    )


def check_finite(moments):
    """Raise a ValueError that names a column whose variance overflows."""
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(moments.scale**2 * moments.n_samples))
    if len(bad):
        raise ValueError(
            f"Column {bad[0]} has a standard deviation of {moments.scale[bad[0]]:g}: "
            "its squares overflow float64. Scale X, for instance with StandardScaler."
        )


def start_module(X, weight, moments, axes, task, generator):
    """Return the network that training starts from."""
    if task.pretrain is not None:
        task.pretrain(X, weight, moments)
    if task.init != "pca":
        return task.make_module(None, generator)
    start = pca_start(moments, axes, task.n_components, tied=task.tied_weights)
    if task.sigmoid_link:
        start = fit_sigmoid_link(start, X, weight)
    return task.make_module(start, generator)


def adapt(module, X, weight, moments, task):
    """Change in a network what depends on the rows that it starts from."""
    if task.clamp:
        limits = torch.tensor(attained_limits(dense_chunks(X, weight), moments))
        module.set_limits(limits.to(next(module.parameters()).device))
    if task.adapt is not None:
        task.adapt(module, X, moments)


def standardised_rows(X, weight, module, plan, device):
    """Return the rows of X as the module's `propagate` takes them."""
    scaled = module.mean is not None
    return Rows(
        X,
        weight,
        mean=module.mean.cpu().numpy() if scaled else None,
        inverse_scale=module.inverse_scale.cpu().numpy() if scaled else None,
        dtype=DTYPES[plan.precision],
        device=device,
    )


def _held_out_rows(n_samples, validation_fraction, seed):
    """Return the held-out rows' indices; none if there are too few to spare any."""
    if validation_fraction is None or n_samples < 4:
        return np.zeros(0, dtype=int)
    n_held_out = min(max(2, round(validation_fraction * n_samples)), n_samples - 2)
    order = np.random.default_rng(seed).permutation(n_samples)
    return np.sort(order[:n_held_out])


def _train(net, training, validation, plan, has_start, hook, generator):
    """Train the net in place; return whether it is more than its start.

    With a start, the result is never worse on the judge.
    """
    monitor = "train_loss" if validation is None else "valid_loss"
    if not has_start:
        train(net, training, plan, monitor=monitor, hook=hook)
        return True
    judge = _some(training) if validation is None else validation
    start_state = copy_state(net.module_)
    start_loss = mean_loss(row_losses(net, judge), judge)
    if _is_solved(net):
        net.history.new_epoch()
        net.history.record("train_loss", mean_loss(row_losses(net, training), training))
        if validation is not None:
            net.history.record("valid_loss", start_loss)
        return False
    leave_saddle(net.module_, generator)
    train(
        net,
        training,
        plan,
        monitor=monitor,
        start_loss=None if validation is None else start_loss,
        start_state=start_state,
        hook=hook,
    )
    return keep_what_helps(net, start_state, judge, held_out=validation is not None) > 0


def _follow(advice, net, rows, plan, hook):
    """Train on all rows as the folds advise; return whether to keep any of it."""
    net.foretold = advice.losses
    start = copy_state(net.module_)
    train(net, rows, plan, monitor="train_loss", start_state=start, hook=hook)
    end = copy_state(net.module_)
    net.module_.load_state_dict(interpolate(start, end, advice.factor))
    return advice.factor > 0


def _some(rows):
    """Return at most JUDGE_ROWS of the rows, evenly spaced."""
    if len(rows) <= JUDGE_ROWS:
        return rows
    return rows.subset(np.linspace(0, len(rows) - 1, JUDGE_ROWS).astype(int))


def _is_solved(net):
    """Whether the start is the optimum: PCA, for a linear network with no other aim."""
    return (
        is_linear(net.module_)
        and isinstance(net.module_.corruption, nn.Identity)
        and type(net.criterion_) is ReconstructionLoss
        and net.criterion_.loss == "squared_error"
        and net.penalty is None
        and net.module_.mean is not None
    )


def _summarise(net, X, weight, held_out, moments, axes, n_components):
    history = net.history
    judge, w_judge = None, weight
    if len(held_out):
        judge, w_judge = held_out, None if weight is None else weight[held_out]
    errors = _inference.squared_errors(net.module_, X, judge)
    pca_errors = projection_errors(dense_chunks(X, indices=judge), moments, axes)
    return Fitted(
        net=net,
        mean=moments.mean,
        n_iter=len(history),
        loss_curve=history[:, "train_loss"],
        validation_loss_curve=history[:, "valid_loss"] if len(held_out) else None,
        reconstruction_error=mean_per_cell(errors, X, w_judge),
        pca_reconstruction_error=mean_per_cell(pca_errors, X, w_judge),
        explained_variance_ratio=explained_variance_ratio(
            net.module_, X, weight, n_components
        ),
        components=linear_axes(net.module_),
    )


def mean_per_cell(row_errors, X, weight):
    """Return the weighted mean of some rows' summed squares, per column."""
    return float(np.average(row_errors, weights=weight)) / X.shape[1]
