"""Rules made ready: a pattern, a class, and what its arguments are for each tensor."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from initkit.errors import ArgumentError, InitkitError, UnknownNameError, did_you_mean, nearest_names
from initkit.initializer import Initializer
from initkit.recipe.arguments import ArgumentReader, ArgumentValues, takes_numbers
from initkit.recipe.arithmetic import Number
from initkit.recipe.expression import RESERVED_NAMES
from initkit.recipe.parse import ParsedRecipe, Rule
from initkit.recipe.pattern import Pattern, parse_pattern
from initkit.registry import BUILT_IN, registry
from initkit.seed import SeedGenerator

Captures: TypeAlias = Mapping[str, Number | str]


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
        config = {key: self._value(key, value, name, captures) for key, value in self.arguments.items()}
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

    def _value(self, argument: str, value: Any, name: str, captures: Captures) -> Any:
        line = self.rule.init.argument_lines[argument]
        who = f"argument {argument!r} of rule {self.rule.number} for tensor {name!r}"
        return ArgumentValues(self.recipe, who, line, self.rule.match, self.variables, captures).of(value)


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
    known = (*variables, *pattern.captures)
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
        reader = ArgumentReader(recipe, who, line, known, tuple(pattern.captures))
        arguments[name] = reader.read(value, numeric)
    return CompiledRule(recipe, rule, pattern, cls, "seed" in parameters, arguments, variables)


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
