"""Expressions: what they mean, how they are written back, and what is none."""

import math
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from initkit.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.expression import RESERVED_NAMES, parse_expression

NAMES: dict[str, Number] = {"n_layer": 12, "d": 768, "x": 0.5, "_y2": -3, "layer": 0}

# (text, value, canonical text)
MEANINGS: list[tuple[str, Number, str]] = [
    ("12", 12, "12"),
    (" 012 ", 12, "12"),
    ("1e-3", 0.001, "0.001"),
    ("1.", 1.0, "1.0"),
    (".5E+2", 50.0, "50.0"),
    ("1e-05", 1e-05, "1e-05"),
    ("1e22", 1e22, "1e+22"),
    ("0.02 / sqrt(2 * n_layer)", 0.02 / math.sqrt(24), "0.02 / sqrt(2 * n_layer)"),
    ("3*d", 2304, "3 * d"),
    ("n_layer-1", 11, "n_layer - 1"),
    ("1 + 2 * 3", 7, "1 + 2 * 3"),
    ("(1 + 2) * 3", 9, "(1 + 2) * 3"),
    ("(1 * 2) + ((3))", 5, "1 * 2 + 3"),
    ("8 - 4 - 2", 2, "8 - 4 - 2"),
    ("8 - (4 - 2)", 6, "8 - (4 - 2)"),
    ("64 / 4 / 2", 8.0, "64 / 4 / 2"),
    ("64 / (4 / 2)", 32.0, "64 / (4 / 2)"),
    ("7 // 2 * 2", 6, "7 // 2 * 2"),
    ("7 % 4 // 2", 1, "7 % 4 // 2"),
    ("-2 ** 2", -4, "-2 ** 2"),
    ("(-2) ** 2", 4, "(-2) ** 2"),
    ("2 ** -1", 0.5, "2 ** -1"),
    ("2 ** 3 ** 2", 512, "2 ** 3 ** 2"),
    ("(2 ** 3) ** 2", 64, "(2 ** 3) ** 2"),
    ("2 ** -1 ** 2", 0.5, "2 ** -1 ** 2"),
    ("2 ** -x * 2", 2**0.5, "2 ** -x * 2"),
    ("- -3", 3, "--3"),
    ("-(1 + 2)", -3, "-(1 + 2)"),
    ("-(2 * 3)", -6, "-(2 * 3)"),
    ("-2 * 3", -6, "-2 * 3"),
    ("2*-3", -6, "2 * -3"),
    ("2--3", 5, "2 - -3"),
    ("abs(-3)**2", 9, "abs(-3) ** 2"),
    ("max(1, 2, min(9, x))", 2, "max(1, 2, min(9, x))"),
    ("max( (1), -2 )", 1, "max(1, -2)"),
    ("floor (7 / 2) + ceil(0.5)", 4, "floor(7 / 2) + ceil(0.5)"),
    ("sqrt(d)\n\t* 2", math.sqrt(768) * 2, "sqrt(d) * 2"),
    ("-inf", -math.inf, "-inf"),
    ("2 * pi", 2 * math.pi, "2 * pi"),
    ("_y2", -3, "_y2"),
    ("d ** -0.5", 1 / math.sqrt(768), "d ** -0.5"),
    ("exp(log(2))", 2.0, "exp(log(2))"),
    ("5 ** 0.5 - x / 3 + layer", 5**0.5 - 0.5 / 3, "5 ** 0.5 - x / 3 + layer"),
]

