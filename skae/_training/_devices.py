"""Where to compute, and in which precision."""

import functools
import time

import torch

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.float32,  # weights and data; the matrix products are bfloat16
}


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

    A GPU takes a fraction of the time, and a CPU with instructions for it; one without
    takes hundreds of times as long.
    """
    device = torch.device(device)
    if device.type != "cpu":
        return 0.5
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(512, 512, dtype=dtype)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            matrix @ matrix
            times.append(time.perf_counter() - start)
        seconds[dtype] = min(times)
    return seconds[torch.bfloat16] / seconds[torch.float32]
