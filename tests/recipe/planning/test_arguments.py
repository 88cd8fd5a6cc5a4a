"""Arguments of initializers in recipes: expressions at any depth, and texts with captures."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from initkit.errors import RecipeError
from initkit.recipe.planning.arguments import takes_numbers
from tests.catalogue import ENTRIES, Entry
from tests.recipe.texts import plan_of


def _constructor(
    required: float,
    either: int | None = None,
    untyped: Any = None,
    text: str = "3",
    flag: bool = False,
    number: Any = 1j,
    words: list[str] | None = None,
) -> None:
    """A constructor with an argument of every kind."""


def test_numbers_are_told_by_default_and_annotation() -> None:
    """A default that is a number decides; without a default, or with None, the annotation does."""
    parameters = inspect.signature(_constructor).parameters
    assert [name for name, parameter in parameters.items() if takes_numbers(parameter)] == [
        "required",
        "either",
        "number",
    ]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_numeric_arguments_of_the_catalogue(entry: Entry) -> None:
    """Arguments of built-in classes that are numbers take expressions; those that are text do not."""
    parameters = inspect.signature(entry.cls).parameters
    for name, value in entry.arguments.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert takes_numbers(parameters[name]), name
        if isinstance(value, str):
            assert not takes_numbers(parameters[name]), name


def _recipe(tensors: str, *rules: str) -> str:
    listed = "\n".join(f"  - {rule}" for rule in rules)
    return f"initkit: 1\nseed: 7\nvariables: {{d: 16, n: 8}}\ntensors: {tensors}\nrules:\n{listed}\n"


def _values(plan: Any) -> dict[str, np.ndarray[Any, Any]]:
    values = {}
    for tensor in plan.tensors:
        with tensor.drawing() as lazy:
            values[tensor.name] = lazy[:]
    return values


@pytest.mark.parametrize(
    "init",
    [
        "{scale: {initializer: {random_normal: {stddev: 1 / d}}, factor: 1 / sqrt(2 * n)}}",
        "{scale: {initializer: {class_name: RandomNormal, config: {stddev: 1 / d}}, "
        "factor: 1 / sqrt(2 * n)}}",
        "{blocks: {initializers: [{scale: {initializer: {random_normal: {stddev: 1 / d}}, "
        "factor: 1 / sqrt(2 * n)}}], sizes: [n // n]}}",
    ],
)
def test_expressions_at_any_depth(init: str) -> None:
    """Numbers of initializers inside others are expressions, too."""
    (tensor,) = plan_of(_recipe("{w: [2, 3]}", f"{{match: w, init: {init}}}")).tensors
    assert tensor.std == pytest.approx(1 / 16 / 4)


def test_captures_in_nested_expressions() -> None:
    """Captures have their value for each tensor, at any depth."""
    init = "{scale: {initializer: {constant: {value: layer + 1}}, factor: 10}}"
    plan = plan_of(_recipe('{"h.{0..2}.w": [2]}', f'{{match: "h.{{layer}}.w", init: {init}}}'))
    assert [tensor.mean for tensor in plan.tensors] == [10, 20, 30]


def test_captures_in_names() -> None:
    """The blocks of a fused tensor are, layer by layer, the tensors that a split recipe has."""
    fused = "{blocks: {initializers: he_normal, sizes: [2, 1], names: ['h.{l}.q.{k}', 'h.{l}.k.{k}']}}"
    tensors = '{"h.{0..1}.qk.weight": [6, 9], "h.{0..1}.q.weight": [6, 6], "h.{0..1}.k.weight": [6, 3]}'
    match = '{match: "h.{l}.qk.{k}", init: ' + fused + "}"
    values = _values(plan_of(_recipe(tensors, match, '{match: "*", init: he_normal}')))
    for layer in range(2):
        split = [values[f"h.{layer}.{part}.weight"] for part in "qk"]
        assert np.array_equal(values[f"h.{layer}.qk.weight"], np.concatenate(split, 1))
    assert not np.array_equal(values["h.0.qk.weight"], values["h.1.qk.weight"])


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("{pad}", [3]),
        ("{h}:{2 * h}", [2, 3]),
        ("{h / 2}:{pad}", [1, 2]),
        ("{shape[0] // 4 * layer}:{shape[0] // 4 * (layer + 1)}", [2, 3]),
        ("-{h}:", [6, 7]),
    ],
)
def test_numbers_in_texts(where: str, rows: list[int]) -> None:
    """Expressions in braces inside a text are worked out: rows for padding, the quarter of a forget gate."""
    init = f"{{overwrite: {{initializer: zeros, value: 1, where: '{where}'}}}}"
    text = _recipe('{"h.1.w": [8, 2]}', f'{{match: "h.{{layer}}.w", init: {init}}}')
    values = _values(plan_of(text.replace("variables: {", "variables: {pad: 3, h: 2, ")))["h.1.w"]
    assert np.flatnonzero(values.all(axis=1)).tolist() == rows
    assert values.sum() == 2 * len(rows)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("{scale: {initializer: {random_normal: {stddev: 1 / widht}}}}", "unknown variable 'widht'"),
        ("{scale: {initializer: {random_normal: {std: 1}}, factor: 2}}", "Did you mean 'stddev'"),
        ("{stack: {initializers: zeros, names: ['{layers}.a']}}", "unknown variable 'layers'.*mean 'layer'"),
        ("{stack: {initializers: zeros, names: ['{0}']}}", "unknown capture {0}"),
        ("{stack: {initializers: {no_such: {a: 1}}}}", "no_such"),
    ],
)
def test_mistakes(init: str, message: str) -> None:
    """Unknown names at any depth are refused, with the line."""
    with pytest.raises(RecipeError, match=message) as caught:
        plan_of(_recipe('{"h.{0..1}.w": [1, 3]}', f'{{match: "h.{{layer}}.w", init: {init}}}'))
    assert caught.value.line == 6 or caught.value.line == 4


def test_names_are_one_tensors() -> None:
    """Two tensors whose parts have the same names would have the same values, and are refused."""
    rule = '{match: "*", init: {blocks: {initializers: he_normal, sizes: [1, 1], names: [q, k]}}}'
    message = "the name 'q' is given to parts of 'h.0.w' and of 'h.1.w'.*Received: names=\\['q', 'k'\\]"
    with pytest.raises(RecipeError, match=message):
        plan_of(_recipe('{"h.{0..1}.w": [4, 6]}', rule))
    nested = "{scale: {initializer: {blocks: {initializers: ones, sizes: [1, 1], names: [q, k]}}, factor: 2}}"
    with pytest.raises(RecipeError, match="the name 'q'"):
        plan_of(_recipe('{"h.{0..1}.w": [4, 6]}', f'{{match: "*", init: {nested}}}'))