# (text, words of the message, column of the caret)
MALFORMED = [
    ("", "opening parenthesis is missing at the end", 1),
    ("   ", "is missing at the end", 4),
    ("1 +", "A number, a name or an opening parenthesis is missing at the end", 4),
    ("* 2", r"is missing before '\*'", 1),
    ("+1", r"is missing before '\+'", 1),
    ("1 + + 2", r"is missing before '\+'", 5),
    ("1 * / 2", "is missing before '/'", 5),
    ("()", r"is missing before '\)'", 2),
    ("(1 + )", r"is missing before '\)'", 6),
    ("sqrt()", r"is missing before '\)'", 6),
    ("max(1,)", r"is missing before '\)'", 7),
    ("max(,1)", "is missing before ','", 5),
    ("(1", r"A parenthesis is not closed. Add a '\)'", 1),
    ("2 * (1 + (3)", "A parenthesis is not closed", 5),
    ("sqrt(2", "A parenthesis is not closed", 1),
    ("1)", r"no function or parenthesis for this '\)'. Remove it", 2),
    ("(1))", r"for this '\)'", 4),
    ("1, 2", "for this ','", 2),
    ("(1, 2)", "for this ','", 3),
    ("sqrt(1, (2, 3))", "for this ','", 11),
    ("1 2", "An operator is missing before '2'", 3),
    ("2 d", "An operator is missing before 'd'", 3),
    ("2(3)", r"An operator is missing before '\('", 2),
    ("(2)(3)", r"An operator is missing before '\('", 4),
    ("2 sqrt(3)", "An operator is missing before 'sqrt'", 3),
    ("d d", "An operator is missing before 'd'", 3),
    ("sqrt", r"The function sqrt has no argument. Write sqrt\(…\)", 1),
    ("2 * max", "The function max has no argument", 5),
    ("sqrt(1, 2)", r"sqrt has 2 argument\(s\). Allowed: 1", 1),
    ("1 + min(3)", r"min has 1 argument\(s\). Allowed: 2 or more", 5),
    ("2n", "The number '2n' is not part of the language", 1),
    ("1_000", "The number '1_000' is not part of the language", 1),
    ("0x10", "number '0x10'", 1),
    ("1 + 1e", "number '1e'", 5),
    ("1e5.0", "number '1e5.0'", 1),
    ("1.2.3", "number '1.2.3'", 1),
    ("3j", "number '3j'", 1),
    (".", r"character '\.'", 1),
    ("d.n", r"character '.n'|number '.n'", 2),
    ("2 ^ 3", r"character '\^' is not part of the language. Powers are written with \*\*", 3),
    ("a == b", "character '='", 3),
    ("a < b", "character '<'", 3),
    ("a ? b", "character '?'", 3),
    ("[1]", r"character '\['", 1),
    ("'1'", 'character "\'"', 1),
    ("a; b", "character ';'", 2),
    ("a := 1", "character ':'", 3),
    ("λ", "character 'λ'", 1),
    ("\uff11", "character '\uff11'", 1),
    ("2 × 3", "character '×'", 3),
    ("a\x00", r"character '\\x00'", 2),
    ("lambda x", "An operator is missing before 'x'", 8),
    ("1e309", "The number is too large. Allowed: floats up to 1.8e308", 1),
    ("1" + "0" * 158, "The number is too large", 1),
    ("1" * 161, "The expression is too long. Allowed: 200 numbers", 1),
    ("1" + "+1" * 100, "The expression is too long", 201),
]


@pytest.mark.parametrize(("text", "value", "canonical"), MEANINGS, ids=[row[0] for row in MEANINGS])
def test_meaning(text: str, value: Number, canonical: str) -> None:
    """Each expression has Python's value and type, and its canonical text reads as the same expression."""
    expression = parse_expression(text)
    result = expression.evaluate(NAMES)
    assert type(result) is type(value)
    assert result == pytest.approx(value, rel=1e-15)
    assert str(expression) == canonical
    again = parse_expression(canonical)
    assert again == expression
    assert hash(again) == hash(expression)


@pytest.mark.parametrize(("text", "message", "column"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed(text: str, message: str, column: int) -> None:
    """Each text that is no expression is refused, with a caret below the place."""
    with pytest.raises(ArgumentError, match=message.replace("?", r"\?")) as caught:
        parse_expression(text)
    assert str(caught.value).endswith(f"^ column {column}")


def test_too_long_text() -> None:
    """Spaces, too, are bounded; the bounds themselves are allowed."""
    assert parse_expression(" " * 65535 + "1").evaluate({}) == 1
    assert parse_expression("n" * 160).evaluate({"n" * 160: 1}) == 1
    with pytest.raises(ArgumentError, match=r"too long: 65537 characters. Allowed: 65536"):
        parse_expression(" " * 65536 + "1")


@pytest.mark.parametrize("text", [1, None, b"1", ["1"]], ids=repr)
def test_not_text(text: object) -> None:
    """Numbers and bytes are not expressions."""
    with pytest.raises(ArgumentTypeError, match=r"An expression must be text. Received: .* Allowed: str"):
        parse_expression(text)  # type: ignore[arg-type]  # the wrong type is what is tested


def test_unknown_name() -> None:
    """An unknown name is shown in its place, with all known names and the nearest."""
    expression = parse_expression("0.02 / sqrt(2 * n_layr)")
    with pytest.raises(UnknownNameError) as caught:
        expression.evaluate({"n_layer": 12, "d": 768})
    assert str(caught.value) == (
        "The name 'n_layr' is not known here. Variables and captures: d, n_layer. Did you mean 'n_layer'?\n"
        "    0.02 / sqrt(2 * n_layr)\n"
        "                    ^ column 17"
    )
    assert (caught.value.name, caught.value.suggestions) == ("n_layr", ("n_layer",))
    with pytest.raises(UnknownNameError, match="Variables and captures: none"):
        expression.evaluate({})


def test_unknown_function() -> None:
    """An unknown function is refused when the text is read, with all functions and the nearest."""
    with pytest.raises(
        UnknownNameError, match=r"no function 'sqr'. Allowed: sqrt, log, .*Did you mean 'sqrt'"
    ) as caught:
        parse_expression("2 * sqr(2)")
    assert caught.value.suggestions[0] == "sqrt"
    with pytest.raises(UnknownNameError, match="no function '__import__'"):
        parse_expression("__import__('os')")


@pytest.mark.parametrize("value", ["attn", True, None, float("nan"), [1]])
def test_name_that_is_no_number(value: object) -> None:
    """A capture may be text; using it in arithmetic is an error that shows it."""
    with pytest.raises(
        ArgumentError, match=r"'block' is not a number. Received: .* Allowed: int and float"
    ) as caught:
        parse_expression("2 * block").evaluate({"block": value})  # type: ignore[dict-item]  # as above
    assert str(caught.value).endswith("    2 * block\n        ^ column 5")


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("1 + 2 / layer", "Division by zero", 7),
        ("sqrt(layer - 1)", "has no square root", 1),
        ("2 + log(layer)", "positive number", 5),
        ("d ** d ** d", "result is too large", 8),
        ("9 ** 9 ** 9", "exponent is too large", 3),
        ("(10 ** 150) ** 2", "result is too large", 13),
        ("inf - inf", "not a number", 5),
        ("x // 2", "takes integers", 3),
        ("-(1e300 * 1e300)", "result is too large", 9),
    ],
)
def test_no_value(text: str, message: str, column: int) -> None:
    """What cannot be computed points at the operation that failed."""
    with pytest.raises(ArgumentError, match=message) as caught:
        parse_expression(text).evaluate(NAMES)
    assert str(caught.value).endswith(f"^ column {column}")


