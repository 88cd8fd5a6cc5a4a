"""Quaternion: the laws of modulus, axis and angle, the fans, slices, and what a layer keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.dtypes import DTYPES, rounded
from initkit.errors import ShapeError
from tests import stream_reference as reference
from tests.catalogue import FLOATS

LEVEL = 1e-5
SHAPE = (4, 64, 512)


@pytest.fixture(name="parts", scope="module")
def _parts() -> tuple[Any, Any, Any]:
    """Moduli, angles and axes of many quaternions with σ = 1."""
    w = ik.Quaternion("he", seed=7)(SHAPE, "float64").reshape(4, -1) * math.sqrt(2 * 64)
    # A quaternion has two polar forms; the one with the angle in (0, π) has the axis of the vector part.
    vector = np.sqrt((w[1:] ** 2).sum(axis=0))
    return np.sqrt((w**2).sum(axis=0)), np.arctan2(vector, w[0]), w[1:] / vector


def _uncorrelated(one: Any, other: Any) -> bool:
    return bool(abs(np.corrcoef(one, other)[0, 1]) * math.sqrt(one.size) < stats.norm.isf(LEVEL))


def test_modulus_has_the_chi_law(parts: tuple[Any, Any, Any]) -> None:
    """The modulus over σ has the χ law with four degrees of freedom, so E|w|² = 4σ²."""
    modulus, _, _ = parts
    assert stats.kstest(modulus, stats.chi(4).cdf).pvalue > LEVEL
    assert abs((modulus**2).mean() - 4) < stats.norm.isf(LEVEL) * math.sqrt(8 / modulus.size)


def test_angle_is_uniform(parts: tuple[Any, Any, Any]) -> None:
    """The angle is uniform, unlike that of four equal normal values."""
    _, angle, _ = parts
    assert stats.kstest(angle, stats.uniform(0, math.pi).cdf).pvalue > LEVEL
    normal = ik.RandomNormal(seed=7)((4, 1 << 15), "float64")
    other = np.arctan2(np.sqrt((normal[1:] ** 2).sum(axis=0)), normal[0])
    assert stats.kstest(other, stats.uniform(0, math.pi).cdf).pvalue < LEVEL


def test_sign_of_the_angle_is_fair() -> None:
    """Angles come from both half circles: with the axis kept, the sine has both signs alike."""
    identity = reference.draw_identity(7, ("angle",))
    turns = [reference.centred(identity, index, wide=True) for index in range(64)]
    identity = reference.draw_identity(7)
    w = ik.Quaternion("he", seed=7)((4, 2, 32), "float64").reshape(4, -1)
    for index, turn in enumerate(turns):
        a, b, c, d = (reference.normal(identity, 4 * index + part, wide=True) for part in range(4))
        modulus = math.sqrt(a * a + b * b + c * c + d * d) / math.sqrt(2 * 2)
        axis = np.array([b, c, d]) / math.sqrt(b * b + c * c + d * d)
        sine = modulus * math.sin(2 * math.pi * turn)
        expected = [modulus * math.cos(2 * math.pi * turn), *(sine * axis)]
        np.testing.assert_allclose(w[:, index], expected, rtol=0, atol=1e-13)


def test_axis_is_uniform_on_the_sphere(parts: tuple[Any, Any, Any]) -> None:
    """By Archimedes every coordinate of the axis is uniform, and so is the longitude around it."""
    _, _, axis = parts
    for number in range(3):
        assert stats.kstest(axis[number], stats.uniform(-1, 2).cdf).pvalue > LEVEL
        longitude = np.arctan2(axis[number - 1], axis[number - 2])
        assert stats.kstest(longitude, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > LEVEL


def test_parts_are_independent(parts: tuple[Any, Any, Any]) -> None:
    """Modulus, angle and axis tell nothing about each other."""
    modulus, angle, axis = parts
    for number in range(3):
        for coordinate in (axis[number], axis[number] ** 2):
            assert _uncorrelated(modulus, coordinate)
            assert _uncorrelated(np.cos(angle), coordinate)
    assert _uncorrelated(modulus, np.cos(angle))
    assert _uncorrelated(modulus**2, np.cos(2 * angle))


@pytest.mark.parametrize(
    ("criterion", "sigma"), [("glorot", 1 / math.sqrt(2 * 576)), ("he", 1 / math.sqrt(2 * 64))]
)
def test_component_variances(criterion: str, sigma: float) -> None:
    """The real part has 2σ², each other 2σ²/3, all four together σ² on average, as `moments` says."""
    init = ik.Quaternion(criterion, seed=11)
    w = init(SHAPE, "float64").reshape(4, -1) / sigma
    for component, variance in zip(w, (2.0, 2 / 3, 2 / 3, 2 / 3), strict=True):
        error = stats.norm.isf(LEVEL) * np.std(component**2) / math.sqrt(component.size)
        assert abs((component**2).mean() - variance) < error
    assert init.moments(SHAPE) == pytest.approx((0.0, sigma))


def _hamilton(x: Any, w: Any) -> Any:
    """A linear layer of quaternions: the sum over inputs of the Hamilton products `x·w`."""
    (a, b, c, d), (e, f, g, h) = x, w
    return np.stack(
        [
            a @ e - b @ f - c @ g - d @ h,
            a @ f + b @ e + c @ h - d @ g,
            a @ g - b @ h + c @ e + d @ f,
            a @ h + b @ g - c @ f + d @ e,
        ]
    )


def test_a_quaternion_layer_keeps_the_second_moment() -> None:
    """With as many outputs as inputs, E|x|² stays, through eight linear layers."""
    x = ik.RandomNormal(stddev=0.5, seed=1)((4, 128, 128), "float64")
    generator = ik.SeedGenerator(7)
    for _ in range(8):
        x = _hamilton(x, ik.Quaternion(seed=generator)((4, 128, 128), "float64"))
    assert (x**2).sum(axis=0).mean() == pytest.approx(1.0, rel=0.12)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_component_axis_only_moves_components(axis: int) -> None:
    """The values are the same whichever axis holds the components."""
    shape = np.moveaxis(np.empty((4, 7, 6)), 0, axis).shape
    moved = ik.Quaternion("he", axis, seed=7)(shape)
    assert np.array_equal(np.moveaxis(moved, axis, 0), ik.Quaternion("he", seed=7)((4, 7, 6)))


@pytest.mark.parametrize(
    "index",
    [
        np.s_[0],
        np.s_[3, 2:5],
        np.s_[1:3, ::2, ::-1],
        np.s_[::-2],
        np.s_[2, 8, 10],
        np.s_[:, 3],
        np.s_[4:],
        np.s_[::3],
    ],
    ids=str,
)
def test_slices_are_those_of_the_whole(index: Any) -> None:
    """Any slice alone, of the components too, has the bits that it has in the whole."""
    for dtype in ("float32", "float64", "bfloat16"):
        init = ik.Quaternion(seed=7)
        expected = init((4, 9, 11), dtype)[index]
        assert np.asarray(init.lazy((4, 9, 11), dtype)[index]).tobytes() == expected.tobytes()


def test_pieces_make_the_whole() -> None:
    """A tensor of several pieces has the values of its parts."""
    init = ik.Quaternion(seed=7)
    whole = init((4, 300, 257))
    assert np.array_equal(whole[:, 120:130], init.lazy((4, 300, 257))[:, 120:130])
    assert ik.Quaternion(seed=7).lazy((4, 2**30, 2**28))[2, -1, -3:].shape == (3,)


@pytest.mark.parametrize("dtype", FLOATS)
def test_precisions_are_one_draw(dtype: str) -> None:
    """float32 values are the float64 values rounded once, and lower ones those rounded once more."""
    init = ik.Quaternion("he", seed=7)
    exact, made = init((4, 30, 40), "float64"), init((4, 30, 40), dtype)
    assert made.tobytes() == rounded(exact, DTYPES[dtype]).tobytes()


def test_one_quaternion() -> None:
    """A shape of the component axis alone is one quaternion, of fans 1."""
    assert ik.Quaternion(seed=7)((4,)).shape == (4,)
    assert ik.Quaternion("he").moments((4,)).std == pytest.approx(math.sqrt(0.5))


def test_fans_are_those_of_the_other_axes() -> None:
    """The component axis counts in no fan, and layouts and axes name the shape without it."""
    init = ik.Quaternion("he", 2, layout="OIHW")
    assert init.fans_of((8, 16, 4, 3, 3)) == ik.fans((8, 16, 3, 3), layout="OIHW")
    assert init.moments((8, 16, 4, 3, 3)).std == pytest.approx(1 / math.sqrt(2 * 16 * 9))
    by_axes = ik.Quaternion("he", -1, input_axes=[1], output_axes=[0])
    assert by_axes.fans_of((8, 16, 4)).fan_in == 16


@pytest.mark.parametrize(("shape", "axis"), [((), 0), ((3, 4), 0), ((4, 3), 2), ((4, 3), -3), ((0, 4), 0)])
def test_shapes_without_the_axis_are_refused(shape: tuple[int, ...], axis: int) -> None:
    """The component axis must be there, and of length 4; moments are refused as calls are."""
    init = ik.Quaternion(component_axis=axis)
    for call in (init, init.moments):
        with pytest.raises(ShapeError, match=r"needs an axis of length 4.*Allowed: the index of an axis"):
            call(shape)
