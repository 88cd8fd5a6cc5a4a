"""What a rule's `init` makes for each tensor that the rule takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from initkit.configurable import argument_names
from initkit.dtypes import DType
from initkit.errors import InitkitError, UnknownNameError, did_you_mean, nearest_names
from initkit.initializer import Initializer, Moments
from initkit.initializers.composite import Composite, names_of_parts
from initkit.initializers.transpose import Transpose
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.facts import is_fact
from initkit.recipe.planning.arguments import (
    ArgumentReader,
    ArgumentValues,
    Captures,
    names_in,
    reading_of,
    reads_shapes,
    takes_numbers,
)
from initkit.recipe.text.specs import InitializerSpec, Rule
from initkit.registry import BUILT_IN, registry
from initkit.seed import SeedGenerator
from initkit.serialization import deserialize, serialize

# What is inside these makes another shape than the tensor's, so the recipe's layout says nothing about it.
_OF_OTHER_SHAPES = (Transpose.__name__,)
# Stands for a tensor's own generator in what tensors share. Nothing is ever drawn from it.
_STAND_IN = SeedGenerator(0)


@dataclass(frozen=True, slots=True)
class Made:
    """An initializer for tensors of one shape and dtype, whose generator is still to come.

    Attributes:
        template: The initializer.
        takes_seed: Whether its class has a seed of its own.
        moments: The expected mean and standard deviation, or None where it does not say.
        parts: The names of separate tensors by which it draws its parts.
    """

    template: Initializer
    takes_seed: bool
    moments: Moments | None
    parts: tuple[str, ...]

    def seeded(self, generator: SeedGenerator) -> Initializer:
        """The initializer that draws from a generator."""
        if self.takes_seed:
            return self.template.clone(seed=generator)
        return self.template.seeded(generator)


@dataclass(frozen=True, slots=True)
class InitializerMaker:
    """Makes the initializers of one rule; tensors that differ in nothing that they depend on share one.

    Attributes:
        rule: The rule.
        spec: What its `init` says.
        cls: The class of the initializers.
        takes_seed: Whether it has a seed.
        arguments: Its other arguments: values, and expressions that wait for captures and shapes.
        variables: The value of every variable.
        wanted: How shapes are read where nothing nearer says so, or None.
        reading: How the fans in expressions are read: arguments of `initkit.fans`.
        depends_on: The captures and facts that the arguments depend on.
    """

    rule: Rule
    spec: InitializerSpec
    cls: Any
    takes_seed: bool
    arguments: Mapping[str, Any]
    variables: Mapping[str, Number]
    wanted: str | None
    reading: Mapping[str, Any]
    depends_on: frozenset[str]
    _templates: dict[Any, Initializer] = field(default_factory=dict, compare=False, repr=False)
    _made: dict[Any, Made] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def read(
        cls,
        rule: Rule,
        spec: InitializerSpec,
        captures: tuple[str, ...],
        variables: Mapping[str, Number],
        layout: str | None,
    ) -> Self:
        """Find a rule's class, and read its arguments.

        Args:
            rule: The rule.
            spec: What its `init` says.
            captures: The captures of its pattern.
            variables: The value of every variable.
            layout: How initializers read shapes if nothing nearer says so, or None.

        Returns:
            The maker.

        Raises:
            RecipeError: No initializer has the name, an argument is unknown, or an expression is none.
        """
        found = _find_class(rule, spec)
        parameters = inspect.signature(found).parameters
        wanted = rule.layout or layout
        arguments = {}
        for name, value in spec.arguments.items():
            parameter = parameters.get(name)
            if parameter is None and not _takes_any(parameters):
                raise _unknown_argument(rule, spec, name, parameters)
            who, place = f"argument {name!r} of rule {rule.number}", spec.argument_places[name]
            reader = ArgumentReader(who, place, tuple(variables), captures)
            arguments[name] = reader.read(value, parameter is not None and takes_numbers(parameter))
        if rule.layout is not None and reads_shapes(arguments):
            wrong = f"rule {rule.number} has a `layout`, and its initializer says how it reads shapes, too."
            raise rule.place.inside("layout").error(wrong, "Remove one of them.")
        names = frozenset(names_in([*arguments.values()])) - variables.keys()
        if rule.fans_of is not None and not names & {"fan_in", "fan_out"}:
            wrong = f"rule {rule.number} has `fans_of`, and nothing in its `init` asks about fans."
            remedy = "Write, for example, 1 / sqrt(fan_in), or remove it."
            raise rule.place.inside("fans_of").error(wrong, remedy)
        return cls(
            rule,
            spec,
            found,
            "seed" in parameters,
            arguments,
            variables,
            wanted,
            reading_of(arguments, wanted),
            names,
        )

    def make(
        self,
        name: str,
        captures: Captures,
        shape: tuple[int, ...],
        dtype: DType,
        shape_of_fans: tuple[int, ...] | None = None,
    ) -> Made:
        """The initializer of one tensor, which has been found to fit it.

        Args:
            name: The tensor's name, for messages.
            captures: What the pattern's captures stand for in that name.
            shape: The tensor's shape.
            dtype: The tensor's dtype.
            shape_of_fans: The shape that fans in expressions are read from, or None for the tensor's.

        Returns:
            The initializer, shared with other tensors.

        Raises:
            RecipeError: An expression has no value, or the class refuses an argument.
            InitkitError: The initializer refuses the shape or the dtype.
        """
        key: Any = tuple(captures[name] for name in sorted(self.depends_on) if name in captures)
        if any(map(is_fact, self.depends_on)):
            key = (key, shape, shape_of_fans)
        made = self._made.get((key, shape, dtype.name))
        if made is None:
            template = self._templates.get(key)
            if template is None:
                template = self._templates[key] = self._template(name, captures, shape, shape_of_fans)
            template.check(shape, dtype)
            made = Made(
                template, self.takes_seed, template.moments(shape, dtype), tuple(names_of_parts(template))
            )
            self._made[key, shape, dtype.name] = made
        return made

    def _template(
        self,
        name: str,
        captures: Captures,
        shape: tuple[int, ...],
        shape_of_fans: tuple[int, ...] | None,
    ) -> Initializer:
        config = {}
        for argument, value in self.arguments.items():
            who = f"argument {argument!r} of rule {self.rule.number} for tensor {name!r}"
            place = self.spec.argument_places.get(argument, self.spec.place)
            values = ArgumentValues(
                who, place, self.rule.match, self.variables, captures, shape, self.reading, shape_of_fans
            )
            config[argument] = values.of(value)
        if self.takes_seed:
            config["seed"] = _STAND_IN
        try:
            made = self.cls.from_config(config)
        except (InitkitError, TypeError, ValueError) as error:
            wrong = f"rule {self.rule.number} cannot make an initializer for tensor {name!r}: {error}"
            raise self.spec.place.error(wrong) from error
        if not isinstance(made, Initializer):
            wrong = f"{self.spec.name!r} in rule {self.rule.number} is no initializer."
            received = f"Received: an object of type {type(made).__name__}."
            raise self.spec.place.error(wrong, received, "Derive its class from initkit.Initializer.")
        return self._laid_out(made)

    def _laid_out(self, made: Initializer) -> Initializer:
        """The initializer, and those inside it, reading shapes as the recipe says."""
        if self.wanted is None:
            return made
        description = serialize(made) if _may_read_shapes(made) else None
        changed = _lay_out(description, self.wanted)
        uses_fans = any(name in ("fan_in", "fan_out") for name in self.depends_on)
        if self.rule.layout is not None and not changed and not uses_fans:
            wrong = (
                f"rule {self.rule.number} has a `layout`, and {self.spec.name} does not read shapes by one."
            )
            remedy = "Remove it, or take an initializer that does."
            raise self.rule.place.inside("layout").error(wrong, remedy)
        return deserialize(description) if changed else made


def _may_read_shapes(made: Initializer) -> bool:
    return isinstance(made, Composite) or "layout" in argument_names(type(made))


def _lay_out(description: Any, layout: str) -> bool:
    """Write a layout into the descriptions of initializers that take one and have none; whether any did."""
    if isinstance(description, list):
        return _lay_out_all(description, layout)
    config = description.get("config") if isinstance(description, dict) else None
    if not isinstance(description, dict) or "class_name" not in description or not isinstance(config, dict):
        return False
    if description["class_name"] in _OF_OTHER_SHAPES:
        return False
    changed = _lay_out_all((entry for key, entry in config.items() if key != "seed"), layout)
    if "layout" in config and not reads_shapes(config):
        config["layout"] = layout
        changed = True
    return changed


def _lay_out_all(descriptions: Iterable[Any], layout: str) -> bool:
    # Every one of them, also after the first that has changed.
    return sum(_lay_out(description, layout) for description in descriptions) > 0


def _find_class(rule: Rule, spec: InitializerSpec) -> Any:
    try:
        return registry.find(spec.name)
    except UnknownNameError as error:
        # A built-in class has shorter names than the one with its package in front.
        hint = did_you_mean(name for name in error.suggestions if not name.startswith(f"{BUILT_IN}>"))
        wrong = f"unknown initializer {spec.name!r} in rule {rule.number}."
        allowed = f"Allowed: the names that `initkit list` prints.{hint}"
        remedy = "Correct it, or register your own class in a module that has been imported."
        raise spec.place.error(wrong, allowed, remedy) from error


def _takes_any(parameters: Mapping[str, inspect.Parameter]) -> bool:
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


def _unknown_argument(
    rule: Rule, spec: InitializerSpec, name: str, parameters: Mapping[str, inspect.Parameter]
) -> Exception:
    known = [key for key in parameters if key != "seed"]
    allowed = f"Allowed: {', '.join(known) or 'none'}.{did_you_mean(nearest_names(name, known))}"
    wrong = f"{spec.name} has no argument {name!r}, which rule {rule.number} gives it."
    return spec.argument_places[name].error(wrong, f"{allowed} Remove it, or correct it.")
