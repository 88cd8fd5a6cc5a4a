"""Rules whose expressions ask about the fans of another tensor."""

from __future__ import annotations

import json
import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from initkit.errors import RecipeError
from initkit.recipe import Recipe, verify
from initkit.recipe.comparing.explanation import explain
from tests.recipe.texts import plan_of, tensors_and_rules

torch = import_module("torch")

TORCH_DEFAULTS = r"""
initkit: 1
seed: 7
layout: torch
from: shapes.json
rules:
  - regex: '(?P<layer>.+)\.bias'
    fans_of: "{layer}.weight"
    init: {random_uniform: {minval: -1 / sqrt(fan_in), maxval: 1 / sqrt(fan_in)}}
  - {match: "*", init: {kaiming_uniform: {a: sqrt(5)}}}
"""


def test_biases_by_the_fans_of_their_weights(tmp_path: Path) -> None:
    """One rule gives the biases of all layers PyTorch's own bounds, each by its weight."""
    model = torch.nn.Sequential(
        torch.nn.Linear(7, 5), torch.nn.Conv2d(4, 6, 3, groups=2), torch.nn.Conv1d(3, 8, 5)
    )
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    (tmp_path / "shapes.json").write_text(json.dumps(shapes), encoding="utf-8")
    (tmp_path / "r.yaml").write_text(TORCH_DEFAULTS, encoding="utf-8")
    recipe = Recipe.load(tmp_path / "r.yaml")
    stds = {tensor.name: tensor.std for tensor in recipe.plan().tensors}
    for name, layer in model.named_children():
        fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(layer.weight)
        assert stds[f"{name}.bias"] == pytest.approx(1 / math.sqrt(3 * fan_in))
    # Whatever else is selected, and alone, the weights tell the fans.
    some = recipe.override(only="*.bias")
    for read in (some, Recipe.from_text(some.text), Recipe.from_text(some.plan().text)):
        assert {tensor.name: tensor.std for tensor in read.plan().tensors} == {
            name: std for name, std in stds.items() if name.endswith("bias")
        }


def test_tensors_that_are_only_named(tmp_path: Path) -> None:
    """They take no rule and are not stored, tell their fans, and may be among the arrays that are filled."""
    long = "x" * 300
    rules = ("{match: '{l}.b', fans_of: '{l}.w', init: {constant: {value: fan_in}}}",)
    tensors = f"'{{{long},y}}.w': {{shape: [d, n_layer], skip: true}}\n'{{{long},y}}.b': [d]"
    recipe = Recipe.from_text(tensors_and_rules(tensors, *rules))
    plan = recipe.plan()
    assert plan.skipped == (f"{long}.w", "y.w")
    assert [(tensor.name, tensor.mean) for tensor in plan.tensors] == [(f"{long}.b", 4), ("y.b", 4)]
    assert Recipe.from_text(recipe.override(seed=1).text).plan().skipped == plan.skipped
    # What a file says of itself names those of them that its tensors ask about.
    some = recipe.override(only="y.b")
    assert some.build(tmp_path / "m.safetensors").plan.tensors == plan.tensors[1:]
    assert verify(tmp_path / "m.safetensors").ok
    arrays = {"y.b": np.zeros(4), "y.w": np.zeros((4, 2))}
    Recipe.from_text(some.text).fill(arrays)
    assert arrays["y.b"].tolist() == [4] * 4
    assert not arrays["y.w"].any()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{match: '{l}.b', fans_of: '{l}.w', init: zeros}", "nothing in its `init` asks about fans"),
        (
            "{match: '{l}.b', fans_of: '{l}.v', init: {constant: {value: fan_in}}}",
            "names no tensor. Received: 'a.v', for 'a.b'. Correct it, or narrow the rule. Did you mean 'a.w'",
        ),
        ("{match: '{l}.b', fans_of: '{k}.w', init: {constant: {value: fan_in}}}", "unknown capture {k}"),
        ("{match: '{l}.b', fans_of: '{l}.w', skip: true}", "has `fans_of`, and nothing is drawn by it"),
    ],
)
def test_fans_of_nothing(rule: str, words: str) -> None:
    """Fans that nobody asks about, or that no tensor has, are errors."""
    with pytest.raises(RecipeError) as caught:
        plan_of(tensors_and_rules("a.w: [d, n_layer]\na.b: [d]", rule, "{match: '*', init: ones}"))
    assert words in str(caught.value)


def test_fans_of_a_tie() -> None:
    """A tie has the fans of what it is tied to; explanations have the same number."""
    rules = (
        "{match: b, fans_of: t, init: {constant: {value: fan_in}}}",
        "{match: '*', init: random_normal}",
    )
    plan = plan_of(tensors_and_rules("w: [3, d]\nt: {tie: w}\nb: [n_layer]", *rules))
    assert [tensor.mean for tensor in plan.tensors] == [0, 3]
    assert dict(explain(plan, "b").facts())["expression"] == "value = fan_in = 3, where fan_in = 3"
