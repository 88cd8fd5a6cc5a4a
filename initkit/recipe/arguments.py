"""Arguments of a rule's initializer, and of those inside it: expressions, and texts with captures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from initkit.documents import PlainData
from initkit.errors import UnknownNameError, did_you_mean, nearest_names
from initkit.recipe.arithmetic import Number
from initkit.recipe.expression import Expression
from initkit.recipe.parse import ParsedRecipe
from initkit.recipe.variables import evaluate, read_expression
from initkit.registry import registry

_NUMERIC_ANNOTATION = re.compile(r"\b(int|float|complex)\b")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def takes_numbers(parameter: inspect.Parameter) -> bool:
    """Whether text that is given for a constructor's argument is an expression.

    It is where the argument's default is a number, and where it has no default, or None, and is annotated
    with `int`, `float` or `complex`. Everywhere else text is text, as in `mode: fan_in`.

    Args:
        parameter: The argument, as `inspect.signature` has it.

    Returns:
        Whether it is.

    Example:
        >>> import initkit as ik
        >>> parameters = inspect.signature(ik.VarianceScaling).parameters
        >>> takes_numbers(parameters["scale"]), takes_numbers(parameters["mode"])
        (True, False)
    """
    default = parameter.default
    if default is not None and default is not inspect.Parameter.empty:
        return isinstance(default, (int, float, complex)) and not isinstance(default, bool)
    if parameter.annotation is inspect.Parameter.empty:
        return False
    return _NUMERIC_ANNOTATION.search(inspect.formatannotation(parameter.annotation)) is not None


@dataclass(frozen=True, slots=True)
class Template:
    """A text in which captures stand in braces, such as `"h.{layer}.attn.q.weight"`."""

    text: str


@dataclass(frozen=True, slots=True)
class ArgumentReader:
    """Reads what a recipe gives an initializer's argument.

    Attributes:
        recipe: The recipe, for messages.
        who: Whose argument it is, for messages.
        line: Where it stands.
        known: The variables and captures that have a value there.
        captures: The captures alone, which texts may name.
    """

    recipe: ParsedRecipe
    who: str
    line: int
    known: tuple[str, ...]
    captures: tuple[str, ...]

    def read(self, value: PlainData, numeric: bool) -> Any:
        """Read a value, also inside lists and inside the descriptions of initializers.

        Args:
            value: Plain data from the recipe.
            numeric: Whether text is an expression.

        Returns:
            The same with an `Expression` or a `Template` for every text that is one.

        Raises:
            RecipeError: A text is no expression, or names something unknown.
        """
        if isinstance(value, str):
            if numeric:
                return read_expression(self.recipe, value, self.line, self.who, self.known)
            return self._text(value)
        if isinstance(value, list):
            return [self.read(entry, numeric) for entry in value]
        if not isinstance(value, dict):
            return value
        config = value.get("config")
        if "class_name" in value and isinstance(config, dict):
            return {**value, "config": self._nested(str(value["class_name"]), config)}
        if len(value) == 1:
            ((name, arguments),) = value.items()
            if isinstance(arguments, dict):
                return {name: self._nested(name, arguments)}
        return value

    def _nested(self, name: str, arguments: Mapping[str, PlainData]) -> dict[str, Any]:
        """The arguments of an initializer inside another one; unknown ones are left to its class."""
        try:
            parameters = inspect.signature(registry.find(name)).parameters
        except UnknownNameError:
            return dict(arguments)
        return {
            key: self.read(entry, key in parameters and takes_numbers(parameters[key]))
            for key, entry in arguments.items()
        }

    def _text(self, text: str) -> str | Template:
        placeholders = _PLACEHOLDER.findall(text)
        for name in placeholders:
            if name not in self.captures:
                hint = did_you_mean(nearest_names(name, self.captures))
                wrong = f"unknown capture {{{name}}} in {self.who}. Received: {text!r}."
                allowed = f"Allowed: {', '.join(self.captures) or 'none, since the pattern has no captures'}."
                remedy = "Name a capture of the rule's pattern, or write no braces."
                raise self.recipe.error_at(self.line, wrong, f"{allowed}{hint}", remedy)
        return Template(text) if placeholders else text


@dataclass(frozen=True, slots=True)
class ArgumentValues:
    """What the arguments that an `ArgumentReader` has read come to for one tensor.

    Attributes:
        recipe: The recipe, for messages.
        who: Whose argument it is, for messages.
        line: Where it stands.
        match: The rule's pattern, for messages.
        variables: The value of every variable.
        captures: What the captures stand for in the tensor's name.
    """

    recipe: ParsedRecipe
    who: str
    line: int
    match: str
    variables: Mapping[str, Number]
    captures: Mapping[str, Number | str]

    def of(self, value: Any) -> Any:
        """Work out every expression and template in a value.

        Args:
            value: What `ArgumentReader.read` gave.

        Returns:
            Plain data.

        Raises:
            RecipeError: An expression has no value, or needs a number where a capture stands for text.
        """
        if isinstance(value, Expression):
            numbers = {key: entry for key, entry in self.captures.items() if not isinstance(entry, str)}
            names = {**self.variables, **numbers}
            if textual := sorted(value.names - names.keys()):
                wrong = f"{self.who} needs a number, but the capture {{{textual[0]}}} stands for text in that"
                remedy = f"Narrow the pattern {self.match!r}."
                raise self.recipe.error_at(self.line, f"{wrong} name.", remedy)
            return evaluate(self.recipe, value, names, self.line, self.who)
        if isinstance(value, Template):
            return _PLACEHOLDER.sub(lambda found: str(self.captures[found[1]]), value.text)
        if isinstance(value, list):
            return [self.of(entry) for entry in value]
        if isinstance(value, dict):
            return {key: self.of(entry) for key, entry in value.items()}
        return value
