"""What the catalogue page says of a class: from its docstring, the registry, and names.yaml."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import initkit as ik
from initkit.documents import read_yaml
from initkit.dtypes import resolve_dtype
from initkit.initializer import RegionInitializer
from initkit.initializers.composite import Composite
from initkit.registry import BUILT_IN, registry

NAMES = Path(__file__).with_name("names.yaml")

# The picture of a class of which names.yaml asks for no other.
_PICTURE: Mapping[str, Any] = {"kind": "histogram", "arguments": {}, "shape": [256, 256], "dtype": "float32"}
_SEED = 7
_TITLES = {
    "histogram": "how often which values occur",
    "matrix": "the values in their places",
    "plane": "the values in the complex plane",
}


@dataclass(frozen=True)
class Picture:
    """What the picture of a class shows.

    Attributes:
        kind: `"histogram"`, `"matrix"` or `"plane"`.
        initializer: The initializer, without a seed.
        shape: The shape that it is called with.
        dtype: The name of the dtype.
    """

    kind: str
    initializer: ik.Initializer
    shape: tuple[int, ...]
    dtype: str

    @property
    def title(self) -> str:
        """What the picture shows, for those who do not see it."""
        return f"{type(self.initializer).__name__}: {_TITLES[self.kind]}"

    @property
    def call(self) -> str:
        """The call that makes the tensor, as one would write it."""
        dtype = "" if self.dtype == "float32" else f", {self.dtype!r}"
        return f"{self.initializer!r}({self.shape}{dtype})"

    def values(self) -> np.ndarray[Any, Any]:
        """The tensor, drawn from one seed."""
        seeded = self.initializer.seeded(ik.SeedGenerator(_SEED))
        return np.asarray(seeded(self.shape, self.dtype))


@dataclass(frozen=True)
class Facts:
    """What the page says of one class.

    Attributes:
        cls: The class.
        family: The title of the group that it is listed in.
        summary: The first sentence of its docstring.
        formula: Its docstring's formula, in Markdown; empty if there is none.
        reference: Its docstring's reference, or what names.yaml has in place of one; empty if there is
            neither.
        names: Every name that finds it, its own first.
        dtypes: The kinds of dtype that it can make, in words.
        slices: How far a slice, or another machine, agrees with the whole, in words.
        elsewhere: For every library that has it: its names there, each with a remark or None.
        remark: What else to know of other libraries' versions; empty for nothing.
        picture: What its picture shows.
    """

    cls: type[ik.Initializer]
    family: str
    summary: str
    formula: str
    reference: str
    names: list[str]
    dtypes: str
    slices: str
    elsewhere: dict[str, dict[str, str | None]]
    remark: str
    picture: Picture


def built_in_classes() -> dict[str, type[ik.Initializer]]:
    """Every class of initializers that the registry has from the library itself, by its name."""
    return {
        cls.__name__: cls
        for name, cls in registry.classes().items()
        if name.startswith(f"{BUILT_IN}>") and issubclass(cls, ik.Initializer)
    }


def read_names() -> dict[str, Any]:
    """The content of names.yaml: `libraries` and `families`."""
    content = read_yaml(NAMES.read_text(encoding="utf-8"), file=NAMES.name).data
    assert isinstance(content, dict)
    return content


def all_facts() -> Iterator[Facts]:
    """The facts of every class, in the order of names.yaml."""
    classes = built_in_classes()
    for family, entries in read_names()["families"].items():
        for name, entry in entries.items():
            yield facts_of(classes[name], family, entry)


def facts_of(cls: type[ik.Initializer], family: str, entry: Mapping[str, Any]) -> Facts:
    """The facts of one class, whose entry in names.yaml is given."""
    docstring = inspect.getdoc(cls) or ""
    shown = {**_PICTURE, **entry.get("picture", {})}
    initializer = ik.deserialize({"class_name": cls.__name__, "config": shown["arguments"]})
    assert isinstance(initializer, ik.Initializer)
    return Facts(
        cls=cls,
        family=family,
        summary=docstring.partition("\n")[0],
        formula=formula_of(docstring),
        reference=reference_of(docstring) or entry.get("source", ""),
        names=[cls.__name__, *(name for name in registry.names(cls) if name != cls.__name__)],
        dtypes=entry.get("dtypes") or _dtypes(cls),
        slices=_slices(initializer),
        elsewhere={library: _as_mapping(names) for library, names in entry["names"].items()},
        remark=entry.get("remark", ""),
        picture=Picture(shown["kind"], initializer, tuple(shown["shape"]), shown["dtype"]),
    )


def formula_of(docstring: str) -> str:
    """The paragraph of a docstring that begins with `Formula:`, and the table or list that it announces."""
    paragraphs = docstring.split("\n\n")
    for number, paragraph in enumerate(paragraphs):
        if paragraph.startswith("Formula:"):
            found = [_joined(paragraph.removeprefix("Formula:"))]
            if found[0].endswith(":"):
                found.append(_joined(paragraphs[number + 1]))
            return "\n\n".join(found)
    return ""


def reference_of(docstring: str) -> str:
    """The section `Reference:` of a docstring, in one line."""
    section = re.search(r"^Reference:\n((?:    .*\n?|\n)+)", docstring, re.M)
    return _joined(section[1]) if section else ""


def _joined(paragraph: str) -> str:
    """A paragraph in one line; rows of tables and points of lists keep theirs."""
    lines: list[str] = []
    for line in map(str.strip, paragraph.strip().splitlines()):
        if lines and not line.startswith(("|", "- ")) and not lines[-1].startswith("|"):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return "\n".join(lines)


def _as_mapping(names: str | dict[str, str | None]) -> dict[str, str | None]:
    return {names: None} if isinstance(names, str) else names


def _dtypes(cls: type[ik.Initializer]) -> str:
    """The kinds of dtype that a class can make, in words."""
    if issubclass(cls, Composite):
        return "those of the initializer inside"
    assert issubclass(cls, RegionInitializer)
    return ", ".join(cls.kinds)


def _slices(initializer: ik.Initializer) -> str:
    """How far a slice agrees with the whole, in words."""
    if isinstance(initializer, Composite):
        return "as exact as the initializer inside"
    tolerance = initializer.tolerance(resolve_dtype("float32"))
    if not tolerance:
        return "equal to the bit"
    return f"agree to {tolerance:.2g} in float32"
