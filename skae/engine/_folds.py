"""Cross-validation of a training: the networks of all folds, trained side by side.

There is one for each fold and each start. Each of their layers is one batched product,
so a step of all takes little longer than a step of one. Each network is made of the
rows that it is to see, and of these alone.
"""

import copy
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..data._threads import threads_for
from ..inference._tensors import as_tensor
from ..networks._build import leave_axes
from ..networks._network import set_generators
from ..networks._noise import fixed_noise, has_noise
from ..networks._side_by_side import (
    can_stand_side_by_side,
    joined,
    side_by_side,
)
from . import _splits
from ._averaging import share_of_last
from ._interrupt import is_stopping
from ._kernel_ridge import fit_kernel_ridge
from ._ordered import BySize, for_each_size, pca_errors_by_size
from ._progress import Bar
from ._rows import STANDARDISED_COPY_LIMIT
from ._selection import CAUTION, CAUTION_OF_FEW, FACTORS, Patience, choose, factors_of
from ._solvers import SCHEDULES, make_optimizers
from ._starts import (
    KERNEL,
    STARTS,
    racing_starts,
    sprint_plan,
    starts_of,
    surface,
    teach,
)
from ._training import pca_cell_errors, start_network

N_FOLDS = 5
# Of these, by which starts race: all take longer, and seldom choose another.
RACING_FOLDS = 2
FEWEST_ROWS = 20
# Of networks, of which the judges have chosen start and epoch, too; and rows that share
# a network are not independent.
CAUTION_OF_NETWORKS = 2.0
DRAWN_ROWS = 1000
MOST_WEIGHTS = 2**17  # of a network; with more, five take five times as long as one
# Of closed forms there are more folds, each with more rows, where few rows allow it.
MOST_FOLDS = 20
KERNEL_WORK = 20 * 200**3
ELEMENTWISE = ("adamw", "adam", "nadam", "radam", "rmsprop", "adagrad", "sgd")


@dataclass(frozen=True)
class Verdict:
    """What the folds found: where to start, how long to train, the `factor` to keep.

    `losses` are those on held-out rows by epoch, `loss` is what the factor leaves, and
    `pca_loss` that of PCA. `error` and `pca_error` are squared errors per cell there,
    `by_size` those of the first codes, if these are ordered.
    """

    init: str
    factor: float | None
    losses: list
    loss: float
    pca_loss: float
    error: float
    pca_error: float
    by_size: BySize | None = None

    @staticmethod
    def to_plain(verdict):
        """Return a verdict, or None, as a dict of numbers and arrays."""
        return verdict and asdict(verdict)

    @classmethod
    def from_plain(cls, plain):
        """Return what `to_plain` was given."""
        if plain is None:
            return None
        by_size = plain["by_size"]
        found = cls(**plain | {"by_size": by_size and BySize(**by_size)})
        numbers = found.loss, found.pca_loss, found.error, found.pca_error
        are_losses = all(isinstance(loss, float) for loss in (*numbers, *found.losses))
        if found.init not in STARTS or not are_losses:
            raise ValueError("its verdict cannot be")
        return found


