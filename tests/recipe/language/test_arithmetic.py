"""Operators and functions of expressions, each result and each refusal."""

import math
import operator
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from initkit.errors import ArgumentError
from initkit.recipe.language.arithmetic import Number, apply

integers = st.integers(-(10**6), 10**6)
floats = st.floats(allow_nan=False, allow_infinity=False)

RESULTS: list[tuple[str, list[Number], Number]] = [
    ("*", [12, 64], 768),
    ("/", [12, 4], 3.0),
    ("//", [-7, 2], -4),
    ("%", [-7, 2], 1),
    ("negate", [0.0], -0.0),
    ("**", [2, 10], 1024),
    ("**", [2, 0], 1),
    ("**", [0, 0], 1),
    ("**", [0.0, 0], 1.0),
    ("**", [-2, 3], -8),
    ("**", [2, -1], 0.5),
    ("**", [10, -2], 0.01),
    ("**", [-2, -3], -0.125),
    ("**", [2, 3.0], 8.0),
    ("**", [-1, 1024], 1),
    ("**", [-1.5, 2.0], 2.25),
    ("**", [4, 0.5], 2.0),
    ("**", [4, -0.5], 0.5),
    ("**", [0, 0.3], 0.0),
    ("**", [math.inf, 2], math.inf),
    ("**", [-math.inf, 3], -math.inf),
    ("**", [math.inf, -1], 0.0),
    ("**", [math.inf, 0.3], math.inf),
    ("**", [math.inf, -0.3], 0.0),
    ("**", [1e-300, 2], 0.0),
    ("**", [2, 511], 2**511),
    ("sqrt", [9], 3.0),
    ("sqrt", [0.0], 0.0),
    ("sqrt", [math.inf], math.inf),
    ("log", [1], 0.0),
    ("log", [math.inf], math.inf),
    ("exp", [0], 1.0),
    ("exp", [-math.inf], 0.0),
    ("exp", [math.inf], math.inf),
    ("exp", [-1000], 0.0),
    ("abs", [-3], 3),
    ("abs", [-3.5], 3.5),
    ("floor", [-1.5], -2),
    ("floor", [7], 7),
    ("ceil", [-1.5], -1),
    ("ceil", [1e20], 10**20),
    ("min", [3, 2.0, 5], 2.0),
    ("max", [3, 2.0], 3),
    ("max", [-math.inf, 2], 2),
    ("+", [math.inf, 1], math.inf),
    ("/", [1, math.inf], 0.0),
]

REFUSALS: list[tuple[str, list[Number], str]] = [
    ("/", [1, 0], "Division by zero"),
    ("/", [1.0, 0.0], "Division by zero"),
    ("//", [1, 0], "Division by zero"),
    ("%", [1, 0], "Division by zero"),
    ("//", [7.0, 2], r"// takes integers. Received: 7.0"),
    ("%", [7, 2.5], r"% takes integers. Received: 2.5"),
    ("**", [0, -1], "Division by zero"),
    ("**", [0.0, -0.5], "Division by zero"),
    ("**", [0, -0.5], "Division by zero"),
    ("**", [-8, 1 / 3], r"A negative number has no power .* Received: -8. Allowed: whole exponents"),
    ("**", [-2, 0.5], "A negative number has no power"),
    ("**", [2, math.inf], "exponent is infinite"),
    ("**", [2, 1025], r"exponent is too large. Received: 1025. Allowed: -1024 to 1024"),
    ("**", [2.0, -1025.0], "exponent is too large"),
    ("**", [2, 512], "too large"),
    ("**", [2**500, 1024], "too large"),
    (
        "**",
        [10.0, 309],
        r"The result is too large. Allowed: floats up to 1.8e308, integers of up to 512 bits",
    ),
    ("**", [10.0, 308.5], "too large"),
    ("**", [5e-324, -1], "too large"),
    ("*", [2**300, 2**300], "too large"),
    ("+", [1.7e308, 1.7e308], "too large"),
    ("*", [-1e200, 1e200], "too large"),
    ("-", [math.inf, math.inf], "not a number"),
    ("*", [0, math.inf], "not a number"),
    ("sqrt", [-1], r"A negative number has no square root. Received: -1"),
    ("log", [0], "logarithm needs a positive number"),
    ("log", [-1.5], "logarithm needs a positive number"),
    ("exp", [710], "too large"),
    ("floor", [math.inf], "too large"),
    ("floor", [1e200], "too large"),
]


@pytest.mark.parametrize(("name", "arguments", "value"), RESULTS)
def test_result(name: str, arguments: list[Number], value: Number) -> None:
    """Each operation gives the value and the type that it should."""
    assert repr(apply(name, arguments)) == repr(value)


@pytest.mark.parametrize(("name", "arguments", "message"), REFUSALS)
def test_refusal(name: str, arguments: list[Number], message: str) -> None:
    """What has no value says so, instead of giving NaN, infinity, a complex number or a huge integer."""
    with pytest.raises(ArgumentError, match=message):
        apply(name, arguments)


@given(integers | floats, integers | floats)
def test_what_python_rounds_correctly_too(left: Number, right: Number) -> None:
    """Sums, differences, products and quotients are Python's own, bit for bit."""
    for name, truth in {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
    }.items():
        try:
            expected = truth(left, right)
        except ArithmeticError:
            expected = math.inf
        if math.isinf(expected):
            with pytest.raises(ArgumentError):
                apply(name, [left, right])
        else:
            assert repr(apply(name, [left, right])) == repr(expected)


@given(integers, integers.filter(bool))
def test_integer_division(left: int, right: int) -> None:
    """Quotient and remainder are integers that fit together, the remainder with the sign of the divisor."""
    quotient, remainder = apply("//", [left, right]), apply("%", [left, right])
    assert type(quotient) is type(remainder) is int
    assert quotient * right + remainder == left
    assert 0 <= remainder * (1 if right > 0 else -1) < abs(right)


@given(floats.filter(bool), st.integers(-40, 40))
@example(1.0000000000000002, 1024)
@example(0.9999999999999999, -1024)
def test_whole_powers_are_rounded_once(base: float, exponent: int) -> None:
    """A whole power is the float nearest to the exact power, which `pow` is not on every machine."""
    exact = Fraction(base) ** exponent
    try:
        nearest = float(exact)
    except OverflowError:
        with pytest.raises(ArgumentError, match="too large"):
            apply("**", [base, exponent])
    else:
        assert apply("**", [base, exponent]) == nearest
        assert apply("**", [base, float(exponent)]) == nearest


@given(st.floats(1e-9, 1e9), st.floats(-15, 15))
@example(768, -0.5)
@example(2.0, 0.3)
def test_other_powers(base: float, exponent: float) -> None:
    """Other powers agree with the platform's within the error of a product of rounded factors."""
    assert apply("**", [base, exponent]) == pytest.approx(base**exponent, rel=1e-13, abs=0)


@given(st.floats(-700, 700))
def test_exp_and_log(value: float) -> None:
    """The exponential and the logarithm agree with the platform's to the last bits, and invert each other."""
    assert apply("exp", [value]) == pytest.approx(math.exp(value), rel=1e-15, abs=0)
    assert apply("log", [math.exp(value)]) == pytest.approx(math.log(math.exp(value)), rel=1e-15, abs=1e-300)
