"""What is said of a tensor of a recipe: the right rule, the right reasons, the right numbers."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import initkit as ik
from initkit.errors import RecipeError
from initkit.recipe import Recipe
from initkit.recipe.comparing.explanation import Explanation, Source, explain
from tests.recipe.texts import plan_of, tensors_and_rules

TENSORS = """
h.{0..1}.w: [8, 4]
h.{0..1}.b: [4]
g: {shape: [4, 4], dtype: bfloat16}
t: {tie: h.0.w}
u: [8, 4]
gone: [2]
"""
RULES = (
    "{match: 'h.*', where: {ndim: 1}, init: zeros}",
    "{match: 'h.{layer}.w', init: {variance_scaling: {scale: 1 / (layer + 1), distribution: uniform}}}",
    "{match: u, tie: h.1.w}",
    "{match: gone, skip: true}",
    "{match: '*', init: orthogonal, dtype: float32, seed_path: [own, name]}",
)


def _explain(name: str) -> Explanation:
    return explain(plan_of(tensors_and_rules(TENSORS, *RULES)), name)


def test_a_drawn_tensor() -> None:
    """Rule, reasons, captures, numbers, bounds, seed and values are those of the plan and of the draw."""
    plan = plan_of(tensors_and_rules(TENSORS, *RULES))
    explanation = explain(plan, "h.1.w")
    assert explanation.kind == "drawn"
    assert explanation.rule is not None
    assert (explanation.rule.number, explanation.rule.place) == (2, "r.yaml:13")
    assert explanation.rule.text.startswith('{match: "h.{layer}.w", init: {variance_scaling: {scale: 1 / (')
    assert [(rule.number, rule.why_not) for rule in explanation.passed] == [(1, "its ndim is 2, not 1")]
    assert explanation.captures == {"layer": 1}
    assert explanation.sources == {"scale": Source("1 / (layer + 1)", 0.5, {"layer": 1})}
    assert (explanation.seed, explanation.seed_path) == (42, ("h.1.w",))
    law = explanation.law
    assert law is not None
    tensor = next(tensor for tensor in plan.tensors if tensor.name == "h.1.w")
    assert (law.mean, law.std) == (tensor.mean, tensor.std)
    assert law.bounds is not None
    assert law.bounds.high == pytest.approx(np.sqrt(3 * 0.5 / 8))
    assert dict(law.arguments)["scale"] == 0.5
    init = ik.VarianceScaling(0.5, distribution="uniform", seed=ik.SeedGenerator(42).child("h.1.w"))
    assert list(explanation.values) == init((8, 4)).ravel()[:6].tolist()
    assert explanation.ties == ("u",)


def test_the_text_says_it() -> None:
    """The lines of the text are in order, and have the numbers beside the expressions."""
    text = str(_explain("h.1.w"))
    lines = [line[:13].strip() for line in text.splitlines()]
    assert [word for word in lines if word] == [
        "tensor",
        "shape",
        "named",
        "rule",
        "captures",
        "law",
        "formula",
        "arguments",
        "expression",
        "fans",
        "expected",
        "bounds",
        "tolerance",
        "seed",
        "first values",
        "ties to it",
    ]
    assert "not 1, {match: h.*, where: {ndim: 1}, init: zeros}: its ndim is 2, not 1" in text
    assert "expression    scale = 1 / (layer + 1) = 0.5, where layer = 1\n" in text
    assert "bounds        from -0.433013 to 0.433013" in text
    assert text == "\n".join(line.rstrip() for line in text.splitlines())


def test_expressions_with_their_numbers() -> None:
    """Of every variable, capture and fact the value is told, in initializers inside others, too."""
    rules = (
        "{match: 'h.{layer}.w', layout: torch, init: {scale: {factor: 2 * d, initializer:"
        " {overwrite: {where: '0', value: 1 / n_layer, initializer:"
        " {random_normal: {mean: 0.5, stddev: 'layer / sqrt(n_layer * fan_in) + shape[-1] - fan_in'}}}}}}}",
        "{match: 'b.{which}', init:"
        " {blocks: {initializers: [zeros, {constant: {value: d}}], sizes: [1, d - 1]}}}",
    )
    plan = plan_of(tensors_and_rules("h.{0..3}.w: [3, 8]\nb.x: [d]", *rules))
    explanation = explain(plan, "h.3.w")
    inner = "initializer.overwrite.initializer.random_normal.stddev"
    stddev = 3 / np.sqrt(2 * 8)
    assert explanation.sources == {
        "factor": Source("2 * d", 8, {"d": 4}),
        "initializer.overwrite.value": Source("1 / n_layer", 0.5, {"n_layer": 2}),
        inner: Source(
            "layer / sqrt(n_layer * fan_in) + shape[-1] - fan_in",
            stddev,
            {"layer": 3, "n_layer": 2, "fan_in": 8, "shape[-1]": 8},
        ),
    }
    line = f"{inner} = layer / sqrt(n_layer * fan_in) + shape[-1] - fan_in = 0.75"
    assert f"{line}, where layer = 3, n_layer = 2, fan_in = 8, shape[-1] = 8\n" in str(explanation)
    assert explain(plan, "b.x").sources == {
        "initializers[1].constant.value": Source("d", 4, {"d": 4}),
        "sizes[1]": Source("d - 1", 3, {"d": 4}),
    }


def test_numbers_are_numbers() -> None:
    """For programs: arguments, fans, captures and what expressions come to are no text."""
    facts = json.loads(json.dumps(asdict(_explain("h.1.w"))))
    assert facts["captures"] == {"layer": 1}
    assert facts["sources"] == {"scale": {"text": "1 / (layer + 1)", "value": 0.5, "names": {"layer": 1}}}
    assert dict(facts["law"]["arguments"]) == {"scale": 0.5, "distribution": "uniform"}
    assert (facts["law"]["fans"]["fan_in"], facts["law"]["fans"]["fan_out"]) == (8, 4)


def test_ties_and_what_is_skipped() -> None:
    """A tie of `tensors` has no rule, one of a rule has; what is skipped says by which rule."""
    explanation = _explain("t")
    assert (explanation.kind, explanation.target, explanation.rule) == ("tied", "h.0.w", None)
    assert (explanation.shape, explanation.dtype) == ((8, 4), "float32")
    explanation = _explain("u")
    assert (explanation.kind, explanation.target) == ("tied", "h.1.w")
    assert explanation.rule is not None
    assert explanation.rule.number == 3
    explanation = _explain("gone")
    assert explanation.kind == "skipped"
    assert explanation.rule is not None
    assert explanation.rule.number == 4
    assert len(explanation.passed) == 3
    assert "skipped       it is left out" in str(explanation)


def test_what_a_rule_changes() -> None:
    """A rule's own dtype and path of the seed are told, and a tolerance where there is one."""
    explanation = _explain("g")
    assert (explanation.dtype, explanation.seed_path) == ("float32", ("own", "name"))
    assert explanation.tolerance > 0
    assert "path own / name" in str(explanation)


