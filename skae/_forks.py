"""One OpenMP thread in forked processes.

A fork has the calling thread alone, and libgomp waits for ever for the threads that it
had in the parent. Python threads that the child starts have new ones.
"""

import os
import sys


def _use_one_thread():
    if "torch" in sys.modules:  # else nothing here has used threads
        from threadpoolctl import threadpool_limits  # slow beside `import skae`

        threadpool_limits(1, user_api="openmp")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
