"""The check that every number of a configuration goes through."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.initializers.arguments import float_argument


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 0.5),
        (3, 3.0),
        (2**60, 2.0**60),
        (np.float32(0.5), 0.5),
        (np.float64(0.5), 0.5),
        (np.int8(-3), -3.0),
        (np.array(0.5), 0.5),
        (ml_dtypes.bfloat16(0.75), 0.75),
        (Fraction(1, 4), 0.25),
        (Decimal("0.125"), 0.125),
    ],
    ids=repr,
)
def test_numbers(value: Any, expected: float) -> None:
    """Every real number becomes Python's float of equal value."""
    result = float_argument(value, "gain")
    assert result == expected
    assert type(result) is float


def test_minus_zero_is_zero() -> None:
    """Minus zero equals zero, so both must configure the same bits."""
    assert math.copysign(1, float_argument(-0.0, "mean")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "0.5",
        b"1",
        None,
        True,
        np.False_,
        1j,
        [0.5],
        (0.5,),
        np.array([0.5]),
        np.zeros((1, 1)),
        {},
        object(),
        np.complex64(1),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_no_numbers(wrong: Any) -> None:
    """What is no single real number is a TypeError that names the argument."""
    with pytest.raises(
        ArgumentTypeError, match=r"`gain` must be a real number. Received: gain=.*Allowed: .*gain=0.02"
    ):
        float_argument(wrong, "gain")


@pytest.mark.parametrize(
    "wrong", [math.nan, math.inf, -math.inf, np.float32(np.nan), Decimal("inf")], ids=repr
)
def test_numbers_that_are_not_finite(wrong: Any) -> None:
    """NaN and infinities configure nothing."""
    with pytest.raises(
        ArgumentError, match=r"`gain` is out of range. Received: gain=.*Allowed: finite numbers\."
    ):
        float_argument(wrong, "gain")


@pytest.mark.parametrize(
    ("value", "bounds", "allowed"),
    [
        (-0.1, {"low": 0.0}, r"finite numbers from 0.0 up"),
        (1.1, {"low": 0.0, "high": 1.0}, r"finite numbers from 0.0 to 1.0"),
        (-5, {"high": 1.0, "low": -4}, r"finite numbers from -4 to 1.0"),
    ],
)
def test_bounds(value: float, bounds: dict[str, float], allowed: str) -> None:
    """A number beyond a bound is refused with the bounds; the bounds themselves are allowed."""
    with pytest.raises(ArgumentError, match=rf"Received: gain={value}. Allowed: {allowed}"):
        float_argument(value, "gain", **bounds)
    for bound in bounds.values():
        assert float_argument(bound, "gain", **bounds) == bound


@pytest.mark.parametrize("value", [10**400, Fraction(10**400, 3)], ids=["integer", "fraction"])
def test_numbers_beyond_float64(value: Any) -> None:
    """A number that no float64 can hold is out of range, not a crash."""
    with pytest.raises(
        ArgumentError, match=r"`gain` is out of range. Received: a number beyond 1.8e308. Allowed"
    ):
        float_argument(value, "gain")
