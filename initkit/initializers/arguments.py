"""Checks of the numbers that initializers are configured with."""

from __future__ import annotations

from math import inf, isfinite

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError

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
