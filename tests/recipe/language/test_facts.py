"""What expressions in a rule know of the tensor they are for."""

from __future__ import annotations

from math import sqrt

import pytest

from initkit.errors import ArgumentError, RecipeError
from initkit.recipe.language.facts import is_fact, tensor_facts
from tests.recipe.texts import plan_of, tensors_and_rules


def test_facts_of_a_shape() -> None:
    """Axes, size and lengths are the shape's; fans are those of the layout."""
    names = {"ndim", "size", "shape[0]", "shape[-2]", "fan_in", "fan_out", "something"}
    assert tensor_facts(names, (8, 4, 3), {"layout": "torch"}) == {
        "ndim": 3,
        "size": 96,
        "shape[0]": 8,
        "shape[-2]": 4,
        "fan_in": 12,
        "fan_out": 24,
    }
    assert tensor_facts({"fan_in"}, (8, 4, 3)) == {"fan_in": 32}


@pytest.mark.parametrize("name", ["shape[3]", "shape[-4]", "shape"])
def test_lengths_that_there_are_not(name: str) -> None:
    """An axis beyond the shape is an error that says which there are."""
    with pytest.raises(ArgumentError, match="Received: shape"):
        tensor_facts({name}, (8, 4, 3))
    assert is_fact(name)


def test_facts_in_rules() -> None:
    """Arguments are worked out for each tensor's own shape, in the rule's layout."""
    plan = plan_of(
        tensors_and_rules(
            "'{a,b}.w': [9, 4]\nc.w: [25, 3, 2]",
            "{match: 'a.w', layout: torch, init: {random_normal: {stddev: 1 / sqrt(fan_in)}}}",
            "{match: '{part}.w', init: {random_normal: {stddev: 'sqrt(shape[0]) / ndim'}}}",
        )
    )
    assert [tensor.std for tensor in plan.tensors] == [0.5, 1.5, 5 / 3]
    assert plan.tensors[1].std == sqrt(9) / 2


def test_facts_are_for_rules_alone() -> None:
    """A shape cannot ask about itself, and a tensor without such an axis is an error with its line."""
    with pytest.raises(RecipeError, match=r"yaml:5: 'ndim' asks about a tensor in the shape of tensor 'a'"):
        plan_of(tensors_and_rules("a: [ndim]", "{match: a, init: ones}"))
    rule = "{match: a, init: {constant: {value: 'shape[1]'}}}"
    with pytest.raises(
        RecipeError, match=r"r.yaml:7: argument 'value' of rule 1 for tensor 'a': The tensor has no"
    ):
        plan_of(tensors_and_rules("a: [3]", rule))
