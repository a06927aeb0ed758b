"""Comparison of reducers by cross-validation, in Python and from a shell."""

__all__ = ["ReducerComparison", "compare_reducers"]


def __getattr__(name):
    # Later than the import, so that the command line answers at once.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _compare

    return getattr(_compare, name)
