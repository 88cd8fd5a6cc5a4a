"""Zeros, Ones, Constant and Identity: exact values in every dtype, and refusals where there are none."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import DTYPES, rounded
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tests.catalogue import FLOATS

INTEGERS = [row.name for row in DTYPES.values() if row.kind == "integer"]


@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3, 4)], ids=str)
def test_zeros_and_ones(name: str, shape: tuple[int, ...]) -> None:
    """Every dtype has a zero and a one."""
    assert ik.Zeros()(shape, name).tobytes() == np.zeros(shape, name).tobytes()
    assert ik.Ones()(shape, name).tobytes() == np.ones(shape, name).tobytes()
    assert ik.Zeros().moments(shape) == (0, 0)
    assert ik.Ones().moments(shape) == (1, 0)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (0.25, 0.25),
        (3, 3),
        (True, True),
        (1j, 1j),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array(0.5), 0.5),
        (ml_dtypes.bfloat16(1.5), 1.5),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
    ],
    ids=repr,
)
def test_constant_keeps_python_numbers(value: Any, kept: Any) -> None:
    """A number is kept as Python's own, so that configs need no arrays."""
    init = ik.Constant(value)
    assert init.value == kept
    assert type(init.value) is type(kept)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("value", [1 / 3, -0.0, 1e-8, 448, math.pi, 1 + 2.0**-11 + 1e-12], ids=repr)
def test_constant_is_rounded_as_draws_are(name: str, value: float) -> None:
    """Every float dtype holds the value rounded to nearest; low precisions by way of float32."""
    row = DTYPES[name]
    expected = np.full((2, 3), np.array(value).astype(row.draw).astype(row.numpy))
    assert ik.Constant(value)((2, 3), name).tobytes() == expected.tobytes()
    array = np.full((2, 3), value)
    assert ik.Constant(array)((2, 3), name).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("value", "dtypes"),
    [
        (math.inf, {*FLOATS, "complex64", "complex128"} - {"float8_e4m3fn"}),
        (-math.inf, {*FLOATS, "complex64", "complex128"} - {"float8_e4m3fn"}),
        (math.nan, {*FLOATS, "complex64", "complex128"}),
        (complex(math.inf, math.nan), {"complex64", "complex128"}),
        (0.5, {*FLOATS, "complex64", "complex128"}),
        (1j, {"complex64", "complex128"}),
        (1, set(DTYPES)),
        (1.0, set(DTYPES)),
        (True, set(DTYPES)),
        (2, set(DTYPES) - {"bool"}),
        (-1, set(DTYPES) - {"bool", "uint8", "uint16", "uint32", "uint64"}),
        (-0.0, set(DTYPES)),
        (127, set(DTYPES) - {"bool"}),
        (128.0, set(DTYPES) - {"bool", "int8"}),
        (448, set(DTYPES) - {"bool", "int8", "uint8"}),
        (2**63 - 1, {"float32", "float64", "bfloat16", "int64", "uint64", "complex64", "complex128"}),
        (2.0**63, {"float32", "float64", "bfloat16", "uint64", "complex64", "complex128"}),
        (2**64 - 1, {"float32", "float64", "bfloat16", "uint64", "complex64", "complex128"}),
        (
            65519.0,
            {"float32", "float64", "float16", "bfloat16", "complex64", "complex128"}
            | {"uint16", "int32", "int64", "uint32", "uint64"},
        ),
        (
            65520.0,
            {"float32", "float64", "bfloat16", "complex64", "complex128"}
            | {"uint16", "int32", "int64", "uint32", "uint64"},
        ),
        (1e39, {"float64", "complex128"}),
        (1e39j, {"complex128"}),
        (1e-50, {*FLOATS, "complex64", "complex128"}),
    ],
    ids=repr,
)
def test_constant_fits_or_is_refused(value: Any, dtypes: set[str]) -> None:
    """A dtype that holds no rounding of the value refuses it, alone and in an array; all others make it."""
    shaped = np.full((2, 3), value)
    for name in DTYPES:
        for init in (ik.Constant(value), ik.Constant(shaped)):
            if name in dtypes:
                result = init((2, 3), name)
                expected = rounded(shaped, DTYPES[name])
                assert np.array_equal(result.astype(complex), expected.astype(complex), equal_nan=True)
            else:
                with pytest.raises(
                    (ArgumentError, DTypeError), match=r"`value` (is complex|does not fit).*Allowed"
                ):
                    init((2, 3), name)


