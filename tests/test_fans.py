"""Fans, against Keras' rule written out, and the mode that picks one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.fans import (
    FAN_MODES,
    Fans,
    as_axes,
    check_fan_mode,
    compute_fans,
    effective_fan,
    require_both_axes,
)

lengths = st.integers(0, 50)


@pytest.mark.parametrize(
    ("shape", "fans"),
    [
        ((), (1, 1)),
        (5, (5, 5)),
        ((5,), (5, 5)),
        ((4, 3), (4, 3)),
        ((0, 5), (0, 5)),
        ((3, 4, 5), (12, 15)),
        ((3, 3, 4, 8), (36, 72)),
        ((1, 2, 3, 4, 5), (24, 30)),
        ([np.int64(4), 3], (4, 3)),
    ],
)
def test_keras_rule(shape: Any, fans: tuple[int, int]) -> None:
    """Without axes, a shape is read as (receptive field, in, out)."""
    assert compute_fans(shape) == fans


@given(st.lists(lengths, min_size=2, max_size=5))
def test_a_matrix_times_a_receptive_field(shape: list[int]) -> None:
    """Every axis in front of the last two multiplies both fans of the matrix."""
    field = math.prod(shape[:-2])
    matrix = compute_fans(shape[-2:])
    assert compute_fans(shape) == (field * matrix.fan_in, field * matrix.fan_out)


@given(st.lists(lengths, min_size=1, max_size=5), st.data())
def test_axes_are_products(shape: list[int], data: st.DataObject) -> None:
    """With axes, each fan is the product of the lengths named, counted from either end."""
    axis = st.integers(-len(shape), len(shape) - 1)
    named = [data.draw(st.lists(axis, unique_by=lambda entry: entry % len(shape))) for _ in range(2)]
    fans = compute_fans(shape, *named)
    assert fans == tuple(int(np.prod([shape[entry] for entry in axes], dtype=np.int64)) for axes in named)


@pytest.mark.parametrize(
    ("shape", "inputs", "outputs", "fans"),
    [
        ((512, 8, 64), [0], [1, 2], (512, 512)),
        ((512, 8, 64), [0, 1], [2], (4096, 64)),
        ((512, 8, 64), (-3, 1), -1, (4096, 64)),
        ((3, 3, 64, 1), [0, 1], [0, 1, 3], (9, 9)),
        ((3, 3, 16, 32), [0, 1, 3], [0, 1, 2], (288, 144)),
        ((4, 5), [], [1], (1, 5)),
    ],
)
def test_attention_depthwise_and_transposed(shape: Any, inputs: Any, outputs: Any, fans: Any) -> None:
    """Axes say what the rule cannot know; a receptive field may belong to both fans."""
    assert compute_fans(shape, inputs, outputs) == fans


def test_fans_are_integers_without_bound() -> None:
    """Fans are exact integers, beyond what a float64 can tell apart."""
    fans = compute_fans((2**27, 2**27 + 1, 3))
    assert fans.fan_in == 2**27 * (2**27 + 1)
    assert all(type(fan) is int for fan in fans)


@pytest.mark.parametrize(("inputs", "outputs"), [([0], None), (None, [1]), ([], None), (None, 0)])
def test_one_axes_argument_alone(inputs: Any, outputs: Any) -> None:
    """One of the two without the other is an error, where Keras ignores it."""
    with pytest.raises(ArgumentError, match=r"belong together. Received: .*Allowed: both, or neither"):
        compute_fans((3, 4), inputs, outputs)


@pytest.mark.parametrize(
    ("shape", "inputs", "outputs", "bad"),
    [((3, 4), [2], [0], 2), ((3, 4), [0], [-3], -3), ((), [0], [], 0)],
)
def test_no_such_axis(shape: Any, inputs: Any, outputs: Any, bad: int) -> None:
    """An axis that the shape has not is named, with those it has."""
    with pytest.raises(ShapeError, match=rf"no axis {bad}\. Received: (in|out)put_axes=.*Allowed: "):
        compute_fans(shape, inputs, outputs)


@pytest.mark.parametrize("axes", [[0, 0], [0, -2], [1, 0, -1]])
def test_an_axis_twice(axes: list[int]) -> None:
    """One argument names an axis once, by whichever end it is counted from."""
    with pytest.raises(ArgumentError, match=r"`input_axes` names an axis twice.*Allowed: each axis once"):
        compute_fans((3, 4), axes, [1])


@pytest.mark.parametrize(
    "wrong", ["0", 0.5, [0.0], [None], True, [True], {0}, np.array([0, 1]), [[0]]], ids=repr
)
def test_axes_of_the_wrong_type(wrong: Any) -> None:
    """Axes are integers; the message names the argument."""
    with pytest.raises(
        ArgumentTypeError, match=r"`output_axes` must name axes. Received: .*Allowed: None, an int"
    ):
        compute_fans((3, 4), [0], wrong)


@pytest.mark.parametrize(
    ("axes", "expected"),
    [(None, None), (1, (1,)), (np.int8(-1), (-1,)), ([0, np.int64(1)], (0, 1)), ((), ())],
)
def test_as_axes(axes: Any, expected: Any) -> None:
    """None stays None; one axis and sequences of axes become tuples of Python's integers."""
    assert as_axes(axes, "input_axes") == expected


def test_require_both_axes() -> None:
    """Both or neither pass."""
    require_both_axes(None, None)
    require_both_axes((), ())


@pytest.mark.parametrize(
    ("mode", "fan"), [("fan_in", 4.0), ("fan_out", 9.0), ("fan_avg", 6.5), ("fan_geo_avg", 6.0)]
)
def test_effective_fan(mode: str, fan: float) -> None:
    """Each mode has its formula."""
    assert effective_fan(Fans(4, 9), mode) == fan


@pytest.mark.parametrize("mode", FAN_MODES)
def test_effective_fan_is_at_least_one(mode: str) -> None:
    """An empty tensor divides nothing by zero."""
    assert effective_fan(Fans(0, 0), mode) == 1.0


@pytest.mark.parametrize(
    "wrong", ["fan", "FAN_IN", "", None, 1, ["fan_in"], np.array(["fan_in", "x"])], ids=repr
)
def test_unknown_mode(wrong: Any) -> None:
    """Another mode is refused with Keras' words."""
    with pytest.raises(
        ArgumentError, match=r"Invalid `mode` argument: .*Please use one of 'fan_in', 'fan_out'"
    ):
        check_fan_mode(wrong)


def test_unknown_mode_suggests() -> None:
    """A near miss is met with the mode that was meant."""
    with pytest.raises(ArgumentError, match="Did you mean 'fan_avg'"):
        effective_fan(Fans(1, 1), "fanavg")
