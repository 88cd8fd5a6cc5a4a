"""What is written reads back as the same data, and looks as a person would have written it."""

import json
import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from initkit.documents import PlainData, json_text, read_json, read_yaml, write_inline, write_json, write_yaml
from initkit.errors import ArgumentError, ArgumentTypeError

# Strings that are something else without quotes, in one version of YAML or the other.
WORDS = r"""
    y n yes no on off true True null ~ Null NULL FALSE 0 1 -1 +1 012 0o17 0x1F 0b1 1_000 1e3 1e-5 .5 1. .inf
    .nan -.inf nan inf 1:30 2001-12-14 << = - ? : , [ ] { } # & * ! | > ' " % @ ` --- ... ...x -x -- ?x a:
    :a a#b #a !a &a *a a,b [a] {a} a] a} %a @a `a |a >a 'a "a a' a" \ \n (a) /a/ a/b ~a ^a $a <a =a ;a C:\x
    h.{0..11}.x *.ln_*.weight é 日本語 😀 ١٢ 12e03 1e+5 0o8 1_0:0 mylab>Tent
"""
TRAPS = [
    *WORDS.split(),
    *(
        "",
        " ",
        " a",
        "a ",
        "a b",
        "a  b",
        "a\tb",
        "\t",
        "\n",
        "a\nb",
        "a\n",
        "\na",
        "a\r\nb",
        "a: b",
        "a #b",
        "- a",
    ),
    *("a -b", "--- a", "... a", "1 2", "2001-12-14 21:59:43", "0.02 / sqrt(2 * n_layer)", "\x00\x07\x1b\x7f"),
    *(
        "\x85\xa0\u2028\u2029\ufeff",
        "\U0010ffff",
        "\ufffe\uffff",
        "\ue000",
        "a" * 1023,
        "k" * 5000,
        "é\n" * 600,
    ),
]

plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(TRAPS),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(TRAPS), inner),
    max_leaves=30,
)


@given(plain_data)
@example({trap: trap for trap in TRAPS})
@example([TRAPS, {"a": {trap: [trap] for trap in TRAPS}}])
@example([[[[[1, 2]]]], {"a": {"b": {"c": {"d": {}}}}}, [], {}])
@example([1e-05, 1e16, -0.0, 5e-324, 1.7976931348623157e308, 0.1, math.inf, -math.inf, math.nan, 2**70])
def test_round_trip(data: PlainData) -> None:
    """Reading what was written gives the same data and types, through YAML and through JSON."""
    assert repr(read_yaml(write_yaml(data)).data) == repr(data)
    assert repr(read_json(write_json(data)).data) == repr(data)


@given(plain_data)
@example({trap: trap for trap in TRAPS})
@example([[trap, {trap: trap}] for trap in TRAPS])
@example([1e-05, 1e16, -0.0, 5e-324, 0.1, math.inf, -math.inf, math.nan])
def test_other_readers_agree(data: PlainData) -> None:
    """PyYAML, which follows YAML 1.1, and Python's `json` read the same."""
    assert repr(yaml.safe_load(write_yaml(data))) == repr(data)
    assert repr(json.loads(write_json(data))) == repr(data)


def _refuse(word: str) -> None:
    raise AssertionError(word)


@given(plain_data)
@example([math.inf, -math.inf, {"Infinity": "-Infinity"}, '"Infinity', "\\", "Infinity"])
def test_json_is_that_of_the_standard(data: PlainData) -> None:
    """No word stands where RFC 8259 has none, but for NaN, and strings are as they were."""
    text = write_json(data)
    assert repr(
        json.loads(text, parse_constant=lambda word: _refuse(word) if word != "NaN" else math.nan)
    ) == repr(data)


def test_infinities_in_json() -> None:
    """They are numbers, which every reader of doubles takes for infinite."""
    assert write_json([math.inf, -math.inf, "Infinity"]) == '[1e999, -1e999, "Infinity"]'
    assert json_text({"a": [math.inf, math.nan]}, compact=True) == '{"a":[1e999,NaN]}'


