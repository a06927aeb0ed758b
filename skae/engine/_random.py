"""Generators of torch from scikit-learn's random_state; no global state is touched."""

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

_GLOBAL_GENERATORS = threading.RLock()


def make_seed(random_state):
    """Return an int seed: from the system for None, drawn from a RandomState."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(np.iinfo(np.int32).max))
    return int(random_state)


@dataclass(frozen=True)
class Seed:
    """An int and a path of names: whoever draws, by another name, draws otherwise."""

    entropy: int
    path: tuple = ()

    def child(self, name):
        """Return the seed of a part."""
        return Seed(self.entropy, (*self.path, *str(name).encode(), 0))

    def of_rank(self, ranks):
        """Return the seed of what each rank of a `Group` draws for itself."""
        return self if ranks.size == 1 else self.child(f"rank {ranks.rank}")

    def sequence(self, name):
        """Return numpy's SeedSequence for one use."""
        return np.random.SeedSequence(self.entropy, spawn_key=self.child(name).path)

    def integer(self, name):
        """Return an int in [0, 2^31) for one use."""
        return int(self.sequence(name).generate_state(1)[0] >> 1)

    def rng(self, name):
        """Return a numpy Generator for one use."""
        return np.random.default_rng(self.integer(name))

    def generator(self, name, device="cpu"):
        """Return a torch.Generator for one use."""
        state = int(self.sequence(name).generate_state(1, np.uint64)[0]) >> 1
        return torch.Generator(device=device).manual_seed(state)


@contextmanager
def seeded_globally(generator):
    """Seed the global generators from `generator` while the block runs.

    For code that knows no other way, such as the constructors of torch's modules. The
    generators of torch (on the CPU), numpy and Python get their state back, and two
    threads take turns.
    """
    seed = int(torch.randint(2**31, (), generator=generator))
    with _GLOBAL_GENERATORS:
        legacy = np.random.get_state()  # noqa: NPY002
        before = torch.get_rng_state(), legacy, random.getstate()
        torch.default_generator.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            torch.set_rng_state(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
            random.setstate(before[2])
