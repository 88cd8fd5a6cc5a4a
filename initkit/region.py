"""Shapes, and rectangular slices of them, as the kernels see them.

A region is what basic indexing cuts from a row-major array: along every axis a start, a step and a
count. Element `k` of a region has one global index, and its value depends on that alone; so a region
is all that a kernel needs to know about slicing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from operator import index as as_integer
from types import EllipsisType
from typing import NamedTuple

import numpy as np

from initkit.errors import ArgumentTypeError, RegionIndexError, ShapeError

# A draw numbers its elements with 64 bits, one of which tells the two words of a float64 apart.
_MOST_ELEMENTS = 2**62


def as_shape(shape: object) -> tuple[int, ...]:
    """Check a shape and make it a tuple of Python integers.

    Args:
        shape: A sequence of non-negative integers (NumPy integers included), or one integer for one axis.

    Returns:
        The shape as a tuple of `int`.

    Raises:
        ArgumentTypeError: A length is not an integer, or `shape` is no sequence.
        ShapeError: A length is negative, or there are 2**62 elements or more.

    Example:
        >>> as_shape([512, 256]), as_shape(3), as_shape(())
        ((512, 256), (3,), ())
    """
    if type(shape) is tuple:
        lengths: Sequence[object] = shape
    elif isinstance(shape, (str, bytes, dict, set)) or shape is None:
        raise ArgumentTypeError(_not_a_shape(shape))
    elif hasattr(shape, "__iter__"):
        lengths = tuple(shape)
    else:
        lengths = (shape,)
    result = []
    for length in lengths:
        if type(length) is not int:
            length = _as_length(length, shape)  # noqa: PLW2901  # the checked form replaces the raw one
        if length < 0:
            message = f"A length in a shape cannot be negative. Received shape {tuple(lengths)}. "
            raise ShapeError(message + "Every length must be 0 or more; initkit has no 'unknown' length.")
        result.append(length)
    if len(result) and prod(result) >= _MOST_ELEMENTS:
        message = f"The shape {tuple(result)} has {prod(result)} elements. A tensor may have at most"
        raise ShapeError(f"{message} 2**62 - 1; split it into several.")
    return tuple(result)


def _as_length(length: object, shape: object) -> int:
    if isinstance(length, (bool, np.bool_)):
        raise ArgumentTypeError(_not_a_shape(shape))
    try:
        return as_integer(length)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        raise ArgumentTypeError(_not_a_shape(shape)) from None


def _not_a_shape(shape: object) -> str:
    return (
        f"A shape must be a sequence of non-negative integers, or one such integer. Received: "
        f"{shape!r} of type {type(shape).__name__}. Write, for example, (512, 256)."
    )


class AffineMap(NamedTuple):
    """Position in a region -> global index: `offset + Σ k_a · strides[a]`, `k` unravelled over `counts`."""

    offset: int
    counts: tuple[int, ...]
    strides: tuple[int, ...]


class Region:
    """A rectangular, stepped slice of a row-major array.

    Attributes:
        shape: The shape of the whole array.
        starts: Along each axis of the whole, the index of the first element taken.
        steps: Along each axis, the distance between elements taken; negative runs backwards.
        counts: Along each axis, how many elements are taken. This is the region's own shape.
    """

    __slots__ = ("counts", "shape", "starts", "steps")

    def __init__(
        self,
        shape: tuple[int, ...],
        starts: tuple[int, ...],
        steps: tuple[int, ...],
        counts: tuple[int, ...],
    ) -> None:
        """Keep the four tuples, which must be of one length and within bounds."""
        self.shape = shape
        self.starts = starts
        self.steps = steps
        self.counts = counts

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> Region:
        """The region that is the whole array."""
        return cls(shape, (0,) * len(shape), (1,) * len(shape), shape)

    @property
    def size(self) -> int:
        """How many elements the region has."""
        return prod(self.counts)

    @property
    def is_whole(self) -> bool:
        """Whether the region is the whole array in its own order."""
        return (
            self.counts == self.shape
            and not any(self.starts)
            and all(step == 1 for step, count in zip(self.steps, self.counts, strict=True) if count > 1)
        )

    def __repr__(self) -> str:
        """Show the index that cuts this region from the whole."""
        parts = [
            f"{start}:+{count}:{step}"
            for start, step, count in zip(self.starts, self.steps, self.counts, strict=True)
        ]
        return f"Region({self.shape}, [{', '.join(parts)}])"

    def affine(self) -> AffineMap:
        """The map from positions to global indices, over as few axes as possible.

        Returns:
            The map. Axes that follow one another without a gap are one axis: the whole array, or a
            block of rows, has a single axis of stride 1.
        """
        if self.counts == self.shape and self.is_whole:
            return AffineMap(0, (prod(self.shape),), (1,))
        offset, stride = 0, 1
        counts: list[int] = []
        strides: list[int] = []
        for length, start, step, count in zip(
            reversed(self.shape), reversed(self.starts), reversed(self.steps), reversed(self.counts), strict=True
        ):
            offset += start * stride
            if count != 1:
                if counts and step * stride == strides[-1] * counts[-1]:
                    counts[-1] *= count
                else:
                    counts.append(count)
                    strides.append(step * stride)
            stride *= length
        if not counts:
            return AffineMap(offset, (1,), (1,))
        return AffineMap(offset, tuple(reversed(counts)), tuple(reversed(strides)))

    def with_components(self, number: int) -> Region:
        """The same region of an array that has `number` components, on a new last axis, per element."""
        return Region(
            (*self.shape, number), (*self.starts, 0), (*self.steps, 1), (*self.counts, number)
        )

    def index(self) -> tuple[slice, ...]:
        """The slices that cut this region from an array of the whole shape."""
        return tuple(
            slice(start, None if (stop := start + count * step) < 0 else stop, step)
            for start, step, count in zip(self.starts, self.steps, self.counts, strict=True)
        )

    def part(self, box: Sequence[slice]) -> Region:
        """The part of this region that `box`, one slice of step 1 per axis, cuts from it."""
        starts, counts = [], []
        for cut, start, step, count in zip(box, self.starts, self.steps, self.counts, strict=True):
            first, stop, _ = cut.indices(count)
            starts.append(start + first * step)
            counts.append(max(stop - first, 0))
        return Region(self.shape, tuple(starts), self.steps, tuple(counts))

    def boxes(self, limit: int) -> Iterator[tuple[slice, ...]]:
        """Cut the region into boxes of at most `limit` elements, in row-major order.

        Args:
            limit: The most elements of a box; at least 1.

        Yields:
            One slice of step 1 per axis, to index an array of the region's shape, or for `part`.
        """
        yield from _boxes(self.counts, limit)

    @classmethod
    def from_index(cls, shape: tuple[int, ...], index: object) -> tuple[Region, tuple[int, ...]]:
        """Read an index as NumPy reads basic indexing.

        Args:
            shape: The shape of the whole array.
            index: An integer, a slice with any step, an Ellipsis, or a tuple of these.

        Returns:
            The region, and the shape of the result: the region's counts without the axes that an
            integer has removed.

        Raises:
            RegionIndexError: Too many indices, an integer out of bounds, two Ellipses, or an index that
                is not basic (arrays, lists, booleans, None).
        """
        starts, steps, counts, kept = [], [], [], []
        for axis, (length, part) in enumerate(zip(shape, _expand(index, len(shape)), strict=True)):
            if isinstance(part, slice):
                first, stop, step = _slice_indices(part, length)
                count = len(range(first, stop, step))
                kept.append(count)
                starts.append(first if count else 0)
            else:
                first, step, count = _wrap(part, length, axis, shape), 1, 1
                starts.append(first)
            steps.append(step)
            counts.append(count)
        return cls(shape, tuple(starts), tuple(steps), tuple(counts)), tuple(kept)


def _boxes(counts: tuple[int, ...], limit: int) -> Iterator[tuple[slice, ...]]:
    if not counts:
        yield ()
        return
    if not prod(counts):
        return
    inner = prod(counts[1:])
    if inner > limit:
        for row in range(counts[0]):
            for rest in _boxes(counts[1:], limit):
                yield (slice(row, row + 1), *rest)
        return
    rows = max(limit // max(inner, 1), 1)
    rest = tuple(slice(0, count) for count in counts[1:])
    for first in range(0, counts[0], rows):
        yield (slice(first, min(first + rows, counts[0])), *rest)


def _expand(index: object, ndim: int) -> list[object]:
    """Make one entry per axis of an index: Ellipsis and absent axes become full slices."""
    entries = list(index) if isinstance(index, tuple) else [index]
    ellipses = [position for position, entry in enumerate(entries) if isinstance(entry, EllipsisType)]
    if len(ellipses) > 1:
        raise RegionIndexError(f"An index can have one Ellipsis. Received {len(ellipses)}: {index!r}.")
    given = len(entries) - len(ellipses)
    if given > ndim:
        message = f"Too many indices: {given} for a tensor of {ndim} axes. Received: {index!r}."
        raise RegionIndexError(f"{message} Give at most one integer or slice per axis.")
    missing: list[object] = [slice(None)] * (ndim - given)
    at = ellipses[0] if ellipses else len(entries)
    return entries[:at] + missing + entries[at + 1 :]


def _slice_indices(part: slice, length: int) -> tuple[int, int, int]:
    try:
        return part.indices(length)
    except (TypeError, ValueError) as error:
        message = f"A slice needs integers, and a step that is not 0. Received: {part!r} ({error})."
        raise RegionIndexError(message) from None


def _wrap(part: object, length: int, axis: int, shape: tuple[int, ...]) -> int:
    if isinstance(part, (bool, np.bool_)) or part is None or not hasattr(part, "__index__"):
        message = f"Only integers, slices and one Ellipsis can index a lazy tensor. Received: {part!r}"
        message += f" of type {type(part).__name__}. Take the slice first, then index"
        raise RegionIndexError(f"{message} the NumPy array that comes back.")
    try:
        position = as_integer(part)
    except TypeError:
        message = f"Only integers, slices and one Ellipsis can index a lazy tensor. Received: {part!r}."
        raise RegionIndexError(message) from None
    if not -length <= position < length:
        message = f"Index {position} is out of bounds for axis {axis} of length {length}, shape {shape}."
        raise RegionIndexError(f"{message} Allowed: {-length} to {length - 1}.")
    return position + length if position < 0 else position
