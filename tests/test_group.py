"""Several processes that fit one estimator, started by torchrun, as one alone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae.data._group import ALONE, Group, find_group

from . import ranks

SCRIPT = Path(__file__).with_name("ranks.py")
PARTS = (
    *("same_steps", "all_rows_a_step", "few_rows", "digests"),
    *("sums", "stopped", "errors", "elsewhere"),
)
OF_ONE_RANK = {
    "no rows": "0 sample",
    "few rows": "Rank 1 of 2 has 3 row",
    "columns": "columns is 6 on rank 0, and 5 on rank 1",
    "dtype": "float64 on rank 0, and float32 on rank 1",
    "names": "'z'",
    "missing": "NaN",
    "weight": "sample_weight is some on rank 0, and none on rank 1",
    "X_val": "X_val is none on rank 0, and some on rank 1",
    "parameters": "hidden_layer_sizes",
    "range": r"within \[0, 1\]",
}

REFUSED = {
    "groups": "groups",
    "warm_start": "warm_start=True",
    "interruptible": "interruptible=True",
    "mixed": "A DataFrame with columns that are no numbers",
    "closure": "solver=LBFGS",
    "statistics": "BatchNorm1d",
    "partial_fit": "partial_fit",
    "stacked": "StackedAutoencoder",
    "marginalized": "MarginalizedDenoisingAutoencoder",
    "classifier": "AutoencoderClassifier",
    "outliers": "AutoencoderOutlierDetector",
}


def torchrun(folder, *parts, size=2):
    """Return what the ranks of a group found, in their order."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={size}", str(SCRIPT), str(folder), *parts]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{r}.json").read_text()) for r in range(size)]


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    return torchrun(tmp_path_factory.mktemp("ranks"), *PARTS)


@pytest.fixture(scope="module", params=[2, pytest.param(4, marks=pytest.mark.slow)])
def of_ranks(request, together, tmp_path_factory):
    """What each rank found, of two and of four."""
    if request.param == 2:
        return together
    folder = tmp_path_factory.mktemp("four_ranks")
    return torchrun(folder, *PARTS[:-1], size=request.param)


def assert_close(found, expected, rtol=1e-8):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_close(found[name], value, 0.05 if name == "muon" else rtol)
        elif value is None:
            assert found[name] is None
        else:
            np.testing.assert_allclose(found[name], value, rtol=rtol, atol=1e-8)


@pytest.mark.parametrize("part", ["same_steps", "all_rows_a_step"])
def test_ranks_learn_what_one_process_learns_of_all_rows(part, of_ranks):
    """To rounding, where steps see the same rows; Muon enlarges that."""
    alone = getattr(ranks, part)(ALONE)
    for each in of_ranks:
        assert_close(each[part], alone)


def test_sums_are_those_of_all_rows(of_ranks):
    alone = ranks.sums(ALONE)
    for each in of_ranks:
        assert_close(each["sums"], alone)


def test_ranks_end_with_the_same_bits(of_ranks):
    """With starts that race, noise, shuffled rows and seeds from the system."""
    first, *others = of_ranks
    assert len(set(first["digests"])) == len(first["digests"])
    for each in others:
        assert each["digests"] == first["digests"]


def test_few_rows_are_fitted_as_by_one_process(together):
    """Each rank has all of them, in the order of the ranks, and folds judge."""
    alone = ranks.few_rows(ALONE)
    assert alone["judge"] == "folds"
    assert [each["few_rows"] for each in together] == [alone, alone]


def test_ranks_read_their_own_files(together):
    """Rows are read in runs, and a rank with few of them takes all steps, too."""
    first, second = (each["elsewhere"] for each in together)
    assert first == second
    assert first[1] == len(ranks.X)


def test_callback_of_one_rank_stops_all(of_ranks):
    assert [each["stopped"] for each in of_ranks] == [2] * len(of_ranks)


