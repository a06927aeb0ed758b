"""Mixed tables as numbers, and back: DataFrames of pandas and polars."""

from .._lazy import attach

_NAMES = {"Block": "._blocks", "TableEncoder": "._encoder"}

__all__ = list(_NAMES)
__getattr__, __dir__ = attach(__name__, _NAMES)
