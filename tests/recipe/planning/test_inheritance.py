"""Recipes that extend others: what is inherited, what is replaced, and what is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

import initkit as ik
from initkit.errors import RecipeError
from initkit.recipe import Recipe

BASE = """
initkit: 1
seed: 7
dtype: bfloat16
layout: torch
variables: {n_layer: 2, d: 4, ff: 4 * d}
tensors:
  emb: [8, d]
  "h.{0..n_layer-1}.w": [ff, d]
  head: {tie: emb}
rules:
  - {match: "h.{layer}.w", init: he_normal}
  - {match: "*", init: {random_normal: {stddev: 1 / d}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recipe that others extend."""
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    return tmp_path


def load(folder: Path, text: str, name: str = "mine.yaml") -> Recipe:
    """A recipe beside the base."""
    (folder / name).write_text(f"initkit: 1\n{text}", encoding="utf-8")
    return Recipe.load(folder / name)


def test_everything_is_inherited(folder: Path) -> None:
    """A recipe that only extends another one means the same; its seed alone may differ."""
    base, mine = Recipe.load(folder / "base.yaml").plan(), load(folder, "extends: base.yaml\n").plan()
    facts = [
        [(tensor.name, tensor.shape, tensor.dtype, tensor.initializer) for tensor in plan.tensors]
        for plan in (base, mine)
    ]
    assert facts[0] == facts[1]
    assert mine.ties == base.ties
    other = load(folder, "extends: base.yaml\nseed: 8\n").plan()
    assert other.tensors[0].generator == ik.SeedGenerator(8).child("emb")


def test_own_entries_replace_inherited_ones(folder: Path) -> None:
    """Variables, dtype, layout and tensors are replaced where they stand; own rules come first."""
    plan = load(
        folder,
        """
extends: {file: base.yaml, drop: [head]}
dtype: float32
layout: keras
variables: {width: 6, d: width + 2}
tensors: {emb: [3, d], extra: [1]}
rules: [{match: "h.0.*", init: ones}]
""",
    ).plan()
    assert plan.variables == {"n_layer": 2, "d": 8, "ff": 32, "width": 6}
    assert [(tensor.name, tensor.shape, tensor.dtype.name) for tensor in plan.tensors] == [
        ("emb", (3, 8), "float32"),
        ("h.0.w", (32, 8), "float32"),
        ("h.1.w", (32, 8), "float32"),
        ("extra", (1,), "float32"),
    ]
    assert [tensor.rule.number for tensor in plan.tensors] == [3, 1, 2, 3]
    assert not plan.ties
    # The base reads (out, in), and the layout that replaces it (in, out).
    assert plan.tensors[2].initializer == ik.HeNormal(layout="keras", seed=ik.SeedGenerator(7).child("h.1.w"))


def test_inherited_rules_may_be_idle(folder: Path) -> None:
    """An inherited rule that takes nothing any more is told, and is no error; an own one is."""
    text = 'extends: base.yaml\nrules: [{match: "h.*", init: ones}]\n'
    unused = load(folder, text).plan().unused()
    assert [
        (rule.rule.number, "is never used: earlier rules take all 2" in reason) for rule, reason in unused
    ] == [(2, True)]
    with pytest.raises(RecipeError, match="rule 2, 'x', matches no tensor"):
        load(
            folder, 'extends: base.yaml\nrules: [{match: "h.*", init: ones}, {match: x, init: ones}]\n'
        ).plan()
    optional = "extends: base.yaml\nrules: [{match: x, init: ones, optional: true}]\n"
    assert [rule.rule.match for rule, _ in load(folder, optional).plan().unused()] == ["x"]


def test_rules_alone_are_inherited(folder: Path) -> None:
    """Without the base's tensors, its rules hold for those of a file."""
    (folder / "shapes.json").write_text('{"h.0.w": [3, 5], "emb": [2, 5]}', encoding="utf-8")
    plan = load(folder, 'extends: {file: base.yaml, drop: ["*"]}\nfrom: shapes.json\n').plan()
    assert [(tensor.name, tensor.shape, tensor.rule.number) for tensor in plan.tensors] == [
        ("h.0.w", (3, 5), 1),
        ("emb", (2, 5), 2),
    ]


def test_several_generations(folder: Path) -> None:
    """A base may extend another; the youngest word counts."""
    load(folder, "extends: base.yaml\nvariables: {d: 6}\ndtype: float32\n", "middle.yaml")
    plan = load(folder, "extends: middle.yaml\nvariables: {n_layer: 1}\n").plan()
    assert [(tensor.name, tensor.shape, tensor.dtype.name) for tensor in plan.tensors] == [
        ("emb", (8, 6), "float32"),
        ("h.0.w", (24, 6), "float32"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: mine.yaml\n", "`extends` leads in a circle"),
        (
            "extends: none.yaml\n",
            "mine.yaml:2: `extends` cannot be read: |none.yaml|a preset with its version",
        ),
        ("extends: gpt2\n", "mine.yaml:2: `extends` cannot be read: |no preset of that name.|mean 'gpt2@1'"),
        ("extends: gpt3@1\n", "mine.yaml:2: `extends`: There is no preset 'gpt3@1'.|mean 'gpt2@1'"),
        ("extends: gpt2@1\n", "the recipe has no `seed`, and what it extends has none either"),
        ("extends: base.yaml\nvariables: {n_layers: 3}\n", "'n_layers' replaces none|mean 'n_layer'"),
        (
            "extends: base.yaml  # n_layers\nvariables: {n_layers: 3}\n",
            "'n_layers' replaces none that is inherited, and nothing uses it",
        ),
        (
            "extends: {file: base.yaml, drop: [haed]}\n",
            "`drop` of `extends` matches no name. Received: 'haed'",
        ),
        ("extends: {file: base.yaml, preset: x@1}\n", "Received: 2 of `preset` and `file`"),
        ("extends: {file: base.yaml, only: x}\n", "unknown key 'only' in `extends`"),
        ("extends: base.yaml\nrules: []\n", "`rules` must be a list"),
    ],
)
def test_what_cannot_be_extended(folder: Path, text: str, words: str) -> None:
    """Whatever is wrong with a base, or with what replaces it, is an error with its line."""
    with pytest.raises(RecipeError) as caught:
        load(folder, text).plan()
    assert all(part in str(caught.value) for part in words.split("|"))


def test_presets_in_python() -> None:
    """`Recipe.preset` is a recipe that extends the preset; a typo in a variable is an error."""
    recipe = Recipe.preset("gpt2@1", seed=3, variables={"n_layer": 2, "d": 64}, dtype="bfloat16")
    assert recipe.plan().tensors[0].dtype.name == "bfloat16"
    assert Recipe.load("gpt2@1").override(seed=3).plan().seed == 3
    with pytest.raises(RecipeError, match="mean 'n_layer'"):
        Recipe.preset("gpt2@1", seed=3, variables={"n_layers": 2}).plan()
    with pytest.raises(RecipeError, match="There is no preset 'gpt3@1'"):
        Recipe.preset("gpt3@1", seed=3).plan()
