"""The seeded bugs are bugs of the code as it is; whether tests notice takes minutes.

``python -m benchmarks.seeded_bugs`` says that.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUGS = (ROOT / "benchmarks" / "seeded_bugs.txt").read_text("utf-8").split("\n== ")[1:]


def test_every_bug_can_be_planted():
    """What it replaces is there once, and so are the tests that are to notice."""
    assert len(BUGS) >= 40
    for bug in BUGS:
        name, where, *lines = bug.splitlines()
        file, tests = where.split(": ")
        old = "".join(f"{line[1:]}\n" for line in lines if line.startswith("-"))
        new = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
        assert (ROOT / "skae" / file).read_text("utf-8").count(f"\n{old}") == 1, name
        assert old != new, name
        for test in tests.split():
            module, _, function = test.partition("::")
            text = (ROOT / "tests" / f"test_{module}.py").read_text("utf-8")
            pattern = rf"^def test_{function}\(" if function else ""
            assert re.search(pattern, text, re.MULTILINE), name


def test_names_of_bugs_are_their_own():
    """The script selects by name."""
    names = [bug.partition("\n")[0] for bug in BUGS]
    assert len(set(names)) == len(names)