@given(plain_data)
@example({"a" * 2000: ["b" * 2000, {"c" * 2000: 1}]})
def test_the_python_parser_agrees(data: PlainData) -> None:
    """What is written does not depend on the C parser to be read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CSafeLoader", raising=False)
        assert repr(read_yaml(write_yaml(data)).data) == repr(data)


def test_a_recipe_looks_written_by_a_person() -> None:
    """Short lists and mappings stand inline, long and deep ones on lines of their own, few things quoted."""
    recipe: PlainData = {
        "initkit": 1,
        "seed": 42,
        "dtype": "bfloat16",
        "variables": {"n_layer": 12, "d": 768},
        "tensors": {
            "wte.weight": [50257, "d"],
            "h.{0..11}.ln_1.weight": ["d"],
            "lm_head.weight": {"tie": "wte.weight"},
        },
        "rules": [
            {"match": "*.ln_*.weight", "init": "ones"},
            {"match": "*", "init": {"random_normal": {"stddev": "0.02 / sqrt(2 * n_layer)"}}},
            [[1, [2, [3]]]],
            "mylab>Tent",
        ],
        "long": ["abcdefghij"] * 8,
        "none": None,
        "empty": [{}, []],
        "tiny": 1e-05,
    }
    assert write_yaml(recipe) == (
        "initkit: 1\n"
        "seed: 42\n"
        "dtype: bfloat16\n"
        "variables: {n_layer: 12, d: 768}\n"
        "tensors:\n"
        "  wte.weight: [50257, d]\n"
        '  "h.{0..11}.ln_1.weight": [d]\n'
        "  lm_head.weight: {tie: wte.weight}\n"
        "rules:\n"
        '  - {match: "*.ln_*.weight", init: ones}\n'
        '  - match: "*"\n'
        "    init: {random_normal: {stddev: 0.02 / sqrt(2 * n_layer)}}\n"
        "  - - - 1\n"
        "      - [2, [3]]\n"
        "  - mylab>Tent\n"
        "long:\n" + "  - abcdefghij\n" * 8 + "none: null\n"
        "empty: [{}, []]\n"
        "tiny: 1.0e-05\n"
    )


def test_lines_are_filled_up_to_80_columns() -> None:
    """What ends in column 80 stands inline, what would end in column 81 does not."""
    assert write_yaml({"abc": ["x" * 73]}) == f"abc: [{'x' * 73}]\n"
    assert write_yaml({"abc": ["x" * 74]}) == f"abc:\n  - {'x' * 74}\n"
    assert write_yaml([[[["x" * 72]]]]) == f"- - [[{'x' * 72}]]\n"
    assert write_yaml([[[["x" * 73]]]]) == f"- - - - {'x' * 73}\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "{}\n"),
        ([], "[]\n"),
        (None, "null\n"),
        ("no", '"no"\n'),
        (True, "true\n"),
        (["étude"], "- étude\n"),
    ],
)
def test_small_documents(data: PlainData, text: str) -> None:
    """A document may be a single value; letters of any script stay as they are."""
    assert write_yaml(data) == text


def test_json_is_one_line() -> None:
    """JSON keeps the order of keys and letters of any script, on one line."""
    assert write_json({"b": [1, 2.0, None], "a": "é"}) == '{"b": [1, 2.0, null], "a": "é"}'


class Whole(int):
    """An int that is more than an int."""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((1, 2), r"a tuple is not plain data. Received: \(1, 2\). Allowed: dict, list, str"),
        ([{1}], "a set is not plain data"),
        ({"a": b"x"}, "a bytes is not plain data"),
        ({"a": [1j]}, "a complex is not plain data"),
        ([Whole(3)], "a Whole is not plain data"),
        ({1: 2}, "a key has the wrong type. Received: 1, a int. Allowed: str"),
        ([{None: 2}], "a key has the wrong type. Received: None"),
    ],
)
@pytest.mark.parametrize("write", [write_yaml, write_json])
def test_other_types_are_refused(write: object, data: object, message: str) -> None:
    """What would come back as another type, or not at all, is refused."""
    assert callable(write)
    with pytest.raises(ArgumentTypeError, match=message):
        write(data)


@pytest.mark.parametrize("write", [write_yaml, write_json])
def test_what_could_not_be_read_again_is_refused(write: object) -> None:
    """Too deep, too many, too long, endless and unencodable data are errors before any text is made."""
    assert callable(write)
    deep: PlainData = 1
    for _ in range(100):
        deep = [deep]
    assert read_yaml(write_yaml(deep)).data == deep
    endless: list[PlainData] = []
    endless.append(endless)
    wide: PlainData = [1]
    for _ in range(30):
        wide = [wide, wide]
    for data, message in [
        ([deep], "nested too deeply. At most 100"),
        (endless, "nested too deeply"),
        (wide, "too many values. At most 2,000,000"),
        (["\ud800"], r"lone surrogate U\+D800"),
        ({"\udfff": 1}, r"lone surrogate U\+DFFF"),
        ("x" * (1 << 25), "too long: 33,554,43"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            write(data)


def test_width_and_depth_of_what_is_inline() -> None:
    """Wider lines and more levels inline, where the caller wants them."""
    data: PlainData = [{"match": "*", "init": {"scale": {"initializer": {"zeros": {}}, "factor": [1, 2]}}}]
    assert write_yaml(data, inline_depth=8).count("\n") == 1
    assert write_yaml(data, inline_depth=8, width=40).count("\n") > 1
    assert read_yaml(write_yaml(data, inline_depth=8, width=40)).data == data


@pytest.mark.parametrize("data", [{"a b": [1, {"c": None}]}, [], "*.bias", -0.0, {"x": ["y" * 2000]}])
def test_inline_text_is_one_line(data: PlainData) -> None:
    """However long it is, and it can be read again; what is no plain data is refused."""
    text = write_inline(data)
    assert "\n" not in text
    assert repr(read_yaml(text).data) == repr(data)
    with pytest.raises(ArgumentTypeError):
        write_inline([data, object()])  # type: ignore[list-item]  # that is the point
