"""VarianceScaling and its six names: fans, laws, names, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tests.catalogue import COMPLEX, FLOATS

NAMED = {
    ik.GlorotUniform: (1.0, "fan_avg", "uniform"),
    ik.GlorotNormal: (1.0, "fan_avg", "truncated_normal"),
    ik.HeUniform: (2.0, "fan_in", "uniform"),
    ik.HeNormal: (2.0, "fan_in", "truncated_normal"),
    ik.LecunUniform: (1.0, "fan_in", "uniform"),
    ik.LecunNormal: (1.0, "fan_in", "truncated_normal"),
}
# The standard deviation of Keras' formulas for the shape (3, 3, 16, 32): fans 144 and 288.
FANS = {"fan_in": 144.0, "fan_out": 288.0, "fan_avg": 216.0, "fan_geo_avg": math.sqrt(144 * 288)}
SHAPE = (3, 3, 16, 32)
# What says how a shape is read, with the defaults: Keras' own.
READ_BY: dict[str, Any] = {
    **dict.fromkeys(("input_axes", "output_axes", "batch_axes", "layout")),
    "groups": 1,
    "transposed": False,
    "depthwise": False,
}


@pytest.mark.parametrize("cls", NAMED, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    "axes",
    [{}, {"input_axes": [0, 1], "output_axes": [-1]}, {"layout": "OIHW", "groups": 3, "transposed": True}],
    ids=["", "axes", "layout"],
)
def test_names_are_settings(cls: Any, axes: dict[str, Any]) -> None:
    """Each named class gives the bits of the setting that its documentation names, in every dtype."""
    for dtype in FLOATS:
        named, general = cls(seed=7, **axes), ik.VarianceScaling(*NAMED[cls], seed=7, **axes)
        assert named(SHAPE, dtype).tobytes() == general(SHAPE, dtype).tobytes()
        assert named.moments(SHAPE) == general.moments(SHAPE)
    assert list(cls().get_config()) == ["seed", *READ_BY]


@pytest.mark.parametrize("mode", FANS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_laws_are_the_plain_ones(mode: str, dtype: str, scale: float) -> None:
    """The values are those of the plain initializers with the parameters of Keras' formulas."""
    stddev = math.sqrt(scale / FANS[mode])
    plain = {
        "uniform": ik.RandomUniform(-math.sqrt(3) * stddev, math.sqrt(3) * stddev, seed=7),
        "truncated_normal": ik.TruncatedNormal(0.0, stddev / 0.87962566103423978, seed=7),
        "untruncated_normal": ik.RandomNormal(0.0, stddev, seed=7),
    }
    for distribution, init in plain.items():
        scaled = ik.VarianceScaling(scale, mode, distribution, seed=7)
        np.testing.assert_allclose(
            scaled(SHAPE, dtype).astype(np.float64),
            init(SHAPE, dtype).astype(np.float64),
            rtol=1e-6 if dtype in ("float32", "float64") else 0.13,
        )
        assert scaled.moments(SHAPE) == pytest.approx((0.0, stddev))


@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex_normal(dtype: str) -> None:
    """Complex weights have the variance of the formula in total, half of it in each part."""
    init = ik.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=7)
    expected = ik.RandomNormal(0.0, math.sqrt(2.0 / 144), seed=7)(SHAPE, dtype)
    np.testing.assert_allclose(init(SHAPE, dtype), expected, rtol=1e-6)


def test_a_slice_has_the_fans_of_the_whole() -> None:
    """The shape of a slice changes nothing: fans come from the global shape."""
    init = ik.HeNormal(seed=7)
    assert init.lazy(SHAPE)[1, :2, 3].tobytes() == init(SHAPE)[1, :2, 3].tobytes()


@pytest.mark.parametrize(("shape", "std"), [((), 1.0), ((4,), 0.5), ((0, 5), 1.0), ((4, 9), 0.5)])
def test_small_fans(shape: tuple[int, ...], std: float) -> None:
    """A fan below one counts as one."""
    assert ik.VarianceScaling(1.0).moments(shape) == (0.0, std)
    assert ik.VarianceScaling(1.0, seed=7)(shape).shape == shape


