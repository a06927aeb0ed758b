"""Comparison of reducers by cross-validation, in Python and from a shell."""

from .._lazy import attach

__all__ = ["ComparisonInterrupt", "ReducerComparison", "compare_reducers"]

# Later than the import, so that the command line answers at once.
__getattr__, __dir__ = attach(
    __name__,
    {
        "ComparisonInterrupt": "._compare",
        "ReducerComparison": "._report",
        "compare_reducers": "._compare",
    },
)
