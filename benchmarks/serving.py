"""One row through a fitted Pipeline, and through its ONNX file in onnxruntime.

    OMP_NUM_THREADS=1 python -m benchmarks.serving

StandardScaler and the default autoencoder, made data, 8 components of 20 columns and 32
of 784. Microseconds are of float32 rows, the smallest of several times measured in
turn; onnxruntime has one thread. "difference" is the largest from the Pipeline's
results for float64 rows, in standard deviations of these results, over 1000 rows.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks._data import machine, made_table
from benchmarks.speed import in_turn
from skae import AutoencoderTransformer
from skae.export import to_onnx

COMPONENTS = {20: 8, 784: 32}
METHODS = ("transform", "inverse_transform", "score_samples")
ROWS = (1, 100)
TRAINING_ROWS = 2000
TEST_ROWS = 1000


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options)


def difference(found, expected):
    return np.max(np.abs(found - expected) / expected.std(axis=0))


def compare(pipeline, method, X, path, repeats):
    """Print a line for each number of rows."""
    to_onnx(pipeline, path, method=method)
    served, ours = session(path), getattr(pipeline, method)
    rows = X.astype(np.float32)
    largest = difference(served.run(None, {"X": rows})[0], ours(X))
    for n_rows in ROWS:
        block = rows[:n_rows]
        seconds = in_turn(
            lambda block=block: ours(block),
            lambda block=block: served.run(None, {"X": block}),
            repeats,
            inner=50,
        )
        name = f"{method}, {n_rows} x {pipeline.n_features_in_}"
        times = "".join(f"{1e6 * each:12.0f}" for each in seconds)
        size = path.stat().st_size / 1000
        print(f"{name:<30}{times}{size:9.0f} {largest:11.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=40)
    arguments = parser.parse_args()
    print(f"{machine()}, onnxruntime {onnxruntime.__version__}")
    heads = f"{'Pipeline us':>12}{'ONNX us':>12}{'kB':>9} {'difference':>11}"
    print(f"{'':<30}{heads}")
    with tempfile.TemporaryDirectory() as folder:
        for n_features, n_components in COMPONENTS.items():
            X = made_table(TRAINING_ROWS + TEST_ROWS, n_features)
            autoencoder = AutoencoderTransformer(n_components, max_iter=2)
            pipeline = make_pipeline(StandardScaler(), autoencoder)
            pipeline.fit(X[:TRAINING_ROWS])
            test = X[TRAINING_ROWS:]
            for method in METHODS:
                rows = test
                if method == "inverse_transform":
                    rows = pipeline.transform(test)
                path = Path(folder) / f"{method}_{n_features}.onnx"
                compare(pipeline, method, rows, path, arguments.repeats)


if __name__ == "__main__":
    main()
