"""List the benchmarks, or run some and write what they print into the docs.

    python -m benchmarks
    OMP_NUM_THREADS=1 python -m benchmarks run speed parallel
    OMP_NUM_THREADS=1 python -m benchmarks run all

docs/benchmarks.md says between which lines the output of a script belongs, and with
which arguments it is run::

    <!-- output of speed --repeats 4 -->
    <!-- end of output -->

Every such block of a script is measured anew; a script without any gets a section at
the end of the page. Nothing else on the page changes.
"""

import argparse
import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "benchmarks.md"
END = "<!-- end of output -->"


def docstrings():
    """Return the first line of every script's docstring, by the script's name."""
    return {
        file.stem: ast.get_docstring(ast.parse(file.read_text())).split("\n")[0]
        for file in sorted(FOLDER.glob("[!_]*.py"))
    }


def opening(command):
    return f"<!-- output of {command} -->"


def commands(page, name):
    """Return how the page runs a script: its name and arguments, once per block."""
    return re.findall(opening(rf"({re.escape(name)}(?: .*?)?)"), page)


def with_section(page, name, title):
    """Return the page with a section at its end for a script that has none."""
    heading = title.rstrip(".")
    return f"{page.rstrip()}\n\n## {heading}\n\n{opening(name)}\n{END}\n"


def with_output(page, command, output):
    """Return the page with the block of a command replaced."""
    start, end = re.escape(opening(command)), re.escape(END)
    block = f"{opening(command)}\n```text\n{output.rstrip()}\n```\n{END}"
    return re.sub(f"{start}.*?{end}", lambda match: block, page, flags=re.DOTALL)


def printed(command):
    """Run a script, show what it prints, and return that."""
    name, *arguments = shlex.split(command)
    lines = []
    script = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    with subprocess.Popen(
        script, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent
    ) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise SystemExit(f"{command} failed: {PAGE.name} keeps what it had of it.")
    return "".join(lines)


def run(name, title):
    if not commands(PAGE.read_text(), name):
        PAGE.write_text(with_section(PAGE.read_text(), name, title))
    for command in commands(PAGE.read_text(), name):
        print(f"python -m benchmarks.{command}", flush=True)
        output = printed(command)
        PAGE.write_text(with_output(PAGE.read_text(), command, output))


def main():
    scripts = docstrings()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    subparsers = parser.add_subparsers(dest="action")
    runner = subparsers.add_parser("run", help="run scripts and update the docs")
    runner.add_argument("names", nargs="+", choices=[*scripts, "all"], metavar="NAME")
    arguments = parser.parse_args()
    if arguments.action is None:
        for name, title in scripts.items():
            print(f"{name:<14} {title}")
        return
    names = list(scripts) if "all" in arguments.names else arguments.names
    for name in names:
        run(name, scripts[name])


if __name__ == "__main__":
    main()
