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
EXPORT = frozenset({"onnx", "onnxscript"})
BELOW_ENGINE = ("data*", "networks*", "inference*", "objectives*", "_lazy")
# Estimators reach what is below through these three doors.
DOORS = ("engine", "inference", "objectives")

# Bottom first. A module belongs to the first row that matches it.
LAYERS = [
    Layer("_lazy", (), frozenset()),
    Layer("_version", (), frozenset()),
    Layer("_forks", (), frozenset({"threadpoolctl"})),
    Layer("exceptions", (), frozenset()),
    # rows and sums: pure numpy; threads are those of torch
    Layer("data._threads", (), TORCH | {"joblib", "threadpoolctl"}),
    # the processes that share rows: nothing else knows torch.distributed
    Layer("data._group", (), TORCH | NUMPY),
    Layer("data*", ("data*",), NUMPY),
    # pure torch
    Layer("networks*", ("networks*", "_lazy"), TORCH),
    # parameter objects: what makes them so (get_params, clone) is scikit-learn's
    Layer("architectures", ("networks",), TORCH | {"sklearn.base"}),
    # numpy in and out
    Layer(
        "inference*",
        ("data*", "networks*", "inference*", "_lazy"),
        ENGINE | {"sklearn.utils"},
    ),
    # what is minimised
    Layer("objectives*", ("networks*", "inference", "objectives*", "_lazy"), ENGINE),
    # engine: knows no estimator, and skorch in these two files alone
    Layer("engine._net", (*BELOW_ENGINE, "engine*"), ENGINE | {"skorch"}),
    Layer("engine._callbacks", ("engine._*",), ENGINE | {"skorch"}),
    Layer("engine._progress", (), frozenset({"tqdm"})),
    Layer("engine._interrupt", (), frozenset()),
    Layer("engine._splits", (), NUMPY | {"sklearn.model_selection"}),
    Layer("engine._heads", (), SKLEARN),
    Layer("engine._task", (*BELOW_ENGINE, "architectures", "engine*"), ENGINE),
    Layer("engine*", (*BELOW_ENGINE, "engine*"), ENGINE),
    # tables as numbers, and back: knows no estimator
    Layer("tables", ("_lazy",), frozenset()),
    Layer("tables*", ("tables._*",), SKLEARN),
    # files: estimators are looked up by name, in a fixed list
    Layer("files", ("_lazy",), frozenset()),
    Layer("files._format", ("exceptions",), NUMPY | {"safetensors"}),
    Layer("files._columns", ("tables._*", "exceptions"), NUMPY | {"pandas", "polars"}),
    Layer("files._tables", ("tables._*", "files._columns"), NUMPY | {"pandas"}),
    Layer("files._rows", ("tables._*", "exceptions"), NUMPY),
    Layer(
        "files*",
        (*BELOW_ENGINE, "engine", "tables", "files*", "exceptions", "_version"),
        SKLEARN | TORCH,
    ),
    # estimators: scikit-learn's side, without torch
    Layer("estimators", ("_lazy",), frozenset()),
    Layer("estimators._callbacks", (), SKLEARN),
    Layer(
        "estimators._validation",
        ("data._source", "data._sources", "data._table", "tables"),
        SKLEARN,
    ),
    Layer(
        "estimators._marginalized",
        (*DOORS, "networks", "data._moments", "estimators._*"),
        SKLEARN,
    ),
    Layer("estimators._shards", ("data._group", "estimators._checkpoint"), frozenset()),
    Layer("estimators._workers", ("data._group",), SKLEARN | {"distributed"}),
    Layer("estimators._checkpoint", ("engine", "files", "_version"), NUMPY),
    Layer("estimators._documented", ("_version",), frozenset()),
    Layer("estimators._saving", ("files", "_version", "exceptions"), frozenset()),
    Layer("estimators*", (*DOORS, "tables", "estimators._*", "exceptions"), SKLEARN),
    # export: estimators are known by their fitted attributes
    Layer("export", ("_lazy",), frozenset()),
    Layer("export._networks", ("networks*", "objectives*", "inference*"), TORCH),
    Layer("export._steps", (), SKLEARN | TORCH),
    Layer("export._modules", ("objectives*", "tables", "export._*"), SKLEARN | TORCH),
    Layer("export._onnx", ("_version", "export._*"), SKLEARN | TORCH | EXPORT),
    # leaves: estimators are used through their public attributes
    Layer("metrics", ("tables",), SKLEARN),
    Layer("testing*", ("testing*", "metrics"), SKLEARN | {"torch", "skorch.callbacks"}),
    Layer("plotting", ("_lazy",), frozenset()),
    Layer("plotting*", ("tables", "plotting._*"), SKLEARN | {"matplotlib"}),
    Layer("comparison._differences", (), SKLEARN),
    Layer("comparison._sentences", ("comparison._differences",), SKLEARN),
    Layer("comparison._svg", (), NUMPY),
    Layer("comparison._images", (), NUMPY),
    Layer("comparison._markup", (), NUMPY),
    Layer(
        "comparison._html",
        (
            "comparison._images",
            "comparison._markup",
            "comparison._scores",
            "comparison._svg",
        ),
        NUMPY,
    ),
    Layer(
        "comparison._report",
        (
            "comparison._differences",
            "comparison._html",
            "comparison._sentences",
            "plotting",
        ),
        SKLEARN,
    ),
    # reducers are used as anybody's: named, and imported by name
    Layer("comparison._reducers", (), SKLEARN),
    Layer("comparison._target", ("comparison._reducers",), SKLEARN),
    Layer("comparison._scores", ("tables",), SKLEARN),
    Layer("comparison._progress", (), NUMPY | {"tqdm"}),
    Layer("comparison._details", ("comparison._target",), SKLEARN),
    Layer(
        "comparison._fits",
        (
            "comparison._progress",
            "comparison._reducers",
            "comparison._scores",
            "exceptions",
        ),
        SKLEARN,
    ),
    Layer(
        "comparison._compare",
        (
            "comparison._details",
            "comparison._fits",
            "comparison._reducers",
            "comparison._report",
            "comparison._target",
            "tables",
        ),
        SKLEARN,
    ),
    Layer("comparison", ("_lazy",), frozenset()),
    # entry points
    Layer("comparison._text", (), NUMPY | {"pandas"}),
    Layer(
        "comparison._files",
        ("comparison._text", "tables"),
        NUMPY | {"pandas", "pyarrow"},
    ),
    Layer("comparison._print", (), frozenset()),
    Layer(
        "comparison._cli",
        (
            "comparison",
            "comparison._files",
            "comparison._images",
            "comparison._print",
        ),
        SKLEARN,
    ),
    Layer("__main__", ("comparison._cli",), frozenset()),
    Layer("__init__", ("_forks", "_lazy", "_version"), frozenset()),
]

