"""Names written out, and patterns against a matcher that tries everything."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.recipe.language.pattern import expand_braces, outline_of, parse_pattern

NAMES = {"n": 3, "n_layer": 12, "one": 1, "half": 0.5}

WRITTEN_OUT = [
    ("wte.weight", ["wte.weight"]),
    ("", [""]),
    ("h.{0..2}.x", ["h.0.x", "h.1.x", "h.2.x"]),
    ("{a,b}{1..2}", ["a1", "a2", "b1", "b2"]),
    ("h.{0..n-1}.{q,k}", ["h.0.q", "h.0.k", "h.1.q", "h.1.k", "h.2.q", "h.2.k"]),
    ("{5..5}", ["5"]),
    ("{0..11..5}", ["0", "5", "10"]),
    ("{0..n_layer-1..n_layer//2}", ["0", "6"]),
    ("{ 1 .. one + 1 }", ["1", "2"]),
    ("{max(1, 2)..n}", ["2", "3"]),
    ("{08..10}", ["08", "09", "10"]),
    ("{0..010}", ["000", "001", "002", "003", "004", "005", "006", "007", "008", "009", "010"]),
    ("{00..1}", ["00", "01"]),
    ("{00..001}", ["000", "001"]),
    ("{0..6000000..2000000}", ["0", "2000000", "4000000", "6000000"]),
    ("{0..1}", ["0", "1"]),
    ("{a, b}", ["a", " b"]),
    ("{q.x,k.y}.w", ["q.x.w", "k.y.w"]),
    (r"a\{0..2\}\\", ["a{0..2}\\"]),
    ("*.[ab]?", ["*.[ab]?"]),
]

# (text, words of the message, column)
NOT_NAMES = [
    ("h.{0..2", "This '{' has no '}'", 3),
    ("h.0..2}", "This '}' has no '{'", 7),
    ("{a,{b,c}}", "This '{' has no '}'. Braces cannot be nested", 1),
    ("a{}", "Braces hold ''. Allowed in a name: a list {q,k,v} or a range {0..11}", 2),
    ("a.{layer}", "Braces hold 'layer'. Allowed in a name", 3),
    ("{a,,b}", "An item of the list is empty. Remove a comma", 4),
    ("{a,}", "An item of the list is empty", 4),
    ("{,}", "An item of the list is empty", 2),
    ("x{3..0}", "range from 3 to 0 by 1 is not ascending. Allowed: 0 <= first <= last + 1", 2),
    ("{0..n-5}", "range from 0 to -2 by 1 is not ascending", 1),
    ("{-1..2}", "range from -1 to 2", 1),
    ("{0..2..0}", "by 0 is not ascending", 1),
    ("{0..2..-1}", "by -1", 1),
    ("{0..1..2..3}", "A range has too many parts. Allowed: {first..last} and {first..last..step}", 1),
    ("{0..half}", "goes from integer to integer. Received: 0.5 from 'half'. Use // or floor", 1),
    ("{0..n/1}", "Received: 3.0 from 'n/1'", 1),
    ("{0..m}", "The range {0..m} has an end that cannot be computed. The name 'm' is not known", 1),
    ("{..3}", "cannot be computed. A number, a name or an opening parenthesis is missing", 1),
    ("{0..}", "cannot be computed. A number, a name", 1),
    ("{0..2,5}", "cannot be computed. There is no function or parenthesis for this ','", 1),
    ("{0...3}", "cannot be computed. The number '.3'|goes from integer to integer", 1),
    ("a\\b", "This backslash protects nothing", 2),
    ("a\\", "This backslash protects nothing", 2),
    ("{a\\,b,c}", "This '{' has no '}'. Braces cannot be nested, nor hold a backslash", 1),
    ("{0..1000000}", "The range is too long. Allowed: 1,000,000", 1),
    ("{0..9**99}", "The range is too long", 1),
]


@pytest.mark.parametrize(("text", "names"), WRITTEN_OUT, ids=[row[0] for row in WRITTEN_OUT])
def test_expand_braces(text: str, names: list[str]) -> None:
    """Braces are written out in order, the last fastest."""
    assert expand_braces(text, NAMES) == names


@pytest.mark.parametrize(("text", "message", "column"), NOT_NAMES, ids=[row[0] for row in NOT_NAMES])
def test_not_expandable(text: str, message: str, column: int) -> None:
    """Each wrong name is refused, with a caret below the place."""
    pattern = "|".join(map(re.escape, message.split("|")))
    with pytest.raises(ArgumentError, match=pattern) as caught:
        expand_braces(text, NAMES)
    assert str(caught.value).endswith(f"^ column {column}")


def test_too_many_names_are_refused_before_they_are_made() -> None:
    """The number of names is bounded over all braces together."""
    assert len(expand_braces("{0..999}.{0..999}")) == 1_000_000
    with pytest.raises(ArgumentError, match=r"stands for 1,001,000 names. Allowed: 1,000,000"):
        expand_braces("{0..999}.{0..1000}")
    with pytest.raises(ArgumentError, match="stands for 1,000,000,000,000,000"):
        expand_braces("{0..999999}" * 3)


MATCHES: list[tuple[str, str, dict[str, int | str] | None]] = [
    ("wte.weight", "wte.weight", {}),
    ("wte.weight", "wteXweight", None),
    ("wte.weight", "wte.weight\n", None),
    ("wte", "wte.weight", None),
    ("*", "", {}),
    ("*", "a.b.c", {}),
    ("*", "a\nb", {}),
    ("**", "a.b", {}),
    ("*.ln_*.weight", "h.0.ln_1.weight", {}),
    ("*.ln_*.weight", "h.0.ln_1.x.weight", {}),
    ("*.ln_*.weight", "ln_f.weight", None),
    ("{*.ln_*,ln_*}.weight", "ln_f.weight", {}),
    ("*.bias", ".bias", {}),
    ("*.bias", "bias", None),
    ("h.{layer}.*.c_proj.weight", "h.11.attn.c_proj.weight", {"layer": 11}),
    ("h.{layer}.*.c_proj.weight", "h.11.c_proj.weight", None),
    ("h.{layer}.*.c_proj.weight", "h.mid.mlp.c_proj.weight", {"layer": "mid"}),
    ("h.{layer}.w", "h.0.1.w", None),
    ("h.{layer}.w", "h..w", None),
    ("block_{i}.w", "block_07.w", {"i": 7}),
    ("block_{i}.w", "block_.w", None),
    ("block{i}", "blocks", {"i": "s"}),
    ("*.{name}", "a.b.c", {"name": "c"}),
    ("*{name}", "a.b.c", {"name": "c"}),
    ("{first}*", "a.b.c", {"first": "a"}),
    ("{first}*", "ab", {"first": "ab"}),
    ("*.{i}.*", "a.3.b.4.c", {"i": 3}),
    ("{a}.{b}.{c}", "x.2.z", {"a": "x", "b": 2, "c": "z"}),
    ("{i}", "9" * 18, {"i": int("9" * 18)}),
    ("{i}", "9" * 19, {"i": "9" * 19}),
    ("{i}", "-1", {"i": "-1"}),
    ("{i}", "1e3", {"i": "1e3"}),
    ("{i}", "٣", {"i": "٣"}),
    ("?", "a", {}),
    ("?", ".", {}),
    ("?", "", None),
    ("?", "ab", None),
    ("a?c*?", "abcd", {}),
    ("[abc]x", "bx", {}),
    ("[abc]x", "dx", None),
    ("h.[0-4].w", "h.3.w", {}),
    ("h.[0-4].w", "h.5.w", None),
    ("h.[!0-4].w", "h.5.w", {}),
    ("h.[!0-4].w", "h.3.w", None),
    ("[a-]", "-", {}),
    ("[-a]", "-", {}),
    ("[!]", "!", {}),
    ("[!!]", "!", None),
    ("[a^&|~]", "^", {}),
    ("[a-c-e]", "-", {}),
    ("[a-c-e]", "d", None),
    ("attn.{q,k,v}.w", "attn.k.w", {}),
    ("attn.{q,k,v}.w", "attn.o.w", None),
    ("{a,ab}{c,bc}", "abc", {}),
    ("*{ab,a}*b", "ab", {}),
    ("{*.weight,b?as}", "x.y.weight", {}),
    ("{*.weight,b?as}", "bias", {}),
    ("{[ab],c*}.w", "a.w", {}),
    ("h.{0..3}.{i}", "h.3.9", {"i": 9}),
    ("h.{0..n-1}.w", "h.2.w", {}),
    ("h.{0..n-1}.w", "h.3.w", None),
    (r"a\*b", "a*b", {}),
    (r"a\*b", "axb", None),
    (r"\{i\}\[\]\?\\", "{i}[]?\\", {}),
    ("a.+(b)$^|", "a.+(b)$^|", {}),
    ("a.b", "axb", None),
    ("é.{i}", "é.1", {"i": 1}),
]

NOT_PATTERNS = [
    ("h.{layer", "This '{' has no '}'", 3),
    ("h.layer}", "This '}' has no '{'", 8),
    ("h.[0-9", "This '[' begins no set of characters. Allowed: [abc], [0-9], [!0-9]", 3),
    ("h.0-9]", "This ']' has no '['", 6),
    ("[]", "This '[' begins no set", 1),
    ("[9-0]", "The set [9-0] has an empty range from '9' to '0'. Exchange the two", 1),
    (
        "a{b-c}",
        "Braces hold 'b-c'. Allowed in a pattern: a list {q,k,v}, a range {0..11} or the name of a",
        2,
    ),
    ("{}", "Braces hold ''", 1),
    ("{1a}", "Braces hold '1a'", 1),
    ("{é}", "Braces hold 'é'", 1),
    ("{a b}", "Braces hold 'a b'", 1),
    ("{i}.{i}", "The capture {i} comes twice. Each needs a name of its own: rename one", 5),
    ("{i}x", "The capture {i} has to end its dotted part. Put a dot or a * after it", 1),
    ("{i}_{j}", "The capture {i} has to end its dotted part", 1),
    ("{i}{j}", "The capture {i} has to end", 1),
    ("{i}?", "The capture {i} has to end", 1),
    ("{i}[.]", "The capture {i} has to end", 1),
    ("{i}{.a,b}", "The capture {i} has to end", 1),
    ("{a,}", "An item of the list is empty", 4),
    ("{a,[b,c]}", "This '[' begins no set", 4),
    ("{a,{b}}", "This '{' has no '}'", 1),
    ("{3..1}", "range from 3 to 1", 1),
    ("a\\d", "This backslash protects nothing", 2),
]


@pytest.mark.parametrize(("text", "name", "captures"), MATCHES, ids=range(len(MATCHES)))
def test_match(text: str, name: str, captures: dict[str, int | str] | None) -> None:
    """A pattern matches whole names, and captures what it says."""
    found = parse_pattern(text, NAMES).match(name)
    assert repr(found) == repr(captures)


@pytest.mark.parametrize(("text", "message", "column"), NOT_PATTERNS, ids=[row[0] for row in NOT_PATTERNS])
def test_not_a_pattern(text: str, message: str, column: int) -> None:
    """Each wrong pattern is refused, with a caret below the place."""
    with pytest.raises(ArgumentError, match=re.escape(message)) as caught:
        parse_pattern(text, NAMES)
    assert str(caught.value).endswith(f"^ column {column}")


def test_bounds() -> None:
    """The length of a pattern and the number of its alternatives are bounded."""
    assert parse_pattern("a" * 1000).match("a" * 1000) == {}
    assert parse_pattern("{0..9}.{0..9}.{0..9}").match("9.0.9") == {}
    for text, message in [
        ("", "A pattern has 0 characters. Allowed: 1 to 1000"),
        ("a" * 1001, "A pattern has 1001 characters"),
        ("{0..9}{0..9}{0..10}", "stands for 1,100 combinations of alternatives. Allowed: 1,000"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            parse_pattern(text)


@pytest.mark.parametrize("value", [None, 1, b"*"], ids=repr)
def test_not_text(value: object) -> None:
    """Names and patterns are text."""
    with pytest.raises(ArgumentTypeError, match=r"must be text. Received: .* Allowed: str"):
        parse_pattern(value)  # type: ignore[arg-type]  # the wrong type is what is tested
    with pytest.raises(ArgumentTypeError, match="must be text"):
        expand_braces(value)  # type: ignore[arg-type]  # as above


def test_pattern_is_a_value() -> None:
    """Patterns are equal by their text and their ranges, hashable, and shown as what makes them."""
    assert parse_pattern("{0..n}", {"n": 1}) != parse_pattern("{0..n}", {"n": 2})
    pattern = parse_pattern("{a}.*.{b}")
    assert pattern.captures == ("a", "b")
    assert len({pattern, parse_pattern("{a}.*.{b}"), parse_pattern("*")}) == 2
    assert (str(pattern), repr(pattern)) == ("{a}.*.{b}", "parse_pattern('{a}.*.{b}')")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("*a" * 40 + "*b", "a" * 3000),
        ("*a?" * 40 + "*b", "a" * 3000),
        ("*.{x}.*.{y}.*.{z}.*end", "a." * 1500),
        ("*{x}*{y}*{z}.b", "a." * 1500 + "a"),
        ("*[ab]*[ab]*[ab]*[ab]*c", "ab" * 1500),
        ("{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}{a,aa}b", "a" * 3000),
        ("?*" * 100 + "b", "a" * 3000),
    ],
    ids=range(7),
)
def test_hostile_patterns_end(text: str, name: str) -> None:
    """Patterns that would make a backtracking matcher try for years fail at once."""
    assert parse_pattern(text).match(name) is None


pieces = st.sampled_from(
    ["*", "?", "a", "b", ".", ".", "[ab]", "[!a]", "{a,b.a}", "{ab,a,*b}", "{x}.", ".{y}"]
)
names = st.text(alphabet="ab.1", max_size=12)


@given(st.lists(pieces, max_size=7).map("".join), names)
@example("*{ab,a,*b}*b", "aab")
@example("*.{y}*{x}.*a", "b.a1.b.1.a")
@example("?*.{y}*b", "a.b.b")
def test_agrees_with_a_matcher_that_tries_everything(text: str, name: str) -> None:
    """A pattern matches where any assignment of its stars does, and captures as the shortest stars do."""
    try:
        pattern = parse_pattern(text)
    except ArgumentError:
        return
    for parts in _flat(re.findall(r"\{[^}]*\}|\[[^]]*\]|.", text)):
        found = next(_assignments(parts, name, 0), None)
        if found is not None:
            break
    assert pattern.match(name) == found
    assert found is None or all(literal in name for literal in pattern.literals)


def _flat(parts: list[str]) -> Iterator[list[str]]:
    """The pattern's parts with each choice of alternatives, the last varying fastest."""
    for at, part in enumerate(parts):
        if part.startswith("{") and "," in part:
            for item in part[1:-1].split(","):
                yield from _flat([*parts[:at], *item, *parts[at + 1 :]])
            return
    yield parts


