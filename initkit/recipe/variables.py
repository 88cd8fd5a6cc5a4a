"""The numbers of a recipe: its variables, and expressions over them, with errors that say where."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from initkit.errors import ArgumentError, did_you_mean, nearest_names
from initkit.recipe.arithmetic import CONSTANTS, Number
from initkit.recipe.expression import RESERVED_NAMES, Expression, parse_expression
from initkit.recipe.parse import ParsedRecipe


def evaluate_variables(recipe: ParsedRecipe) -> dict[str, Number]:
    """Work out the variables, each from those above it.

    Args:
        recipe: The recipe.

    Returns:
        The value of every variable, in the order of the text.

    Raises:
        RecipeError: A name has another meaning; an expression is none, uses an unknown variable or one
            further down, or has no value.

    Example:
        >>> from initkit.recipe.parse import parse_recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [ff]}, rules: [{match: w, init: ones}],"
        >>> text += " variables: {d: 8, ff: 4 * d}}"
        >>> evaluate_variables(parse_recipe(text))
        {'d': 8, 'ff': 32}
    """
    lines = {variable.name: variable.line for variable in recipe.variables}
    values: dict[str, Number] = {}
    for variable in recipe.variables:
        who = f"variable {variable.name!r}"
        if variable.name in RESERVED_NAMES:
            reserved = f"These are taken: {', '.join(sorted(RESERVED_NAMES))}."
            wrong = f"{who} has the name of a function or constant of expressions."
            raise recipe.error_at(variable.line, wrong, reserved, "Choose another name.")
        value = variable.value
        if isinstance(value, str):
            expression = read_expression(recipe, value, variable.line, who, values, lines)
            value = evaluate(recipe, expression, values, variable.line, who)
        elif math.isnan(value):
            raise recipe.error_at(variable.line, f"{who} is NaN, which is no number. Write a number.")
        values[variable.name] = value
    return values


def read_expression(
    recipe: ParsedRecipe,
    text: str,
    line: int,
    who: str,
    known: Collection[str],
    later: Mapping[str, int] | None = None,
) -> Expression:
    """Read an expression, and check that all its names have a value.

    Args:
        recipe: The recipe, for messages.
        text: The expression.
        line: Where it stands.
        who: What it is the value of.
        known: The names that have a value here.
        later: The lines of names that will have one further down.

    Returns:
        The expression.

    Raises:
        RecipeError: The text is no expression, or has an unknown name in it.
    """
    try:
        expression = parse_expression(text)
    except ArgumentError as error:
        raise recipe.error_at(line, f"{who}: {error}") from error
    for name in sorted(expression.names - set(known)):
        wrong = f"unknown variable {name!r} in {who}. Received: {text!r}."
        if later and name in later:
            remedy = f"It is defined on line {later[name]}; move it above its first use."
            raise recipe.error_at(line, wrong, remedy)
        hint = did_you_mean(nearest_names(name, [*known, *CONSTANTS]))
        allowed = f"Allowed: {', '.join(known) or 'no names'}.{hint}"
        raise recipe.error_at(line, wrong, allowed, "Correct it, or define it under `variables`.")
    return expression


def evaluate(
    recipe: ParsedRecipe, expression: Expression, names: Mapping[str, Number], line: int, who: str
) -> Number:
    """Work out an expression.

    Args:
        recipe: The recipe, for messages.
        expression: The expression.
        names: The value of every name in it.
        line: Where it stands.
        who: What it is the value of.

    Returns:
        Its value.

    Raises:
        RecipeError: It has none, as by a division by zero.
    """
    try:
        return expression.evaluate(names)
    except ArgumentError as error:
        raise recipe.error_at(line, f"{who}: {error}") from error


def evaluate_shape(
    recipe: ParsedRecipe,
    shape: tuple[Number | str, ...],
    variables: Mapping[str, Number],
    line: int,
    who: str,
) -> tuple[int, ...]:
    """Work out the lengths of a shape.

    Args:
        recipe: The recipe, for messages.
        shape: Numbers and expressions.
        variables: The value of every variable.
        line: Where the shape stands.
        who: The tensor, for messages.

    Returns:
        Non-negative integers.

    Raises:
        RecipeError: An expression is none, or a length is no whole number from 0 up.

    Example:
        >>> from initkit.recipe.parse import parse_recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [1]}, rules: [{match: w, init: ones}]}"
        >>> evaluate_shape(parse_recipe(text), ("d / 2", 3), {"d": 8}, 1, "w")
        (4, 3)
    """
    lengths = []
    for entry in shape:
        value = entry
        if isinstance(value, str):
            expression = read_expression(recipe, value, line, f"the shape of {who}", variables)
            value = evaluate(recipe, expression, variables, line, f"the shape of {who}")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or value < 0:
            wrong = f"a length in the shape of {who} is no whole number from 0 up. Received: {value!r}"
            received = f"{wrong}, from {entry!r}." if isinstance(entry, str) else f"{wrong}."
            raise recipe.error_at(line, received, "For a quotient rounded down write `//`.")
        lengths.append(value)
    return tuple(lengths)
