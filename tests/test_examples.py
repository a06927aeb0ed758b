"""The examples run."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_runs_without_a_warning(script, monkeypatch, capsys):
    """Run as a script, with --quick, every example comes to its end."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr("sys.argv", [str(script), "--quick"])
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    runpy.run_path(str(script), run_name="__main__")
    pyplot.close("all")


def test_every_example_is_in_the_table():
    """The page of the examples names each of them."""
    page = (EXAMPLES / "README.rst").read_text("utf-8")
    missing = [script.stem for script in SCRIPTS if script.stem not in page]
    assert SCRIPTS
    assert not missing
