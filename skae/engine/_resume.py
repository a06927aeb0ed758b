"""What of a fit is done, so that another process can go on with it.

A fit is a chain of decisions and trainings that all follow from its seed. Whoever goes
on runs through the chain again: what is known of a link is taken as it is, and
everything between two links is computed anew, which is quick.
"""

import time
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch

from ..networks._network import generators_of
from ._callbacks import BestWeights
from ._interrupt import is_stopping

# Of the time of a fit, at most about, is spent on writing.
SHARE = 0.05
FACTS = ("solver", "learning_rate_init", "batch_size", "max_iter", "precision")

# As with interrupts, whatever trains for the fit that runs now finds it here.
_journal = ContextVar("_journal", default=None)


class Journal:
    """What is known of the links of a fit so far, in order.

    Of each this is a plain value: dicts, lists, numbers and arrays.

    Parameters
    ----------
    write : callable
        Takes the list of all of them and keeps it.

    links : list
        What an earlier process knew.
    """

    def __init__(self, write, links=()):
        self._write = write
        self._links = list(links)
        self._n_begun = 0
        self._due = 0.0

    def begin(self):
        """Begin the next link, and return what is known of it, or None."""
        if self._n_begun == len(self._links):
            self._links.append(None)
        self._n_begun += 1
        return self._links[self._n_begun - 1]

    def know(self, value):
        """Keep what is now known of the link."""
        self._links[self._n_begun - 1] = value

    def is_due(self):
        """Whether enough time has passed since all was written."""
        return time.monotonic() >= self._due and not is_stopping()

    def write(self):
        """Write all that is known."""
        start = time.monotonic()
        self._write(self._links)
        end = time.monotonic()
        self._due = end + (end - start) * (1 / SHARE - 1)


@contextmanager
def recorded(journal):
    """Let a `Journal` know what is done within the block."""
    token = _journal.set(journal)
    try:
        yield
    finally:
        _journal.reset(token)


def is_recorded():
    """Whether the fit that runs now, or one around it, has a journal."""
    return _journal.get() is not None


def decided(decide, to_plain=lambda value: value, from_plain=lambda value: value):
    """Return what `decide` returns, or did in an earlier process.

    What else it does must not matter to a process that finds this written: where it
    moves a network, a training of that has to be the next link.
    """
    journal = _journal.get()
    if journal is None:
        return decide()
    known = journal.begin()
    if known is not None:
        with _misfits():
            return from_plain(known["decision"])
    with recorded(None):  # its own trainings are short
        found = decide()
    if not is_stopping():  # else it is another decision than without the interrupt
        journal.know({"decision": to_plain(found)})
    return found


def train_on(net, rows, plan):
    """Train a net for the epochs of a plan, from where an earlier process left it."""
    journal = _journal.get()
    if journal is None:
        net.train(rows, plan.max_iter)
        return
    if net.needs_closure:
        _refuse(net.optimizer_)
    known, facts = journal.begin(), _facts(plan)
    is_done = known is not None and _is_done(known, facts)

    def resume():
        if known is not None:
            _restore(net, known)

    def after_epoch():
        if journal.is_due():
            journal.know(_record(net, facts))
            journal.write()

    with recorded(None):  # a callback may fit something else
        if is_done:
            resume()
            return
        net.train(rows, plan.max_iter, resume=resume, after_epoch=after_epoch)
    if not is_stopping():  # else it would have gone on
        journal.know(_record(net, facts, is_done=True))
    if journal.is_due():
        journal.write()


def _facts(plan):
    return {name: repr(getattr(plan, name)) for name in FACTS}


def _is_done(known, facts):
    """Whether a training is; a ValueError where "auto" has become something else."""
    with _misfits():
        for name, now in facts.items():
            if known["facts"][name] != now:
                raise ValueError(f"{name} was {known['facts'][name]}, now {now}")
        return bool(known["is_done"])


@contextmanager
def _misfits():
    """Raise one kind of error for whatever does not fit."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(
            f"The checkpoint does not fit this training: {error}. Delete it to begin "
            "anew."
        ) from error


# -- a training as plain values, and back ----------------------------------------------


def _record(net, facts, is_done=False):
    """Return the state of a training after an epoch.

    Of one that is done, the solvers are of no use, nor are weights that are not best.
    """
    best = _best_weights(net)
    weights = net.network_.state_dict()
    record = {
        "is_done": is_done,
        "facts": facts,
        "weights": None if is_done and best else _arrays(weights, copy=is_done),
        "solvers": [] if is_done else [_solver(each) for each in _solvers(net)],
        "rates": [list(rates) for rates in net._base_rates],
        "step": net.step_,
        "n_setbacks": net.n_setbacks,
        "generators": [each.get_state().numpy() for each in _generators(net)],
        "history": _columns(net.history),
        "best": None,
    }
    if best is not None:
        state = best.best_state_
        record["best"] = {
            "state": None if state is None else _arrays(state, copy=is_done),
            **best.numbers(),
        }
    return record


def _restore(net, known):
    """Bring a net that is about to train to a state, which has to fit it."""
    best = _best_weights(net)
    with _misfits():
        for solver, stored in zip(_solvers(net), known["solvers"], strict=False):
            _fill_solver(solver, stored)
        weights = net.network_.state_dict()
        if known["weights"] is not None:
            net.network_.load_state_dict(_tensors(known["weights"], weights))
        for rates, stored in zip(net._base_rates, known["rates"], strict=True):
            rates[:] = [float(rate) for _, rate in zip(rates, stored, strict=True)]
        net.step_, net.n_setbacks = int(known["step"]), int(known["n_setbacks"])
        for each, stored in zip(_generators(net), known["generators"], strict=True):
            _set_state(each, _tensor(stored, each.get_state(), "generator"))
        needed = {"train_loss", best.monitor} if best else {"train_loss"}
        _fill_history(net, known["history"], needed)
        if best is not None:
            numbers, state = dict(known["best"]), known["best"]["state"]
            del numbers["state"]
            best.go_on(net, state and _tensors(state, weights), **numbers)
        net.criterion_.begin_epoch(len(net.history) - 1)


def _best_weights(net):
    found = [each for each in net.last_callbacks if isinstance(each, BestWeights)]
    return found[0] if found else None


def _solvers(net):
    return [getattr(net, f"{name}_") for name in net._optimizers]


def _generators(net):
    found = [net.generator, *generators_of(net.network_)]
    return [each for each in found if each is not None]


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


def _solver(solver):
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
    return _refuse(solver)


def _refuse(solver):
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
    names = history[-1].keys() - {"batches", "epoch"}
    columns = {n: np.array([row.get(n) for row in history]) for n in sorted(names)}
    is_number = {n: c.ndim == 1 and c.dtype.kind in "bif" for n, c in columns.items()}
    return {name: columns[name] for name in columns if is_number[name]}


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
