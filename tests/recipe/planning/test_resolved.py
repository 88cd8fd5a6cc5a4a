"""Recipes written out so that they stand alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from initkit.recipe import Plan, Recipe, verify

SHAPES = '{"x.{0}": [3, 2], "y": {"shape": [2], "dtype": "bfloat16"}, "buf": [1], "h.0.w": [4, 4]}'
TEXT = """
initkit: 1
extends: {preset: gpt2@1, drop: ["*"]}
seed: 9
layout: torch
variables: {n_layer: 1, d: 4}
from: shapes.json
tensors: {own: {shape: [d, 2 * d], dtype: float64, layers: [Net, Own], tags: [late]}, tied: {tie: own}}
rules:
  - {match: buf, skip: true}
  - {regex: 'x\\..*', seed_path: old.x, init: {random_normal: {stddev: 1 / d}}}
  - {match: "y", tie: buf2, optional: true, where: {ndim: 3}}
  - {match: "*", where: {ndim: 1}, init: truncated_normal}
  - {match: "*", where: {layer: Own, inside: Net, tag: late}, dtype: float32, init: {he_uniform: {}}}
  - {match: "*", dtype: float32, init: {he_normal: {}}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """A recipe that needs a preset and another file."""
    (tmp_path / "shapes.json").write_text(SHAPES, encoding="utf-8")
    (tmp_path / "r.yaml").write_text(TEXT, encoding="utf-8")
    return Recipe.load(tmp_path / "r.yaml")


def drawn(plan: Plan) -> dict[str, tuple[str, bytes]]:
    """Every tensor's dtype and bytes."""
    values = {}
    for tensor in plan.tensors:
        with tensor.drawing() as lazy:
            values[tensor.name] = tensor.dtype.name, lazy[...].tobytes()
    return values


def test_it_means_the_same_alone(recipe: Recipe) -> None:
    """The text of a plan, read anywhere, gives the same tensors, ties and values, and itself once more."""
    plan = recipe.plan()
    alone = Recipe.from_text(plan.text, "elsewhere.yaml")
    assert "extends" not in plan.text
    assert drawn(alone.plan()) == drawn(plan)
    assert {tie.name: tie.target for tie in alone.plan().ties} == {"tied": "own"}
    assert alone.parsed.stands_alone
    assert alone.override(seed=9).plan().text == plan.text


@pytest.mark.parametrize("value", [".inf", "-.inf", "[.inf, 1]", "[1, -.inf]"])
def test_infinities_are_json(value: str, tmp_path: Path) -> None:
    """Infinite arguments are numbers of RFC 8259, and mean the same when read again, or saved as YAML."""
    rule = f"{{match: w, init: {{constant: {{value: {value}}}}}}}"
    text = f"{{initkit: 1, seed: 7, tensors: {{w: [2]}}, rules: [{rule}]}}"
    changed = Recipe.from_text(text).override(seed=8)
    assert "1e999" in changed.text
    assert "Infinity" not in changed.text
    (tmp_path / "r.json").write_text(changed.text, encoding="utf-8")
    (tmp_path / "shown.json").write_text(json.dumps(json.loads(changed.text)), encoding="utf-8")
    changed.save(tmp_path / "r.yaml")
    for name in ("r.json", "shown.json", "r.yaml"):
        again = Recipe.load(tmp_path / name)
        assert again.plan().tensors[0].template == changed.plan().tensors[0].template
        assert np.array_equal(again["w"][:], changed["w"][:])


def test_a_text_that_stands_alone_is_kept() -> None:
    """Where nothing has to be resolved, a file carries the very text."""
    text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: ones}]}  # a comment"
    assert Recipe.from_text(text).plan().text == text
    assert Recipe.from_text(text).override().plan().text == text


def test_overridden_recipes(recipe: Recipe) -> None:
    """Seed, dtype and selection change what they say, and nothing else."""
    plan = recipe.plan()
    some = recipe.override(only=["x.*", "own"]).plan()
    assert drawn(some) == {name: value for name, value in drawn(plan).items() if name[0] in "xo"}
    assert drawn(Recipe.from_text(some.text).plan()) == drawn(some)
    other = recipe.override(seed=10)
    assert Recipe.from_text(other.text).plan().seed == 10
    assert drawn(other.plan())["own"] != drawn(plan)["own"]
    text = "{initkit: 1, seed: 7, tensors: {w: [2], v: {shape: [1], dtype: float64}},"
    text += " rules: [{match: '*', init: ones}]}"
    half = Recipe.from_text(text).override(dtype="bfloat16")
    assert [tensor.dtype.name for tensor in Recipe.from_text(half.text).plan().tensors] == [
        "bfloat16",
        "float64",
    ]


def test_built_files_are_verified_without_what_they_came_from(recipe: Recipe, tmp_path: Path) -> None:
    """A file carries a recipe that needs neither the preset nor the shapes."""
    path = recipe.build(tmp_path / "model.safetensors").path
    (tmp_path / "shapes.json").unlink()
    assert verify(path).ok
    with safe_open(path, "np") as file:
        assert Recipe.from_text(file.metadata()["initkit.recipe"]).parsed.stands_alone
    loaded = load_file(path)
    assert set(loaded) == {"x.{0}", "y", "h.0.w", "own"}
    np.testing.assert_array_equal(loaded["own"], recipe["own"][...])
