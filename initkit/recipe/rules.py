"""Rules made ready: a pattern, a class, and what its arguments are for each tensor."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from initkit.documents import PlainData
from initkit.errors import ArgumentError, InitkitError, UnknownNameError, did_you_mean, nearest_names
from initkit.initializer import Initializer
from initkit.recipe.arithmetic import Number
from initkit.recipe.expression import RESERVED_NAMES, Expression
from initkit.recipe.parse import ParsedRecipe, Rule
from initkit.recipe.pattern import Pattern, parse_pattern
from initkit.recipe.variables import evaluate, read_expression
from initkit.registry import BUILT_IN, registry
from initkit.seed import SeedGenerator

Captures: TypeAlias = Mapping[str, Number | str]

_NUMERIC_ANNOTATION = re.compile(r"\b(int|float|complex)\b")


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
class CompiledRule:
    """A rule whose pattern, class and expressions have been read. Made by `compile_rule`.

    Attributes:
        recipe: The recipe, for messages.
        rule: The rule as it was written.
        pattern: Which names it takes.
        cls: The class of its initializers.
        takes_seed: Whether they have a seed.
        arguments: Their other arguments: values, and expressions that wait for captures.
        variables: The value of every variable.
    """

    recipe: ParsedRecipe
    rule: Rule
    pattern: Pattern
    cls: Any
    takes_seed: bool
    arguments: Mapping[str, Any]
    variables: Mapping[str, Number]

    def make(self, name: str, captures: Captures, generator: SeedGenerator) -> Initializer:
        """The initializer of one tensor.

        Args:
            name: The tensor's name, for messages.
            captures: What the pattern's captures stand for in that name.
            generator: The tensor's generator, given to classes that take a seed.

        Returns:
            A new object.

        Raises:
            RecipeError: An expression has no value, or the class refuses an argument.
        """
        numbers = {key: value for key, value in captures.items() if not isinstance(value, str)}
        names = {**self.variables, **numbers}
        config = {key: self._value(key, value, name, names) for key, value in self.arguments.items()}
        if self.takes_seed:
            config["seed"] = generator
        try:
            made = self.cls.from_config(config)
        except (InitkitError, TypeError, ValueError) as error:
            wrong = f"rule {self.rule.number} cannot make an initializer for tensor {name!r}: {error}"
            raise self.recipe.error_at(self.rule.init.line, wrong) from error
        if not isinstance(made, Initializer):
            wrong = f"{self.rule.init.name!r} in rule {self.rule.number} is no initializer."
            received = f"Received: an object of type {type(made).__name__}."
            remedy = "Derive its class from initkit.Initializer."
            raise self.recipe.error_at(self.rule.init.line, wrong, received, remedy)
        return made if self.takes_seed else made.seeded(generator)

    def _value(self, argument: str, value: Any, name: str, names: Mapping[str, Number]) -> Any:
        if isinstance(value, list):
            return [self._value(argument, entry, name, names) for entry in value]
        if not isinstance(value, Expression):
            return value
        line = self.rule.init.argument_lines[argument]
        who = f"argument {argument!r} of rule {self.rule.number} for tensor {name!r}"
        if textual := sorted(value.names - names.keys()):
            wrong = f"{who} needs a number, but the capture {{{textual[0]}}} stands for text in that name."
            raise self.recipe.error_at(line, wrong, f"Narrow the pattern {self.rule.match!r}.")
        return evaluate(self.recipe, value, names, line, who)


def compile_rule(recipe: ParsedRecipe, rule: Rule, variables: Mapping[str, Number]) -> CompiledRule:
    """Read a rule's pattern, find its class, and read its arguments' expressions.

    Args:
        recipe: The recipe.
        rule: One of its rules.
        variables: The value of every variable.

    Returns:
        The rule, ready to make initializers.

    Raises:
        RecipeError: The pattern is none, no initializer has the name, an argument is unknown, an expression
            is none, or a capture has the name of a variable.
    """
    pattern = _read_pattern(recipe, rule, variables)
    cls = _find_class(recipe, rule)
    parameters = inspect.signature(cls).parameters
    known = [*variables, *pattern.captures]
    arguments = {}
    for name, value in rule.init.arguments.items():
        line = rule.init.argument_lines[name]
        parameter = parameters.get(name)
        if parameter is None and not _takes_any(parameters):
            known_arguments = [key for key in parameters if key != "seed"]
            allowed = f"Allowed: {', '.join(known_arguments) or 'none'}."
            hint = did_you_mean(nearest_names(name, known_arguments))
            wrong = f"{rule.init.name} has no argument {name!r}, which rule {rule.number} gives it."
            raise recipe.error_at(line, wrong, f"{allowed}{hint} Remove it, or correct it.")
        who = f"argument {name!r} of rule {rule.number}"
        numeric = parameter is not None and takes_numbers(parameter)
        arguments[name] = _read_argument(recipe, value, line, who, known) if numeric else value
    return CompiledRule(recipe, rule, pattern, cls, "seed" in parameters, arguments, variables)


def _read_argument(recipe: ParsedRecipe, value: PlainData, line: int, who: str, known: list[str]) -> Any:
    """A numeric argument with its text read as expressions, also inside lists."""
    if isinstance(value, list):
        return [_read_argument(recipe, entry, line, who, known) for entry in value]
    return read_expression(recipe, value, line, who, known) if isinstance(value, str) else value


def _read_pattern(recipe: ParsedRecipe, rule: Rule, variables: Mapping[str, Number]) -> Pattern:
    try:
        pattern = parse_pattern(rule.match, variables)
    except ArgumentError as error:
        raise recipe.error_at(rule.line, f"the pattern of rule {rule.number}: {error}") from error
    for name in pattern.captures:
        if name in variables or name in RESERVED_NAMES:
            kind = "variable" if name in variables else "function or constant"
            wrong = f"the capture {{{name}}} of rule {rule.number} has the name of a {kind}."
            raise recipe.error_at(rule.line, wrong, "Expressions could mean either; rename the capture.")
    return pattern


def _find_class(recipe: ParsedRecipe, rule: Rule) -> Any:
    try:
        return registry.find(rule.init.name)
    except UnknownNameError as error:
        # A built-in class has shorter names than the one with its package in front.
        hint = did_you_mean(name for name in error.suggestions if not name.startswith(f"{BUILT_IN}>"))
        wrong = f"unknown initializer {rule.init.name!r} in rule {rule.number}."
        allowed = f"Allowed: the names that `initkit list` prints.{hint}"
        remedy = "Correct it, or register your own class in a module that has been imported."
        raise recipe.error_at(rule.init.line, wrong, allowed, remedy) from error


def _takes_any(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
