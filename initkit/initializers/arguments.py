"""Checks of the numbers, names and axes that initializers are configured with."""

from __future__ import annotations

from collections.abc import Collection
from math import inf, isfinite
from operator import index as as_integer

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError, did_you_mean, nearest_names

# float() takes these, yet nobody means them as real numbers.
_NO_FLOATS = (bool, np.bool_, np.complexfloating, str, bytes)


def float_argument(value: object, name: str, *, low: float = -inf, high: float = inf) -> float:
    """Check a real argument of an initializer.

    Args:
        value: A Python or NumPy real number.
        name: The argument's name, for the message.
        low: The least value allowed.
        high: The greatest value allowed.

    Returns:
        The value as a Python float, finite.

    Raises:
        ArgumentTypeError: It is no real number.
        ArgumentError: It is NaN, infinite or out of range.

    Example:
        >>> float_argument(np.float32(0.5), "stddev", low=0.0)
        0.5
    """
    number = value if type(value) is float else _as_float(value, name)
    if not (isfinite(number) and low <= number <= high):
        bounds = f" from {low} to {high}" if high < inf else f" from {low} up" if low > -inf else ""
        message = (
            f"Argument `{name}` is out of range. Received: {name}={value!r:.100}. Allowed: finite numbers"
        )
        message += f"{bounds}. Choose one of these."
        raise ArgumentError(message)
    # Minus zero is zero: the two are equal, as are objects that hold them, so they must give equal bits.
    return number + 0.0


def _as_float(value: object, name: str) -> float:
    try:
        # Nor does anybody mean an array, even of one element.
        if isinstance(value, _NO_FLOATS) or getattr(value, "ndim", False):
            raise TypeError
        return float(value)  # type: ignore[arg-type]  # the check itself
    except OverflowError:
        message = (
            f"Argument `{name}` is out of range. Received: a number beyond 1.8e308. Allowed: numbers that a"
        )
        message += " float64 can hold. Choose one of these."
        raise ArgumentError(message) from None
    except (TypeError, ValueError):
        message = f"Argument `{name}` must be a real number. Received: {name}={value!r:.100} of type"
        message += f" {type(value).__name__}. Allowed: Python's and NumPy's integers and floats. Write, for"
        message += f" example, {name}=0.02."
        raise ArgumentTypeError(message) from None


def integer_argument(value: object, name: str, allowed: str = "integers", example: int = 0) -> int:
    """Check an argument that is an integer.

    Args:
        value: A Python or NumPy integer.
        name: The argument's name, for the message.
        allowed: What is allowed, for the message.
        example: A value, for the message.

    Returns:
        The value as a Python integer.

    Raises:
        ArgumentTypeError: It is no integer.

    Example:
        >>> integer_argument(np.int64(12), "padding_idx")
        12
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            # They pass for integers, yet nobody means them as such.
            raise TypeError
        return as_integer(value)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        message = f"Argument `{name}` must be an integer. Received: {name}={value!r:.100} of type"
        message += f" {type(value).__name__}. Allowed: {allowed}. Write, for example, {name}={example}."
        raise ArgumentTypeError(message) from None


def count_argument(value: object, name: str, low: int = 1) -> int:
    """Check an argument that counts something.

    Args:
        value: A Python or NumPy integer.
        name: The argument's name, for the message.
        low: The least value allowed (default 1).

    Returns:
        The value as a Python integer.

    Raises:
        ArgumentTypeError: It is no integer.
        ArgumentError: It is below `low`, or beyond 2**53, up to which float64 has every integer.

    Example:
        >>> count_argument(np.int64(12), "depth")
        12
    """
    number = integer_argument(value, name, f"integers from {low} up", max(low, 12))
    if not low <= number <= 2**53:
        shown = number if number.bit_length() < 64 else f"an integer of {number.bit_length()} bits"
        message = f"Argument `{name}` is out of range. Received: {name}={shown}. Allowed: integers from {low}"
        message += " to 2**53. Choose one of these."
        raise ArgumentError(message)
    return number


def choice_argument(value: object, name: str, choices: Collection[str]) -> str:
    """Check an argument that is one name of a closed list.

    Args:
        value: What was given.
        name: The argument's name, for the message.
        choices: The names.

    Returns:
        The name, as a plain string.

    Raises:
        ArgumentTypeError: It is no text.
        ArgumentError: It is none of the names.

    Example:
        >>> choice_argument("tiled", "order", ("interleaved", "tiled"))
        'tiled'
    """
    allowed = ", ".join(map(repr, choices))
    if not isinstance(value, str):
        message = f"Argument `{name}` must be text. Received: {name}={value!r:.100} of type"
        message += f" {type(value).__name__}. Allowed: {allowed}. Write one of these names."
        raise ArgumentTypeError(message)
    if value not in choices:
        message = f"Argument `{name}` has no such value. Received: {name}={value!r:.100}. Allowed: {allowed}."
        message += " Write one of these names."
        raise ArgumentError(message + did_you_mean(nearest_names(value, choices)))
    return str(value)


def flag_argument(value: object, name: str) -> bool:
    """Check an argument that is true or false.

    Args:
        value: A Python or NumPy bool.
        name: The argument's name, for the message.

    Returns:
        The value as a Python bool.

    Raises:
        ArgumentTypeError: It is no bool.

    Example:
        >>> flag_argument(np.True_, "first")
        True
    """
    if not isinstance(value, (bool, np.bool_)):
        message = f"Argument `{name}` must be True or False. Received: {name}={value!r:.100} of type"
        message += f" {type(value).__name__}. Allowed: these two. Write, for example, {name}=True."
        raise ArgumentTypeError(message)
    return bool(value)


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
    return integer_argument(value, name, "the number of an axis, negative ones from the end")


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
