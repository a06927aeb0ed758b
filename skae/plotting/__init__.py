"""Displays in scikit-learn's manner: plain data, drawn when asked to.

matplotlib is imported by what draws, not by importing this package.
"""

from .._lazy import attach

_NAMES = {
    "CodesDisplay": "._codes",
    "ComponentsDisplay": "._components",
    "ErrorDisplay": "._errors",
    "LossCurveDisplay": "._loss_curve",
    "ReconstructionDisplay": "._reconstruction",
    "TraversalDisplay": "._traversal",
}

__all__ = list(_NAMES)
__getattr__, __dir__ = attach(__name__, _NAMES)
