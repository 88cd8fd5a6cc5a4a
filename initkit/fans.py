"""How many inputs and outputs a weight has, read from its shape."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from operator import index as as_integer
from typing import NamedTuple

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
        output_axes: The axes that make the layer's output. Give both or neither.

    Returns:
        Both fans, as integers.

    Raises:
        ArgumentError: Only one of the two is given, or an axis stands in both or twice.
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
    ndim = len(shape)
    for axis in inputs + outputs:
        if not -ndim <= axis < ndim:
            message = f"The shape {shape} has no axis {axis}. Received input_axes={list(inputs)} and"
            message += f" output_axes={list(outputs)}. Allowed axes: {-ndim} to {ndim - 1}."
            raise ShapeError(message)
    resolved = [axis % ndim for axis in inputs + outputs]
    if len(set(resolved)) != len(resolved):
        message = f"An axis can be named once. Received input_axes={list(inputs)} and"
        message += f" output_axes={list(outputs)} for a shape of {ndim} axes."
        raise ArgumentError(f"{message} Remove the repetition.")
    split = len(inputs)
    return Fans(
        prod(shape[axis] for axis in resolved[:split]), prod(shape[axis] for axis in resolved[split:])
    )


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
    entries = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
    try:
        if any(isinstance(entry, bool) for entry in entries):
            raise TypeError  # noqa: TRY301  # booleans pass for integers, yet no axis is one
        return tuple(as_integer(entry) for entry in entries)
    except TypeError:
        message = f"Argument `{name}` must be None, an integer or a list of integers. Received: {axes!r}."
        raise ArgumentTypeError(f"{message} Name axes by their position, for example [0, 1].") from None


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
        message = "Arguments `input_axes` and `output_axes` belong together. "
        message += f"Received: input_axes={input_axes}, output_axes={output_axes}."
        raise ArgumentError(f"{message} Give both, or neither for the default reading of the shape.")


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
    if mode not in FAN_MODES:
        hint = did_you_mean(nearest_names(mode, FAN_MODES)) if isinstance(mode, str) else ""
        allowed = ", ".join(repr(name) for name in FAN_MODES)
        raise ArgumentError(f"Invalid `mode` argument: {mode!r}. Please use one of {allowed}.{hint}")
