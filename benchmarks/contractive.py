"""What a step of ContractiveAutoencoder costs, over a step of AutoencoderTransformer.

    OMP_NUM_THREADS=1 python -m benchmarks.contractive

Ratios of the fastest of several fits of each, taken in turns; the same number of steps,
network and rows.
"""

import argparse
import time

import numpy as np

from benchmarks._data import machine, parsed
from skae import AutoencoderTransformer, ContractiveAutoencoder

# columns, components, hidden layers
NETWORKS = [
    (64, 2, (256,)),
    (64, 3, (256,)),
    (64, 16, (256,)),
    (784, 3, (256,)),
    (784, 32, ()),
    (784, 32, (256,)),
    (784, 32, (512, 128)),
    (784, 256, ()),
]


def seconds(estimator, X):
    """Return what the estimator's epochs took, set-up and summary aside."""
    start = time.perf_counter()
    estimator.fit(X)
    whole = time.perf_counter() - start
    return min(whole, sum(estimator.net_.history[:, "dur"]))


def measure(n_features, n_components, widths, repeats):
    X = np.random.default_rng(0).random((2560, n_features), dtype=np.float32)
    options = {
        "hidden_layer_sizes": widths,
        "tied_weights": True,
        "batch_size": 256,
        "max_iter": 2,
        "early_stopping": False,
        "solver": "adamw",
        "loss": "absolute_error",  # squared error and no layers is solved by PCA
        "random_state": 0,
    }
    plain = AutoencoderTransformer(n_components, **options)
    contractive = ContractiveAutoencoder(n_components, **options)
    times = np.array(
        [[seconds(model, X) for model in (plain, contractive)] for _ in range(repeats)]
    )
    return times.min(axis=0) / 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parsed(parser)
    print(machine())
    for network in NETWORKS:
        plain, contractive = measure(*network, arguments.repeats)
        print(
            f"{network}: plain {1e3 * plain:.2f} ms a step, "
            f"contractive {1e3 * contractive:.2f} ms, ratio {contractive / plain:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
