"""The one lazy door: packages whose names load their module on first use.

What is behind it needs torch and skorch, which take longer to import than a small
table to fit.
"""

import importlib
import signal
import sys
import threading
from contextlib import contextmanager


def attach(package, names, submodules=()):
    """Return `__getattr__` and `__dir__` for a package.

    Parameters
    ----------
    package : str
        Its `__name__`.

    names : dict of str to str
        Names to offer, and the module of each, relative to the package.

    submodules : tuple of str
        Modules to offer as they are.
    """

    def __getattr__(name):
        if name in names:
            value = getattr(_import(names[name], package), name)
        elif name in submodules:
            value = _import(f".{name}", package)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    def __dir__():
        return sorted({*vars(sys.modules[package]), *names, *submodules})

    return __getattr__, __dir__


def _import(name, package):
    with _deferred_interrupt():
        return importlib.import_module(name, package)


@contextmanager
def _deferred_interrupt():
    """Let a Ctrl-C wait for the end of the block: half of torch is no torch."""
    earlier = signal.getsignal(signal.SIGINT)
    is_heard = threading.current_thread() is threading.main_thread()
    if earlier is None or not is_heard:
        yield
        return
    heard = []
    signal.signal(signal.SIGINT, lambda *call: heard.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)
        if heard:
            signal.raise_signal(signal.SIGINT)