LEAVES = ("metrics", "testing*", "plotting*", "comparison*")

# A layer of a stack is fitted as the whole is: the one way back, taken by a fit that
# has no layers itself.
RECURSION = ("engine._pretraining", "engine._fit")


def _matches(module, patterns):
    return any(fnmatchcase(module, pattern) for pattern in patterns)


def _name(path):
    """Return the dotted name below skae; a package is named after its folder."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


MODULES = {_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def _tree(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def _absolute(node, path):
    """Return the dotted name that a `from ... import` starts from."""
    if not node.level:
        return node.module
    package = path.relative_to(ROOT).parent.parts
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, *filter(None, [node.module])])


def _imports(path):
    """Yield every dotted name that a file imports, inside functions as well."""
    for start, name in _imported_names(path):
        full = f"{start}.{name}"
        yield full if full.removeprefix("skae.") in MODULES else start


def _imported_names(path):
    """Yield pairs: the module that is imported, and the name out of it, maybe ''."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = _absolute(node, path)
            yield from ((start, alias.name) for alias in node.names)


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


# -- lazy packages --------------------------------------------------------------------


def _lazy_tables():
    """Return the names of each lazy package, with the module that defines each."""
    tables = {}
    for module, path in MODULES.items():
        if path.name != "__init__.py" or "_lazy" not in _own_imports(module):
            continue
        tree = _tree(module)
        constants = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        (call,) = (
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "attach"
        )
        assert ast.unparse(call.args[0]) == "__name__"
        names = call.args[1]
        names = constants[names.id] if isinstance(names, ast.Name) else names
        tables[module] = ast.literal_eval(names)
    return tables


LAZY = _lazy_tables()


def _target(package, relative):
    """Return the module, below skae, that a lazy package's table names."""
    assert relative.startswith(".")
    assert not relative.startswith(".."), "a table names modules of its own package"
    return relative[1:] if package == "__init__" else package + relative


def _defined_names(module):
    for node in _tree(module).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))


def _lazily_used(module):
    """Yield (package, name) for what a module takes from lazy packages, whenever."""
    path = MODULES[module]
    doors = {}
    for start, name in _imported_names(path):
        if not start.startswith("skae"):
            continue
        package = f"{start}.{name}".removeprefix("skae.")
        if package in LAZY:
            doors[name] = package
        elif start.removeprefix("skae.") in LAZY:
            yield start.removeprefix("skae."), name
    for node in ast.walk(_tree(module)):
        if not isinstance(node, ast.Attribute):
            continue
        door = doors.get(ast.unparse(node.value))
        if door is not None:
            yield door, node.attr


