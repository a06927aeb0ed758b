"""The tables that benchmarks run on, and a line that says where they ran."""

import gzip
import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

BUNDLED = {
    "digits": datasets.load_digits,
    "breast_cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
    "iris": datasets.load_iris,
    "linnerud": datasets.load_linnerud,
}
FILES = (
    "letter",
    "optdigits",
    "magic",
    "spambase",
    "texture",
    "vowel",
    "ecg_gunpoint",
    "acsf1",
)
TABLES = (
    "ad_data",
    "ames",
    "cells",
    "credit_data",
    "diamonds",
    "meats",
    "mlc_churn",
    "penguins",
    "taxi",
    "yrbss",
)
BLOCK_ROWS = 2000


def data_folder():
    """Return the folder of the data files: $SKAE_DATA, or the first that exists."""
    folders = [os.environ.get("SKAE_DATA"), "data", "../shared/data"]
    for folder in folders:
        if folder and Path(folder).is_dir():
            return Path(folder)
    raise SystemExit("Set SKAE_DATA to the folder that holds letter.npz, mnist/ ...")


def load_table(name):
    """Return the columns of a table as float64, shape (n_samples, n_features)."""
    if name in BUNDLED:
        return np.asarray(BUNDLED[name]().data, dtype=np.float64)
    if name in TABLES:
        return numeric_columns(data_folder() / "tables" / f"{name}.parquet")
    with np.load(data_folder() / f"{name}.npz", allow_pickle=False) as archive:
        return archive["X"].astype(np.float64)


def numeric_columns(file):
    """Return a file's numeric columns that vary, of the rows that miss no cell."""
    import pandas as pd

    frame = pd.read_parquet(file).select_dtypes("number").dropna()
    return frame.loc[:, frame.nunique() > 1].to_numpy(dtype=np.float64)


def standardised_split(X, seed, test_size=None, train_size=None):
    """Return training and test rows, scaled by the training rows' mean and deviation.

    With one of the sizes, the other part has all other rows.
    """
    X_train, X_test = train_test_split(
        X, test_size=test_size, train_size=train_size, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test)


def load_images(name="mnist"):
    """Return (X_train, y_train, X_test, y_test), pixels in [0, 1] as float32."""

    def read(file, offset):
        with gzip.open(data_folder() / name / f"{file}-ubyte.gz") as stream:
            return np.frombuffer(stream.read(), dtype=np.uint8, offset=offset)

    def images(part):
        pixels = read(f"{part}-images-idx3", 16).reshape(-1, 784)
        return pixels.astype(np.float32) / 255

    return (
        images("train"),
        read("train-labels-idx1", 8),
        images("t10k"),
        read("t10k-labels-idx1", 8),
    )


def made_table(n_samples, n_features):
    """Return made data of eight hidden variables as float64."""
    return fill(np.empty((n_samples, n_features)))


def fill(X, seed=0):
    """Write columns that are curved in eight hidden variables, and noise, into X.

    A block at a time: X is all the memory that it takes.
    """
    rng = np.random.default_rng(seed)
    axes = rng.standard_normal((8, X.shape[1]))
    for start in range(0, len(X), BLOCK_ROWS):
        block = X[start : start + BLOCK_ROWS]
        hidden = rng.standard_normal((len(block), 8))
        block[:] = np.sin(hidden @ axes / 2)
        block += 0.1 * rng.standard_normal(block.shape)
    return X


def parsed(parser):
    """Return the arguments; one of them says on which device estimators fit.

    They take a GPU where torch sees one. So "cpu" hides it, from processes that this
    one starts as well, and "cuda" makes sure that there is one.
    """
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    arguments = parser.parse_args()
    if arguments.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif arguments.device == "cuda" and not is_on_gpu():
        raise SystemExit("--device cuda: torch sees no GPU here.")
    return arguments


def is_on_gpu():
    """Whether estimators with ``device="auto"`` fit on a GPU."""
    import torch

    return torch.cuda.is_available()


def machine():
    """Return a line about the machine, the libraries and the threads."""
    import torch

    names = ("skae", "scikit-learn", "torch", "skorch", "numpy")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    device = f"{torch.cuda.get_device_name()}, " if is_on_gpu() else ""
    return (
        f"{device}{os.cpu_count()} cores ({platform.machine()}), "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, "
        f"{torch.get_num_threads()} torch threads; "
        f"Python {platform.python_version()}, {libraries}"
    )
