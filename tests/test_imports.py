"""What `import skae` costs, and the names it offers."""

import subprocess
import sys

import pytest

import skae

SLOW = ("torch", "skorch", "matplotlib", "polars", "h5py", "zarr", "dask")


@pytest.mark.parametrize(
    "statement",
    [
        "import skae",
        "from skae import AutoencoderTransformer",
        "from skae import *",
        "import skae.export",
        "from skae.plotting import *",
        "from skae.tables import *",
    ],
)
def test_import_loads_no_slow_library(statement):
    """Importing public names leaves torch and its like to the first fit."""
    code = f"import sys\n{statement}\nprint(*set({SLOW!r}) & set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


def test_import_alone_looks_for_no_versions():
    """What looks for them would take longer than all else that `import skae` does."""
    code = "import sys, skae\nprint('importlib.metadata' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False"]


def test_dir_lists_the_public_names():
    """Tab completion shows the names before they are loaded."""
    assert set(skae.__all__) <= set(dir(skae))


@pytest.mark.parametrize("name", skae.__all__)
def test_public_names_resolve(name):
    """Every name in __all__ exists, and says so under its own name."""
    assert getattr(getattr(skae, name), "__name__", name).endswith(name)


def test_unknown_name_raises_an_error_that_names_it():
    """A misspelt name fails as it does in any module."""
    with pytest.raises(AttributeError, match="AutoencoderTransfomer"):
        _ = skae.AutoencoderTransfomer
