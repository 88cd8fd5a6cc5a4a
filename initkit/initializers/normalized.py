"""Vectors of one length, uniformly distributed in direction."""

from __future__ import annotations

from collections.abc import Callable
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

# Longer vectors are drawn in pieces: for their length, then for their values.
_LONG = 1 << 17


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
        an axis of length 1 they are `±gain`. A slice takes the time of the whole vectors that it meets, and a
        few MB beside its own memory, however long they are.

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
        ahead, dtype = (slice(None),) * axis, resolve_dtype(out.dtype)
        for box in region.without_axis(axis).boxes(max(draw.backend.piece_elements // length, 1)):
            whole = (*box[:axis], slice(None), *box[axis:])
            part, target = region.part(whole), out[whole]
            if length > max(draw.backend.piece_elements, _LONG):
                self._fill_long(target, part, axis, draw, dtype)
                continue
            wide = _drawn(_stretch(part, axis, 0, length), draw, dtype)
            lengths = draw.backend.xp.sqrt(_folded_sum(_squares(wide, dtype), axis))
            draw.backend.store(target, self._scaled(wide, lengths, dtype)[(*ahead, kept)])

    def _fill_long(self, out: Any, region: Region, axis: int, draw: Draw, dtype: DType) -> None:
        """Write a part of one vector that is too long to be made at once: its length first, then the part."""

        def squares(first: int, last: int) -> Any:
            wide = _drawn(_stretch(region, axis, first, last), draw, dtype)
            return _squares(wide, dtype).reshape(-1)

        total = _sum_in_stretches(squares, region.shape[axis], draw.backend.piece_elements)
        length = draw.backend.xp.sqrt(_folded_sum(total, 0)).reshape((1,) * len(region.shape))
        for box in region.boxes(draw.backend.piece_elements):
            draw.backend.store(out[box], self._scaled(_drawn(region.part(box), draw, dtype), length, dtype))

    def _scaled(self, wide: Any, lengths: Any, dtype: DType) -> Any:
        """Drawn values divided by the lengths of their vectors, times the gain; as float64 or complex128."""
        if dtype.kind != "complex":
            return self.gain * (wide / lengths)
        # Both parts are divided as real numbers: libraries differ in how they divide complex ones.
        return (self.gain * (wide / lengths[..., None])).view("complex128")[..., 0]

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and `|gain|/√n`."""
        lengths = as_shape(shape)
        self.check(lengths, FLOAT32)
        length = lengths[axis_of(lengths, self.axis, "axis")]
        return Moments(0.0, abs(self.gain) / sqrt(max(length, 1)))


def _stretch(region: Region, axis: int, first: int, last: int) -> Region:
    """The same vectors, all their entries from the first to before the last."""
    return Region(
        region.shape,
        (*region.starts[:axis], first, *region.starts[axis + 1 :]),
        (*region.steps[:axis], 1, *region.steps[axis + 1 :]),
        (*region.counts[:axis], last - first, *region.counts[axis + 1 :]),
    )


def _drawn(region: Region, draw: Draw, dtype: DType) -> Any:
    """The normal values of a region as float64; of complex dtypes both parts, on an axis of their own."""
    parts = region.with_components(2) if dtype.kind == "complex" else region
    drawn = draw.backend.empty(parts.counts, resolve_dtype(dtype.draw))
    draw.backend.normal(drawn, parts, draw.key, 0.0, 1.0)
    return drawn.astype("float64")


def _squares(wide: Any, dtype: DType) -> Any:
    """The squares of values, or of their moduli."""
    squares = wide * wide
    return squares[..., 0] + squares[..., 1] if dtype.kind == "complex" else squares


def _sum_in_stretches(squares: Callable[[int, int], Any], length: int, limit: int) -> Any:
    """What is left of squares that are folded until no more than `limit` are, without having all at a time.

    The sums are those of `_folded_sum`: what is added to a stretch is made when it is, from two stretches of
    the fold before. So there is one stretch for each fold at a time.
    """
    lengths = [length]
    while lengths[-1] > limit:
        lengths.append(lengths[-1] - lengths[-1] // 2)

    def folded(times: int, first: int, last: int) -> Any:
        if not times:
            return squares(first, last)
        total, shift = folded(times - 1, first, last), lengths[times]
        end = min(last + shift, lengths[times - 1])
        if first + shift < end:
            total[: end - first - shift] += folded(times - 1, first + shift, end)
        return total

    return folded(len(lengths) - 1, 0, lengths[-1])


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
