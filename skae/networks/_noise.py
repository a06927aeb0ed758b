"""Parts that draw random numbers while a network trains and while it is judged."""

from contextlib import contextmanager

import torch

from ._network import RandomPart


class NoisePart(RandomPart):
    """Draws from `generator` while training, and from nothing once it is trained.

    Inside `fixed_noise` it draws in evaluation mode too, the same numbers every time:
    a loss that depends on chance is then a function of the weights alone, and two
    networks can be told apart by it.
    """

    draws_when_judged = True

    def __init__(self):
        super().__init__()
        self._is_judged = False
        self._judging_generator = None

    def noise_source(self, device):
        """Return the generator to draw from now, or None."""
        if self.training:
            return self.generator
        if self._is_judged and self._judging_generator is None:
            seed = 0 if self.generator is None else self.generator.initial_seed() + 1
            self._judging_generator = torch.Generator(device).manual_seed(seed)
        return self._judging_generator

    @property
    def is_active(self):
        """Whether noise is wanted now."""
        return self.training or self._is_judged

    def judge(self, is_judged):
        """Begin or end a pass with fixed noise."""
        self._is_judged = is_judged
        self._judging_generator = None


def has_noise(module):
    """Whether a module draws random numbers while it is judged."""
    return any(
        isinstance(part, NoisePart) and part.draws_when_judged
        for part in module.modules()
    )


@contextmanager
def fixed_noise(module):
    """Let the noise of a module act in evaluation mode, from its beginning."""
    parts = [part for part in module.modules() if isinstance(part, NoisePart)]
    for part in parts:
        part.judge(True)
    try:
        yield
    finally:
        for part in parts:
            part.judge(False)
