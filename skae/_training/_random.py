"""Generators of torch from scikit-learn's random_state; no global state is touched."""

import random
import threading
from contextlib import contextmanager

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


def make_generators(seed, names, device="cpu"):
    """Return one independent torch.Generator for each name, on `device`."""
    states = np.random.SeedSequence(seed).generate_state(len(names), dtype=np.uint64)
    return {
        name: torch.Generator(device=device).manual_seed(int(state >> np.uint64(1)))
        for name, state in zip(names, states, strict=True)
    }


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