@pytest.mark.parametrize("source", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float32"])
@pytest.mark.parametrize("target", ["float64", "int8", "bool", "uint64", "float16", "complex64", "bfloat16"])
def test_arrays_of_low_precision(source: str, target: str) -> None:
    """Arrays of every float dtype are constants, and fit where their values do."""
    ones = np.ones((2, 2), source)
    assert ik.Constant(ones)((2, 2), target).astype(complex).tolist() == [[1, 1], [1, 1]]
    if target in ("int8", "bool", "uint64"):
        with pytest.raises(ArgumentError, match=r"does not fit .* Received: 0.5. Allowed: "):
            ik.Constant(ones / 2)((2, 2), target)
        with pytest.raises(ArgumentError, match="does not fit"):
            ik.Constant(ones * np.array(math.nan, source))((2, 2), target)


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_at_their_bounds(name: str) -> None:
    """The bounds of an integer dtype fit, and one beyond does not, from every other integer dtype."""
    low, high = int(np.iinfo(name).min), int(np.iinfo(name).max)
    for source in INTEGERS:
        for value in (low - 1, low, high, high + 1):
            if np.iinfo(source).min <= value <= np.iinfo(source).max:
                init = ik.Constant(np.array([value], source))
                if low <= value <= high:
                    assert init((1,), name).tolist() == [value]
                else:
                    with pytest.raises(
                        ArgumentError, match=rf"Received: {value}. Allowed: integers from {low} to {high}"
                    ):
                        init((1,), name)


@pytest.mark.parametrize("where", [0, 1 << 16, 70_000, -1])
def test_every_piece_of_a_large_array_is_checked(where: int) -> None:
    """A value that does not fit is found wherever it stands."""
    array = np.zeros(150_000)
    array[where] = 1e6
    with pytest.raises(ArgumentError, match=r"Received: 1000000\.0"):
        ik.Constant(array)((150_000,), "float16")


def test_large_arrays_are_not_copied() -> None:
    """Checking and rounding a large array takes little memory beside its copy and the result."""
    init = ik.Constant(np.ones((1000, 2000)))
    out = np.empty((1000, 2000), np.float16)
    tracemalloc.start()
    init.fill(out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000
    assert (out == 1).all()


def test_constant_is_a_copy_nobody_can_write_to() -> None:
    """An initializer's values do not change behind its back, nor through it."""
    array = np.ones((2, 2))
    init = ik.Constant(array)
    array[0] = 5
    assert init((2, 2)).tolist() == [[1, 1], [1, 1]]
    with pytest.raises(ValueError, match="read-only"):
        init.value[0] = 5
    init((2, 2), "float64")[0] = 5
    assert init((2, 2)).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    "layout",
    [
        lambda array: np.asfortranarray(array),
        lambda array: array[::-1, ::2],
        lambda array: array.astype(">f8"),
    ],
    ids=["columns first", "strided", "foreign bytes"],
)
def test_constant_of_any_layout(layout: Any) -> None:
    """The layout of the array given changes no value of the array made, nor of a slice."""
    array = layout(np.arange(24.0).reshape(4, 6))
    init = ik.Constant(array)
    assert np.array_equal(init(array.shape), array)
    assert np.array_equal(init.lazy(array.shape)[::-2, 1:], array[::-2, 1:])


@pytest.mark.parametrize("value", [[[1, 2], [3, 4]], ((1, 2), (3, 4))], ids=repr)
def test_constant_of_nested_sequences(value: Any) -> None:
    """A nested list is an array."""
    assert ik.Constant(value)((2, 2)).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("shape", [(3, 2), (2,), (1, 2, 3), (), (6,), (2, 3, 1)])
def test_constant_broadcasts_nothing(shape: tuple[int, ...]) -> None:
    """An array fits its own shape alone; the message is the one that Keras users know."""
    with pytest.raises(
        ShapeError, match=r"Expected `shape` to be \(2, 3\) .*Received: .*Allowed: the array's own"
    ):
        ik.Constant(np.zeros((2, 3)))(shape)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "a",
        b"a",
        {},
        {1},
        object(),
        print,
        np.array(["a"]),
        [[1], [2, 3]],
        ["a"],
        np.datetime64(1, "s"),
        [None],
        range(3),
        np.ndarray,
    ],
    ids=lambda value: repr(value)[:30],
)
def test_no_constants(wrong: Any) -> None:
    """What is no number is refused when the object is made."""
    with pytest.raises(
        ArgumentTypeError, match=r"`value` must be numeric. Received: value=.*Allowed: a number"
    ):
        ik.Constant(wrong)


