"""A Ctrl-C that ends the training but not the fit."""

import signal
import threading
from contextlib import contextmanager
from contextvars import ContextVar

# What the fit that runs now listens to. A signal belongs to the process, so whatever
# trains for that fit (starts, folds, layers, an autoencoder below a head) asks here.
_listening = ContextVar("_listening", default=None)


class Request:
    """Whether the training was asked to stop."""

    def __init__(self):
        self.is_made = False


def is_stopping():
    """Return whether the fit that runs now was asked to end its training."""
    request = _listening.get()
    return request is not None and request.is_made


@contextmanager
def stop_on_interrupt(active=True):
    """Turn the first Ctrl-C within the block into a `Request`, which is yielded.

    The second one is as any other. Python hears signals in its main thread alone:
    elsewhere, and where the process ignores them, nothing is asked for. Inside another
    such block, the outer one listens.
    """
    request = Request()
    earlier = signal.getsignal(signal.SIGINT)
    is_heard = threading.current_thread() is threading.main_thread()
    is_heard &= earlier not in (None, signal.SIG_IGN)
    if not (active and is_heard) or _listening.get() is not None:
        yield request
        return

    def ask(signum, frame):
        signal.signal(signal.SIGINT, earlier)
        request.is_made = True

    token = _listening.set(request)
    try:
        signal.signal(signal.SIGINT, ask)
        yield request
    finally:
        signal.signal(signal.SIGINT, earlier)
        _listening.reset(token)
