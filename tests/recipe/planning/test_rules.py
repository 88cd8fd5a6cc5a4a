"""Rules made ready: classes of any constructor."""

from __future__ import annotations

from typing import Any

import pytest

import initkit as ik
from initkit.errors import RecipeError
from tests.recipe.texts import plan_of, tensors_and_rules


@ik.register("tests_of_rules")
class Loose(ik.Initializer):
    """A class whose constructor takes any argument."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ik.Constant(self.options["value"])(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        return self.options

    @classmethod
    def from_config(cls, config: Any) -> Loose:
        return cls(**config)


def test_a_class_that_takes_any_argument_gets_them_as_they_are() -> None:
    """Where a constructor names no arguments, nothing is refused or worked out on its behalf."""
    plan = plan_of(
        tensors_and_rules("a: [1]", "{match: a, init: {tests_of_rules>Loose: {value: 3, note: d}}}")
    )
    made = plan.tensors[0].initializer
    assert made is not None
    assert made.get_config() == {"value": 3, "note": "d"}


@ik.register("tests_of_rules")
class Sequence:
    """A registered class that is no initializer."""

    def get_config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config(cls, config: Any) -> Sequence:
        return cls()


@ik.register("tests_of_rules")
class Faulty(ik.Initializer):
    """A class whose constructor fails as Python itself does."""

    def __init__(self, count: int = 1) -> None:
        self.count = len([None] * count) // count

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ik.Ones()(shape, dtype)


def test_what_is_no_initializer_is_refused() -> None:
    """A class that has a name but makes no arrays cannot fill a tensor."""
    with pytest.raises(
        RecipeError, match=r"r\.yaml:7: 'tests_of_rules>Sequence' in rule 1 is no initializer"
    ):
        plan_of(tensors_and_rules("a: [1]", "{match: a, init: tests_of_rules>Sequence}"))


def test_errors_of_a_users_constructor_get_a_place() -> None:
    """A ValueError or TypeError of a class of the user's own names the rule and the tensor, too."""
    with pytest.raises(
        RecipeError, match=r"r\.yaml:7: rule 1 cannot make an initializer for tensor 'a': can't mul"
    ):
        plan_of(tensors_and_rules("a: [1]", "{match: a, init: {tests_of_rules>Faulty: {count: 0.5}}}"))


def test_an_ambiguous_name_names_both() -> None:
    """Where two packages have a class of one name, the message says how to write each."""
    for package in ("tests_of_rules_one", "tests_of_rules_two"):
        ik.register(package, "Shared")(type("Shared", (ik.Zeros,), {"__qualname__": f"<locals>.{package}"}))
    with pytest.raises(RecipeError, match="'tests_of_rules_one>Shared' or 'tests_of_rules_two>Shared'"):
        plan_of(tensors_and_rules("a: [1]", "{match: a, init: Shared}"))
