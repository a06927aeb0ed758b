"""Training on chunks of rows as they come, without holding the table.

Rows are trained on in the order in which they come, in batches of one size: those that
do not fill a batch wait for the next chunk. So the model does not depend on how the
stream was cut into chunks. A PCA start needs rows to be a good one: until `n_warm_up`
have been seen the model is the PCA of all of them, and they wait as well. Rows that
are all the same are no start. A column that is constant at the start is standardised by
the first batch in which it varies.
"""

import copy
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from ..data._axes import PrincipalAxes
from ..data._moments import check_squares, rounding_of
from ..data._table import Table
from ..inference import squared_errors
from ..networks._network import set_generators
from ._explained import explained_variance_ratio, spectrum
from ._fit import Fitted
from ._random import Seed
from ._rotation import code_moments, linear_axes, rotate_codes
from ._rows import Rows
from ._splits import folds
from ._start import raise_smallest
from ._training import make_net, mean_per_cell, row_losses, rows_of, start_network

WARM_UP_CELLS = 2**23
N_FOLDS = 5


@dataclass(frozen=True)
class Stream:
    """The state between two chunks. `X` and `weight` are the rows that wait."""

    seed: Seed
    fitted: Fitted | None = None
    n_warm_up: int = 0
    X: np.ndarray | None = None
    weight: np.ndarray | None = None
    axes: PrincipalAxes | None = None
    n_samples_seen: int = 0
    # Of the rows trained on: their mean weight is the unit of all.
    n_trained: int = 0
    total_weight: float = 0.0
    # The device and the state of the generator: there, noise goes on where it stopped.
    noise_state: tuple = (None, None)


@dataclass(frozen=True)
class _Verdict:
    """How well a model did on a chunk that it had not learnt from."""

    loss: float
    error: float
    pca_error: float
    judge: str


def begin_stream(task, seed, earlier=None):
    """Return the stream before its first chunk; it may go on from a `Fitted`."""
    if earlier is None:
        return Stream(seed)
    network = copy.deepcopy(earlier.net.network_).unseal()
    net = make_net(network, task, seed, n_rows=1, in_order=True).detach_training()
    fitted = replace(earlier, net=net, n_iter=0, loss_curve=[])
    return Stream(seed, fitted)


def extend_stream(stream, table, task):
    """Return the stream after one more chunk.

    The one given is not changed, but for its list of losses: that gets one more, last
    of all.
    """
    chunk = Table(table.block(slice(None)), table.weight)
    is_first = stream.fitted is None
    if is_first:
        stream = replace(stream, n_warm_up=_warm_up_rows(task))
    else:
        verdict = _judge(stream, chunk, task)
    stream = _with_rows(stream, chunk)
    if stream.n_warm_up:
        stream = _start(stream, task)
    if is_first:
        stream, verdict = _judge_first(stream, chunk, task)
    if not stream.n_warm_up:
        stream = _learn(stream, task)
    reports = stream.fitted.reports
    reports = reports | task.objective.report(stream.fitted.net.network_, chunk)
    if task.objective.has_noise and is_first:
        reports["clean_validation_loss_curve"] = None
    stream.fitted.loss_curve.append(verdict.loss)
    fitted = replace(
        stream.fitted,
        n_iter=stream.fitted.n_iter + 1,
        reconstruction_error=verdict.error,
        pca_reconstruction_error=verdict.pca_error,
        judge=verdict.judge,
        reports=reports,
    )
    if not task.plan.callbacks:
        fitted.net.network_.seal()
    return replace(stream, fitted=fitted)


