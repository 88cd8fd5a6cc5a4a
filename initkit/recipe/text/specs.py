"""The parts of a recipe of sound form, as the parser makes them. Nothing has a meaning yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from initkit.documents import PlainData
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.place import Place
from initkit.recipe.language.variables import Variable

# What a recipe may have of its user, in place of what its text says.
_CHANGEABLE = ("seed", "dtype", "only", "dtype_of_all", "values", "changed")


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One entry of `tensors`, which may stand for many tensors.

    Attributes:
        name: The name, brace ranges included.
        place: Where the entry stands.
        shape: Numbers and expressions; empty for a tied tensor.
        dtype: The entry's own dtype, or None.
        tie: The name of the tensor that this one is the same as, or None.
        layers: The types of the layers that hold it, from the whole model to its own.
        tags: Words about it.
        skip: Whether it is only named, and not stored.
    """

    name: str
    place: Place
    shape: tuple[Number | str, ...] = ()
    dtype: str | None = None
    tie: str | None = None
    layers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip: bool = False


def tensor_entry(
    shape: Sequence[Number | str],
    dtype: str | None,
    layers: Sequence[str] = (),
    tags: Sequence[str] = (),
    skip: bool = False,
) -> PlainData:
    """What `tensors` says of a name: its shape alone, where there is nothing else to say.

    Args:
        shape: Numbers and expressions.
        dtype: The entry's own dtype, or None.
        layers: As `TensorSpec` has them, like all that follows.
        tags: Words about it.
        skip: Whether it is only named.

    Returns:
        Plain data, to be written.

    Example:
        >>> tensor_entry((2, "d"), None), tensor_entry((2,), "float32", tags=("late",))
        ([2, 'd'], {'shape': [2], 'dtype': 'float32', 'tags': ['late']})
    """
    entry: dict[str, PlainData] = {"shape": list(shape)}
    if dtype is not None:
        entry["dtype"] = dtype
    if layers:
        entry["layers"] = list(layers)
    if tags:
        entry["tags"] = list(tags)
    if skip:
        entry["skip"] = True
    return entry if len(entry) > 1 else entry["shape"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which names are taken from elsewhere, and what they become here.

    Attributes:
        only: Patterns; where there are any, a name that matches none is left out.
        drop: Patterns of names to leave out.
        rename: Patterns, and what the names that match become.
        prefix: What is put before every name, after renaming.
    """

    only: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A file whose tensors' names, shapes and dtypes are taken over: one entry of `from`.

    Attributes:
        file: Its path as written, relative to the folder of the recipe.
        place: Where the entry stands.
        selection: Which of its tensors.
        dtype: The dtype that they shall have here, or None for their own.
    """

    file: str
    place: Place
    selection: Selection
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class BaseSpec:
    """What `extends` names: another recipe, or a preset.

    Attributes:
        name: A preset with its version, or a path relative to the folder of the recipe.
        is_preset: Which of the two.
        place: Where it stands.
        drop: Patterns of those of its tensors that are left out.
    """

    name: str
    is_preset: bool
    place: Place
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InitializerSpec:
    """What a rule's `init` says.

    Attributes:
        name: The initializer's name, as the registry knows it.
        place: Where it stands.
        arguments: What stands for each of its constructor's arguments.
        argument_places: Where each argument stands.
    """

    name: str
    place: Place
    arguments: Mapping[str, PlainData] = field(default_factory=dict)
    argument_places: Mapping[str, Place] = field(default_factory=dict)

    def __str__(self) -> str:
        """Write it as a call, with the arguments as the recipe has them."""
        arguments = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.name}({arguments})" if arguments else self.name