def test_excerpt_of_a_long_expression() -> None:
    """A long expression is shown in part, on one line, and the caret still points at the place."""
    with pytest.raises(ArgumentError) as caught:
        parse_expression("1 +\n" * 100 + "?" + " + 1" * 50)
    _, excerpt, caret = str(caught.value).split("\n")
    assert excerpt[caret.index("^")] == "?"
    assert len(excerpt) < 100
    assert caret.endswith("^ column 401")


def test_names() -> None:
    """An expression knows which names it needs; constants and functions are not among them."""
    expression = parse_expression("max(d, x) * pi + d - inf")
    assert expression.names == {"d", "x"}
    assert {"pi", "inf", "sqrt", "max"} < RESERVED_NAMES


def test_equality_hash_repr_pickle() -> None:
    """Expressions are values: equal by meaning of their text, hashable, and shown as what makes them."""
    one, same, other = (
        parse_expression("1+d*2"),
        parse_expression("1 + (d * 2)"),
        parse_expression("1 + d * 2.0"),
    )
    assert one == same
    assert len({one, same, other}) == 2
    assert repr(one) == "parse_expression('1 + d * 2')"
    assert pickle.loads(pickle.dumps(one)).evaluate({"d": 3}) == 7


def test_long_chains_need_no_stack() -> None:
    """Parentheses, signs and powers as deep as the bound on length allows do not recurse."""
    for text in ("(" * 99 + "1" + ")" * 99, "-" * 198 + "1", "1" + "**1" * 99, "abs(" * 66 + "1" + ")" * 66):
        expression = parse_expression(text)
        assert expression.evaluate({}) == 1
        assert parse_expression(str(expression)) == expression


leaves = (
    st.integers(0, 1000).map(str)
    | st.floats(0, 1e6).map(repr)
    | st.sampled_from(["d", "x", "_y2", "layer", "pi", "inf"])
)
texts = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", " - "]), inner).map("".join)
        | inner.map("({})".format)
        | inner.map("-{}".format)
        | st.tuples(inner, st.sampled_from(["**2", " ** 0", "**-1"])).map("".join)
        | st.tuples(st.sampled_from(["abs", "sqrt", "floor", "ceil"]), inner).map("{0[0]}({0[1]})".format)
        | st.tuples(st.sampled_from(["min", "max"]), inner, inner).map("{0[0]}({0[1]}, {0[2]})".format)
    ),
    max_leaves=12,
)
PYTHON = {"sqrt": math.sqrt, "floor": math.floor, "ceil": math.ceil, "pi": math.pi, "inf": math.inf, **NAMES}


@given(texts)
@example("-d**2*-x")
@example("7//2-7%2**2")
def test_agrees_with_python(text: str) -> None:
    """Random expressions have Python's value, or none; and their canonical text has the same."""
    expression = parse_expression(text)
    assert parse_expression(expression.text) == expression
    try:
        value = expression.evaluate(NAMES)
    except ArgumentError:
        return
    expected = eval(text, {}, PYTHON)
    assert type(value) is type(expected)
    assert value == pytest.approx(expected, rel=1e-12)
    assert repr(parse_expression(expression.text).evaluate(NAMES)) == repr(value)


@given(texts)
def test_refuses_only_what_python_cannot_represent(text: str) -> None:
    """What has no value here has none in Python, or one that is infinite, complex, huge or of `//`."""
    try:
        parse_expression(text).evaluate(NAMES)
    except ArgumentError as error:
        reason = str(error)
    else:
        return
    if "takes integers" in reason:
        return
    try:
        value = eval(text, {}, PYTHON)
    except (ArithmeticError, ValueError):
        return
    assert any(part in reason for part in ("too large", "not a number", "no power")), (value, reason)


@given(st.text(alphabet="0123456789.eE+-*/%(),_abcdxsqrtmin \n^$", max_size=40))
def test_any_text_parses_or_teaches(text: str) -> None:
    """No text brings anything but an expression or an error with a caret."""
    try:
        expression = parse_expression(text)
    except ArgumentError as error:
        message = str(error)
    else:
        message = "^ column" if parse_expression(expression.text) == expression else ""
    assert "^ column" in message
