"""The normal law at single points, and the exponential and logarithm under it, in pure float64.

Parameters of draws come from here, so these numbers must not depend on the machine: C libraries differ in
the last bits of exp, log and erf. Everything is made of + - * / and square roots, which IEEE-754 rounds
correctly, in a fixed order. Recipes use `exp` and `log` for the same reason.
"""

from __future__ import annotations

from functools import lru_cache
from math import frexp, fsum, inf, isinf, isnan, sqrt
from typing import NamedTuple

from initkit.errors import ArgumentError

# log(2) in two parts; multiples of the first by integers below 2**12 are exact.
_LN2_HIGH = 0.693147180559663
_LN2_LOW = 2.8235290563031577e-13
_LOG2_E = 1.4426950408889634
_SQRT_HALF = 0.7071067811865476
_LOG_SQRT_TWO_PI = 0.9189385332046728
_ONE_OVER_SQRT_TWO_PI = 0.3989422804014327

# From here out, a one-sided interval is described from its near end; see `truncation`.
_FAR = 4.0
# exp of this is lost beside 1, so integrals of decaying functions may end there.
_NEGLIGIBLE = 42.0

# Gauss-Legendre nodes and weights of order 10 on [-1, 1], the positive half;
# docs/derivations/fit_transforms.py computes them.
_QUADRATURE = (
    (0.14887433898163122, 0.29552422471475287),
    (0.4333953941292472, 0.26926671930999635),
    (0.6794095682990244, 0.21908636251598204),
    (0.8650633666889845, 0.1494513491505806),
    (0.9739065285171717, 0.06667134430868814),
)


def _reciprocal_factorials() -> tuple[float, ...]:
    """`1/n!` for n from 13 down to 2; the factorials are exact."""
    factorial, values = 1.0, []
    for n in range(2, 14):
        factorial *= n
        values.append(1.0 / factorial)
    return tuple(reversed(values))


_EXP_SERIES = _reciprocal_factorials()
# 2/3, 2/5, … of log((1 + s)/(1 - s)), highest first.
_LOG_SERIES = tuple(2.0 / n for n in range(23, 1, -2))


# ---- Exponential and logarithm -----------------------------------------------------------------------------


def exp(x: float) -> float:
    """The exponential function, the same on every machine.

    Formula: `exp(x) = 2**k · exp(x - k·log(2))`, the latter by its series.

    Args:
        x: Any float.

    Returns:
        `exp(x)` with a relative error below 4e-16 in the normal range; inf above 709.78, 0.0 below -745.13.

    Example:
        >>> exp(-1.0)
        0.36787944117144233
    """
    if isnan(x):
        return x
    if x > 709.782712893384:
        return inf
    if x < -745.2:
        return 0.0
    k = round(x * _LOG2_E)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    total = 0.0
    for coefficient in _EXP_SERIES:
        total = total * r + coefficient
    return _scaled(1.0 + (r + r * r * total), k)


def _scaled(x: float, k: int) -> float:
    """`x · 2**k`, rounded once at most, for `x` near 1 (`ldexp` may round subnormals in its own way)."""
    if k > 1023:
        return x * float(1 << 1023) * float(1 << (k - 1023))
    if k >= 0:
        return x * float(1 << k)
    if k >= -1000:
        return x / float(1 << -k)
    return x / float(1 << 1000) / float(1 << (-k - 1000))


def log(x: float) -> float:
    """The natural logarithm, the same on every machine.

    Formula: `log(2**k · m) = k·log(2) + 2·atanh((m - 1)/(m + 1))`, the latter by its series.

    Args:
        x: A positive float.

    Returns:
        `log(x)` with a relative error below 4e-16, near 1 as well; inf for inf.

    Raises:
        ArgumentError: `x` is zero or negative.

    Example:
        >>> log(10.0)
        2.302585092994046
    """
    if x <= 0.0:
        message = f"The logarithm needs a positive number. Received: {x!r}. Allowed: numbers above 0. "
        message += "Check the sign of the argument."
        raise ArgumentError(message)
    if isnan(x) or isinf(x):
        return x
    m, k = frexp(x)
    if m < _SQRT_HALF:
        m, k = m + m, k - 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    total = 0.0
    for coefficient in _LOG_SERIES:
        total = total * z + coefficient
    # 2·s is f - s·f, so that the leading term is the exact f.
    return k * _LN2_HIGH + (f - (s * (f - z * total) - k * _LN2_LOW))


