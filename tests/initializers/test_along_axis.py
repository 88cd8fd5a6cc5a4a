"""Ramps and cycles: the formula in mpmath, NumPy's linspace and tile, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError


@pytest.mark.parametrize("endpoint", [False, True])
@pytest.mark.parametrize("power", [0.05, 0.7, 1.0, 2.0, 37.5])
def test_values_are_those_of_the_formula(power: float, endpoint: bool) -> None:
    """Along the axis, values are start + (stop - start)·(i/steps)^power to the promised digits."""
    start, stop, length = -5.0, 3.0, 97
    values = ik.Ramp(start, stop, power, endpoint)((length,), "float64")
    with mpmath.workdps(30):
        steps = length - endpoint
        parts = [(mpmath.mpf(i) / steps) ** mpmath.mpf(power) for i in range(length)]
        expected = [float(start * (1 - part) + stop * part) for part in parts]
    allowed = (4 + power * np.log(length)) * np.spacing(5.0)
    np.testing.assert_allclose(values, expected, rtol=0, atol=allowed)
    assert values[0] == start
    assert (values[-1] == stop) == endpoint


@pytest.mark.parametrize("endpoint", [False, True])
def test_equal_steps_are_those_of_linspace(endpoint: bool) -> None:
    """With power 1 it is NumPy's linspace, along any axis, rounded once to the dtype."""
    line = np.linspace(2.0, -7.0, 12, endpoint=endpoint)
    values = ik.Ramp(2.0, -7.0, endpoint=endpoint, axis=1)((3, 12, 2), "float64")
    np.testing.assert_allclose(values, np.broadcast_to(line[:, None], (3, 12, 2)), rtol=0, atol=2e-15)
    assert np.array_equal(ik.Ramp(2.0, -7.0, endpoint=endpoint)((12,), "float16"), line.astype("float16"))


def test_a_single_value_is_the_start() -> None:
    """With and without the endpoint."""
    assert ik.Ramp(0.25, 3.0)((1,)).tolist() == ik.Ramp(0.25, 3.0, endpoint=False)((1,)).tolist() == [0.25]


def test_far_ends_of_a_long_axis() -> None:
    """Any element of any axis costs the same, and is as exact."""
    lazy = ik.Ramp(0.0, 1.0, power=0.5).lazy((2**60 + 1,), "float64")
    assert lazy[2**58] == 0.5
    assert lazy[-1] == 1.0


@pytest.mark.parametrize("length", [1, 2, 50, 5000, 40_000])
@pytest.mark.parametrize(("power", "endpoint"), [(0.3, True), (1.0, False), (2.0, True), (60.0, False)])
def test_moments(length: int, power: float, endpoint: bool) -> None:
    """Mean and deviation are those of the values, summed or integrated."""
    ramp = ik.Ramp(-5.0, 3.0, power, endpoint)
    values = ramp((2, length), "float64")
    assert ramp.moments((2, length)) == pytest.approx((values.mean(), values.std()), rel=1e-7, abs=1e-7)
    assert ramp.moments((3, 0)) == (0.0, 0.0)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 300])
def test_cycles_are_tiles(length: int) -> None:
    """The values are those of NumPy's tile, along any axis, and so are their moments."""
    cycle = ik.Cycle([0.1, 2.0, -1.5], axis=1)
    values = cycle((2, length, 3), "float64")
    tile = np.resize(np.array([0.1, 2.0, -1.5]), length)
    assert np.array_equal(values, np.broadcast_to(tile[:, None], (2, length, 3)))
    assert cycle.moments((2, length, 3)) == pytest.approx((values.mean(), values.std()))
    assert cycle.moments((2, 0, 3)) == (0.0, 0.0)
    narrow = ik.Cycle([0.1])((length,), "bfloat16")
    assert np.array_equal(narrow, np.full(length, 0.1, narrow.dtype))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_integers_are_those_of_arange(dtype: str) -> None:
    """Ramps of integers are NumPy's arange, up to the bounds of the dtype, and cycles its tiles."""
    bounds = np.iinfo(dtype)
    ramp = ik.Ramp(0, 100, endpoint=False)
    assert np.array_equal(ramp((2, 100), dtype), np.broadcast_to(np.arange(100, dtype=dtype), (2, 100)))
    assert ramp.moments((2, 100), dtype) == pytest.approx((49.5, np.arange(100).std()))
    if bounds.max < 2**53:
        assert ik.Ramp(bounds.max, bounds.min)((2,), dtype).tolist() == [bounds.max, bounds.min]
        assert ik.Cycle([bounds.min, bounds.max])((2,), dtype).tolist() == [bounds.min, bounds.max]
    down = ik.Ramp(97, 1, axis=0)((33, 2), dtype)
    assert np.array_equal(down[:, 1], np.arange(97, 0, -3, dtype=dtype))
    assert ik.Cycle([3, 0, 7])((5,), dtype).tolist() == [3, 0, 7, 3, 0]
    assert ik.Ramp(5, 9)((1,), dtype).tolist() == ik.Ramp(5, 9, endpoint=False)((1,), dtype).tolist() == [5]
    assert ik.Ramp(5, 9)((0,), dtype).size == 0


