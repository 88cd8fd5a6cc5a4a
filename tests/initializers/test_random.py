"""RandomNormal, RandomUniform and TruncatedNormal: their values from the specification, bounds, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import DTYPES
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError
from initkit.initializers.random import TRUNCATED_STD, check_range, farthest_normal
from tests import stream_reference as reference
from tests.catalogue import COMPLEX, FLOATS

N = 60


@pytest.mark.parametrize(("dtype", "rounding"), [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize(
    ("init", "law", "shift", "scale"),
    [
        (ik.RandomNormal(0.5, 2.0, seed=7), reference.normal, 0.5, 2.0),
        (ik.RandomUniform(-1.0, 3.0, seed=7), reference.uniform, -1.0, 4.0),
        (ik.TruncatedNormal(0.5, 2.0, seed=7), reference.truncated_normal, 0.5, 2.0),
    ],
    ids=["normal", "uniform", "truncated"],
)
def test_values_are_the_specifications(
    init: Any, law: Any, shift: float, scale: float, dtype: str, rounding: float
) -> None:
    """From seed to value, every element is what the specification says, up to rounding."""
    identity, wide = reference.draw_identity(7), dtype == "float64"
    expected = [shift + scale * law(identity, index, wide) for index in range(N)]
    np.testing.assert_allclose(init((N,), dtype), expected, rtol=0, atol=4 * rounding * scale)


def test_children_and_draws_are_the_specifications() -> None:
    """A child's third draw has the identity of its path and number."""
    generator = ik.SeedGenerator(7).child("encoder").child("größe")
    init = ik.RandomUniform(0.0, 1.0, seed=generator)
    values = [init((N,), "float64") for _ in range(3)][2]
    identity = reference.draw_identity(7, ("encoder", "größe"), 2)
    assert values.tolist() == [reference.uniform(identity, index, wide=True) for index in range(N)]


@pytest.mark.parametrize("index", [2**33 - 3, 2**34 + 1, 2**40 + 6, 2**61 - 5])
def test_elements_far_away_are_the_specifications(index: int) -> None:
    """Elements beyond 32 bits of index and of block are found where the specification has them."""
    lazy = ik.RandomUniform(0.0, 1.0, seed=7).lazy((2**62 - 1,), "float64")
    identity = reference.draw_identity(7)
    expected = [reference.uniform(identity, index + k, wide=True) for k in range(5)]
    assert lazy[index : index + 5].tolist() == expected


@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex_values_are_pairs(dtype: str) -> None:
    """A complex draw is the draw of twice as many numbers, each part with half of the variance."""
    part = DTYPES[dtype].draw.name
    values = ik.RandomNormal(0.5, 2.0, seed=7)((5, 4), dtype)
    pairs = ik.RandomNormal(0.0, 2.0 * math.sqrt(0.5), seed=7)((5, 4, 2), part)
    assert np.array_equal(values.imag, pairs[..., 1])
    np.testing.assert_allclose(values.real, pairs[..., 0] + 0.5, rtol=1e-6)
    assert ik.RandomNormal(0.5, 2.0, seed=7)((), dtype) == values[0, 0]
    assert ik.RandomNormal(seed=7)((0, 3), dtype).shape == (0, 3)


@pytest.mark.parametrize("cls", [ik.RandomNormal, ik.TruncatedNormal])
def test_normal_attributes(cls: Any) -> None:
    """Arguments are kept as Python floats, the defaults are Keras'."""
    assert (cls().mean, cls().stddev, cls().seed) == (0.0, 0.05, None)
    made = cls(np.float32(0.5), 2, 7)
    assert (made.mean, made.stddev, made.seed) == (0.5, 2.0, 7)
    assert type(made.mean) is type(made.stddev) is float


def test_uniform_attributes() -> None:
    """Arguments are kept as Python floats, the defaults are Keras'."""
    made = ik.RandomUniform()
    assert (made.minval, made.maxval, made.seed) == (-0.05, 0.05, None)
    assert type(ik.RandomUniform(-1, 1).minval) is float


