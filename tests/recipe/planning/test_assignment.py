"""Rules and tensors: the first that matches, found quickly; skipped and tied ones."""

from __future__ import annotations

import pickle

import pytest

from initkit.errors import RecipeError
from tests.recipe.texts import plan_of, tensors_and_rules


def test_patterns_that_match_nothing_get_suggestions() -> None:
    """A mistyped pattern is told what it may have meant; of many, the first three."""
    tensors = "'h.{0..1}.{ln_1,attn}.weight': [4]"
    typos = [f"{{match: 'h.{{layer}}.ln{number}.weight', init: ones}}" for number in range(4)]
    with pytest.raises(RecipeError) as caught:
        plan_of(tensors_and_rules(tensors, *typos, "{match: '*', init: zeros}"))
    lines = str(caught.value).splitlines()[1:]
    assert all("Did you mean 'h.{layer}.ln_1.weight'" in line for line in lines[:3])
    assert "Did you mean" not in lines[3]


def test_skipped_and_tied_by_rules() -> None:
    """A rule may leave tensors out, or tie them to others; neither is stored."""
    plan = plan_of(
        tensors_and_rules(
            "'h.{0..1}.{w,inv_freq}': [4]\n'g.{0..1}.w': [4]",
            "{match: '*.inv_freq', skip: true}",
            "{match: 'g.{layer}.w', tie: 'h.{layer}.w'}",
            "{match: '*', init: ones}",
        )
    )
    assert [tensor.name for tensor in plan.tensors] == ["h.0.w", "h.1.w"]
    assert plan.skipped == ("h.0.inv_freq", "h.1.inv_freq")
    assert [(tie.name, tie.target) for tie in plan.ties] == [("g.0.w", "h.0.w"), ("g.1.w", "h.1.w")]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{match: b, tie: a}", "tensor 'b' of shape (3,) is tied to 'a' of shape (2,)"),
        ("{match: b, tie: c}", "tensor 'b' is tied to 'c', and no tensor of that name is stored"),
        ("{match: b, tie: b}", "tensor 'b' is tied to itself"),
        ("{match: b, tie: '{x}'}", "unknown capture {x} in `tie` of rule 1"),
        ("{match: b, tie: a, dtype: float16}", "rule 1 has a `dtype`, and stores nothing"),
        ("{match: b, skip: false}", "`skip` of rule 1 is false"),
        ("{match: b, skip: true, init: ones}", "rule 1 has both `init` and `skip`"),
        ("{match: b, regex: b, init: ones}", "rule 1 has both `match` and `regex`"),
        ("{match: b, skip: true, layout: torch}", "rule 1 has `layout`, and nothing is drawn by it"),
        ("{match: b, init: ones, optional: 1}", "`optional` of rule 1 must be true or false. Received: 1"),
    ],
)
def test_rules_that_mean_nothing(rule: str, words: str) -> None:
    """Ties that lead nowhere, and rules that do two things or none, are errors with a line."""
    with pytest.raises(RecipeError) as caught:
        plan_of(tensors_and_rules("a: [2]\nb: [3]", rule, "{match: '*', init: ones}"))
    assert words in str(caught.value)
    assert caught.value.line in (8, 9)


def test_numbers_with_zeros_in_front() -> None:
    """A capture is a number in expressions, and stands in texts as it does in the name."""
    plan = plan_of(
        tensors_and_rules(
            "'h.{007..008}.w': [2]\n'g.{007..008}.w': [2]",
            "{match: 'g.{layer}.w', tie: 'h.{layer}.w'}",
            "{match: 'h.{layer}.w', seed_path: 'x.{layer}', init: {constant: {value: layer + 0.5}}}",
        )
    )
    assert [(tie.name, tie.target) for tie in plan.ties] == [("g.007.w", "h.007.w"), ("g.008.w", "h.008.w")]
    assert [(tensor.seed_path, tensor.mean) for tensor in plan.tensors] == [
        (("x.007",), 7.5),
        (("x.008",), 8.5),
    ]
    assert pickle.loads(pickle.dumps(plan.tensors[0].captures)) == {"layer": 7}


def test_names_too_long_for_regular_expressions() -> None:
    """The time of a regular expression is bounded for names of some length, and longer ones are refused."""
    with pytest.raises(RecipeError, match="a name is too long for rule 1, regex"):
        plan_of(tensors_and_rules(f"{'a' * 251}: [1]", "{regex: '.*', init: ones}"))
