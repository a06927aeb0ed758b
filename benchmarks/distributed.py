"""One fit by one, two and four processes: seconds, bytes, waiting, and a cost model.

    OMP_NUM_THREADS=1 python -m benchmarks.distributed [--ranks 1 2 4]

torchrun starts the ranks on this machine (gloo), each with every n-th row of made data
and one thread. All numbers of ranks train the same network on as many rows a step in
all. "MB a step" is what is summed in a step; a rank sends 2 (n - 1) / n times that.
"waiting" is the share of the fit that rank 0 spends in sums: it sends, or waits for the
others. "CPU s" are those of rank 0, whatever else the machine does.

"model" is what seconds should be: those of one rank, divided among ranks that have a
core, and for each step what a bare sum of as many bytes takes, which is measured as
well. With more ranks than cores, waiting is mostly for a core.

The last table is computed, not measured: a terabyte of float32 with 1000 columns, and
64 machines with two cores that are as fast as one was here (by the CPU seconds of the
last fit of one rank), 10 Gbit/s and 50 us between any two, and files read at 1 GB/s.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np
import torch
from torch import distributed

from benchmarks._data import machine, made_table
from skae import AutoencoderTransformer
from skae.data import _group

# rows, columns, epochs, and settings
FITS = [
    (40_000, 100, 6, {"n_components": 8, "batch_size": 512}),
    (16_000, 784, 4, {"n_components": 32, "batch_size": 1024}),
]
N_VAL = 4000
FLOPS = 6  # a multiplication and an addition: forward, and twice that backward
MACHINES, CORES, MACHINE_BYTES = 64, 2, 1e12
NETWORK, LATENCY, DISK = 1.25e9, 50e-6, 1e9  # bytes a second, seconds, bytes a second
WIDE = {"n_components": 32}


class Watch:
    """Adds up seconds and bytes of what a `Group` calls."""

    def __init__(self):
        self.seconds = self.n_bytes = 0
        call = _group.Group._call

        def watched(ranks, name, *arguments, **options):
            start = time.perf_counter()
            call(ranks, name, *arguments, **options)
            self.seconds += time.perf_counter() - start
            if name == "all_reduce":
                self.n_bytes += arguments[0].nbytes

        _group.Group._call = watched


def fit(which):
    """Fit as one of the ranks, and print what rank 0 saw."""
    n_rows, n_columns, n_epochs, settings = FITS[which]
    if "RANK" in os.environ:
        distributed.init_process_group("gloo")
    ranks = _group.find_group()
    X = made_table(n_rows + N_VAL, n_columns).astype(np.float32)
    own = [part[ranks.rank :: ranks.size].copy() for part in (X[:n_rows], X[n_rows:])]
    estimator = AutoencoderTransformer(
        **settings, init="pca", solver="adamw", max_iter=n_epochs, random_state=0
    )
    AutoencoderTransformer(max_iter=1).fit(own[0][:600])  # all is imported
    watch = Watch()
    start, cpu_start = time.perf_counter(), time.process_time()
    estimator.fit(own[0], X_val=own[1])
    seconds = time.perf_counter() - start
    cpu_seconds = time.process_time() - cpu_start
    network = estimator.net_.module_
    n_weights = sum(weight.numel() for weight in network.parameters())
    result = {
        "seconds": seconds,
        "cpu": cpu_seconds,
        "waiting": watch.seconds / seconds,
        "error": estimator.reconstruction_error_,
        "weights": n_weights,
        "work": network.work,
        "steps": n_epochs * -(-n_rows // settings["batch_size"]),
        "bytes": watch.n_bytes,
        "sum": seconds_of_sum(ranks, n_weights),
    }
    if ranks.rank == 0:
        print(json.dumps(result))
    if ranks.size > 1:
        distributed.destroy_process_group()


def seconds_of_sum(ranks, n_weights, n_times=100):
    """Return what a sum of so many floats takes, without anything else."""
    tensor = torch.zeros(n_weights)
    start = time.perf_counter()
    for _ in range(n_times):
        ranks.add_(tensor)
    return (time.perf_counter() - start) / n_times


def started(which, n_ranks):
    """Return what rank 0 of so many saw; without torchrun, if it is one."""
    command = [sys.executable, "-m"]
    if n_ranks > 1:
        command += ["torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={n_ranks}", "-m"]
    command += ["benchmarks.distributed", "--fit", str(which)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def terabyte(speed):
    """Print the seconds of an epoch, computed from operations and bytes."""
    n_columns = 1000
    n_rows = MACHINE_BYTES / (4 * n_columns)
    few = made_table(600, n_columns).astype(np.float32)
    network = AutoencoderTransformer(**WIDE, max_iter=1).fit(few).net_.module_
    n_bytes = 4 * sum(weight.numel() for weight in network.parameters())
    compute = FLOPS * network.work * n_rows / MACHINES / (CORES * speed)
    read = MACHINE_BYTES / MACHINES / DISK
    scatter = 2 * n_columns**2 * n_rows / MACHINES / (CORES * speed)
    print(
        f"{n_rows:.3g} rows, {network.work} multiplications a row, "
        f"{n_bytes / 1e6:.1f} MB a step; products of columns for PCA: {scatter:.0f} s\n"
        f"{'batch':>8} {'steps':>7} {'read s':>7} {'compute s':>9} {'reduce s':>8} "
        f"{'epoch s':>8}"
    )
    share = 2 * (MACHINES - 1)
    for batch_size in (512, 4096, 32_768):
        n_steps = n_rows / batch_size
        reduce = n_steps * share * (n_bytes / MACHINES / NETWORK + LATENCY)
        print(
            f"{batch_size:8} {n_steps:7.0f} {read:7.0f} {compute:9.0f} {reduce:8.0f} "
            f"{read + compute + reduce:8.0f}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--fit", type=int, help="be one of the ranks")
    arguments = parser.parse_args()
    if arguments.fit is not None:
        fit(arguments.fit)
        return
    n_cores = os.cpu_count()
    print(
        f"{'':<14} {'ranks':>5} {'seconds':>7} {'model':>6} {'CPU s':>6} {'steps':>5} "
        f"{'MB a step':>9} {'MB in all':>9} {'waiting':>7} {'error':>8}"
    )
    for which, (n_rows, n_columns, *_) in enumerate(FITS):
        alone = None
        for n_ranks in arguments.ranks:
            found = started(which, n_ranks)
            alone = alone or found
            model = alone["seconds"] / min(n_ranks, n_cores)
            model += found["steps"] * found["sum"]
            print(
                f"{f'{n_rows} x {n_columns}':<14} {n_ranks:5} {found['seconds']:7.2f} "
                f"{model:6.2f} {found['cpu']:6.2f} {found['steps']:5} "
                f"{4 * found['weights'] / 1e6:9.2f} {found['bytes'] / 1e6:9.1f} "
                f"{found['waiting']:7.0%} {found['error']:8.5f}",
                flush=True,
            )
    n_rows, _, n_epochs, _ = FITS[-1]
    speed = FLOPS * alone["work"] * n_rows * n_epochs / alone["cpu"]
    print(
        f"one core: {speed / 1e9:.0f} GFLOP/s, all that a fit does counted as training"
    )
    terabyte(speed)
    print(machine())


if __name__ == "__main__":
    main()
