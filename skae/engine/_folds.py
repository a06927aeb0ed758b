"""Cross-validation of a training: the networks of all folds, trained side by side.

There is one for each fold and each start. Each of their layers is one batched product,
so a step of all takes little longer than a step of one. Each network is made of the
rows that it is to see, and of these alone.
"""

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from ..data._threads import threads_for
from ..inference._tensors import as_tensor
from ..networks._build import leave_axes
from ..networks._network import set_generators
from ..networks._noise import fixed_noise, has_noise
from ..networks._side_by_side import can_stand_side_by_side, load_one, side_by_side
from ._rows import STANDARDISED_COPY_LIMIT
from ._selection import CAUTION_OF_FEW, Patience, choose, factors_of
from ._solvers import SCHEDULES, make_optimizers
from ._starts import starts_of, surface, teach
from ._training import start_network

N_FOLDS = 5
FEWEST_ROWS = 20
CAUTION = 2.0  # as in `_judges`; rows that share a network are not independent
AVERAGED = 8  # about the last eighth of the steps so far (Shamir and Zhang, 2013)
DRAWN_ROWS = 1000
MOST_WEIGHTS = 2**17  # of a network; with more, five take five times as long as one
ELEMENTWISE = ("adamw", "adam", "nadam", "radam", "rmsprop", "adagrad", "sgd")


@dataclass(frozen=True)
class Verdict:
    """What the folds found: where to start, how long to train, the `factor` to keep.

    `losses` are those on held-out rows by epoch, `loss` is what the factor leaves.
    `error` and `pca_error` are squared errors per cell there.
    """

    init: str
    factor: float | None
    losses: list
    loss: float
    error: float
    pca_error: float


