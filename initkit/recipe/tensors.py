"""The tensors that a recipe names: brace ranges written out, shapes worked out, ties followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from initkit.dtypes import DType, resolve_dtype
from initkit.errors import ArgumentError, DTypeError, did_you_mean, nearest_names
from initkit.io.safetensors import DTYPE_NAMES
from initkit.recipe.arithmetic import Number
from initkit.recipe.parse import ParsedRecipe, TensorSpec
from initkit.recipe.pattern import expand_braces
from initkit.recipe.variables import evaluate_shape
from initkit.region import as_shape

# Where a safetensors file keeps its metadata.
RESERVED_NAME = "__metadata__"


@dataclass(frozen=True, slots=True)
class NamedTensor:
    """A tensor to be drawn and stored, before any rule is looked at."""

    name: str
    shape: tuple[int, ...]
    dtype: DType
    entry: TensorSpec


@dataclass(frozen=True, slots=True)
class NamedTie:
    """A name for a tensor that is stored under another one."""

    name: str
    target: NamedTensor
    entry: TensorSpec


def name_tensors(
    recipe: ParsedRecipe, variables: Mapping[str, Number]
) -> tuple[list[NamedTensor], list[NamedTie]]:
    """Write the entries of `tensors` out.

    Args:
        recipe: The recipe.
        variables: The value of every variable.

    Returns:
        The tensors to be drawn and the ties, each in the order of the text.

    Raises:
        RecipeError: A brace range is malformed, a name comes twice, a shape or a dtype is none, or a tie has
            no tensor at its end.

    Example:
        >>> from initkit.recipe.parse import parse_recipe
        >>> tensors = "{'h.{0..1}.w': [2], o: {tie: h.0.w}}"
        >>> text = f"{{initkit: 1, seed: 7, tensors: {tensors}, rules: [{{match: '*', init: ones}}]}}"
        >>> tensors, ties = name_tensors(parse_recipe(text), {})
        >>> [tensor.name for tensor in tensors], ties[0].target.name
        (['h.0.w', 'h.1.w'], 'h.0.w')
    """
    default = _dtype(recipe, recipe.dtype, recipe.dtype_line, "the recipe's `dtype`")
    entries: dict[str, TensorSpec] = {}
    tensors: dict[str, NamedTensor] = {}
    for entry in recipe.tensors:
        names = _names(recipe, entry, variables, entries)
        if entry.tie is None:
            shape, dtype = _shape(recipe, entry, variables), default
            if entry.dtype is not None:
                dtype = _dtype(recipe, entry.dtype, entry.line, f"the dtype of tensor {entry.name!r}")
            tensors.update((name, NamedTensor(name, shape, dtype, entry)) for name in names)
    ties = []
    for name, entry in entries.items():
        if entry.tie is not None:
            ties.append(NamedTie(name, _target(recipe, name, entry.tie, entries, tensors), entry))
    return list(tensors.values()), ties


def _names(
    recipe: ParsedRecipe,
    entry: TensorSpec,
    variables: Mapping[str, Number],
    entries: dict[str, TensorSpec],
) -> list[str]:
    """The names of one entry, entered into all of them."""
    try:
        names = expand_braces(entry.name, variables)
    except ArgumentError as error:
        raise recipe.error_at(entry.line, f"tensor {entry.name!r}: {error}") from error
    for name in names:
        if name == RESERVED_NAME:
            wrong = f"a tensor cannot be named {name!r}, which safetensors files use themselves."
            raise recipe.error_at(entry.line, wrong, "Rename it.")
        if name in entries:
            first = entries[name]
            wrong = f"tensor {name!r} is named twice: by {first.name!r} on line {first.line} and by"
            raise recipe.error_at(entry.line, wrong, f"{entry.name!r} here. Remove it from one of them.")
        entries[name] = entry
    return names


def _shape(recipe: ParsedRecipe, entry: TensorSpec, variables: Mapping[str, Number]) -> tuple[int, ...]:
    who = f"tensor {entry.name!r}"
    lengths = evaluate_shape(recipe, entry.shape, variables, entry.line, who)
    try:
        return as_shape(lengths)
    except ArgumentError as error:
        raise recipe.error_at(entry.line, f"{who}: {error}") from error


def _dtype(recipe: ParsedRecipe, name: str, line: int, who: str) -> DType:
    try:
        dtype = resolve_dtype(name)
    except DTypeError as error:
        raise recipe.error_at(line, f"{who}: {error}") from error
    if dtype.name not in DTYPE_NAMES:
        wrong = f"{who} cannot be stored in a safetensors file. Received: {name!r}."
        raise recipe.error_at(line, wrong, f"Allowed: {', '.join(DTYPE_NAMES)}. Choose one of these.")
    return dtype


def _target(
    recipe: ParsedRecipe,
    name: str,
    target: str,
    entries: Mapping[str, TensorSpec],
    tensors: Mapping[str, NamedTensor],
) -> NamedTensor:
    """The tensor that a tie leads to, which must be stored itself."""
    line = entries[name].line
    if target in tensors:
        return tensors[target]
    if target == name:
        wrong, remedy = f"tensor {name!r} is tied to itself.", "Tie it to a tensor that has a shape."
    elif target in entries:
        chain = f"which is itself tied to {entries[target].tie!r}, on line {entries[target].line}."
        wrong = f"tensor {name!r} is tied to {target!r}, {chain}"
        remedy = "Tie both to the one tensor that has a shape."
    else:
        wrong = f"tensor {name!r} is tied to {target!r}, and no tensor has that name."
        remedy = f"Correct it, or name that tensor.{did_you_mean(nearest_names(target, tensors))}"
    raise recipe.error_at(line, wrong, remedy)