def can_cross_validate(task, table):
    """Whether the networks of folds can be trained side by side."""
    blueprint, plan = task.blueprint, task.plan
    return (
        table.total_rows >= FEWEST_ROWS
        and N_FOLDS * 4 * table.total_rows * table.n_columns <= STANDARDISED_COPY_LIMIT
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
    """Return the `Verdict` of networks that start from their own rows alone.

    `held_out` are the positions that each fold holds out. None if losses do not stay
    finite.
    """
    rows = _Rows(task, table, held_out)
    networks = [start_network(part, task, seed)[0] for part in rows.tables]
    rows.standardise_by(networks)
    work = len(networks) * networks[0].work
    with threads_for(work, task.plan.batch_size, training=True):
        stack = side_by_side(networks).to(task.device)
        pca = _Folds(task, rows, stack, seed)
        start, baseline = pca.weights.clone(), pca.judged_losses(limits=False)
        pca_errors = rows.pca_errors
        start_loss = table.average(pca.losses()[0])
        init, stack = _race(task, rows, networks, stack, seed)
        folds = _Folds(task, rows, stack, seed)
        n_epochs, best, losses = _train(
            folds, task.plan, start_loss, table.average(baseline)
        )

        def losses_at(factor):
            folds.weights.copy_(start.lerp(best, factor) if factor else start)
            return folds.judged_losses()

        # The networks of a training that was cut short are no model for another.
        factors = () if best is None or is_stopping() else factors_of(init)
        few = CAUTION_OF_FEW / np.sqrt(_n_judges(baseline, table.weight))
        factor, gain = choose(
            (*factors, 0.0),
            losses_at,
            baseline,
            table.weight,
            CAUTION_OF_NETWORKS + few,
        )
        kernels = _kernels_of_many_folds(task, table, seed)
        closed, closed_gain = _closed_form(kernels, table, CAUTION + few)
        if factor is not None and closed is not None:
            rivals = {factor: losses_at(factor)}
            fair = _kernels(task, table, rows.tables, held_out, rows.pca_errors)
            if fair is not None:
                rivals[KERNEL] = baseline - fair.gains(closed)
            better, _ = choose(
                rivals, rivals.get, baseline, table.weight, CAUTION + few
            )
            closed = closed if better == KERNEL else None
        pca_error = error = table.average(pca_errors)
        by_size = pca_by_size = _pca_errors_by_size(table, rows.tables, held_out, task)
        if closed is not None:
            init, factor, gain = KERNEL, closed, closed_gain
            pca_error = table.average(kernels.pca_errors)
            error = pca_error - gain
        elif factor is not None:
            losses_at(factor)
            error = table.average(folds.errors()[0])
            if by_size is not None:
                by_size = folds.errors_by_size()
    if not np.isfinite(losses).all():
        return None
    pca_loss = table.average(baseline)
    if by_size is not None:
        by_size = BySize.of(by_size, pca_by_size, table, task.n_restored)
    return Verdict(
        init,
        factor,
        losses[:n_epochs],
        pca_loss - gain,
        pca_loss,
        error,
        pca_error,
        by_size,
    )


def _n_judges(losses, weight):
    """Return how many rows judge; they are few if a few rows lose most."""
    losses = losses if losses.ndim == 1 else losses.mean(axis=1)
    shares = losses if weight is None else weight * losses
    largest = shares.max()
    if not 0 < largest < np.inf:
        return np.inf
    shares = shares / largest  # squares of squares may underflow
    return shares.sum() ** 2 / (shares**2).sum()


def _race(task, rows, networks, pca, seed):
    """Return the start that a short training finds best, and networks at it.

    `networks` are at PCA; `pca` has them side by side. Those of a few folds race.
    """
    starts = starts_of(networks[0], task)
    if len(starts) == 1:
        return starts[0], pca
    few, others = slice(RACING_FOLDS), slice(RACING_FOLDS, None)
    lessons = _lessons(networks[few], rows.tables[few], task, seed.child("manifold"))
    starts = racing_starts(starts, networks[few], lessons)
    stacks = [
        _moved(init, networks[few], rows.tables[few], task, seed.child(init), lessons)
        for init in starts
    ]
    racing = rows.of(few)
    folds = _Folds(task, racing, joined(stacks), seed.child("sprint"))
    plan = sprint_plan(task.plan, folds.n_kept, folds.n_kept)
    with Bar(replace(task.plan, stage="starts in folds"), plan.max_iter) as bar:
        for _ in folds.epochs(plan):
            bar.advance()
    judges = racing.held_out.flatten().unique().numpy()
    table = rows.table.take(judges)
    losses = [table.average(losses[judges]) for losses in folds.losses()]
    first = int(np.argmin(np.nan_to_num(losses, nan=np.inf)))
    init, stacks = starts[first], [stacks[first]]
    if init == "pca":
        return init, pca
    if networks[others]:  # two groups have two folds
        others = networks[others], rows.tables[others]
        stacks.append(_moved(init, *others, task, seed.child(init)))
    return init, joined(stacks)


def _lessons(networks, tables, task, seed):
    """Return the `surface` of each network's rows."""
    pairs = zip(networks, tables, strict=True)
    return [surface(network, table, task, seed) for network, table in pairs]


def _moved(init, networks, tables, task, seed, lessons=None):
    """Return networks at PCA moved to a start, side by side."""
    if init != "pca":
        networks = copy.deepcopy(networks)
        for network in networks:
            leave_axes(network, seed.generator(init))
    stack = side_by_side(networks).to(task.device)
    if init == "manifold":
        lessons = lessons or _lessons(networks, tables, task, seed)
        n_rows = min(len(U) for U, _ in lessons)
        U, Z = (
            torch.stack([part[:n_rows] for part in parts])
            for parts in zip(*lessons, strict=True)
        )
        stack.work = len(networks) * networks[0].work
        teach(stack, U.to(task.device), Z, task, seed, tables[0].n_rows)
    return stack


def _train(folds, plan, start_loss, pca_loss):
    """Return the best epoch, the weights after it and the loss of every epoch.

    If none is better than PCA, whose loss is `start_loss`, that is epoch 0, without
    weights.
    """
    best_epoch, best, best_loss, losses = 0, None, start_loss, []
    n_warm_up = folds.criterion.n_warm_up
    patience = Patience(plan, n_warm_up, best_loss)
    with Bar(replace(plan, stage="folds"), plan.max_iter) as bar:
        for epoch in folds.epochs(plan):
            loss = folds.rows.table.average(folds.losses()[0])
            losses.append(loss)
            bar.advance(validation_loss=loss, pca=pca_loss)
            if np.isfinite(loss) and epoch <= n_warm_up:
                continue
            if loss < best_loss:
                best_epoch, best, best_loss = epoch, folds.weights.clone(), loss
            if patience.is_over(epoch, loss):
                break
    return best_epoch, best, losses


class _Rows:
    """Which rows the networks of the folds are trained on and which judge them."""

    def __init__(self, task, table, held_out):
        kept = _kept(table, held_out)
        self.table, self.task = table, task
        self.tables = [table.take(positions) for positions in kept]
        self.pca_errors = _pca_errors(table, self.tables, held_out, task)
        self.kept, self.held_out = _places(kept), _places(held_out)
        self.weight = None
        if table.weight is not None:
            weight = torch.as_tensor(table.weight / table.weight.mean())
            self.weight = weight.to(task.device, task.dtype)

    def of(self, folds):
        """Return those of some folds, which a slice chooses."""
        part = copy.copy(self)
        part.tables, part.U = self.tables[folds], self.U[folds]
        part.kept, part.held_out = self.kept[folds], self.held_out[folds]
        return part

    def standardise_by(self, networks):
        """Keep all rows as each fold's network takes them."""
        self.U = _standardised(networks, self.table)
        self.U = self.U.to(self.task.device, self.task.dtype)

    def at(self, places):
        """Return rows, (n_networks, n_places, n_columns), and their weights or None.

        `places` has a row for each network; these stand in the order of the folds,
        which may be repeated.
        """
        # One gather from the tables of all folds, one after the other.
        places = places.to(self.U.device)
        fold = torch.arange(len(places), device=places.device) % len(self.U)
        start = fold[:, None] * len(self.table)
        flat = self.U.flatten(0, 1).index_select(0, (places + start).flatten())
        weight = None if self.weight is None else self.weight[places]
        return flat.unflatten(0, places.shape), weight


class _Folds:
    """Networks side by side: one for each fold, or several, one fold after the other.

    What is found for rows has the shape (n_networks / n_folds, n_rows).
    """

    def __init__(self, task, rows, stack, seed):
        self.rows = rows
        self.networks = stack.eval()
        self.weights = _in_one(stack)
        n_networks = len(next(stack.parameters()))
        self.n_repeats = n_networks // len(rows.kept)
        self.kept = rows.kept.repeat(self.n_repeats, 1)
        self.held_out = rows.held_out.repeat(self.n_repeats, 1)
        self.generator = seed.generator("folds")
        self.noise = seed.generator("noise", task.device)
        self.criterion = task.objective.criterion(stack).to(task.device)
        # Where chance is part of the loss, several draws of it judge each row.
        self.n_draws = 1
        if has_noise(stack):
            self.n_draws = max(1, DRAWN_ROWS // rows.table.n_rows)

    @property
    def n_kept(self):
        """How many rows each network is trained on."""
        return self.kept.shape[1]

    def losses(self, *, limits=True):
        """Return the loss of every row, from the networks that have not seen it."""
        networks = self.networks
        self.criterion.eval()
        places = self.held_out.repeat(1, self.n_draws)
        limits = nullcontext() if limits else networks.without_limits()
        with torch.inference_mode(), fixed_noise(networks), limits:
            found = self._losses_at(networks, places)[0] * self.criterion.unit
        return self._by_row(found.unflatten(1, (self.n_draws, -1)).mean(dim=1))

    def judged_losses(self, *, limits=True):
        """Return what networks, one for each fold, are compared with PCA by."""
        return for_each_size(self.networks, lambda: self.losses(limits=limits)[0])

    def errors(self):
        """Return every row's error per cell, free of noise; see `mean_error`."""
        networks, U = self.networks, self.rows.at(self.held_out)[0]
        with torch.inference_mode():
            Z = networks.encode_standardised(U)
            if networks.prefix is not None:
                Z = networks.prefix(Z)
            output = networks.decode_standardised(Z)
            if self.criterion.cells is not None:
                return self._by_row(self.criterion.cells.errors(output, U))
            residual = (output - U) * networks.scale
        return self._by_row(residual.square().mean(dim=-1))

    def errors_by_size(self):
        """Return the same with the first codes alone, (n_rows, n_components)."""
        prefix, columns = self.networks.prefix, []
        for n_first in range(1, prefix.n_components + 1):
            with prefix.holding(n_first):
                columns.append(self.errors()[0])
        return np.stack(columns, axis=1)

    def _by_row(self, found):
        """Return what was found at the places held out as one value per row."""
        places = self.rows.held_out
        values = np.full((self.n_repeats, self.rows.table.n_rows), np.nan)
        found = found.unflatten(0, (self.n_repeats, len(places)))
        values[:, places.numpy()] = found.double().cpu().numpy()
        return values

    def epochs(self, plan):
        """Train epoch after epoch, and yield the number of each.

        An epoch that is interrupted is the end, and not yielded. What is judged is an
        average of the last weights.
        """
        trained = copy.deepcopy(self.networks).train()
        set_generators(trained, self.noise)
        weights = nn.Parameter(_in_one(trained))
        weights.grad = torch.zeros_like(weights)
        _add_gradients_to(weights.grad, trained)
        (optimizer,) = make_optimizers(plan.solver, [weights], plan.learning_rate_init)
        schedule = SCHEDULES[plan.learning_rate] or (lambda progress: 1.0)
        n_batches = -(-self.rows.table.total_rows // plan.batch_size)
        for epoch in range(plan.max_iter):
            self.criterion.train().begin_epoch(epoch)
            order = torch.rand(
                self.kept.shape, generator=self.generator, dtype=torch.float32
            ).argsort()
            batches = self.kept.gather(1, order).tensor_split(n_batches, dim=1)
            for step, places in enumerate(batches, start=epoch * n_batches):
                factor = schedule(step / (plan.max_iter * n_batches))
                optimizer.param_groups[0]["lr"] = plan.learning_rate_init * factor
                weights.grad.zero_()
                losses, weight = self._losses_at(trained, places)
                losses = losses if weight is None else losses * weight
                losses.mean(dim=1).sum().backward()
                optimizer.step()
                self.weights.lerp_(weights.detach(), share_of_last(step + 1))
                if is_stopping():
                    return
            yield epoch + 1

    def _losses_at(self, networks, places):
        """Return losses and weights of the rows at one row of places per network."""
        U, weight = self.rows.at(places)
        return self.criterion.per_row(networks.propagate(U), U), weight


def _pca_errors(table, tables, held_out, task):
    """Return the error per cell of every row's PCA, that of the other folds."""
    errors = np.empty(table.n_rows)
    for part, positions in zip(tables, held_out, strict=True):
        judge = table.take(positions)
        if task.counts_cells:
            errors[positions] = pca_cell_errors(part, judge, task)
        else:
            axes = part.axes(task.blueprint.n_components)
            errors[positions] = axes.errors(judge) / table.n_columns
    return errors


def _pca_errors_by_size(table, tables, held_out, task):
    """Return the same with the first components alone, where codes are ordered."""
    if not task.blueprint.ordered:
        return None
    n_components = task.blueprint.n_components
    errors = np.empty((table.n_rows, n_components))
    for part, positions in zip(tables, held_out, strict=True):
        axes, judge = part.axes(n_components), table.take(positions)
        errors[positions] = pca_errors_by_size(axes, n_components, judge)
    return errors / task.n_restored


@dataclass(frozen=True)
class _Kernels:
    """Kernel ridge regressions, judged by rows that neither they nor PCA have seen.

    Attributes
    ----------
    table : Table

    parts : list of (KernelRidge, ndarray or None, ndarray)
        For each fold, the limits it keeps to and the positions that it holds out.

    pca_errors : ndarray of shape (n_rows,)
        Squared errors per cell of PCA.
    """

    table: object
    parts: list
    pca_errors: np.ndarray

    def gains(self, factor):
        """Return by how much each row's error is below PCA's if so much is kept."""
        errors = np.empty(self.table.n_rows)
        for found, limits, positions in self.parts:
            judge = self.table.take(positions)
            errors[positions] = found.shrunk(factor).errors(judge, limits)
        return self.pca_errors - errors / self.table.n_columns


def _closed_form(kernels, table, caution):
    """Return how much to keep of kernel ridge regressions, or None, and the gain."""
    if kernels is None:
        return None, 0.0
    baseline = kernels.pca_errors
    return choose(
        FACTORS,
        lambda factor: baseline - kernels.gains(factor),
        baseline,
        table.weight,
        caution,
    )


def _kernels_of_many_folds(task, table, seed):
    """Return the `_Kernels` of more folds than networks have, or None.

    They take no part in every task, and need something to learn.
    """
    if KERNEL not in task.plan.starts or not task.objective.is_plain:
        return None
    if task.counts_cells:  # it has no shares
        return None
    if fit_kernel_ridge(table, task.blueprint.n_components) is None:
        return None  # of what rounding leaves in a part there is nothing to learn
    n_folds = int(np.clip(KERNEL_WORK / table.n_rows**3, N_FOLDS, MOST_FOLDS))
    held_out = _splits.folds(table, n_folds, seed)
    tables = [table.take(positions) for positions in _kept(table, held_out)]
    pca_errors = _pca_errors(table, tables, held_out, task)
    return _kernels(task, table, tables, held_out, pca_errors)


def _kernels(task, table, tables, held_out, pca_errors):
    """Return the `_Kernels` of the folds' tables; None if one has nothing to learn."""
    blueprint, parts = task.blueprint, []
    for part, positions in zip(tables, held_out, strict=True):
        found = fit_kernel_ridge(part, blueprint.n_components)
        if found is None:
            return None
        limits = part.moments.limits if blueprint.clamps else None
        parts.append((found, limits, positions))
    return _Kernels(table, parts, pca_errors)


def _kept(table, held_out):
    """Return the positions that each fold leaves."""
    everything = np.arange(table.n_rows)
    return [np.setdiff1d(everything, positions) for positions in held_out]


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