def test_lazy_packages_are_found():
    """All that `attach` is for."""
    packages = {"comparison", "engine", "estimators", "inference", "networks"}
    others = {"export", "files", "objectives", "plotting", "tables", "__init__"}
    assert set(LAZY) == packages | others
    assert all(LAZY.values())


@pytest.mark.parametrize("package", LAZY)
def test_lazy_names_are_those_of_modules_of_the_package(package):
    """Each name is defined by the module that the table says, in the same package."""
    for name, relative in LAZY[package].items():
        module = _target(package, relative)
        assert module in MODULES
        defined = LAZY[module] if module in LAZY else set(_defined_names(module))
        assert name in defined, f"skae.{module} has no {name}"


@pytest.mark.parametrize("module", MODULES)
def test_what_is_taken_from_a_lazy_package_is_in_its_table(module):
    """A misspelt name would fail at its first use, perhaps at the end of a fit."""
    used = set(_lazily_used(module))
    unknown = {(package, name) for package, name in used if name not in LAZY[package]}
    modules = {f"{package}.{name}" for package, name in unknown} & MODULES.keys()
    assert len(unknown) == len(modules), f"skae.{module} uses {sorted(unknown)}"


@pytest.mark.parametrize("package", ["engine", "inference", "networks", "objectives"])
def test_lazy_names_are_used(package):
    """A name that only tests know is none of the package's."""
    used = {
        name for m in MODULES for found, name in _lazily_used(m) if found == package
    }
    public = {"ReconstructionLoss", "Criterion"} if package == "objectives" else set()
    assert LAZY[package].keys() - used <= public


# -- layers ---------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    """A module imports only from the layers below it."""
    below = _layer(module).below
    upward = {name for name in _own_imports(module) if not _matches(name, below)}
    upward -= {"engine"} if module == RECURSION[0] else set()
    assert not upward, f"skae.{module} must not import {sorted(upward)}"


def test_every_row_has_a_module():
    """A row that no module matches is out of date."""
    used = {_layer(module).pattern for module in MODULES}
    assert {layer.pattern for layer in LAYERS} == used


def test_what_is_imported_exists():
    """Inside functions too, where nobody would notice until it is called."""
    missing = {
        (module, f"{start}.{name}")
        for module, path in MODULES.items()
        for start, name in _imported_names(path)
        if start.split(".")[0] == "skae"
        and (start.removeprefix("skae.") not in MODULES and start != "skae")
    }
    assert not missing


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


def test_skorch_is_met_in_two_places():
    """The net and the callbacks; who checks estimators writes callbacks as well."""
    users = {
        module
        for module in MODULES
        if any(name.split(".")[0] == "skorch" for name in _library_imports(module))
    }
    assert {name for name in users if not name.startswith("testing.")} == {
        "engine._net",
        "engine._callbacks",
    }


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"__init__"}))
def test_nobody_inside_imports_the_package_root(module):
    """Public names are taken from the module that defines them."""
    assert "__init__" not in _own_imports(module)


def test_imports_have_no_cycle():
    """The modules can be put in an order in which each imports only earlier ones.

    What is taken from a lazy package is an import of the module that defines it.
    """
    graph = {}
    for module in MODULES:
        lazily = {
            _target(package, LAZY[package][name])
            for package, name in _lazily_used(module)
            if name in LAZY[package]
        }
        graph[module] = (_own_imports(module) | lazily) - {module}
    assert RECURSION[1] in graph[RECURSION[0]]
    graph[RECURSION[0]].remove(RECURSION[1])
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", [m for m in MODULES if _matches(m, LEAVES)])
def test_leaves_use_public_attributes_only(module):
    """Metrics, comparisons and checks reach for no private attribute but their own."""
    private = {
        f"{ast.unparse(node)} (line {node.lineno})"
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and ast.unparse(node.value) not in ("self", "cls")
    }
    assert not private, f"skae.{module} uses {sorted(private)}"


def test_reader_resolves_every_form_of_import(tmp_path, monkeypatch):
    """Absolute, relative and nested imports come out as full names."""
    path = tmp_path / "skae" / "engine" / "batches.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import os.path\n"
        "from .. import _base, inference\n"
        "from ..losses import squared_error\n"
        "def f():\n"
        "    from skae import AutoencoderTransformer\n"
        "    return inference.encode\n"
    )
    modules = dict.fromkeys(("_base", "losses", "inference", "engine.batches"), path)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "MODULES", modules)
    names = {"skae._base", "skae.inference", "skae.losses", "skae", "os.path"}
    assert set(_imports(path)) == names
    monkeypatch.setitem(globals(), "LAZY", {"inference": {"encode": "._passes"}})
    assert set(_lazily_used("engine.batches")) == {("inference", "encode")}
