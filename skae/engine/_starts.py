"""Where training starts: at PCA, along the surface that rows lie on, or anywhere.

PCA is a saddle where what it misses has mean zero at every code, as on a roll or a
sphere: no gradient leads away. The other starts keep the network's form and its
standardisation, so that a judge can compare what becomes of each.
"""

from dataclasses import replace

import numpy as np
import torch

from ..data._geodesics import geodesic_codes
from ..data._threads import threads_for
from ..inference._tensors import as_tensor
from ..networks._build import can_leave_axes, leave_axes
from ..objectives._reconstruction import ReconstructionLoss
from ._interrupt import is_stopping
from ._solvers import make_optimizers

# Where few rows are judged by folds, a closed form takes part that is not trained.
KERNEL = "kernel_ridge"
NONLINEAR_STARTS = ("random", "manifold")
STARTS = ("pca", *NONLINEAR_STARTS, KERNEL)
# Rows between which distances along the surface are measured: 0.1 s, and they grow with
# the square.
LANDMARKS = 600
# Several starts each train for so many steps, on so many rows, before one is chosen.
SPRINT_STEPS = 200
SPRINT_BATCH = 128
SPRINT_ROWS = 8000
LESSONS = 100
LESSON_ROWS = 128
# Codes along the surface are no start if rows are this much further from the mean of
# those with codes nearby than from PCA's plane.
FLAT = 1.5
NEIGHBORS = 5
FEWEST_NEARBY = 50  # rows, of which neighbours tell anything
LESSON_RATES = {"muon": 0.03, "adamw": 0.012}
# Of the deviation of a code: the decoder learns the surface, not single rows.
BLUR = 0.03


def sprint_plan(plan, n_rows, n_all):
    """Return the plan of the short training of some rows by which starts race.

    It has a quarter of the steps at most that the long one makes of all rows.
    """
    size = min(plan.batch_size, SPRINT_BATCH)
    n_steps = min(SPRINT_STEPS, _n_steps(plan, n_all) / 4)
    n_epochs = max(1, round(n_steps * size / n_rows))
    return replace(plan, batch_size=size, max_iter=n_epochs, callbacks=[], verbose=0)


def starts_of(network, task):
    """Return the starts to train from of a network that is made from PCA."""
    starts = tuple(start for start in task.plan.starts if start != KERNEL)
    return starts if can_leave_axes(network) else ("pca",)


def move_start(kind, network, table, task, seed, lesson=None):
    """Move a network that was made from a table from PCA to another start, in place.

    `kind` is one of `STARTS`. With "manifold", encoder and decoder learn the codes
    that distances along the surface give some of the rows, as two regressions; the
    `lesson` is that `surface`, if it is known.
    """
    if kind == "pca":
        return
    leave_axes(network, seed.generator(kind))
    if kind == "manifold":
        lesson = lesson or surface(network, table, task, seed)
        teach(network, *lesson, task, seed, table.total_rows)


def surface(network, table, task, seed):
    """Return some rows U as the network takes them, and codes Z along their surface."""
    order = seed.of_rank(table.ranks).rng("landmarks").permutation(table.n_rows)
    chosen = table.take(np.sort(order[: table.share_of(LANDMARKS)])).gathered()
    X = np.asarray(chosen.block(slice(None)), dtype=np.float64)
    Z = geodesic_codes(X, task.blueprint.n_components)
    U = network.standardise(as_tensor(X).to(network.code_scale.device))
    return U.to(task.dtype), as_tensor(Z)


def racing_starts(starts, networks, lessons):
    """Return the starts without the surface, where that of each network is flat.

    The networks are at PCA, and the lessons are their `surface`.
    """
    pairs = zip(networks, lessons, strict=True)
    if all(is_flat(network, *lesson) for network, lesson in pairs):
        return [init for init in starts if init != "manifold"]
    return starts


def is_flat(network, U, Z):
    """Whether codes along the surface tell far less of the rows than PCA.

    Then they are no start: few rows, many columns or much noise hide the surface. The
    network is at PCA. A row is told by the rows with the nearest codes.
    """
    if len(Z) < FEWEST_NEARBY:
        return False
    distances = torch.cdist(Z, Z).fill_diagonal_(torch.inf)
    nearest = distances.topk(NEIGHBORS, largest=False).indices.to(U.device)
    network.eval()
    with torch.inference_mode():
        of_pca = network.decode_standardised(network.encode_standardised(U))
        missed, missed_by_pca = (
            ((U - told) * network.scale).square().sum()
            for told in (U[nearest].mean(dim=1), of_pca)
        )
    return bool(missed > FLAT * missed_by_pca)


def teach(network, U, Z, task, seed, n_all):
    """Train an encoder on rows U and codes Z, and its decoder on codes and rows.

    It may be several networks side by side, with rows and codes for each. The network
    takes codes for standardised: their deviation becomes its `code_scale`. That takes a
    third of the steps at most that the training makes of all rows.
    """
    deviation = Z.std(dim=-2, correction=0, keepdim=True)
    deviation = torch.where(deviation > 0, deviation, 1.0)
    network.code_scale.copy_(deviation.view_as(network.code_scale))
    Z = (Z / deviation).to(U)
    plan, n_rows = task.plan, U.shape[-2]
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    solver = "muon" if plan.solver == "muon" else "adamw"
    optimizers = make_optimizers(solver, weights, LESSON_RATES[solver])
    groups = [group for each in optimizers for group in each.param_groups]
    rates = [group["lr"] for group in groups]
    criterion = ReconstructionLoss(task.objective.loss, network).to(U.device)
    generator = seed.generator("lessons")
    batch_size = min(n_rows, 2 * plan.batch_size, LESSON_ROWS)
    network.eval()
    n_steps = max(1, min(LESSONS, _n_steps(plan, n_all) // 3))
    with threads_for(network.work, batch_size, training=True):
        for step in range(n_steps):
            if is_stopping():
                break
            rise = min(1.0, 0.1 + 10 * step / n_steps)
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate * rise
            rows = torch.randint(n_rows, (batch_size,), generator=generator)
            blur = torch.empty(batch_size, Z.shape[-1], dtype=torch.float32)
            blur.normal_(std=BLUR, generator=generator)
            rows, blur = rows.to(U.device), blur.to(Z)
            network.zero_grad(set_to_none=True)
            _lesson(network, criterion, U[..., rows, :], Z[..., rows, :], blur)
            for each in optimizers:
                each.step()
    network.zero_grad(set_to_none=True)
    network.train()


def _n_steps(plan, n_rows):
    return plan.max_iter * -(-n_rows // plan.batch_size)


def _lesson(network, criterion, U, Z, blur):
    missed = (network.encode_standardised(U) - Z).square().sum(dim=-1)
    missed = missed + criterion.per_row(network.decode_standardised(Z + blur), U)
    missed.mean(dim=-1).sum().backward()
