"""Mamba's parameters: the values to the last digits, and the laws of steps and rates."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

# What a type checker would refuse as well is given as Any.
Mamba2ALog: Any = ik.Mamba2ALog

LEVEL = 1e-4
N = 20_000


def _ks(values: Any, low: float, high: float) -> float:
    """The probability that a uniform law gives values so far from its distribution function."""
    return float(stats.kstest(np.ravel(values), stats.uniform(low, high - low).cdf).pvalue)


def test_a_log_is_the_logarithm_of_the_index() -> None:
    """The rates are 1 to N in every row: S4D-Real, that is, with the sign taken out."""
    values = ik.MambaALog()((3, 64), "float64")
    expected = [float(mpmath.log(n + 1)) for n in range(64)]
    for row in values:
        np.testing.assert_allclose(row, expected, rtol=3e-16)
    np.testing.assert_allclose(-np.exp(values[0]), ik.S4D("real")((64,), "float64"), rtol=1e-15)
    assert values[0, 0] == 0


def test_a_log_far_away() -> None:
    """Any slice can be had alone."""
    assert ik.MambaALog().lazy((2**60,), "float64")[-1] == pytest.approx(60 * math.log(2), rel=1e-15)


@pytest.mark.parametrize("length", [1, 16, 6000])
def test_a_log_moments(length: int) -> None:
    """The moments are those of the array, for long axes too."""
    values = ik.MambaALog()((2, length), "float64")
    assert ik.MambaALog().moments((2, length)) == pytest.approx((values.mean(), values.std()), abs=1e-10)


@pytest.mark.parametrize(("low", "high"), [(1.0, 16.0), (0.0, 16.0), (0.01, 0.5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rates_are_uniform(low: float, high: float, dtype: str) -> None:
    """The exponential of the values has the uniform law; a rate is never 0."""
    values = ik.Mamba2ALog(low, high, seed=7)((N,), dtype).astype(np.float64)
    assert np.isfinite(values).all()
    assert _ks(np.exp(values), low, high) > LEVEL


def test_equal_rates() -> None:
    """An interval of no length is a constant."""
    assert set(ik.Mamba2ALog(2.0, 2.0, seed=7)((9,), "float64").tolist()) == {float(mpmath.log(2))}


@pytest.mark.parametrize(
    "steps", [(0.001, 0.1, 0.0001), (0.0001, 3.0, 0.0), (1e-6, 1e-5, 1e-9), (0.5, 50.0, 0.5)], ids=str
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_are_log_uniform(steps: tuple[float, float, float], dtype: str) -> None:
    """Softplus of the bias lies within the bounds, and its logarithm has the uniform law."""
    values = ik.MambaDtBias(*steps, seed=7)((N,), dtype).astype(np.float64)
    made = np.logaddexp(0, values)
    slack = 1e-13 if dtype == "float64" else 2e-6
    assert made.min() >= steps[0] * (1 - slack)
    assert made.max() <= steps[1] * (1 + slack)
    assert _ks(np.log(made), math.log(steps[0]), math.log(steps[1])) > LEVEL


def test_steps_are_raised_to_the_floor() -> None:
    """What would be below the floor stands at it, and nothing else changes."""
    free, raised = (ik.MambaDtBias(0.001, 0.1, floor, seed=7)((N,), "float64") for floor in (0.0, 0.01))
    low = np.logaddexp(0, free) < 0.01
    assert 0.45 < low.mean() < 0.55
    assert (raised[~low] == free[~low]).all()
    np.testing.assert_allclose(np.logaddexp(0, raised[low]), 0.01, rtol=1e-14)


def test_one_step() -> None:
    """Equal bounds give one value, the inverse of softplus to the last digits."""
    with mpmath.workdps(40):
        expected = float(mpmath.log(mpmath.expm1(mpmath.mpf(0.01))))
    values = ik.MambaDtBias(0.01, 0.01, seed=7)((5,), "float64")
    assert values.tolist() == pytest.approx([expected] * 5, rel=1e-15)


@pytest.mark.parametrize(
    "init",
    [
        ik.Mamba2ALog(seed=3),
        ik.Mamba2ALog(0.0, 16.0, seed=3),
        ik.MambaDtBias(seed=3),
        ik.MambaDtBias(0.001, 0.1, 0.02, seed=3),
        ik.MambaDtBias(0.01, 20.0, seed=3),
        ik.MambaDtBias(0.01, 0.01, seed=3),
    ],
    ids=repr,
)
def test_moments(init: Any) -> None:
    """The announced moments are those of very many values."""
    values, (mean, std) = init((200_000,), "float64"), init.moments((200_000,))
    assert abs(values.mean() - mean) < 4 * std / math.sqrt(values.size) + 1e-12
    assert values.std() == pytest.approx(std, rel=0.02, abs=1e-12)


def test_moments_in_closed_form() -> None:
    """The mean of the logarithm of a uniform number is a formula of its own."""
    mean, std = ik.Mamba2ALog(1.0, 16.0).moments((3,))
    exact = 16 * math.log(16) / 15 - 1
    square = (16 * math.log(16) ** 2 - 2 * (16 * math.log(16) - 15)) / 15
    assert (mean, std) == pytest.approx((exact, math.sqrt(square - exact**2)), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ik.MambaALog()(()), ShapeError, r"need an axis .*Received: shape=\(\)"),
        (lambda: ik.MambaALog()((3,), "complex64"), DTypeError, "MambaALog cannot make complex"),
        (lambda: ik.Mamba2ALog(2.0, 1.0), ArgumentError, r"Received: low=2.0, high=1.0. Allowed: 0 <= low"),
        (lambda: ik.Mamba2ALog(0.0, 0.0), ArgumentError, "interval above 0"),
        (lambda: ik.Mamba2ALog(-1.0), ArgumentError, "`low` is out of range"),
        (lambda: ik.Mamba2ALog(high=math.inf), ArgumentError, "`high` is out of range"),
        (lambda: Mamba2ALog("1"), ArgumentTypeError, "`low` must be a real number"),
        (lambda: ik.Mamba2ALog(1e-300)((3,), "float8_e4m3fn"), ArgumentError, "`least logarithm` is beyond"),
        (lambda: ik.MambaDtBias(0.0), ArgumentError, r"positive and in order. Received: dt_min=0.0"),
        (lambda: ik.MambaDtBias(0.2), ArgumentError, r"positive and in order. Received: dt_min=0.2"),
        (lambda: ik.MambaDtBias(dt_floor=0.2), ArgumentError, "dt_floor=0.2. Allowed: 0 < dt_min"),
        (lambda: ik.MambaDtBias(dt_max=1e6)((3,), "float16"), ArgumentError, "`greatest bias` is beyond"),
        (lambda: ik.MambaDtBias()((3,), "int8"), DTypeError, "MambaDtBias cannot make integer"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    """What cannot be is refused, with the reason."""
    with pytest.raises(error, match=message):
        call()
