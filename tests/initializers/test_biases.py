"""The prior probability behind a sigmoid, to the last digits; NaN in every dtype that has one."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.special import expit

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError
from tests.catalogue import COMPLEX, FLOATS

# What a type checker would refuse as well is given as Any.
PriorProbability: Any = ik.PriorProbability


@pytest.mark.parametrize("probability", [5e-324, 1e-100, 0.01, 0.3, 0.5, 0.6, 0.99, 1 - 2.0**-53])
def test_prior_probability(probability: float) -> None:
    """The sigmoid of the bias is the probability, and the bias the formula's in 400 digits."""
    bias = ik.PriorProbability(probability)((3, 2), "float64")
    with mpmath.workdps(400):
        exact = -mpmath.log((1 - mpmath.mpf(probability)) / mpmath.mpf(probability))
    assert (bias == bias[0, 0]).all()
    assert bias[0, 0] == pytest.approx(float(exact), rel=4e-16, abs=1e-16)
    assert expit(bias[0, 0]) == pytest.approx(probability, rel=1e-13, abs=5e-324)
    assert ik.PriorProbability(probability).moments((3, 2)) == (bias[0, 0], 0)


def test_no_class_is_better_known() -> None:
    """With one class of n + 1 the bias is -log(n), with one of two it is 0."""
    assert float(ik.PriorProbability(1 / 1001)((), "float64")) == pytest.approx(-math.log(1000), rel=1e-14)
    assert ik.PriorProbability(0.5)((2,)).tobytes() == bytes(8)


@pytest.mark.parametrize("dtype", FLOATS + COMPLEX)
def test_nan(dtype: str) -> None:
    """Every value is NaN, in both parts of a complex one, with the bits of a plain positive NaN."""
    values = ik.NaN()((2, 3), dtype)
    assert values.dtype.name == dtype
    parts = [values.real, values.imag] if dtype in COMPLEX else [values]
    for part in parts:
        wide = part.astype(np.float64)
        assert np.isnan(wide).all()
        assert not np.signbit(wide).any()
    assert len(set(values.ravel().view(f"V{values.itemsize}").tolist())) == 1


def test_nan_shows_what_was_never_set() -> None:
    """What depends on a value that nobody has set is NaN, and nothing else is."""
    weights = ik.NaN()((3, 3))
    weights[:2] = 1
    result = weights @ np.ones(3, np.float32)
    assert np.isnan(result).tolist() == [False, False, True]


def test_nan_by_name() -> None:
    """It has the name that people write, and no moments."""
    assert ik.get("nan") == ik.NaN() == ik.from_yaml(ik.to_yaml(ik.NaN()))
    assert ik.NaN().moments((3,)) is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ik.PriorProbability(0), ArgumentError, "infinite bias. Received: probability=0.0"),
        (lambda: ik.PriorProbability(1.0), ArgumentError, "Allowed: numbers above 0 and below 1"),
        (lambda: ik.PriorProbability(1.5), ArgumentError, "`probability` is out of range"),
        (lambda: PriorProbability("0.1"), ArgumentTypeError, "must be a real"),
        (
            lambda: ik.PriorProbability(1e-300)((3,), "float8_e4m3fn"),
            ArgumentError,
            "`bias` is beyond the range of dtype 'float8_e4m3fn'",
        ),
        (lambda: ik.PriorProbability()((3,), "int8"), DTypeError, "PriorProbability cannot make integer"),
        (lambda: ik.NaN()((3,), "int8"), DTypeError, "NaN cannot make integer"),
        (lambda: ik.NaN()((3,), "bool"), DTypeError, "NaN cannot make bool"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    """What cannot be is refused, with the reason."""
    with pytest.raises(error, match=message):
        call()
