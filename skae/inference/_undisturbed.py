"""Torch as it comes, whatever the code around has set for itself."""

from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def undisturbed():
    """Compute the same wherever it is called, and say in Python's words what is short.

    The default device, automatic mixed precision and modes without gradients are meant
    for the tensors of the code around. Where torch's allocator has a RuntimeError, this
    raises a MemoryError.
    """
    try:
        with torch.inference_mode(False), torch.enable_grad(), _plain():
            yield
    except RuntimeError as error:
        _, found, message = str(error).partition("DefaultCPUAllocator: ")
        if not found:
            raise
        raise MemoryError(message.split("\n")[0]) from error


@contextmanager
def _plain():
    with ExitStack() as stack:
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield
