"""What the laws ask of any engine, computed once for each set of parameters and kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from initkit.kernels.loader import default_float_mode
from initkit.kernels.parameters import (
    NormalParameters,
    Request,
    TruncatedNormalParameters,
    UniformParameters,
)

# Keyed by plain numbers: a small tensor's call has no time to make and hash a dataclass.


@lru_cache(maxsize=1024)
def uniform_request(low: float, high: float, draw: np.dtype[Any]) -> Request:
    """The uniform law on `[low, high)`.

    Args:
        low: The lower end, finite.
        high: The upper end, finite, not below `low`.
        draw: The precision of the draw, float32 or float64.

    Returns:
        The transform and its numbers.

    Example:
        >>> uniform_request(0.0, 2.0, np.dtype("float32")).law[:2]
        (0.0, 2.0)
    """
    with default_float_mode():
        return UniformParameters(low, high).request(draw)


@lru_cache(maxsize=1024)
def normal_request(mean: float, std: float, draw: np.dtype[Any]) -> Request:
    """The normal law.

    Args:
        mean: The mean, finite.
        std: The standard deviation, finite, not negative.
        draw: The precision of the draw, float32 or float64.

    Returns:
        The transform and its numbers.

    Example:
        >>> normal_request(0.0, 0.5, np.dtype("float32"))
        Request(transform=1, law=(0.0, 0.5))
    """
    with default_float_mode():
        return NormalParameters(mean, std).request(draw)


@lru_cache(maxsize=1024)
def truncated_normal_request(
    mean: float, std: float, lower: float, upper: float, draw: np.dtype[Any]
) -> Request:
    """The law of `mean + std·Z`, `Z` standard normal given `lower <= Z <= upper`.

    Args:
        mean: The mean before truncation, finite.
        std: The standard deviation before truncation, finite, not negative.
        lower: The lower bound in standard deviations; may be minus infinity.
        upper: The upper bound in standard deviations, above `lower`; may be infinity.
        draw: The precision of the draw, float32 or float64.

    Returns:
        The transform and its numbers.

    Example:
        >>> truncated_normal_request(0.0, 0.5, -2.0, 2.0, np.dtype("float32")).law[-2:]
        (-1.0, 1.0)
    """
    with default_float_mode():
        # Zero times infinity is not a bound: without deviation every value is the mean.
        least, most = (mean + std * bound if std else mean for bound in (lower, upper))
        return TruncatedNormalParameters(mean, std, lower, upper, least, most).request(draw)
