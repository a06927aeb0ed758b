"""Forked processes: preloading web servers, pools of multiprocessing."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing
import numpy as np, torch
from skae import AutoencoderTransformer

def fit(X):
    autoencoder = AutoencoderTransformer(2, max_iter=1, init="pca", random_state=0)
    autoencoder.fit(X).partial_fit(X)
    return autoencoder.score(X), float(torch.ones(2**18).exp().sum())

X = np.random.default_rng(0).normal(size=(1000, 20))
torch.ones(2**18).exp()  # in two threads
with multiprocessing.get_context("fork").Pool(1) as pool:
    scores = pool.map(fit, [X])
np.testing.assert_allclose(scores, [fit(X)], rtol=1e-5)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_nothing_hangs_after_fork():
    """A child fits and computes, though its parent has used more threads than one."""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        env=os.environ | {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"},
        check=True,
        timeout=120,
    )
