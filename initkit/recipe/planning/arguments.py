"""Arguments of a rule's initializer, and of those inside it: expressions, and texts with captures."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from initkit.documents import PlainData
from initkit.errors import ArgumentError, UnknownNameError, did_you_mean, nearest_names
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.expression import TENSOR_NAMES, Expression
from initkit.recipe.language.facts import is_fact, tensor_facts
from initkit.recipe.language.place import Place
from initkit.recipe.language.variables import evaluate, read_expression
from initkit.registry import registry

Captures = Mapping[str, Number | str]

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
    """A text in which captures and expressions stand in braces, such as `"h.{layer}.attn.q.weight"`.

    Attributes:
        text: The text.
        expressions: By what stands in braces: the expressions; all else there is a capture.
    """

    text: str
    expressions: Mapping[str, Expression] = field(default_factory=dict, compare=False)

    @property
    def names(self) -> frozenset[str]:
        """All names in braces."""
        captures = set(_PLACEHOLDER.findall(self.text)) - self.expressions.keys()
        return frozenset(captures.union(*(one.names for one in self.expressions.values())))

    def of(self, captures: Captures, value_of: Callable[[Expression], Number] | None = None) -> str:
        """The text, with what the captures stand for and what the expressions come to.

        Args:
            captures: A value for every capture.
            value_of: Works an expression out; None for a text that has none.

        Returns:
            The text without braces.
        """

        def written(found: re.Match[str]) -> str:
            expression = self.expressions.get(found[1])
            if expression is None or value_of is None:
                return str(captures[found[1]])
            value = value_of(expression)
            # As in shapes, where 8 / 2 is a length.
            return str(int(value) if isinstance(value, float) and value.is_integer() else value)

        return _PLACEHOLDER.sub(written, self.text)


def read_text(
    text: str, place: Place, who: str, captures: tuple[str, ...], known: Collection[str] = ()
) -> Template:
    """Read a text that may name captures, and have expressions in it.

    Args:
        text: The text.
        place: Where it stands.
        who: What it is, for messages.
        captures: The captures that there are.
        known: All names that expressions may have; none (default) where there can be no expressions.

    Returns:
        The template.

    Raises:
        RecipeError: Something unknown stands in braces, or a number alone.
    """
    expressions = {}
    for name in _PLACEHOLDER.findall(text):
        if name in captures:
            continue
        # A number alone is what other languages put into texts, and means nothing here.
        if known and not name.isdigit():
            expressions[name] = read_expression(name, place, who, known)
        else:
            hint = did_you_mean(nearest_names(name, captures))
            wrong = f"unknown capture {{{name}}} in {who}. Received: {text!r}."
            allowed = f"Allowed: {', '.join(captures) or 'none, since the pattern has no captures'}."
            remedy = "Name a capture of the rule's pattern, or write no braces."
            raise place.error(wrong, f"{allowed}{hint}", remedy)
    return Template(text, expressions)


@dataclass(frozen=True, slots=True)
class ArgumentReader:
    """Reads what a recipe gives an initializer's argument.

    Attributes:
        who: Whose argument it is, for messages.
        place: Where it stands.
        variables: The names of the variables.
        captures: The captures, which texts may name, too.
    """

    who: str
    place: Place
    variables: tuple[str, ...]
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
            known = (*self.variables, *self.captures, *TENSOR_NAMES)
            if numeric:
                return read_expression(value, self.place, self.who, known)
            template = read_text(value, self.place, self.who, self.captures, known)
            return template if _PLACEHOLDER.search(value) else value
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
        read = {
            key: self.read(entry, key in parameters and takes_numbers(parameters[key]))
            for key, entry in arguments.items()
        }
        fan = next((one for one in names_in([*read.values()]) if one in ("fan_in", "fan_out")), None)
        if fan is not None and reading_of(read, None):
            wrong = (
                f"{fan!r} in {self.who} is read by the rule, and {name!r} inside reads shapes in its own way."
            )
            raise self.place.error(wrong, "Say layout and axes for the whole rule, or write the number.")
        return read


# What says how fans are read, for an initializer as for `initkit.fans`.
_OF_READING = ("layout", "input_axes", "output_axes", "batch_axes", "groups", "transposed", "depthwise")


def reading_of(arguments: Mapping[str, Any], layout: str | None) -> dict[str, Any]:
    """How fans are read beside some arguments of an initializer.

    Args:
        arguments: The arguments, as `ArgumentReader` has read them.
        layout: How they are read where the arguments do not say so, or None.

    Returns:
        Arguments of `initkit.fans`.
    """
    said = {key: arguments[key] for key in _OF_READING if arguments.get(key) is not None}
    return said if reads_shapes(said) or layout is None else {**said, "layout": layout}


def reads_shapes(arguments: Mapping[str, Any]) -> bool:
    """Whether arguments say by themselves how a shape is read, so that a layout would contradict them."""
    return any(
        arguments.get(key) is not None for key in ("layout", "input_axes", "output_axes", "batch_axes")
    )


def names_in(value: Any) -> Iterator[str]:
    """The variables, captures and facts that the values of an `ArgumentReader` depend on.

    Args:
        value: What `ArgumentReader.read` gave.

    Yields:
        Their names.
    """
    if isinstance(value, (Expression, Template)):
        yield from value.names
    elif isinstance(value, (list, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from names_in(entry)


@dataclass(frozen=True, slots=True)
class ArgumentValues:
    """What the arguments that an `ArgumentReader` has read come to for one tensor.

    Attributes:
        who: Whose argument it is, for messages.
        place: Where it stands.
        match: The rule's pattern, for messages.
        variables: The value of every variable.
        captures: What the captures stand for in the tensor's name.
        shape: The tensor's shape.
        reading: How its fans are read: arguments of `initkit.fans`.
        shape_of_fans: The shape that they are read from, or None for the tensor's.
    """

    who: str
    place: Place
    match: str
    variables: Mapping[str, Number]
    captures: Captures
    shape: tuple[int, ...]
    reading: Mapping[str, Any]
    shape_of_fans: tuple[int, ...] | None = None

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
            return self._number(value)
        if isinstance(value, Template):
            return value.of(self.captures, self._number)
        if isinstance(value, list):
            return [self.of(entry) for entry in value]
        if isinstance(value, dict):
            return {key: self.of(entry) for key, entry in value.items()}
        return value

    def _number(self, expression: Expression) -> Number:
        # A number with zeros in front is one like any other here.
        numbers = {
            key: int(entry) if isinstance(entry, int) else entry
            for key, entry in self.captures.items()
            if not isinstance(entry, str)
        }
        names = {**self.variables, **numbers}
        missing = sorted(expression.names - names.keys())
        if facts := [name for name in missing if is_fact(name)]:
            try:
                names |= tensor_facts(facts, self.shape, self.reading, self.shape_of_fans)
            except ArgumentError as error:
                of_another = (
                    " Or say by `fans_of` whose fans are meant."
                    if "fan_in" in facts or "fan_out" in facts
                    else ""
                )
                msg = f"{self.who}: {error}{of_another}"
                raise self.place.error(msg) from error
        if textual := [name for name in missing if name in self.captures]:
            wrong = (
                f"{self.who} needs a number, but the capture {{{textual[0]}}} stands for text in that name."
            )
            raise self.place.error(wrong, f"Narrow the pattern {self.match!r}.")
        return evaluate(expression, names, self.place, self.who)
