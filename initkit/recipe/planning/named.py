"""What a recipe names, before any rule is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from initkit.dtypes import DType
from initkit.recipe.language.place import Place


@dataclass(frozen=True, slots=True)
class NamedTensor:
    """A tensor, with all that rules can ask of it.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Its dtype, unless a rule gives it another one.
        place: What names it.
        layers: The types of the layers that hold it, from the whole model to its own; empty if not said.
        tags: Words about it.
        skip: Whether it is only named, for others to ask about its fans, and takes no rule.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    place: Place
    layers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip: bool = False


@dataclass(frozen=True, slots=True)
class NamedTie:
    """A name for a tensor that is stored under another one.

    Attributes:
        name: The name.
        target: The other tensor's name.
        place: What says so.
    """

    name: str
    target: str
    place: Place
