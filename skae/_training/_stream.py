"""Training on chunks of rows as they come, without holding the table.

Rows are trained on in the order in which they come, in batches of one size: those that
do not fill a batch wait for the next chunk. So the model does not depend on how the
stream was cut into chunks. A PCA start needs rows to be a good one: until `n_warm_up`
have been seen the model is the PCA of all of them, and they wait as well.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np

from .. import _inference
from .._linear import (
    PrincipalAxes,
    column_moments,
    principal_axes,
    projection_errors,
)
from ._codes import explained_variance_ratio, linear_axes, rotate_codes
from ._fit import (
    Fitted,
    adapt,
    check_finite,
    fit_generators,
    mean_per_cell,
    standardised_rows,
    start_module,
)
from ._rows import dense_chunks
from ._threads import count_weights, threads_for
from ._train import make_net, row_losses, set_generators

WARM_UP_CELLS = 2**23


@dataclass(frozen=True)
class Stream:
    """The state between two chunks. `X` and `weight` are the rows that wait."""

    seed: int
    n_warm_up: int
    X: np.ndarray | None
    weight: np.ndarray
    axes: PrincipalAxes | None = None
    moments: object = None
    n_samples_seen: int = 0
    fitted: Fitted | None = None
    # The device and the state of the generator: there, noise goes on where it stopped.
    noise_state: tuple = (None, None)


def begin(task, plan, seed, earlier, device):
    """Return the stream before its first chunk; `earlier` is a fit to go on from."""
    stream = Stream(seed, 0, None, np.empty(0))
    if earlier is None:
        return stream
    module = copy.deepcopy(earlier.net.module_)
    net = _make_net(module, task, plan, fit_generators(seed, device), device)
    earlier = replace(earlier, net=net, n_iter=0, loss_curve=[])
    return replace(stream, fitted=earlier)


def _warm_up_rows(n_features, task):
    fixed = task.adapt is None and task.pretrain is None and not task.clamp
    if task.init != "pca" and fixed:
        return 1
    affordable = max(256, WARM_UP_CELLS // n_features)
    return min(max(256, 4 * n_features, 4 * task.n_components), affordable)


def extend(stream, X, weight, task, plan, device):
    """Return the stream after one more chunk; the one given is not changed."""
    X = X.toarray() if hasattr(X, "toarray") else X
    weight = np.ones(len(X)) if weight is None else weight
    if stream.fitted is None:
        stream = replace(stream, n_warm_up=_warm_up_rows(X.shape[1], task))
    stream = replace(
        stream,
        X=X.copy() if stream.X is None else np.concatenate([stream.X, X]),
        weight=np.concatenate([stream.weight, weight]),
        n_samples_seen=stream.n_samples_seen + len(X),
    )
    if stream.n_warm_up:
        stream = _start(stream, task, plan, device)
    n_weights = count_weights(stream.fitted.net.module_)
    with threads_for(n_weights, plan.batch_size, training=True):
        stream = _judge(stream, X, weight, plan, device)
        return stream if stream.n_warm_up else _learn(stream, task, plan, device)


def _start(stream, task, plan, device):
    """Begin anew from the rows that wait; for the last time if there are enough."""
    X, weight = stream.X[: stream.n_warm_up], stream.weight[: stream.n_warm_up]
    if len(X) < stream.n_warm_up:
        task = replace(task, pretrain=None)
    chunks = dense_chunks(X, weight)
    moments = column_moments(chunks)
    check_finite(moments)
    axes = principal_axes(chunks, moments, task.n_components)
    generators = fit_generators(stream.seed, device)
    module = start_module(X, weight, moments, axes, task, generators["init"])
    adapt(module, X, weight, moments, task)
    net = _make_net(module, task, plan, generators, device)
    if task.rotate:
        rotate_codes(module, X, weight, moments.mean, whiten=task.whiten)
    fitted = Fitted(
        net=net,
        mean=moments.mean,
        n_iter=stream.fitted.n_iter if stream.fitted else 0,
        loss_curve=stream.fitted.loss_curve if stream.fitted else [],
        validation_loss_curve=None,
        reconstruction_error=np.nan,
        pca_reconstruction_error=np.nan,
        explained_variance_ratio=explained_variance_ratio(
            module, X, weight, task.n_components
        ),
        components=linear_axes(module),
    )
    n_warm_up = stream.n_warm_up if len(X) < stream.n_warm_up else 0
    return replace(
        stream, moments=moments, axes=axes, fitted=fitted, n_warm_up=n_warm_up
    )


def _make_net(module, task, plan, generators, device):
    net = make_net(
        module,
        task.make_criterion(module),
        plan,
        device=device,
        generators=generators | {"shuffle": None},  # in order
        n_batches=1,
        validation=None,
    )
    return net.release()


def _judge(stream, X, weight, plan, device):
    """Record how well the model does on a chunk that it has not learnt from."""
    fitted = stream.fitted
    rows = standardised_rows(X, None, fitted.net.module_, plan, device)
    loss = float(np.average(row_losses(fitted.net, rows), weights=weight))
    errors = _inference.squared_errors(fitted.net.module_, X)
    pca_error = fitted.pca_reconstruction_error
    if stream.axes is not None:
        pca_errors = projection_errors(dense_chunks(X), stream.moments, stream.axes)
        pca_error = mean_per_cell(pca_errors, X, weight)
    fitted = replace(
        fitted,
        n_iter=fitted.n_iter + 1,
        loss_curve=[*fitted.loss_curve, loss],
        reconstruction_error=mean_per_cell(errors, X, weight),
        pca_reconstruction_error=pca_error,
    )
    return replace(stream, fitted=fitted)


def _learn(stream, task, plan, device):
    """Train on the full batches among the rows that wait."""
    n_ready = len(stream.X) // plan.batch_size * plan.batch_size
    if n_ready == 0:
        return stream
    X, weight = stream.X[:n_ready], stream.weight[:n_ready]
    net = copy.deepcopy(stream.fitted.net)
    generators = fit_generators(stream.seed, device)
    if stream.noise_state[0] == device:
        generators["dropout"].set_state(stream.noise_state[1])
    set_generators(net.module_, generators)
    # LBFGS: its history of earlier rows is of no use here
    net.forgetful = net.needs_closure
    net.callbacks = list(plan.callbacks)
    net.initialize_callbacks()
    net.train(standardised_rows(X, weight, net.module_, plan, device), epochs=1)
    if not np.isfinite(net.history[-1, "train_loss"]):
        raise ValueError(
            "The loss is not finite. Lower learning_rate_init (now "
            f"{plan.learning_rate_init:g}), scale the columns of X, or use init='pca'."
        )
    net.release()
    fitted = replace(
        stream.fitted,
        net=net,
        explained_variance_ratio=explained_variance_ratio(
            net.module_, X, weight, task.n_components
        ),
        components=linear_axes(net.module_),
    )
    return replace(
        stream,
        fitted=fitted,
        X=stream.X[n_ready:],
        weight=stream.weight[n_ready:],
        noise_state=(device, generators["dropout"].get_state()),
    )
