"""Fits that go on where another process was killed, and how they know each other."""

import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import engine, files
from .._version import versions

# Who watches a fit, and where, does not change what comes of it.
OF_NO_MATTER = {"callbacks", "checkpoint", "interruptible", "random_state", "verbose"}
MOST_NAMED = 3


@dataclass(frozen=True)
class Checkpoint:
    """The `Seed` of a fit, and the `CheckpointFile` that it is written to, or None."""

    seed: object
    file: object = None

    def remove(self):
        """Delete the file: the fit is done."""
        if self.file is not None:
            self.file.remove()


@contextmanager
def checkpointed(estimator, **data):
    """Let a fit within the block be written to the estimator's checkpoint.

    Yields the `Checkpoint`. Within another such fit, that one's is written.

    Parameters
    ----------
    estimator : estimator
        With parameters `checkpoint` and `random_state`.

    **data : Table, ndarray or None
        What it is fitted to.
    """
    ranks = data["X"].ranks
    seed = ranks.broadcast(engine.make_seed(estimator.random_state))
    if estimator.checkpoint is None or engine.is_recorded():
        yield Checkpoint(engine.Seed(seed))
        return
    with ranks.together():
        own = _identity(estimator, seed, data)
    identity = _of_all(ranks.gather(own))
    with ranks.together():
        path = _path(estimator.checkpoint, identity) if ranks.rank == 0 else None
    file = path and files.CheckpointFile(path)  # rank 0 keeps what all know
    try:
        with ranks.together():
            begun = file and _begin(file, identity, seed)
        seed, links = ranks.broadcast(begun)

        def write(links):
            if file is not None:
                file.write({"fit": identity, "seed": seed, "links": links})

        with engine.recorded(engine.Journal(write, links)):
            yield Checkpoint(engine.Seed(seed), file)
    finally:
        if file is not None:
            file.close()


def _begin(file, identity, seed):
    """Return seed and links of a file, which is written if there is none."""
    known = file.read()
    if known is None:
        known = {"fit": identity, "seed": seed, "links": []}
        file.write(known)
    return _check(known, identity, file.path)


def _of_all(identities):
    """Return what tells the fit of all ranks from others."""
    first, *others = identities
    if not others:
        return first
    of_all = {"processes": str(len(identities))}
    for name, value in first.items():
        values = [value, *(other.get(name, "missing") for other in others)]
        is_one = len(set(values)) == 1
        of_all[name] = value if is_one else _digest(*(v.encode() for v in values))
    return of_all


def _path(checkpoint, identity):
    """Return where the file is to be: in a folder, under a name that tells fits."""
    path = Path(os.path.abspath(checkpoint))
    if path.is_dir():
        name = hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()
        return path / f"{name[:16]}.safetensors"
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"checkpoint={str(checkpoint)!r} is to be in {str(path.parent)!r}, which "
            "is no folder. Make it first."
        )
    return path


def _check(known, identity, path):
    """Return seed and links of a checkpoint, which has to be of the same fit."""
    is_whole = isinstance(known, dict) and set(known) == {"fit", "seed", "links"}
    if not is_whole or not isinstance(known["fit"], dict):
        raise ValueError(f"checkpoint={str(path)!r} is none of a fit.")
    before, now = known["fit"], identity
    changed = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    if changed:
        named = [_change(name, before, now) for name in changed[:MOST_NAMED]]
        more = len(changed) - len(named)
        raise ValueError(
            f"checkpoint={str(path)!r} is of another fit: {', '.join(named)}"
            f"{f' and {more} more' if more else ''}. Fit as before to go on, delete "
            "the file to begin anew, or give another path. In a folder (its path as "
            "`checkpoint`) each fit has a file of its own."
        )
    if not (type(known["seed"]) is int and isinstance(known["links"], list)):
        raise ValueError(f"checkpoint={str(path)!r} has no seed or no links.")
    return known["seed"], known["links"]


def _change(name, before, now):
    found = [str(values.get(name, "missing")) for values in (before, now)]
    if any(value.startswith("sha256 ") for value in found):
        return f"other {name}"
    return f"{name} was {found[0]}, now {found[1]}"


def _identity(estimator, seed, data):
    """Return what tells a fit from others: name by name, as text."""
    is_drawn = estimator.random_state is None
    identity = described_parameters(estimator)
    identity["random_state"] = "None" if is_drawn else str(seed)
    if hasattr(estimator, "device"):
        identity["device"] = str(engine.resolve_device(estimator.device))
    if getattr(estimator, "warm_start", False) and estimator.__sklearn_is_fitted__():
        identity["network of the last fit"] = _described(estimator.net_.network_)
        identity["split of the last fit"] = repr(getattr(estimator, "_split", None))
    for name, values in data.items():
        identity |= _contents(name, values)
    return identity | {f"version of {k}": v for k, v in versions().items()}


def described_parameters(estimator):
    """Return what of an estimator changes the result, name by name, as text."""
    described = {"estimator": type(estimator).__name__}
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if name not in OF_NO_MATTER:
            described[name] = _described(value)
    return described


def _contents(name, values):
    """Return digests of a table, its weights and groups, or of an array."""
    if not hasattr(values, "blocks"):
        return {name: _described(values)}
    digest = hashlib.sha256(f"{values.dtype} {values.shape}".encode())
    for block in values.blocks():
        digest.update(np.ascontiguousarray(block))
    return {
        f"rows of {name}": f"sha256 {digest.hexdigest()}",
        f"sample_weight of {name}": _described(values.weight),
        f"groups of {name}": _described(values.groups),
    }


def _described(value):
    """Return text that is the same in another process, and another for other values.

    Of functions it is the name alone.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        is_object = value.dtype == object
        content = repr(value.tolist()).encode() if is_object else value.tobytes()
        return _digest(f"{value.dtype} {value.shape}".encode(), content)
    if isinstance(value, np.random.RandomState):
        return _digest(repr(value.get_state(legacy=False)).encode())
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(_described, value))})"
    if isinstance(value, dict):
        pairs = [f"{_described(k)}: {_described(v)}" for k, v in value.items()]
        return f"{{{', '.join(pairs)}}}"
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    return _described_object(value)


def _described_object(value):
    cls = value if isinstance(value, type) else type(value)
    if hasattr(value, "state_dict") and value is not cls:
        state = value.state_dict().items()
        arrays = [
            f"{k} {_described(v.detach().cpu().double().numpy())}" for k, v in state
        ]
        layers = re.sub(" at 0x[0-9a-f]+", "", repr(value))
        return _digest(layers.encode(), "".join(arrays).encode())
    if hasattr(value, "get_params") and value is not cls:
        parameters = [
            f"{name}={_described(part)}"
            for name, part in sorted(value.get_params(deep=False).items())
            if name not in OF_NO_MATTER - {"random_state"}
        ]
        return f"{cls.__name__}({', '.join(parameters)})"
    name = getattr(value, "__qualname__", cls.__qualname__)
    return f"{getattr(value, '__module__', cls.__module__)}.{name}"


def _digest(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f"sha256 {digest.hexdigest()}"
