"""Arguments that name an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.initializers.axis_arguments import axis_argument, axis_of


@pytest.mark.parametrize("value", [0, -3, np.int64(2), np.uint8(5)])
def test_integers_are_axes(value: Any) -> None:
    """Every integer of Python's and NumPy's becomes one of Python's."""
    assert axis_argument(value, "axis") == int(value)
    assert type(axis_argument(value, "axis")) is int


@pytest.mark.parametrize("value", [None, 1.0, "0", True, np.False_, [0]])
def test_all_else_is_refused(value: Any) -> None:
    """What is no integer names no axis."""
    with pytest.raises(ik.ArgumentTypeError, match=r"`axis` must be an integer\. Received: axis="):
        axis_argument(value, "axis")


def test_axes_are_counted_from_the_start() -> None:
    """Negative axes are counted from the end, and those that do not exist are refused."""
    assert [axis_of((4, 5, 6), axis, "axis") for axis in range(-3, 3)] == [0, 1, 2, 0, 1, 2]
    with pytest.raises(ik.ShapeError, match=r"no axis 3\. Received: axis=3\. Allowed: -3 to 2\."):
        axis_of((4, 5, 6), 3, "axis")
    with pytest.raises(ik.ShapeError, match="Allowed: none, since the shape has no axes"):
        axis_of((), 0, "axis")
