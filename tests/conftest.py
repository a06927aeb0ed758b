"""Settings of the whole test suite."""

import os

# scikit-learn's estimator checks dispatch on the array API, which scipy enables
# only if this is set before its first import.
os.environ["SCIPY_ARRAY_API"] = "1"
# Tests run in two processes: threads of theirs would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test opens a window.
os.environ.setdefault("MPLBACKEND", "agg")