def _warm_up_rows(task):
    if not task.depends_on_rows:
        return 1
    blueprint = task.blueprint
    affordable = max(256, WARM_UP_CELLS // blueprint.n_features)
    wanted = max(256, 4 * blueprint.n_features, 4 * blueprint.n_components)
    return min(wanted, affordable)


def _with_rows(stream, chunk):
    weight = np.ones(len(chunk)) if chunk.weight is None else chunk.weight
    X = chunk.X.copy()
    if stream.X is not None:
        X = np.concatenate([stream.X, X])
        weight = np.concatenate([stream.weight, weight])
    n_samples_seen = stream.n_samples_seen + len(chunk)
    n_same = _n_without_use(X, stream.n_warm_up)
    return replace(
        stream, X=X[n_same:], weight=weight[n_same:], n_samples_seen=n_samples_seen
    )


def _n_without_use(X, n_warm_up):
    """Return how many first rows to leave out, as those of a warm-up are all alike."""
    n_same = 0
    while n_warm_up > 1 and len(X) - n_same >= n_warm_up:
        rows = X[n_same : n_same + n_warm_up]
        if (rows != rows[0]).any():
            break
        n_same += n_warm_up - 1
    return n_same


def _start(stream, task):
    """Begin anew from the rows that wait; for the last time if there are enough."""
    rows = Table(stream.X, stream.weight).take(slice(stream.n_warm_up))
    is_last = len(rows) >= stream.n_warm_up
    task = task if is_last else replace(task, layers=())
    check_squares(rows.moments)
    network, reports = start_network(rows, task, stream.seed, centred=False)
    net = make_net(network, task, stream.seed, n_rows=1, in_order=True)
    net.detach_training()
    moments = rotate_codes(network, rows, task)
    ratio = explained_variance_ratio(network, moments, rows)
    fitted = Fitted(
        net=net,
        mean=rows.moments.mean,
        n_iter=stream.fitted.n_iter if stream.fitted else 0,
        loss_curve=stream.fitted.loss_curve if stream.fitted else [],
        validation_loss_curve=None,
        judge="none",
        init=task.blueprint.init,
        is_pca=task.blueprint.init == "pca",
        reconstruction_error=np.nan,
        pca_reconstruction_error=np.nan,
        explained_variance_ratio=ratio,
        components=linear_axes(network),
        reports=reports | spectrum(ratio, rows, stream.n_samples_seen),
    )
    axes = rows.axes(task.blueprint.n_components)
    n_warm_up = 0 if is_last else stream.n_warm_up
    return replace(stream, axes=axes, fitted=fitted, n_warm_up=n_warm_up)


def _judge(stream, chunk, task):
    """Return the `_Verdict` on a chunk that the model has not seen."""
    fitted = stream.fitted
    network, pca_error = fitted.net.network_, fitted.pca_reconstruction_error
    rows = rows_of(replace(chunk, sample_weight=None), network, task)
    loss = chunk.average(row_losses(fitted.net, rows))
    error = mean_per_cell(squared_errors(network, chunk), chunk)
    if stream.axes is not None:
        pca_error = mean_per_cell(stream.axes.errors(chunk), chunk)
    return _Verdict(loss, error, pca_error, "held_out")


def _judge_first(stream, chunk, task):
    """Return the stream and the `_Verdict` on its first chunk, which no model precedes.

    A start that knows the chunk is judged by what it would be without parts of it.
    """
    if not task.depends_on_rows:  # PCA's reference has one row otherwise
        stream = replace(stream, axes=chunk.axes(task.blueprint.n_components))
    verdict = _judge(stream, chunk, task)
    if len(chunk) < 2 * N_FOLDS:
        return stream, replace(verdict, judge="none")
    errors = np.empty(len(chunk))
    for held_out in folds(chunk, N_FOLDS, stream.seed):
        kept = chunk.take(np.setdiff1d(np.arange(len(chunk)), held_out))
        axes = kept.axes(task.blueprint.n_components)
        errors[held_out] = axes.errors(chunk.take(held_out))
    pca_error = mean_per_cell(errors, chunk)
    verdict = replace(verdict, pca_error=pca_error, judge="folds")
    if task.blueprint.init == "pca":
        verdict = replace(verdict, error=pca_error)
    return stream, verdict


def _learn(stream, task):
    """Train on the full batches among the rows that wait."""
    plan, n_waiting = task.plan, len(stream.X)
    n_ready = n_waiting // plan.batch_size * plan.batch_size
    if n_ready == 0:
        return stream
    ready, left = stream.weight[:n_ready], stream.weight[n_ready:]
    weight, total_weight = _in_units_of_their_mean(stream, ready, plan.batch_size)
    rows = Table(stream.X[:n_ready], weight)
    net = copy.deepcopy(stream.fitted.net)
    network = net.network_.unseal()
    generator = stream.seed.generator("noise", task.device)
    if stream.noise_state[0] == task.device:
        generator.set_state(stream.noise_state[1])
    set_generators(network, generator)
    # LBFGS: its history of earlier rows is of no use here
    net.forgetful = net.needs_closure
    net.callbacks = list(plan.callbacks)
    net.initialize_history()
    net.initialize_callbacks()
    for part in _parts(rows, network, plan.batch_size):
        _awaken(net, part.block(slice(plan.batch_size)), task)
        net.train(
            Rows(part, network, dtype=task.dtype, device=task.device, normalise=False),
            epochs=1,
        )
    if not np.isfinite(net.history[-1, "train_loss"]):
        raise FloatingPointError(
            "The loss is not finite. Lower learning_rate_init (now "
            f"{plan.learning_rate_init:g}), scale the columns of X, or use init='pca'."
        )
    net.detach_training()
    ratio = explained_variance_ratio(network, code_moments(network, rows), rows)
    fitted = replace(
        stream.fitted,
        net=net,
        is_pca=False,
        explained_variance_ratio=ratio,
        components=linear_axes(network),
        reports=stream.fitted.reports | spectrum(ratio, rows, stream.n_samples_seen),
    )
    return replace(
        stream,
        fitted=fitted,
        X=stream.X[n_ready:],
        weight=left,
        n_trained=stream.n_trained + n_ready,
        total_weight=total_weight,
        noise_state=(task.device, generator.get_state()),
    )


def _parts(rows, network, batch_size):
    """Return rows in parts that begin with a batch in which a column first varies."""
    starts = {0, len(rows)}
    if network.mean is not None:
        varies = _varies(network, rows.X)
        first = varies[:, varies.any(axis=0)].argmax(axis=0)
        starts |= set((first // batch_size * batch_size).tolist())
    return [rows.take(slice(*ends)) for ends in pairwise(sorted(starts))]


def _awaken(net, block, task):
    """Let the net learn columns that were constant before and vary in a block."""
    network = net.network_
    if network.mean is None:
        return
    wakes = _varies(network, block).any(axis=0)
    if not wakes.any():
        return
    block = block.astype(np.float64)
    device = network.scale.device
    mean = np.where(wakes, block.mean(axis=0), network.mean.cpu().numpy())
    widest = np.abs(block - mean).max(axis=0)
    scale = np.where(wakes, widest, network.scale.cpu().numpy())
    scale = np.where(wakes, raise_smallest(scale), scale)
    network.standardise_by(*(torch.tensor(x, device=device) for x in (mean, scale)))
    if network.limits is not None:
        largest = np.finfo(np.float64).max
        limits = network.limits.cpu().numpy()
        limits = np.where(wakes, [[-largest], [largest]], limits)
        network.set_limits(torch.tensor(limits, device=device))
    net.criterion_ = task.objective.criterion(network).to(device)


def _varies(network, X):
    """Return which cells of X are not the constant that their column was before."""
    varies = np.zeros(X.shape, dtype=bool)
    asleep = np.flatnonzero(network.scale.cpu().numpy() == 0)
    constant = network.mean.cpu().numpy()[asleep]
    varies[:, asleep] = np.abs(X[:, asleep] - constant) > rounding_of(constant)
    return varies


def _in_units_of_their_mean(stream, weight, batch_size):
    """Return the weights of batches over the mean of all up to each, and the total."""
    batches = weight.reshape(-1, batch_size)
    sums = batches.sum(axis=1)  # one after the other, however the stream is cut
    totals = np.cumsum(np.r_[stream.total_weight, sums])[1:]
    n_rows = stream.n_trained + batch_size * np.arange(1, len(batches) + 1)
    return (batches / (totals / n_rows)[:, None]).ravel(), float(totals[-1])
