"""The checks that every number, name and axis of a configuration goes through."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.initializers.arguments import (
    axis_argument,
    axis_of,
    choice_argument,
    count_argument,
    flag_argument,
    float_argument,
)


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


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_counts_become_integers(value: Any) -> None:
    """Integers of NumPy are Python's, so that configs can hold them."""
    assert type(count_argument(value, "depth")) is int
    assert count_argument(value, "depth") == 3


@pytest.mark.parametrize("value", [True, np.True_, 3.0, "3", None, [3], np.array([3])])
def test_no_counts(value: Any) -> None:
    """What is no integer is refused, a bool and a float of whole value among it."""
    with pytest.raises(ArgumentTypeError, match=r"`depth` must be an integer. Received: depth="):
        count_argument(value, "depth")


@pytest.mark.parametrize(
    ("value", "low"), [(0, 1), (-1, 0), (1, 2), (2**53 + 1, 1), (1 << 20000, 1)], ids=range(5)
)
def test_counts_out_of_range(value: int, low: int) -> None:
    """Counts that are too small, or that float64 has not, are refused."""
    with pytest.raises(ArgumentError, match=f"Allowed: integers from {low} to"):
        count_argument(value, "depth", low)


def test_ends_of_the_range() -> None:
    """The least and the greatest count are allowed."""
    assert (count_argument(0, "layer", 0), count_argument(2**53, "depth")) == (0, 2**53)


def test_flags() -> None:
    """Bools of NumPy are Python's; 0 and 1 are none."""
    assert flag_argument(np.True_, "first") is True
    assert flag_argument(False, "first") is False
    for value in (0, 1, None, "True"):
        with pytest.raises(ArgumentTypeError, match="`first` must be True or False"):
            flag_argument(value, "first")


def test_choices() -> None:
    """A name of the list is taken, another is refused with the nearest."""
    assert choice_argument(np.str_("tiled"), "order", ("interleaved", "tiled")) == "tiled"
    assert type(choice_argument(np.str_("tiled"), "order", ("interleaved", "tiled"))) is str
    with pytest.raises(ArgumentError, match=r"'interleaved', 'tiled'\..* Did you mean 'tiled'\?"):
        choice_argument("tile", "order", ("interleaved", "tiled"))
    with pytest.raises(ArgumentTypeError, match="`order` must be text"):
        choice_argument(1, "order", ("interleaved", "tiled"))


@pytest.mark.parametrize("value", [0, -3, np.int64(2), np.uint8(5)])
def test_integers_are_axes(value: Any) -> None:
    """Every integer of Python's and NumPy's becomes one of Python's."""
    assert axis_argument(value, "axis") == int(value)
    assert type(axis_argument(value, "axis")) is int


@pytest.mark.parametrize("value", [None, 1.0, "0", True, np.False_, [0]])
def test_all_else_is_refused(value: Any) -> None:
    """What is no integer names no axis."""
    with pytest.raises(ArgumentTypeError, match=r"`axis` must be an integer\. Received: axis="):
        axis_argument(value, "axis")


def test_axes_are_counted_from_the_start() -> None:
    """Negative axes are counted from the end, and those that do not exist are refused."""
    assert [axis_of((4, 5, 6), axis, "axis") for axis in range(-3, 3)] == [0, 1, 2, 0, 1, 2]
    with pytest.raises(ShapeError, match=r"no axis 3\. Received: axis=3\. Allowed: -3 to 2\."):
        axis_of((4, 5, 6), 3, "axis")
    with pytest.raises(ShapeError, match="Allowed: none, since the shape has no axes"):
        axis_of((), 0, "axis")
