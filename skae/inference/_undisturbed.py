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
        with ExitStack() as stack:
            for mode in _modes():
                stack.enter_context(mode)
            yield
    except RuntimeError as error:
        _, found, message = str(error).partition("DefaultCPUAllocator: ")
        if not found:
            raise
        raise MemoryError(message.split("\n")[0]) from error


def _modes():
    """Yield the contexts that undo what is set; in most calls nothing is."""
    if torch.is_inference_mode_enabled():
        yield torch.inference_mode(False)
    if not torch.is_grad_enabled():
        yield torch.enable_grad()
    if torch.get_default_device().type != "cpu":
        yield torch.device("cpu")
    for kind in ("cpu", "cuda"):
        if torch.is_autocast_enabled(kind):
            yield torch.autocast(kind, enabled=False)
