"""Bounds in the values' own units, under the names that each style gives them."""

from __future__ import annotations

from math import isnan

from initkit.errors import ArgumentError
from initkit.initializer import Initializer
from initkit.initializers import Constant, TruncatedNormal
from initkit.initializers.arguments import float_argument
from initkit.seed import SeedGenerator


def checked_bounds(**bounds: float) -> tuple[float, float]:
    """Refuse a lower bound above the upper one.

    Args:
        **bounds: The two, the lower one first, under the names that the caller knows them by.

    Returns:
        Both.

    Raises:
        ArgumentError: They are in the wrong order.

    Example:
        >>> checked_bounds(a=-1.0, b=1.0)
        (-1.0, 1.0)
    """
    (lower, low), (upper, high) = bounds.items()
    if low > high:
        message = f"`{lower}` cannot be above `{upper}`. Received: {lower}={low}, {upper}={high}. Allowed:"
        message += f" {lower} up to {upper}. Exchange the two."
        raise ArgumentError(message)
    return low, high


def truncated_normal_between(
    mean: float, std: float, seed: int | SeedGenerator | None, **bounds: float
) -> Initializer:
    """The normal law given that values lie between two bounds, which may be one and the same.

    Args:
        mean: The mean before truncation.
        std: The standard deviation before truncation.
        seed: What it draws from.
        **bounds: The two, the lower one first, under the names that the caller knows them by.

    Returns:
        A `TruncatedNormal`; where the bounds are equal, a `Constant`.

    Raises:
        ArgumentError: A parameter is out of range, or the bounds are in the wrong order.
        ArgumentTypeError: A parameter is no real number.

    Example:
        >>> truncated_normal_between(0.0, 1.0, 7, lo=2.0, hi=2.0)
        Constant(value=2.0)
    """
    low, high = checked_bounds(**{name: _as_bound(bound, name) for name, bound in bounds.items()})
    mean, std = float_argument(mean, "mean"), float_argument(std, "std", low=0.0)
    if low == high:
        return Constant(float_argument(low, next(iter(bounds))))
    return TruncatedNormal(mean, std, seed, low, high, bounds="absolute")


def _as_bound(bound: object, name: str) -> float:
    """A bound, which may be infinite, but is a number."""
    if isinstance(bound, float) and not isnan(bound):
        return float(bound)
    return float_argument(bound, name)
