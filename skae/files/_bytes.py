"""Files in memory, for libraries that store objects without pickle by themselves."""

import tempfile
from pathlib import Path

from ._load import load
from ._records import TRAINING_ONLY, named_objects
from ._save import save


def to_bytes(estimator):
    """Return the file of a fitted estimator, and what it has only the names of."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "estimator.safetensors"
        save(estimator, path)
        objects = {
            name: value
            for name, value in named_objects(estimator, "").items()
            if name.rpartition("__")[2] not in TRAINING_ONLY
        }
        return path.read_bytes(), objects


def from_bytes(file, objects):
    """Return the estimator of a file and of what it has only the names of."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "estimator.safetensors"
        path.write_bytes(file)
        return load(path, objects=objects)