def test_large_integers_are_exact() -> None:
    """Where float32 has no odd number any more, and at the far end of a giant."""
    lazy = ik.Ramp(-(2**53) + 1, 2**53 - 1).lazy((2**54 - 1,), "int64")
    assert lazy[2**53 - 3 : 2**53 + 1].tolist() == [-2, -1, 0, 1]
    assert lazy[-2:].tolist() == [2**53 - 2, 2**53 - 1]
    assert ik.Ramp(7, 7).lazy((2**61,), "uint16")[-1] == 7


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ik.Ramp(power=0.0), ArgumentError, "`power` is out of range. Received: power=0.0"),
        (lambda: ik.Ramp(power=100.5), ArgumentError, "at most 100"),
        (lambda: ik.Ramp(start=np.inf), ArgumentError, "`start` is out of range"),
        (lambda: ik.Ramp(stop="1"), ArgumentTypeError, "`stop`"),  # type: ignore[arg-type]
        (lambda: ik.Ramp(endpoint=1), ArgumentTypeError, "`endpoint`"),  # type: ignore[arg-type]
        (lambda: ik.Ramp(axis=1.0), ArgumentTypeError, "`axis`"),  # type: ignore[arg-type]
        (lambda: ik.Ramp(axis=1)((4,)), ShapeError, "no axis 1"),
        (lambda: ik.Ramp()(()), ShapeError, "no axis -1"),
        (lambda: ik.Ramp(stop=1e5)((4,), "float16"), ArgumentError, "`stop` is beyond the range"),
        (lambda: ik.Ramp()((4,), "complex64"), DTypeError, "Ramp cannot make complex"),
        (lambda: ik.Cycle([]), ArgumentError, "`values` is empty"),
        (lambda: ik.Cycle(1.0), ArgumentTypeError, "`values` must be a list"),  # type: ignore[arg-type]
        (lambda: ik.Cycle(["1"]), ArgumentTypeError, "`values`"),  # type: ignore[list-item]
        (lambda: ik.Cycle([1.0, np.nan]), ArgumentError, "`values` is out of range"),
        (lambda: ik.Cycle([1.0], axis=-3)((2, 2)), ShapeError, "no axis -3"),
        (lambda: ik.Cycle([1.0, -1e5])((4,), "float16"), ArgumentError, "`values` is beyond the range"),
        (lambda: ik.Cycle([1.0])((4,), "bool"), DTypeError, "Cycle cannot make bool"),
        (lambda: ik.Cycle([1.0, 0.5])((4,), "int32"), ArgumentError, "of integers. Received: 0.5 among"),
        (lambda: ik.Cycle([2.0**53])((4,), "int64"), ArgumentError, "Received: 9007199254740992.0 among"),
        (lambda: ik.Cycle([1, -1])((4,), "uint8"), ArgumentError, "-1.0. Allowed: integers from 0 to 255"),
        (lambda: ik.Ramp()((4,), "int64"), ArgumentError, "start=0.0, stop=1.0, power=1.0, and 3 steps"),
        (lambda: ik.Ramp(0, 5)((5,), "int64"), ArgumentError, "whose distance the steps divide"),
        (lambda: ik.Ramp(0.5, 4.5)((5,), "int64"), ArgumentError, "start=0.5, stop=4.5"),
        (lambda: ik.Ramp(0, 4, power=2.0)((5,), "int64"), ArgumentError, "equal steps that are integers"),
        (lambda: ik.Ramp(2**53, 2**53)((5,), "int64"), ArgumentError, "integers below 2"),
        (lambda: ik.Ramp(0, 257, endpoint=False)((257,), "uint8"), ArgumentError, "Received: 256. Allowed"),
        (lambda: ik.Ramp(3, -1)((5,), "uint8"), ArgumentError, "-1. Allowed: integers from 0 to 255"),
    ],
)
def test_what_is_refused(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    """Bad numbers at once, bad shapes and dtypes when they are asked for."""
    with pytest.raises(error, match=message):
        make()