def _log1p(x: float) -> float:
    """`log(1 + x)`, relatively accurate near 0: the rounding of `1 + x` cancels in the quotient (Kahan)."""
    rounded = 1.0 + x
    return x if rounded == 1.0 else log(rounded) * (x / (rounded - 1.0))


# ---- The normal law ----------------------------------------------------------------------------------------


def pdf(x: float) -> float:
    """The density of the standard normal law.

    Formula: `exp(-x²/2)/√(2π)`.

    Args:
        x: Any float; infinities have density 0.

    Returns:
        The density, with a relative error below 1e-15 while it is a normal number.

    Example:
        >>> pdf(0.0)
        0.3989422804014327
    """
    if abs(x) > 39.0:
        return 0.0
    # The upper half of the digits squares exactly.
    spread = 134217729.0 * x
    high = spread - (spread - x)
    return exp(-0.5 * high * high) * exp(-0.5 * (x - high) * (x + high)) * _ONE_OVER_SQRT_TWO_PI


def cdf(x: float) -> float:
    """The distribution function of the standard normal law.

    Formula: `Phi(x) = ∫ exp(-t²/2)/√(2π) dt` from minus infinity to `x`.

    Args:
        x: Any float; infinities give 0 and 1.

    Returns:
        The probability, with a relative error below 2e-15, in the lower tail as well.

    Example:
        >>> cdf(-1.0)
        0.15865525393145705
    """
    return _upper_tail(-x) if x < 0.0 else 1.0 - _upper_tail(x)


def log_cdf(x: float) -> float:
    """The logarithm of the standard normal law's distribution function.

    Formula: `log(Phi(x))`.

    Args:
        x: Any float; minus infinity gives minus infinity.

    Returns:
        The logarithm, with a relative error below 2e-15, however far out in either tail.

    Example:
        >>> round(log_cdf(-100.0), 9)
        -5005.524208694
    """
    if x >= 0.0:
        return _log1p(-_upper_tail(x))
    if x > -1.0:
        return log(_upper_tail(-x))
    if isinf(x):
        return -inf
    return (log(_mills(-x)) - _LOG_SQRT_TWO_PI) - 0.5 * x * x


def _upper_tail(x: float) -> float:
    """`1 - Phi(x)` for `x >= 0`."""
    if x < 1.0:
        return 0.5 - _half(x)
    return pdf(x) * _mills(x)


def _half(x: float) -> float:
    """`Phi(x) - 1/2`, relatively accurate near 0."""
    if abs(x) > 1.0:
        return 0.5 - _upper_tail(x) if x > 0.0 else _upper_tail(-x) - 0.5
    term = total = x
    n = 1
    while abs(term) > 1e-18 * abs(total):
        n += 2
        term *= x * x / n
        total += term
    return pdf(x) * total


def _mills(x: float) -> float:
    """Mills' ratio `(1 - Phi(x))/phi(x)`; from 1 on by Laplace's continued fraction."""
    if x < 1.0:
        return _upper_tail(x) / pdf(x)
    fraction = x
    for k in range(20 + int(450.0 / x / x), 0, -1):
        fraction = x + k / fraction
    return 1.0 / fraction


# ---- Truncation --------------------------------------------------------------------------------------------


class Truncation(NamedTuple):
    """What a truncated normal draw needs to know of its bounds `a < b`.

    Attributes:
        p_lower: `Phi(a)`.
        p_upper: `Phi(-b)`.
        q_lower: `1/2 - Phi(a)`, relatively accurate near `a = 0`.
        q_upper: `1/2 - Phi(-b)`, likewise.
        mass: `Phi(b) - Phi(a)`, relatively accurate; where `far`, divided by the tail beyond the near end.
        rest: Where `far`, `1 - mass`; else 0.
        depth: Where `far`, minus the logarithm of the tail beyond the near end; else 0.
        far: 1 where `a >= 4`, -1 where `b <= -4`, else 0.
    """

    p_lower: float
    p_upper: float
    q_lower: float
    q_upper: float
    mass: float
    rest: float
    depth: float
    far: int


@lru_cache(maxsize=1024)
def truncation(lower: float, upper: float) -> Truncation:
    """The probabilities that an interval cuts from the standard normal law.

    Args:
        lower: The lower bound, in standard deviations; may be minus infinity.
        upper: The upper bound, above `lower`; may be infinity.

    Returns:
        The probabilities, with relative errors below 2e-15 (the error of `rest`: relative to 1).

    Raises:
        ArgumentError: The bounds are not in order, or one is NaN.

    Example:
        >>> truncation(-2.0, 2.0).mass
        0.9544997361036416
    """
    _require_order(lower, upper)
    ends = cdf(lower), cdf(-upper), -_half(lower), _half(upper)
    if lower >= _FAR:
        return Truncation(*ends, *_share(lower, upper), -log_cdf(-lower), 1)
    if upper <= -_FAR:
        return Truncation(*ends, *_share(-upper, -lower), -log_cdf(upper), -1)
    if lower < 0.0 < upper:
        mass = _half(upper) + _half(-lower)
    else:
        near, far = (lower, upper) if lower >= 0.0 else (-upper, -lower)
        mass = _share(near, far)[0] * _upper_tail(near)
    return Truncation(*ends, mass, 0.0, 0.0, 0)


