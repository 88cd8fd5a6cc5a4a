"""The tensors that a recipe names: brace ranges written out, shapes worked out, other files looked into."""

from __future__ import annotations

from collections.abc import Mapping

from initkit.dtypes import DType
from initkit.errors import ArgumentError
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.pattern import expand_braces
from initkit.recipe.language.place import Place
from initkit.recipe.language.variables import evaluate_shape
from initkit.recipe.planning.inheritance import Generation, MergedRecipe
from initkit.recipe.planning.named import NamedTensor, NamedTie
from initkit.recipe.planning.rules import stored_dtype
from initkit.recipe.planning.selection import NameSelection
from initkit.recipe.planning.sources import find_tensors
from initkit.recipe.text.specs import BaseSpec, Selection, SourceSpec, TensorSpec
from initkit.region import as_shape

# Where a safetensors file keeps its metadata.
RESERVED_NAME = "__metadata__"


def name_tensors(merged: MergedRecipe, variables: Mapping[str, Number]) -> list[NamedTensor | NamedTie]:
    """Write out everything that names tensors.

    Args:
        merged: The recipe, together with those that it extends.
        variables: The value of every variable.

    Returns:
        The tensors and the ties, inherited ones first, then those of other files, then the entries of
        `tensors` in the order of the text; whether they are selected or not.

    Raises:
        RecipeError: A brace range is malformed, a name comes twice, a shape or a dtype is none, or another
            file cannot be read.

    Example:
        >>> from initkit.recipe.planning.inheritance import merge
        >>> from initkit.recipe.text.parse import parse_recipe
        >>> tensors = "{'h.{0..1}.w': [2], o: {tie: h.0.w}}"
        >>> text = f"{{initkit: 1, seed: 7, tensors: {tensors}, rules: [{{match: '*', init: ones}}]}}"
        >>> [tensor.name for tensor in name_tensors(merge(parse_recipe(text)), {})]
        ['h.0.w', 'h.1.w', 'o']
    """
    naming = _Naming(merged, variables)
    for generation in merged.generations:
        naming.add(generation)
    return list(naming.named.values())


def select_tensors(
    merged: MergedRecipe, named: list[NamedTensor | NamedTie], variables: Mapping[str, Number]
) -> list[NamedTensor | NamedTie]:
    """Leave out what is not selected.

    Args:
        merged: The recipe, together with those that it extends.
        named: What it names.
        variables: The value of every variable.

    Returns:
        Those that a pattern of the selection matches, and what they are tied to; all where there is none.
        Tensors that are only named are left out.

    Raises:
        RecipeError: A pattern matches nothing, or nothing is left.
    """
    named = [one for one in named if isinstance(one, NamedTie) or not one.skip]
    if merged.recipe.only:
        wanted_names = Selection(only=merged.recipe.only)
        selection = NameSelection(wanted_names, merged.recipe.place, "the selection", variables)
        wanted = {tensor.name for tensor in named if selection.new_name(tensor.name) is not None}
        selection.check_used()
        # A tied tensor is had by the one that is stored.
        wanted |= {tie.target for tie in named if isinstance(tie, NamedTie) and tie.name in wanted}
        named = [tensor for tensor in named if tensor.name in wanted]
    if not named:
        msg = "the recipe names no tensors. Name at least one, with its shape."
        raise merged.recipe.place.error(msg)
    return named


class _Naming:
    """Collects the tensors of all generations."""

    def __init__(self, merged: MergedRecipe, variables: Mapping[str, Number]) -> None:
        self._variables = variables
        self._default = stored_dtype(merged.dtype, merged.dtype_place, "the recipe's `dtype`")
        self._of_all = merged.recipe.dtype_of_all
        self.named: dict[str, NamedTensor | NamedTie] = {}

    def add(self, generation: Generation) -> None:
        """Drop what a generation drops, and add what it adds."""
        if generation.base is not None and generation.base.drop:
            self._drop(generation.base)
        inherited = dict(self.named)
        for number, source in enumerate(generation.sources, 1):
            self._add_source(source, f"source {number}")
        entries: dict[str, TensorSpec] = {}
        for entry in generation.tensors:
            self._add_entry(entry, entries, inherited)

    def _drop(self, base: BaseSpec) -> None:
        selection = NameSelection(Selection(drop=base.drop), base.place, "`extends`", self._variables)
        self.named = {
            name: tensor for name, tensor in self.named.items() if selection.new_name(name) is not None
        }
        selection.check_used()

    def _add_source(self, source: SourceSpec, who: str) -> None:
        dtypes: dict[str | None, DType] = {None: self._default}
        for found in find_tensors(source, who, self._variables):
            if found.name in self.named:
                wrong = f"tensor {found.name!r} of {who} is there already, by line"
                remedy = "Drop or rename it in one of them."
                msg = f"{wrong} {self.named[found.name].place.line}. {remedy}"
                raise source.place.error(msg)
            if found.dtype not in dtypes:
                dtype = stored_dtype(str(found.dtype), source.place, f"the dtype of {found.name!r}")
                # What was said for the whole build holds for weights, and not for counters and masks.
                given = source.dtype is None and self._of_all and dtype.kind == "float"
                dtypes[found.dtype] = self._default if given else dtype
            self._check_name(found.name, source.place)
            tensor = NamedTensor(
                found.name,
                as_shape(found.shape),
                dtypes[found.dtype],
                source.place,
                found.layers,
                found.tags,
            )
            self.named[found.name] = tensor

    def _add_entry(
        self,
        entry: TensorSpec,
        entries: dict[str, TensorSpec],
        inherited: Mapping[str, NamedTensor | NamedTie],
    ) -> None:
        """The tensors of one entry, in place of inherited ones of the same name."""
        names = self._names(entry)
        shape: tuple[int, ...] = ()
        dtype = self._default
        if entry.tie is None:
            shape = self._shape(entry)
            if entry.dtype is not None:
                dtype = stored_dtype(
                    entry.dtype, entry.place.inside("dtype"), f"the dtype of tensor {entry.name!r}"
                )
        for name in names:
            self._check_name(name, entry.place)
            if name in entries:
                first = entries[name]
                wrong = f"tensor {name!r} is named twice: by {first.name!r} on line {first.place.line} and by"
                raise entry.place.error(wrong, f"{entry.name!r} here. Remove it from one of them.")
            if name in self.named and name not in inherited:
                wrong = f"tensor {name!r} is named twice: by a file in `from` and by {entry.name!r} here."
                raise entry.place.error(wrong, "Drop it from the file's, or remove it here.")
            entries[name] = entry
            if entry.tie is None:
                self.named[name] = NamedTensor(
                    name, shape, dtype, entry.place, entry.layers, entry.tags, entry.skip
                )
            else:
                self.named[name] = NamedTie(name, entry.tie, entry.place)

    def _names(self, entry: TensorSpec) -> list[str]:
        try:
            return expand_braces(entry.name, self._variables)
        except ArgumentError as error:
            msg = f"tensor {entry.name!r}: {error}"
            raise entry.place.error(msg) from error

    def _check_name(self, name: str, place: Place) -> None:
        if name == RESERVED_NAME or not name:
            wrong = f"a tensor cannot be named {name!r}, which safetensors files use themselves."
            raise place.error(wrong, "Rename it.")

    def _shape(self, entry: TensorSpec) -> tuple[int, ...]:
        who = f"tensor {entry.name!r}"
        lengths = evaluate_shape(entry.shape, self._variables, entry.place, who)
        try:
            return as_shape(lengths)
        except ArgumentError as error:
            msg = f"{who}: {error}"
            raise entry.place.error(msg) from error
