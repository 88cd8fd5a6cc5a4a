"""Sines and cosines of positions, against the formula in mpmath, and the tables of other libraries."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import pytest

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from tests.vision_libraries import timm

Table = npt.NDArray[np.float64]


def formula(
    grid: list[int], features: int, base: float = 10000.0, interleaved: bool = False, endpoint: bool = False
) -> Table:
    """The table, value by value, to 30 digits."""
    count = features // (2 * len(grid))
    steps = max(count - endpoint, 1)
    with mpmath.workdps(30):
        frequencies = [mpmath.mpf(base) ** (-mpmath.mpf(i) / steps) for i in range(count)]
        rows: list[list[float]] = []
        for place in product(*map(range, grid)):
            row: list[Any] = []
            for along in reversed(place):
                sines = [mpmath.sin(along * frequency) for frequency in frequencies]
                cosines = [mpmath.cos(along * frequency) for frequency in frequencies]
                pairs = [value for pair in zip(sines, cosines, strict=True) for value in pair]
                row += pairs if interleaved else sines + cosines
            rows.append([float(value) for value in row])
    return np.array(rows).reshape(prod(grid), features)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("endpoint", [False, True])
@pytest.mark.parametrize("grid", [None, [30], [4, 7], [3, 2, 5]])
def test_values_are_those_of_the_formula(grid: list[int] | None, interleaved: bool, endpoint: bool) -> None:
    """Every value is the sine or the cosine of its place times its frequency, in its place."""
    lengths = grid or [30]
    features = 8 * len(lengths)
    table = ik.SinusoidalPositions(grid, 500.0, interleaved, endpoint)((prod(lengths), features), "float64")
    expected = formula(lengths, features, 500.0, interleaved, endpoint)
    np.testing.assert_allclose(table, expected, rtol=0, atol=1e-15 * 31)


def test_positions_far_away_are_as_exact_as_promised() -> None:
    """An error grows with the position, and no faster than is said."""
    table = ik.SinusoidalPositions().lazy((1_000_003, 6), "float64")[-1]
    place = 1_000_002
    with mpmath.workdps(40):
        angles = [place * mpmath.mpf(10000) ** (-mpmath.mpf(i) / 3) for i in range(3)]
        expected = [float(mpmath.sin(angle)) for angle in angles] + [
            float(mpmath.cos(angle)) for angle in angles
        ]
    np.testing.assert_allclose(table, expected, rtol=0, atol=1e-15 * (place + 1))


def test_every_frequency_of_a_single_one_is_a_radian() -> None:
    """A single frequency is the highest one, whatever the lowest were."""
    for endpoint in (False, True):
        table = ik.SinusoidalPositions(endpoint=endpoint)((4, 2), "float64")
        np.testing.assert_allclose(table, np.stack([np.sin(range(4)), np.cos(range(4))], 1), atol=5e-15)


def test_the_lowest_frequency_is_the_base_at_the_end_or_after_it() -> None:
    """The base is reached by the last frequency, or would be by the next."""
    angles = [
        float(np.arcsin(ik.SinusoidalPositions(base=100.0, endpoint=endpoint)((2, 8), "float64")[1, 3]))
        for endpoint in (True, False)
    ]
    assert angles == pytest.approx([100.0**-1, 100.0**-0.75], rel=1e-13)


@pytest.mark.parametrize("grid", [[5, 5], [3, 6]])
def test_a_grid_has_the_values_of_timm(grid: list[int]) -> None:
    """The table of patches is that of timm, whose rows come first and not last."""
    theirs = timm.layers.build_sincos2d_pos_embed(grid, 16, interleave_sin_cos=True).numpy()
    ours = ik.SinusoidalPositions(grid)((prod(grid), 16))
    # timm begins with the rows, initkit with the columns.
    np.testing.assert_allclose(ours, np.roll(theirs, 8, axis=1), atol=1e-6)


def test_axes_in_front_repeat_the_table() -> None:
    """An axis of batches in front repeats the table."""
    table = ik.SinusoidalPositions()((5, 6))
    assert (ik.SinusoidalPositions()((2, 3, 5, 6)) == table).all()


@pytest.mark.parametrize("shape", [(50, 16), (1, 2), (3, 7, 8)])
@pytest.mark.parametrize("arguments", [{}, {"base": 1.0}, {"base": 30.0, "endpoint": True}])
def test_moments_are_those_of_the_values(shape: tuple[int, ...], arguments: dict[str, Any]) -> None:
    """Mean and deviation are those of the values that are made."""
    made = ik.SinusoidalPositions(**arguments)
    values = made(shape, "float64")
    assert made.moments(shape) == pytest.approx((values.mean(), values.std()), abs=1e-13)


def test_moments_on_a_grid_are_those_of_the_values() -> None:
    """So they are on a grid of unequal axes, and zero where it is empty."""
    made = ik.SinusoidalPositions([4, 9])
    values = made((36, 24), "float64")
    assert made.moments((36, 24)) == pytest.approx((values.mean(), values.std()), abs=1e-13)
    assert ik.SinusoidalPositions([0, 9]).moments((0, 24)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"grid": 14}, ArgumentTypeError, "must be a list of 1 to 3 lengths"),
        ({"grid": "1414"}, ArgumentTypeError, "must be a list of 1 to 3 lengths"),
        ({"grid": []}, ArgumentError, "must be a list of 1 to 3 lengths"),
        ({"grid": [2, 2, 2, 2]}, ArgumentError, "must be a list of 1 to 3 lengths"),
        ({"grid": [2, -1]}, ArgumentError, "out of range"),
        ({"grid": [2, 1.5]}, ArgumentTypeError, "grid"),
        ({"base": 0.5}, ArgumentError, "Received: base=0.5"),
        ({"base": float("inf")}, ArgumentError, "base"),
        ({"interleaved": 1}, ArgumentTypeError, "interleaved"),
        ({"endpoint": None}, ArgumentTypeError, "endpoint"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """What is no grid, no base or no flag is refused with its reason."""
    with pytest.raises(error, match=message):
        ik.SinusoidalPositions(**arguments)


@pytest.mark.parametrize(
    ("grid", "shape", "message"),
    [
        (None, (8,), "two axes or more"),
        (None, (8, 3), "multiples of 2"),
        ([2, 4], (8, 6), "multiples of 4"),
        ([2, 4], (9, 8), "Allowed: 8 for the second axis"),
    ],
)
def test_shapes_that_are_no_table_are_refused(
    grid: list[int] | None, shape: tuple[int, ...], message: str
) -> None:
    """A shape that has other axes than a table is refused with its reason."""
    with pytest.raises(ShapeError, match=message):
        ik.SinusoidalPositions(grid)(shape)
