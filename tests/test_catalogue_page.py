"""docs/catalogue.md and its pictures: complete, current, and true of what can be looked up."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import initkit as ik
from docs.catalogue.facts import (
    Facts,
    Picture,
    all_facts,
    built_in_classes,
    formula_of,
    read_names,
    reference_of,
)
from docs.catalogue.page import PICTURES, generated_files
from docs.catalogue.pictures import HEIGHT, WIDTH, draw
from initkit.dtypes import resolve_dtype
from initkit.initializers.composite import Composite
from tests.catalogue import ENTRIES

DOCS = Path(__file__).parents[1] / "docs"
COMMAND = "Run `python -m docs.catalogue` from the root of the repository, and commit what it writes."

NAMES = read_names()
WITH_ENTRY = {name: entry for entries in NAMES["families"].values() for name, entry in entries.items()}
FACTS = (
    {fact.cls.__name__: fact for fact in all_facts()} if set(WITH_ENTRY) <= set(built_in_classes()) else {}
)
ONE_OF_EACH_KIND = {"float": "float32", "complex": "complex64", "integer": "int32", "bool": "bool"}
each_class = pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS)


def test_every_class_has_an_entry() -> None:
    """names.yaml speaks of every class of the registry, and of nothing else."""
    assert set(WITH_ENTRY) == set(built_in_classes())


def test_page_and_pictures_are_current() -> None:
    """The committed files are those that the generator writes now, and there are no others."""
    generated = generated_files()
    present = {f"{PICTURES}/{path.name}" for path in (DOCS / PICTURES).iterdir()}
    assert present == set(generated) - {"catalogue.md"}, COMMAND
    for name, text in generated.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"docs/{name} is out of date. {COMMAND}"


@each_class
def test_facts_are_complete(fact: Facts) -> None:
    """Every class has a formula and a source, and "none" is said only where the docstring has none."""
    entry = WITH_ENTRY[fact.cls.__name__]
    assert fact.formula
    assert fact.reference
    assert ("source" in entry) == ("Reference:" not in (fact.cls.__doc__ or ""))
    assert set(entry) <= {"names", "remark", "source", "dtypes", "picture"}
    assert set(entry.get("picture", {})) <= {"kind", "arguments", "shape", "dtype"}


@each_class
def test_dtypes_are_those_of_the_class(fact: Facts) -> None:
    """The kinds named are those that the picture's tensor, or one of the tests' catalogue, can have."""
    tensors = [(entry.make(), shape) for entry in ENTRIES if entry.cls is fact.cls for shape in entry.shapes]
    made = {
        kind
        for initializer, shape in [(fact.picture.initializer, fact.picture.shape), *tensors]
        for kind, name in ONE_OF_EACH_KIND.items()
        if _accepts(initializer, shape, name)
    }
    if fact.dtypes == "those of the initializer inside":
        assert issubclass(fact.cls, Composite)
        assert made >= {"float", "complex"}
    else:
        assert set(re.findall(r"\b(?:float|complex|integer|bool)\b", fact.dtypes)) == made


def _accepts(initializer: ik.Initializer, shape: tuple[int, ...], dtype: str) -> bool:
    try:
        initializer.check(shape, resolve_dtype(dtype))
    except ik.InitkitError:
        return False
    return True


def test_libraries_are_those_with_names() -> None:
    """Every library with a name is in the table of libraries, and every one there has a name."""
    named = {library for fact in FACTS.values() for library in fact.elsewhere}
    assert named == set(NAMES["libraries"])


def test_links_lead_to_one_place() -> None:
    """No two headings have the same anchor, and every link of the table has one."""
    page = generated_files()["catalogue.md"]
    anchors = [
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", page, re.M)
    ]
    assert len(anchors) == len(set(anchors))
    links = re.findall(r"\]\(#(.*?)\)", page)
    assert len(links) == len(FACTS)
    assert set(links) <= set(anchors)


LIBRARIES = {"Keras": "keras.initializers", "PyTorch": "torch.nn.init", "JAX": "jax.nn.initializers"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_names_elsewhere_exist(library: str) -> None:
    """What the page calls a name of an installed library is one."""
    if find_spec(LIBRARIES[library].partition(".")[0]) is None:
        pytest.skip(f"needs {library}")
    for fact in FACTS.values():
        for name in fact.elsewhere.get(library, ()):
            module, _, short = name.rpartition(".") if "." in name else (LIBRARIES[library], "", name)
            assert short in set(_names_in(module)), f"{fact.cls.__name__}: {name}"


def _names_in(module: str) -> Iterator[str]:
    """The names that a module's file defines or imports, found without the seconds that running it takes."""
    package, *parts = module.split(".")
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    place = Path(spec.origin).parent.joinpath(*parts)
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield from _names_in(str(node.module))
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


