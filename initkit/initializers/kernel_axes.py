"""Which axes of a matrix or of a convolution kernel are its inputs, its outputs and its positions."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from initkit.errors import ArgumentError, ShapeError
from initkit.layout import PRESETS, axis_letters, check_layout

# How a shape is read where no layout is given: as Keras and JAX store weights.
_DEFAULT_LAYOUT = "...IO"
_CONVOLUTION_AXES = (3, 4, 5)


class KernelAxes(NamedTuple):
    """The axes of one weight, counted from 0.

    Attributes:
        shape: The weight's shape.
        field: The axes of the receptive field, in their order; none for a matrix.
        input: The axis of the input channels.
        output: The axis of the output channels.
    """

    shape: tuple[int, ...]
    field: tuple[int, ...]
    input: int
    output: int

    @property
    def inputs(self) -> int:
        """How many input channels there are."""
        return self.shape[self.input]

    @property
    def outputs(self) -> int:
        """How many output channels there are."""
        return self.shape[self.output]

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths of the receptive field."""
        return tuple(self.shape[axis] for axis in self.field)

    @property
    def positions(self) -> int:
        """How many positions the receptive field has."""
        return prod(self.lengths)


def kernel_layout(layout: object) -> str | None:
    """Check an argument that says which axes of a kernel are which.

    Args:
        layout: None, the name of a preset, or letters: one `I`, one `O`, the others of the receptive field.

    Returns:
        None, or the layout.

    Raises:
        ArgumentTypeError: It is no text.
        ArgumentError: It is no layout, or has not exactly one input and one output axis.

    Example:
        >>> kernel_layout("OIHW")
        'OIHW'
    """
    if layout is None:
        return None
    checked = check_layout(layout)
    if checked not in PRESETS and (checked.count("I"), checked.count("O"), checked.count("B")) != (1, 1, 0):
        message = f"A kernel has one input axis and one output axis. Received: layout={checked!r}. Allowed:"
        message += " layouts with one I, one O and no B, such as 'HWIO' or 'OI...', or one of"
        message += f" {', '.join(map(repr, PRESETS))}. Draw weights of several kernels with Stack or Blocks."
        raise ArgumentError(message)
    return checked


def kernel_axes(layout: str | None, shape: tuple[int, ...]) -> KernelAxes:
    """Find the axes of a weight.

    Args:
        layout: A checked layout; None for Keras' and JAX's `...IO`.
        shape: A checked shape.

    Returns:
        The axes.

    Raises:
        ShapeError: The layout does not fit the shape.

    Example:
        >>> kernel_axes("torch", (16, 8, 3, 5))
        KernelAxes(shape=(16, 8, 3, 5), field=(2, 3), input=1, output=0)
    """
    letters = axis_letters(layout or _DEFAULT_LAYOUT, shape)
    field = tuple(axis for axis, letter in enumerate(letters) if letter not in "IO")
    return KernelAxes(shape, field, letters.index("I"), letters.index("O"))


def check_norm_preserving(who: str, layout: str | None, shape: tuple[int, ...]) -> None:
    """Refuse shapes of which no kernel of a convolution preserves the norm of every input.

    Args:
        who: The initializer's name, for the message.
        layout: A checked layout.
        shape: A checked shape.

    Raises:
        ShapeError: The shape is not that of a convolution in one to three dimensions, or has more input
            channels than output channels.

    Example:
        >>> check_norm_preserving("DeltaOrthogonal", None, (3, 3, 8, 16))
    """
    if len(shape) not in _CONVOLUTION_AXES:
        message = f"{who} makes kernels of convolutions in one, two or three dimensions. Received: {shape} of"
        message += f" rank {len(shape)}. Allowed: 3, 4 or 5 axes. Use Orthogonal for matrices."
        raise ShapeError(message)
    axes = kernel_axes(layout, shape)
    if axes.inputs > axes.outputs:
        message = f"{who} cannot preserve norms with fewer output channels than input channels. Received:"
        message += f" {shape}, read as {axes.inputs} input and {axes.outputs} output channels. Allowed: at"
        message += " least as many output channels. Add outputs, use Orthogonal, or say with layout which"
        message += " axis is which."
        raise ShapeError(message)
