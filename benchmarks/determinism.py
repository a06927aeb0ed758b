"""How far results move with other threads and other instruction sets.

``python -m benchmarks.determinism`` fits some estimators in fresh processes: twice as
they are, with two threads instead of one, and with the instructions of older CPUs, as
the libraries' own variables ask for them. It prints by how much the held-out error, the
R² on test rows and the codes of these rows move at most; and the codes of a model
that was fitted once and loaded from a file, and below the median of all fits.
"""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

import skae

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
OLD = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENBLAS_CORETYPE": "Nehalem",
}
SETTINGS = {
    "again": {},
    "two threads": {"OMP_NUM_THREADS": "2"},
    "torch without AVX-512": {"ATEN_CPU_CAPABILITY": "avx2"},
    "all without AVX-512": AVX2,
    "all without AVX": OLD,
}


def tables():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(2500, 6))
    wide = np.tanh(Z @ rng.normal(size=(6, 784))) + 0.1 * rng.normal(size=(2500, 784))
    return {
        "wine": load_wine().data,
        "breast_cancer": load_breast_cancer().data,
        "digits": load_digits().data,
        "2500 x 784": wide,
    }


def estimators(name):
    epochs = 3 if name == "2500 x 784" else 40
    options = {"n_components": 4, "max_iter": epochs, "random_state": 0}
    return [
        skae.AutoencoderTransformer(**options),
        skae.AutoencoderTransformer(init="random", early_stopping=False, **options),
        skae.VariationalAutoencoder(**options),
    ]


def results(folder):
    """Return error, R² and codes of each fit, and codes of stored models."""
    found = []
    for name, X in tables().items():
        train, test = X[::2], X[1::2]
        for number, estimator in enumerate(estimators(name)):
            path = folder / f"{name} {number}.safetensors"
            estimator.fit(train)
            if not path.exists():
                estimator.save(path)
            Z = estimator.transform(test)
            stored = skae.load(path).transform(test)
            error, score = estimator.reconstruction_error_, estimator.score(test)
            found.append((error, score, Z, stored))
    return found


def differences(found, expected):
    """Return the largest differences: relative for errors, in deviations for codes."""
    rows = []
    for (error, score, Z, stored), other in zip(found, expected, strict=True):
        deviation = other[2].std(axis=0).max()
        rows.append(
            [
                abs(error / other[0] - 1),
                abs(score - other[1]),
                np.abs(Z - other[2]).max() / deviation,
                np.abs(stored - other[3]).max() / other[3].std(axis=0).max(),
            ]
        )
    return np.array(rows)


def measure(settings, folder):
    """Return the results of a process of its own."""
    path = folder / "results.pickle"
    script = [sys.executable, "-m", "benchmarks.determinism", str(folder), str(path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | settings
    subprocess.run(script, env=environment, check=True)
    return pickle.loads(path.read_bytes())


def main():
    columns = ("error", "R²", "codes", "codes, stored model")
    print(f"{'':24}" + "".join(f"{column:>21}" for column in columns))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = measure({}, folder)
        for label, settings in SETTINGS.items():
            found = differences(measure(settings, folder), expected)
            for name, row in (
                (label, found.max(axis=0)),
                ("  median", np.median(found, axis=0)),
            ):
                cells = "".join(f"{value:>21.1e}" for value in row)
                print(f"{name:24}{cells}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[2]).write_bytes(pickle.dumps(results(Path(sys.argv[1]))))
    else:
        main()
