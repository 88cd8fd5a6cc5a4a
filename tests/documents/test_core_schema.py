"""Unquoted scalars against the tables of the YAML 1.2 core schema."""

import math

import pytest

from initkit.documents.core_schema import resolve_plain

# Section 10.3.2 of YAML 1.2.2: its table of regular expressions, and its example 10.9.
NULLS = ["null", "Null", "NULL", "~", ""]
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGERS = {"0": 0, "0o7": 7, "0x3A": 58, "-19": -19, "+12": 12, "012": 12, "-0": 0, "0o17": 15, "0xfF": 255}
FLOATS = {
    "0.": 0.0,
    "-0.0": -0.0,
    ".5": 0.5,
    "+12e03": 12000.0,
    "-2E+05": -200000.0,
    "1e-3": 0.001,
    "1e-05": 1e-05,
    "1.5e300": 1.5e300,
    "1e3": 1000.0,
    ".inf": math.inf,
    "-.Inf": -math.inf,
    "+.INF": math.inf,
    "1e999": math.inf,
    "-1e999": -math.inf,
    "01.50": 1.5,
}
# Each is something else in YAML 1.1 or in Python, or nearly something else in YAML 1.2.
STRINGS = """
    yes no on off y n Yes NO On OFF
    1_000 0b101 0o8 0xG 1:30 190:20:30.15 0X1F 0O7 -0x1F +0o7
    2001-12-14 2001-12-14T21:59:43Z
    nULL tRUE inf nan -inf .iNF +.nan -.NaN Infinity NaN none None
    1e 1e+ .e3 . +. - + 1.2.3 e3 1e3.0 1f 1j ١٢
    << = ~~ *.ln_*.weight h.{0..11} 1- 1+1
"""


@pytest.mark.parametrize("text", NULLS)
def test_null(text: str) -> None:
    """Five spellings are None."""
    assert resolve_plain(text) is None


@pytest.mark.parametrize(("text", "value"), [*BOOLEANS.items(), *INTEGERS.items(), *FLOATS.items()])
def test_bool_int_float(text: str, value: bool | int | float) -> None:
    """Booleans, integers and floats have the type and the value that the specification gives."""
    assert repr(resolve_plain(text)) == repr(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_nan(text: str) -> None:
    """Three spellings are not a number."""
    value = resolve_plain(text)
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize("text", [*STRINGS.split(), "true ", " 1", "1\n", "null\n"])
def test_string(text: str) -> None:
    """All else is a string, whatever YAML 1.1 made of it."""
    assert resolve_plain(text) == text


@pytest.mark.parametrize("text", ["1e309", "-1e998", "1e9999", "9" * 400 + ".0"])
def test_float_too_large(text: str) -> None:
    """A number that is not written as infinity does not become infinity."""
    with pytest.raises(OverflowError):
        resolve_plain(text)


def test_integer_too_long() -> None:
    """An integer that Python does not convert is an error; hexadecimal ones have no such bound."""
    with pytest.raises(ValueError, match="4300 digits"):
        resolve_plain("1" * 4301)
    assert resolve_plain("0x" + "f" * 5000) == 16**5000 - 1
