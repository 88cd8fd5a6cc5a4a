"""What an initializer takes axes for, against the fans that it computes from them."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest

import initkit as ik
from initkit.initializers.axis_reading import axis_reading

SHAPE = (3, 5, 7, 11)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"layout": "torch"},
        {"layout": "OHWI"},
        {"layout": "BIOO"},
        {"layout": "torch", "transposed": True},
        {"transposed": True},
        {"input_axes": 1, "output_axes": [0, -1]},
        {"input_axes": [0, 1], "output_axes": [1, 2]},
        {"input_axes": [1], "output_axes": [2], "batch_axes": [0]},
        {"input_axes": [1], "output_axes": [2], "batch_axes": []},
    ],
    ids=str,
)
def test_letters_are_those_of_the_fans(arguments: dict[str, Any]) -> None:
    """The product of inputs and receptive field is the fan-in, that of outputs and field the fan-out."""
    reading = axis_reading(ik.HeNormal(**arguments), SHAPE)
    assert reading is not None

    def product(letters: str) -> int:
        return prod(n for letter, n in zip(reading.applied, SHAPE, strict=True) if letter in letters)

    fans = ik.fans(SHAPE, **arguments)
    assert (product("IKHW"), product("OKHW")) == (fans.fan_in, fans.fan_out)
    assert reading.is_said == bool(set(arguments) - {"transposed"})


def test_changes_of_axes_are_followed() -> None:
    """Letters move with the axes, and a stack's is a batch's."""
    inner = ik.HeNormal(layout="OIHW")
    turned = axis_reading(ik.Transpose(inner, [2, 3, 1, 0]), (3, 3, 8, 16))
    assert turned is not None
    assert turned.stored == ("H", "W", "I", "O")
    stacked = axis_reading(ik.Stack(ik.HeNormal(layout="OI"), axis=1), (8, 4, 16))
    assert stacked is not None
    assert stacked.stored == stacked.applied == ("O", "B", "I")
    one_by_one = axis_reading(ik.Stack([ik.HeNormal(layout="OI"), ik.RandomNormal()]), (2, 8, 16))
    assert one_by_one is None


class Mine(ik.Initializer):
    """One with layouts of its own."""

    layout = "NCHW"

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Make zeros."""
        return ik.Zeros()(shape, dtype)


@pytest.mark.parametrize("initializer", [ik.RandomNormal(), ik.Scale("zeros", 2.0), Mine(), ik.Mimetic()])
def test_axes_may_mean_nothing(initializer: ik.Initializer) -> None:
    """Where nothing was said, nothing is assumed."""
    assert axis_reading(initializer, (8, 8)) is None


def test_vectors_are_outputs() -> None:
    """A bias has outputs alone."""
    reading = axis_reading(ik.HeNormal(), (8,))
    assert reading is not None
    assert reading.applied == ("O",)
