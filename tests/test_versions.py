"""Versions: what is pinned is what is needed, and what the bill of materials says."""

import json
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"([\w.-]+)==([\w.]+)")


def pinned(name):
    """Return the versions of a file of constraints, by package."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    found = [LINE.fullmatch(line) for line in lines if line and line[0] != "#"]
    return {match[1]: match[2] for match in found}


def required(*extras):
    """Return what pyproject.toml requires, by package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return {Requirement(line).name: Requirement(line) for line in lines}


def test_everything_required_is_pinned():
    """In a version that is allowed."""
    versions = pinned("constraints.txt")
    needed = required("cli", "onnx", "plot", "test", "docs")
    assert versions.keys() == needed.keys()
    for name, requirement in needed.items():
        assert requirement.specifier.contains(versions[name]), name


def test_oldest_versions_are_those_that_are_allowed():
    """The lower bound of each is what the tests on the oldest versions run with."""
    versions = pinned("constraints-oldest.txt")
    for name, requirement in required("cli", "onnx", "plot", "test").items():
        if name != "ruff":  # the one version that formats the code
            (bound,) = requirement.specifier
            assert bound.operator == ">=", name
            assert Version(bound.version) == Version(versions[name]), name


def test_bill_of_materials_is_that_of_what_is_pinned():
    """SECURITY.md says how to make it anew."""
    bill = json.loads((ROOT / "sbom.cdx.json").read_text("utf-8"))
    listed = {part["name"]: part["version"] for part in bill["components"]}
    assert listed == pinned("constraints.txt")
