"""A recipe together with those that it extends: own entries stand before inherited ones, and replace them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from initkit.documents import PlainData
from initkit.errors import (
    ArgumentError,
    FileAccessError,
    RecipeError,
    UnknownNameError,
    did_you_mean,
    nearest_names,
)
from initkit.layout import check_layout
from initkit.recipe.language.place import Place
from initkit.recipe.language.variables import Variable
from initkit.recipe.planning.sources import path_of
from initkit.recipe.text.loading import load_preset, load_recipe
from initkit.recipe.text.reading import as_number
from initkit.recipe.text.specs import BaseSpec, ParsedRecipe, Rule, SourceSpec, TensorSpec

_MOST_BASES = 16
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFAULT_DTYPE = "float32"


@dataclass(frozen=True, slots=True)
class Generation:
    """What one of the recipes adds to the tensors of those that it extends.

    Attributes:
        base: What it extends, with the patterns of what it drops of that; or None.
        sources: Files whose tensors it takes over.
        tensors: Its own entries.
    """

    base: BaseSpec | None
    sources: tuple[SourceSpec, ...]
    tensors: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class MergedRecipe:
    """Everything that a recipe and those that it extends say.

    Attributes:
        recipe: The recipe itself.
        seed: The seed.
        dtype: The dtype of tensors that have none of their own.
        dtype_place: Where it stands.
        layout: How initializers read shapes that do not say so, or None.
        variables: Inherited ones first, those that have another value now in their old place.
        generations: The most distant ancestor first.
        rules: Own ones first, numbered through.
    """

    recipe: ParsedRecipe
    seed: int
    dtype: str
    dtype_place: Place
    layout: str | None
    variables: tuple[Variable, ...]
    generations: tuple[Generation, ...]
    rules: tuple[Rule, ...]


def merge(recipe: ParsedRecipe) -> MergedRecipe:
    """Join a recipe with those that it extends.

    Args:
        recipe: The parsed recipe.

    Returns:
        Everything that holds for it.

    Raises:
        RecipeError: A base cannot be read or extends itself in the end; there is no seed; there are no
            rules; a variable neither replaces an inherited one nor is used, or gets a value and is not there.

    Example:
        >>> from initkit.recipe.text.parse import parse_recipe
        >>> merged = merge(parse_recipe("{initkit: 1, extends: gpt2@1, seed: 7, variables: {n_layer: 2}}"))
        >>> [rule.inherited for rule in merged.rules][:1], merged.variables[0].value
        ([True], 2)
    """
    line = [recipe, *_ancestors(recipe)]
    for one in line:
        if one.layout is not None:
            checked_layout(one.layout, one.place.inside("layout"), "`layout`")
    seed = next((one.seed for one in line if one.seed is not None), None)
    if seed is None:
        wrong = "the recipe has no `seed`, and what it extends has none either."
        raise recipe.place.error(
            wrong, "A preset leaves it to its user. Write `seed: 42`, for example, or override it: --seed 42."
        )
    with_dtype = next((one for one in line if one.dtype is not None), recipe)
    rules = [replace(rule, inherited=one is not recipe) for one in line for rule in one.rules]
    return MergedRecipe(
        recipe=recipe,
        seed=seed,
        dtype=with_dtype.dtype or _DEFAULT_DTYPE,
        dtype_place=with_dtype.place.inside("dtype"),
        layout=next((one.layout for one in line if one.layout is not None), None),
        variables=_with_values(_variables(line), recipe),
        generations=tuple(Generation(one.base, one.sources, one.tensors) for one in reversed(line)),
        rules=tuple(replace(rule, number=number) for number, rule in enumerate(rules, 1)),
    )


def checked_layout(layout: str, place: Place, who: str) -> str:
    """Refuse a layout that no shape could have.

    Args:
        layout: The layout.
        place: Where it stands.
        who: Whose it is, for messages.

    Returns:
        The layout.

    Raises:
        RecipeError: It is no preset, and no letters.
    """
    try:
        return check_layout(layout)
    except ArgumentError as error:
        message = f"{who}: {error}"
        raise place.error(message) from error


def _ancestors(recipe: ParsedRecipe) -> Iterator[ParsedRecipe]:
    """The recipe that one extends, the recipe which that extends, and so on."""
    files = [recipe.file]
    while recipe.base is not None:
        recipe = _load(recipe.base)
        if recipe.file in files or len(files) > _MOST_BASES:
            wrong = f"`extends` leads in a circle, or too far: {' -> '.join([*files, recipe.file])}."
            raise recipe.place.error(wrong, "Let one of them stand alone.")
        files.append(recipe.file)
        yield recipe


def _load(base: BaseSpec) -> ParsedRecipe:
    try:
        if base.is_preset:
            return load_preset(base.name)
        return load_recipe(path_of(base.name, base.place))
    except UnknownNameError as error:
        msg = f"`extends`: {error}"
        raise base.place.error(msg) from error
    except FileAccessError as error:
        remedy = "Allowed: a preset with its version, as in gpt2@1, or the path of a recipe. Correct it."
        msg = f"`extends` cannot be read: {error}. {remedy}"
        raise base.place.error(msg) from error


def _variables(line: list[ParsedRecipe]) -> tuple[Variable, ...]:
    """The variables of all of them, those of descendants in place of those of ancestors."""
    merged: dict[str, Variable] = {}
    for one in reversed(line):
        if one.base is not None:
            _check_replaced(one, merged)
        merged.update((variable.name, variable) for variable in one.variables)
    return tuple(merged.values())


def _with_values(variables: tuple[Variable, ...], recipe: ParsedRecipe) -> tuple[Variable, ...]:
    """The variables, with those values that the recipe's user gives in place of others."""
    given = dict(recipe.values)
    known = [variable.name for variable in variables]
    for name, value in given.items():
        if name not in known:
            wrong = f"the recipe has no variable {name!r:.80}. Received: {name}={value!r:.80}."
            hint = did_you_mean(nearest_names(str(name), known))
            message = f"{wrong} Allowed: {', '.join(known) or 'none'}.{hint} Correct it."
            raise RecipeError(message, file=recipe.file)
        as_number(value, recipe.place, f"variable {name!r}")
    return tuple(replace(one, value=given.get(one.name, one.value)) for one in variables)


