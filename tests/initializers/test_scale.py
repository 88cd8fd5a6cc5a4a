"""Scaled values, against the product."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import DTYPES, rounded


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e5m2"])
def test_product_is_rounded_once(dtype: str) -> None:
    """The product is computed in the precision of the draw, and then rounded once."""
    row = DTYPES[dtype]
    inner = ik.RandomNormal(1.0, 0.5, seed=7)((257, 65), row.draw.name)
    expected = rounded(inner * row.draw.type(0.3), row)
    assert ik.Scale(ik.RandomNormal(1.0, 0.5, seed=7), 0.3)((257, 65), dtype).tobytes() == expected.tobytes()


def test_large_narrow_tensor_in_several_buffers() -> None:
    """A bfloat16 tensor of more elements than a buffer has the values of one piece."""
    scaled = ik.Scale(ik.RandomUniform(seed=7), -4.0)
    whole = scaled((3, 1 << 20), "bfloat16")
    assert whole[2, -5:].tobytes() == scaled.lazy((3, 1 << 20), "bfloat16")[2, -5:].tobytes()
    single = ik.RandomUniform(seed=7)((3, 1 << 20)) * np.float32(-4.0)
    assert whole.tobytes() == rounded(single, DTYPES["bfloat16"]).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_zeros_have_the_signs_of_products(dtype: str) -> None:
    """Times 0, values keep their sign, as NumPy's product does; whatever the sign, all are 0."""
    normal = ik.RandomNormal(seed=7)
    made = ik.Scale(normal, 0.0)((50,), dtype)
    assert (made == 0).all()
    assert np.array_equal(np.signbit(made), np.signbit(normal((50,)) * np.float32(0.0)))


def test_complex_and_orthogonal() -> None:
    """Complex values are scaled too, and matrix products keep their tolerance, scaled."""
    scaled = ik.Scale(ik.Orthogonal(seed=7), 3.0)
    unitary = scaled((8, 8), "complex64")
    np.testing.assert_allclose(unitary.conj().T @ unitary, 9 * np.eye(8), atol=2e-5)
    assert scaled.tolerance(DTYPES["float32"]) == 3 * ik.Orthogonal().tolerance(DTYPES["float32"])
    half = scaled((8, 8), "float16")
    np.testing.assert_allclose(half.astype(float).T @ half.astype(float), 9 * np.eye(8), atol=0.02)


# Wrong on purpose, so the type checker must not look.
call: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: call.Scale("zeros", float("inf")), ik.ArgumentError, "`factor` is out of range"),
    (lambda: call.Scale("zeros", "2"), ik.ArgumentTypeError, "`factor` must be a real number"),
    (lambda: call.Scale(None, 2.0), ik.ArgumentTypeError, "`initializer` must be an initializer"),
    (lambda: call.Scale("ones", 0.5)((2,), "int8"), ik.DTypeError, "Scale cannot make integer values"),
    (lambda: call.Scale("he_uniform", 2)((2,), "bool"), ik.DTypeError, "Scale cannot make bool values"),
    (
        lambda: ik.Scale("ones", 1e6)((2,), "float16"),
        ik.ArgumentError,
        "leave the range of dtype 'float16'",
    ),
    (lambda: call.Scale(ik.Identity(), 2.0)((2,)), ik.ShapeError, "2D matrices"),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(make: Any, error: type[Exception], message: str) -> None:
    """What cannot be scaled is refused, and the message says why."""
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("dtype", "stddev", "factor"), [("complex64", 1e-38, 1e-10), ("complex128", 1e-310, -1e-20)]
)
def test_complex_values_that_vanish(dtype: str, stddev: float, factor: float) -> None:
    """Each part is multiplied on its own, and keeps its sign, in the whole and in slices of one element."""
    normal = ik.RandomNormal(stddev=stddev, seed=3)
    scaled, shape = ik.Scale(normal, factor), (16, 16)
    values, drawn = scaled(shape, dtype), normal(shape, dtype)
    for part, given in ((values.real, drawn.real), (values.imag, drawn.imag)):
        assert part.tobytes() == (given * given.dtype.type(factor)).tobytes()
        assert (np.signbit(part) == np.signbit(given * np.sign(factor))).all()
    assert not values.any()
    lazy = scaled.lazy(shape, dtype)
    for index in np.ndindex(shape):
        assert lazy[index].tobytes() == values[index].tobytes()
