"""Values that recipes work out: variables, and the lengths of shapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from initkit.encoding import python_scalar
from initkit.errors import ArgumentError, ArgumentTypeError, did_you_mean, nearest_names
from initkit.recipe.language.arithmetic import CONSTANTS, Number, checked
from initkit.recipe.language.expression import RESERVED_NAMES, Expression, parse_expression
from initkit.recipe.language.facts import is_fact
from initkit.recipe.language.place import Place


@dataclass(frozen=True, slots=True)
class Variable:
    """A named number, or the text of the expression that it is worked out from."""

    name: str
    value: Number | str
    place: Place


def evaluate_variables(variables: Sequence[Variable]) -> dict[str, Number]:
    """Work out the variables, each from others, in whatever order they stand.

    Args:
        variables: The variables of a recipe.

    Returns:
        The value of every variable, in their order.

    Raises:
        RecipeError: A name has another meaning; an expression is none, uses an unknown variable or, in the
            end, itself, or has no value.

    Example:
        >>> from initkit.recipe.text.parse import parse_recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [ff]}, rules: [{match: w, init: ones}],"
        >>> text += " variables: {ff: 4 * d, d: 8}}"
        >>> evaluate_variables(parse_recipe(text).variables)
        {'ff': 32, 'd': 8}
    """
    return _Evaluation(variables).values()


def given_values(variables: object) -> dict[str, Number | str]:
    """Values for variables that come from Python and not from a text, as recipes have them.

    Args:
        variables: A mapping of names and numbers, NumPy's included, or texts of expressions; None for none.

    Returns:
        Python's numbers and texts, by name; names and values that no recipe can have are left in it.

    Raises:
        ArgumentTypeError: It is no mapping, or has a NumPy scalar that is no number.

    Example:
        >>> import numpy as np
        >>> given_values({"d": np.int64(3), "ff": "4 * d"})
        {'d': 3, 'ff': '4 * d'}
    """
    if variables is None:
        return {}
    if not isinstance(variables, Mapping):
        message = f"Variables are given by name. Received: {variables!r:.100} of type"
        message += f" {type(variables).__name__}. Allowed: a mapping from names to numbers or texts of"
        message += " expressions. Write, for example, {'n_layer': 2}."
        raise ArgumentTypeError(message)
    return {
        name: cast(Number, python_scalar(value)) if isinstance(value, np.generic) else value
        for name, value in variables.items()
    }


class _Evaluation:
    """Works out each variable after those that it needs."""

    def __init__(self, variables: Sequence[Variable]) -> None:
        self._variables = {variable.name: variable for variable in variables}
        self._values: dict[str, Number] = {}
        self._expressions = {name: self._read(variable) for name, variable in self._variables.items()}

    def values(self) -> dict[str, Number]:
        """All of them, in the order of the text."""
        for name in self._variables:
            self._evaluate(name)
        return {name: self._values[name] for name in self._variables}

    def _read(self, variable: Variable) -> Expression | None:
        who = f"variable {variable.name!r}"
        if variable.name in RESERVED_NAMES:
            reserved = f"These are taken: {', '.join(sorted(RESERVED_NAMES))}."
            wrong = f"{who} has a name that means something else in expressions."
            raise variable.place.error(wrong, reserved, "Choose another name.")
        if isinstance(variable.value, str):
            return read_expression(variable.value, variable.place, who, self._variables)
        try:
            checked(variable.value, may_be_infinite=True)
        except ArgumentError as error:
            message = f"{who} is no number that can be worked with: {error}"
            raise variable.place.error(message, "Write another number.") from error
        self._values[variable.name] = variable.value
        return None

    def _evaluate(self, name: str) -> None:
        """Work out a variable; those that it needs wait on a list of ours, which no depth exhausts."""
        waiting = [name]
        while waiting:
            current = waiting[-1]
            expression = self._expressions[current]
            needed = [] if expression is None else sorted(expression.names - self._values.keys())
            if current in self._values or expression is None:
                waiting.pop()
            elif needed:
                if needed[0] in waiting:
                    self._fail_circle([*waiting[waiting.index(needed[0]) :], needed[0]])
                waiting.append(needed[0])
            else:
                place, who = self._variables[current].place, f"variable {current!r}"
                self._values[current] = evaluate(expression, self._values, place, who)

    def _fail_circle(self, names: Sequence[str]) -> None:
        wrong = f"variable {names[0]!r} is worked out from itself: {' needs '.join(names)}."
        raise self._variables[names[0]].place.error(wrong, "Give one of them a number.")


def read_expression(text: str, place: Place, who: str, known: Collection[str]) -> Expression:
    """Read an expression, and check that all its names have a value.

    Args:
        text: The expression.
        place: Where it stands.
        who: What it is the value of.
        known: The names that have a value here; `"ndim"` among them allows all that asks about the tensor.

    Returns:
        The expression.

    Raises:
        RecipeError: The text is no expression, or has an unknown name in it.
    """
    try:
        expression = parse_expression(text)
    except ArgumentError as error:
        msg = f"{who}: {error}"
        raise place.error(msg) from error
    for name in sorted(expression.names - set(known)):
        if not is_fact(name):
            wrong = f"unknown variable {name!r} in {who}. Received: {text!r}."
            hint = did_you_mean(nearest_names(name, [*known, *CONSTANTS]))
            allowed = f"Allowed: {', '.join(known) or 'no names'}.{hint}"
            raise place.error(wrong, allowed, "Correct it, or define it under `variables`.")
        if "ndim" not in known:
            wrong = f"{name!r} asks about a tensor in {who}, where there is none. Received: {text!r}."
            raise place.error(wrong, "Allowed: in the arguments of a rule. Define a variable instead.")
    return expression


def evaluate(expression: Expression, names: Mapping[str, Number], place: Place, who: str) -> Number:
    """Work out an expression.

    Args:
        expression: The expression.
        names: The value of every name in it.
        place: Where it stands.
        who: What it is the value of.

    Returns:
        Its value.

    Raises:
        RecipeError: It has none, as by a division by zero.
    """
    try:
        return expression.evaluate(names)
    except ArgumentError as error:
        msg = f"{who}: {error}"
        raise place.error(msg) from error


def evaluate_shape(
    shape: tuple[Number | str, ...], variables: Mapping[str, Number], place: Place, who: str
) -> tuple[int, ...]:
    """Work out the lengths of a shape.

    Args:
        shape: Numbers and expressions.
        variables: The value of every variable.
        place: Where the shape stands.
        who: The tensor, for messages.

    Returns:
        Non-negative integers.

    Raises:
        RecipeError: An expression is none, or a length is no whole number from 0 up.

    Example:
        >>> from initkit.documents import read_yaml
        >>> evaluate_shape(("d / 2", 3), {"d": 8}, Place(read_yaml("w: [d / 2, 3]"), ("w",)), "w")
        (4, 3)
    """
    return tuple(evaluate_length(entry, variables, place, f"the shape of {who}") for entry in shape)


def evaluate_length(entry: Number | str, variables: Mapping[str, Number], place: Place, who: str) -> int:
    """Work out one length; arguments and errors are like those of `evaluate_shape`.

    Args:
        entry: A number or an expression.
        variables: The value of every variable.
        place: Where it stands.
        who: What it belongs to, for messages.

    Returns:
        A non-negative integer.
    """
    value = entry
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str):
        value = evaluate(read_expression(value, place, who, variables), variables, place, who)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or value < 0:
        wrong = f"a length in {who} is no whole number from 0 up. Received: {value!r}"
        received = f"{wrong}, from {entry!r}." if isinstance(entry, str) else f"{wrong}."
        raise place.error(received, "For a quotient rounded down write `//`.")
    return value