@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform_stays_within_its_bounds(dtype: str) -> None:
    """The lower end can come, the upper cannot in float32 and float64; rounding may reach it below them."""
    values = ik.RandomUniform(1.0, 3.0, seed=7)((100_000,), dtype).astype(np.float64)
    assert values.min() >= 1.0
    assert values.max() < 3.0 or (dtype not in ("float32", "float64") and values.max() == 3.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("low", "high"), [(1.0, np.nextafter(np.float32(1), np.float32(2))), (-1e30, 1e-30), (0.1, 0.3)]
)
def test_uniform_never_gives_its_upper_end(low: float, high: float, dtype: str) -> None:
    """Where rounding would make the upper end, the float below it comes."""
    values = ik.RandomUniform(low, high, seed=7)((100_000,), dtype)
    assert (values >= low).all()
    assert (values < high).all()


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.1), (0.1, 0.1 + 1e-12), (-0.0, 0.0)])
def test_uniform_without_room(low: float, high: float) -> None:
    """Where no float lies between the ends, the one nearest the lower end comes."""
    assert set(ik.RandomUniform(low, high, seed=7)((100,)).tolist()) == {float(np.float32(low))}


@pytest.mark.parametrize("dtype", FLOATS)
def test_truncated_stays_within_its_bounds(dtype: str) -> None:
    """No value is beyond two deviations, in any precision; the roundings of the bounds are the bounds."""
    values = ik.TruncatedNormal(0.5, 2.0, seed=7)((100_000,), dtype).astype(np.float64)
    assert values.min() >= -3.5
    assert values.max() <= 4.5


@pytest.mark.parametrize("cls", [ik.RandomNormal, ik.TruncatedNormal])
@pytest.mark.parametrize("dtype", FLOATS)
def test_no_deviation_is_a_constant(cls: Any, dtype: str) -> None:
    """Without deviation every value is the mean, rounded."""
    expected = ik.Constant(0.3)((50,), dtype)
    assert cls(0.3, 0.0, seed=7)((50,), dtype).tobytes() == expected.tobytes()


def test_minus_zero_gives_the_bits_of_zero() -> None:
    """Equal configurations give equal bits, whichever of them was called first."""
    for cls, plus, minus in (
        (ik.RandomNormal, (0.0, 0.0), (-0.0, -0.0)),
        (ik.RandomUniform, (0.0, 0.0), (-0.0, 0.0)),
        (ik.TruncatedNormal, (0.0, 0.0), (-0.0, -0.0)),
    ):
        assert cls(*minus) == cls(*plus)
        assert cls(*minus, seed=7)((9,)).tobytes() == cls(*plus, seed=7)((9,)).tobytes()


@pytest.mark.parametrize("dtype", FLOATS)
def test_values_reach_no_infinity(dtype: str) -> None:
    """Parameters just within a dtype's range give finite values; just beyond it they are refused."""
    largest, farthest = DTYPES[dtype].largest, farthest_normal(DTYPES[dtype])
    for inside, beyond in (
        (
            ik.RandomNormal(0.0, largest / farthest * 0.999, 7),
            ik.RandomNormal(0.0, largest / farthest * 1.001),
        ),
        (ik.TruncatedNormal(0.0, largest / 2 * 0.999, 7), ik.TruncatedNormal(0.0, largest / 2 * 1.001)),
        (ik.RandomNormal(largest, 0.0, 7), ik.RandomNormal(-largest, largest * 0.001)),
        (ik.RandomUniform(0.0, largest, 7), ik.RandomUniform(-largest, largest * 0.999)),
    ):
        assert np.isfinite(inside((1000,), dtype).astype(np.float64)).all()
        if dtype in ("float16", "float8_e4m3fn", "float8_e5m2") and isinstance(beyond, ik.RandomUniform):
            # Both ends are held, and float32, in which they are drawn, holds their distance.
            beyond = ik.RandomUniform(0.0, largest * 1.001)
        with pytest.raises(
            ArgumentError, match=r"(range of dtype).*Received: .*Allowed: up to .* either way"
        ):
            beyond((1000,), dtype)


def test_uniform_range_is_that_of_the_draw() -> None:
    """Two ends that a low precision holds may be farther apart than its largest value, but not in float32."""
    values = ik.RandomUniform(-60000, 60000, seed=7)((1000,), "float16")
    assert values.min() < -50000
    assert values.max() > 50000
    with pytest.raises(
        ArgumentError, match=r"`distance` is beyond the range of dtype 'float32'. Received: distance=6e"
    ):
        ik.RandomUniform(-3e38, 3e38)((3,))
    assert ik.RandomUniform(-3e38, 3e38, seed=7)((3,), "float64").shape == (3,)


