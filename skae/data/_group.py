"""The processes that fit one model together, each to rows of its own.

Nothing else knows torch.distributed.
"""

import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Group:
    """Some processes, of which this one has a rank; alone, unless it is said.

    All ranks have to call the same methods in the same order. Alone, each method
    returns what it is given.

    Raises
    ------
    ConnectionError
        By every method, where another rank is gone or does not answer.
    """

    rank: int = 0
    size: int = 1

    def sum(self, value):
        """Return the sum over the ranks of a number or of an array of numbers."""
        if self.size == 1:
            return value
        import torch

        total = torch.tensor(np.asarray(value, dtype=np.float64))
        self.add_(total)
        return total.numpy() if np.ndim(value) else type(value)(total.item())

    def mean(self, value, weight):
        """Return the mean over the ranks of a number or an array, by a weight each."""
        if self.size == 1:
            return value
        total = self.sum(np.append(np.multiply(value, weight), weight))
        return total[:-1].reshape(np.shape(value)) / total[-1]

    def gather(self, value):
        """Return the list of all ranks' values, objects of any kind."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        self._call("all_gather_object", values, value)
        return values

    def broadcast(self, value):
        """Return rank 0's value."""
        if self.size == 1:
            return value
        values = [value]
        self._call("broadcast_object_list", values, src=0)
        return values[0]

    def add_(self, tensor):
        """Add to a tensor, in place, those of the other ranks."""
        if self.size > 1:
            self._call("all_reduce", tensor)

    def copy_(self, tensors):
        """Give tensors, in place, the values that they have on rank 0."""
        if self.size == 1:
            return
        for tensor in tensors:
            dense = tensor.contiguous()
            self._call("broadcast", dense, src=0)
            if dense is not tensor:
                tensor.copy_(dense)

    @contextmanager
    def together(self):
        """Let what fails on one rank fail on all: the others would wait for it."""
        failure = None
        try:
            yield
        except ConnectionError:
            raise
        except Exception as error:
            if self.size == 1:
                raise
            failure = error
        if self.size == 1:
            return
        told = failure and f"{type(failure).__name__}: {failure}"
        found = self.gather(told)
        if failure is not None:
            raise failure
        for rank, message in enumerate(found):
            if message is not None:
                raise ValueError(f"Rank {rank} of {self.size} failed. {message}")

    def _call(self, name, *arguments, **options):
        from torch import distributed

        try:
            getattr(distributed, name)(*arguments, **options)
        except RuntimeError as error:
            raise ConnectionError(
                f"Rank {self.rank} of {self.size} waited for another rank, which has "
                f"ended or does not answer: {_first_sentence(error)}. Start all ranks "
                "again: with `checkpoint`, the fit goes on where it was."
            ) from error


ALONE = Group()


def _first_sentence(error):
    """Return what an error says first, without the line of C++ that it is from."""
    text = re.sub(r"^\[\S+\] ", "", str(error).strip())
    return re.split(r"\. |\n", text)[0]


def find_group():
    """Return the group of the process group that torch has, or `ALONE`.

    Raises
    ------
    ValueError
        If that cannot take what is in the memory of the host.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available():
        return ALONE
    if not distributed.is_initialized():
        return ALONE
    group = Group(distributed.get_rank(), distributed.get_world_size())
    if group.size == 1:
        return ALONE
    backends = distributed.get_backend_config()
    if "cpu:" not in str(backends):
        raise ValueError(
            f"The process group has the backend {str(backends)!r}, which cannot send "
            "what is in the host's memory. Start it by "
            "torch.distributed.init_process_group('gloo'), or 'cpu:gloo,cuda:nccl'."
        )
    return group


@contextmanager
def process_group(address, rank, size):
    """Let torch have a process group within the block; its ranks meet at an address."""
    from torch import distributed

    distributed.init_process_group(
        "gloo", init_method=f"tcp://{address}", rank=rank, world_size=size
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()
