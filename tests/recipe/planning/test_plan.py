"""The meaning of recipes: which rule takes which tensor, and with what numbers."""

from __future__ import annotations

import itertools
import math
import pickle
from pathlib import Path

import numpy as np
import pytest

import initkit as ik
from initkit.errors import RecipeError
from initkit.recipe import Recipe
from tests.recipe.texts import plan_of, recipe_text, tensors_and_rules

GPT2 = Path(__file__).parents[3] / "examples" / "recipes" / "gpt2.yaml"


def test_planned_tensors_say_everything() -> None:
    """A planned tensor has its shape, dtype, rule, captures, initializer, generator and moments."""
    plan = plan_of(
        recipe_text(
            head="initkit: 1\nseed: 42\ndtype: bfloat16\n",
            tensors="""\
            tensors:
              h.{0..1}.w: [d, 2 * d]
              s: {shape: [], dtype: float64}
              t: {tie: h.1.w}
            """,
            rules="""\
            rules:
              - {match: "h.{layer}.w", init: {random_normal: {mean: layer, stddev: 0.5 / (layer + 1)}}}
              - {match: s, init: ones}
            """,
        )
    )
    first, second, scalar = plan.tensors
    assert (second.name, second.shape, second.dtype.name, second.line) == ("h.1.w", (4, 8), "bfloat16", 6)
    assert (second.rule.number, second.rule.line, second.captures) == (1, 10, {"layer": 1})
    assert (second.mean, second.std, second.size, second.nbytes) == (1.0, 0.25, 32, 64)
    assert second.generator == ik.SeedGenerator(42).child("h.1.w")
    assert second.initializer == ik.RandomNormal(1.0, 0.25, seed=ik.SeedGenerator(42).child("h.1.w"))
    assert first.initializer == ik.RandomNormal(0.0, 0.5, seed=ik.SeedGenerator(42).child("h.0.w"))
    assert (scalar.shape, scalar.dtype.name, scalar.initializer) == ((), "float64", ik.Ones())
    (tie,) = plan.ties
    assert (tie.name, tie.target, tie.shape, tie.dtype.name, tie.line) == (
        "t",
        "h.1.w",
        (4, 8),
        "bfloat16",
        8,
    )
    assert (plan.parameters, plan.nbytes, dict(plan.variables)) == (65, 2 * 64 + 8, {"n_layer": 2, "d": 4})


def test_first_match_wins() -> None:
    """Of several rules that match, the first takes the tensor; the others take what is left."""
    rules = [
        "{match: a.x, init: ones}",
        "{match: 'a.*', init: zeros}",
        "{match: '*', init: {constant: {value: 5}}}",
    ]
    tensors = "a.x: [1]\na.y: [1]\nb.x: [1]"
    taken = {}
    for order in itertools.permutations(range(3)):
        try:
            plan = plan_of(tensors_and_rules(tensors, *(rules[at] for at in order)))
        except RecipeError as error:
            taken[order] = f"{error.line}: {str(error).split('is never used')[0]}"
        else:
            taken[order] = " ".join(str(tensor.initializer) for tensor in plan.tensors)
    assert taken[0, 1, 2] == "Ones() Zeros() Constant(value=5)"
    assert all("r.yaml:" in text for order, text in taken.items() if order != (0, 1, 2))


def test_all_that_does_not_fit_is_listed_at_once() -> None:
    """Unmatched tensors, unused and shadowed rules come in one message, each with its line and reason."""
    text = recipe_text(
        tensors="tensors:\n  w.{0..7}: [1]\n  v: [1]\n  x: [1]\n  x2: {tie: x}\n",
        rules="""\
        rules:
          - {match: "w.0", init: ones}
          - {match: "w.1", init: ones}
          - {match: "w.[01]", init: ones}
          - {match: "y", init: ones}
          - {match: "x2", init: ones}
        """,
    )
    with pytest.raises(RecipeError) as caught:
        plan_of(text)
    assert str(caught.value).splitlines() == [
        "r.yaml:5: 6 tensors and rules do not fit together.",
        "  r.yaml:5: no rule matches 6 tensors: w.2, w.3, w.4, w.5, w.6 and 1 more. Add a rule, or a last one"
        ' that matches "*"; `skip: true` leaves tensors out.',
        "  r.yaml:6: no rule matches tensor 'v'. Add a rule, or a last one that matches \"*\"; `skip: true`"
        " leaves tensors out.",
        "  r.yaml:7: no rule matches tensor 'x'. Add a rule, or a last one that matches \"*\"; `skip: true`"
        " leaves tensors out.",
        "  r.yaml:12: rule 3, 'w.[01]', is never used: earlier rules take all 2 tensors that it matches"
        " (rule 1, 'w.0', takes 1, rule 2, 'w.1', takes 1). The first match wins; move it up, or remove it.",
        "  r.yaml:13: rule 4, 'y', matches no tensor. Correct the pattern, remove the rule, or mark it"
        " `optional: true`.",
        "  r.yaml:14: rule 5, 'x2', matches no tensor. It matches tied ones, which take no rule. Correct the"
        " pattern, remove the rule, or mark it `optional: true`.",
    ]


