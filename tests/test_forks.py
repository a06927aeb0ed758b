"""Processes that others start: preloading web servers, pools of multiprocessing."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[1])
SCRIPT = """
import multiprocessing
import sys
import numpy as np, torch
from skae import AutoencoderTransformer

def fit(X):
    autoencoder = AutoencoderTransformer(
        2, max_iter=1, init="pca", early_stopping=False, random_state=0
    )
    autoencoder.fit(X).partial_fit(X)
    return autoencoder.score(X), float(torch.ones(2**18).exp().sum())

if __name__ == "__main__":
    X = np.random.default_rng(0).normal(size=(1000, 20))
    torch.ones(2**18).exp()  # in two threads
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        scores = pool.map(fit, [X])
    np.testing.assert_allclose(scores, [fit(X)], rtol=1e-5)
"""


@pytest.mark.parametrize(
    "method", [pytest.param("fork", marks=pytest.mark.slow), "spawn"]
)
def test_processes_fit_and_compute(method, tmp_path):
    """Nothing hangs, though the parent has used more threads than one."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("there is no fork")
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    subprocess.run(
        [sys.executable, "-W", "ignore", path, method],
        env=os.environ
        | {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive", "PYTHONPATH": ROOT},
        check=True,
        timeout=240,
    )
