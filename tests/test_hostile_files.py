"""Files made to harm are refused: no code, no crash, no memory, one kind of error.

`SKAE_MUTATIONS=10000 python -m pytest tests/test_hostile_files.py` tries more of them.
"""

import os
import sys
import time
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae.architectures import Conv2d
from skae.exceptions import FileError
from skae.files._records import CLASSES
from skae.files._registry import look_up
from skae.files._shapes import check_widths
from skae.networks._autoencoder import Autoencoder
from skae.tables import TableEncoder

from .hostile import CONTENTS, FILES, Parts, mutated
from .tables import make_curve, make_digits

N_MUTATIONS = int(os.environ.get("SKAE_MUTATIONS", "300"))
SECONDS = 1.0
BYTES = 64 * 2**20
# What code that runs cannot do without; a module that is imported is compiled too.
RUNS_CODE = {
    *(
        "pickle.find_class",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "subprocess.Popen",
    ),
    *("exec", "compile", "import", "socket.connect", "ctypes.dlopen"),
}
seen = None


def _watch(event, arguments):
    if seen is not None and event in RUNS_CODE:
        seen.append((event, arguments))


sys.addaudithook(_watch)


def fit(cls, X, **parameters):
    given = {"max_iter": 2, "hidden_layer_sizes": (4,), "random_state": 0}
    return cls(2, **given | parameters).fit(X)


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    """A few good files in parts, the first of them the one that is changed by hand."""
    folder = tmp_path_factory.mktemp("files")
    X, digits = make_curve(60), make_digits(60)
    mixed = (
        pd.DataFrame(X)
        .add_prefix("x")
        .assign(
            text=[*"abcd", None] * 12,
            kind=pd.Categorical(["yes", "no"] * 30),
            day=pd.date_range("2020-01-01", periods=60, tz="UTC"),
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimators = [
            fit(skae.AutoencoderTransformer, X, init="pca"),
            make_pipeline(StandardScaler(), fit(skae.VariationalAutoencoder, X)).fit(X),
            skae.AutoencoderTransformer(
                2,
                architecture=Conv2d((1, 8, 8), channels=(2, 2)),
                max_iter=1,
                random_state=0,
            ).fit(digits),
            TableEncoder(max_categories=3).fit(mixed),
        ]
    for name in CLASSES:  # what is imported is imported
        look_up(CLASSES, name)
    parts = []
    for number, estimator in enumerate(estimators):
        path = folder / f"{number}.safetensors"
        skae.save(estimator, path)
        skae.load(path)
        parts.append(Parts(path))
    return parts


def load(path):
    """Load a file; return the error or None. Time, memory and manners are watched."""
    global seen
    seen = []
    try:
        start = time.process_time()
        error = try_to_load(path)
        seconds = time.process_time() - start
        tracemalloc.start()  # slow
        try_to_load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        events, seen = seen, None
    assert events == []
    assert seconds < SECONDS
    assert peak < 2 * path.stat().st_size + BYTES
    return error


def try_to_load(path):
    try:
        skae.load(path)
    except FileError as found:
        return found


@pytest.mark.parametrize("make", (FILES | CONTENTS).values(), ids=(FILES | CONTENTS))
def test_a_file_made_to_harm_is_refused(make, good_files, tmp_path):
    """Each with an error that is a FileError and says something."""
    path = tmp_path / "bad.safetensors"
    path.write_bytes(make(good_files[0]))
    error = load(path)
    assert error is not None
    assert str(error)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("header over the limit", "its header would have"),
        ("a key twice", "A key comes twice"),
        ("one byte more", "beyond its arrays"),
    ],
)
def test_errors_say_what_is_wrong(name, message, good_files, tmp_path):
    """The first check that fails is the one that is meant for it."""
    path = tmp_path / "hostile.safetensors"
    path.write_bytes((FILES | CONTENTS)[name](good_files[0].copy()))
    with pytest.raises(FileError, match=message):
        skae.load(path)


def test_decoder_of_another_width_is_refused():
    """Its layers are looked at before anything is computed by them."""
    network = Autoencoder(torch.nn.Linear(6, 2), torch.nn.Linear(2, 5))
    with pytest.raises(FileError, match="decoder does not fit"):
        check_widths(network, 6, 2)
    check_widths(Autoencoder(torch.nn.Linear(6, 2), torch.nn.Linear(2, 6)), 6, 2)


def test_there_are_enough_of_them():
    """More than sixty, told apart by name."""
    assert len(FILES | CONTENTS) == len(FILES) + len(CONTENTS) >= 60


def test_an_unchanged_file_that_is_signed_anew_is_read(good_files, tmp_path):
    """The changes are what is refused, not the way in which they are made."""
    for parts in good_files:
        path = tmp_path / "good.safetensors"
        path.write_bytes(parts.signed())
        assert load(path) is None


def test_random_changes_are_refused_or_do_no_harm(good_files, tmp_path):
    """Bytes, header or content: a FileError, or an estimator as any other."""
    rng = np.random.default_rng(0)
    path = tmp_path / "mutated.safetensors"
    n_refused = 0
    for number in range(N_MUTATIONS):
        path.write_bytes(mutated(good_files[number % len(good_files)], rng))
        n_refused += load(path) is not None
    assert n_refused > 0.9 * N_MUTATIONS


def test_a_folder_or_nothing_is_an_error_of_the_system(tmp_path):
    """What cannot be opened is no matter of the format."""
    with pytest.raises(FileNotFoundError):
        skae.load(tmp_path / "nothing.safetensors")
    with pytest.raises(OSError, match="directory"):
        skae.load(tmp_path)
