"""Vectors of one length, uniformly distributed in direction."""

from __future__ import annotations

from math import sqrt
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import FLOAT32, DType, Kind, resolve_dtype
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import axis_argument, axis_of, float_argument
from initkit.initializers.random import check_range
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator


@built_in()
class NormalizedRows(RandomInitializer):
    """Vectors of length `gain` along an axis, each uniformly distributed on the sphere.

    Formula: `w = gain·x/|x|` for every vector `x` along `axis`, with independent standard normal entries;
    complex: with such real and imaginary parts. `|x|²` is added up in float64 in a fixed order: of the
    squares `q₀ … qₙ₋₁`, the last `⌊n/2⌋` are added to the first `⌊n/2⌋`, one between them stays, and so on
    until one is left. With `n` entries, `wⱼ²/gain²` follows Beta(1/2, (n - 1)/2); complex: `|wⱼ|²/gain²`
    follows Beta(1, n - 1).

    Args:
        axis: The axis along which the vectors lie (default -1).
        gain: The length of the vectors, any finite number (default 1.0).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32); float and
        complex dtypes. Values lie in `[-|gain|, |gain|]`; those of float32 come from float32 draws, divided
        in float64 and rounded once, and those of lower precisions are the float32 values rounded once. Along
        an axis of length 1 they are `±gain`. A slice costs the whole vectors that it meets.

    Raises:
        ArgumentTypeError: The gain is no real number, or the axis no integer.
        ArgumentError: The gain is NaN or infinite, or beyond the dtype's range.
        ShapeError: The shape has no such axis.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> w = ik.NormalizedRows(seed=7)((1000, 64))
        >>> bool(abs((w * w).sum(axis=1) - 1).max() < 1e-6)
        True

    Reference:
        Loshchilov, Hsieh, Sun, Ginsburg, "nGPT: normalized transformer with representation learning on the
        hypersphere", 2024; Muller, "A note on a method for generating points uniformly on n-dimensional
        spheres", 1959.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(self, axis: int = -1, gain: float = 1.0, seed: int | SeedGenerator | None = None) -> None:
        super().__init__(seed)
        self.axis = axis_argument(axis, "axis")
        self.gain = float_argument(gain, "gain")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes without the axis, dtypes that are not floating, and gains they cannot hold."""
        super().check(shape, dtype)
        axis_of(shape, self.axis, "axis")
        check_range(dtype, gain=self.gain)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the whole of every vector that the region meets, some of them at a time."""
        axis = axis_of(region.shape, self.axis, "axis")
        if not out.size:
            return
        length, kept = region.shape[axis], region.index()[axis]
        ahead = (slice(None),) * axis
        for box in region.without_axis(axis).boxes(max(draw.backend.piece_elements // length, 1)):
            part = region.part((*box[:axis], slice(None), *box[axis:]))
            vectors = Region(
                part.shape,
                (*part.starts[:axis], 0, *part.starts[axis + 1 :]),
                (*part.steps[:axis], 1, *part.steps[axis + 1 :]),
                (*part.counts[:axis], length, *part.counts[axis + 1 :]),
            )
            values = self._vectors(vectors, axis, draw, resolve_dtype(out.dtype))[(*ahead, kept)]
            draw.backend.store(out[(*box[:axis], slice(None), *box[axis:])], values)

    def _vectors(self, region: Region, axis: int, draw: Draw, dtype: DType) -> Any:
        """The vectors of a region that has the whole axis, as float64 or complex128."""
        precision = resolve_dtype(dtype.draw)
        if dtype.kind != "complex":
            drawn = draw.backend.empty(region.counts, precision)
            draw.backend.normal(drawn, region, draw.key, 0.0, 1.0)
            wide = drawn.astype("float64")
            return self.gain * (wide / draw.backend.xp.sqrt(_folded_sum(wide * wide, axis)))
        parts = region.with_components(2)
        drawn = draw.backend.empty(parts.counts, precision)
        draw.backend.normal(drawn, parts, draw.key, 0.0, 1.0)
        wide = drawn.astype("float64")
        squares = wide * wide
        lengths = draw.backend.xp.sqrt(_folded_sum(squares[..., 0] + squares[..., 1], axis))
        # Both parts are divided as real numbers: libraries differ in how they divide complex ones.
        return (self.gain * (wide / lengths[..., None])).view("complex128")[..., 0]

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and `|gain|/√n`."""
        lengths = as_shape(shape)
        self.check(lengths, FLOAT32)
        length = lengths[axis_of(lengths, self.axis, "axis")]
        return Moments(0.0, abs(self.gain) / sqrt(max(length, 1)))


def _folded_sum(squares: Any, axis: int) -> Any:
    """The sum along an axis, by additions whose order is the same on every machine and for every slice.

    It is never 0: a normal draw cannot be, since its uniform numbers lie half a step off.
    """
    ahead = (slice(None),) * axis
    while (length := squares.shape[axis]) > 1:
        half = length // 2
        folded = squares[(*ahead, slice(length - half))].copy()
        folded[(*ahead, slice(half))] += squares[(*ahead, slice(length - half, None))]
        squares = folded
    return squares
