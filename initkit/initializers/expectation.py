"""Means of functions of an index, or of a uniform number, that have no closed form.

Factors may be made of moments, so these have the same bits on every machine if the functions have: sums are
rounded once, in whatever order they are added, and exponentials are those of `elementary`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import fsum, pi, sqrt
from typing import Any

import numpy as np

from initkit.initializer import Moments
from initkit.kernels import elementary

# So many terms of a sum are added one by one.
_DIRECT_TERMS = 1 << 12
# The nodes of the tanh-sinh rule reach to within 1e-37 of both ends.
_NODES = np.arange(-128, 129) / 32


def sum_over_indices(
    term: Callable[[Any], Any], antiderivative: Callable[[float], float], count: int
) -> float:
    """The sum of a smooth function over the indices `0` to `count - 1`, at a cost that has a bound.

    Formula: `Σ f(n)`; beyond the first terms the integral from half an index before to half an index after,
    less `1/24` of the difference of the slopes there (Euler and Maclaurin).

    Args:
        term: The function, of an array of indices in float64.
        antiderivative: Its integral.
        count: How many indices there are.

    Returns:
        The sum, with a relative error below 1e-12 for the square roots, reciprocals and logarithms it is for.

    Example:
        >>> round(sum_over_indices(lambda n: n, lambda n: n * n / 2, 10**6))
        499999500000
    """
    direct = min(count, _DIRECT_TERMS)
    total = fsum(np.asarray(term(np.arange(direct, dtype=np.float64))).tolist())
    if count == direct:
        return total
    ends = [float(value) for value in term(np.array([count, count - 1, direct, direct - 1], np.float64))]
    slopes = (ends[0] - ends[1]) - (ends[2] - ends[3])
    return total + antiderivative(count - 0.5) - antiderivative(direct - 0.5) - slopes / 24


def uniform_moments(value: Callable[[Any, Any], Any]) -> Moments:
    """Mean and standard deviation of a function of a number that is uniform between 0 and 1.

    Formula: the tanh-sinh rule, `u = 1/(1 + exp(-π·sinh(t)))` at equal steps of `t`, which integrates smooth
    functions, and those with logarithms at the ends, to almost all digits.

    Args:
        value: The function, of two arrays: `u`, and `1 - u` with all its digits.

    Returns:
        Both, with a relative error below 1e-12; the same bits everywhere, if the function is of `elementary`.

    Example:
        >>> uniform_moments(lambda u, rest: u).std.__round__(9) == round(12**-0.5, 9)
        True
    """
    values = np.asarray(value(_U, _REST))
    mean = fsum((_WEIGHTS * values).tolist())
    deviations = values - mean
    return Moments(mean, sqrt(fsum((_WEIGHTS * (deviations * deviations)).tolist())))


def _tanh_sinh() -> tuple[Any, Any, Any]:
    """`u` and `1 - u` at the nodes, and their weights."""
    distances = np.abs(_NODES)
    grown = elementary.exp(np, distances)
    # From the function without cancellation, near the middle.
    less = elementary.expm1(np, distances)
    sinh, cosh = 0.5 * (less + less / grown), 0.5 * (grown + 1 / grown)
    e = elementary.exp(np, -pi * sinh)
    small, large = e / (1 + e), 1 / (1 + e)
    left = _NODES < 0
    u, rest = np.where(left, small, large), np.where(left, large, small)
    weights = u * rest * cosh
    return u, rest, weights / fsum(weights.tolist())


_U, _REST, _WEIGHTS = _tanh_sinh()
