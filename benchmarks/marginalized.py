"""Time of a closed-form denoiser over that of an iterative one of the same error.

    OMP_NUM_THREADS=2 python -m benchmarks.marginalized

Both are linear maps from corrupted to clean rows: one layer of
MarginalizedDenoisingAutoencoder, and a DenoisingAutoencoder with linear units and a
code as wide as the rows. Columns are centred and masked to zero, their mean, with
probability 0.3. The error is the mean squared error of denoised test rows over that of
the test rows themselves. The iterative one trains for 1, 2, 4, ... epochs, its best
solver each time, until its error is within 1 % of the closed form's.
"""

import argparse
import time

import numpy as np

from benchmarks._data import load_images, load_table, machine, parsed
from skae import DenoisingAutoencoder, MarginalizedDenoisingAutoencoder

NOISE_LEVEL = 0.3
SOLVERS = {"adam": 1e-3, "muon": "auto"}
WITHIN = 1.01


def load(name, n_samples):
    if name == "mnist":
        X, _, X_test, _ = load_images(name)
        X, X_test = X[:n_samples], X_test[:2000]
    else:
        X = load_table(name).astype(np.float32)
        X = X[np.random.default_rng(0).permutation(len(X))]
        X, X_test = X[: -len(X) // 4], X[-len(X) // 4 :]
    mean = X.mean(axis=0)
    return X - mean, X_test - mean


def iterative(X, solver, max_iter):
    return DenoisingAutoencoder(
        X.shape[1],
        noise="masking",
        noise_level=NOISE_LEVEL,
        hidden_layer_sizes=(),
        init="random",
        solver=solver,
        learning_rate_init=SOLVERS[solver],
        max_iter=max_iter,
        early_stopping=False,
        random_state=0,
    )


def linear_denoiser(marginalized, X):
    """Return the first layer's denoised rows in the units of X."""
    codes = marginalized.transform(X).astype(np.float64)
    scale = marginalized.module_.scale.numpy()
    return np.arctanh(np.clip(codes, -1 + 1e-15, 1 - 1e-15)) * scale


def timed(fit, *arguments):
    start = time.perf_counter()
    fitted = fit(*arguments)
    return fitted, time.perf_counter() - start


def compare(name, n_samples, budget):
    X, X_test = load(name, n_samples)
    lost = np.random.default_rng(0).random(X_test.shape) < NOISE_LEVEL
    X_noisy = np.where(lost, 0, X_test).astype(X.dtype)

    def error(X_hat):
        return ((X_hat - X_test) ** 2).mean() / (X_test**2).mean()

    closed = MarginalizedDenoisingAutoencoder(1, noise_level=NOISE_LEVEL)
    closed.fit(X[:100])  # imports
    _, seconds = timed(closed.fit, X)
    target = error(linear_denoiser(closed, X_noisy))
    print(f"{name}, {X.shape}: closed form {seconds:.3f} s, error {target:.4f}")
    for solver in SOLVERS:
        max_iter, spent = 1, 0.0
        while spent < budget:
            fitted, spent = timed(iterative(X, solver, max_iter).fit, X)
            found = error(fitted.reconstruct(X_noisy))
            reached = "reached" if found <= WITHIN * target else ""
            print(
                f"  {solver:<6} {max_iter:5d} epochs {spent:8.2f} s "
                f"({spent / seconds:6.0f} x), error {found:.4f} {reached}",
                flush=True,
            )
            if reached:
                break
            max_iter *= 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", default=["digits", "spambase", "mnist"])
    parser.add_argument("--n-samples", type=int, default=20000)
    parser.add_argument("--budget", type=float, default=300, help="seconds a solver")
    arguments = parsed(parser)
    print(machine())
    for name in arguments.tables:
        compare(name, arguments.n_samples, arguments.budget)


if __name__ == "__main__":
    main()