def test_text_is_an_expression_only_where_a_number_is_wanted() -> None:
    """A variable that is called like an option changes nothing where text is wanted."""
    text = recipe_text(
        variables="variables: {fan_avg: 3, uniform: 4}\n",
        tensors="tensors:\n  a: [2, 2]\n",
        rules="""\
        rules:
          - {match: a, init: {variance_scaling: {scale: uniform / 2, mode: fan_avg, distribution: uniform}}}
        """,
    )
    made = plan_of(text).tensors[0].initializer
    assert made == ik.VarianceScaling(2.0, "fan_avg", "uniform", seed=ik.SeedGenerator(42).child("a"))


def test_constants_may_be_lists_of_expressions() -> None:
    """Expressions inside a list are worked out as those outside one."""
    rules = "{match: '{i}', init: {constant: {value: [1, i + 1, 2 * n_layer]}}}"
    text = recipe_text(tensors="tensors:\n  '7': [3]\n", rules=f"rules:\n  - {rules}\n")
    constant = plan_of(text).tensors[0].initializer
    assert isinstance(constant, ik.Constant)
    assert constant.value.tolist() == [1, 8, 4]


def test_whole_floats_are_lengths() -> None:
    """A quotient that is whole is a length, and becomes an integer."""
    (tensor,) = plan_of(tensors_and_rules("a: [d / 2, 3.0, 0]", "{match: a, init: ones}")).tensors
    assert tensor.shape == (2, 3, 0)
    assert all(type(length) is int for length in tensor.shape)


def test_patterns_may_have_ranges_over_variables() -> None:
    """A rule can speak of the last layer by a variable."""
    rules = ("{match: 'h.{n_layer-1..n_layer-1}', init: ones}", "{match: '*', init: zeros}")
    plan = plan_of(tensors_and_rules("h.{0..n_layer-1}: [1]", *rules))
    assert [tensor.initializer for tensor in plan.tensors] == [ik.Zeros(), ik.Ones()]


def test_a_tensor_depends_on_its_name_alone() -> None:
    """Other tensors, their order, the order of rules that do not overlap, and variables change no tensor."""
    rules = ["{match: '*.w', init: he_normal}", "{match: '*.v', init: orthogonal}"]
    one = plan_of(tensors_and_rules("a.w: [3, 4]\nb.v: [4, 4]", *rules))
    two = plan_of(
        tensors_and_rules("c.w: [9, 9]\nb.v: [4, 4]\n'{d,e}.v': [2, 2]\na.w: [3, 4]", *reversed(rules))
    )
    values = []
    for plan in (one, two):
        found = {tensor.name: tensor for tensor in plan.tensors}
        for name in ("a.w", "b.v"):
            with found[name].drawing() as lazy:
                values.append(np.asarray(lazy))
    np.testing.assert_array_equal(values[0], values[2])
    np.testing.assert_array_equal(values[1], values[3])
    np.testing.assert_array_equal(values[0], ik.HeNormal(seed=ik.SeedGenerator(42).child("a.w"))((3, 4)))


def test_drawing_twice_gives_the_same_values() -> None:
    """A plan's tensors can be drawn from again and again; nothing in the plan moves."""
    (tensor,) = plan_of(tensors_and_rules("a: [9]", "{match: a, init: random_normal}")).tensors
    drawn = []
    for _ in range(2):
        with tensor.drawing() as lazy:
            drawn.append(np.asarray(lazy))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert tensor.generator.draws == 0


def test_only_matrix_products_have_a_tolerance() -> None:
    """Orthogonal values may differ in their last bits, in proportion to the gain; no others may."""
    rules = (
        "{match: o, init: {orthogonal: {gain: 3}}}",
        "{match: p, init: {orthogonal: {gain: -2}}}",
        "{match: '*', init: he_normal}",
    )
    plan = plan_of(tensors_and_rules("o: [3, 3]\np: {shape: [3, 3], dtype: float64}\nh: [3, 3]", *rules))
    assert [tensor.tolerance for tensor in plan.tensors] == [6e-6, 8e-15, 0.0]


def test_moments_of_a_class_that_does_not_say() -> None:
    """Where a class does not say what to expect, the plan does not either."""

    @ik.register("tests_of_plans")
    class Sevens(ik.Initializer):
        def __call__(self, shape: object, dtype: object = None) -> object:
            return np.full(shape, 7, dtype)  # type: ignore[call-overload]  # the names of dtypes that initkit passes

    (tensor,) = plan_of(tensors_and_rules("a: [2]", "{match: a, init: tests_of_plans>Sevens}")).tensors
    assert (tensor.mean, tensor.std) == (None, None)


