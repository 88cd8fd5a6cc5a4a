"""The shape of the code: who imports whom, what is public, how it is documented, how long files are."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import initkit as ik

PACKAGE = Path(ik.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".c", ".h", ".cu"))

# Each part may import from the lines above its own, and from itself.
LAYERS = [
    {"errors", "version"},
    {"documents", "dtypes", "layout", "region"},
    {"encoding", "fans", "io"},
    {"kernels"},
    {"backends"},
    {"draws", "gains"},
    {"registry", "seed"},
    {"diagnostics", "serialization", "targets"},
    {"configurable", "lazy"},
    {"initializer"},
    {"initializers"},
    {"recipe"},
    {"functional", "interop", "report"},
    {"cli"},
    {"__main__"},
]
RANKS = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

MOST_LINES = 450
MOST_LINES_OF_A_FUNCTION = 60


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _part(path: Path) -> str:
    """The part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported_parts(tree: ast.AST) -> Iterator[str]:
    """The parts of the package that a module imports, in functions too, but not for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = []
        yield from (name.split(".")[1] for name in names if name.startswith("initkit."))
        yield from _imported_parts(node)


@pytest.mark.parametrize("path", [path for path in MODULES if _part(path) != "__init__"], ids=_name)
def test_imports_point_one_way(path: Path) -> None:
    """No module imports from its own layer or one above; a new part has to find its layer first."""
    part = _part(path)
    assert part in RANKS
    for imported in _imported_parts(ast.parse(path.read_text(encoding="utf-8"))):
        assert imported == part or RANKS[imported] < RANKS[part], f"{part} imports {imported}"


# The parts of recipes, each of which may import from those before its own, and `recipe` itself from all.
RECIPE_PARTS = ["presets", "language", "text", "planning", "building", "writing", "comparing", "cluster"]


@pytest.mark.parametrize("part", RECIPE_PARTS)
def test_parts_of_recipes_point_one_way(part: str) -> None:
    """From what recipes are written in, over their text and their plan, to what is built of them."""
    later = RECIPE_PARTS[RECIPE_PARTS.index(part) + 1 :]
    for path in (PACKAGE / "recipe" / part).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for other in later:
            # An import inside a function is how a method of an early class offers what a later part does.
            assert not re.search(rf"^from initkit\.recipe\.{other}\b", text, re.MULTILINE), path.name
    assert {path.name for path in (PACKAGE / "recipe").iterdir() if (path / "__init__.py").exists()} == {
        *RECIPE_PARTS
    }


def test_layers_have_no_dead_entries() -> None:
    """Every part in the list exists, apart from one that a later step adds."""
    assert set(RANKS) - {_part(path) for path in MODULES} <= {"report"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_modules_are_named_for_what_they_hold(path: Path) -> None:
    """No module is called by a word that fits anything."""
    assert not {"utils", "common", "helpers", "core", "misc"} & {path.stem, *path.parts[len(PACKAGE.parts) :]}


def test_import_needs_numpy_and_ml_dtypes_alone() -> None:
    """`import initkit` imports nothing but the standard library, NumPy and ml_dtypes."""
    script = (
        "import sys, numpy, ml_dtypes; before = set(sys.modules); import initkit;"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True)
    assert set(done.stdout.split()) - set(sys.stdlib_module_names) <= {"initkit", "numpy"}


def test_public_names_are_exact() -> None:
    """Every name of initkit's in the package that is no module is in `__all__`, and nothing else is."""
    public = {
        name
        for name in dir(ik)
        if not inspect.ismodule(thing := getattr(ik, name))
        and (getattr(thing, "__module__", "").startswith("initkit") or name == "__version__")
        and (not name.startswith("_") or name == "__version__")
    }
    assert set(ik.__all__) == public
    assert len(ik.__all__) == len(set(ik.__all__))


PUBLIC = {name: thing for name in ik.__all__ if callable(thing := getattr(ik, name))}
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)}
CLASSES = {name: thing for name, thing in PUBLIC.items() if inspect.isclass(thing)}
METHODS = {
    f"{name}.{attribute}": getattr(thing, attribute)
    for name, thing in CLASSES.items()
    for attribute, raw in vars(thing).items()
    if not attribute.startswith("_") and (inspect.isfunction(raw) or isinstance(raw, classmethod))
}


def _parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self", "cls"}


def _assert_sections(docstring: str | None, *sections: str) -> None:
    assert docstring
    first = docstring.split("\n\n")[0].strip()
    assert first.endswith(".")
    for section in sections:
        assert f"\n{section}:\n" in inspect.cleandoc(docstring), f"no section {section!r}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_documented(name: str) -> None:
    """Every public function says what it takes, returns and raises, with an example that runs."""
    function = FUNCTIONS[name]
    returns = "Yields" if inspect.isgeneratorfunction(inspect.unwrap(function)) else "Returns"
    _assert_sections(function.__doc__, *["Args"] * bool(_parameters(function)), returns, "Raises", "Example")


@pytest.mark.parametrize("name", [name for name, cls in CLASSES.items() if not issubclass(cls, Exception)])
def test_public_classes_are_documented(name: str) -> None:
    """Every public class says what its constructor takes and shows an example; initializers say much more."""
    cls = CLASSES[name]
    sections = []
    if issubclass(cls, ik.Initializer) and not inspect.isabstract(cls):
        sections = ["Returns", "Example"] + ["Args"] * bool(_parameters(cls))
        assert "Formula: " in (cls.__doc__ or "")
        assert "When called with `(shape, dtype=None)`" in (cls.__doc__ or "")
        if _parameters(cls):
            sections.append("Raises")
    elif not issubclass(cls, tuple):
        sections = ["Example"]
    _assert_sections(cls.__doc__, *sections)


@pytest.mark.parametrize("name", METHODS)
def test_public_methods_are_documented(name: str) -> None:
    """Every method of a public class is documented; those of initializers and generators fully."""
    method = METHODS[name]
    sections = []
    if name.partition(".")[0] in ("Initializer", "SeedGenerator"):
        shared = {"check", "fill_region", "fill_part", "take_draw"}
        if name.partition(".")[2] not in shared:
            sections = ["Args"] * bool(_parameters(method)) + ["Returns"]
    _assert_sections(method.__doc__, *sections)


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_files_can_be_read_in_one_sitting(path: Path) -> None:
    """No file is longer than a reader can hold."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_functions_are_short(path: Path) -> None:
    """No function is longer than a page, its docstring apart."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            assert lines <= MOST_LINES_OF_A_FUNCTION, f"{node.name} has {lines} lines"


def test_every_test_has_a_sentence() -> None:
    """Every test function in the repository says in its docstring what it tests."""
    tests = Path(__file__).parent
    for path in sorted(tests.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}::{node.name}"
