"""Generators of torch from scikit-learn's random_state; no global state is touched."""

import numpy as np
import torch


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
