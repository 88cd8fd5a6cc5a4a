"""Another initializer's values, times a factor."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from initkit.draws import Draw
from initkit.dtypes import DType, require_kind, resolve_dtype
from initkit.initializer import Moments
from initkit.initializers.arguments import float_argument
from initkit.initializers.composite import Modifier
from initkit.initializers.random import check_reach, farthest_normal
from initkit.region import Region, as_shape
from initkit.registry import built_in

# Dtypes narrower than their draws are drawn into a buffer of so many elements: enough for several threads.
_BUFFER_ELEMENTS = 1 << 21


class Rescaled(Modifier):
    """The base class of modifiers that multiply; a subclass says by what."""

    def __init__(self, initializer: object) -> None:
        """Keep the initializer."""
        super().__init__(initializer)
        self.one_law = self.initializer.one_law

    @abstractmethod
    def factor_for(self, shape: tuple[int, ...]) -> float:
        """The factor for a tensor of that shape."""

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse what the initializer refuses, integers, and values beyond the dtype's range."""
        require_kind(dtype, ("float", "complex"), type(self).__name__)
        self.initializer.check(shape, _computed(dtype))
        factor, moments = self.factor_for(shape), self.initializer.moments(shape, dtype)
        if moments is not None and moments.mean == moments.mean:
            check_reach(dtype, factor * moments.mean, abs(factor) * moments.std, farthest_normal(dtype))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw in the precision of the draw, multiply, and round."""
        dtype, factor = resolve_dtype(out.dtype), self.factor_for(region.shape)
        computed = _computed(dtype)
        if computed is dtype:
            self.initializer.fill_region(out, region, draw)
            draw.backend.scale(out, factor)
            return
        for box in self.pieces(region, computed, _BUFFER_ELEMENTS):
            part = region.part(box)
            values = draw.backend.empty(part.counts, computed)
            self.initializer.fill_region(values, part, draw)
            draw.backend.scale(values, factor)
            draw.backend.store(out[(*box, ...)], values)

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """The initializer's own, times the factor."""
        lengths = as_shape(shape)
        moments, factor = self.initializer.moments(lengths, dtype), self.factor_for(lengths)
        return None if moments is None else Moments(factor * moments.mean, abs(factor) * moments.std)


def _computed(dtype: DType) -> DType:
    """The row in which the product is computed: nothing is rounded twice."""
    return dtype if dtype.kind == "complex" else resolve_dtype(dtype.draw)


@built_in()
class Scale(Rescaled):
    """Another initializer's values, times a number.

    Formula: `w = factor·initializer(shape)`, computed in float32, or in float64 for float64; narrower dtypes
    are the float32 values rounded once; either part of a complex value is multiplied on its own. Signs are
    those of IEEE's products: a factor of 0 makes of negative values -0, which equals 0.

    Args:
        initializer: The initializer; names and configs are read as by `initkit.get`.
        factor: Any finite number.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32).

    Raises:
        ArgumentTypeError: The initializer is none, or the factor no real number.
        ArgumentError: The factor is NaN or infinite, or values could leave the dtype's range.
        DTypeError: An integer or bool dtype, or one that the initializer refuses.

    Example:
        >>> import initkit as ik
        >>> half = ik.Scale(ik.HeNormal(seed=7), 0.5)
        >>> bool((half((64, 64)) == ik.HeNormal(seed=7)((64, 64)) / 2).all())
        True
    """

    def __init__(self, initializer: object, factor: float) -> None:
        super().__init__(initializer)
        self.factor = float_argument(factor, "factor")

    def factor_for(self, shape: tuple[int, ...]) -> float:
        """The factor."""
        return self.factor

    def tolerance(self, dtype: DType) -> float:
        """The initializer's own, times the factor."""
        return abs(self.factor) * self.initializer.tolerance(dtype)