def _check_replaced(recipe: ParsedRecipe, inherited: dict[str, Variable]) -> None:
    """Refuse a variable that changes nothing, as by a typo."""
    for variable in unused_variables(recipe):
        if variable.name not in inherited:
            known = ", ".join(inherited) or "none"
            wrong = f"variable {variable.name!r} replaces none that is inherited, and nothing uses it."
            hint = did_you_mean(nearest_names(variable.name, inherited))
            raise variable.place.error(wrong, f"Inherited are: {known}.{hint}", "Correct it, or remove it.")


def unused_variables(recipe: ParsedRecipe) -> list[Variable]:
    """The variables of a recipe that nothing else in the same text names.

    Args:
        recipe: The parsed recipe.

    Returns:
        Its own variables, in their order; what it extends may use them all the same.
    """
    data = recipe.place.document.data
    if not recipe.variables or not isinstance(data, dict):
        return []
    named = data["variables"]
    assert isinstance(named, dict)
    users: list[PlainData] = [*named.values(), *(value for key, value in data.items() if key != "variables")]
    words = set(_words(users))
    return [variable for variable in recipe.variables if variable.name not in words]


def _words(data: PlainData) -> Iterator[str]:
    """All words in keys and texts."""
    if isinstance(data, str):
        yield from _WORD.findall(data)
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _WORD.findall(key)
            yield from _words(value)
    elif isinstance(data, list):
        for value in data:
            yield from _words(value)
