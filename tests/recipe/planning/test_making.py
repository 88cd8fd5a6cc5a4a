"""What rules make: shared initializers, dtypes, layouts and seed paths."""

from __future__ import annotations

import numpy as np
import pytest

import initkit as ik
from initkit.errors import RecipeError
from tests.recipe.texts import plan_of, recipe_text, tensors_and_rules


def test_tensors_that_differ_in_nothing_share_an_initializer() -> None:
    """One object serves all tensors of equal arguments, and each draws from its own generator."""
    plan = plan_of(
        tensors_and_rules(
            "'h.{0..2}.{a,b}': [3, 2]",
            "{match: 'h.{layer}.{part}', init: {random_normal: {stddev: 1 / (1 + layer)}}}",
        )
    )
    templates = [tensor.template for tensor in plan.tensors]
    assert [templates.index(template) for template in templates] == [0, 0, 2, 2, 4, 4]
    assert templates[0] is templates[1]
    for tensor in plan.tensors:
        layer = int(tensor.name[2])
        expected = ik.RandomNormal(stddev=1 / (1 + layer), seed=ik.SeedGenerator(42).child(tensor.name))
        assert tensor.initializer == expected
        with tensor.drawing() as values:
            np.testing.assert_array_equal(values[...], expected((3, 2)))


def test_a_dtype_by_rule() -> None:
    """A rule's dtype is that of its tensors; predicates ask for the one that they had before."""
    plan = plan_of(
        tensors_and_rules(
            "a: [2]\nb: {shape: [2], dtype: float16}",
            "{match: '*', where: {dtype: float16}, dtype: float64, init: ones}",
            "{match: '*', dtype: bfloat16, init: ones}",
        )
    )
    assert [tensor.dtype.name for tensor in plan.tensors] == ["bfloat16", "float64"]


def test_layouts() -> None:
    """The recipe's layout is that of all that reads shapes and says nothing else, also inside others."""
    text = recipe_text(
        head="initkit: 1\nseed: 42\nlayout: torch\n",
        tensors="tensors:\n  '{a,b,c,d,e}': [16, 4]\n",
        rules="""\
        rules:
          - {match: a, init: he_normal}
          - {match: b, layout: keras, init: he_normal}
          - {match: c, init: {scale: {initializer: {he_normal: {}}, factor: 2}}}
          - {match: d, init: {he_normal: {input_axes: [0], output_axes: [1]}}}
          - {match: e, init: {random_normal: {stddev: 1 / sqrt(fan_in)}}}
        """,
    )
    stds = [tensor.std for tensor in plan_of(text).tensors]
    assert stds == pytest.approx([(2 / 4) ** 0.5, (2 / 16) ** 0.5, 2 * (2 / 4) ** 0.5, (2 / 16) ** 0.5, 0.5])


def test_seed_paths() -> None:
    """A rule may draw its tensors under other names, so that two models have equal values."""
    plan = plan_of(
        tensors_and_rules(
            "'model.{0..1}.w': [5]\nb: [5]",
            "{match: 'model.{i}.w', seed_path: 'h.{i}.w', init: random_normal}",
            "{match: b, seed_path: [encoder, b], init: random_normal}",
        )
    )
    root = ik.SeedGenerator(42)
    expected = [root.child("h.0.w"), root.child("h.1.w"), root.child("encoder").child("b")]
    assert [tensor.generator for tensor in plan.tensors] == expected


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{match: '*', seed_path: one, init: random_normal}", "'a' and 'b' draw under one name"),
        (
            "{match: '*', seed_path: 'h.{i}', init: random_normal}",
            "unknown capture {i} in `seed_path` of rule 1",
        ),
        ("{match: '*', seed_path: [], init: random_normal}", "`seed_path` of rule 1 must be text"),
        ("{match: '*', layout: torch, init: zeros}", "rule 1 has a `layout`, and zeros does not read shapes"),
        (
            "{match: '*', layout: torch, init: {he_normal: {layout: OI}}}",
            "its initializer says how it reads shapes",
        ),
        ("{match: '*', layout: torhc, init: he_normal}", "torhc"),
        ("{match: '*', dtype: float31, init: zeros}", "rule 1: Unknown dtype"),
    ],
)
def test_what_makes_nothing(rule: str, words: str) -> None:
    """Whatever would change nothing, or give equal values twice, is an error."""
    with pytest.raises(RecipeError) as caught:
        plan_of(tensors_and_rules("'{a,b}': [4, 4]", rule))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "init",
    [
        "he_normal",
        "{scale: {initializer: he_normal, factor: 1}}",
        "{blocks: {initializers: he_normal, sizes: [2, 1], axis: 0}}",
        "{blocks: {initializers: [he_normal, {he_normal: {}}], sizes: [2, 1], axis: 0}}",
        "{overwrite: {initializer: {class_name: HeNormal, config: {}}, where: '0:0'}}",
        "{scale: {initializer: {scale: {initializer: HeNormal, factor: 1}}, factor: 1}}",
    ],
)
@pytest.mark.parametrize("where", ["head", "rule"])
def test_a_layout_reaches_initializers_inside_others(init: str, where: str) -> None:
    """However an initializer inside others is written, the layout of recipe and rule is its own."""
    of_rule = "layout: torch, " if where == "rule" else ""
    text = recipe_text(
        head="initkit: 1\nseed: 42\n" + ("layout: torch\n" if where == "head" else ""),
        tensors="tensors:\n  a: [300, 40]\n",
        rules=f"rules:\n  - {{match: a, {of_rule}init: {init}}}\n",
    )
    assert plan_of(text).tensors[0].std == pytest.approx((2 / 40) ** 0.5)


def test_a_layout_says_nothing_about_transposed_shapes() -> None:
    """What is inside a transposition makes another shape, and says itself how it reads it."""
    text = recipe_text(
        head="initkit: 1\nseed: 42\nlayout: torch\n",
        tensors="tensors:\n  a: [300, 40]\n",
        rules="rules:\n  - {match: a, init: {transpose: {initializer: he_normal}}}\n",
    )
    assert plan_of(text).tensors[0].std == pytest.approx((2 / 40) ** 0.5)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize(
    "reading",
    [
        "layout: torch",
        "input_axes: 1, output_axes: 0",
        "layout: torch, groups: 2",
        "layout: torch, transposed: true",
        "input_axes: 1, output_axes: 2, batch_axes: 0",
    ],
)
def test_fans_in_expressions_are_those_of_the_initializer(mode: str, reading: str) -> None:
    """However an initializer reads shapes, the fans in its arguments are its own: fan/fan is 1."""
    arguments = f"scale: {mode}, mode: {mode}, distribution: untruncated_normal, {reading}"
    plan = plan_of(
        tensors_and_rules("a: [8, 4, 2]", f"{{match: a, init: {{variance_scaling: {{{arguments}}}}}}}")
    )
    assert plan.tensors[0].std == pytest.approx(1)


def test_fans_inside_another_reading() -> None:
    """An initializer inside another one that reads shapes in its own way has other fans than the rule."""
    inner = "{variance_scaling: {scale: fan_in, layout: torch}}"
    with pytest.raises(RecipeError, match="inside reads shapes in its own way"):
        plan_of(
            tensors_and_rules(
                "a: [8, 4]", f"{{match: a, init: {{scale: {{initializer: {inner}, factor: 1}}}}}}"
            )
        )
