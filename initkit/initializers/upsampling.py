"""Kernels that make images larger: bilinear interpolation, and sub-pixel convolution without a pattern."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod, sqrt
from typing import Any, ClassVar

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType, Kind, resolve_dtype
from initkit.errors import ShapeError
from initkit.initializer import BUFFER_ELEMENTS, Moments, RegionInitializer
from initkit.initializers.arguments import choice_argument, count_argument
from initkit.initializers.axis_reading import axis_reading, refuse_other_layout
from initkit.initializers.composite import Modifier
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.layout import RECEPTIVE_FIELD_LETTERS, axis_letters, check_layout
from initkit.region import Region, as_shape
from initkit.registry import built_in

_CHANNELS = ("diagonal", "all")
_ORDERS = ("interleaved", "tiled")


@built_in()
class Bilinear(RegionInitializer):
    """The kernel with which a transposed convolution interpolates linearly between samples.

    Formula: along a spatial axis of length `k`, with `f = ceil(k/2)`, `t[i] = 1 - |i - (k - 1)/2| / f`, and
    `w` is the product of these over 1 to 3 spatial axes: linear, bilinear or trilinear. With stride `f`, a
    transposed convolution enlarges a signal `f` times, linear ones exactly but for the border. Where
    `k = 2f - f % 2`, it is also the kernel of Caffe and MXNet; theirs are lopsided for other lengths.

    Args:
        channels: `"diagonal"` (default): channel `c` goes to channel `c`, and `w` is 0 between others.
            `"all"`: every pair of channels has the kernel. Where one of the two channel axes has length 1, as
            in depthwise kernels (k, k, channels, 1), both mean the same.
        layout: Which axes are spatial, in letters or by the name of a preset; None reads `(…, in, out)`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32). The values are fractions from 0 to 1, rounded once.

    Raises:
        ArgumentTypeError: An argument is no text.
        ArgumentError: `channels` or the layout does not exist.
        ShapeError: The shape has not one input axis, one output axis and 1 to 3 spatial ones, or with
            `"diagonal"` has other numbers of inputs than of outputs.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.Bilinear()((4, 1, 1)).ravel().tolist()
        [0.25, 0.75, 0.75, 0.25]

    Reference:
        Long, Shelhamer, Darrell, "Fully convolutional networks for semantic segmentation", 2015.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(self, channels: str = "diagonal", layout: str | None = None) -> None:
        self.channels = choice_argument(channels, "channels", _CHANNELS)
        self.layout = None if layout is None else check_layout(layout)

    def _letters(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        letters = axis_letters(self.layout or "keras", shape)
        spatial = sum(letter in RECEPTIVE_FIELD_LETTERS for letter in letters)
        if not (letters.count("I") == letters.count("O") == 1 and 1 <= spatial <= 3):
            message = (
                "Bilinear needs one input axis, one output axis and 1 to 3 spatial ones. Received: shape"
            )
            message += f" {shape}, read as {' '.join(letters) or 'no axes'}. Allowed: kernels such as"
            message += " (4, 4, 8, 8), or (8, 8, 4, 4) with layout='torch'. Correct the shape or the layout."
            raise ShapeError(message)
        return letters

    def _is_diagonal(self, shape: tuple[int, ...], letters: tuple[str, ...]) -> bool:
        """Whether pairs of different channels have zeros."""
        inputs, outputs = shape[letters.index("I")], shape[letters.index("O")]
        return self.channels == "diagonal" and inputs != 1 and outputs != 1

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that are no kernels, or have no diagonal of channels."""
        super().check(shape, dtype)
        letters = self._letters(shape)
        inputs, outputs = shape[letters.index("I")], shape[letters.index("O")]
        if self._is_diagonal(shape, letters) and inputs != outputs:
            message = "A diagonal of channels needs as many inputs as outputs. Received: shape"
            message += (
                f" {shape}, read with {inputs} inputs and {outputs} outputs. Allowed: equal numbers, or"
            )
            message += " 1 of either. Write channels='all' for the kernel between all channels."
            raise ShapeError(message)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Compute the region from the indices of its elements."""
        letters = self._letters(region.shape)
        spatial = [axis for axis, letter in enumerate(letters) if letter in RECEPTIVE_FIELD_LETTERS]
        diagonal = self._is_diagonal(region.shape, letters)

        def values(piece: Piece) -> Any:
            # Numerator and denominator are exact, so that the quotient alone is rounded.
            numerator, denominator = 1.0, 1.0
            for axis in spatial:
                length = region.shape[axis]
                rise = 2 * ((length + 1) // 2)
                numerator = numerator * (rise - abs(2 * piece.index(axis) - (length - 1))).astype("float64")
                denominator *= rise
            tent = numerator / denominator
            if not diagonal:
                return tent
            return piece.xp.where(
                piece.index(letters.index("I")) == piece.index(letters.index("O")), tent, 0.0
            )

        fill_pieces(out, region, draw, values)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all elements, zeros included."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["float64"])
        if not prod(lengths):
            return Moments(0.0, 0.0)
        letters = self._letters(lengths)
        share = 1 / lengths[letters.index("I")] if self._is_diagonal(lengths, letters) else 1.0
        spatial = [length for letter, length in zip(letters, lengths, strict=True) if letter not in "IOB"]
        mean = share * prod((k + 1) // 2 / k for k in spatial)
        square = share * prod(map(_mean_square, spatial))
        return Moments(mean, sqrt(max(square - mean * mean, 0.0)))


def _mean_square(length: int) -> float:
    """The mean square of the tent along one axis, in closed form."""
    rise = (length + 1) // 2
    if length % 2:
        return (2 * rise * rise + 1) / (3 * rise * length)
    return (4 * rise * rise - 1) / (12 * rise * rise)


@built_in()
class ICNR(Modifier):
    """Another initializer's kernel, its outputs repeated so that a sub-pixel convolution begins smooth.

    Formula: the initializer makes the kernel `v` with `n/factor²` of the `n` outputs, with that shape's fans;
    then `w[…, o] = v[…, o // factor²]`, `"interleaved"`, or `w[…, o] = v[…, o % (n/factor²)]`, `"tiled"`. The
    pixels of every enlarged cell are equal at first, as if the image were enlarged by its nearest neighbours,
    and there is no checkerboard.

    Args:
        initializer: The initializer; names and configs are read as by `initkit.get`.
        factor: How many times the image grows along either side, 1 or more (default 2).
        order: How the rearrangement that follows numbers the channels. `"interleaved"` (default): a channel's
            pixels are neighbours, as for PyTorch's `PixelShuffle`. `"tiled"`: the channels are, as for
            TensorFlow's `depth_to_space`.
        layout: Which axis the outputs are on, in letters or by the name of a preset. None (default): where
            the initializer has them, also one inside others; where it has no layout, the last.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype, with the initializer's
        values, each `factor²` times.

    Raises:
        ArgumentTypeError: The initializer is none, `factor` no integer, or `order` or the layout no text.
        ArgumentError: `factor` is below 1, `order` or the layout does not exist, or the initializer has the
            outputs on another axis.
        ShapeError: The shape has not one output axis, or its length is no multiple of `factor²`; the
            initializer refuses the smaller shape.

    Example:
        >>> import initkit as ik
        >>> kernel = ik.ICNR(ik.HeNormal(layout="torch", seed=7), factor=2)((8, 3, 5, 5))
        >>> bool((kernel[0:4] == kernel[0]).all()), bool((kernel[4:8] == kernel[4]).all())
        (True, True)

    Reference:
        Aitken, Ledig, Theis, Caballero, Wang, Shi, "Checkerboard artifact free sub-pixel convolution", 2017.
    """

    def __init__(
        self, initializer: object, factor: int = 2, order: str = "interleaved", layout: str | None = None
    ) -> None:
        super().__init__(initializer)
        self.factor = count_argument(factor, "factor")
        self.order = choice_argument(order, "order", _ORDERS)
        self.layout = None if layout is None else check_layout(layout)

    def _letters(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        inner = axis_reading(self.initializer, shape)
        if self.layout is not None:
            letters = axis_letters(self.layout, shape)
            outputs = [letter == "O" for letter in letters]
            refuse_other_layout(
                self, self.layout, inner, lambda other: outputs == [letter == "O" for letter in other]
            )
            return letters
        return (*("K" for _ in shape[1:]), "O") if inner is None else inner.applied

    def _axis_of(self, shape: tuple[int, ...]) -> int:
        letters = self._letters(shape)
        if letters.count("O") != 1 or not shape:
            message = f"ICNR needs one output axis. Received: shape {shape}, read as"
            message += (
                f" {' '.join(letters) if shape else 'no axes'}. Allowed: kernels such as (3, 3, 8, 32),"
            )
            message += " or (32, 8, 3, 3) with layout='torch'. Correct the shape or the layout."
            raise ShapeError(message)
        axis, copies = letters.index("O"), self.factor**2
        if shape[axis] % copies:
            message = (
                f"The outputs cannot be divided among {self.factor}×{self.factor} pixels. Received: shape"
            )
            message += f" {shape}, with {shape[axis]} outputs on axis {axis}. Allowed: multiples of {copies}."
            message += " Give the convolution as many outputs as the larger image has channels, times that."
            raise ShapeError(message)
        return axis

    def _inner(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        axis = self._axis_of(shape)
        return (*shape[:axis], shape[axis] // self.factor**2, *shape[axis + 1 :])

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse outputs that cannot be divided, and what the initializer refuses for the smaller shape."""
        self.initializer.check(self._inner(shape), dtype)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw every output that the region has copies of once, and copy it."""
        # An inexact initializer's bits depend on the piece; and one that makes no slices makes all each time.
        whole = not self.makes_regions or self.tolerance(resolve_dtype(out.dtype)) > 0
        for box in region.boxes(max(region.size, 1) if whole else BUFFER_ELEMENTS):
            self._fill_box(out[box], region.part(box), draw)

    def _fill_box(self, out: Any, region: Region, draw: Draw) -> None:
        inner, axis = self._inner(region.shape), self._axis_of(region.shape)
        outputs = region.starts[axis] + region.steps[axis] * np.arange(region.counts[axis])
        originals = outputs // self.factor**2 if self.order == "interleaved" else outputs % inner[axis]
        distinct, places = np.unique(originals, return_inverse=True)
        counts = _replaced(region.counts, axis, distinct.size)
        buffer = draw.backend.empty(counts, resolve_dtype(out.dtype))
        for run, first, step in _runs(distinct.tolist()):
            part = Region(
                inner,
                _replaced(region.starts, axis, first),
                _replaced(region.steps, axis, step),
                _replaced(region.counts, axis, run.stop - run.start),
            )
            self.initializer.fill_part(buffer[(slice(None),) * axis + (run,)], part, draw)
        index = (slice(None),) * axis + (draw.backend.xp.asarray(places),)
        draw.backend.bits(out)[...] = draw.backend.bits(buffer)[index]

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """Those of the smaller kernel, every value of which occurs as often."""
        return self.initializer.moments(self._inner(as_shape(shape)), dtype)


def _replaced(entries: tuple[int, ...], axis: int, entry: int) -> tuple[int, ...]:
    return (*entries[:axis], entry, *entries[axis + 1 :])


def _runs(indices: list[int]) -> Iterator[tuple[slice, int, int]]:
    """Cut ascending indices into runs of even steps: where each stands, its first index and its step."""
    start = 0
    while start < len(indices):
        stop = start + 1
        step = indices[stop] - indices[start] if stop < len(indices) else 1
        while stop < len(indices) and indices[stop] - indices[stop - 1] == step:
            stop += 1
        yield slice(start, stop), indices[start], step
        start = stop
