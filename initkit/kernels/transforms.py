"""From words to values, in NumPy: the executable specification of stream 1's arithmetic.

Nothing but IEEE-754 operations that round correctly (+ - * / sqrt, comparisons, exact conversions, bit
casts), one at a time and in the order written here. transforms.h is the same in C, operation for operation;
docs/stream.md says it in words. All functions are pure and take arrays of words of any shape: uint32 for
float32, uint64 (of which the upper 53 bits count) for float64.

The numbers that a law needs beside its words come as one tuple, made by parameters.py, each exact in the
precision of the draw.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np

from initkit.kernels import constants

Array = np.ndarray[Any, Any]
Law = tuple[float, ...]


def _exact(real: Any, *blocks: Sequence[float]) -> Any:
    """Coefficients in the type that uses them."""
    return tuple([real(coefficient) for coefficient in block] for block in blocks)


class Arithmetic(ABC):
    """What differs between the two precisions; the laws are written once, below.

    Attributes:
        real: The NumPy type of values.
        unsigned: The NumPy type of words, and of a value's bits.
        bits: How many bits of a word make the uniform `u = (k + 1/2)·2**-bits`.
    """

    real: ClassVar[Any]
    unsigned: ClassVar[Any]
    bits: ClassVar[int]
    word_bits: ClassVar[int]
    mantissa_bits: ClassVar[int]
    bias: ClassVar[int]
    central: ClassVar[tuple[Sequence[Any], Sequence[Any]]]
    sine: ClassVar[Sequence[Any]]
    cosine: ClassVar[Sequence[Any]]

    @abstractmethod
    def unit(self, words: Array) -> Array:
        """The uniform of the uniform law, in `[0, 1)`: 24 or 53 bits, exact."""

    @abstractmethod
    def quarter(self, words: Array) -> Array:
        """Where the angle `2π·u` lies in its quarter turn, counted from the quarter's middle: `|x| < 1/2`."""

    @abstractmethod
    def log(self, h: Array, k: Array) -> Array:
        """`-2·log(2**-k · (1 - h/2))`, `0 <= h <= 1`, relatively accurate down to `h = 0`."""

    @abstractmethod
    def tail(self, e: Array) -> tuple[Array, Array]:
        """`t = √e` and `g`, where `t + g` is the `x` that has `-2·log(1 - Phi(x)) = e`; for `x >= 3`."""

    def fold(self, words: Array) -> tuple[Array, Array]:
        """Whether `u` is in the upper half, and `n = min(u, 1 - u)·2**bits`, rounded once or twice."""
        upper = words >> self.unsigned(self.word_bits - 1) != 0
        folded = np.where(upper, ~words, words) >> self.unsigned(self.word_bits - self.bits)
        return upper, folded.astype(self.real) + self.real(0.5)

    def split(self, x: Array) -> tuple[Array, Array]:
        """The `h` and `k` of a positive normal number: `x = 2**-k · (1 - h/2)`, `0 < h <= 1`."""
        bits = x.view(self.unsigned)
        mantissa = bits & self.unsigned((1 << self.mantissa_bits) - 1)
        one = self.unsigned(self.bias << self.mantissa_bits)
        exponent = (bits >> self.unsigned(self.mantissa_bits)).astype(np.int32)
        return self.real(2) - (mantissa | one).view(self.real), np.int32(self.bias - 1) - exponent


@final
class Single(Arithmetic):
    """Float32, from 32-bit words."""

    real = np.float32
    unsigned = np.uint32
    bits = word_bits = 32
    mantissa_bits = 23
    bias = 127
    central = _exact(np.float32, constants.CENTRAL32_N, constants.CENTRAL32_D)
    sine, cosine, _log = _exact(np.float32, constants.SIN32, constants.COS32, constants.LOG32)
    _tail = _exact(np.float32, constants.TAIL32_N, constants.TAIL32_D)

    def unit(self, words: Array) -> Array:
        """The top 24 bits."""
        return (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)

    def quarter(self, words: Array) -> Array:
        """The low 30 bits and a half, as a signed fraction; one rounding."""
        signed = (words << np.uint32(2) | np.uint32(2)).view(np.int32)
        return signed.astype(np.float32) * np.float32(2.0**-32)

    def log(self, h: Array, k: Array) -> Array:
        """A polynomial, by pairs of coefficients."""
        c = self._log
        square = h * h
        total = c[6] + c[7] * h
        for i in (4, 2, 0):
            total = (c[i] + c[i + 1] * h) + square * total
        whole: Array = k.astype(np.float32) * np.float32(constants.TWO_LN2) + (h + square * total)
        return whole

    def tail(self, e: Array) -> tuple[Array, Array]:
        """A rational function of `1/t`."""
        t = np.sqrt(e)
        s = np.float32(1) / t
        return t, (s * horner(self._tail[0], s)) / monic(self._tail[1], s)


