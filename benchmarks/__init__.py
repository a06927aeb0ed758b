"""Benchmarks: each module is a script that prints ratios measured in one run."""
