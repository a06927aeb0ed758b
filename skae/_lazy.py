"""The one lazy door: packages whose names load their module on first use.

What is behind it needs torch and skorch, which take longer to import than a small
table to fit.
"""

import importlib
import sys


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
            value = getattr(importlib.import_module(names[name], package), name)
        elif name in submodules:
            value = importlib.import_module(f".{name}", package)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    def __dir__():
        return sorted({*vars(sys.modules[package]), *names, *submodules})

    return __getattr__, __dir__
