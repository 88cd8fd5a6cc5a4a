"""What the kernels are given: rounded once, clamped inside, without negative zeros."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.kernels import parameters, transforms
from initkit.kernels.parameters import NormalParameters, TruncatedNormalParameters, UniformParameters

INF = math.inf
FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")
BOTH = pytest.mark.parametrize("draw", [FLOAT32, FLOAT64], ids=str)

moderate = st.floats(-1e30, 1e30)


def neighbours(draw: np.dtype[Any], x: float) -> tuple[float, float]:
    """The floats of a precision next to `x`, below and above."""
    value = draw.type(x)
    return tuple(float(np.nextafter(value, draw.type(end))) for end in (-INF, INF))  # type: ignore[return-value]  # two


def is_of(draw: np.dtype[Any], x: float) -> bool:
    """Whether a number is exact in a precision."""
    with np.errstate(over="ignore"):
        return float(draw.type(x)) == x


@given(moderate, moderate, st.sampled_from([FLOAT32, FLOAT64]))
def test_uniform_clamps(low: float, high: float, draw: np.dtype[Any]) -> None:
    """The clamps are the outermost floats of `[low, high)`, or the float nearest `low` if there are none."""
    low, high = min(low, high), max(low, high)
    request = UniformParameters(low, high).request(draw)
    start, span, least, most = request.law
    assert request.transform == parameters.UNIFORM
    assert all(is_of(draw, number) for number in request.law)
    assert start == draw.type(low)
    assert span == draw.type(high - low)
    if least < most or low <= least < high:
        assert low <= least <= most < high
        assert neighbours(draw, least)[0] < low
        assert neighbours(draw, most)[1] >= high
    else:
        assert least == most == draw.type(low)
        nearest = Fraction(float(draw.type(low)))
        above = nearest if nearest >= Fraction(low) else Fraction(neighbours(draw, float(nearest))[1])
        assert above >= Fraction(high)


@pytest.mark.parametrize(
    ("low", "high", "least", "most"),
    [
        (0.0, 1.0, 0.0, 1 - 2.0**-24),
        (-1.0, 1.0, -1.0, 1 - 2.0**-24),
        (1.0, 1.0, 1.0, 1.0),
        (0.1, 0.2, float(np.float32(0.1)), float(np.nextafter(np.float32(0.2), np.float32(0)))),
        (1 + 2.0**-40, 1 + 2.0**-39, 1.0, 1.0),
        (1 + 2.0**-23 - 2.0**-40, 1 + 2.0**-23 - 2.0**-41, 1 + 2.0**-23, 1 + 2.0**-23),
        (-1e300, -1e299, -INF, -INF),
    ],
)
def test_uniform_clamps_in_float32(low: float, high: float, least: float, most: float) -> None:
    """Ends that are floats, that are not, that are equal, and intervals between two floats."""
    assert UniformParameters(low, high).request(FLOAT32).law[2:] == (least, most)


@BOTH
def test_normal(draw: np.dtype[Any]) -> None:
    """Mean and deviation rounded to the draw's precision."""
    request = NormalParameters(0.1, 0.02).request(draw)
    assert request == (parameters.NORMAL, (float(draw.type(0.1)), float(draw.type(0.02))))


@BOTH
@pytest.mark.parametrize(
    ("lower", "upper", "transform"),
    [
        (-2.0, 2.0, parameters.TRUNCATED_CENTRAL),
        (-3.0, 3.0, parameters.TRUNCATED_CENTRAL),
        (-3.01, 3.01, parameters.TRUNCATED),
        (-2.0, 1.9, parameters.TRUNCATED),
        (-INF, INF, parameters.TRUNCATED),
        (3.99, 5.0, parameters.TRUNCATED),
        (4.0, 5.0, parameters.TRUNCATED_FAR),
        (-5.0, -4.0, parameters.TRUNCATED_FAR),
        (-5.0, -3.99, parameters.TRUNCATED),
        (-50.0, 50.0, parameters.TRUNCATED),
    ],
)
def test_bounds_choose_the_transform(draw: np.dtype[Any], lower: float, upper: float, transform: int) -> None:
    """Three forms of one law: central and symmetric, far out on one side, and all others."""
    request = TruncatedNormalParameters(0.0, 1.0, lower, upper, lower, upper).request(draw)
    assert request.transform == transform
    assert all(is_of(draw, number) for number in request.law)


@BOTH
def test_truncated_clamps_lie_inside(draw: np.dtype[Any]) -> None:
    """The last two numbers are the floats next to the absolute bounds, from inside."""
    law = TruncatedNormalParameters(0.0, 0.05, -2.0, 2.0, -0.1, 0.1).request(draw).law
    assert -0.1 <= law[-2] < neighbours(draw, law[-2])[1]
    assert neighbours(draw, law[-2])[0] < -0.1
    assert law[-1] == -law[-2]


def test_open_bounds_do_not_clamp() -> None:
    """Infinite bounds stay infinite; finite ones beyond float32 become its largest number."""
    law = TruncatedNormalParameters(0.0, 1.0, -INF, INF, -INF, INF).request(FLOAT32).law
    assert law[-2:] == (-INF, INF)
    law = TruncatedNormalParameters(0.0, 1e38, -50.0, 50.0, -5e39, 5e39).request(FLOAT32).law
    assert law[-2:] == (-float(np.finfo(np.float32).max), float(np.finfo(np.float32).max))


@BOTH
def test_no_negative_zero(draw: np.dtype[Any]) -> None:
    """A zero's sign can never reach a value, so that equal parameters are interchangeable."""
    negative = -0.0
    requests = [
        UniformParameters(negative, 1.0).request(draw),
        UniformParameters(-1.0, negative).request(draw),
        NormalParameters(negative, negative).request(draw),
        TruncatedNormalParameters(negative, negative, -2.0, 2.0, negative, negative).request(draw),
        TruncatedNormalParameters(negative, negative, negative, INF, negative, INF).request(draw),
        TruncatedNormalParameters(negative, negative, -9.0, -5.0, negative, negative).request(draw),
    ]
    for request in requests:
        assert not any(math.copysign(1.0, number) < 0 for number in request.law if number == 0)


@BOTH
def test_far_numbers_meet_at_the_near_end(draw: np.dtype[Any]) -> None:
    """`t` and `g` are the kernel's own for `e`, so that the nearest value is the end itself."""
    arithmetic = transforms.SINGLE if draw == FLOAT32 else transforms.DOUBLE
    for lower, upper, sign in ((5.0, INF, 1.0), (-7.0, -5.0, -1.0)):
        given_law = TruncatedNormalParameters(1.0, 2.0, lower, upper, 1 + 2 * lower, 1 + 2 * upper)
        end, std, step, rest, e, t, g, mirrored, _, _ = given_law.request(draw).law
        assert (end, std) == (1 + sign * 10.0, sign * 2.0)
        assert (mirrored == 1.0) == (sign < 0)
        assert step * 2.0**arithmetic.bits + rest == pytest.approx(1.0, rel=1e-6)
        again = arithmetic.tail(np.full(3, e, draw))
        assert [float(number[1]) for number in again] == [t, g]
        assert t + g == pytest.approx(5.0, rel=1e-6)


def test_requests_are_kept() -> None:
    """Equal parameters give the same request without computing it again."""
    first = TruncatedNormalParameters(0.0, 0.05, -2.0, 2.0, -0.1, 0.1).request(FLOAT32)
    assert TruncatedNormalParameters(0.0, 0.05, -2.0, 2.0, -0.1, 0.1).request(FLOAT32) is first