def test_farthest_normal_is_the_farthest() -> None:
    """No uniform number leads Box and Muller beyond it, and the least one leads almost there."""
    for dtype, least in (("float32", 2.0**-33), ("float64", 2.0**-54)):
        exact = math.sqrt(-2 * math.log(least))
        assert exact < farthest_normal(DTYPES[dtype]) < exact + 0.01


def test_truncated_std_is_the_laws() -> None:
    """The correction is the deviation of the standard normal law within ±2, to the last digit."""
    density, mass = math.exp(-2) / math.sqrt(2 * math.pi), math.erf(2 / math.sqrt(2))
    assert pytest.approx(math.sqrt(1 - 4 * density / mass), rel=1e-15) == TRUNCATED_STD


@pytest.mark.parametrize("cls", [ik.RandomNormal, ik.RandomUniform, ik.TruncatedNormal])
@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_integers_are_not_drawn(cls: Any, dtype: str) -> None:
    """Integer and bool dtypes are refused with the dtypes that can be drawn."""
    with pytest.raises(
        DTypeError, match=rf"{cls.__name__} cannot make .*'{dtype}'. Allowed dtypes: float32.*Ask for"
    ):
        cls()((3,), dtype)


def test_complex_uniform_range() -> None:
    """A disk needs both ends of its diameter in the dtype, and not their distance."""
    values = ik.RandomUniform(-3e38, 3e38, seed=7)((100,), "complex64")
    assert np.isfinite(values).all()
    with pytest.raises(ArgumentError, match="`maxval` is beyond the range of dtype 'complex64'"):
        ik.RandomUniform(0.0, 1e39)((3,), "complex64")


@pytest.mark.parametrize(
    ("cls", "arguments", "error", "message"),
    [
        (
            ik.RandomNormal,
            {"stddev": -1.0},
            ArgumentError,
            r"`stddev` is out of range. Received: stddev=-1.0",
        ),
        (ik.TruncatedNormal, {"stddev": -1e-9}, ArgumentError, "`stddev` is out of range"),
        (ik.RandomNormal, {"mean": math.nan}, ArgumentError, "`mean` is out of range"),
        (ik.RandomNormal, {"stddev": math.inf}, ArgumentError, "`stddev` is out of range"),
        (ik.RandomUniform, {"maxval": math.inf}, ArgumentError, "`maxval` is out of range"),
        (
            ik.RandomUniform,
            {"minval": 1.0, "maxval": 0.0},
            ArgumentError,
            "`minval` cannot be above `maxval`",
        ),
        (ik.RandomNormal, {"mean": "0"}, ArgumentTypeError, "`mean` must be a real number"),
        (ik.RandomUniform, {"minval": None}, ArgumentTypeError, "`minval` must be a real number"),
        (ik.TruncatedNormal, {"seed": 1.5}, ArgumentTypeError, "`seed` argument"),
    ],
    ids=repr,
)
def test_parameters_are_checked_at_construction(
    cls: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Bad parameters are refused when the object is made, not by the backend."""
    with pytest.raises(error, match=message):
        cls(**arguments)


@pytest.mark.parametrize(
    ("init", "mean", "std"),
    [
        (ik.RandomNormal(0.5, 2.0), 0.5, 2.0),
        (ik.RandomUniform(-1.0, 3.0), 1.0, 4 / math.sqrt(12)),
        (ik.TruncatedNormal(0.5, 2.0), 0.5, 2.0 * 0.8796256610342398),
    ],
    ids=repr,
)
def test_moments(init: Any, mean: float, std: float) -> None:
    """The expected moments are those of the law, for every shape."""
    for shape in ((), (3,), (0, 3)):
        assert init.moments(shape) == pytest.approx((mean, std))


def test_check_range_names_the_parameter() -> None:
    """The parameter, its value and the range are in the message."""
    with pytest.raises(
        ArgumentError, match=r"`gain` is beyond .*'float16'. Received: gain=-1e5|gain=-100000.0"
    ):
        check_range(DTYPES["float16"], fine=1.0, gain=-1e5)
    with pytest.raises(ArgumentError, match="`gain` is beyond"):
        check_range(DTYPES["float64"], gain=math.nan)
