"""From a table to a trained autoencoder: split, start, train, select, rotate."""

from dataclasses import dataclass

import numpy as np

from .. import _inference
from .._linear import column_moments, principal_axes, projection_errors
from ..networks._build import is_linear
from ._codes import explained_variance_ratio, linear_axes, rotate_codes
from ._devices import DTYPES
from ._random import make_generators
from ._rows import Rows, dense_chunks
from ._select import keep_what_helps
from ._start import fit_sigmoid_link, pca_start
from ._train import copy_state, make_net, mean_loss, row_losses, train


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
    """

    n_components: int
    make_module: object
    make_criterion: object
    init: str = "pca"
    tied_weights: bool = False
    sigmoid_link: bool = False
    whiten: bool = False
    validation_fraction: float | None = 0.1


@dataclass
class Fitted:
    """What a fit leaves behind, in the words of the estimator's attributes."""

    net: object
    mean: np.ndarray
    n_iter: int
    loss_curve: list
    validation_loss_curve: list
    reconstruction_error: float
    pca_reconstruction_error: float
    explained_variance_ratio: np.ndarray
    components: np.ndarray | None


def fit(X, weight, task, plan, *, seed, device, warm_module=None, hook=None):
    """Return the `Fitted` autoencoder of a dense or CSR table X.

    `warm_module` is an earlier fit's network to go on from; it is not changed.
    `hook` is a callback of skorch's that follows the epochs.
    """
    generators = make_generators(seed, ("init", "split", "shuffle"))
    generators |= make_generators(seed + 1, ("dropout",), device)
    chunks = dense_chunks(X, weight)
    moments = column_moments(chunks)
    axes = principal_axes(chunks, moments, task.n_components)
    start = None
    if task.init == "pca":
        start = pca_start(moments, axes, task.n_components, tied=task.tied_weights)
    held_out = _held_out_rows(X.shape[0], task.validation_fraction, seed)
    rows, training, validation = _rows(X, weight, start, held_out, plan, device)
    if start is not None and task.sigmoid_link:
        start = fit_sigmoid_link(start, training)
    module = warm_module or task.make_module(start, generators["init"])
    net = make_net(
        module,
        task.make_criterion(module),
        plan,
        device=device,
        generators=generators,
        n_batches=-(-len(training) // plan.batch_size),
        validation=validation,
    )
    _train(net, training, validation, plan, start or warm_module, hook)
    net.release()
    code_scale = np.ones(task.n_components) if start is None else start.code_scale
    rotate_codes(
        net.module_, X, weight, code_scale, moments.mean, whiten=task.whiten
    )
    judge = np.arange(X.shape[0]) if validation is None else held_out
    return _summarise(net, X, weight, judge, moments, axes, task)


def _held_out_rows(n_samples, validation_fraction, seed):
    """Return the held-out rows' indices; none if there are too few to spare any."""
    if validation_fraction is None or n_samples < 4:
        return np.zeros(0, dtype=int)
    n_held_out = min(max(2, round(validation_fraction * n_samples)), n_samples - 2)
    order = np.random.default_rng(seed).permutation(n_samples)
    return np.sort(order[:n_held_out])


def _rows(X, weight, start, held_out, plan, device):
    """Return all rows, those to train on and those to judge by (None without any)."""
    inverse = None
    if start is not None:
        scale = start.scale.numpy()
        inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    rows = Rows(
        X,
        weight,
        mean=None if start is None else start.mean.numpy(),
        inverse_scale=inverse,
        dtype=DTYPES[plan.precision],
        device=device,
    )
    if len(held_out) == 0:
        return rows, rows, None
    kept = np.setdiff1d(np.arange(X.shape[0]), held_out, assume_unique=True)
    return rows, rows.subset(kept), rows.subset(held_out)


def _train(net, training, validation, plan, start, hook):
    """Train the net in place; with a start, the result is never worse on the judge."""
    judge = training if validation is None else validation
    if start is None:
        train(net, training, plan, monitor=_monitor(validation), hook=hook)
        return
    start_state = copy_state(net.module_)
    start_loss = mean_loss(row_losses(net, judge), judge)
    if is_linear(net.module_) and net.criterion_.loss == "squared_error":
        net.history.new_epoch()
        net.history.record("train_loss", mean_loss(row_losses(net, training), training))
        if validation is not None:
            net.history.record("valid_loss", start_loss)
        return
    train(
        net,
        training,
        plan,
        monitor=_monitor(validation),
        start_loss=start_loss if validation is not None else None,
        hook=hook,
    )
    keep_what_helps(net, start_state, judge)


def _monitor(validation):
    return "train_loss" if validation is None else "valid_loss"


def _summarise(net, X, weight, judge, moments, axes, task):
    X_judge, w_judge = X[judge], None if weight is None else weight[judge]
    history = net.history
    return Fitted(
        net=net,
        mean=moments.mean,
        n_iter=len(history),
        loss_curve=history[:, "train_loss"],
        validation_loss_curve=(
            history[:, "valid_loss"] if len(judge) < X.shape[0] else None
        ),
        reconstruction_error=_per_cell(
            _inference.squared_errors(net.module_, X_judge), X, w_judge
        ),
        pca_reconstruction_error=_per_cell(
            projection_errors(dense_chunks(X_judge), moments, axes), X, w_judge
        ),
        explained_variance_ratio=explained_variance_ratio(
            net.module_, X, weight, task.n_components
        ),
        components=linear_axes(net.module_),
    )


def _per_cell(row_errors, X, weight):
    return float(np.average(row_errors, weights=weight)) / X.shape[1]
