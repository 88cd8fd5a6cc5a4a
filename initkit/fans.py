"""How many inputs and outputs a weight has, read from its shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from operator import index as as_integer
from typing import Any, NamedTuple

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError, did_you_mean, nearest_names
from initkit.region import as_shape

FAN_MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")


class Fans(NamedTuple):
    """The number of inputs that feed one output, and of outputs that one input feeds."""

    fan_in: int
    fan_out: int


def compute_fans(
    shape: Sequence[int] | int,
    input_axes: Sequence[int] | int | None = None,
    output_axes: Sequence[int] | int | None = None,
) -> Fans:
    """Read the fans from a shape, by Keras' rule.

    With axes: `fan_in = Π shape[input_axes]`, `fan_out = Π shape[output_axes]`. Without: `(1, 1)` for
    no axes, `(n, n)` for one, `(shape[0], shape[1])` for two, and for more axes `r·shape[-2]` and
    `r·shape[-1]`, with `r = Π shape[:-2]` the receptive field (layout `HWIO`).

    Args:
        shape: The shape of the whole weight, never of a shard.
        input_axes: The axes that are summed over when the layer is applied; negative ones count from the end.
        output_axes: The axes that make the layer's output; an axis can be in both, as the receptive field
            of a convolution is. Give both or neither.

    Returns:
        Both fans, as integers.

    Raises:
        ArgumentTypeError: An axis is no integer.
        ArgumentError: Only one of the two is given, or one of them names an axis twice.
        ShapeError: The shape is malformed, or has no such axis.

    Example:
        >>> compute_fans((3, 3, 64, 128))
        Fans(fan_in=576, fan_out=1152)
        >>> compute_fans((512, 8, 64), input_axes=[0], output_axes=[1, 2])
        Fans(fan_in=512, fan_out=512)

    Reference:
        Keras 3, `keras.initializers.VarianceScaling`.
    """
    lengths = as_shape(shape)
    axes_in, axes_out = as_axes(input_axes, "input_axes"), as_axes(output_axes, "output_axes")
    require_both_axes(axes_in, axes_out)
    if axes_in is not None and axes_out is not None:
        return _fans_of_axes(lengths, axes_in, axes_out)
    if len(lengths) == 0:
        return Fans(1, 1)
    if len(lengths) == 1:
        return Fans(lengths[0], lengths[0])
    receptive_field = prod(lengths[:-2])
    return Fans(receptive_field * lengths[-2], receptive_field * lengths[-1])


def _fans_of_axes(shape: tuple[int, ...], inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Fans:
    return Fans(
        _lengths_product(shape, inputs, "input_axes"), _lengths_product(shape, outputs, "output_axes")
    )


def _lengths_product(shape: tuple[int, ...], axes: tuple[int, ...], name: str) -> int:
    ndim = len(shape)
    if missing := [axis for axis in axes if not -ndim <= axis < ndim]:
        allowed = f"{-ndim} to {ndim - 1}" if ndim else "none, since the shape has no axes"
        message = f"The shape {shape} has no axis {missing[0]}. Received: {name}={list(axes)}."
        message += f" Allowed: {allowed}. Name the axes of the whole weight."
        raise ShapeError(message)
    distinct = {axis % ndim for axis in axes}
    if len(distinct) != len(axes):
        message = (
            f"Argument `{name}` names an axis twice. Received: {name}={list(axes)} for the shape {shape}."
        )
        message += " Allowed: each axis once, counted from either end. Remove the repetition."
        raise ArgumentError(message)
    return prod(shape[axis] for axis in distinct)


def as_axes(axes: object, name: str) -> tuple[int, ...] | None:
    """Check an argument that names axes.

    Args:
        axes: None, an integer, or a sequence of integers.
        name: The argument's name, for the message.

    Returns:
        None, or the axes as a tuple.

    Raises:
        ArgumentTypeError: An axis is not an integer.

    Example:
        >>> as_axes([0, -1], "input_axes")
        (0, -1)
    """
    if axes is None:
        return None
    entries: tuple[Any, ...] = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
    try:
        if any(isinstance(entry, bool) for entry in entries):
            # They pass for integers, yet no axis is one.
            raise TypeError
        return tuple(as_integer(entry) for entry in entries)
    except TypeError:
        message = f"Argument `{name}` must name axes. Received: {axes!r:.100} of type {type(axes).__name__}."
        message += " Allowed: None, an integer or a list of integers. Write, for example, [0, 1]."
        raise ArgumentTypeError(message) from None


def require_both_axes(input_axes: tuple[int, ...] | None, output_axes: tuple[int, ...] | None) -> None:
    """Refuse one of `input_axes` and `output_axes` without the other.

    Args:
        input_axes: Checked axes, or None.
        output_axes: Checked axes, or None.

    Raises:
        ArgumentError: Exactly one is None.

    Example:
        >>> require_both_axes((0,), (1,))
    """
    if (input_axes is None) != (output_axes is None):
        message = "Arguments `input_axes` and `output_axes` belong together. Received:"
        message += f" input_axes={input_axes}, output_axes={output_axes}. Allowed: both, or neither. Add the"
        message += " other one, or leave both out for the default reading of the shape."
        raise ArgumentError(message)


def effective_fan(fans: Fans, mode: str) -> float:
    """The number that variance scaling divides by.

    Formula: `fan_in`, `fan_out`, `(fan_in + fan_out) / 2` or `sqrt(fan_in · fan_out)`; at least 1.

    Args:
        fans: Both fans.
        mode: One of `"fan_in"`, `"fan_out"`, `"fan_avg"`, `"fan_geo_avg"`.

    Returns:
        The fan as a float, never below 1, so that an empty tensor divides nothing by zero.

    Raises:
        ArgumentError: `mode` is none of the four.

    Example:
        >>> effective_fan(Fans(4, 9), "fan_geo_avg")
        6.0
    """
    check_fan_mode(mode)
    if mode == "fan_in":
        fan = float(fans.fan_in)
    elif mode == "fan_out":
        fan = float(fans.fan_out)
    elif mode == "fan_avg":
        fan = (fans.fan_in + fans.fan_out) / 2
    else:
        fan = sqrt(fans.fan_in * fans.fan_out)
    return max(1.0, fan)


def check_fan_mode(mode: object) -> None:
    """Refuse a fan mode that does not exist.

    Args:
        mode: What was given as `mode`.

    Raises:
        ArgumentError: It is none of the four modes.

    Example:
        >>> check_fan_mode("fan_avg")
    """
    if not isinstance(mode, str) or mode not in FAN_MODES:
        hint = did_you_mean(nearest_names(mode, FAN_MODES)) if isinstance(mode, str) else ""
        allowed = ", ".join(repr(name) for name in FAN_MODES)
        message = f"Invalid `mode` argument: {mode!r:.100}. Please use one of {allowed}.{hint}"
        raise ArgumentError(message)
