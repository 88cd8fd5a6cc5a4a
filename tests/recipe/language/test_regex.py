"""Regular expressions of names: Python's, but for those that could run for ever."""

from __future__ import annotations

import re
import time
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initkit.errors import ArgumentError, RecipeError
from initkit.recipe.language.regex import parse_regex
from tests.recipe.texts import plan_of, tensors_and_rules


@pytest.mark.parametrize(
    ("text", "name", "captures"),
    [
        (r"h\.(?P<layer>\d+)\..*", "h.11.attn.w", {"layer": 11}),
        (r"(?P<part>[a-z]+)_(?:proj|out)", "q_proj", {"part": "q"}),
        (r"(a|b)\.w", "b.w", {}),
        (r"h\.\d{1,2}", "h.7", {}),
        (r"x(?P<opt>1)?", "x", {}),
        (r"[^.]*", "a.b", None),
        (r"a", "ab", None),
        (r"[])]x", "]x", {}),
    ],
)
def test_whole_names_and_captures(text: str, name: str, captures: dict[str, int | str] | None) -> None:
    """A regular expression matches whole names, as `re.fullmatch` does, and digits are numbers."""
    assert parse_regex(text).match(name) == captures
    assert (re.fullmatch(text, name) is None) == (captures is None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 characters. Allowed: 1 to 1000"),
        ("a" * 1001, "1001 characters"),
        ("(a+)+", "cannot hold a repetition"),
        ("(a|ab)*c", "cannot hold a repetition, an option or an alternative"),
        ("(?:x(?:a*)){2,}", "cannot hold a repetition"),
        (r"(a)\1", "References"),
        ("(?=a)b", "Allowed groups"),
        ("(?i)a", "Allowed groups"),
        ("(?P<a>b)(?P=a)", "Allowed groups"),
        (".*a.*b.*c.*d.*e", "too many ways: 5 repetitions"),
        (r"\w+\w+\w+\w+\w+", "too many ways: 5 repetitions"),
        ("a?" * 28 + "b", "too many ways: 0 repetitions"),
        ("(a|aa)" * 30 + "b", "too many ways"),
        ("(?:a?){40}b", "cannot hold"),
        (r"(?:[a-z]?[a-z]?)+x", "cannot hold"),
        ("(?:a*?)+", "cannot hold"),
        ("(?:a{,}){,}b", "cannot hold a repetition"),
        ("(a", "no regular expression"),
        ("[a", "no regular expression"),
        ("*a", "no regular expression"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    """What is no regular expression, or could take for ever, is an error that says why."""
    with pytest.raises(ArgumentError, match=re.escape(words)):
        parse_regex(text)


def test_sets_that_python_warns_of() -> None:
    """A set within a set is one of characters, and nobody is warned of it."""
    with warnings.catch_warnings(action="error"):
        assert parse_regex("a[[]0?").match("a[0") == {}


PLAIN_PIECES = ("a", "b", r"\.", ".*", "a*", "[ab]+", "a?", "(?:ab)*", "(a|b)", "(a|ab)", "a{1,3}", r"\w+")
NUMBERED_PIECES = (r"\x61", r"\x61*", r"\u0062", r"\U00000061{1,3}", r"\N{LATIN SMALL LETTER A}?")
PIECES = st.sampled_from((*PLAIN_PIECES, "(a?)?", *NUMBERED_PIECES))


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=30), st.sampled_from(["a" * 250, "ab" * 125, "a." * 125]))
def test_whatever_is_allowed_ends(pieces: list[str], name: str) -> None:
    """Expressions that are not refused take a bounded time, for the worst of names as well."""
    try:
        regex = parse_regex("".join(pieces) + "x")
    except ArgumentError:
        return
    started = time.process_time()
    assert regex.match(name) is None
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "text",
    [
        r".*\.layers\.(?P<layer>\d+)\..*\.experts\.(?P<expert>\d+)\.w(?P<part>[123])\.weight",
        r"[^.]+\.[^.]+\.[^.]+\.[^.]+\.[^.]+\.weight",
        r"(?:model\.)?h\.(?P<layer>[0-9]+)\.(?:attn|mlp)\.c_(?:fc|proj|attn)\.(?:weight|bias)",
    ],
)
def test_what_people_write_is_allowed(text: str) -> None:
    """A repetition that is followed by what it cannot hold has one place to end, and costs nothing."""
    assert parse_regex(text).text == text


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        (r"h\.\d+", False),
        (r"h\.[0-9]+\.w", False),
        (r"h\.1", True),
        (r"h\.[0-4]", True),
        (r"\x31", True),
        (r"a\[0-9]", True),
    ],
)
def test_which_digits_matter(text: str, tells: bool) -> None:
    """Only expressions that take all digits alike are looked up by the outlines of names."""
    assert parse_regex(text).tells_digits is tells


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        (r"h\.(?P<layer>\d+)\.mlp\..*", ("h.", ".mlp.")),
        ("abc?de+fg{0,2}h", ("ab", "d", "f", "h")),
        ("ab*?c", ("a", "c")),
        ("a{}b", ("b",)),
        ("a|b", ()),
        ("(a|b)c", ("c",)),
        (r"\w^a.b$", ("a", "b")),
    ],
)
def test_texts_that_every_name_has(text: str, literals: tuple[str, ...]) -> None:
    """Characters that may be missing, or be others, are not among them."""
    assert parse_regex(text).literals == literals


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES | st.sampled_from(["x", "|", "b{0,1}", "b{,2}", "x{}"]), max_size=6), st.data())
def test_every_name_that_matches_has_the_literals(pieces: list[str], data: st.DataObject) -> None:
    """What `literals` says is true of whatever the expression takes."""
    try:
        regex = parse_regex("".join(pieces) + "ab")
    except ArgumentError:
        return
    name = data.draw(st.from_regex(regex.regex, fullmatch=True))
    assert all(literal in name for literal in regex.literals)


def test_rules_by_regular_expressions() -> None:
    """A rule says `regex` in place of `match`; errors have its line, and point into the expression."""
    plan = plan_of(
        tensors_and_rules(
            "'h.{0..11}.w': [1]",
            r"{regex: 'h\.(?P<layer>[0-3])\.w', init: {constant: {value: layer + 1}}}",
            "{match: '*', init: zeros}",
        )
    )
    assert [tensor.mean for tensor in plan.tensors] == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]
    with pytest.raises(
        RecipeError, match=r"(?s)r.yaml:7: the pattern of rule 1: A group that is repeated.*column 5"
    ):
        plan_of(tensors_and_rules("a: [1]", "{regex: '(a+)+', init: ones}"))
