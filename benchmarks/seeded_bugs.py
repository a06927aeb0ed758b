"""Bugs planted one at a time, each of which the tests have to notice.

``python -m benchmarks.seeded_bugs`` copies the package and its tests to a temporary
folder, plants each bug of ``seeded_bugs.txt`` there and runs the tests that concern it
up to the first that fails. In the end these have to pass without any bug. Words after
the command select bugs whose names or files contain one of them.

In ``seeded_bugs.txt`` a bug has a name, a file of ``skae``, names of test files (or of
tests in them), and the lines that it replaces ("-") by others ("+").
"""

import multiprocessing
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# as in tests/conftest.py, which comes too late for what is imported here
os.environ |= {"SCIPY_ARRAY_API": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}

import matplotlib.pyplot  # noqa: F401
import pandas  # noqa: F401
import pytest
import sklearn.pipeline  # noqa: F401
import skorch  # noqa: F401
import torch  # noqa: F401

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
OPTIONS = ("-q", "-x", "-n", "0", "--tb", "no")
FAILED = 1  # pytest's exit code; others are errors of its own
TIMEOUT = 300  # a bug that lets tests hang has been noticed, too
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Bug:
    name: str
    file: str
    tests: tuple
    old: str
    new: str

    def plant(self, package):
        """Put the bug into a copy of the package, and return the sound file's text."""
        path = package / self.file
        sound = path.read_text()
        if sound.count(f"\n{self.old}") != 1:
            raise ValueError(
                f"Bug {self.name!r}: what it replaces is {sound.count(self.old)} times "
                f"in {self.file}, and should be there once:\n{self.old}"
            )
        path.write_text(sound.replace(self.old, self.new))
        return sound


def read_bugs():
    """Return the bugs of `seeded_bugs.txt`."""
    text = (FOLDER / "seeded_bugs.txt").read_text()
    return [_read(block) for block in text.split("\n== ")[1:]]


def _read(block):
    name, where, *lines = block.splitlines()
    file, _, tests = where.partition(": ")
    old, new = (
        "".join(f"{line[1:]}\n" for line in lines if line.startswith(sign))
        for sign in "-+"
    )
    return Bug(name, file, tuple(tests.split()), old, new)


def copy_project(folder):
    """Copy what the tests need."""
    for name in ("skae", "tests", "examples", "docs", "benchmarks"):
        ignored = shutil.ignore_patterns("__pycache__", "_build", "auto_examples")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for file in ROOT.glob("*.*"):
        if file.is_file():
            shutil.copy(file, folder)


def run_tests(folder, tests, *options):
    """Return pytest's exit code, and the name of the first test that failed."""
    log = folder / "log.txt"
    arguments = [*OPTIONS, *options, *map(_path, tests)]
    process = FORK.Process(target=_pytest, args=(folder, arguments, log))
    process.start()
    process.join(TIMEOUT)
    if process.is_alive():
        process.kill()
        process.join()
        return FAILED, "no end of the tests"
    lines = log.read_text().splitlines()
    failed = [line.split(" - ")[0] for line in lines if line.startswith("FAILED ")]
    return process.exitcode, failed[0].removeprefix("FAILED ") if failed else None


def _pytest(folder, arguments, log):
    """Run pytest on the copy, in a process that has imported everything else."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "skae"]:
        del sys.modules[name]
    os.chdir(folder)
    sys.path[0] = os.environ["PYTHONPATH"] = str(folder)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.exit(pytest.main(arguments))


def _path(name):
    file, *test = name.split("::")
    return "::".join([f"tests/test_{file}.py", *(f"test_{name}" for name in test)])


def catch(bug, folder):
    """Return the name of the test that notices a bug, or None."""
    path = folder / "skae" / bug.file
    sound = bug.plant(folder / "skae")
    try:
        code, test = run_tests(folder, bug.tests)
    finally:
        path.write_text(sound)
    return test if code == FAILED else None


def main(words):
    bugs = [
        bug
        for bug in read_bugs()
        if not words or any(word in f"{bug.name} {bug.file}" for word in words)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        caught = {}
        for bug in bugs:
            test = catch(bug, folder)
            if test is not None:
                caught[bug.name] = test
            print(f"{bug.name}: {test or 'NOT CAUGHT'}", flush=True)
        tests = sorted(set(caught.values()))
        code, test = run_tests(folder, (), *tests) if tests else (0, None)
    if code:
        raise SystemExit(f"{test} fails without a bug.")
    print(f"{len(caught)} of {len(bugs)} bugs caught")
    return len(caught) < len(bugs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
