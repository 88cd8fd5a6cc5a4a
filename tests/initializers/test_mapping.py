"""Mapped values, against mpmath."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import DTYPES, rounded
from initkit.initializers.mapping import _FUNCTIONS

EXACT: dict[str, Callable[[Any], Any]] = {
    "abs": abs,
    "negative": lambda x: -x,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "sqrt": mpmath.sqrt,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "inverse_softplus": lambda x: mpmath.log(mpmath.expm1(x)),
    "logit": lambda x: mpmath.log(x) - mpmath.log1p(-x),
    "clamp": lambda x: x,
}


def test_every_function_is_compared() -> None:
    """The table of this test is that of the class."""
    assert list(EXACT) == list(_FUNCTIONS)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions(name: str, dtype: str) -> None:
    """Every value is the function of the inner value, of the same draw, to the last place or two."""
    inner = ik.RandomUniform(0.01, 0.99, seed=7)
    values = ik.Map(inner, name)((300,), dtype)
    with mpmath.workdps(40):
        exact = [EXACT[name](mpmath.mpf(float(x))) for x in inner((300,), dtype)]
        errors = [abs(mpmath.mpf(float(y)) - e) / abs(e) for y, e in zip(values, exact, strict=True)]
    assert max(errors) < (6.1e-8 if dtype == "float32" else 2e-15)


@pytest.mark.parametrize("x", [-800.0, -30.0, -1e-3, 0.0, 5.0, 40.0, 800.0])
def test_softplus_far_out(x: float) -> None:
    """Softplus neither overflows nor loses its digits."""
    value = float(ik.Map(ik.Constant(x), "softplus")((1,), "float64")[0])
    with mpmath.workdps(40):
        assert value == pytest.approx(float(mpmath.log1p(mpmath.exp(x))), rel=1e-15)


def test_bounds() -> None:
    """Values are clamped before the function, from both sides or from one."""
    inner = ik.RandomNormal(stddev=1.0, seed=7)
    values = inner((999,))
    for low, high in ((-0.5, 0.25), (None, 0.25), (-0.5, None)):
        clamped = ik.Map(inner, "clamp", low, high)((999,))
        assert clamped.tobytes() == np.clip(values, low, high).tobytes()
    squares = ik.Map(inner, "square", low=0.0)((999,))
    np.testing.assert_allclose(squares, np.maximum(values, 0) ** 2, rtol=1e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn"])
def test_narrow_dtypes_are_rounded_once(dtype: str) -> None:
    """A narrow value is the float32 value, rounded once."""
    rate = ik.Map(ik.RandomUniform(1.0, 16.0, seed=7), "log")
    assert rate((999,), dtype).tobytes() == rounded(rate((999,)), DTYPES[dtype]).tobytes()


def test_mamba_dt_bias() -> None:
    """Maps in maps: softplus of the bias is log-uniform between its bounds."""
    dt = ik.Map(
        ik.RandomUniform(float(np.log(1e-3)), float(np.log(0.1)), seed=7), "exp", high=float(np.log(0.1))
    )
    bias = ik.Map(dt, "inverse_softplus", low=1e-4)((4096,), "float64")
    assert (np.log1p(np.exp(bias)) >= 0.999e-3).all()
    assert (np.log1p(np.exp(bias)) <= 0.1001).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_matrices_take_no_more_memory_for_being_mapped(dtype: str) -> None:
    """What is made at once is mapped in pieces: in its own place, or in that of the draw's precision."""
    inner, shape = ik.Orthogonal(seed=7), (1000, 1000)
    peaks = []
    for init in (inner, ik.Map(inner, "clamp", low=-0.01)):
        tracemalloc.start()
        try:
            made = init(shape, dtype)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2 * 2**20
    assert np.array_equal(made, np.maximum(inner(shape, dtype), np.asarray(-0.01, dtype)))


def test_moments() -> None:
    """Moments are known for constants and for linear functions, and not guessed for others."""
    assert ik.Map(ik.Constant(4.0), "sqrt").moments((3,)) == (2.0, 0.0)
    assert ik.Map(ik.RandomNormal(1.0, 2.0), "negative").moments((3,)) == (-1.0, 2.0)
    assert ik.Map(ik.RandomNormal(), "exp").moments((3,)) is None
    assert ik.Map(ik.RandomNormal(), "clamp", high=0.0).moments((3,)) is None


# Wrong on purpose, so the type checker must not look.
call: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: call.Map("ones", "lgo"), ik.ArgumentError, "Received: function='lgo'.*Did you mean 'log'"),
    (lambda: call.Map("ones", len), ik.ArgumentTypeError, "`function` must be text"),
    (lambda: call.Map("ones", "log", 2.0, 1.0), ik.ArgumentError, "`low` cannot be above `high`"),
    (lambda: call.Map("ones", "log", low="a"), ik.ArgumentTypeError, "`low` must be a real number"),
    (lambda: call.Map("zeros", "log")((2,)), ik.ArgumentError, "no finite log. Received: 0.0 from Zeros"),
    (lambda: call.Map("zeros", "reciprocal")((2,)), ik.ArgumentError, "no finite reciprocal"),
    (
        lambda: call.Map(ik.Constant(-1.0), "sqrt")((2,)),
        ik.ArgumentError,
        "no finite sqrt. Received: -1.0",
    ),
    (lambda: call.Map(ik.Constant(1e3), "exp")((2,)), ik.ArgumentError, "no finite exp"),
    (lambda: call.Map("ones", "exp")((2,), "complex64"), ik.DTypeError, "Map cannot make complex"),
    (lambda: call.Map("ones", "exp")((2,), "int8"), ik.DTypeError, "Map cannot make integer"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(make: Any, error: type[Exception], message: str) -> None:
    """What has no function value is refused, and the message says which value."""
    with pytest.raises(error, match=message):
        make()
