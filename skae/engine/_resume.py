"""What of a fit is done, so that another process can go on with it.

A fit is a chain of decisions and trainings that all follow from its seed. Whoever goes
on runs through the chain again: what is known of a link is taken as it is, and
everything between two links is computed anew, which is quick.
"""

import time
from contextlib import contextmanager
from contextvars import ContextVar

from ._interrupt import is_stopping
from ._state import record, refuse, restore

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
        refuse(net.optimizer_)
    known, facts = journal.begin(), _facts(plan)
    is_done = known is not None and _is_done(known, facts)

    def resume():
        if known is not None:
            with _misfits():
                restore(net, known)

    def after_epoch():
        if net.ranks.broadcast(journal.is_due()):
            journal.know({"facts": facts, **record(net)})
            journal.write()

    with recorded(None):  # a callback may fit something else
        if is_done:
            resume()
            return
        net.train(rows, plan.max_iter, resume=resume, after_epoch=after_epoch)
    if not is_stopping():  # else it would have gone on
        journal.know({"facts": facts, **record(net, is_done=True)})
    if net.ranks.broadcast(journal.is_due()):
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
