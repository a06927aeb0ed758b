"""Ctrl-C at random moments of `fit`: the caller hears it, and nothing is lost.

``python -m benchmarks.interrupts [N_MOMENTS]`` sends SIGINT at 100 moments of fits of
four kinds, half of them to estimators that are fitted already, and counts those after
which KeyboardInterrupt came and the estimator was unfitted, or as before, bit by bit.
"""

import os
import signal
import sys
import threading
import time

import numpy as np
from sklearn.datasets import load_digits

from skae import (
    AutoencoderClassifier,
    AutoencoderTransformer,
    StackedAutoencoder,
    VariationalAutoencoder,
)

ESTIMATORS = [
    AutoencoderTransformer(8, random_state=0),
    VariationalAutoencoder(8, random_state=0),
    StackedAutoencoder(8, max_iter=20, random_state=0),
    AutoencoderClassifier(AutoencoderTransformer(8, max_iter=20), random_state=0),
]


def hit(estimator, X, y, delay):
    """Return whether an interrupt after a delay reached the caller of `fit`."""
    timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        estimator.fit(X, y)
    except KeyboardInterrupt:
        return True
    try:  # the fit was faster: the signal is for this sleep
        timer.join()
        time.sleep(0.1)
    except KeyboardInterrupt:
        return None
    return False


def is_right(estimator, before, codes, X):
    if vars(estimator).keys() != before.keys():
        return False
    return codes is None or np.array_equal(estimator.transform(X), codes)


def main(n_moments):
    # a shell's background jobs ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    digits, y = load_digits(return_X_y=True)
    X, other = digits[:400], digits[:300, :40]
    rng = np.random.default_rng(0)
    n_right = n_late = 0
    for i in range(n_moments):
        estimator = ESTIMATORS[i % len(ESTIMATORS)]
        start = time.perf_counter()
        fitted = estimator.__class__(**estimator.get_params(deep=False)).fit(X, y[:400])
        seconds = time.perf_counter() - start
        is_fitted = i // len(ESTIMATORS) % 2 == 1
        tried = fitted if is_fitted else fitted.__class__(**fitted.get_params(False))
        codes = tried.transform(X) if is_fitted else None
        before = vars(tried).copy()
        heard = hit(tried, other, y[:300], rng.uniform(0, 0.8 * seconds))
        n_late += heard is None
        n_right += heard is True and is_right(tried, before, codes, X)
    print(f"{n_right} of {n_moments - n_late} interrupts right ({n_late} came late)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
