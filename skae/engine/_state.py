"""A training after an epoch as plain values (dicts, numbers, arrays), and back."""

from numbers import Real

import numpy as np
import torch

from ..networks._network import generators_of
from ._averaging import Average
from ._callbacks import BestWeights

COUNTS = ("n_steps", "n_averaged", "in_place")  # of an `Average`


def record(net, *, is_done=False):
    """Return the state of a training after an epoch.

    Of one that is done, the solvers are of no use, nor are weights that are not best.
    """
    best = _best_weights(net)
    weights = net.network_.state_dict()
    state = {
        "is_done": is_done,
        "weights": None if is_done and best else _arrays(weights, copy=is_done),
        "average": None if is_done else _average(net.average),
        "solvers": [] if is_done else [_solver_state(each) for each in _solvers(net)],
        "rates": [list(rates) for rates in net._base_rates],
        "step": net.step_,
        "n_setbacks": net.n_setbacks,
        "generators": sum(net.ranks.gather(_states(_generators(net))), []),
        "history": _columns(net.history),
        "best": None,
    }
    if best is not None:
        weights = best.best_state_
        kept = None if weights is None else _arrays(weights, copy=is_done)
        state["best"] = {"weights": kept, **best.numbers()}
    return state


def restore(net, known):
    """Bring a net that is about to train to a state.

    Whatever error says that it does not fit.
    """
    best, is_done = _best_weights(net), known["is_done"]
    if not is_done:
        for solver, stored in zip(_solvers(net), known["solvers"], strict=True):
            _fill_solver(solver, stored)
    like = net.network_.state_dict()
    if not (is_done and best):
        net.network_.load_state_dict(_tensors(known["weights"], like))
    if known["average"] is not None:
        net.average = _filled_average(net._trained_parameters(), known["average"])
    for rates, stored in zip(net._base_rates, known["rates"], strict=True):
        rates[:] = [float(rate) for _, rate in zip(rates, stored, strict=True)]
    net.step_, net.n_setbacks = int(known["step"]), int(known["n_setbacks"])
    states, ranks = known["generators"], net.ranks
    n_own = len(states) // ranks.size  # the others' are there, too
    own = states[ranks.rank * n_own : (ranks.rank + 1) * n_own]
    for each, stored in zip(_generators(net), own, strict=True):
        _set_state(each, _tensor(stored, each.get_state(), "generator"))
    needed = {"train_loss", best.monitor} if best else {"train_loss"}
    _fill_history(net, known["history"], needed)
    if best is not None:
        numbers = dict(known["best"])
        weights = numbers.pop("weights")
        best.go_on(net, weights and _tensors(weights, like), **numbers)
    net.criterion_.begin_epoch(len(net.history) - 1)


def _best_weights(net):
    found = [each for each in net.last_callbacks if isinstance(each, BestWeights)]
    return found[0] if found else None


def _solvers(net):
    return [getattr(net, f"{name}_") for name in net._optimizers]


def _generators(net):
    found = [net.generator, *generators_of(net.network_)]
    return [each for each in found if each is not None]


def _states(generators):
    return [each.get_state().numpy() for each in generators]


def _average(average):
    if average is None:
        return None
    others = [other.cpu().numpy() for other in average.others]
    counts = {name: getattr(average, name) for name in COUNTS}
    return {"others": others, **counts}


def _filled_average(parameters, stored):
    average = Average(parameters)
    for other, array in zip(average.others, stored["others"], strict=True):
        other.copy_(_tensor(array, other, "average"))
    for name in COUNTS:
        setattr(average, name, type(getattr(average, name))(stored[name]))
    return average


def _set_state(generator, state):
    try:
        generator.set_state(state)
    except RuntimeError as error:
        raise ValueError(f"its generator cannot be: {error}") from error


def _arrays(tensors, copy=False):
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    return {name: each.copy() for name, each in arrays.items()} if copy else arrays


def _tensors(arrays, like):
    if arrays.keys() != like.keys():
        raise ValueError(f"it has no {sorted(like.keys() ^ arrays.keys())[0]}")
    return {name: _tensor(arrays[name], like[name], name) for name in like}


def _tensor(array, like, name):
    """Return an array as a tensor of the shape and the dtype of another."""
    tensor = torch.from_numpy(array)
    if tensor.shape != like.shape or tensor.dtype != like.dtype:
        raise ValueError(
            f"{name} is {tensor.dtype} of shape {tuple(tensor.shape)}, not "
            f"{like.dtype} of shape {tuple(like.shape)}"
        )
    return tensor.clone()  # aligned as any other


def _parameters(solver):
    return [weight for group in solver.param_groups for weight in group["params"]]


def _solver_state(solver):
    state = [
        {name: _plain(value, solver) for name, value in solver.state[weight].items()}
        if weight in solver.state
        else {}
        for weight in _parameters(solver)
    ]
    return {"rates": [group["lr"] for group in solver.param_groups], "state": state}


def _plain(value, solver):
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if value is None or isinstance(value, (int, float)):
        return value
    return refuse(solver)


def refuse(solver):
    raise ValueError(
        f"checkpoint cannot hold the state of solver={type(solver).__name__}, which is "
        "more than tensors and numbers. Use another solver, or checkpoint=None."
    )


def _fill_solver(solver, stored):
    """Give a new solver a state.

    A step on gradients of zero makes one of the shapes and types that it has to have;
    the weights, which that may change, are stored as well.
    """
    weights = _parameters(solver)
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    solver.step()
    solver.zero_grad(set_to_none=True)
    for weight, values in zip(weights, stored["state"], strict=True):
        if not values:
            solver.state.pop(weight, None)
            continue
        state = solver.state[weight]
        if state.keys() != values.keys():
            raise ValueError(f"{type(solver).__name__} has {sorted(state)}")
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                value.copy_(_tensor(values[name], value, name))
            else:
                state[name] = values[name] and type(value)(values[name])
    for group, rate in zip(solver.param_groups, stored["rates"], strict=True):
        group["lr"] = float(rate)


def _columns(history):
    """Return the columns of a history that hold a number in every epoch."""
    columns = {}
    for name in sorted(history[-1].keys() - {"batches", "epoch"}):
        values = [row.get(name) for row in history]
        if all(isinstance(value, (Real, np.bool_)) for value in values):
            columns[name] = np.array(values)
    return columns


def _fill_history(net, columns, needed):
    kinds = {column.dtype.kind for column in columns.values()}
    if not (needed <= columns.keys() and kinds <= set("bif")):
        raise ValueError(f"its history has {sorted(columns)}")
    net.initialize_history()
    lists = [column.tolist() for column in columns.values()]
    for epoch, values in enumerate(zip(*lists, strict=True), start=1):
        net.history.new_epoch()
        net.history.new_batch()
        net.history.record("epoch", epoch)
        for name, value in zip(columns, values, strict=True):
            net.history.record(name, value)
