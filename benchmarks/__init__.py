"""Benchmarks: each module is a script that prints ratios measured in one run."""

import warnings

from skae.exceptions import PCAFallbackWarning

warnings.simplefilter("ignore", PCAFallbackWarning)  # the figures say so
