"""Too little memory is a MemoryError, whoever notices."""

from contextlib import contextmanager


@contextmanager
def memory_errors():
    """Raise a MemoryError where torch's allocator has a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        _, found, message = str(error).partition("DefaultCPUAllocator: ")
        if not found:
            raise
        raise MemoryError(message.split("\n")[0]) from error
