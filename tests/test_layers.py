"""Imports point down only: the layering, read from the source with ast."""

import ast
import graphlib
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "skae"


class Layer(NamedTuple):
    """What the modules that match `pattern` may import."""

    pattern: str
    below: tuple[str, ...]  # patterns of skae's own modules
    libraries: frozenset[str]  # packages or single modules, the standard library aside


TORCH = frozenset({"torch"})
NUMPY = frozenset({"numpy", "scipy"})
ENGINE = TORCH | NUMPY
SKLEARN = NUMPY | {"sklearn", "joblib", "pandas", "polars"}
BELOW_ENGINE = ("networks*", "losses", "_linear")
BELOW_BASE = (*BELOW_ENGINE, "architectures", "_training*", "_inference")

# Bottom first. A module belongs to the first row that matches it.
LAYERS = [
    # pure torch
    Layer("networks*", ("networks*",), TORCH),
    Layer("losses", (), TORCH),
    # parameter objects: what makes them so (get_params, clone) is scikit-learn's
    Layer("architectures", ("networks*",), TORCH | {"sklearn.base"}),
    # pure numpy
    Layer("_linear", (), NUMPY),
    # engine: knows no estimator; its own files are kept in order by the cycle test
    Layer(
        "_inference",
        ("networks*", "_training._rows", "_training._threads"),
        ENGINE | {"sklearn.utils"},
    ),
    Layer("_evidence", ("_inference", "_training._rows"), ENGINE),
    Layer("_training._net", (*BELOW_ENGINE, "_training*"), ENGINE | {"skorch"}),
    Layer("_training._callbacks", ("_training*",), ENGINE | {"skorch", "tqdm"}),
    Layer("_training._threads", (), ENGINE | {"joblib", "threadpoolctl"}),
    Layer("_training*", (*BELOW_ENGINE, "_training*", "_inference"), ENGINE),
    # estimators
    Layer("_defaults", (), frozenset()),
    Layer("_validation", (), SKLEARN),
    Layer("_sklearn_callbacks", (), SKLEARN),
    Layer("_transformer", ("_inference", "_validation"), SKLEARN),
    Layer(
        "_base",
        (
            *BELOW_BASE,
            "_defaults",
            "_validation",
            "_sklearn_callbacks",
            "_transformer",
        ),
        SKLEARN,
    ),
    Layer("_autoencoder", (*BELOW_BASE, "_base"), SKLEARN),
    Layer("_contractive", (*BELOW_BASE, "_base"), SKLEARN),
    Layer("_denoising", (*BELOW_BASE, "_base"), SKLEARN),
    Layer(
        "_marginalized",
        (*BELOW_BASE, "_base", "_transformer", "_validation"),
        SKLEARN,
    ),
    Layer("_sparse", (*BELOW_BASE, "_base"), SKLEARN),
    Layer("_variational", (*BELOW_BASE, "_base", "_evidence", "_validation"), SKLEARN),
    Layer("_heads", (), SKLEARN),
    Layer(
        "_supervised_base",
        (
            *BELOW_BASE,
            "_base",
            "_denoising",
            "_heads",
            "_transformer",
            "_validation",
        ),
        SKLEARN,
    ),
    Layer("_supervised", (*BELOW_BASE, "_heads", "_supervised_base"), SKLEARN),
    Layer(
        "_stacked",
        (*BELOW_BASE, "_base", "_autoencoder", "_denoising", "_sparse"),
        SKLEARN,
    ),
    # leaves: estimators are used through their public attributes
    Layer("metrics", (), SKLEARN),
    Layer("testing*", ("testing*", "metrics"), SKLEARN | {"torch", "skorch.callbacks"}),
    Layer("plotting*", ("metrics", "plotting*"), SKLEARN | {"matplotlib"}),
    Layer("comparison._report", (), SKLEARN | {"matplotlib"}),
    Layer(
        "comparison._compare",
        ("_autoencoder", "comparison._report", "metrics"),
        SKLEARN | {"tqdm"},
    ),
    Layer("comparison", ("comparison._compare",), frozenset()),
    # entry points
    Layer("comparison._files", (), NUMPY | {"pandas", "pyarrow"}),
    Layer("comparison._cli", ("comparison._files", "comparison"), SKLEARN | {"rich"}),
    Layer("__main__", ("comparison._cli",), frozenset()),
    Layer("__init__", ("_autoencoder", "metrics", "comparison"), frozenset()),
]

LEAVES = ("metrics", "testing*", "plotting*", "comparison*")


def _matches(module, patterns):
    return any(fnmatchcase(module, pattern) for pattern in patterns)


def _name(path):
    """Return the dotted name below skae; a package is named after its folder."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


MODULES = {_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def _absolute(node, path):
    """Return the dotted name that a `from ... import` starts from."""
    if not node.level:
        return node.module
    package = path.relative_to(ROOT).parent.parts
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *filter(None, [node.module])])


def _imports(path):
    """Yield every dotted name that a file imports, inside functions as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = _absolute(node, path)
            for alias in node.names:
                name = f"{start}.{alias.name}"
                is_module = name.removeprefix("skae.") in MODULES
                yield name if is_module else start


def _own_imports(module):
    own = {name for name in _imports(MODULES[module]) if name.split(".")[0] == "skae"}
    return {"__init__" if name == "skae" else name[5:] for name in own}


def _library_imports(module):
    own = sys.stdlib_module_names | {"skae"}
    return {name for name in _imports(MODULES[module]) if name.split(".")[0] not in own}


def _layer(module):
    for layer in LAYERS:
        if fnmatchcase(module, layer.pattern):
            return layer
    raise AssertionError(f"skae/{module} has no row in LAYERS: add one")


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    """A module imports only from the layers below it."""
    below = _layer(module).below
    upward = {name for name in _own_imports(module) if not _matches(name, below)}
    assert not upward, f"skae.{module} must not import {sorted(upward)}"


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_in_their_layer(module):
    """A layer imports only the libraries that belong to it."""
    libraries = _layer(module).libraries
    foreign = {
        name
        for name in _library_imports(module)
        if not any(f"{name}.".startswith(f"{library}.") for library in libraries)
    }
    assert not foreign, f"skae.{module} must not import {sorted(foreign)}"


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"__init__"}))
def test_nobody_inside_imports_the_package_root(module):
    """Public names are taken from the module that defines them."""
    assert "__init__" not in _own_imports(module)


def test_imports_have_no_cycle():
    """The modules can be put in an order in which each imports only earlier ones."""
    graph = {module: _own_imports(module) - {module} for module in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", [m for m in MODULES if _matches(m, LEAVES)])
def test_leaves_use_public_attributes_only(module):
    """Metrics, comparisons and plots reach for no private attribute but their own."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    private = {
        f"{ast.unparse(node)} (line {node.lineno})"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and ast.unparse(node.value) not in ("self", "cls")
    }
    assert not private, f"skae.{module} uses {sorted(private)}"


def test_reader_resolves_every_form_of_import(tmp_path, monkeypatch):
    """Absolute, relative and nested imports come out as full names."""
    path = tmp_path / "skae" / "_training" / "batches.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import os.path\n"
        "from .. import _base\n"
        "from ..losses import squared_error\n"
        "def f():\n"
        "    from skae import AutoencoderTransformer\n"
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "MODULES", {"_base": path, "losses": path})
    assert set(_imports(path)) == {"os.path", "skae._base", "skae.losses", "skae"}