def test_gpt2_is_the_published_model() -> None:
    """GPT-2 small has 148 tensors and 124,439,808 parameters of the published shapes; its head is tied."""
    plan = Recipe.load(GPT2).plan()
    d, layers = 768, 12
    shapes = {"wte.weight": (50257, d), "wpe.weight": (1024, d), "ln_f.weight": (d,), "ln_f.bias": (d,)}
    for layer in range(layers):
        for norm in ("ln_1", "ln_2"):
            shapes |= {f"h.{layer}.{norm}.{part}": (d,) for part in ("weight", "bias")}
        for name, inputs, outputs in (
            ("attn.c_attn", d, 3 * d),
            ("attn.c_proj", d, d),
            ("mlp.c_fc", d, 4 * d),
            ("mlp.c_proj", 4 * d, d),
        ):
            shapes |= {f"h.{layer}.{name}.weight": (inputs, outputs), f"h.{layer}.{name}.bias": (outputs,)}
    assert {tensor.name: tensor.shape for tensor in plan.tensors} == shapes
    assert (len(plan.tensors), plan.parameters) == (148, 124_439_808)
    assert {tensor.dtype.name for tensor in plan.tensors} == {"float32"}
    assert [(tie.name, tie.target) for tie in plan.ties] == [("lm_head.weight", "wte.weight")]


def test_gpt2_has_the_published_scheme() -> None:
    """Biases 0, norms 1, residual projections 0.02/√24, positions 0.01, all other weights 0.02."""
    for tensor in Recipe.load(GPT2).plan().tensors:
        name = tensor.name
        if name.endswith(".bias"):
            expected = (0.0, 0.0)
        elif ".ln_" in name or name.startswith("ln_"):
            expected = (1.0, 0.0)
        elif name.endswith("c_proj.weight"):
            expected = (0.0, 0.02 / math.sqrt(24))
        else:
            expected = (0.0, 0.01 if name == "wpe.weight" else 0.02)
        assert (tensor.mean, tensor.std) == expected, name


def test_remarks_tell_of_values_that_vanish() -> None:
    """A deviation below a dtype's smallest number is remarked on, and one above it is not."""
    rules = ("{match: a, init: {random_normal: {stddev: 0.0001}}}", "{match: '*', init: random_normal}")
    tensors = "a: {shape: [d], dtype: float8_e4m3fn}\nb: {shape: [n_layer], dtype: float8_e4m3fn}"
    (remark,) = plan_of(tensors_and_rules(tensors, *rules)).remarks()
    assert remark == "Most values of 'a' are too small for float8_e4m3fn, and become 0."


def test_remarks_tell_of_unused_variables() -> None:
    """A variable that no expression, range or text names is remarked on; a comment is no use of it."""
    text = "# spare\ninitkit: 1\nseed: 7\nvariables: {n: 2, half: 1 / 2, scale: half, spare: 3, axis: 1}\n"
    text += "tensors: {'h.{0..n-1}.w': [4], b: [2]}\nrules:\n"
    text += "  - {match: b, where: {ndim: axis}, init: zeros}  # not spare\n"
    text += "  - {match: '*', init: {random_normal: {stddev: 2 * scale}}}\n"
    assert Recipe.from_text(text).plan().remarks() == ["Variable 'spare' is used by nothing."]


def test_a_selected_tie_takes_its_target_along() -> None:
    """A name that is stored under another one is had by that one."""
    recipe = Recipe.from_text(
        tensors_and_rules("a: [d]\nb: {tie: a}\nc: [n_layer]", "{match: '*', init: ones}")
    )
    plan = recipe.override(only="b").plan()
    assert [tensor.name for tensor in plan.tensors] == ["a"]
    assert [tie.name for tie in plan.ties] == ["b"]
    assert plan.remarks() == []


def test_a_recipe_that_stores_nothing() -> None:
    """Where everything is left out, there is nothing to build, and that is said."""
    with pytest.raises(RecipeError, match="the recipe stores no tensor: 2 are skipped, and 0 tied"):
        plan_of(tensors_and_rules("a: [4]\nb: [1]", "{match: '*', skip: true}"))


def test_a_layout_is_checked_where_it_stands() -> None:
    """A typo in a layout is an error, whether or not anything reads shapes by it."""
    text = recipe_text(head="initkit: 1\nseed: 1\nlayout: torhc\n")
    with pytest.raises(RecipeError, match=r"r\.yaml:3: `layout`: .*Did you mean 'torch'"):
        plan_of(text)


def test_plans_and_recipes_can_be_pickled() -> None:
    """Another process plans the text again; what was overridden is as it was."""
    recipe = Recipe.from_text(tensors_and_rules("a: [4]\nb: [1]", "{match: '*', init: random_normal}"))
    for one in (recipe, recipe.override(seed=3, dtype="bfloat16", only="b")):
        again = pickle.loads(pickle.dumps(one))
        assert again == one
        assert pickle.loads(pickle.dumps(one.plan())) == one.plan() == again.plan()
    assert repr(recipe.plan()) == "<Plan of '<recipe>': seed 42, 2 tensors, 5 parameters, 20 bytes>"