def _assignments(parts: list[str], name: str, at: int) -> Iterator[dict[str, int | str]]:
    """All ways to match `name[at:]`, those with short stars first."""
    if not parts:
        if at == len(name):
            yield {}
        return
    part, *rest = parts
    if part == "*":
        for end in range(at, len(name) + 1):
            yield from _assignments(rest, name, end)
    elif part.startswith("{"):
        end = name.find(".", at) if "." in name[at:] else len(name)
        if end > at:
            text = name[at:end]
            for others in _assignments(rest, name, end):
                yield {part[1:-1]: int(text) if text.isdigit() else text, **others}
    elif at < len(name):
        character = name[at]
        allowed = {"?": character, "[ab]": "ab", "[!a]": "b.1"}.get(part, part)
        if character in allowed:
            yield from _assignments(rest, name, at + 1)


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("h.{layer}.attn*c[_-]proj?.w", ("h.", ".attn", "c", "proj", ".w")),
        (r"a\*b\\*", ("a*b\\",)),
        ("{q,k}.w{0..3}", (".w",)),
        ("*{a,b}?", ()),
    ],
)
def test_texts_that_every_name_has(text: str, literals: tuple[str, ...]) -> None:
    """They are as long as the pattern says, and none is from braces, of which a name has one item only."""
    assert parse_pattern(text).literals == literals


def test_ranges_of_nothing() -> None:
    """A range that ends just before it begins names nothing, and matches nothing: a model without layers."""
    assert expand_braces("h.{0..n-1}.w", {"n": 0}) == []
    assert expand_braces("h.{4..3}.{a,b}") == []
    assert parse_pattern("h.{0..n-1}.w", {"n": 0}).match("h.0.w") is None
    assert parse_pattern("{0..-1}").match("") is None


@given(st.text(st.characters(exclude_categories=()), max_size=8) | st.text("09aé٣\ud800", max_size=8))
def test_an_outline_has_0_for_every_digit(name: str) -> None:
    """Of ASCII; all other characters stay, even those that UTF-8 has no bytes for."""
    assert outline_of(name) == re.sub("[0-9]", "0", name)
