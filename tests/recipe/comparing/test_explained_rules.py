"""One tensor of each rule, for all that a pattern matches."""

from __future__ import annotations

import pytest

from initkit.errors import ArgumentError, RecipeError
from initkit.recipe.comparing.explained_rules import explain_rules
from initkit.recipe.comparing.explanation import explain
from tests.recipe.texts import plan_of, tensors_and_rules

PLAN = plan_of(
    tensors_and_rules(
        "h.{0..11}.ln_{1,2}.{weight,bias}: [4]\nh.{0..11}.w.{weight,bias}: [4, 4]\n"
        "t.{1,2}: {tie: h.0.w.weight}",
        "{match: '*.bias', where: {ndim: 1}, init: zeros}",
        "{match: 'h.{layer}.w.bias', skip: true}",
        "{match: 'h.{layer}.w.*', init: {constant: {value: layer}}}",
        "{match: '*', init: ones}",
    )
)


def test_every_tensor_is_told_of_once() -> None:
    """The groups are those of the explanations of all single tensors, and each has its first one's."""
    found = explain_rules(PLAN, "*")
    rules: dict[int | None, list[str]] = {}
    for named in PLAN.named:
        rule = explain(PLAN, named.name).rule
        rules.setdefault(None if rule is None else rule.number, []).append(named.name)
    assert [one.names for one in found] == [tuple(names) for names in rules.values()]
    assert [one.explanation for one in found] == [explain(PLAN, names[0]) for names in rules.values()]


def test_what_each_stands_for() -> None:
    """The names are folded; ties have no rule; what stands for itself alone says nothing of it."""
    told = {one.names[0]: dict(one.facts()).get("stands for") for one in explain_rules(PLAN, "*")}
    assert told == {
        "h.0.ln_1.weight": "24 tensors that rule 4 takes: h.{0..11}.ln_{1,2}.weight",
        "h.0.ln_1.bias": "24 tensors that rule 1 takes: h.{0..11}.ln_{1,2}.bias",
        "h.0.w.weight": "12 tensors that rule 3 takes: h.{0..11}.w.weight",
        "h.0.w.bias": "12 tensors that rule 2 takes: h.{0..11}.w.bias",
        "t.1": "2 ties that `tensors` says: t.{1..2}",
    }
    (alone,) = explain_rules(PLAN, "*.3.w.weight")
    assert alone.facts() == explain(PLAN, "h.3.w.weight").facts()


def test_many_texts_are_not_listed() -> None:
    """Of names that do not fold the first five are listed."""
    names = [f"{'x' * number}.{'y' * number}" for number in range(1, 9)]
    plan = plan_of(tensors_and_rules("\n".join(f"{name}: [1]" for name in names), "{match: '*', init: ones}"))
    (found,) = explain_rules(plan, "x*")
    assert dict(found.facts())["stands for"] == (f"8 tensors that rule 1 takes: {', '.join(names[:5])}, ..")


def test_what_matches_nothing() -> None:
    """It is an error with patterns that would match, and so is what is no pattern."""
    with pytest.raises(RecipeError, match=r"^r.yaml: the pattern .* Did you mean 'h\.\{i\}\.ln_1\.weight'"):
        explain_rules(PLAN, "h.{i}.ln1.weight")
    with pytest.raises(RecipeError, match=r"names that `initkit plan` lists\. Correct it\.$"):
        explain_rules(PLAN, "zzz*")
    with pytest.raises(ArgumentError, match=r"has no '\}'"):
        explain_rules(PLAN, "h.{")