@pytest.mark.parametrize("name", OF_ONE_RANK)
def test_what_one_rank_has_is_an_error_on_all(name, together):
    for each in together:
        assert each["errors"][name].startswith("ValueError: ")
        assert re.search(OF_ONE_RANK[name], each["errors"][name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_ranks_cannot_do_is_named(name, together):
    for each in together:
        assert REFUSED[name] in each["errors"][name]
        assert "does not work where 2 processes fit" in each["errors"][name]


def start(folder, part, *, size=2):
    """Return processes that are ranks, without anybody to end them all."""
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    shared = {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(size),
        "CHECKPOINT": str(folder / "fit.safetensors"),
        "OMP_NUM_THREADS": "1",
    }
    return [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), part],
            env=os.environ | shared | {"RANK": str(rank)},
            stderr=subprocess.DEVNULL,
        )
        for rank in range(size)
    ]


def answers(folder, part, *, size=2):
    """Return what those of such ranks found that lived."""
    processes = start(folder, part, size=size)
    found = []
    for rank, process in enumerate(processes):
        if process.wait(120) == 0:
            found.append(json.loads((folder / f"{rank}.json").read_text())[part])
    return found


@pytest.mark.slow
def test_fit_goes_on_after_a_rank_was_killed(tmp_path):
    """The others say so at once, and all ranks together end as if nothing had been."""
    (first, n_epochs), other = answers(tmp_path, "whole")
    assert [first, n_epochs] == other
    ((text, seconds),) = answers(tmp_path, "killed")
    assert text.startswith("ConnectionError: Rank 0 of 2 waited for another rank")
    assert seconds < 30
    written = tmp_path / "fit.safetensors"
    assert written.exists()
    assert answers(tmp_path, "whole") == [[first, n_epochs]] * 2
    assert not written.exists()


@pytest.mark.slow
def test_silent_rank_is_given_up(tmp_path):
    """After the seconds that the process group was given."""
    (text, seconds), *_ = answers(tmp_path, "silent")
    assert text.startswith("ConnectionError: ")
    assert seconds < 30


@pytest.fixture(scope="module")
def client():
    """A dask client with two workers, which are processes."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["array", "frame"])
def test_dask_workers_fit_what_one_process_fits(kind, client):
    """Each has a part of the collection; the rest is as ever."""
    X, names = ranks.X, list("abcdef")
    settings = ranks.EXACT | {"batch_size": len(X), "early_stopping": False}
    here = AutoencoderTransformer(**settings).fit(X)
    there = da.from_array(X, chunks=(110, 4))
    if kind == "frame":
        there = dd.from_pandas(pd.DataFrame(X, columns=names), npartitions=5)

    class OfTwo(Callback):
        def on_train_begin(self, net, X=None, **kwargs):
            assert net.ranks.size == (2 if X.table.total_rows > 10 else 1)

    callbacks = [OfTwo()]
    estimator = AutoencoderTransformer(**settings, callbacks=callbacks)
    estimator.fit(np.eye(10))
    fitted = estimator.fit(there)
    assert fitted.callbacks is callbacks
    assert hasattr(fitted, "feature_names_in_") == (kind == "frame")
    np.testing.assert_allclose(fitted.loss_curve_, here.loss_curve_, rtol=1e-8)
    assert fitted.n_samples_ == len(X)


@pytest.mark.slow
def test_dask_worker_that_is_killed_is_an_error(client):
    class Killed(Callback):
        def on_epoch_end(self, net, **kwargs):
            if net.ranks.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    estimator = AutoencoderTransformer(**ranks.QUICK, callbacks=[Killed()])
    with pytest.raises(ConnectionError, match="waited for another rank"):
        estimator.fit(da.from_array(ranks.X, chunks=(110, 6)))
    assert not hasattr(estimator, "net_")


def test_alone_costs_nothing():
    """Without a process group, values are what is given."""
    value = np.ones(3)
    assert find_group() is ALONE
    assert ALONE.sum(value) is value
    assert ALONE.mean(value, 2.0) is value
    assert ALONE.broadcast(value) is value
    assert ALONE.gather(value)[0] is value
    assert Group() == ALONE
    with pytest.raises(KeyError), ALONE.together():
        raise KeyError