def test_a_copied_tensor(tmp_path: Path) -> None:
    """The file and the name are told, and the values are the file's."""
    save_file({"x": np.arange(8, dtype=np.float32)}, tmp_path / "a.safetensors")
    text = tensors_and_rules("w: [8]", "{match: '*', copy: {file: a.safetensors, name: x}}")
    explanation = explain(Recipe.from_text(text, str(tmp_path / "r.yaml")).plan(), "w")
    assert (explanation.kind, explanation.law) == ("copied", None)
    assert explanation.copied == (str(tmp_path / "a.safetensors"), "x")
    assert explanation.values == (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert "copy of       x in " in str(explanation)


def test_expressions_inside_texts_and_the_fans_of_others() -> None:
    """What stands in braces in a text is worked out, too, and it is told whose fans are meant."""
    rules = (
        "{match: '{l}.b', fans_of: '{l}.w', init: {constant: {value: 1 / fan_in}}}",
        "{match: '*', init: {overwrite: {initializer: zeros, value: 1, where: '{n_layer}:{d - 1}'}}}",
    )
    plan = plan_of(tensors_and_rules("x.w: [d, 3]\nx.b: [3]", *rules))
    bias, weight = explain(plan, "x.b"), explain(plan, "x.w")
    assert (bias.fans_of, weight.fans_of) == ("x.w", None)
    assert dict(bias.facts())["fans of"] == "x.w"
    assert str(bias.sources["value"]) == "1 / fan_in = 0.25, where fan_in = 4"
    assert {name: str(source) for name, source in weight.sources.items()} == {
        "where {n_layer}": "n_layer = 2, where n_layer = 2",
        "where {d - 1}": "d - 1 = 3, where d = 4",
    }


def test_layers_and_tags() -> None:
    """What the recipe says of a tensor is told, and what a rule asked of it in vain."""
    plan = plan_of(
        tensors_and_rules(
            "w: {shape: [2], layers: [Net, Block, Linear], tags: [late, small]}\nv: [2]",
            "{match: '*', where: {layer: '*Norm'}, optional: true, init: ones}",
            "{match: '*', init: zeros}",
        )
    )
    explanation = explain(plan, "w")
    assert (explanation.layers, explanation.tags) == (("Net", "Block", "Linear"), ("late", "small"))
    assert explanation.passed[0].why_not == "its layer is Linear, not *Norm"
    assert dict(explanation.facts())["layers"] == "Net / Block / Linear"
    assert dict(explanation.facts())["tags"] == "late, small"
    assert not {"layers", "tags"} & dict(explain(plan, "v").facts()).keys()


@pytest.mark.parametrize("shape", ["[]", "[1]", "[0, 3]", "[3, 2]", "[7]", "[2, 2, 2]", "[2, 1, 9]"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "complex64"])
def test_first_values_of_any_shape(shape: str, dtype: str) -> None:
    """They are the first six, or all, in row-major order, of any dtype."""
    text = tensors_and_rules(
        f"w: {{shape: {shape}, dtype: {dtype}}}", "{match: '*', init: {constant: {value: 3}}}"
    )
    explanation = explain(plan_of(text), "w")
    assert len(explanation.values) == min(6, int(np.prod(explanation.shape)))
    assert all(value == 3 for value in explanation.values)
    assert str(explanation)


def test_what_would_take_long_is_not_drawn() -> None:
    """A large tensor that cannot be drawn in parts shows no values; one that can shows them at once."""
    text = tensors_and_rules(
        "w: [100000, 100000]\nv: [100000, 100000]",
        "{match: w, init: orthogonal}",
        "{match: v, init: he_normal}",
    )
    assert explain(plan_of(text), "w").values == ()
    assert len(explain(plan_of(text), "v").values) == 6


def test_unknown_names_are_suggested() -> None:
    """A name that is not there is an error with the nearest ones."""
    with pytest.raises(RecipeError, match=r"Did you mean 'h.0.w'"):
        _explain("h.0.ww")
