"""How far a comparison is: a bar on a terminal, elsewhere a line now and then."""

import sys
import threading
import time
from contextlib import contextmanager

import numpy as np

# Seconds between looks at a terminal.
_TICK = 0.2

# Without one, the first line comes after so many seconds, and the others after as many
# more and a fifth of the time so far: an hour does not fill a log.
_FIRST_LINE = 10


class Progress:
    """Fits done and to do, and the seconds that are left by what was learnt so far.

    Parameters
    ----------
    fits : list of (str, int, int)
        Reducer, size and fold of each, in the order in which they start.
    n_workers : int
        Fits that run at a time.
    """

    def __init__(self, fits, n_workers):
        self._todo = dict(enumerate(fits))
        self._n_fits = len(fits)
        self._n_workers = n_workers
        self._seconds = {}
        self._start = self._last = time.monotonic()

    def done(self, i, seconds):
        """Note that a fit has ended, and how long it took."""
        name, size, _ = self._todo.pop(i)
        self._seconds.setdefault((name, size), []).append(seconds)
        self._last = time.monotonic()

    def elapsed(self):
        """Return the seconds since the start."""
        return time.monotonic() - self._start

    def left(self):
        """Return the seconds that are left, or None where they cannot be told.

        A fit will take what the same reducer took at the same size, or else at others.
        """
        known = {key: np.mean(seconds) for key, seconds in self._seconds.items()}
        todo = [_expected(known, name, size) for name, size, _ in self._todo_now()]
        if None in todo:
            return None
        # What runs has come some way since the last fit ended, and at most to its end.
        running = todo[: self._n_workers]
        since = time.monotonic() - self._last
        return (sum(todo) - sum(min(since, each) for each in running)) / self._n_workers

    def _todo_now(self):
        return list(self._todo.values())

    def share(self):
        """Return the share of the work that is done, in seconds and not in fits."""
        left, elapsed = self.left(), self.elapsed()
        if left is None:
            return 0.0
        return elapsed / max(elapsed + left, 1e-9)

    def words(self):
        """Return what runs, and what is left."""
        n_done = self._n_fits - len(self._todo)
        if n_done == self._n_fits:
            return "done", f"{n_done}/{n_done} fits in {in_words(self.elapsed())}"
        name, size, fold = self._todo_now()[0]
        left = self.left()
        rest = "" if left is None else f", {in_words(left)} left"
        what = name if size is None else f"{name} {size}"
        return f"{what}, fold {fold + 1}", f"{n_done}/{self._n_fits} fits{rest}"


def _expected(known, name, size):
    """Return the seconds that a fit will take, or None before any of its reducer."""
    same = [seconds for key, seconds in known.items() if key[0] == name]
    return known.get((name, size), np.mean(same)) if same else None


def in_words(seconds):
    """Return a duration as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"


@contextmanager
def shown(progress, verbose):
    """Show progress on standard error for as long as the context lasts."""
    if not verbose:
        yield
        return
    stop = threading.Event()
    show = _bar if sys.stderr.isatty() else _lines
    # A thread, so that the time left is true during a long fit.
    thread = threading.Thread(target=show, args=(progress, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _bar(progress, stop):
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f}%|{bar}|{postfix}"
    with tqdm(total=1.0, bar_format=form, dynamic_ncols=True) as bar:
        more = True
        while more:
            more = not stop.wait(_TICK)
            what, rest = progress.words()
            bar.n = progress.share()
            bar.set_description_str(what, refresh=False)
            bar.set_postfix_str(rest, refresh=False)
            bar.refresh()


def _lines(progress, stop):
    due = _FIRST_LINE
    while not stop.wait(max(due - progress.elapsed(), 0)):
        print("; ".join(progress.words()), file=sys.stderr, flush=True)
        due = 1.2 * progress.elapsed() + _FIRST_LINE