def test_attributes() -> None:
    """Arguments are attributes from the start, axes as lists; the defaults are Keras'."""
    made = ik.VarianceScaling()
    assert (made.scale, made.mode, made.distribution, made.seed) == (1.0, "fan_in", "truncated_normal", None)
    assert {name: getattr(made, name) for name in READ_BY} == READ_BY
    assert ik.HeNormal(input_axes=0, output_axes=(1, 2)).get_config() == {
        "seed": None,
        **READ_BY,
        "input_axes": [0],
        "output_axes": [1, 2],
    }
    assert (ik.HeNormal().scale, ik.HeNormal().mode, ik.HeNormal().distribution) == NAMED[ik.HeNormal]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("normal", "truncated_normal"), ("Truncated_Normal", "truncated_normal"), ("UNIFORM", "uniform")],
)
def test_distribution_names(given: str, kept: str) -> None:
    """As in Keras, case does not matter, and "normal" is the truncated one."""
    assert ik.VarianceScaling(distribution=given).distribution == kept


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scale": 0.0}, ArgumentError, r"Argument `scale` must be positive float\. Received: scale=0.0"),
        ({"scale": -1}, ArgumentError, r"Argument `scale` must be positive float\."),
        ({"scale": math.nan}, ArgumentError, "`scale` is out of range"),
        ({"scale": math.inf}, ArgumentError, "`scale` is out of range"),
        ({"scale": "2"}, ArgumentTypeError, "`scale` must be a real number"),
        ({"mode": "fan"}, ArgumentError, r"Invalid `mode` argument: 'fan'"),
        ({"mode": None}, ArgumentError, "Invalid `mode` argument: None"),
        (
            {"distribution": "cauchy"},
            ArgumentError,
            r"Invalid `distribution` argument: 'cauchy'. Please use one of",
        ),
        ({"distribution": "unifrom"}, ArgumentError, "Did you mean 'uniform'"),
        ({"distribution": None}, ArgumentError, "Invalid `distribution` argument: None"),
        ({"input_axes": [0]}, ArgumentError, "belong together"),
        ({"input_axes": "0", "output_axes": [1]}, ArgumentTypeError, "`input_axes` must name axes"),
        ({"seed": -1}, ArgumentError, "cannot be negative"),
    ],
    ids=repr,
)
def test_arguments_are_checked(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Bad arguments are refused when the object is made, in Keras' words where it has any."""
    with pytest.raises(error, match=message):
        ik.VarianceScaling(**arguments)


@pytest.mark.parametrize("cls", [*NAMED, ik.VarianceScaling], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("dtype", ["int8", "bool"])
def test_other_dtypes(cls: Any, dtype: str) -> None:
    """Integers are not drawn; the message names the dtypes that are."""
    with pytest.raises(DTypeError, match=rf"{cls.__name__} cannot make .*Received: dtype '{dtype}'.*Ask for"):
        cls()((3, 4), dtype)


def test_axes_that_the_shape_has_not() -> None:
    """Axes are checked against the shape at the call, and by moments."""
    init = ik.HeNormal(input_axes=[2], output_axes=[0])
    for use in (init, init.lazy, init.moments):
        with pytest.raises(ShapeError, match=r"has no axis 2"):
            use((3, 4))


def test_values_that_leave_the_dtype() -> None:
    """A scale whose values a dtype cannot hold is refused with the deviation that it leads to."""
    init = ik.VarianceScaling(1e9, seed=7)
    with pytest.raises(
        ArgumentError, match=r"leave the range of dtype 'float16'. Received: mean=0.0, stddev=31622.7"
    ):
        init((1, 1), "float16")
    assert np.isfinite(init((100, 100), "float16")).all()
    assert np.isfinite(init((1, 1))).all()
