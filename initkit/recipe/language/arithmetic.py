"""The operators and functions of recipe expressions, the same to the bit on every machine."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from initkit.errors import ArgumentError

Number: TypeAlias = int | float

# Integers up to here become finite floats, and nobody's shape is larger.
_MOST_BITS = 512
_TOO_LARGE = f"The result is too large. Allowed: floats up to 1.8e308, integers of up to {_MOST_BITS} bits."
_LARGEST_EXPONENT = 1024


class Function(NamedTuple):
    """A function by its computation and the number of arguments it takes."""

    compute: Callable[..., Number]
    fewest: int = 1
    most: int | None = 1


def apply(name: str, arguments: Sequence[Number]) -> Number:
    """Compute an operator or a function.

    Args:
        name: A key of `OPERATORS` or `FUNCTIONS`.
        arguments: As many numbers as it takes; not NaN.

    Returns:
        The result; never NaN, and infinite only if an argument is.

    Raises:
        ArgumentError: If there is no such result, or it is too large.

    Example:
        >>> apply("*", [12, 64]), apply("/", [1, 4]), apply("max", [2, 3.5])
        (768, 0.25, 3.5)
    """
    compute = OPERATORS[name] if name in OPERATORS else FUNCTIONS[name].compute
    try:
        value = compute(*arguments)
        may_be_infinite = any(map(math.isinf, arguments))
    except ZeroDivisionError:
        message = "Division by zero."
        raise ArgumentError(message) from None
    except OverflowError:
        raise ArgumentError(_TOO_LARGE) from None
    return checked(value, may_be_infinite=may_be_infinite)


def checked(value: Number, *, may_be_infinite: bool) -> Number:
    """Refuse numbers that are too large, and those that are none.

    Args:
        value: A result or a literal.
        may_be_infinite: Whether infinity is meant where it appears.

    Returns:
        `value`.

    Raises:
        ArgumentError: If `value` is NaN, infinite by overflow, or an integer of more than 512 bits.
    """
    if isinstance(value, float):
        if math.isnan(value):
            message = "The result is not a number."
            raise ArgumentError(message)
        if math.isinf(value) and not may_be_infinite:
            raise ArgumentError(_TOO_LARGE)
    elif value.bit_length() > _MOST_BITS:
        raise ArgumentError(_TOO_LARGE)
    return value


def _floor_divide(left: Number, right: Number) -> int:
    return _whole(left, "//") // _whole(right, "//")


def _remainder(left: Number, right: Number) -> int:
    return _whole(left, "%") % _whole(right, "%")


def _whole(value: Number, symbol: str) -> int:
    """An operand that has to be an integer."""
    if isinstance(value, float):
        message = f"{symbol} takes integers. Received: {value!r}. Use floor for others."
        raise ArgumentError(message)
    return value


def _power(base: Number, exponent: Number) -> Number:
    """`base ** exponent`, rounded once where the exponent is whole or a half."""
    if isinstance(exponent, int):
        return _whole_power(base, exponent)
    if exponent.is_integer():
        return _whole_power(float(base), int(exponent))
    if base < 0:
        message = (
            f"A negative number has no power {exponent!r}. Received: {base!r}. Allowed: whole exponents."
        )
        raise ArgumentError(message)
    if math.isinf(exponent):
        message = "The exponent is infinite. Allowed: finite exponents."
        raise ArgumentError(message)
    if base == 0 or math.isinf(base):
        # 0 or infinity, without rounding; or a division by zero.
        return float(base) if exponent > 0 else 1.0 / base
    if abs(exponent) == 0.5:
        return math.sqrt(base) if exponent > 0 else 1.0 / math.sqrt(base)
    return _exp(exponent * _log(base))


def _whole_power(base: Number, exponent: int) -> Number:
    """`base ** exponent` from integers alone, with one division at the end."""
    if abs(exponent) > _LARGEST_EXPONENT:
        message = f"The exponent is too large. Received: {exponent}. Allowed: -1024 to 1024."
        raise ArgumentError(message)
    if isinstance(base, int) and exponent >= 0:
        # Not even computed where the result is certain to be too large.
        if (base.bit_length() - 1) * exponent >= _MOST_BITS:
            raise OverflowError
        return int(base**exponent)
    if math.isinf(base):
        return float(base**exponent)
    above, below = base.as_integer_ratio()
    if exponent < 0:
        above, below = below, above
    return float(above ** abs(exponent) / below ** abs(exponent))


def _sqrt(value: Number) -> float:
    if value < 0:
        message = f"A negative number has no square root. Received: {value!r}."
        raise ArgumentError(message)
    return math.sqrt(value)


def _log(value: Number) -> float:
    # The kernels' tables are not needed to read a recipe, only where one computes a logarithm.
    from initkit.kernels import normal_law

    return normal_law.log(float(value))


def _exp(value: Number) -> float:
    from initkit.kernels import normal_law

    return normal_law.exp(float(value))


OPERATORS: dict[str, Callable[..., Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": _floor_divide,
    "%": _remainder,
    "**": _power,
    "negate": operator.neg,
}
"""The operators by symbol; the minus of one operand is `negate`."""

FUNCTIONS: dict[str, Function] = {
    "sqrt": Function(_sqrt),
    "log": Function(_log),
    "exp": Function(_exp),
    "abs": Function(abs),
    "floor": Function(math.floor),
    "ceil": Function(math.ceil),
    "min": Function(min, 2, None),
    "max": Function(max, 2, None),
}
"""The functions by name."""

CONSTANTS: dict[str, float] = {"pi": math.pi, "inf": math.inf}
"""The constants by name."""
