"""The first rule that takes a tensor, found without asking them all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from initkit.documents import read_yaml
from initkit.dtypes import resolve_dtype
from initkit.errors import RecipeError
from initkit.recipe.language.place import Place
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.planning.rule_index import RuleIndex
from initkit.recipe.planning.rules import compile_rule
from initkit.recipe.text.specs import Rule

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
        asked = [rule for rule in compiled if rule.match(tensor) is not None]
        found = index.first(tensor)
        assert (found.rule if found else None) is (asked[0] if asked else None)
