"""LayerScale: the values of the paper, at the depths where they change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import initkit as ik


@pytest.mark.parametrize(
    ("depth", "value"), [(1, 0.1), (12, 0.1), (18, 0.1), (19, 1e-5), (24, 1e-5), (25, 1e-6), (48, 1e-6)]
)
def test_values(depth: int, value: float) -> None:
    """Every gain is the paper's for that depth."""
    init = ik.LayerScale(depth)
    assert init((5,), "float64").tolist() == [value] * 5
    assert init((2, 2)).tolist() == [[np.float32(value)] * 2] * 2
    assert init.moments((5,)) == (value, 0.0)


def test_default_is_twelve_blocks() -> None:
    """Without a depth, it is a network of twelve blocks."""
    assert ik.LayerScale() == ik.LayerScale(12)


def test_values_that_float8_has_not() -> None:
    """What is nearer to 0 than to the least number of a dtype becomes 0."""
    assert ik.LayerScale(36)((2,), "float8_e4m3fn").tolist() == [0.0, 0.0]
    assert ik.LayerScale(36)((2,), "bfloat16").astype(float) == pytest.approx(1e-6, rel=2**-8)


# Wrong types are wrong to the type checker, too.
untyped: Any = ik


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: ik.LayerScale(0), ik.ArgumentError),
        (lambda: untyped.LayerScale(12.0), ik.ArgumentTypeError),
        (lambda: ik.LayerScale()((3,), "int8"), ik.DTypeError),
    ],
)
def test_wrong_calls(call: Any, error: type[Exception]) -> None:
    """No depth, no integer, no dtype with fractions: all refused."""
    with pytest.raises(error):
        call()
