"""What a fill is given beside its words: which transform, and the numbers it needs.

The numbers are computed here once, in float64, and rounded to the precision of the draw, so that the twin,
the C library and CUDA start from the same ones.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, final

import numpy as np

from initkit.kernels import constants
from initkit.kernels.normal_law import truncation
from initkit.kernels.transforms import DOUBLE, SINGLE, Arithmetic

# The transforms; fill.h has the same order.
UNIFORM, NORMAL, TRUNCATED_CENTRAL, TRUNCATED, TRUNCATED_FAR = range(5)

# Beyond some 1e18 standard deviations nothing of the law can be seen beside its end; keeps squares finite.
_DEEPEST = 2.0**120


class Request(NamedTuple):
    """A transform and its numbers.

    Attributes:
        transform: `UNIFORM`, `NORMAL`, `TRUNCATED_CENTRAL`, `TRUNCATED` or `TRUNCATED_FAR`.
        law: The numbers, in the order that the function of that name in transforms.py documents; each is
            exact in the precision of the draw, and no zero is negative.
    """

    transform: int
    law: tuple[float, ...]


class Parameters(ABC):
    """A law and its parameters, as a backend is given them."""

    __slots__ = ()

    @abstractmethod
    def request(self, draw: np.dtype[Any]) -> Request:
        """What the kernels need, for a draw in float32 or float64.

        Args:
            draw: The precision of the draw, `np.dtype("float32")` or `np.dtype("float64")`.

        Returns:
            The transform and its numbers; equal parameters give the same object while it is in the cache.
        """


@final
@dataclass(frozen=True, slots=True)
class UniformParameters(Parameters):
    """The uniform law on `[low, high)`.

    Attributes:
        low: The lower end, finite.
        high: The upper end, finite, not below `low`; `high - low` is finite in the precision of the draw.
    """

    low: float
    high: float

    def request(self, draw: np.dtype[Any]) -> Request:
        """The ends rounded, and the values clamped into them; the float nearest `low` if there are none."""
        return _uniform(self, _arithmetic(draw))


@final
@dataclass(frozen=True, slots=True)
class NormalParameters(Parameters):
    """The normal law.

    Attributes:
        mean: The mean, finite.
        std: The standard deviation, finite, not negative.
    """

    mean: float
    std: float

    def request(self, draw: np.dtype[Any]) -> Request:
        """Both rounded."""
        arithmetic = _arithmetic(draw)
        return Request(NORMAL, (_rounded(arithmetic, self.mean), _rounded(arithmetic, self.std)))


@final
@dataclass(frozen=True, slots=True)
class TruncatedNormalParameters(Parameters):
    """The law of `mean + std·Z`, `Z` standard normal given `lower <= Z <= upper`.

    Attributes:
        mean: The mean before truncation, finite.
        std: The standard deviation before truncation, finite, not negative.
        lower: The lower bound in standard deviations; may be minus infinity.
        upper: The upper bound in standard deviations, above `lower`; may be infinity.
        least: The lower bound of values, `mean + std·lower` or the number that this came from.
        most: The upper bound of values.
    """

    mean: float
    std: float
    lower: float
    upper: float
    least: float
    most: float

    def request(self, draw: np.dtype[Any]) -> Request:
        """The transform that the bounds need, and the numbers of that."""
        return _truncated(self, _arithmetic(draw))


def _arithmetic(draw: np.dtype[Any]) -> Arithmetic:
    """The arithmetic of a precision."""
    return SINGLE if draw.itemsize == 4 else DOUBLE


def _rounded(arithmetic: Arithmetic, x: float) -> float:
    """`x` rounded to nearest; the sum makes a negative zero positive."""
    with np.errstate(over="ignore"):
        return float(arithmetic.real(x)) + 0.0


def _least_not_below(arithmetic: Arithmetic, x: float) -> float:
    """The smallest float, of the precision of the draw, that is `x` or above."""
    rounded = _rounded(arithmetic, x)
    return rounded if rounded >= x else float(np.nextafter(arithmetic.real(rounded), arithmetic.real(np.inf)))


def _clamps(arithmetic: Arithmetic, low: float, high: float, *, half_open: bool) -> tuple[float, float]:
    """The smallest and the largest float in the interval; twice the one nearest `low` if there are none."""
    least, most = _least_not_below(arithmetic, low), -_least_not_below(arithmetic, -high)
    if half_open and most == high:
        most = float(np.nextafter(arithmetic.real(most), arithmetic.real(-np.inf)))
    if least > most:
        least = most = _rounded(arithmetic, low)
    return least + 0.0, most + 0.0


@lru_cache(maxsize=1024)
def _uniform(parameters: UniformParameters, arithmetic: Arithmetic) -> Request:
    """The numbers of a uniform law."""
    low, high = parameters.low, parameters.high
    ends = _rounded(arithmetic, low), _rounded(arithmetic, high - low)
    return Request(UNIFORM, (*ends, *_clamps(arithmetic, low, high, half_open=True)))


@lru_cache(maxsize=1024)
def _truncated(parameters: TruncatedNormalParameters, arithmetic: Arithmetic) -> Request:
    """The numbers of a truncated normal law."""
    cut = truncation(float(parameters.lower), float(parameters.upper))
    step = _rounded(arithmetic, cut.mass * 2.0**-arithmetic.bits)
    clamps = _clamps(arithmetic, parameters.least, parameters.most, half_open=False)
    std = _rounded(arithmetic, parameters.std)
    if cut.far:
        end = _rounded(arithmetic, parameters.least if cut.far > 0 else parameters.most)
        e = np.atleast_1d(arithmetic.real(min(2.0 * cut.depth, _DEEPEST)))
        deep = [float(number[0]) for number in (e, *arithmetic.tail(e))]
        line = end, cut.far * std + 0.0, step, _rounded(arithmetic, cut.rest)
        return Request(TRUNCATED_FAR, (*line, *deep, 0.0 if cut.far > 0 else 1.0, *clamps))
    tails = _rounded(arithmetic, cut.p_lower), _rounded(arithmetic, cut.p_upper)
    halves = _rounded(arithmetic, cut.q_lower), _rounded(arithmetic, cut.q_upper)
    mean = _rounded(arithmetic, parameters.mean)
    if parameters.lower == -parameters.upper and tails[0] >= constants.CENTRAL_LEAST_P:
        return Request(TRUNCATED_CENTRAL, (mean, std, tails[0], halves[0], step, *clamps))
    return Request(TRUNCATED, (mean, std, *tails, *halves, step, *clamps))
