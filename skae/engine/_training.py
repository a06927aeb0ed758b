"""Training of one network on some rows: what judges and streams build on."""

import copy
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import torch

from ..data._group import ALONE
from ..data._threads import threads_for
from ..inference import squared_errors
from ..networks._autoencoder import Anchored
from ..networks._build import centre, is_linear
from ..networks._network import set_generators
from ..networks._noise import fixed_noise
from ..objectives._cells import CellLoss
from ..objectives._criterion import weight_penalty
from ..objectives._reconstruction import Reconstruction, ReconstructionLoss
from ._callbacks import Progress
from ._net import AutoencoderNet
from ._pretraining import pretrain
from ._random import Seed
from ._resume import train_on
from ._rows import Batches, Rows
from ._solvers import SCHEDULES, make_optimizers

ERROR_ROWS = 4096  # at a time


def start_network(table, task, seed, *, centred=True):
    """Return a new network that knows nothing but a table, and reports on its layers.

    A random one takes deviations from the mean row, if it is `centred`.
    """
    load, reports = None, {}
    if task.layers:
        load, reports = pretrain(table, task, seed.child("layers"))
    blueprint = task.blueprint
    network = blueprint.build(
        task.objective,
        blueprint.start(table),
        table,
        seed.generator("init"),
        load,
    )
    if centred:
        centre(network, torch.tensor(table.moments.mean))
    task.adapt(network, table)
    return network, reports


def make_net(
    network, task, seed, *, n_rows, validation=None, in_order=False, ranks=ALONE
):
    """Return an initialised net for a network, ready to train on so many rows.

    These are those of all `ranks`, each of which draws its own numbers.
    """
    plan, seed = task.plan, seed.of_rank(ranks)
    set_generators(network, seed.generator("noise", task.device))
    net = AutoencoderNet(
        network,
        task.objective.criterion(network),
        make_optimizers=partial(
            make_optimizers,
            plan.solver,
            learning_rate=plan.learning_rate_init,
            anchors=partial(anchors, network),
            n_rows=n_rows,
        ),
        schedule=SCHEDULES[plan.learning_rate],
        n_steps=plan.max_iter * -(-n_rows // plan.batch_size),
        penalty=make_penalty(plan.alpha, plan.l1_ratio),
        generator=None if in_order else seed.generator("shuffle"),
        autocast=torch.bfloat16 if plan.precision == "bfloat16" else None,
        batch_size=plan.batch_size,
        validation=validation,
        callbacks=list(plan.callbacks),
        verbose=0,
        device=str(task.device),
    )
    net.ranks = ranks
    net.initialize()
    if ranks.size > 1:
        _check_ranks(net)
    return net


def _check_ranks(net):
    """Raise a ValueError for what would be another on each rank."""
    found = None
    if net.needs_closure:
        found = f"solver={type(net.optimizer_).__name__}"
    elif net.has_statistics:
        found = "A layer with statistics of batches, such as BatchNorm1d,"
    if found is not None:
        raise ValueError(
            f"{found} does not work where {net.ranks.size} processes fit one "
            "estimator together: it would have to know the rows of all. Use another."
        )


def restored_net(network, task):
    """Return a net for a network that was trained elsewhere."""
    net = make_net(network, task, Seed(0), n_rows=1).detach_training()
    net.network_.seal()
    return net


def rows_of(table, network, task):
    """Return the rows of a table as a network takes them."""
    return Rows(table, network, dtype=task.dtype, device=task.device)


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


def is_solved(net):
    """Whether the start is the optimum: PCA, for a linear network with no other aim."""
    network, criterion = net.network_, net.criterion_
    return (
        is_linear(network)
        and network.mean is not None
        and isinstance(network.corruption, torch.nn.Identity)
        and type(criterion) is ReconstructionLoss
        and criterion.loss == "squared_error"
        and net.penalty is None
    )


def train(net, rows, plan, *, first=(), last=(), pca_loss=None):
    """Train for the epochs of the plan, or until something stops it.

    `first` and `last` are callbacks that are called before and after the user's. A
    bar shows `pca_loss` beside the losses.
    """
    net.first_callbacks, net.last_callbacks = list(first), list(last)
    if plan.verbose:
        net.last_callbacks.append(Progress(plan, pca_loss))
    net.initialize_callbacks()
    train_on(net, rows, plan)
    net.clear_solvers()


def row_losses(net, rows, *, noise=True):
    """Return the loss of every row in evaluation mode, as float64 numpy array.

    What training corrupts is corrupted here too, every time alike, unless `noise` is
    False.
    """
    net._set_training(False)
    noise = fixed_noise(net.network_) if noise else nullcontext()
    with torch.inference_mode(), threads_for(net.network_.work, len(rows)), noise:
        losses = [
            net.criterion_.per_row(net.infer(U), U) for U, _ in net.get_iterator(rows)
        ]
    return torch.cat(losses).double().cpu().numpy() * net.criterion_.unit


def mean_error(network, table, task):
    """Return the mean error per cell, free of noise: of mixed tables their `CellLoss`.

    Of others it is the squared error.
    """
    if not task.counts_cells:
        return mean_per_cell(squared_errors(network, table), table)
    return table.average(cell_errors(network, table, task))


def cell_errors(network, table, task):
    """Return every row's error by the `CellLoss` of a mixed table."""
    loss = CellLoss(network.shares, network.scale, task.dtype)
    rows = rows_of(table, network, task)
    network.eval()
    with torch.inference_mode(), threads_for(network.work, len(rows)):
        errors = [
            loss.errors(_output(network, U), U) for U, _ in Batches(rows, ERROR_ROWS)
        ]
    return torch.cat(errors).double().cpu().numpy()


def _output(network, U):
    """Return reconstructions as the loss of cells takes them."""
    output = network.decode_standardised(network.encode_standardised(U))
    if network.output_activation.function == "identity":
        return output
    return network.standardise(network.restore_units(output))


def pca_error(training, judge, task):
    """Return the same of the PCA of some rows on others."""
    if not task.counts_cells:
        axes = training.axes(task.blueprint.n_components)
        return mean_per_cell(axes.errors(judge), judge)
    return judge.average(pca_cell_errors(training, judge, task))


def pca_cell_errors(training, judge, task):
    """Return what `cell_errors` are of the PCA of some rows on others."""
    linear = replace(
        task.blueprint,
        init="pca",
        hidden_layer_sizes=(),
        architecture=None,
        code_activation="identity",
        output_activation="clamp",
        tied_weights=False,
        ordered=False,
    )
    plain = replace(task, blueprint=linear, objective=Reconstruction(), layers=())
    network, _ = start_network(training, plain, Seed(0))
    with network.without_limits():
        return cell_errors(network, judge, plain)


def copy_state(module):
    """Return a copy of the module's weights and buffers."""
    return copy.deepcopy(module.state_dict())


def interpolate(start, end, factor):
    """Return the state dict at start + factor (end - start)."""
    return {
        name: start[name].lerp(value, factor) if value.is_floating_point() else value
        for name, value in end.items()
    }


def mean_per_cell(row_errors, table):
    """Return the weighted mean of rows' summed squares, per column."""
    return table.average(row_errors) / table.n_columns
