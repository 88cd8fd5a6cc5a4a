"""Checks of arguments that name one axis, and of shapes against them."""

from __future__ import annotations

from operator import index as as_integer

import numpy as np

from initkit.errors import ArgumentTypeError, ShapeError


def axis_argument(value: object, name: str) -> int:
    """Check an argument that names an axis.

    Args:
        value: A Python or NumPy integer; negative ones count from the end.
        name: The argument's name, for the message.

    Returns:
        The value as a Python integer.

    Raises:
        ArgumentTypeError: It is no integer.

    Example:
        >>> axis_argument(np.int8(-1), "axis")
        -1
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            # They pass for integers, yet no axis is one.
            raise TypeError
        return as_integer(value)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        message = f"Argument `{name}` must be an integer. Received: {name}={value!r:.100} of type"
        message += f" {type(value).__name__}. Allowed: the number of an axis, negative ones from the end."
        message += f" Write, for example, {name}=0."
        raise ArgumentTypeError(message) from None


def axis_of(shape: tuple[int, ...], axis: int, name: str) -> int:
    """Count an axis from the start.

    Args:
        shape: A checked shape.
        axis: The axis; negative ones count from the end.
        name: The argument's name, for the message.

    Returns:
        The axis, from 0 up.

    Raises:
        ShapeError: The shape has no such axis.

    Example:
        >>> axis_of((3, 3, 8, 16), -1, "axis")
        3
    """
    ndim = len(shape)
    if not -ndim <= axis < ndim:
        allowed = f"{-ndim} to {ndim - 1}" if ndim else "none, since the shape has no axes"
        message = f"The shape {shape} has no axis {axis}. Received: {name}={axis}. Allowed: {allowed}. Choose"
        message += " one of the shape's axes."
        raise ShapeError(message)
    return axis % ndim
