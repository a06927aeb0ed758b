"""Seconds of a fit beside two busy processes, over those on an idle machine.

    python -m benchmarks.busy

Two processes count for nothing, as fast as they can, while the fits run; on two cores
half of the time is theirs. Default parameters; the median of three fits after one to
warm up. "same codes" says whether all fits, idle and busy, gave the same codes to the
last bit.
"""

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
from sklearn.datasets import load_digits

from benchmarks._data import load_images, machine, made_table
from skae import AutoencoderTransformer

LIMIT = 3
START_UP = 0.5  # seconds
# It also ends when this process does, whatever ends this process.
SPIN = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"


def many_columns():
    try:
        return load_images()[0][:10_000]
    except (FileNotFoundError, SystemExit):  # no folder of data
        return made_table(10_000, 784)


CASES = {  # the table, components
    "700 x 765": (lambda: made_table(700, 765), 4),
    "digits": (lambda: load_digits().data, 8),
    "10000 x 784": (many_columns, 8),
}


@contextmanager
def busy(n_processes):
    """Keep so many processes busy."""
    command = [sys.executable, "-c", SPIN]
    processes = []
    try:
        processes += [subprocess.Popen(command) for _ in range(n_processes)]
        time.sleep(START_UP)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def fits(X, n_components, repeats):
    """Return the median seconds, and the codes of every fit."""
    seconds, codes = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        model = AutoencoderTransformer(n_components, random_state=0).fit(X)
        seconds.append(time.perf_counter() - start)
        codes.append(model.transform(X))
    return statistics.median(seconds), codes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    print(machine())
    print("table         idle s  busy s  ratio  limit  same codes")
    for name in arguments.cases:
        make, n_components = CASES[name]
        X = make()
        fits(X, n_components, 1)
        idle, codes = fits(X, n_components, arguments.repeats)
        with busy(arguments.processes):
            slowed, more = fits(X, n_components, arguments.repeats)
        same = all(np.array_equal(codes[0], other) for other in codes + more)
        print(
            f"{name:<12}{idle:>8.2f}{slowed:>8.2f}{slowed / idle:>7.2f}{LIMIT:>7}"
            f"{'yes' if same else 'no':>12}",
            flush=True,
        )


if __name__ == "__main__":
    main()
