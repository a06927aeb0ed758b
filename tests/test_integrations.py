"""Libraries that use skae, where they are installed: see benchmarks/integrations.py."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Those that take a second; the script has the others.
SMALL = {
    "fastapi": "fastapi",
    "hdbscan": "hdbscan",
    "imbalanced-learn": "imblearn",
    "optuna": "optuna",
    "skops": "skops",
    "tensorboard": "tensorboard",
}


@pytest.fixture
def script(monkeypatch):
    """The names of the script; its folder is none of the package."""
    monkeypatch.syspath_prepend(ROOT)
    return runpy.run_path(str(ROOT / "benchmarks" / "integrations.py"))


@pytest.mark.filterwarnings("ignore")  # of others
@pytest.mark.parametrize("name", SMALL)
def test_client_works_as_it_promises(script, tmp_path, name):
    """Each function says what that is, and raises where it is not so."""
    pytest.importorskip(SMALL[name])
    script["CLIENTS"][name](tmp_path)


def test_a_client_that_fails_is_reported(script):
    """By its error, on one line; the others go on."""

    def fail(folder):
        raise OSError(f"{folder.name}\nand more")

    assert script["result"](fail).startswith("OSError: ")
    assert "\n" not in script["result"](fail)