@final
class Double(Arithmetic):
    """Float64, from the upper 53 bits of 64-bit words."""

    real = np.float64
    unsigned = np.uint64
    bits = 53
    word_bits = 64
    mantissa_bits = 52
    bias = 1023
    central = _exact(np.float64, constants.CENTRAL64_N, constants.CENTRAL64_D)
    sine, cosine, _log = _exact(np.float64, constants.SIN64, constants.COS64, constants.LOG64)
    _tail = _exact(np.float64, constants.TAIL64_N, constants.TAIL64_D)
    _mills = _exact(np.float64, constants.MILLS64_N, constants.MILLS64_D)

    def unit(self, words: Array) -> Array:
        """The top 53 bits."""
        return (words >> np.uint64(11)).astype(np.float64) * np.float64(2.0**-53)

    def quarter(self, words: Array) -> Array:
        """The low 51 of the 53 bits, and a half, as a signed fraction; exact."""
        signed = (words << np.uint64(2)).view(np.int64) >> np.int64(13)
        return (signed.astype(np.float64) + np.float64(0.5)) * np.float64(2.0**-51)

    def log(self, h: Array, k: Array) -> Array:
        """`4·atanh(h/(4 - h))`: a polynomial needs half as many terms as in `h`."""
        s = h / (np.float64(4) - h)
        z = s * s
        series = np.float64(4) * s + s * (z * horner(self._log, z))
        return k.astype(np.float64) * np.float64(constants.TWO_LN2) + series

    def tail(self, e: Array) -> tuple[Array, Array]:
        """As in float32, then one step of Newton's method for `x² + log(2π) + 2·log(hazard(x)) = e`."""
        t = np.sqrt(e)
        s = np.float64(1) / t
        g = (s * horner(self._tail[0], s)) / monic(self._tail[1], s)
        x = t + g
        z = np.float64(1) / (x * x)
        hazard = (x * monic(self._mills[1], z)) / horner(self._mills[0], z)
        # x² - e, without subtracting two large numbers.
        excess = g * (t + x) + (np.float64(constants.LN_TWO_PI) - self.log(*self.split(hazard)))
        return t, g - excess / (hazard + hazard)


SINGLE = Single()
DOUBLE = Double()


def horner(coefficients: Sequence[Any], x: Array) -> Array:
    """The polynomial with these coefficients, lowest power first."""
    total: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return np.asarray(total)


def monic(coefficients: Sequence[Any], x: Array) -> Array:
    """The same with a further, leading coefficient 1."""
    total = x + coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return np.asarray(total)


def clamp(values: Array, least: Any, most: Any) -> Array:
    """Values within `[least, most]`; written out, for minimum and maximum leave the sign of zero open."""
    values = np.where(values < least, least, values)
    return np.where(values > most, most, values)


def uniform(arithmetic: Arithmetic, words: Array, law: Law) -> Array:
    """The uniform law, one value for each word.

    Formula: `low + u·span`, then clamped.

    Args:
        arithmetic: `SINGLE` or `DOUBLE`.
        words: Words of the draw.
        law: low, span, least, most.

    Returns:
        Values of the shape of `words`.
    """
    low, span, least, most = map(arithmetic.real, law)
    return clamp(arithmetic.unit(words) * span + low, least, most)


def normal_pairs(arithmetic: Arithmetic, even: Array, odd: Array, law: Law) -> tuple[Array, Array]:
    """The normal law by Box and Muller, two values for each two words.

    Formula: `r = √(-2·log(u(even)))`, `mean + std·r·cos(2π·u(odd))` and `mean + std·r·sin(2π·u(odd))`.

    Args:
        arithmetic: `SINGLE` or `DOUBLE`.
        even: The words of elements `2j`.
        odd: The words of elements `2j + 1`.
        law: mean, std.

    Returns:
        The values of elements `2j` and of elements `2j + 1`.
    """
    mean, std = map(arithmetic.real, law)
    upper, n = arithmetic.fold(even)
    h, k = arithmetic.split(n)
    h = np.where(upper, n * arithmetic.real(2.0 ** (1 - arithmetic.bits)), h)
    k = np.where(upper, np.int32(0), k + np.int32(arithmetic.bits))
    r = np.sqrt(arithmetic.log(h, k))

    x = arithmetic.quarter(odd)
    z = x * x
    sine = x * horner(arithmetic.sine, z)
    cosine = arithmetic.real(1) + z * horner(arithmetic.cosine, z)

    one, top = arithmetic.unsigned(1), arithmetic.word_bits - 1
    sign, half = one << arithmetic.unsigned(top), one << arithmetic.unsigned(top - 1)
    # Bits 0 and 1 of the nearest quarter turn now stand at the top of the word.
    turned = odd + (one << arithmetic.unsigned(top - 2))
    swapped = turned & half != 0
    across = np.where(swapped, sine, cosine).view(arithmetic.unsigned) ^ ((turned + half) & sign)
    along = np.where(swapped, cosine, sine).view(arithmetic.unsigned) ^ (turned & sign)
    first = (r * across.view(arithmetic.real)) * std + mean
    second = (r * along.view(arithmetic.real)) * std + mean
    return first, second


