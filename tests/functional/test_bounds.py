"""Bounds in the values' own units: their order, their names, and where they meet."""

from __future__ import annotations

import math

import numpy as np
import pytest

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.functional.bounds import checked_bounds, truncated_normal_between


def test_order() -> None:
    """Bounds in order come back, others are named as the caller names them."""
    assert checked_bounds(low=1.0, high=1.0) == (1.0, 1.0)
    with pytest.raises(ArgumentError, match=r"`low` cannot be above `high`. Received: low=2.0, high=1.0"):
        checked_bounds(low=2.0, high=1.0)


def test_truncated_normal() -> None:
    """Bounds apart make the law, open ones too; bounds that meet leave one value."""
    expected = ik.TruncatedNormal(0.5, 2.0, 7, -1.0, math.inf, bounds="absolute")
    assert truncated_normal_between(0.5, 2.0, 7, lo=-1, hi=math.inf) == expected
    assert truncated_normal_between(0.5, 2.0, 7, lo=np.float64(3), hi=3) == ik.Constant(3.0)


@pytest.mark.parametrize(("low", "high"), [(math.nan, 1.0), (0.0, math.nan), (math.inf, math.inf)])
def test_refused_values(low: float, high: float) -> None:
    """NaN is no bound, and nothing lies at infinity."""
    with pytest.raises(ArgumentError, match=r"`(lo|hi)` is out of range"):
        truncated_normal_between(0.0, 1.0, 7, lo=low, hi=high)


def test_refused_types() -> None:
    """A bound is a real number, and the other parameters go by their own names."""
    with pytest.raises(ArgumentTypeError, match="`lo`"):
        truncated_normal_between(0.0, 1.0, 7, lo="0", hi=1.0)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`std`"):
        truncated_normal_between(0.0, -1.0, 7, lo=0.0, hi=1.0)
