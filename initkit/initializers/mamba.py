"""The parameters of Mamba's selective state spaces: decay rates and step sizes."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError, ShapeError
from initkit.initializer import Moments, RandomInitializer, RegionInitializer
from initkit.initializers.arguments import float_argument
from initkit.initializers.expectation import sum_over_indices, uniform_moments
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.initializers.random import check_range
from initkit.kernels import elementary, normal_law
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator

# How far the logarithm of the least uniform number, 2**-54, is from 0.
_FARTHEST_LOG = 38.0


@built_in()
class MambaALog(RegionInitializer):
    """The logarithms of Mamba's decay rates: 1, 2, 3, … along the state, as in S4D-Real.

    Formula: `w[…, n] = log(n + 1)`. The model uses `A = -exp(w)`, which are the eigenvalues of HiPPO-LegS.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape, `(…, N)`, and float dtype (None is
        float32), the same along all other axes; usually `(channels, N)`, or `(heads,)`. Values are within
        1 ulp of float64, and then rounded once; the first is 0 exactly.

    Raises:
        ShapeError: The shape has no axes.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.MambaALog()((2, 4), "float64").round(3).tolist()[0]
        [0.0, 0.693, 1.099, 1.386]

    Reference:
        Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023.
    """

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a shape without axes, and dtypes that are not real and floating."""
        super().check(shape, dtype)
        if not shape:
            message = "Decay rates need an axis to lie along. Received: shape=(). Allowed: (…, N). Write, for"
            message += " example, (1536, 16)."
            raise ShapeError(message)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the logarithms by their index."""
        fill_pieces(out, region, draw, lambda piece: elementary.log(piece.xp, piece.index(-1) + 1.0))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all elements."""
        lengths = as_shape(shape)
        n = lengths[-1] if lengths else 0
        if not n:
            return Moments(0.0, 0.0)
        mean = sum_over_indices(lambda k: np.log(k + 1), lambda k: (k + 1) * (log(k + 1) - 1), n) / n
        square = sum_over_indices(lambda k: np.log(k + 1) ** 2, lambda k: _integral(k + 1), n) / n
        return Moments(mean, sqrt(max(square - mean * mean, 0.0)))


def _integral(x: float) -> float:
    """That of `log(x)²`."""
    return x * ((log(x) - 1) ** 2 + 1)


