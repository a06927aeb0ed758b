"""What more epochs and wider layers buy.

    OMP_NUM_THREADS=1 python -m benchmarks.longer

Test error over PCA's and seconds of a fit, the means over the seeds; four components,
standardised columns, 25 % of the rows held out. The factors multiply the epochs that
"auto" stands for; networks wider than "auto" get the factors up to 3.
"""

import argparse
import time

import numpy as np

from benchmarks._data import load_table, machine, parsed, standardised_split
from benchmarks._rivals import PCAReducer, mean_error
from skae import AutoencoderTransformer

N_COMPONENTS = 4
WIDTHS = {"auto": "auto", "2 x 256": (256, 256), "2 x 512": (512, 512)}
WIDE_FACTOR = 3  # at most: each epoch of theirs costs many of the others


def measure(X, seed, sizes, factors):
    """Return test errors over PCA's and seconds, of "auto" epochs and by factor."""
    X, X_test = standardised_split(X, seed, test_size=0.25)
    reference = mean_error(PCAReducer(N_COMPONENTS, seed).fit(X), X_test)
    cells, n_epochs = [], None
    for factor in [1, *factors]:
        model = AutoencoderTransformer(
            N_COMPONENTS,
            hidden_layer_sizes=sizes,
            max_iter="auto" if n_epochs is None else round(factor * n_epochs),
            random_state=seed,
        )
        start = time.perf_counter()
        model.fit(X)
        seconds = time.perf_counter() - start
        n_epochs = n_epochs or model.max_iter_
        cells.append((mean_error(model, X_test) / reference, seconds))
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    tables = ["letter", "optdigits", "texture", "magic", "digits"]
    parser.add_argument("--tables", nargs="+", default=tables)
    parser.add_argument("--factors", nargs="*", type=float, default=[3, 10])
    parser.add_argument("--widths", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parsed(parser)
    AutoencoderTransformer().fit(np.eye(20))  # imports are not what is measured
    print(machine())
    titles = "".join(f"{f'{f:g} x epochs':>14}      s" for f in [1, *arguments.factors])
    print(f"{'over PCA':<12}{'widths':<9}{titles}")
    for name in arguments.tables:
        X = load_table(name)
        for width in arguments.widths:
            factors = [
                factor
                for factor in arguments.factors
                if width == "auto" or factor <= WIDE_FACTOR
            ]
            cells = np.mean(
                [measure(X, seed, WIDTHS[width], factors) for seed in arguments.seeds],
                axis=0,
            )
            text = "".join(f"{error:14.3f}{seconds:7.1f}" for error, seconds in cells)
            print(f"{name:<12}{width:<9}{text}", flush=True)


if __name__ == "__main__":
    main()
