"""Checks of the arguments that take separate values: counts, flags, and names of a closed list."""

from __future__ import annotations

from collections.abc import Collection
from operator import index as as_integer

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError, did_you_mean, nearest_names


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
    try:
        if isinstance(value, (bool, np.bool_)):
            # They pass for integers, yet nobody counts with them.
            raise TypeError
        number = as_integer(value)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        message = f"Argument `{name}` must be an integer. Received: {name}={value!r:.100} of type"
        message += f" {type(value).__name__}. Allowed: integers from {low} up. Write, for example,"
        message += f" {name}={max(low, 12)}."
        raise ArgumentTypeError(message) from None
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