@pytest.mark.parametrize(
    "wrong",
    [2**64, -(2**63) - 1, 10**400],
    ids=lambda value: f"{value:.0e}" if abs(value) < 10**300 else "10**400",
)
def test_integers_beyond_64_bits(wrong: int) -> None:
    """An integer that NumPy would keep as an object is refused, with how to write it."""
    with pytest.raises(
        ArgumentError, match=r"`value` is out of range. Received: an integer of \d+ bits.*as a float"
    ):
        ik.Constant(wrong)


@pytest.mark.parametrize(
    ("value", "mean", "std"),
    [
        (0.25, 0.25, 0.0),
        (np.array([1.0, 3.0]), 2.0, 1.0),
        (np.array([True, False]), 0.5, 0.5),
        (np.array([3 + 4j, -3 - 4j]), 0.0, 5.0),
        (np.zeros((0, 3)), 0.0, 0.0),
        (np.ones(4, "bfloat16"), 1.0, 0.0),
        (math.inf, math.inf, math.nan),
        (math.nan, math.nan, math.nan),
    ],
    ids=repr,
)
def test_constant_moments(value: Any, mean: float, std: float) -> None:
    """The moments are the value's own, whatever it is."""
    assert np.array_equal(ik.Constant(value).moments((2,)), (mean, std), equal_nan=True)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (0, 3), (3, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("name", [name for name in DTYPES if name != "bool"])
def test_identity(shape: tuple[int, int], name: str) -> None:
    """Every rectangle has the gain on its diagonal and zeros beside it, in every dtype."""
    assert ik.Identity(2.0)(shape, name).tobytes() == (2 * np.eye(*shape)).astype(name).tobytes()
    assert ik.Identity()(shape, "bool").tobytes() == np.eye(*shape, dtype=bool).tobytes()


@pytest.mark.parametrize(
    "index",
    [
        np.s_[1:],
        np.s_[:, 2:],
        np.s_[::-1],
        np.s_[::-2, ::3],
        np.s_[3:0:-1, 5::-2],
        np.s_[7],
        np.s_[:, 4],
        np.s_[9:],
    ],
    ids=repr,
)
def test_identity_of_a_slice(index: Any) -> None:
    """A slice has its ones where the whole has them."""
    assert np.array_equal(ik.Identity(3.0).lazy((9, 7))[index], (3 * np.eye(9, 7))[index])


def test_identity_of_a_giant() -> None:
    """A slice of an identity matrix costs its own size, and the whole little more than itself."""
    part = ik.Identity().lazy((2**30, 2**30))[2**29 : 2**29 + 3, 2**29 : 2**29 + 3]
    assert np.array_equal(part, np.eye(3))
    out = np.empty((2000, 2000), np.float32)
    tracemalloc.start()
    ik.Identity().fill(out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000


@pytest.mark.parametrize("shape", [(), (3,), (3, 3, 3), (1, 1, 1, 1)])
def test_identity_is_a_matrix(shape: tuple[int, ...]) -> None:
    """Another number of axes is refused in Keras' words, also when moments are asked for."""
    expected = r"Identity matrix initializer can only be used for 2D matrices. Received: shape=.*of rank \d"
    with pytest.raises(ShapeError, match=expected):
        ik.Identity()(shape)
    with pytest.raises(ShapeError, match=expected):
        ik.Identity().moments(shape)


@pytest.mark.parametrize(
    ("gain", "name"), [(0.5, "int32"), (300.0, "uint8"), (1e6, "float16"), (2.0, "bool")]
)
def test_identity_gain_must_fit(gain: float, name: str) -> None:
    """A gain that the dtype cannot hold is refused."""
    with pytest.raises(ArgumentError, match=rf"`gain` does not fit dtype '{name}'. Received: {gain}"):
        ik.Identity(gain)((2, 2), name)


@pytest.mark.parametrize("shape", [(3, 3), (4, 7), (7, 4), (0, 3), (1, 1)], ids=str)
def test_identity_moments(shape: tuple[int, int]) -> None:
    """Mean and deviation are those of all elements."""
    moments = ik.Identity(-3.0).moments(shape)
    values = -3.0 * np.eye(*shape)
    expected = (values.mean(), values.std()) if values.size else (0.0, 0.0)
    assert moments == pytest.approx(expected, abs=1e-12)
