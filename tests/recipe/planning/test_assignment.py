"""Rules and tensors: the first that matches, found quickly; skipped and tied ones."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.documents import read_yaml
from initkit.dtypes import resolve_dtype
from initkit.errors import RecipeError
from initkit.recipe.language.place import Place
from initkit.recipe.planning.assignment import RuleIndex
from initkit.recipe.planning.rules import compile_rule
from initkit.recipe.planning.tensors import NamedTensor
from initkit.recipe.text.specs import Rule
from tests.recipe.texts import plan_of, tensors_and_rules

PLACE = Place(read_yaml("{}", file="r.yaml"), ())
GLOB_PARTS = ["h", ".", "*", "?", "0", "1", "12", "[0-5]", "[!0-3]", "[a0-9]", "{0..3}", "{1,10,x}", "-", "w"]
REGEX_PARTS = ["h", r"\.", "[^.]*", r"\d", "0", "1", "[0-5]", "[0-9]", "w", "(?:1|x)"]
NAMES = st.lists(
    st.sampled_from(["h", ".", "0", "1", "2", "12", "9", "w", "x", "-", "a"]), min_size=1, max_size=6
)


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """Some rules of random patterns, some of them with predicates."""
    made = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        is_regex = draw(st.booleans())
        parts = draw(
            st.lists(st.sampled_from(REGEX_PARTS if is_regex else GLOB_PARTS), min_size=1, max_size=5)
        )
        where = draw(st.sampled_from([{}, {"ndim": 1}, {"ndim": 2}]))
        made.append(Rule(number, PLACE, "".join(parts), is_regex=is_regex, where=where, skip=True))
    return made


@given(rules(), st.lists(st.tuples(NAMES, st.integers(1, 2)), min_size=1, max_size=12))
def test_the_index_finds_what_asking_every_rule_finds(
    given_rules: list[Rule], tensors: list[tuple[list[str], int]]
) -> None:
    """The index passes rules over, and never one that would have been the first."""
    try:
        compiled = [compile_rule(rule, {}, None) for rule in given_rules]
    except RecipeError:
        return
    index = RuleIndex(compiled)
    for parts, ndim in tensors:
        tensor = NamedTensor("".join(parts), (1,) * ndim, resolve_dtype("float32"), PLACE)
        asked = [rule for rule in compiled if rule.match(tensor.name, tensor.shape, tensor.dtype) is not None]
        found = index.first(tensor)
        assert (found.rule if found else None) is (asked[0] if asked else None)


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