def can_cross_validate(task, table):
    """Whether the networks of folds can be trained side by side."""
    blueprint, plan = task.blueprint, task.plan
    return (
        table.n_rows >= FEWEST_ROWS
        and N_FOLDS * 4 * table.n_rows * table.n_columns <= STANDARDISED_COPY_LIMIT
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
    """Return the `Verdict` of networks that start from PCAs of their own rows.

    `held_out` are the positions that each fold holds out. None if losses do not stay
    finite.
    """
    folds = _Folds(task, table, held_out, seed)
    n_networks = len(folds.kept)
    with threads_for(
        n_networks * folds.networks.work, task.plan.batch_size, training=True
    ):
        origin, baseline = folds.weights.clone(), folds.losses(limits=False)[0]
        courses = _train(folds, task.plan)
        found = np.isfinite([course.losses for course in courses]).all()

        def losses_at(choice):
            folds.weights.copy_(choice.weights(origin))
            return folds.losses()[choice.course.place]

        choice, gain = choose(
            [choice for course in courses for choice in course.choices()],
            losses_at,
            baseline,
            table.weight,
            caution=_caution(baseline, table.weight),
        )
        pca_error = error = table.average(folds.pca_errors)
        if choice is None:
            choice = _Choice(courses[0], None)
        else:
            losses_at(choice)
            error = table.average(folds.errors()[choice.course.place])
    if not found:
        return None
    course = choice.course
    return Verdict(
        course.init,
        choice.factor,
        course.losses[: course.n_epochs],
        table.average(baseline) - gain,
        error,
        pca_error,
    )


def _caution(losses, weight):
    shares = losses if weight is None else weight * losses
    if not shares.any():
        return CAUTION
    n_judges = shares.sum() ** 2 / (shares**2).sum()  # few, if a few rows lose most
    return CAUTION + CAUTION_OF_FEW / np.sqrt(n_judges)


@dataclass
class _Course:
    """How the networks fared that set out from one of the starts.

    `best` are the weights of all networks after the best epoch, or None if none is
    better than PCA.
    """

    init: str
    place: int
    best_loss: float
    losses: list = field(default_factory=list)
    n_epochs: int = 0
    best: torch.Tensor | None = None

    def choices(self):
        """Return what may be kept of it; PCA is a choice of the first alone."""
        factors = () if self.best is None else factors_of(self.init)
        start = (0.0,) if self.place == 0 else ()
        return [_Choice(self, factor) for factor in (*factors, *start)]


@dataclass(frozen=True)
class _Choice:
    """A factor to keep of a course; see `choose`."""

    course: _Course
    factor: float | None

    def weights(self, origin):
        """Return the weights of all networks for it."""
        return origin.lerp(self.course.best, self.factor) if self.factor else origin


def _train(folds, plan):
    """Return the `_Course` from each start."""
    pca_loss = folds.mean_losses()[0]
    courses = [_Course(init, i, pca_loss) for i, init in enumerate(folds.starts)]
    n_warm_up = folds.criterion.n_warm_up
    patience = Patience(plan, n_warm_up, pca_loss)
    for epoch in folds.epochs(plan):
        losses = folds.mean_losses()
        for course, loss in zip(courses, losses, strict=True):
            course.losses.append(loss)
            is_warm = np.isfinite(loss) and epoch <= n_warm_up
            if not is_warm and loss < course.best_loss:
                course.n_epochs, course.best_loss = epoch, loss
                course.best = folds.weights.clone()
        if patience.is_over(epoch, min(losses)):
            break
    return courses


class _Folds:
    """The networks of all folds, the rows to train them on and those to judge them.

    They stand in the order of the starts, and those of one start in that of the folds.
    """

    def __init__(self, task, table, held_out, seed):
        everything = np.arange(table.n_rows)
        kept = [np.setdiff1d(everything, positions) for positions in held_out]
        tables = [table.take(positions) for positions in kept]
        networks = [start_network(part, task, seed)[0] for part in tables]
        self.table = table
        self.device = task.device
        self.pca_errors = _pca_errors(table, tables, held_out, task.blueprint)
        self.starts = starts_of(networks[0], task)
        self.kept = _places(kept).repeat(len(self.starts), 1)
        self.held_out = _places(held_out).repeat(len(self.starts), 1)
        self.generator = seed.generator("folds")
        self.noise = seed.generator("noise", self.device)
        self.U = _standardised(networks, table).to(self.device, task.dtype)
        self.networks = _from_all_starts(self.starts, networks, tables, task, seed)
        self.criterion = task.objective.criterion(self.networks).to(self.device)
        self.weight = None
        if table.weight is not None:
            weight = torch.as_tensor(table.weight / table.weight.mean())
            self.weight = weight.to(self.device, task.dtype)
        self.weights = _in_one(self.networks)
        # Where chance is part of the loss, several draws of it judge each row.
        self.n_draws = 1
        if has_noise(self.networks):
            self.n_draws = max(1, DRAWN_ROWS // table.n_rows)

    def losses(self, *, limits=True):
        """Return the loss of every row, (n_starts, n_rows), from networks new to it."""
        networks, kept = self.networks, self.networks.limits
        networks.limits = kept if limits else None
        self.criterion.eval()
        places = self.held_out.repeat(1, self.n_draws)
        with torch.inference_mode(), fixed_noise(networks):
            found = self._losses_at(networks, places)[0] * self.criterion.unit
        networks.limits = kept
        return self._by_row(found.unflatten(1, (self.n_draws, -1)).mean(dim=1))

    def errors(self):
        """Return the squared error per cell of every row, free of noise."""
        networks, U = self.networks, self._rows_at(self.held_out)
        with torch.inference_mode():
            Z = networks.encode_standardised(U)
            residual = (networks.decode_standardised(Z) - U) * networks.scale
        return self._by_row(residual.square().mean(dim=-1))

    def _by_row(self, found):
        """Return what was found at the places held out as one value per row."""
        n_starts = len(self.starts)
        values = np.empty((n_starts, self.table.n_rows))
        places = self.held_out.chunk(n_starts)[0].numpy()
        values[:, places] = found.double().cpu().numpy().reshape(n_starts, *places.shape)
        return values

    def mean_losses(self):
        """Return the mean loss of all rows, for each start."""
        return [self.table.average(losses) for losses in self.losses()]

    def epochs(self, plan):
        """Train epoch after epoch, and yield the number of each.

        What is judged is an average of the last weights: that comes closest to what a
        falling learning rate would make of them.
        """
        trained = copy.deepcopy(self.networks).train()
        set_generators(trained, self.noise)
        weights = nn.Parameter(_in_one(trained))
        weights.grad = torch.zeros_like(weights)
        _add_gradients_to(weights.grad, trained)
        (optimizer,) = make_optimizers(plan.solver, [weights], plan.learning_rate_init)
        schedule = SCHEDULES[plan.learning_rate] or (lambda progress: 1.0)
        n_batches = -(-self.kept.shape[1] // plan.batch_size)
        for epoch in range(plan.max_iter):
            self.criterion.train().begin_epoch(epoch)
            order = torch.rand(self.kept.shape, generator=self.generator).argsort()
            batches = self.kept.gather(1, order).tensor_split(n_batches, dim=1)
            for step, places in enumerate(batches, start=epoch * n_batches):
                factor = schedule(step / (plan.max_iter * n_batches))
                optimizer.param_groups[0]["lr"] = plan.learning_rate_init * factor
                weights.grad.zero_()
                losses, weight = self._losses_at(trained, places)
                losses = losses if weight is None else losses * weight
                losses.mean(dim=1).sum().backward()
                optimizer.step()
                share = (AVERAGED + 1) / (step + AVERAGED + 1)
                self.weights.lerp_(weights.detach(), share)
            yield epoch + 1

    def _losses_at(self, networks, places):
        """Return losses and weights of the rows at one row of places per network."""
        U = self._rows_at(places)
        losses = self.criterion.per_row(networks.propagate(U), U)
        return losses, None if self.weight is None else self.weight[places]

    def _rows_at(self, places):
        # One gather from the tables of all folds, one after the other.
        places = places.to(self.device)
        fold = torch.arange(len(places), device=self.device) % len(self.U)
        start = fold[:, None] * len(self.table)
        flat = self.U.flatten(0, 1).index_select(0, (places + start).flatten())
        return flat.unflatten(0, places.shape)


def _from_all_starts(starts, networks, tables, task, seed):
    """Return networks like those of PCA, from all starts, side by side."""
    together = []
    for init in starts:
        moved = [copy.deepcopy(network) for network in networks]
        seed_of_start = seed.child(init)
        if init != "pca":
            for network in moved:
                leave_axes(network, seed_of_start.generator(init))
        if init == "manifold":
            _teach_together(moved, tables, task, seed_of_start)
        together += moved
    return side_by_side(together).to(task.device).eval()


def _teach_together(networks, tables, task, seed):
    """Teach networks the surfaces of their own rows; see `move_start`."""
    lessons = [
        surface(network, table, task, seed)
        for network, table in zip(networks, tables, strict=True)
    ]
    n_rows = min(len(U) for U, _ in lessons)
    U, Z = (torch.stack([part[:n_rows] for part in parts]) for parts in zip(*lessons, strict=True))
    together = side_by_side(networks)
    together.work = len(networks) * networks[0].work
    teach(together, U, Z, task, seed)
    for place, network in enumerate(networks):
        load_one(network, together, place)


def _pca_errors(table, tables, held_out, blueprint):
    """Return the squared error per cell of every row's PCA, that of the other folds."""
    errors = np.empty(table.n_rows)
    for part, positions in zip(tables, held_out, strict=True):
        axes = part.axes(blueprint.n_components)
        errors[positions] = axes.errors(table.take(positions)) / table.n_columns
    return errors


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
