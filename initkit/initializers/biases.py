"""Constants that mean something: a prior probability, and values that were never set."""

from __future__ import annotations

from math import nan
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DType, Kind, resolve_dtype
from initkit.errors import ArgumentError
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import float_argument
from initkit.initializers.random import check_range
from initkit.kernels import normal_law
from initkit.region import Region
from initkit.registry import built_in


@built_in()
class PriorProbability(RegionInitializer):
    """The bias of a classifier whose sigmoid says a given probability at the start.

    Formula: `w = -log((1 - π)/π)`, so that `sigmoid(w) = π`. With `π = 1/(1 + n)` it is `-log(n)`, the bias
    of a head of `n` classes.

    Args:
        probability: `π`, above 0 and below 1 (default 0.01).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        every value the same, rounded once; lower precisions hold the float32 value rounded once.

    Raises:
        ArgumentError: The probability is not above 0 and below 1, or the bias is beyond the dtype's range.
        ArgumentTypeError: It is no real number.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.PriorProbability(0.01)((2,), "float64").round(3).tolist()
        [-4.595, -4.595]

    Reference:
        Lin, Goyal, Girshick, He and Dollár, "Focal loss for dense object detection", 2017, section 4.1.
    """

    def __init__(self, probability: float = 0.01) -> None:
        self.probability = float_argument(probability, "probability", low=0.0, high=1.0)
        if self.probability in (0.0, 1.0):
            message = "A probability of 0 or 1 would need an infinite bias. Received:"
            message += f" probability={self.probability}. Allowed: numbers above 0 and below 1. Choose one"
            message += " near it."
            raise ArgumentError(message)

    @property
    def _bias(self) -> float:
        # Of the two quotients the one below 1 cannot overflow.
        p, rest = self.probability, 1.0 - self.probability
        return normal_law.log(p / rest) if p < 0.5 else 0.0 - normal_law.log(rest / p)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, or that cannot hold the bias."""
        super().check(shape, dtype)
        check_range(dtype, bias=self._bias)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the bias."""
        draw.backend.store(out, draw.backend.xp.asarray(self._bias))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The bias, standard deviation 0."""
        return Moments(self._bias, 0.0)


@built_in()
class NaN(RegionInitializer):
    """All NaN, so that whatever is used before it was set shows.

    Formula: `w = NaN`; complex: `NaN + i·NaN`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), every value NaN: the quiet one with sign 0 and no payload of IEEE-754, and float8_e4m3fn's
        only one.

    Raises:
        DTypeError: An integer or bool dtype, which has no NaN.

    Example:
        >>> import initkit as ik
        >>> ik.NaN()((2,), "bfloat16").tolist()
        [nan, nan]

    Reference:
        Chainer, `chainer.initializers.NaN`.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write NaN."""
        value = complex(nan, nan) if resolve_dtype(out.dtype).kind == "complex" else nan
        draw.backend.store(out, draw.backend.xp.asarray(value))
