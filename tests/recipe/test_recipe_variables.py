"""Other values of a recipe's variables, by `override`."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.errors import ArgumentTypeError, RecipeError
from initkit.recipe import Recipe
from tests.recipe.texts import recipe_text

BASE = Recipe.from_text(recipe_text(tensors="tensors:\n  'a.{0..n_layer-1}.weight': [d, 2]\n  a.bias: [2]\n"))


def test_values_replace_those_of_the_text(tmp_path: Path) -> None:
    """Numbers and expressions; a later value counts, and the text, the pickle and the saved file say it."""
    recipe = BASE.override(variables={"d": 9}).override(seed=7, variables={"d": "2 ** n_layer", "n_layer": 3})
    recipe.save(tmp_path / "saved.yaml")
    for one in (recipe, pickle.loads(pickle.dumps(recipe)), Recipe.from_text(recipe.text)):
        plan = one.plan()
        assert (plan.seed, plan.variables) == (7, {"n_layer": 3, "d": 8})
        assert plan.tensors[0].shape == (8, 2)
    assert Recipe.load(tmp_path / "saved.yaml").plan().parameters == recipe.plan().parameters
    assert BASE.plan().variables == {"n_layer": 2, "d": 4}
    assert BASE.override(variables={}) is BASE


def test_values_replace_inherited_ones(tmp_path: Path) -> None:
    """Variables of what a recipe extends get their values over its own and the base's."""
    (tmp_path / "base.yaml").write_text(BASE.text, encoding="utf-8")
    (tmp_path / "r.yaml").write_text("{initkit: 1, extends: base.yaml, variables: {d: 5}}", encoding="utf-8")
    recipe = Recipe.load(tmp_path / "r.yaml").override(variables={"d": 6, "n_layer": 1})
    assert recipe.plan().variables == {"n_layer": 1, "d": 6}
    preset = Recipe.load("gpt2@1").override(seed=3, variables={"n_layer": 1, "d": 8})
    expected = ik.Recipe.preset("gpt2@1", seed=3, variables={"n_layer": 1, "d": 8})
    assert ik.recipe.diff(preset, expected).equal


def test_numbers_of_numpy() -> None:
    """NumPy's scalars are Python's numbers, as `make` and the text have them."""
    variables: dict[str, Any] = {"d": np.int64(9), "n_layer": np.uint8(3)}
    recipe = BASE.override(variables=variables)
    assert recipe == BASE.override(variables={"d": 9, "n_layer": 3})
    assert [type(value) for _, value in recipe.parsed.values] == [int, int]
    assert recipe.plan().tensors[0].shape == (9, 2)
    sizes: dict[str, Any] = {"n_layer": np.int32(1), "d": np.float64(8)}
    small = ik.Recipe.preset("gpt2@1", seed=1, variables=sizes)
    assert small.plan().tensors[0].shape == (50257, 8)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ([("d", 3)], "Variables are given by name. Received: .* of type list. Allowed: a mapping"),
        ((), "Variables are given by name"),
        ({"d": np.datetime64("2026-01-01")}, "Received: .*datetime64"),
    ],
    ids=range(3),
)
def test_what_are_no_variables(variables: Any, message: str) -> None:
    """What is no mapping, and scalars that are no numbers, are refused at once."""
    with pytest.raises(ArgumentTypeError, match=message):
        BASE.override(variables=variables)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"dd": 1},
            "the recipe has no variable 'dd'. Received: dd=1. Allowed: n_layer, d. Did you mean 'd'",
        ),
        # A word of the text, but no variable.
        ({"weight": 1}, "no variable 'weight'"),
        ({3: 1}, "no variable 3"),
        ({"d": True}, "variable 'd' must be a number or an expression. Received: true"),
        ({"d": None}, "variable 'd' must be a number or an expression"),
        ({"d": "d + 1"}, "variable 'd' is worked out from itself"),
    ],
    ids=range(6),
)
def test_what_is_no_value(values: dict[str, int], message: str) -> None:
    """Other names, and what is no number, are refused by the plan."""
    with pytest.raises(RecipeError) as caught:
        BASE.override(variables=values).plan()
    assert message in str(caught.value)
