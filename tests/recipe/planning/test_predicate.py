"""What a rule's `where` asks: axes, shape, dtype and size."""

from __future__ import annotations

from typing import Any

import pytest

from initkit.documents import read_yaml
from initkit.errors import RecipeError
from initkit.recipe.language.place import Place
from initkit.recipe.planning.predicate import Predicate, read_predicate
from tests.recipe.texts import plan_of, tensors_and_rules


def predicate_of(where: Any) -> Predicate | None:
    """The predicate of a `where`, with a variable d of 4."""
    return read_predicate(where, {"d": 4}, Place(read_yaml("{}", file="r.yaml"), ()), "rule 1")


@pytest.mark.parametrize(
    ("where", "shape", "holds"),
    [
        ({"ndim": 2}, (3, 4), True),
        ({"ndim": 2}, (3,), False),
        ({"ndim": [1, 2]}, (3,), True),
        ({"ndim": ">= 2"}, (3,), False),
        ({"ndim": "!= 0"}, (), False),
        ({"size": "< 3 * d"}, (11,), True),
        ({"size": "<3*d"}, (12,), False),
        ({"size": "2 * d"}, (2, 4), True),
        ({"shape": [3, "d"]}, (3, 4), True),
        ({"shape": ["*", "d"]}, (7, 4), True),
        ({"shape": ["*", "d"]}, (4,), False),
        ({"shape": ["...", "d"]}, (4,), True),
        ({"shape": ["...", "d"]}, (1, 2, 4), True),
        ({"shape": ["d", "...", 1]}, (4,), False),
        ({"shape": ["d", "..."]}, (4, 9, 9), True),
        ({"shape": []}, (), True),
        ({"dtype": "float32"}, (1,), True),
        ({"dtype": ["bfloat16", "float16"]}, (1,), False),
        ({"ndim": 1, "size": "> 2"}, (2,), False),
    ],
)
def test_what_is_asked(where: Any, shape: tuple[int, ...], holds: bool) -> None:
    """Each entry has to hold; where one does not, the reason is told."""
    predicate = predicate_of(where)
    assert predicate is not None
    assert predicate.holds(shape, "float32") is holds
    assert (predicate.why_not(shape, "float32") is None) is holds


def test_nothing_is_asked() -> None:
    """Without entries there is no predicate."""
    assert predicate_of({}) is None


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("{ndim: 1.5}", "no whole number from 0 up. Received: 1.5"),
        ("{ndim: [true]}", "must be a number or an expression. Received: true"),
        ("{ndim: '> nd'}", "unknown variable 'nd' in `ndim` in `where` of rule 1|Allowed: n_layer, d."),
        ("{shape: 3}", "must be a list. Received: 3"),
        ("{shape: ['...', '...']}", "more than once"),
        ("{dtype: float31}", "Unknown dtype"),
        ("{axes: 2}", "unknown key 'axes' in `where` of rule 1. Allowed: ndim, shape, dtype, size"),
    ],
)
def test_what_means_nothing(where: str, words: str) -> None:
    """Whatever cannot be asked is an error with its line."""
    with pytest.raises(RecipeError) as caught:
        plan_of(tensors_and_rules("a: [3]", f"{{match: '*', where: {where}, init: ones}}"))
    assert all(part in str(caught.value) for part in words.split("|"))
    assert caught.value.line == 7


def test_the_first_rule_whose_predicate_holds() -> None:
    """A rule that asks too much leaves a tensor to the next one, also among names of one outline."""
    plan = plan_of(
        tensors_and_rules(
            "'a.{0..1}.w': [3]\n'a.{2..3}.w': [3, 2]\nb: {shape: [3], dtype: bfloat16}",
            "{match: '*', where: {dtype: bfloat16}, init: {constant: {value: 1}}}",
            "{match: 'a.*', where: {ndim: 1}, init: {constant: {value: 2}}}",
            "{match: '*', init: {constant: {value: 3}}}",
        )
    )
    assert [tensor.mean for tensor in plan.tensors] == [2, 2, 3, 3, 1]
