"""Fitted estimators in one safetensors file: nothing that is run, only numbers."""

from .._lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "CheckpointFile": "._checkpoint",
        "Reader": "._format",
        "Recorder": "._records",
        "Restorer": "._records",
        "from_bytes": "._bytes",
        "is_fitted": "._records",
        "load": "._load",
        "save": "._save",
        "to_bytes": "._bytes",
        "write": "._format",
    },
)
