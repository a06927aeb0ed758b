"""What a fitted transformer makes of dask collections: others, not yet computed."""

import copy
from functools import partial

import numpy as np
import pandas as pd
from sklearn.utils._set_output import _get_output_config

from ._validation import check_codes, check_collection


def stays_lazy(estimator, method, X):
    """Whether X is a dask collection, and the result may be one.

    It may not where `set_output` asks for something else, or it is a mixed table.
    """
    return (
        type(X).__module__.startswith("dask.")
        and hasattr(X, "map_partitions" if hasattr(X, "columns") else "map_blocks")
        and _get_output_config("transform", estimator)["dense"] == "default"
        and (method == "transform" or not hasattr(estimator, "encoder_"))
    )


def lazily(estimator, method, X, names):
    """Return what a method makes of each block of X, as the same kind of collection.

    The estimator may be fitted again before anything is computed: the network is the
    one it has now. `names` are those of the columns of the result.
    """
    check = check_codes if method == "inverse_transform" else check_collection
    dtype = check(estimator, X)
    apply = partial(_applied, copy.copy(estimator), method, len(names), dtype)
    if hasattr(X, "columns"):
        meta = pd.DataFrame(np.empty((0, len(names)), dtype), columns=names)
        return X.map_partitions(partial(_as_frame, apply, names), meta=meta)
    return X.rechunk({1: -1}).map_blocks(
        apply,
        dtype=dtype,
        chunks=(X.chunks[0], (len(names),)),
        meta=np.empty((0, 0), dtype),
    )


def _applied(estimator, method, n_columns, dtype, block):
    if len(block) == 0:  # an empty partition is none too few
        return np.empty((0, n_columns), dtype)
    return getattr(estimator, method)(block)


def _as_frame(apply, names, frame):
    return pd.DataFrame(apply(frame), index=frame.index, columns=names)
