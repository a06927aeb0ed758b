"""One thread where two would wait for each other longer than they compute.

A parallel region of OpenMP ends when its last thread does. On a busy machine that
thread may not even be running, and a step that takes 0.2 ms alone then takes 20 ms.
"""

import functools
import threading
from contextlib import contextmanager

import torch
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

# Floating-point operations that other threads must take over to be worth the risk: of a
# training step, repeated thousands of times, and of a single pass through the network.
# (A step of half of them in each of two threads is a fifth to a third faster on an idle
# machine, and five times slower on a busy one.)
SMALL_STEP = 1.2e9
SMALL_PASS = 1.5e8


@contextmanager
def threads_for(work, n_rows, *, training=False):
    """Use one thread if so many rows are little work.

    `work` is what a row costs: multiplications of its way through the network.

    So do jobs of joblib that run in threads: together they would want more threads
    than there are cores. (Its processes are told how many they may use.)

    Other Python threads do not notice: the number of OpenMP threads belongs to the
    calling one. (torch.set_num_threads changes it for threads yet to come, and for MKL
    everywhere.)
    """
    n_threads = torch.get_num_threads()
    others = work * n_rows * (1 - 1 / n_threads)
    small = SMALL_STEP / 6 if training else SMALL_PASS / 2
    one_is_enough = others < small or _is_threaded_job()
    if n_threads == 1 or not one_is_enough:
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


def _is_threaded_job():
    in_main_thread = threading.current_thread() is threading.main_thread()
    return not in_main_thread and get_active_backend()[0].nesting_level > 0


@functools.cache
def _openmp_pools():
    return ThreadpoolController().select(user_api="openmp").lib_controllers