def _require_order(lower: float, upper: float) -> None:
    """Refuse bounds that enclose nothing."""
    if not lower < upper:
        message = "The lower bound of a truncated normal law must be below its upper bound. "
        message += f"Received: {lower!r} and {upper!r}, in standard deviations. Exchange or part them."
        raise ArgumentError(message)


def _share(near: float, far: float) -> tuple[float, float]:
    """The part of the tail beyond `near >= 0` that lies before `far`, relatively accurate, and the rest."""
    fall = (far - near) * (0.5 * near + 0.5 * far)
    if fall < 1.0:
        width = far - near
        part = width * _moments_from(near, width, 1)[0] / _mills(near)
        return part, 1.0 - part
    rest = exp(-fall) * _mills(far) / _mills(near)
    return 1.0 - rest, rest


def _moments_from(near: float, width: float, panels: int) -> tuple[float, float, float]:
    """`∫ y**n · phi(near + width·y)/phi(near) dy` over [0, 1], for n = 0, 1, 2."""
    sums: tuple[list[float], list[float], list[float]] = ([], [], [])
    for panel in range(panels):
        for node, weight in _QUADRATURE:
            for signed in (-node, node):
                y = (panel + 0.5 + 0.5 * signed) / panels
                s = width * y
                value = weight * exp(-s * (near + 0.5 * s))
                sums[0].append(value)
                sums[1].append(value * y)
                sums[2].append(value * y * y)
    # Sums that are rounded once: their order, and so the panels, cannot be seen in the last bit.
    zeroth, first, second = (fsum(values) / (2 * panels) for values in sums)
    return zeroth, first, second


@lru_cache(maxsize=1024)
def truncated_moments(lower: float, upper: float) -> tuple[float, float]:
    """Mean and standard deviation of the standard normal law between two bounds.

    Formula: `E[X]` and `√Var[X]` for `X` standard normal given `lower <= X <= upper`, by quadrature, so that
    narrow intervals and far tails lose nothing to cancellation.

    Args:
        lower: The lower bound, in standard deviations; may be minus infinity.
        upper: The upper bound, above `lower`; may be infinity.

    Returns:
        The mean, accurate to 1e-14 of itself or of the standard deviation, and the standard deviation, with a
        relative error below 1e-14.

    Raises:
        ArgumentError: The bounds are not in order, or one is NaN.

    Example:
        >>> truncated_moments(-2.0, 2.0)
        (0.0, 0.8796256610342398)
    """
    _require_order(lower, upper)
    if isinf(lower) and isinf(upper):
        return 0.0, 1.0
    if upper <= 0.0:
        mean, std = truncated_moments(-upper, -lower)
        return -mean, std
    if lower >= 0.0:
        width = min(upper - lower, _reach(lower))
        zeroth, first, second = _moments_from(lower, width, _panels(lower, width))
        share = first / zeroth
        return lower + width * share, width * sqrt(second / zeroth - share * share)
    left, right = min(-lower, _reach(0.0)), min(upper, _reach(0.0))
    below = _moments_from(0.0, left, _panels(0.0, left))
    above = _moments_from(0.0, right, _panels(0.0, right))
    mass = left * below[0] + right * above[0]
    mean = (right * right * above[1] - left * left * below[1]) / mass
    square = (right * right * right * above[2] + left * left * left * below[2]) / mass
    return mean, sqrt(square - mean * mean)


def _reach(near: float) -> float:
    """How far beyond `near` the density has fallen so low that the rest does not count."""
    if near < 1.0:
        return 2.0 * _NEGLIGIBLE / (near + sqrt(near * near + 2.0 * _NEGLIGIBLE))
    return 2.0 * _NEGLIGIBLE / near / (1.0 + sqrt(1.0 + 2.0 * _NEGLIGIBLE / near / near))


def _panels(near: float, width: float) -> int:
    """So many that within each the density falls by less than about exp(4)."""
    return 1 + int(width * (near + 0.5 * width) / 2.0)