@each_class
def test_pictures_are_small_and_say_what_they_show(fact: Facts) -> None:
    """Every picture is well-formed, below 8 KB, draws inside its frame, and has a title and a description."""
    text = draw(fact.picture)
    assert len(text.encode()) < 8192
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert fact.cls.__name__ in (root.findtext(f"{space}title") or "")
    assert fact.picture.call in (root.findtext(f"{space}desc") or "")
    paths = [str(path.get("d")) for path in root.findall(f"{space}path")]
    places = [re.match(r"([\d.]+) ([\d.]+)[hHV]", part) for path in paths for part in path.split("M")[1:]]
    assert places
    assert all(place and float(place[1]) <= WIDTH and float(place[2]) <= HEIGHT for place in places)


@each_class
def test_tolerances_do_not_reach_the_pictures(fact: Facts) -> None:
    """Where values may differ between machines, none is so near to another colour that it could change."""
    tolerance = fact.picture.initializer.tolerance(resolve_dtype(fact.picture.dtype))
    if tolerance:
        values = fact.picture.values().astype(np.float64)
        strengths = 5 * values[values != 0] / np.abs(values).max()
        assert fact.picture.kind == "matrix"
        assert np.abs(strengths - np.round(strengths))[np.abs(strengths) < 5].min() > 20 * tolerance


def test_histogram_counts() -> None:
    """A histogram's bars are as high as there are values in their bins, and the band is where it belongs."""
    values = np.array([0.0, 0.0, 0.0, 1.0, 2.0], np.float32)
    picture = draw(Picture("histogram", ik.Constant(values), (5,), "float32"))
    bars = re.search(r'd="M4 66((?:V[\d.]+h4)+)V66z"', picture)
    assert bars is not None
    heights = [66 - float(top) for top in re.findall(r"V([\d.]+)", bars[1])]
    assert len(heights) == 58
    assert [height for height in heights if height] == [
        50.0,
        pytest.approx(50 / 3, abs=0.05),
        pytest.approx(50 / 3, abs=0.05),
    ]
    # The mean is 0.6 and the deviation 0.8, so 0, 1 and 2 lie at these bins of 8.4 deviations.
    places = [round(58 * (0.5 + (value - 0.6) / 0.8 / 8.4) - 0.5) for value in (0.0, 1.0, 2.0)]
    assert [place for place, height in enumerate(heights) if height] == places


def test_matrix_places() -> None:
    """A matrix has its colours where its values are, in as many strengths as are told apart."""
    values = np.array([[0.0, 1.0, 1.0], [-0.5, 0.0, 0.0]], np.float32)
    picture = draw(Picture("matrix", ik.Constant(values), (2, 3), "float32"))
    assert 'd="M30 27h52" stroke="#e07b2a" stroke-width="26" opacity="1"' in picture
    assert 'd="M4 53h26" stroke="#4a8fd0" stroke-width="26" opacity="0.6"' in picture
    assert picture.count("stroke=") == 2


def test_plane_places() -> None:
    """The points of the plane have the real part to the right, the imaginary part up, and one scale."""
    values = np.array([1 + 0j, 1j, -1 - 1j], np.complex64)
    picture = draw(Picture("plane", ik.Constant(values), (3,), "complex64"))
    points = re.findall(r"M([\d.]+) ([\d.]+)h0", picture)
    (x1, y1), (xi, yi), (x2, y2) = ((float(x), float(y)) for x, y in points)
    assert (xi, y1) == (120.0, 40.0)
    assert x1 - xi == xi - x2 == y1 - yi == y2 - y1 == 24.0


def test_formula_and_reference_of_a_docstring() -> None:
    """Paragraphs become one line each; what a formula announces follows it; other sections do not."""
    docstring = (
        "One.\n\nFormula: `a`,\nby rule:\n\n| r |\n|---|\n| 1 |\n\nMore.\n\nReference:\n    A,\n    1999."
    )
    assert formula_of(docstring) == "`a`, by rule:\n\n| r |\n|---|\n| 1 |"
    assert reference_of(docstring) == "A, 1999."
    assert formula_of("One.") == reference_of("One.") == ""
