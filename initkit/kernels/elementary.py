"""Exponentials, logarithms, sine and cosine of float64 arrays, the same bits everywhere.

C libraries, array libraries and their vector units differ in the last bits of these functions. Here they are
made of + - * / and comparisons, which IEEE-754 leaves no choice, of exact conversions and of bit casts. Each
is an array operation of its own, so that no compiler can fuse a product with a sum. The namespace of arrays
is the first argument, for the same lines to run on NumPy and on CuPy.

`exp` and `log` have the bits of those in normal_law.py, which take one float.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial, inf, nan
from types import ModuleType
from typing import Any

import numpy as np

from initkit.kernels.constants import COS64, SIN64

# log(2) in two parts; multiples of the first by integers below 2**12 are exact.
_LN2_HIGH = 0.693147180559663
_LN2_LOW = 2.8235290563031577e-13
_LOG2_E = 1.4426950408889634
_SQRT_HALF = 0.7071067811865476
# The float nearest to log(2), and what it lacks.
_LN2 = 0.6931471805599453
_LN2_REST = 2.3190468138462996e-17

# 1/2!, 1/3!, … of exp(r) - 1 - r, and 2/3, 2/5, … of log((1 + s)/(1 - s)) - 2·s.
_EXP_SERIES = tuple(1 / factorial(n) for n in range(2, 14))
_LOG_SERIES = tuple(2 / n for n in range(3, 24, 2))

# Beyond these exp is infinity and zero, and below the last one exp(x) - 1 is -1.
_EXP_MOST = 710.0
_EXP_LEAST = -746.0
_EXPM1_LEAST = -50.0

# Below it, the logarithm of expm1 is the best form of the inverse of softplus.
_SMALL = 0.4

_LEAST_NORMAL = 2.0**-1022
_MANTISSA_BITS = 52
_MANTISSA = (1 << _MANTISSA_BITS) - 1
_BIAS = 1023


def exp(xp: ModuleType, x: Any) -> Any:
    """The exponential function.

    Formula: `exp(x) = 2**k · exp(x - k·log(2))`, the latter by its series.

    Args:
        xp: The array library: `numpy`, or one with the same functions.
        x: Float64 values of any shape.

    Returns:
        Float64 of the shape of `x`, within 1 ulp, subnormal results as well; inf above 709.78, 0 below
        -745.13, NaN for NaN.

    Example:
        >>> float(exp(np, -1.0))
        0.36787944117144233
    """
    x = xp.asarray(x, dtype=xp.float64)
    with np.errstate(all="ignore"):
        k, r, series, _ = _split_exp(xp, x, _EXP_LEAST)
        return xp.where(x == x, _scaled(xp, 1.0 + (r + series), k), nan)


def expm1(xp: ModuleType, x: Any) -> Any:
    """The exponential function less 1, relatively accurate near 0.

    Formula: `exp(x) - 1 = 2**k · ((exp(r) - 1) + (1 - 2**-k))`, where `r = x - k·log(2)`.

    Args:
        xp: The array library: `numpy`, or one with the same functions.
        x: Float64 values of any shape.

    Returns:
        Float64 of the shape of `x`, within 1.5 ulp; inf above 709.78, -1 for -inf, NaN for NaN; zeros keep
        their sign.

    Example:
        >>> float(expm1(np, 1e-10))
        1.00000000005e-10
    """
    x = xp.asarray(x, dtype=xp.float64)
    with np.errstate(all="ignore"):
        return xp.where(x == 0.0, x, _expm1(xp, x, 0.0))


def log(xp: ModuleType, x: Any) -> Any:
    """The natural logarithm.

    Formula: `log(2**k · m) = k·log(2) + 2·atanh((m - 1)/(m + 1))`, the latter by its series.

    Args:
        xp: The array library: `numpy`, or one with the same functions.
        x: Float64 values of any shape.

    Returns:
        Float64 of the shape of `x`, within 1 ulp, near 1 and for subnormal numbers as well; -inf for 0, inf
        for inf, NaN for NaN and negative numbers.

    Example:
        >>> float(log(np, 10.0))
        2.302585092994046
    """
    x = xp.asarray(x, dtype=xp.float64)
    with np.errstate(all="ignore"):
        return _log(xp, x, 0.0)


def log1p(xp: ModuleType, x: Any) -> Any:
    """The natural logarithm of `1 + x`, relatively accurate near 0.

    Formula: `log(1 + x) = log(u + v)`, where `u` is `1 + x` rounded and `v` what rounding took from it.

    Args:
        xp: The array library: `numpy`, or one with the same functions.
        x: Float64 values of any shape.

    Returns:
        Float64 of the shape of `x`, within 1 ulp; -inf for -1, inf for inf, NaN for NaN and below -1; zeros
        keep their sign.

    Example:
        >>> float(log1p(np, 1e-20))
        1e-20
    """
    x = xp.asarray(x, dtype=xp.float64)
    with np.errstate(all="ignore"):
        u, v = _one_plus(x)
        return xp.where(x == 0.0, x, _log(xp, u, v))


def softplus_inverse(xp: ModuleType, y: Any) -> Any:
    """The inverse of `softplus(x) = log(1 + exp(x))`.

    Formula: `log(exp(y) - 1)`, which is also `log(1 + 2·(exp(y - log(2)) - 1))`, the better one around its
    zero `log(2)`, and `y + log(1 - exp(-y))`, the better one for large `y`.

    Args:
        xp: The array library: `numpy`, or one with the same functions.
        y: Float64 values above 0, of any shape.

    Returns:
        Float64 of the shape of `y`, within 2.5 ulp; -inf for 0, inf for inf, NaN for NaN and below 0.

    Example:
        >>> float(softplus_inverse(np, 1.0))
        0.5413248546129181
    """
    y = xp.asarray(y, dtype=xp.float64)
    with np.errstate(all="ignore"):
        small, large = y < _SMALL, y > 2.0 * _LN2
        # Between the two, y - _LN2 is exact, since neither is more than twice the other (Sterbenz).
        x = xp.where(small, y, xp.where(large, -y, y - _LN2))
        e = _expm1(xp, x, xp.where(small | large, 0.0, -_LN2_REST))
        u, v = _one_plus(e + e)
        u = xp.where(small, e, xp.where(large, -e, u))
        v = xp.where(small | large, 0.0, v)
        return xp.where(y == y, xp.where(large, y, 0.0) + _log(xp, u, v), nan)


def cos_sin_turns(xp: ModuleType, u: Any) -> tuple[Any, Any]:
    """Cosine and sine of an angle in turns.

    Formula: `cos(2π·u)` and `sin(2π·u)`, from the nearest quarter turn on, the distance to which is exact.

    Args:
        xp: The array library: `numpy`, or one with the same functions.
        u: Float64 values of any shape and any size; 1 is a full turn.

    Returns:
        Two float64 arrays of the shape of `u`, within 2 ulp; 0, 1 and -1 are exact at quarter turns, where
        zeros are positive; NaN for NaN and infinities.

    Example:
        >>> [float(part) for part in cos_sin_turns(np, 0.125)]
        [0.7071067811865475, 0.7071067811865475]
    """
    u = xp.asarray(u, dtype=xp.float64)
    with np.errstate(all="ignore"):
        quarters = 4.0 * (u - xp.rint(u))
        turn = xp.rint(quarters)
        x = quarters - turn
        z = x * x
        sine = x * _polynomial(SIN64, z)
        cosine = 1.0 + z * _polynomial(COS64, z)

        crossed = (turn == 1.0) | (turn == -1.0)
        left = (turn > 0.0) | (turn == -2.0)
        below = (turn < 0.0) | (turn == 2.0)
        across, along = xp.where(crossed, sine, cosine), xp.where(crossed, cosine, sine)
        across, along = xp.where(left, -across, across), xp.where(below, -along, along)
        finite = abs(u) < inf
        # The sum turns -0 into 0, so that no zero tells from which side it was reached.
        return xp.where(finite, across + 0.0, nan), xp.where(finite, along + 0.0, nan)


def _polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """The polynomial with these coefficients, lowest power first."""
    total = x * coefficients[-1] + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        # In place: large arrays spend most of their time in new memory.
        total *= x
        total += coefficient
    return total


def _split_exp(xp: ModuleType, x: Any, least: float) -> tuple[Any, Any, Any, Any]:
    """The `k`, `r`, `exp(r) - 1 - r` and `c` of `x = k·log(2) + r + c`, where `c` is lost in rounding `r`."""
    x = xp.where(x < least, least, xp.where(x > _EXP_MOST, _EXP_MOST, x))
    x = xp.where(x == x, x, 0.0)
    k = xp.rint(x * _LOG2_E)
    high, low = x - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    return k.astype(xp.int64), r, r * r * _polynomial(_EXP_SERIES, r), (high - r) - low


def _power_of_two(xp: ModuleType, k: Any) -> Any:
    """`2**k` for integers from -1022 to 1023."""
    return ((k + _BIAS) << _MANTISSA_BITS).view(xp.float64)


def _scaled(xp: ModuleType, x: Any, k: Any) -> Any:
    """`x · 2**k`, rounded once at most, for `x` so near 1 that the first half of `k` leaves it normal."""
    half = k >> 1
    return x * _power_of_two(xp, half) * _power_of_two(xp, k - half)


def _expm1(xp: ModuleType, x: Any, rest: Any) -> Any:
    """`exp(x + rest) - 1`, where `rest` is lost in the rounding of that sum, or nearly."""
    k, r, series, c = _split_exp(xp, x, _EXPM1_LEAST)
    # Beside 1, 2**-100 is as good as any smaller number.
    unit = 1.0 - _power_of_two(xp, xp.where(k < 100, -k, -100))
    # r + unit is exact, or nearly, where the two cancel.
    value = _scaled(xp, (r + unit) + (series + (c + rest)), k)
    return xp.where(x == x, value, nan)


def _one_plus(x: Any) -> tuple[Any, Any]:
    """`1 + x` rounded, and the rest: exact up to 2**53, from where on the logarithm loses it anyway."""
    u = 1.0 + x
    return u, x - (u - 1.0)


def _log(xp: ModuleType, x: Any, rest: Any) -> Any:
    """`log(x + rest)`, where `rest` is lost in the rounding of that sum."""
    usual = (x > 0.0) & (x < inf)
    normal = xp.where(usual, x, 1.0)
    correction = rest / normal
    subnormal = normal < _LEAST_NORMAL
    normal = xp.where(subnormal, normal * 2.0**54, normal)
    bits = normal.view(xp.int64)
    k = (bits >> _MANTISSA_BITS) - xp.where(subnormal, _BIAS + 53, _BIAS - 1)
    m = ((bits & _MANTISSA) | ((_BIAS - 1) << _MANTISSA_BITS)).view(xp.float64)
    low = m < _SQRT_HALF
    k = xp.where(low, k - 1, k).astype(xp.float64)
    f = xp.where(low, m + m, m) - 1.0
    s = f / (2.0 + f)
    z = s * s
    # 2·s is f - s·f, so that the leading term is the exact f.
    series = s * (f - z * _polynomial(_LOG_SERIES, z))
    value = k * _LN2_HIGH + (f - (series - (k * _LN2_LOW + correction)))
    return xp.where(usual, value, xp.where(x == 0.0, -inf, xp.where(x > 0.0, inf, nan)))
