"""Fits to dask collections that a client starts on its workers, a rank on each."""

import socket
import sys
import warnings

import numpy as np
import pandas as pd
from sklearn.base import clone

from ..data._group import find_group, process_group


def client_for(estimator, X, others):
    """Return the dask client on whose workers to fit, or None to fit here.

    Parameters
    ----------
    others : list
        What `fit` got beside X: with any of it, the fit is here.
    """
    distributed = sys.modules.get("distributed")
    is_here = any(other is not None for other in others) or find_group().size > 1
    is_lone = estimator.warm_start or estimator.interruptible
    if distributed is None or is_here or is_lone or not estimator._fits_in_ranks:
        return None
    if not (type(X).__module__.startswith("dask.") and hasattr(X, "npartitions")):
        return None
    try:
        client = distributed.default_client()
    except ValueError:  # there is none
        return None
    return client if len(_places(client, X)) > 1 else None


def fit_on_workers(client, estimator, X):
    """Fit an estimator in place to a dask collection, a part of it on each worker.

    Raises
    ------
    ConnectionError
        If a worker ends.
    """
    from distributed import as_completed, wait

    places = _places(client, X)
    parts = client.compute(_row_blocks(X))
    wait(parts)  # a rank that waits for the others leaves its worker no time for more
    address = client.submit(_free_address, workers=places[:1], pure=False).result()
    shares = np.array_split(np.arange(len(parts)), len(places))
    ranks = [
        client.submit(
            _fit_as_rank,
            clone(estimator),
            [parts[i] for i in share],
            (address, rank, len(places)),
            workers=[place],
            pure=False,
        )
        for rank, (place, share) in enumerate(zip(places, shares, strict=True))
    ]
    try:
        # the first that fails, as a rank whose worker has ended is never done
        found = [future.result() for future in as_completed(ranks)]
    finally:
        client.cancel(ranks)
    ((fitted, told),) = filter(None, found)
    _take(estimator, fitted)
    for message, category in told:
        warnings.warn(message, category, stacklevel=4)


def _places(client, X):
    """Return the addresses of workers in processes of their own, one a partition."""
    workers = sorted(client.nthreads())
    return [each for each in workers if "inproc" not in each][: X.npartitions]


def _row_blocks(X):
    if hasattr(X, "columns"):
        return X.to_delayed()
    return X.rechunk({1: -1}).to_delayed().ravel().tolist()


def _free_address():
    from distributed import get_worker

    host = get_worker().address.rpartition("/")[2].rpartition(":")[0]
    with socket.create_server((host, 0)) as free:
        return f"{host}:{free.getsockname()[1]}"


def _fit_as_rank(estimator, parts, place):
    """Return rank 0's fitted estimator and the warnings that it gave, else None."""
    X = pd.concat(parts) if hasattr(parts[0], "columns") else np.concatenate(parts)
    with process_group(*place), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        estimator.fit(X)
    _, rank, _ = place
    if rank > 0:
        return None
    return estimator, [(str(each.message), each.category) for each in told]


def _take(estimator, fitted):
    """Give an estimator the attributes of another, but for its parameters."""
    parameters = estimator.get_params(deep=False)
    for name in vars(estimator).keys() - parameters.keys():
        delattr(estimator, name)
    for name in vars(fitted).keys() - parameters.keys():
        setattr(estimator, name, vars(fitted)[name])
