"""Judges: which rows tell what training is worth, and what is made of their verdict.

A judge is a value with one `fit`. It sees to it that nothing of a row that judges
(means, scales, axes, limits, pretrained layers) reaches the network that it judges.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..data._moments import Moments
from ..data._table import Table
from ..networks._build import perturb
from ._callbacks import SETBACKS, SLOWDOWN, BestWeights, CleanLoss, KnownLosses
from ._folds import Verdict, cross_validate
from ._interrupt import is_stopping
from ._kernel_ridge import fit_kernel_ridge
from ._net import AutoencoderNet, StopTraining
from ._ordered import BySize, errors_by_size, for_each_size, pca_errors_by_size
from ._progress import Bar
from ._resume import decided
from ._selection import CAUTION, CAUTION_OF_FEW, choose, factors_of
from ._starts import (
    KERNEL,
    SPRINT_ROWS,
    move_start,
    racing_starts,
    sprint_plan,
    starts_of,
    surface,
)
from ._training import (
    copy_state,
    interpolate,
    is_solved,
    make_net,
    mean_error,
    pca_error,
    row_losses,
    rows_of,
    start_network,
    train,
)

# That tell whether training helped, where none are held out.
JUDGE_ROWS = 10_000
# With fewer held-out rows, these only judge: the network is then trained on all rows.
ENOUGH_HELD_OUT = 50
# A network from random weights has diverged where its loss is so many times that of its
# start, and of zeros.
DIVERGED = 100.0


@dataclass(frozen=True)
class Judged:
    """A net that is as good as its judge says.

    Attributes
    ----------
    net : AutoencoderNet
        Its history says how it was trained.

    judge : {"folds", "held_out", "none"}
        What was held out to judge it.

    error, pca_error : float
        `mean_error` on the rows that judge, of this net (or of those that were judged
        in its place) and of PCA.

    reports : dict
        Of the pretraining.

    init : str
        What the net comes from.

    is_pca : bool
        Whether it is PCA, maybe within the limits of the columns.

    by_size : BySize or None
        Of an ordered code.
    """

    net: AutoencoderNet
    judge: str
    error: float
    pca_error: float
    reports: dict
    init: str
    is_pca: bool
    by_size: BySize | None = None


@dataclass(frozen=True)
class AllRows:
    """All rows are trained on, and their own errors are what is reported."""

    table: Table

    @property
    def training(self):
        """The rows that the network which is kept is trained on."""
        return self.table

    @property
    def moments(self):
        """The `Moments` of all rows."""
        return self.table.moments

    def fit(self, task, seed, *, warm=None, last=()):
        """Return what is `Judged`."""
        trained = _train(task, self.table, None, seed, warm=warm, last=last)
        net = trained.net
        if not trained.factor:
            net = start_net(task, self.table, seed, trained.factor, net)
        return Judged(
            net,
            "none",
            mean_error(net.network_, self.table, task),
            pca_error(self.table, self.table, task),
            trained.reports,
            trained.init if trained.factor else task.blueprint.init,
            not trained.factor,
            _by_size(task, net.network_, self.table, self.table),
        )


@dataclass(frozen=True)
class HoldOut:
    """Some rows are held out to judge what is learnt from the others.

    Attributes
    ----------
    training, held_out : Table

    everything : Table
        What the network may see once it is judged. If few rows are held out, they only
        judge: then the network is trained on everything, as far as they say. PCA,
        where it wins, is that of everything.

    moments : Moments
        Of all rows that the user calls training rows.
    """

    training: Table
    held_out: Table
    everything: Table
    moments: Moments

    def fit(self, task, seed, *, warm=None, last=()):
        """Return what is `Judged`."""
        again = (
            self.everything is not self.training
            and self.held_out.total_rows < ENOUGH_HELD_OUT
            and task.blueprint.init == "pca"
            and warm is None
        )
        judged = task.watched_by_nobody() if again else task
        watching = () if again else last
        trained = _train(
            judged, self.training, self.held_out, seed, warm=warm, last=watching
        )
        net, reports = trained.net, trained.reports
        of_pca = pca_error(self.training, self.held_out, task)
        error, network = mean_error(net.network_, self.held_out, task), net.network_
        if trained.factor is None:
            error, network = of_pca, None
        by_size = _by_size(task, network, self.training, self.held_out)
        if not trained.factor:
            net = start_net(task, self.everything, seed, trained.factor, net)
            if again:
                rows = rows_of(self.everything, net.network_, task)
                net.initialize_history()
                _record_start(net, rows, [trained.loss], last)
        elif again and not is_stopping():
            losses = net.history[:, "valid_loss"][: trained.n_epochs]
            followed = follow(
                task,
                self.everything,
                seed,
                trained.factor,
                losses,
                last,
                trained.init,
                trained.loss,
            )
            if not is_stopping():  # else the network that was judged is the result
                net, reports = followed
        init = trained.init if trained.factor else task.blueprint.init
        is_pca = not trained.factor
        return Judged(net, "held_out", error, of_pca, reports, init, is_pca, by_size)


@dataclass(frozen=True)
class Folds:
    """Every row is held out once, by one of some networks that are trained together.

    They tell for how many epochs to train on all rows, and how much of that to keep.
    """

    table: Table
    held_out: list  # positions, for every fold

    @property
    def training(self):
        """The rows that the network which is kept is trained on."""
        return self.table

    @property
    def moments(self):
        """The `Moments` of all rows."""
        return self.table.moments

    def fit(self, task, seed, *, warm=None, last=()):
        """Return what is `Judged`."""
        given, rate = task, task.plan.learning_rate_init
        for n_setbacks in range(SETBACKS + 1):
            slower = replace(given.plan, learning_rate_init=rate * SLOWDOWN**n_setbacks)
            task = replace(given, plan=slower)
            verdict = decided(
                partial(cross_validate, task, self.table, self.held_out, seed),
                Verdict.to_plain,
                Verdict.from_plain,
            )
            if verdict is not None:
                break
        else:  # the losses did not stay finite
            return AllRows(self.table).fit(given, seed, last=last)
        reports = {}
        if not verdict.factor or verdict.init == KERNEL:
            net = start_net(task, self.table, seed, verdict.factor)
            if verdict.init == KERNEL:
                found = fit_kernel_ridge(self.table, task.blueprint.n_components)
                found.shrunk(verdict.factor).correct(net.network_)
            rows = rows_of(self.table, net.network_, task)
            _record_start(net, rows, [verdict.loss], last)
        else:
            net, reports = follow(
                task,
                self.table,
                seed,
                verdict.factor,
                verdict.losses,
                last,
                verdict.init,
                verdict.pca_loss,
            )
            if is_stopping():  # the folds judged a longer training
                by_size = verdict.by_size and verdict.by_size.of_pca()
                verdict = replace(
                    verdict, factor=None, error=verdict.pca_error, by_size=by_size
                )
                net = start_net(task, self.table, seed, None, net)
        net.n_setbacks += n_setbacks
        init, is_pca = verdict.init if verdict.factor else "pca", not verdict.factor
        return Judged(
            net,
            "folds",
            verdict.error,
            verdict.pca_error,
            reports,
            init,
            is_pca,
            verdict.by_size,
        )


@dataclass(frozen=True)
class _Trained:
    """A net after training, and how much of the training it keeps.

    `factor` is None if PCA itself is better than any of it. `n_epochs` are those that
    led to the weights, `loss` is that of PCA, and `init` is where training started.
    """

    net: AutoencoderNet
    factor: float | None
    n_epochs: int
    reports: dict
    loss: float = 0.0
    init: str = "pca"


def _train(task, training, held_out, seed, *, warm=None, last=()):
    """Return a net trained on some rows as far as others advise, as `_Trained`.

    Without others, the rows themselves say whether training helped at all. The
    baseline is PCA, or the network to go on from.
    """
    if warm is None:
        network, reports = start_network(training, task, seed)
    else:
        network, reports = warm, {}
        task.adapt(network, training)
    rows = rows_of(training, network, task)
    validation = None if held_out is None else rows_of(held_out, network, task)
    net = make_net(
        network,
        task,
        seed,
        n_rows=training.total_rows,
        validation=validation,
        ranks=training.ranks,
    )
    if task.objective.has_noise and validation is not None:
        last = [CleanLoss(_mean_clean_loss), *last]
    monitor = "train_loss" if validation is None else "valid_loss"
    if warm is None and task.blueprint.init != "pca":
        judge = rows if validation is None else validation
        start_loss = judge.table.average(row_losses(net, judge))
        best = BestWeights(
            monitor,
            task.plan,
            start_state=copy_state(network),
            highest=_highest(start_loss, judge.table),
        )
        pca_loss = None
        if task.plan.verbose and task.objective.is_plain:
            pca_loss = pca_error(training, judge.table, task)
        train(net, rows, task.plan, last=[best, *last], pca_loss=pca_loss)
        if net.n_setbacks and not best.best_loss_ < start_loss:
            raise FloatingPointError(
                "The loss is not finite, or above that of the start, after "
                f"{len(net.history)} epochs of training with solver="
                f"{task.plan.solver!r}. Lower learning_rate_init (now "
                f"{task.plan.learning_rate_init:g}), scale the columns of X, or use "
                "init='pca'."
            )
        best.restore(net)
        return _Trained(net, 1.0, best.best_epoch_, reports, init="random")
    judge = validation
    if judge is None:
        judge = rows_of(training.spread(JUDGE_ROWS), network, task)
    return _train_from_start(net, rows, judge, task, seed, warm, monitor, last, reports)


def _highest(start_loss, table):
    """Return the loss above which a network from random weights has diverged."""
    square = float(np.mean(table.moments.scale**2 + table.moments.mean**2))
    highest = DIVERGED * (abs(start_loss) + square)
    return highest if highest > 0 else math.inf  # NaN, too, is no bound


def _train_from_start(net, rows, judge, task, seed, warm, monitor, last, reports):
    network, held_out = net.network_, net.validation is not None
    start = copy_state(network)
    baseline = _baseline(net, judge) if warm is None else judged_losses(net, judge)
    if is_solved(net):
        losses = [judge.table.average(baseline)] if held_out else []
        _record_start(net, rows, losses, last)
        return _Trained(net, None, 1, reports, judge.table.average(baseline))
    start_loss = judge.table.average(row_losses(net, judge)) if held_out else None
    perturb(network, seed.generator("perturbation"))
    init, pca_loss = "pca", None
    if warm is None:
        init = decided(partial(_race, network, rows, judge, task, seed))
        pca_loss = judge.table.average(baseline)
    best = BestWeights(monitor, task.plan, start_loss=start_loss, start_state=start)
    train(net, rows, task.plan, last=[best, *last], pca_loss=pca_loss)
    best.restore(net)
    end = copy_state(network)

    def losses_at(factor):
        network.load_state_dict(interpolate(start, end, factor))
        return judged_losses(net, judge)

    has_learnt = best.best_epoch_ > 0
    n_judges = judge.table.total_rows
    caution = CAUTION + CAUTION_OF_FEW / np.sqrt(n_judges) if held_out else 0
    factors = (*(factors_of(init) if has_learnt else ()), 0.0)
    factor, _ = choose(
        factors, losses_at, baseline, judge.table.weight, caution, judge.table.ranks
    )
    network.load_state_dict(interpolate(start, end, factor or 0.0))
    if warm is not None:
        factor = 1.0
    loss = judge.table.average(baseline)
    return _Trained(net, factor, best.best_epoch_, reports, loss, init)


def _race(network, rows, judge, task, seed):
    """Move the network to the start that a short training finds best.

    Return its name.
    """
    starts = starts_of(network, task)
    if len(starts) == 1:
        return starts[0]
    everything = rows.table
    table = everything.spread(SPRINT_ROWS)
    if table is not everything:
        rows = rows_of(table, network, task)
    plan = sprint_plan(task.plan, table.total_rows, everything.total_rows)
    short = replace(task, plan=plan)
    states, losses = [], []
    origin = copy_state(network)
    lesson = surface(network, table, task, seed.child("manifold"))
    starts = racing_starts(starts, [network], [lesson])
    with Bar(replace(task.plan, stage="starts"), len(starts), "start") as bar:
        for init in starts:
            network.load_state_dict(origin)
            move_start(init, network, everything, task, seed.child(init), lesson)
            states.append(copy_state(network))
            net = make_net(
                network,
                short,
                seed.child("sprint"),
                n_rows=table.total_rows,
                ranks=table.ranks,
            )
            train(net, rows, plan)
            loss = judge.table.average(row_losses(net, judge))
            losses.append(loss if np.isfinite(loss) else np.inf)
            bar.advance(loss=min(losses))
            if is_stopping():
                break
    first = int(np.argmin(losses))
    network.load_state_dict(states[first])
    return starts[first]


def _baseline(net, judge):
    """Return the losses of PCA itself, which knows no limits."""
    with net.network_.without_limits():
        return judged_losses(net, judge)


def judged_losses(net, rows):
    """Return what networks are compared with PCA by: `row_losses`, see `choose`."""
    return for_each_size(net.network_, lambda: row_losses(net, rows))


def _record_start(net, rows, losses, last):
    """Let an epoch pass in which nothing is trained: callbacks find it as any other.

    `losses` are those on held-out rows, none or one.
    """
    net.first_callbacks = [KnownLosses(losses)] if losses else []
    net.last_callbacks = list(last)
    net.initialize_callbacks()
    net.notify("on_train_begin", X=rows, y=None)
    with suppress(StopTraining):
        net.notify("on_epoch_begin", dataset_train=rows, dataset_valid=None)
        net.history.new_batch()  # Checkpoint looks for the last one
        net.record_loss("train_loss", rows.table.average(row_losses(net, rows)))
        net.notify("on_epoch_end", dataset_train=rows, dataset_valid=None)
    net.notify("on_train_end", X=rows, y=None)


def _mean_clean_loss(net):
    losses = row_losses(net, net.validation, noise=False)
    return net.validation.table.average(losses)


def _by_size(task, network, training, judge):
    """Return the `BySize` of an ordered network, or of PCA where it is None."""
    if not task.blueprint.ordered:
        return None
    judge, n_components = judge.spread(JUDGE_ROWS), task.blueprint.n_components
    axes = training.axes(n_components)
    n_columns = task.n_restored
    pca_errors = pca_errors_by_size(axes, n_components, judge) / n_columns
    if network is None:
        return BySize.of(pca_errors, pca_errors, judge, n_columns)
    errors = errors_by_size(network, judge) / n_columns
    return BySize.of(errors, pca_errors, judge, n_columns)


def start_net(task, table, seed, factor, earlier=None):
    """Return the net at its start, with the history of an earlier one if any.

    That is PCA within the columns' limits; if `factor` is None it is PCA itself, which
    knows none.
    """
    network, _ = start_network(table, replace(task, layers=()), seed)
    if factor is None:
        network.set_limits(None)
    net = make_net(network, task, seed, n_rows=table.total_rows, ranks=table.ranks)
    if earlier is not None:
        net.history, net.n_setbacks = earlier.history, earlier.n_setbacks
    return net


def follow(task, table, seed, factor, losses, last, init, pca_loss):
    """Return a net trained on all rows for as long as others took to their best.

    `losses` are what these had on held-out rows by epoch, and `pca_loss` what PCA had;
    `factor` says how much of the training to keep, and `init` where to start.
    """
    as_judged = task
    task = replace(task, plan=replace(task.plan, max_iter=len(losses)))
    network, reports = start_network(table, task, seed)
    net = make_net(network, task, seed, n_rows=table.total_rows, ranks=table.ranks)
    start = copy_state(network)
    rows = rows_of(table, network, task)
    perturb(network, seed.generator("perturbation"))
    move_start(init, network, table, as_judged, seed.child(init))
    best = BestWeights("train_loss", task.plan, start_state=start)
    known = KnownLosses(losses)
    train(net, rows, task.plan, first=[known], last=[best, *last], pca_loss=pca_loss)
    best.restore(net)
    network.load_state_dict(interpolate(start, copy_state(network), factor))
    return net, reports
