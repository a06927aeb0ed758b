"""Optimisers by name, and learning rates as a function of the step."""

import inspect
import math

import torch

from ._muon import WEIGHT_DECAY, Muon

SOLVERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "sgd": torch.optim.SGD,
}
ADAMW_BESIDE_MUON = 0.15  # of Muon's rate, for what is not a matrix
# What corrects a linear map may shrink more than a network that stands alone, where
# rows are few for its weights: test errors on tables and images fall by some percent,
# and no further with more. Where rows are many, they rise by as much.
CORRECTION_DECAY = 0.15
FEW_ROWS_A_WEIGHT = 0.2


def make_optimizers(solver, parameters, learning_rate, *, anchors=tuple, n_rows=1):
    """Return a list of torch optimisers that together train all `parameters`.

    Muon takes matrices and kernels and AdamW the rest; every other solver is one
    optimiser. The matrices decay under Muon, but for those that `anchors` returns: the
    linear maps that the others correct. An epoch has `n_rows`.
    """
    if solver == "muon":
        matrices = [p for p in parameters if p.ndim > 1]
        rest = [p for p in parameters if p.ndim <= 1]
        beside_rate = learning_rate * ADAMW_BESIDE_MUON
        if not matrices:
            return [_make(torch.optim.AdamW, rest, beside_rate)]
        left_out = {id(anchor) for anchor in anchors()}
        kept = [p for p in matrices if id(p) in left_out]
        free = [p for p in matrices if id(p) not in left_out]
        decay = WEIGHT_DECAY
        if kept:
            few = FEW_ROWS_A_WEIGHT * sum(p.numel() for p in free)
            decay = CORRECTION_DECAY * min(1.0, few / n_rows)
        groups = [
            {"params": free, "weight_decay": decay},
            {"params": kept, "weight_decay": 0.0},
        ]
        muon = Muon(groups, lr=learning_rate)
        if not rest:
            return [muon]
        return [muon, _make(torch.optim.AdamW, rest, beside_rate)]
    return [_make(SOLVERS.get(solver, solver), parameters, learning_rate)]


def _make(optimizer, parameters, learning_rate):
    if not issubclass(optimizer, torch.optim.Optimizer):
        raise ValueError(
            f"solver={optimizer!r} is no class of torch.optim.Optimizer. Use one, "
            f"'muon' or one of {sorted(SOLVERS)}."
        )
    options = inspect.signature(optimizer).parameters
    arguments = {"lr": learning_rate}
    if "fused" in options and parameters[0].device.type in ("cpu", "cuda"):
        arguments["fused"] = True
    if optimizer is torch.optim.AdamW:
        arguments["weight_decay"] = 0.0  # `alpha` is the penalty on the weights
    if optimizer is torch.optim.SGD:
        arguments |= {"momentum": 0.9, "nesterov": True}
    return optimizer(parameters, **arguments)


def one_cycle(progress):
    """Rise over the first twentieth of the steps, then fall to zero in a line."""
    warm_up = 0.05
    if progress < warm_up:
        return 0.1 + 0.9 * progress / warm_up
    return (1 - progress) / (1 - warm_up)


def cosine(progress):
    """Fall from the full rate to zero like a cosine."""
    return 0.5 * (1 + math.cos(math.pi * progress))


SCHEDULES = {"one_cycle": one_cycle, "cosine": cosine, "constant": None}
