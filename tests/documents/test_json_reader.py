"""JSON against Python's own parser, and what is stricter here."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.documents import Limits, PlainData, read_json
from initkit.errors import ArgumentTypeError, ConfigError, RecipeError

plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)

# (text, words of the message, line)
WRONG = [
    ("", "Expecting value", 1),
    ("{", "property name", 1),
    ("[1,\n2,]", "Expecting value|trailing comma", 2),
    ("[1]\n[2]", "Extra data", 2),
    ("{'a': 1}", "property name", 1),
    ("[01]", "Expecting ',' delimiter", 1),
    ("[.5]", "Expecting value", 1),
    ("nul", "Expecting value", 1),
    ("# comment\n1", "Expecting value", 1),
    ('"a\nb"', "control character", 1),
    ('"\\x"', "escape", 1),
    ('["\n', "control character|Unterminated", 1),
    ('{"a": 1,\n "a": 2}', "key 'a' stands twice.*first on line 1.*Remove one", 2),
    ('[{"a": 1},\n {"b": {"c": 0,\n "d": 1, "c": 2}}]', "key 'c' stands twice.*first on line 2", 3),
    ('{"é": 1,\n "\\u00e9": 2}', "key 'é' stands twice", 2),
    ("[1,\n1e400]", "number '1e400' is too large.*infinity is 1e999", 2),
    ("[-2e999]", "too large", 1),
    ("[-1e309]", "too large", 1),
    ("[\n" + "1" * 5000 + "]", "too large.*4300 digits", 2),
]


@given(plain_data, st.sampled_from([None, 0, 3]), st.booleans())
def test_agrees_with_the_standard_parser(data: PlainData, indent: int | None, ascii_only: bool) -> None:
    """Whatever Python writes as JSON is read as Python reads it, types included."""
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    assert repr(read_json(text).data) == repr(json.loads(text))


@given(st.text(alphabet='[]{},:"\\ \n019.eE+-atrufnlsINiy', max_size=30))
def test_refuses_what_the_standard_parser_refuses(text: str) -> None:
    """Texts that are not JSON raise `ConfigError`, and those that are JSON do not, whatever they are."""
    try:
        expected = json.loads(text, object_pairs_hook=_with_duplicates)
    except json.JSONDecodeError:
        expected = None
    valid = expected is not None and "duplicate" not in repr(expected) and "inf" not in repr(expected)
    if valid or text.strip() == "null":
        document = read_json(text)
        assert document.line() == text[: len(text) - len(text.lstrip())].count("\n") + 1
    elif not re.search(r"Infinity|1(\.0*)?[eE]\+?999", text):
        with pytest.raises(ConfigError):
            read_json(text)


def _with_duplicates(pairs: list[tuple[str, object]]) -> object:
    return dict(pairs) if len(dict(pairs)) == len(pairs) else "duplicate"


@pytest.mark.parametrize(("text", "message", "line"), WRONG)
def test_wrong_text(text: str, message: str, line: int) -> None:
    """Each wrong text is refused with its reason, file and line, by the class of error that was asked for."""
    with pytest.raises(
        RecipeError, match=f"(?s)^shapes.json:{line}: (this is not JSON|the).*(?:{message})"
    ) as caught:
        read_json(text, file="shapes.json", error=RecipeError)
    assert caught.value.line == line


def test_non_finite_floats() -> None:
    """NaN and infinities are read as Python's `json` writes them."""
    data = read_json("[Infinity, -Infinity, NaN]").data
    assert isinstance(data, list)
    assert data[:2] == [math.inf, -math.inf]
    assert isinstance(data[2], float)
    assert math.isnan(data[2])


@pytest.mark.parametrize("text", ["1e999", "1E999", "1E+999", "1e+999", "1.0e999"])
def test_infinity_that_is_json(text: str) -> None:
    """The number that stands for infinity is read as such, however other programs write it."""
    assert read_json(f'[{text}, -{text}, "1e999"]').data == [math.inf, -math.inf, "1e999"]


def test_byte_order_mark_is_ignored() -> None:
    """A byte order mark in front, as some editors write it, does no harm."""
    assert read_json("\ufeff{}").data == {}


def test_bytes_are_refused() -> None:
    """Bytes have no encoding of their own; the message says what to do."""
    with pytest.raises(ArgumentTypeError, match=r"Received: bytes. Allowed: str. Decode it as UTF-8"):
        read_json(b"{}")  # type: ignore[arg-type]  # the wrong type is what is tested


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "[{" + '"\\"' * 100_000, '"' + "[" * 101 + '"']
)
def test_brackets_inside_and_outside_strings(text: str) -> None:
    """Deep nesting is refused before any recursion; brackets in strings do not count as nesting."""
    if text.endswith('["'):
        assert read_json(text).data == text[1:-1]
    else:
        with pytest.raises(ConfigError):
            read_json(text)


def test_limits() -> None:
    """Length, depth and number of values are bounded, and the bounds themselves are allowed."""
    assert read_json("[[],[1,2]]", limits=Limits(text=10, depth=2, nodes=6)).data == [[], [1, 2]]
    with pytest.raises(ConfigError, match=r"text is too long: 11 characters. At most 10"):
        read_json("[[],[1,2] ]", limits=Limits(text=10))
    with pytest.raises(ConfigError, match=r"^<string>:2: .*nested too deeply. At most 2 levels"):
        read_json("[[],\n[[1]]]", limits=Limits(depth=2))
    with pytest.raises(ConfigError, match=r"too many values. At most 4"):
        read_json("[[],[1,2]]", limits=Limits(nodes=4))
