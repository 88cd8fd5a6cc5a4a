"""Checks of the numbers that initializers are configured with."""

from __future__ import annotations

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError


def float_argument(value: object, name: str, *, low: float = -np.inf, high: float = np.inf) -> float:
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
    if isinstance(value, (bool, np.bool_, str, bytes)) or np.ndim(value) != 0:  # type: ignore[arg-type]  # any object
        raise ArgumentTypeError(f"Argument `{name}` must be a real number. Received: {value!r}. Write, for example, 0.02.")
    try:
        number = float(value)  # type: ignore[arg-type]  # the check itself
    except (TypeError, ValueError, OverflowError):
        message = f"Argument `{name}` must be a real number. Received: {value!r} of type {type(value).__name__}."
        raise ArgumentTypeError(f"{message} Write, for example, 0.02.") from None
    if not (np.isfinite(number) and low <= number <= high):
        allowed = "a finite number"
        if low > -np.inf or high < np.inf:
            allowed += f" from {low} to {high}" if high < np.inf else f", at least {low}"
        raise ArgumentError(f"Argument `{name}` is out of range. Received: {number}. Allowed: {allowed}.")
    return number


