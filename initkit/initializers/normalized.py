"""Vectors of one length, uniformly distributed in direction."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import prod, sqrt
from typing import Any, ClassVar

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import FLOAT32, DType, Kind, resolve_dtype
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import axis_argument, axis_of, float_argument
from initkit.initializers.kept_arrays import KeptArrays
from initkit.initializers.random import check_range
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator

Array = np.ndarray[Any, Any]

# Longer vectors are drawn in pieces: for their length, then for their values.
_LONG = 1 << 17
# Of shorter runs of memory, drawing takes longer.
_LEAST_RUN = 64
# Lengths are found in chunks of so many vectors at least; of more where there would be too many chunks.
_LEAST_VECTORS = 1 << 9
_MOST_CHUNKS = 16
# Of so many vectors the lengths are in memory, as float64, beside those that are kept: 4 MB.
_MOST_VECTORS = 1 << 19

# A build writes a tensor in pieces, in the order of memory: along an axis that is not the last, every piece
# meets all vectors. So lengths are kept: those of 2**24 vectors, 128 MB, but of most tensors some KB.
_LENGTHS = KeptArrays(most=(1 << 24) // (_MOST_VECTORS // _MOST_CHUNKS))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LENGTHS.forget)


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
        few MB beside its own memory, however long they are. Slices that meet the same vectors one after the
        other, as those of a build do, take it once: the lengths found last are kept, of 2**24 vectors (128
        MB) at most, in the host's memory, for which a call on a GPU waits.

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
        length = region.shape[axis]
        is_at_once = self._is_at_once(region, axis, draw)
        vectors = max(draw.backend.piece_elements // length, 1) if is_at_once else _MOST_VECTORS
        fill = self._fill_at_once if is_at_once else self._fill_part
        for box in region.without_axis(axis).boxes(vectors):
            whole = (*box[:axis], slice(None), *box[axis:])
            fill(out[whole], region.part(whole), axis, draw, resolve_dtype(out.dtype))

    def _is_at_once(self, region: Region, axis: int, draw: Draw) -> bool:
        """Whether drawing vectors whole takes no longer than finding their lengths and drawing the part."""
        length, piece = region.shape[axis], draw.backend.piece_elements
        # The runs of memory that a few vectors are: a whole vector, or as many values as there are vectors.
        has_long_runs = prod(region.counts[axis + 1 :]) == 1 or length * _LEAST_RUN <= piece
        return has_long_runs and length <= max(piece, _LONG) and 2 * region.counts[axis] >= length

    def _fill_at_once(self, out: Any, region: Region, axis: int, draw: Draw, dtype: DType) -> None:
        """Write parts of a few vectors, which are drawn whole, for their lengths and their values at once."""
        wide = _drawn(_stretch(region, axis, 0, region.shape[axis]), draw, dtype)
        lengths = draw.backend.xp.sqrt(_folded_sum(_squares(wide, dtype), axis))
        wanted = (*(slice(None),) * axis, region.index()[axis])
        draw.backend.store(out, self._scaled(wide, lengths, dtype)[wanted])

    def _fill_part(self, out: Any, region: Region, axis: int, draw: Draw, dtype: DType) -> None:
        """Write a small part of some vectors, or of long ones, whose lengths other parts may have found."""
        lengths = draw.backend.xp.asarray(_lengths(region, axis, draw, dtype))
        for box in region.boxes(draw.backend.piece_elements):
            of_box = lengths[(*box[:axis], slice(None), *box[axis + 1 :])]
            draw.backend.store(out[box], self._scaled(_drawn(region.part(box), draw, dtype), of_box, dtype))

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


def _lengths(region: Region, axis: int, draw: Draw, dtype: DType) -> Array:
    """The lengths of the vectors that a region meets, its axis kept with length 1, in the host's memory."""
    # A device's arrays cannot be kept for later: they are there in the order of one stream alone, and would
    # hold memory of the caller's allocator.
    backend, vectors = draw.backend, region.without_axis(axis)
    share = max(vectors.size // _MOST_CHUNKS, backend.piece_elements // region.shape[axis], _LEAST_VECTORS)
    boxes = list(vectors.boxes(min(share, _MOST_VECTORS // _MOST_CHUNKS)))
    parts = [region.part((*box[:axis], slice(None), *box[axis:])) for box in boxes]
    asked = (backend.name, draw.key, region.shape, axis, dtype.draw.itemsize, dtype.kind)

    def make(number: int) -> Array:
        part = parts[number]

        def squares(first: int, last: int) -> Any:
            return _squares(_drawn(_stretch(part, axis, first, last), draw, dtype), dtype)

        limit = max(backend.piece_elements // part.without_axis(axis).size, 1)
        total = _sum_in_stretches(squares, region.shape[axis], axis, limit)
        return backend.to_numpy(backend.xp.sqrt(_folded_sum(total, axis)))

    keys = [
        (*asked, others.starts, others.steps, others.counts)
        for others in (part.without_axis(axis) for part in parts)
    ]
    lengths = np.empty((*vectors.counts[:axis], 1, *vectors.counts[axis:]))
    for box, found in zip(boxes, _LENGTHS.find(keys, make), strict=True):
        lengths[(*box[:axis], slice(None), *box[axis:])] = found
    return lengths


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


def _sum_in_stretches(squares: Callable[[int, int], Any], length: int, axis: int, limit: int) -> Any:
    """What is left of squares that are folded until no more than `limit` are, without having all at a time.

    The sums are those of `_folded_sum`: what is added to a stretch is made when it is, from two stretches of
    the fold before. So there is one stretch for each fold at a time.
    """
    ahead, lengths = (slice(None),) * axis, [length]
    while lengths[-1] > limit:
        lengths.append(lengths[-1] - lengths[-1] // 2)

    def folded(times: int, first: int, last: int) -> Any:
        if not times:
            return squares(first, last)
        total, shift = folded(times - 1, first, last), lengths[times]
        end = min(last + shift, lengths[times - 1])
        if first + shift < end:
            total[(*ahead, slice(end - first - shift))] += folded(times - 1, first + shift, end)
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
