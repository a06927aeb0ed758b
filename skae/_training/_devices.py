"""Where to compute, and in which precision."""

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
