"""Where to compute, and in which precision."""

import functools
import time

import torch

from ..data._threads import threads_for

SIDE = 256  # of a matrix: 34 million operations, 0.4 ms in float32
ROUNDS = 20


def resolve_device(device):
    """Return the torch.device for the estimator's `device` parameter."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"device={device!r} is not available here: {_first_line(error)} "
            "Use 'auto', 'cpu', or 'cuda' where torch.cuda.is_available()."
        ) from error
    return resolved


def _first_line(error):
    return str(error).strip().split("\n")[0].rstrip(".") + "."


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
