"""One thread where two would wait for each other longer than they compute.

A parallel region of OpenMP ends when its last thread does. On a busy machine that
thread may not even be running, and a step that takes 0.2 ms alone then takes 20 ms.
"""

import functools
from contextlib import contextmanager

import torch
from threadpoolctl import ThreadpoolController

# Floating-point operations of a step below which a second thread is not worth it.
SMALL_STEP = 5e7


def step_cost(module, batch_size):
    """Return the floating-point operations of one training step, roughly."""
    return 6 * batch_size * sum(p.numel() for p in module.parameters())


@contextmanager
def threads_for(cost):
    """Compute in one thread if `cost` is small; other Python threads do not notice.

    The number of OpenMP threads belongs to the calling thread. (torch.set_num_threads
    changes it for threads yet to come and for MKL everywhere.)
    """
    if cost >= SMALL_STEP or torch.get_num_threads() == 1:
        yield
        return
    pools = _openmp_pools()
    before = [pool.get_num_threads() for pool in pools]
    for pool in pools:
        pool.set_num_threads(1)
    try:
        yield
    finally:
        for pool, n_threads in zip(pools, before, strict=True):
            pool.set_num_threads(n_threads)


@functools.cache
def _openmp_pools():
    return ThreadpoolController().select(user_api="openmp").lib_controllers