@built_in()
class Mamba2ALog(RandomInitializer):
    """The logarithms of Mamba-2's decay rates, which are uniform, one for each head.

    Formula: `w = log(a)`, `a ~ U(low, high)`. The model uses `A = -exp(w)`.

    Args:
        low: The least rate, not negative (default 1.0).
        high: The greatest rate, above 0 and not below `low` (default 16.0).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32).
        `a` is `low + (k + 1/2)·2⁻²⁴·(high - low)`, `k` from 0 to 2²⁴ - 1 (53 bits in float64), so that it is
        never 0; its logarithm is rounded once, and lower precisions are the float32 values rounded once.

    Raises:
        ArgumentError: `low` is negative or above `high`, `high` is 0, or one is NaN or infinite.
        ArgumentTypeError: One is no real number.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> rates = np.exp(ik.Mamba2ALog(seed=7)(24))
        >>> bool(rates.min() >= 1), bool(rates.max() <= 16)
        (True, True)

    Reference:
        Dao and Gu, "Transformers are SSMs: Generalized models and efficient algorithms through structured
        state space duality", 2024.
    """

    def __init__(self, low: float = 1.0, high: float = 16.0, seed: int | SeedGenerator | None = None) -> None:
        super().__init__(seed)
        self.low = float_argument(low, "low", low=0.0)
        self.high = float_argument(high, "high", low=0.0)
        if not self.low <= self.high or self.high == 0.0:
            message = "Rates must lie in an interval above 0. Received:"
            message += f" low={self.low}, high={self.high}. Allowed: 0 <= low <= high, high > 0. Change one."
            raise ArgumentError(message)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, or whose range the logarithms leave."""
        super().check(shape, dtype)
        least = log(self.low) if self.low else log(self.high) - _FARTHEST_LOG
        check_range(dtype, **{"least logarithm": least, "greatest logarithm": log(self.high)})

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the rates, and take their logarithms."""
        fill_pieces(out, region, draw, self._values)

    def _values(self, piece: Piece) -> Any:
        return elementary.log(piece.xp, self.low + piece.uniform() * (self.high - self.low))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Those of the logarithm of a uniform number."""
        return uniform_moments(lambda u, _: np.log(self.low + u * (self.high - self.low)))


@built_in()
class MambaDtBias(RandomInitializer):
    """The bias of Mamba's step sizes, such that the steps at the start are log-uniform.

    Formula: `w = dt + log(1 - exp(-dt))`, the inverse of softplus, where
    `dt = max(exp(U(log(dt_min), log(dt_max))), dt_floor)`.

    Args:
        dt_min: The least step, above 0 (default 0.001).
        dt_max: The greatest step, not below `dt_min` (default 0.1).
        dt_floor: What steps are raised to, from 0 to `dt_max` (default 0.0001, which with the other defaults
            changes nothing).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32).
        Softplus of a value lies in `[dt_min, dt_max]`, up to rounding. The uniform numbers have 24 bits, 53
        in float64; values are computed in float64 and rounded once, and lower precisions are the float32
        values rounded once.

    Raises:
        ArgumentError: The steps are not in that order, not positive, NaN or infinite.
        ArgumentTypeError: One is no real number.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> steps = np.logaddexp(0, ik.MambaDtBias(seed=7)(1536, "float64"))
        >>> bool(steps.min() >= 0.001), bool(steps.max() <= 0.1), float(np.median(steps).round(2))
        (True, True, 0.01)

    Reference:
        Gu and Dao, "Mamba: Linear-time sequence modeling with selective state spaces", 2023, section 3.6.
    """

    def __init__(
        self,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        dt_floor: float = 0.0001,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        super().__init__(seed)
        self.dt_min = float_argument(dt_min, "dt_min", low=0.0)
        self.dt_max = float_argument(dt_max, "dt_max", low=0.0)
        self.dt_floor = float_argument(dt_floor, "dt_floor", low=0.0)
        if not (0.0 < self.dt_min <= self.dt_max and self.dt_floor <= self.dt_max):
            message = "Steps must be positive and in order. Received:"
            message += f" dt_min={self.dt_min}, dt_max={self.dt_max}, dt_floor={self.dt_floor}. Allowed:"
            message += " 0 < dt_min <= dt_max, dt_floor <= dt_max. Change one of these."
            raise ArgumentError(message)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, or whose range the biases leave."""
        super().check(shape, dtype)
        ends = _softplus_inverse(np.array([max(self.dt_min, self.dt_floor), self.dt_max]))
        check_range(dtype, **{"least bias": float(ends[0]), "greatest bias": float(ends[1])})

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the steps, and invert softplus."""
        fill_pieces(out, region, draw, self._values)

    def _values(self, piece: Piece) -> Any:
        xp, least = piece.xp, max(self.dt_min, self.dt_floor)
        low = normal_law.log(self.dt_min)
        step = elementary.exp(xp, low + piece.uniform() * (normal_law.log(self.dt_max) - low))
        # The exponential of a logarithm is off by some units in the last place.
        return elementary.softplus_inverse(xp, xp.minimum(xp.maximum(step, least), self.dt_max))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Those of the law, of which a part stands at the floor if that is above `dt_min`."""
        least = max(self.dt_min, self.dt_floor)
        low, span = log(least), log(self.dt_max) - log(least)
        free = uniform_moments(lambda u, _: _softplus_inverse(np.exp(low + u * span)))
        whole = log(self.dt_max) - log(self.dt_min)
        floored = 1 - span / whole if whole else 0.0
        floor = float(_softplus_inverse(np.float64(least)))
        mean = floored * floor + (1 - floored) * free.mean
        variance = floored * (floor - mean) ** 2 + (1 - floored) * (free.std**2 + (free.mean - mean) ** 2)
        return Moments(mean, sqrt(variance))


def _softplus_inverse(y: Any) -> Any:
    return y + np.log(-np.expm1(-y))
