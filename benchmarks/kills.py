"""SIGKILL at random moments of `fit`: the next one goes on and ends the same.

``python -m benchmarks.kills [N_KILLS [KIND ...]]`` starts fits with a checkpoint in
processes of their own, kills each at a random moment (every second one while it writes)
and fits again. That has to end with the bits of a fit that nobody killed, and leave no
file behind. Kinds are those of ESTIMATORS, all by default. Every epoch is written, to
have more writes to kill than there are in normal use.
"""

import hashlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits

from skae import (
    AutoencoderClassifier,
    AutoencoderTransformer,
    StackedAutoencoder,
    VariationalAutoencoder,
    files,
)
from skae.engine import _resume

ESTIMATORS = {
    "small": AutoencoderTransformer(
        8,
        hidden_layer_sizes=(16,),
        init="pca",
        solver="muon",
        max_iter=20,
        early_stopping=False,
        random_state=0,
    ),
    "plain": AutoencoderTransformer(8, max_iter=40, random_state=0),
    "random": AutoencoderTransformer(
        8, init="random", solver="muon", dropout=0.1, max_iter=40, random_state=0
    ),
    "variational": VariationalAutoencoder(8, max_iter=40, random_state=0),
    "stacked": StackedAutoencoder(8, max_iter=20, random_state=0),
    "few_rows": AutoencoderTransformer(8, max_iter=40, random_state=0),
    "classifier": AutoencoderClassifier(
        AutoencoderTransformer(8, max_iter=20), max_iter=20, random_state=0
    ),
}
N_ROWS = {"few_rows": 300, "small": 300}
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "sklearn.datasets",
        "skae.engine._fit",
        "skae.engine._fine_tuning",
        "skae.estimators._classifier",
        "skae.estimators._stacked",
        "skae.estimators._variational",
        "skae.files._checkpoint",
        "torch._dynamo",
    ]
)


def fit(kind, path, answer):
    """Fit with a checkpoint, and send a digest of all that was learnt."""
    warnings.simplefilter("ignore")
    _resume.SHARE = 1.0  # every epoch
    X, y = load_digits(return_X_y=True)
    n_rows = N_ROWS.get(kind, 600)
    fitted = clone(ESTIMATORS[kind]).set_params(checkpoint=path)
    answer.send("begins")
    start = time.perf_counter()
    fitted.fit(X[:n_rows], y[:n_rows])
    seconds = time.perf_counter() - start
    weights = fitted.net_.module_.state_dict()
    digest = hashlib.sha256(fitted.transform(X).tobytes())
    for values in (*weights.values(), fitted.loss_curve_):
        digest.update(np.asarray(values).tobytes())
    answer.send((digest.hexdigest(), seconds))


def started(kind, path):
    """Return a process that begins to fit, and where its answer comes from."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=fit, args=(kind, path, sender))
    process.start()
    sender.close()
    receiver.recv()
    return process, receiver


def whole_fit(kind, path):
    """Return digest and seconds of a fit that nobody kills."""
    process, receiver = started(kind, path)
    answer = receiver.recv()
    process.join()
    return answer


def is_writing(folder):
    return any(name.endswith(".part") for name in os.listdir(folder))


def killed(kind, path, delay, *, in_write):
    """Kill a fit after a delay. Return whether it was alive, and writing."""
    process, _ = started(kind, path)
    process.join(delay)
    while in_write and process.is_alive() and not is_writing(path.parent):
        pass
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    was_alive = process.exitcode == -signal.SIGKILL
    return was_alive, was_alive and is_writing(path.parent)


def n_links(path):
    """Return how many decisions and trainings a checkpoint knows of."""
    file = files.CheckpointFile(path)
    known = file.read()
    file.close()
    return 0 if known is None else len(known["links"])


def main(n_kills, kinds):
    rng = np.random.default_rng(0)
    n_right = n_writing = n_going_on = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        expected = {kind: whole_fit(kind, path) for kind in kinds}
        for i in range(n_kills):
            kind = kinds[i % len(kinds)]
            digest, seconds = expected[kind]
            was_alive = False
            while not was_alive:  # some end before they are killed
                delay = rng.uniform(0, seconds)
                in_write = i // len(kinds) % 2 == 1
                was_alive, was_writing = killed(kind, path, delay, in_write=in_write)
            n_writing += was_writing
            n_going_on += n_links(path) > 0
            is_same, left = whole_fit(kind, path)[0] == digest, os.listdir(folder)
            n_right += is_same and not left
            if left or not is_same:
                print(
                    f"{kind}, killed after {delay:.3f} s: same={is_same}, left {left}"
                )
    print(f"{n_right} of {n_kills} fits that were killed ended as if they were not")
    print(
        f"{n_writing} were killed while they wrote, {n_going_on} had something to go on"
    )
    for kind, (_, seconds) in expected.items():
        print(f"{kind:<12} {seconds:5.2f} s without a kill")


if __name__ == "__main__":
    n_kills, *kinds = sys.argv[1:] or [200]
    main(int(n_kills), kinds or [*ESTIMATORS])
