"""The first rule that takes a tensor, found without asking them all."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.documents import read_yaml
from initkit.dtypes import resolve_dtype
from initkit.errors import RecipeError
from initkit.recipe.language.place import Place
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.planning.rule_index import RuleIndex
from initkit.recipe.planning.rules import CompiledRule, compile_rule
from initkit.recipe.text.specs import Rule

PLACE = Place(read_yaml("{}", file="r.yaml"), ())
FLOAT32 = resolve_dtype("float32")
# Parts of patterns, each with texts that it takes.
GLOB_PARTS = {
    **{text: (text,) for text in ("h", ".", "0", "12", "-", "w", "attn.", ".proj_1", ".weight", "é")},
    "*": ("", "x", "attn.12."),
    "?": ("h", "."),
    "[0-5]": ("0", "5"),
    "[!0-3]": ("9", "w"),
    "[a0-9]": ("a", "7"),
    "[*]": ("*",),
    r"\*": ("*",),
    r"\{": ("{",),
    r"\\": ("\\",),
    "{0..3}": ("0", "3"),
    "{0..-1}": ("0",),
    "{1,10,x}": ("1", "10", "x"),
    "{q*,[kv]1}": ("q.", "k1"),
    ".{layer}.": (".0.", ".12.", ".w."),
}
REGEX_PARTS = {
    **{text: (text,) for text in ("h", "0", "12", "w", "attn", "-", "é")},
    r"\.": (".",),
    r"\*": ("*",),
    "[^.]*": ("", "attn", "0"),
    r"\d": ("0", "7"),
    "[0-5]": ("0", "5"),
    "[0-9]": ("0", "9"),
    "(?:1|x)": ("1", "x"),
    "(?:attn)?": ("", "attn"),
    "h?": ("", "h"),
    "w+": ("w", "ww"),
    "h{2}": ("hh",),
    "w{}": ("w{}",),
    r"[-_a-z0-9]": ("-", "_", "h", "0"),
    "[-5]": ("-", "5"),
    "[]5]": ("]", "5"),
    r"[-.\w]+": ("-", ".", "w0"),
    "[^5-]": ("h", "0", "]"),
    r"\x30": ("0",),
    r"\u0077+": ("w", "ww"),
    r"\N{LATIN SMALL LETTER H}": ("h",),
    "(?P<layer>[0-9]+)": ("0", "12"),
    "|": ("", "|"),
}
EITHER = {**GLOB_PARTS, **REGEX_PARTS}


@st.composite
def rules(draw: st.DrawFn) -> tuple[list[CompiledRule], list[list[str]]]:
    """Some rules of random patterns, some of them with predicates; and the parts of these patterns."""
    made, patterns = [], []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        is_regex = draw(st.booleans())
        kinds = REGEX_PARTS if is_regex else GLOB_PARTS
        parts = draw(st.lists(st.sampled_from(list(kinds)), min_size=1, max_size=5))
        where = draw(st.sampled_from([{}, {"ndim": 1}, {"ndim": 2}]))
        rule = Rule(number, PLACE, "".join(parts), is_regex=is_regex, where=where, skip=True)
        try:
            made.append(compile_rule(rule, {}, None))
        except RecipeError:
            continue
        patterns.append(parts)
    return made, patterns


@given(rules(), st.data())
def test_the_index_finds_what_asking_every_rule_finds(
    given_rules: tuple[list[CompiledRule], list[list[str]]], data: st.DataObject
) -> None:
    """The index passes rules over, and never one that would have been the first."""
    compiled, patterns = given_rules
    index = RuleIndex(compiled)
    anything = st.lists(st.sampled_from(list(EITHER)), max_size=5)
    for _ in range(data.draw(st.integers(1, 12))):
        # Most names are such as one of the patterns takes.
        parts = data.draw(st.sampled_from(patterns) | anything if patterns else anything)
        name = "".join(data.draw(st.sampled_from(EITHER[part])) for part in parts)
        tensor = NamedTensor(name, (1,) * data.draw(st.integers(1, 2)), FLOAT32, PLACE)
        asked = [rule for rule in compiled if rule.match(tensor) is not None]
        found = index.first(tensor)
        assert (found.rule if found else None) is (asked[0] if asked else None)
        assert found is None or found.captures == found.rule.match(tensor)


class CountingRegex:
    """A regular expression that counts how often it is asked."""

    asked = 0

    def __init__(self, regex: re.Pattern[str]) -> None:
        self._regex = regex

    def match(self, name: str) -> re.Match[str] | None:
        CountingRegex.asked += 1
        return self._regex.match(name)

    def fullmatch(self, name: str) -> re.Match[str] | None:
        CountingRegex.asked += 1
        return self._regex.fullmatch(name)


def counting(text: str, number: int) -> CompiledRule:
    """A rule whose regular expressions count."""
    rule = compile_rule(Rule(number, PLACE, text, skip=True), {}, None)
    given: dict[str, Any] = {"regex": CountingRegex(rule.pattern.regex)}
    if rule.pattern.outline is not None:
        given["outline"] = CountingRegex(rule.pattern.outline)
    return replace(rule, pattern=replace(rule.pattern, **given))


WORDS = [f"{first}{second}" for first in "abcdefghij" for second in "klmnopqrst"]


@pytest.mark.parametrize("words", [WORDS, [str(number) for number in range(100)]], ids=["words", "digits"])
def test_few_regular_expressions_are_asked(words: list[str]) -> None:
    """A name costs about two, for the outline and for itself, however many rules there are."""
    texts = [f"model.*.{word}.{{layer}}.weight" for word in words]
    compiled = [counting(text, number) for number, text in enumerate(texts, 1)]
    index = RuleIndex(compiled)
    CountingRegex.asked = 0
    for number, word in enumerate(words):
        found = index.first(NamedTensor(f"model.x{word}.{word}.{number}.weight", (1,), FLOAT32, PLACE))
        assert found is not None
        assert (found.rule, found.captures) == (compiled[number], {"layer": number})
    assert CountingRegex.asked <= 2.1 * len(words)


def test_rules_of_one_outline_keep_their_places() -> None:
    """Those that are asked about an outline together may have others between them, which come first."""
    texts = ["*.1.w", "*.[12].w", "*.2.w", "*"]
    compiled = [compile_rule(Rule(at, PLACE, text, skip=True), {}, None) for at, text in enumerate(texts, 1)]
    index = RuleIndex(compiled)
    taken = {
        name: index.first(NamedTensor(name, (1,), FLOAT32, PLACE)) for name in ("a.1.w", "a.2.w", "a.3.w")
    }
    numbers = {name: found.rule.rule.number for name, found in taken.items() if found is not None}
    assert numbers == {"a.1.w": 1, "a.2.w": 2, "a.3.w": 4}
