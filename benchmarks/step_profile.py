"""Where the time of a training step goes, for a large and for a small network.

    OMP_NUM_THREADS=2 python -m benchmarks.step_profile

784-32-784 is row 1 of the textbook, on as many rows of made data, with batches of 256
and the solver that 60000 rows get; 64-32-8-32-64 is a network for small tables, with
default parameters otherwise. Microseconds a step, over the last of three fits; "rest"
is what Python spends between the parts: loops, schedules, callbacks' checks.
"""

import time
from collections import defaultdict
from unittest.mock import patch

import torch
from sklearn.base import clone

from benchmarks._data import machine, made_table
from benchmarks.classics import RECIPES
from skae import AutoencoderTransformer
from skae.engine._net import AutoencoderNet
from skae.engine._rows import Rows

NETWORKS = {
    "784-32-784": (
        (20_000, 784),
        clone(RECIPES[1]["textbook"]).set_params(
            solver="muon", max_iter=3, early_stopping=False
        ),
    ),
    "64-32-8-32-64": (
        (1500, 64),
        AutoencoderTransformer(
            8,
            hidden_layer_sizes=(32,),
            max_iter=30,
            early_stopping=False,
            random_state=0,
        ),
    ),
}
PARTS = {
    "batch": (Rows, "__getitem__"),
    "forward": (AutoencoderNet, "infer"),
    "loss": (AutoencoderNet, "get_loss"),
    "backward": (torch.Tensor, "backward"),
    "solver": (AutoencoderNet, "_step_optimizer"),
    "zero_grad": (AutoencoderNet, "_zero_grad_optimizer"),
}


def timed(function, seconds, name):
    """Return the function, which adds what it takes to `seconds[name]`."""

    def call(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[name] += time.perf_counter() - start

    return call


def profile(estimator, X):
    """Return the seconds of a fit's epochs by part, and the number of steps."""
    seconds = defaultdict(float)
    patches = [
        patch.object(owner, name, timed(getattr(owner, name), seconds, part))
        for part, (owner, name) in PARTS.items()
    ]
    whole = timed(AutoencoderNet.run_single_epoch, seconds, "whole")
    patches.append(patch.object(AutoencoderNet, "run_single_epoch", whole))
    for active in patches:
        active.start()
    try:
        estimator.fit(X)
    finally:
        for active in patches:
            active.stop()
    n_batches = -(-len(X) // estimator.batch_size_)
    return seconds, estimator.n_iter_ * n_batches


def main():
    print(machine())
    print(f"{'':<16}" + "".join(f"{name:>11}" for name in ("step", *PARTS, "rest")))
    for name, (shape, estimator) in NETWORKS.items():
        X = made_table(*shape).astype("float32")
        X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
        for _ in range(3):
            seconds, n_steps = profile(estimator, X)
        whole = seconds.pop("whole")
        values = [whole, *(seconds[part] for part in PARTS)]
        values.append(whole - sum(seconds.values()))
        print(
            f"{name:<16}" + "".join(f"{1e6 * v / n_steps:11.0f}" for v in values),
            flush=True,
        )


if __name__ == "__main__":
    main()
