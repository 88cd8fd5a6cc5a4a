"""`initkit plan`: its table and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import initkit as ik
from initkit.cli import main
from initkit.recipe import Recipe
from tests.recipe.texts import tensors_and_rules

TENSORS = """
h.{0..1}.w: [4, 8]
h.{0..1}.b: {shape: [8], dtype: bfloat16}
c: [8]
t: {tie: h.0.w}
"""
RULES = (
    "{match: '*.w', init: {random_normal: {stddev: 0.5}}}",
    "{match: 'h.{layer}.b', init: {constant: {value: layer / 2}}}",
    "{match: '*', init: ones}",
)


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    """A small recipe in a file."""
    path = tmp_path / "r.yaml"
    path.write_text(tensors_and_rules(TENSORS, *RULES), encoding="utf-8")
    return path


def _json(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Any:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_plan_prints_every_tensor(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan has a line per tensor with its rule, initializer and moments, and one per tie."""
    assert main(["plan", str(recipe)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tensor  shape  dtype     rule  initializer                mean  std",
        "h.0.w   4 x 8  float32      1  random_normal(stddev=0.5)  0     0.5",
        "h.1.w   4 x 8  float32      1  random_normal(stddev=0.5)  0     0.5",
        "h.0.b   8      bfloat16     2  constant                   0     0",
        "h.1.b   8      bfloat16     2  constant(value=0.5)        0.5   0",
        "c       8      float32      3  ones                       1     0",
        "t       4 x 8  float32      -  tied to h.0.w",
        "",
        "5 tensors, 1 more tied, 88 parameters, 320 B, seed 42.",
    ]


def test_plan_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a plan has the documented keys; its initializers can be made again from their configs."""
    facts = _json(capsys, "plan", recipe)
    tensors = facts.pop("tensors")
    assert facts == {
        "recipe": str(recipe),
        "seed": 42,
        "stream": 1,
        "parameters": 88,
        "bytes": 320,
        "variables": {"n_layer": 2, "d": 4},
        "ties": {"t": "h.0.w"},
        "skipped": [],
        "unused": [],
        "remarks": [],
    }
    assert tensors[3] == {
        "name": "h.1.b",
        "shape": [8],
        "dtype": "bfloat16",
        "rule": 2,
        "match": "h.{layer}.b",
        "line": 11,
        "captures": {"layer": 1},
        "seed_path": ["h.1.b"],
        "copied": None,
        "initializer": {"class_name": "Constant", "config": {"value": 0.5}},
        "mean": 0.5,
        "std": 0.0,
        "parameters": 8,
        "bytes": 16,
    }
    for tensor, planned in zip(tensors, Recipe.load(recipe).plan().tensors, strict=True):
        assert "seed" not in tensor["initializer"]["config"]
        made = ik.deserialize(tensor["initializer"])
        assert planned.initializer is not None
        assert made.get_config() | {"seed": None} == planned.initializer.get_config() | {"seed": None}


def test_plan_tells_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Skipped tensors are counted, and rules that take nothing are told with the reason."""
    path = tmp_path / "r.yaml"
    rules = (
        "{match: b, skip: true}",
        "{match: '*', init: ones}",
        "{match: 'x*', init: zeros, optional: true}",
    )
    path.write_text(tensors_and_rules("a: [2]\nb: [2]", *rules), encoding="utf-8")
    assert main(["plan", str(path)]) == 0
    *_, summary, unused = capsys.readouterr().out.splitlines()
    assert summary == "1 tensors, 1 left out, 2 parameters, 8 B, seed 42."
    assert unused.startswith("Rule 3, 'x*', matches no tensor.")
    facts = _json(capsys, "plan", path)
    assert facts["skipped"] == ["b"]
    assert [(rule["rule"], rule["match"], rule["line"]) for rule in facts["unused"]] == [(3, "x*", 10)]
