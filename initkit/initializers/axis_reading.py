"""What an initializer takes the axes of a weight for, so that one around it need not be told again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from initkit.errors import ArgumentError
from initkit.initializer import Initializer
from initkit.initializers.arguments import axis_of
from initkit.initializers.blocks import Blocks, Stack
from initkit.initializers.composite import Composite, Modifier
from initkit.initializers.overwrite import Overwrite
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.initializers.transpose import Transpose
from initkit.layout import axis_letters, check_layout, distinct_axes

_EXCHANGED = {"I": "O", "O": "I"}


class AxisReading(NamedTuple):
    """The letter of every axis.

    Attributes:
        stored: The letters of the layout.
        applied: The same as the weight is applied: a transposed convolution has inputs and outputs exchanged.
        is_said: Whether a layout or axes were given, and not the default taken.
    """

    stored: tuple[str, ...]
    applied: tuple[str, ...]
    is_said: bool

    def permuted(self, order: list[int]) -> AxisReading:
        """That of the weight with its axes in another order."""
        stored, applied = (tuple(letters[axis] for axis in order) for letters in self[:2])
        return AxisReading(stored, applied, self.is_said)

    def with_batch_axis(self, axis: int) -> AxisReading:
        """That of several such weights, stacked along an axis."""
        stored, applied = ((*letters[:axis], "B", *letters[axis:]) for letters in self[:2])
        return AxisReading(stored, applied, self.is_said)


def axis_reading(initializer: Initializer, shape: tuple[int, ...]) -> AxisReading | None:
    """How an initializer, or the one inside it, reads a shape.

    Args:
        initializer: Any initializer. Those that change another one are looked through.
        shape: A checked shape, of which only the number of axes matters.

    Returns:
        The reading; None where axes mean nothing to it. All axes of a vector without a layout are outputs.

    Raises:
        ShapeError: Its layout or its axes do not fit the shape.

    Example:
        >>> import initkit as ik
        >>> axis_reading(ik.Scale(ik.HeNormal(layout="torch"), 2.0), (64, 10)).stored
        ('O', 'I')
    """
    if isinstance(initializer, ScaledByFan):
        return _of_fans(initializer, shape)
    if (letters := _of_layout(initializer, shape)) is not None:
        return AxisReading(letters, letters, True)
    if isinstance(initializer, Transpose):
        places = initializer._places(len(shape))
        inner = axis_reading(initializer.initializer, tuple(shape[place] for place in places))
        return inner and inner.permuted([places.index(axis) for axis in range(len(shape))])
    if isinstance(initializer, (Modifier, Overwrite)):
        return axis_reading(initializer.initializer, shape)
    if isinstance(initializer, Stack):
        axis = axis_of(shape, initializer.axis, "axis")
        inner = _of_all(initializer, shape[:axis] + shape[axis + 1 :])
        return inner and inner.with_batch_axis(axis)
    return _of_all(initializer, shape) if isinstance(initializer, Blocks) else None


def refuse_other_layout(
    owner: Initializer, layout: str, inner: AxisReading | None, agrees: Callable[[tuple[str, ...]], bool]
) -> None:
    """Refuse a layout that contradicts the one that was given to the initializer inside.

    Args:
        owner: The initializer with the layout.
        layout: The layout.
        inner: How the initializer inside reads the shape.
        agrees: Whether letters of the inner reading fit the layout.

    Raises:
        ArgumentError: They contradict each other.
    """
    if inner is None or not inner.is_said or agrees(inner.stored) or agrees(inner.applied):
        return
    name = type(owner).__name__
    message = f"{name} and the initializer inside read the axes differently. Received: layout={layout!r}"
    message += f" of {name}, around one that reads {' '.join(inner.stored)}. Allowed: the same for both."
    message += f" Leave the layout of {name} out, which then takes that of the initializer, or correct one."
    raise ArgumentError(message)


def _of_fans(initializer: ScaledByFan, shape: tuple[int, ...]) -> AxisReading:
    if initializer.input_axes is not None and initializer.output_axes is not None:
        letters = _of_axes(initializer.input_axes, initializer.output_axes, initializer.batch_axes, shape)
        return AxisReading(letters, letters, True)
    layout = initializer.layout
    is_vector = layout is None and len(shape) < 2
    letters = ("O",) * len(shape) if is_vector else axis_letters(layout or "keras", shape)
    applied = tuple(_EXCHANGED.get(letter, letter) for letter in letters)
    return AxisReading(letters, applied if initializer.transposed else letters, layout is not None)


def _of_axes(
    input_axes: list[int], output_axes: list[int], batch_axes: list[int] | None, shape: tuple[int, ...]
) -> tuple[str, ...]:
    """The letters that mean the same as the axes do to `initkit.fans`."""
    inputs = distinct_axes(shape, tuple(input_axes), "input_axes")
    outputs = distinct_axes(shape, tuple(output_axes), "output_axes")
    batch = distinct_axes(shape, tuple(batch_axes or ()), "batch_axes")
    # In Keras' rule the receptive field is in both, and in JAX's, which names batches, in none.
    rest = "B" if batch_axes is None else "K"
    return tuple(
        "K" if axis in inputs & outputs
        else "I" if axis in inputs
        else "O" if axis in outputs
        else "B" if axis in batch
        else rest
        for axis in range(len(shape))
    )  # fmt: skip


def _of_all(initializer: Composite, shape: tuple[int, ...]) -> AxisReading | None:
    """The reading of all members; None if they differ."""
    readings = {axis_reading(member, shape) for member in initializer._members}
    return readings.pop() if len(readings) == 1 else None


def _of_layout(initializer: Initializer, shape: tuple[int, ...]) -> tuple[str, ...] | None:
    layout = getattr(initializer, "layout", None)
    try:
        return axis_letters(check_layout(layout), shape) if isinstance(layout, str) else None
    except ArgumentError:
        # A class of the user's own may have other layouts, and a bias that of its weight.
        return None
