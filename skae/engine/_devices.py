"""Where to compute, and in which precision."""

import contextlib
import functools
import time

import torch

from ..data._threads import threads_for

SIDE = 256  # of a matrix: 34 million operations, 0.4 ms in float32
ROUNDS = 20
# What torch raises for devices that it does not know, find or compute on.
NOT_THERE = (
    RuntimeError,  # and NotImplementedError
    AssertionError,
    ImportError,
    TypeError,
    ValueError,
    AttributeError,
)


def resolve_device(device):
    """Return the torch.device for the estimator's `device` parameter."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return _probed(device)
    except NOT_THERE as error:
        raise ValueError(
            f"device={device!r} is not available here. Use 'auto' or one of "
            f"{_available()}: what torch finds, if it computes in float64."
        ) from error


def _probed(device):
    resolved = torch.device(device)
    torch.ones(1, dtype=torch.float64, device=resolved).cpu()
    return resolved


def _available():
    """Return the names of the devices that can be used."""
    names = ["cpu"]
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is not None:
        count = torch.accelerator.device_count()
        names += [f"{accelerator.type}:{i}" for i in range(count)]
    found = []
    for name in names:
        with contextlib.suppress(*NOT_THERE):
            found.append(str(_probed(name)))
    return found


@functools.cache
def bfloat16_ratio(device):
    """Return the time of a matrix product in bfloat16 over that in float32, measured.

    A GPU takes a fraction of the time, and a CPU with instructions for it about a
    third; one without takes as long at best, or dozens of times as long. So that a busy
    machine says the same as an idle one, each product is shorter than a time slice, in
    one thread, and the shortest of many counts.
    """
    device = torch.device(device)
    if device.type != "cpu":
        return 0.5
    dtypes = torch.float32, torch.bfloat16
    matrices = [torch.ones(SIDE, SIDE, dtype=dtype) for dtype in dtypes]
    shortest = [float("inf")] * 2
    with threads_for(work=SIDE**2, n_rows=SIDE):
        for _ in range(ROUNDS):
            for which, matrix in enumerate(matrices):
                start = time.perf_counter()
                matrix @ matrix
                seconds = time.perf_counter() - start
                shortest[which] = min(shortest[which], seconds)
    return shortest[1] / shortest[0]
