"""The examples run, and so do the scripts that draw figures of the guide."""

import gzip
import runpy
from pathlib import Path

import numpy as np
import pytest

from skae import engine

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))
FIGURES = sorted((ROOT / "docs" / "figures").glob("*.py"))


@pytest.fixture
def two_epochs(monkeypatch):
    """Train from one start, for two epochs: enough to see that a script runs."""
    plan = engine.Plan

    def short_plan(**values):
        values["max_iter"] = min(values["max_iter"], 2)
        if "starts" in values:
            values["starts"] = values["starts"][:1]
        return plan(**values)

    monkeypatch.setattr(engine, "Plan", short_plan)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_runs_without_a_warning(script, two_epochs, monkeypatch, capsys):
    """Run as a script, every example comes to its end."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr("sys.argv", [str(script)])
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    runpy.run_path(str(script), run_name="__main__")
    pyplot.close("all")


@pytest.mark.parametrize("script", FIGURES, ids=lambda script: script.stem)
def test_script_of_the_guide_draws_a_figure(script):
    """Without a warning, each leaves one figure open, which the page shows."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    runpy.run_path(str(script))
    assert len(pyplot.get_fignums()) == 1
    pyplot.close("all")


def test_example_of_mnist_reads_the_files_of_mnist(
    two_epochs, monkeypatch, capsys, tmp_path
):
    """Given a folder with files like MNIST's, it prints what both reducers lose."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    rng = np.random.default_rng(0)
    for name in ("train", "t10k"):
        pixels = rng.integers(256, size=(60, 784), dtype=np.uint8)
        with gzip.open(tmp_path / f"{name}-images-idx3-ubyte.gz", "wb") as stream:
            stream.write(bytes(16) + pixels.tobytes())
    script = str(EXAMPLES / "mnist.py")
    monkeypatch.setattr("sys.argv", [script, str(tmp_path), "--components", "2"])
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    runpy.run_path(script, run_name="__main__")
    assert "PCA loses" in capsys.readouterr().out


def test_every_example_is_in_the_table():
    """The page of the examples names each of them."""
    page = (EXAMPLES / "README.rst").read_text("utf-8")
    scripts = EXAMPLES.glob("*.py")
    missing = [script.stem for script in scripts if script.stem not in page]
    assert SCRIPTS
    assert not missing
