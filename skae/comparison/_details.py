"""What a report shows besides scores: rows, codes, and how the comparison was run."""

import platform
from datetime import datetime
from importlib import metadata
from typing import NamedTuple

import numpy as np
from joblib import cpu_count, effective_n_jobs

from ._target import Target

_PACKAGES = ("skae", "scikit-learn", "numpy", "scipy", "torch", "skorch")


class Details(NamedTuple):
    """The table that was compared, and what was seen of each fit."""

    names: list  # of the columns
    rows: dict  # those that were reconstructed, in their own units, by number
    units: np.ndarray  # what the columns were divided by
    target: Target | None
    glimpses: dict  # by reducer, size and fold
    run: dict  # what to say of it, by title


def how_it_was_run(
    X, reducers, sizes, splits, target, encoder=None, *, scale, seed, n_jobs
):
    """Return how a comparison was made and on what, in words by title."""
    how = "standardised" if scale else "in their own units"
    if encoder is not None:
        how = f"of which {encoder!r} made {X.shape[1]}"
    n_columns = X.shape[1] if encoder is None else encoder.n_features_in_
    said = {
        "Table": f"{X.shape[0]} rows, {n_columns} columns, {how}",
        "Reducers": "; ".join(f"{name} = {r!r}" for name, r in reducers.items()),
        "Sizes": ", ".join(map(str, sizes)),
        "Folds": f"{len(splits)}, of {min(len(test) for _, test in splits)} rows or "
        "more held out",
        "Seed of the fits": str(seed),
    }
    if target is not None:
        kind = "class labels" if target.is_label else "a quantity"
        said["Target"] = f"{kind}, predicted by {target.estimator!r}"
    return said | {
        "Fits at a time": str(effective_n_jobs(n_jobs)),
        "Machine": f"{platform.machine()}, {cpu_count()} cores, {platform.system()}",
        "Versions": f"Python {platform.python_version()}, {_versions()}",
        "Date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }


def _versions():
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