def _central(arithmetic: Arithmetic, p: Array, q: Array) -> Array:
    """The `x` that has `Phi(-x) = p`, given `q = 1/2 - p` as well; for `p >= CENTRAL_LEAST_P`."""
    r = np.sqrt(p - p * p)
    numerator, denominator = arithmetic.central
    ratio = arithmetic.real(constants.CENTRAL_RATIO) + horner(numerator, r) / monic(denominator, r)
    return np.asarray(q * ratio)


def _signed(arithmetic: Arithmetic, upper: Array, x: Array) -> Array:
    """`x` where `upper`, else `-x`."""
    sign = arithmetic.unsigned(1) << arithmetic.unsigned(arithmetic.word_bits - 1)
    bits = x.view(arithmetic.unsigned) ^ np.where(upper, arithmetic.unsigned(0), sign)
    return np.asarray(bits.view(arithmetic.real))


def truncated_central(arithmetic: Arithmetic, words: Array, law: Law) -> Array:
    """The truncated normal law between bounds `-c` and `c`, `Phi(-c) >= CENTRAL_LEAST_P`.

    Formula: `mean + std·x`, `Phi(x) = Phi(-c) + u·(Phi(c) - Phi(-c))`, then clamped. The values are those of
    `truncated`, of which this is the part that such bounds need.

    Args:
        arithmetic: `SINGLE` or `DOUBLE`.
        words: Words of the draw.
        law: mean, std, `Phi(-c)`, `1/2 - Phi(-c)`, `(Phi(c) - Phi(-c))·2**-bits`, least, most.

    Returns:
        Values of the shape of `words`.
    """
    mean, std, p_end, q_end, step, least, most = map(arithmetic.real, law)
    upper, n = arithmetic.fold(words)
    inward = n * step
    x = _central(arithmetic, p_end + inward, q_end - inward)
    return clamp(_signed(arithmetic, upper, x) * std + mean, least, most)


def truncated(arithmetic: Arithmetic, words: Array, law: Law) -> Array:
    """The truncated normal law between any bounds `a < b` that are not both far out on one side.

    Formula: `mean + std·x`, `Phi(x) = Phi(a) + u·(Phi(b) - Phi(a))`, then clamped. Of the two tails that `x`
    cuts off, the smaller one is computed, from its own end of the interval, and inverted.

    Args:
        arithmetic: `SINGLE` or `DOUBLE`.
        words: Words of the draw.
        law: mean, std, `Phi(a)`, `Phi(-b)`, `1/2 - Phi(a)`, `1/2 - Phi(-b)`, `(Phi(b) - Phi(a))·2**-bits`,
            least, most.

    Returns:
        Values of the shape of `words`.
    """
    mean, std, p_lower, p_upper, q_lower, q_upper, step, least, most = map(arithmetic.real, law)
    upper, n = arithmetic.fold(words)
    near = n * step
    far = (arithmetic.real(2.0**arithmetic.bits) - n) * step
    p_near = np.where(upper, p_upper, p_lower) + near
    p_far = np.where(upper, p_lower, p_upper) + far
    q_near = np.where(upper, q_upper, q_lower) - near
    q_far = np.where(upper, q_lower, q_upper) - far
    crossed = p_far < p_near
    p = np.where(crossed, p_far, p_near)
    x = _central(arithmetic, p, np.where(crossed, q_far, q_near))
    outside = p < arithmetic.real(constants.CENTRAL_LEAST_P)
    t, g = arithmetic.tail(arithmetic.log(*arithmetic.split(p[outside])))
    x[outside] = t + g
    return clamp(_signed(arithmetic, upper ^ crossed, x) * std + mean, least, most)


def truncated_far(arithmetic: Arithmetic, words: Array, law: Law) -> Array:
    """The truncated normal law between bounds far out on one side: `|a| < |b|`, `|a| >= 4`.

    Formula: `end + std·y`, `1 - Phi(|a| + y) = (1 - Phi(|a|))·(1 - v·mass)`, then clamped. `v` is `u`, or
    `1 - u` in the lower tail, where std has a minus sign. The distance `y` from the near end is computed
    without the end itself, so its error is small beside its mean however far out the interval lies.

    Args:
        arithmetic: `SINGLE` or `DOUBLE`.
        words: Words of the draw.
        law: end, std, `mass·2**-bits`, `1 - mass`, `e = -2·log(1 - Phi(|a|))`, `t` and `g` of that `e`, 1 in
            the lower tail and 0 in the upper, least, most.

    Returns:
        Values of the shape of `words`.
    """
    end, std, step, rest, e_end, t_end, g_end, lower, least, most = map(arithmetic.real, law)
    upper, n = arithmetic.fold(~words if lower else words)
    other = arithmetic.real(2.0**arithmetic.bits) - n
    gone = np.where(upper, other, n) * step
    left = rest + np.where(upper, n, other) * step
    early = gone <= arithmetic.real(0.5)
    h, k = arithmetic.split(left)
    e = arithmetic.log(np.where(early, gone + gone, h), np.where(early, np.int32(0), k))
    t, g = arithmetic.tail(e_end + e)
    distance = e / (t + t_end) + (g - g_end)
    return clamp(distance * std + end, least, most)
