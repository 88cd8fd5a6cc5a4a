"""YAML texts that are read, that are refused, and that attack."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from initkit.documents import Limits, PlainData, read_yaml
from initkit.documents.document import Place
from initkit.documents.yaml_reader import _UNREADABLE
from initkit.errors import ArgumentTypeError, ConfigError, RecipeError

READ: list[tuple[str, PlainData]] = [
    ("", None),
    ("# nothing\n", None),
    ("---\n...\n", None),
    ("%YAML 1.2\n---\na: 1\n", {"a": 1}),
    ("\ufeffa: 1", {"a": 1}),
    ("a: 1e-3\nb: no\nc: 2026-01-01\nd: 1_000\ne: 012\nf: 1:30\n", {
        "a": 0.001, "b": "no", "c": "2026-01-01", "d": "1_000", "e": 12, "f": "1:30"}),
    ("on: {off: yes}", {"on": {"off": "yes"}}),
    ("'1': \"2\"\n\"~\": '3'\n", {"1": "2", "~": "3"}),
    ("a:\n- b\n-\n- ''\n", {"a": ["b", None, ""]}),
    ("a: |\n  1\n  2\nb: >-\n  1\n  2\n", {"a": "1\n2\n", "b": "1 2"}),
    ("a: !!str 12\nb: !!float 1\nc: !!int 0x10\nd: !!null ''\ne: !!bool True\nf: ! 12\n", {
        "a": "12", "b": 1.0, "c": 16, "d": None, "e": True, "f": "12"}),
    ("!!map {a: !!seq [1], b: ! [2]}", {"a": [1], "b": [2]}),
    ("!!str a: 1\n", {"a": 1}),
    ("a: &x {k: [1]}\nb: *x\nc: [*x, *x]", {"a": {"k": [1]}, "b": {"k": [1]}, "c": [{"k": [1]}, {"k": [1]}]}),
    ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
    ("&x a: 1\nb: *x\n", {"a": 1, "b": "a"}),
    ("'<<': 1", {"<<": 1}),
    ('"\\u2028\\ufeff\\x85\\0"', "\u2028\ufeff\x85\0"),
    ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
    ("? " + "k" * 2000 + "\n: 1", {"k" * 2000: 1}),
]  # fmt: skip

# (text, words of the message, line)
REFUSED = [
    ("a: 1\nb: 'x", "not YAML: while scanning a quoted scalar, found unexpected end of stream", 2),
    ("a: [1\nb: 2", "not YAML: while parsing a flow sequence", 2),
    ("a: b: c", "not YAML: .*mapping values are not allowed", 1),
    ("a: 1\n  b: 2", "not YAML", 2),
    ("a: `b`", "not YAML", 1),
    ("a: 1\nb: 2\na: 3", "key 'a' stands twice in one mapping, first on line 1. Remove one", 3),
    ("x:\n  {a: 1, b: 2,\n   'a': 3}", "key 'a' stands twice.*first on line 2", 3),
    ("a: 1\n12: 3", "a key is 12. Keys are strings: put quotes around it", 2),
    ("1e-3: 3", "a key is 0.001", 1),
    ("true: 3", "a key is True", 1),
    ("~: 3", "a key is None", 1),
    ("[a]: 3", "a key is a list", 1),
    ("? {a: 1}\n: 3", "a key is a mapping", 1),
    ("a: &x 1\n*x : 2", "a key is 1", 2),
    ("a: &x {b: 1}\nc:\n  <<: *x", "merge key << is not part of YAML 1.2. Write the merged keys out", 3),
    ("a: !!python/object/apply:os.system ['true']", "tag !!python/object/apply:os.system is not allowed", 1),
    ("a: !!python/name:os.system", "tag !!python/name:os.system is not allowed", 1),
    (
        "a: !!binary aGVsbG8=",
        "tag !!binary is not allowed here. Allowed: !!null, !!bool, !!int, !!float, !!str",
        1,
    ),
    ("a: !!timestamp 2001-12-14", "tag !!timestamp is not allowed", 1),
    ("!!set {a, b}", "tag !!set is not allowed here. Allowed: !!map. Remove it", 1),
    ("- !!omap [a: 1]", "tag !!omap is not allowed here. Allowed: !!seq", 1),
    ("!mine 3", "tag !mine is not allowed", 1),
    ("!<tag:example.com,2000:x> 3", "tag tag:example.com,2000:x is not allowed", 1),
    ("%TAG !e! tag:example.com,2000:\n---\n!e!x 3", "tag tag:example.com,2000:x is not allowed", 3),
    ("!!seq {a: 1}", "tag !!seq is not allowed here. Allowed: !!map", 1),
    ("a:\n - !!int abc", "'abc' does not fit its tag !!int", 2),
    ("!!int 1.5", "'1.5' does not fit its tag !!int", 1),
    ("!!bool 1", "'1' does not fit its tag !!bool", 1),
    ("!!float x", "'x' does not fit its tag !!float", 1),
    ("!!null 0", "'0' does not fit its tag !!null", 1),
    ("a: 1\n---\nb: 2", "a second document begins. One text holds one document", 2),
    ("a: 1\n...\nb: 2", "second document|not YAML", 3),
    ("%YAML 1.1\n---\na: 1", "the text is YAML 1.1. Only 1.2 is read", 1),
    ("a: 1\nb: 1e400", "the number '1e400' is too large. Floats end at 1.8e308", 2),
    ("- " + "7" * 5000, "is too large.*integers at 4300 digits", 1),
    ("a: *x", r"alias \*x has no complete anchor &x before it", 1),
    ("a: &x\n  - *x", r"alias \*x has no complete anchor", 2),
    ("a: 1\nb: \x07", r"character U\+0007 cannot stand in YAML", 2),
    ("a: \u2028", r"U\+2028 cannot stand in YAML as it is. Remove it, or write it.*: \\u2028", 1),
    ("a: \ud800", r"U\+D800", 1),
    ("a: \x85", r"U\+0085", 1),
    ("a: b\ufeff", r"U\+FEFF", 1),
]


@pytest.fixture(params=["C", "Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's parsers, one after the other; the C one is absent from some builds."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("this PyYAML was built without libyaml")
    return str(request.param)


@pytest.mark.parametrize(("text", "data"), READ)
def test_read(parser: str, text: str, data: PlainData) -> None:
    """Each text is read as YAML 1.2 says, by either parser."""
    assert repr(read_yaml(text).data) == repr(data)


@pytest.mark.parametrize(("text", "message", "line"), REFUSED)
def test_refused(parser: str, text: str, message: str, line: int) -> None:
    """Each wrong text is refused with its reason, file and line, by the class of error that was asked for."""
    with pytest.raises(RecipeError, match=f"(?s)^gpt2.yaml:{line}: .*(?:{message})") as caught:
        read_yaml(text, file="gpt2.yaml", error=RecipeError)
    assert (caught.value.file, caught.value.line) == ("gpt2.yaml", line)


def test_an_alias_is_a_copy() -> None:
    """Changing what an alias stood for leaves its anchor as it was."""
    data = read_yaml("a: &x {k: [1]}\nb: *x").data
    assert isinstance(data, dict)
    assert isinstance(data["b"], dict)
    data["b"]["k"] = 2
    assert data["a"] == {"k": [1]}


@pytest.mark.parametrize("bits", ["- ", "? ", "[", "{", "{a: ", "[{a: ", "-\t"])
def test_deep_nesting(parser: str, bits: str) -> None:
    """Deep nesting ends in an error about depth or syntax, not in a RecursionError or a crash."""
    with pytest.raises(
        ConfigError, match=r"<string>:1: (lists and mappings are nested too deeply|this is not YAML)"
    ):
        read_yaml(bits * 5000)


def test_billion_laughs(parser: str) -> None:
    """Aliases of aliases are counted before they are copied."""
    lines = ["a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(
        ConfigError, match=r"^<string>:7: there are too many values. At most 2,000,000 are read"
    ):
        read_yaml("\n".join(lines))


def test_an_alias_counts_in_full() -> None:
    """An alias counts as all keys, values, lists and mappings that it stands for."""
    text = "[&a {k: [1]}, *a, *a]"
    assert read_yaml(text, limits=Limits(nodes=13)).data == [{"k": [1]}] * 3
    with pytest.raises(ConfigError, match="too many values"):
        read_yaml(text, limits=Limits(nodes=12))


def test_aliases_cannot_build_depth(parser: str) -> None:
    """A chain of aliases is as deep as what it stands for."""
    shallow = "a: &a {k: [{}, 1]}\nb: {k: *a}"
    assert read_yaml(shallow, limits=Limits(depth=5)).data == {
        "a": {"k": [{}, 1]},
        "b": {"k": {"k": [{}, 1]}},
    }
    with pytest.raises(ConfigError, match=r"<string>:2: .*nested too deeply"):
        read_yaml(shallow, limits=Limits(depth=4))
    lines = ["a0: &a0 []"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 300)]
    assert read_yaml("\n".join(lines[:99])).line(["a98"]) == 99
    with pytest.raises(ConfigError, match=r"^<string>:100: lists and mappings are nested too deeply"):
        read_yaml("\n".join(lines))


def test_limits() -> None:
    """Length, depth and number of values are bounded, and the bounds themselves are allowed."""
    assert read_yaml("{a: [1, 2]}", limits=Limits(text=11, depth=2, nodes=5)).data == {"a": [1, 2]}
    with pytest.raises(ConfigError, match=r"text is too long: 12 characters. At most 11"):
        read_yaml("{a: [1, 2]} ", limits=Limits(text=11))
    with pytest.raises(ConfigError, match=r"<string>:2: .*nested too deeply. At most 1 levels"):
        read_yaml("a:\n  [1, 2]", limits=Limits(depth=1))
    with pytest.raises(ConfigError, match=r"<string>:2: there are too many values. At most 4"):
        read_yaml("{a: [1,\n 2]}", limits=Limits(nodes=4))
    assert read_yaml("x", limits=Limits(depth=0)).data == "x"


def test_bytes_are_refused() -> None:
    """Bytes have no encoding of their own; the message says what to do."""
    with pytest.raises(ArgumentTypeError, match=r"Received: bytes. Allowed: str. Decode it as UTF-8"):
        read_yaml(b"a: 1")  # type: ignore[arg-type]  # the wrong type is what is tested


@given(st.text(alphabet="ab01.~:-?{}[],&*#!|>'\"%@` \n\t\\é\r", max_size=25))
@example("{a: b, ? c}")
@example("a: |\n\t x")
@example("- !")
def test_the_parsers_agree(text: str) -> None:
    """No text means one thing to the C parser and another to the Python one; all errors have a line."""
    outcomes: set[str] = set()
    lines: list[int | None] = []
    for absent in ("no such name", "CSafeLoader"):
        with pytest.MonkeyPatch.context() as patch:
            patch.delattr(yaml, absent, raising=False)
            try:
                document = read_yaml(text)
            except ConfigError as error:
                lines.append(error.line)
            else:
                outcomes.add(repr(document.data))
                check_places(document.data, document.find_places())
    assert len(outcomes) <= 1
    assert None not in lines


def check_places(data: PlainData, place: Place) -> None:
    """Every part of the data has a place of its own, and there are no others."""
    inner: list[tuple[PlainData, Place]] = []
    if isinstance(data, dict):
        assert isinstance(place.inside, dict)
        assert list(place.inside) == list(data)
        inner = [(data[key], place.inside[key]) for key in data]
    elif isinstance(data, list):
        assert isinstance(place.inside, list)
        inner = list(zip(data, place.inside, strict=True))
    else:
        assert place.inside is None
    for part, its_place in inner:
        check_places(part, its_place)


@pytest.mark.parametrize(("text", "data"), READ)
def test_places(parser: str, text: str, data: PlainData) -> None:
    """Lines are found by going through the text once more, which comes upon the same data."""
    check_places(data, read_yaml(text).find_places())


def test_lines_of_anchors_and_aliases(parser: str) -> None:
    """An aliased value begins where the alias is, its parts where they were written; keys may be aliases."""
    document = read_yaml("a: &x k\nb: &y\n  *x : [1,\n    2]\nc: *y\nd: [*y]\n*x : &x q\n*x : 3\n")
    paths = {("b", "k"): 3, ("b", "k", 1): 4, ("c",): 5, ("c", "k", 1): 4, ("d", 0): 6, ("k",): 7, ("q",): 8}
    assert {path: document.line(path) for path in paths} == paths


def test_lines_are_of_the_text(parser: str) -> None:
    """Whoever changes the data that was read gets the lines of the text nevertheless."""
    document = read_yaml("a: 1\nb: [2,\n 3]\n")
    assert isinstance(document.data, dict)
    document.data.clear()
    assert document.line(("b", 1)) == 3


def test_what_is_printable_is_readable() -> None:
    """No character that Python calls printable is one that YAML has not, as `read_yaml` takes for granted."""
    unreadable = _UNREADABLE.findall("".join(map(chr, range(0x110000))))
    assert len(unreadable) == 29 + 33 + 0x800 + 2 + 3
    assert not any(map(str.isprintable, unreadable))