@dataclass(frozen=True, slots=True)
class CopySpec:
    """A tensor of a safetensors file, whose values a rule takes over.

    Attributes:
        file: The file's path as written, relative to the folder of the recipe; may hold captures.
        name: The tensor's name in it; may hold captures. None for the same name as here.
        place: Where it stands.
    """

    file: str
    name: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `rules`: which tensors, and what becomes of them. Exactly one of four things does.

    Attributes:
        number: Its place among all rules, counted from 1, those of this file before those it extends.
        place: Where it stands.
        match: The pattern of names: a glob, or a regular expression.
        is_regex: Which of the two.
        where: What `where` says of the tensors, as plain data.
        init: What makes the values, or None.
        skip: Whether the tensors are left out.
        tie: The tensor that these are the same as, or None; may hold captures.
        copy: Where the values come from, or None.
        dtype: The dtype that the tensors get, or None.
        layout: How initializers read shapes, or None.
        fans_of: The tensor whose fans expressions ask about, or None for the tensor's own; may hold captures.
        seed_path: The names by which values are drawn instead of the tensor's own, or None; with captures.
        optional: Whether it may take no tensor.
        inherited: Whether it is one of the recipe that this one extends.
        data: The entry, as plain data.
    """

    number: int
    place: Place
    match: str
    is_regex: bool = False
    where: Mapping[str, PlainData] = field(default_factory=dict)
    init: InitializerSpec | None = None
    skip: bool = False
    tie: str | None = None
    copy: CopySpec | None = None
    dtype: str | None = None
    layout: str | None = None
    fans_of: str | None = None
    seed_path: tuple[str, ...] | None = None
    optional: bool = False
    inherited: bool = False
    data: Mapping[str, PlainData] = field(default_factory=dict, compare=False, repr=False)

    @property
    def line(self) -> int:
        """The line on which it stands, counted from 1."""
        return self.place.line

    @property
    def action(self) -> str:
        """What becomes of the tensors, in a few words."""
        if self.init is not None:
            return str(self.init)
        if self.copy is not None:
            return f"copy of {self.copy.name or 'the same name'} in {self.copy.file}"
        return "skip" if self.skip else f"tied to {self.tie}"


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """What a preset says of itself.

    Attributes:
        name: Its name.
        version: Its version, which never changes its meaning.
        source: Whose scheme it is.
    """

    name: str
    version: int
    source: str


@dataclass(frozen=True, slots=True)
class ParsedRecipe:
    """A recipe of sound form.

    Attributes:
        text: The whole text, from which this can be made again.
        file: Where the text came from, for messages, and for paths relative to its folder.
        place: Where the whole stands.
        seed: The seed that every tensor's draw grows from, or None where it is the base's.
        dtype: The dtype of tensors that have none of their own, or None.
        layout: How initializers read shapes that do not say so themselves, or None.
        preset: What a preset says of itself, or None.
        base: What the recipe extends, or None.
        variables: In the order of the text.
        sources: In the order of the text.
        tensors: In the order of the text.
        rules: In the order of the text, which is the order of precedence.
        only: Patterns of the tensors that are wanted; empty for all.
        dtype_of_all: Whether `dtype` holds for floating-point tensors of other files, too.
        values: Of variables, by name, in place of those that this or what it extends says.
        changed: Whether seed, dtype, selection or variables are not those of the text.
    """

    text: str
    file: str
    place: Place
    seed: int | None
    dtype: str | None = None
    layout: str | None = None
    preset: PresetInfo | None = None
    base: BaseSpec | None = None
    variables: tuple[Variable, ...] = ()
    sources: tuple[SourceSpec, ...] = ()
    tensors: tuple[TensorSpec, ...] = ()
    rules: tuple[Rule, ...] = ()
    only: tuple[str, ...] = ()
    dtype_of_all: bool = False
    values: tuple[tuple[str, Number | str], ...] = ()
    changed: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the text, and what is not that of the text."""
        from initkit.recipe.text.parse import parse_again

        return parse_again, (self.text, self.file, {name: getattr(self, name) for name in _CHANGEABLE})

    @property
    def stands_alone(self) -> bool:
        """Whether the text by itself says everything."""
        return not (self.base or self.sources or self.changed)
