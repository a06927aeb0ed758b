"""Fitted estimators for other runtimes: knows them by their fitted attributes."""

from .._lazy import attach

_NAMES = {"to_onnx": "._onnx"}

__all__ = list(_NAMES)
__getattr__, __dir__ = attach(__name__, _NAMES)
