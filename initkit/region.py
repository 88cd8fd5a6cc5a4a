"""Shapes, and rectangular slices of them, as the kernels see them.

A region is what basic indexing cuts from a row-major array: along every axis a start, a step and a
count. Element `k` of a region has one global index, and its value depends on that alone; so a region
is all that a kernel needs to know about slicing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import gcd, prod
from operator import index as as_integer
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from initkit.errors import ArgumentTypeError, RegionIndexError, ShapeError

# A draw numbers its elements with 64 bits, one of which tells the two words of a float64 apart.
_MOST_ELEMENTS = 2**62
# NumPy has no more; kernels/fill.h has room for as many.
_MOST_AXES = 64
_MOST_LENGTH_BITS = 63


def as_shape(shape: object) -> tuple[int, ...]:
    """Check a shape and make it a tuple of Python integers.

    Args:
        shape: A sequence of non-negative integers (NumPy integers included), or one integer for one axis.

    Returns:
        The shape as a tuple of `int`.

    Raises:
        ArgumentTypeError: A length is not an integer, or `shape` is no sequence.
        ShapeError: A length is negative, there are more than 64 axes, or 2**62 elements or more.

    Example:
        >>> as_shape([512, 256]), as_shape(3), as_shape(())
        ((512, 256), (3,), ())
    """
    lengths: tuple[Any, ...] = shape if type(shape) is tuple else _as_tuple(shape)
    if len(lengths) > _MOST_AXES:
        message = f"A shape has too many axes. Received: {len(lengths)}. Allowed: up to {_MOST_AXES}, as in"
        msg = f"{message} NumPy. Merge some of them."
        raise ShapeError(msg)
    elements = 1
    for length in lengths:
        if type(length) is not int:
            return as_shape(tuple(_as_length(entry, shape) for entry in lengths))
        if length.bit_length() > _MOST_LENGTH_BITS:
            message = f"A length in a shape is too large. Received: an integer of {length.bit_length()} bits."
            msg = f"{message} Allowed: up to 2**63 - 1. Split the tensor into several."
            raise ShapeError(msg)
        if length < 0:
            message = (
                f"A length in a shape cannot be negative. Received: shape {lengths}. Allowed: 0 or more."
            )
            message += " Write the length itself; initkit has no 'unknown' length."
            raise ShapeError(message)
        elements *= length
    if elements >= _MOST_ELEMENTS:
        message = (
            f"The shape {lengths} has too many elements. Received: {elements}. Allowed: up to 2**62 - 1."
        )
        message += " Split the tensor into several."
        raise ShapeError(message)
    return lengths


def _as_tuple(shape: object) -> tuple[object, ...]:
    if isinstance(shape, (str, bytes, dict, set, frozenset)):
        raise ArgumentTypeError(_not_a_shape(shape))
    try:
        return tuple(shape) if isinstance(shape, Iterable) else (shape,)
    except TypeError:
        # A NumPy array of no axes says that it is iterable.
        return (shape,)


def _as_length(length: object, shape: object) -> int:
    try:
        if isinstance(length, (bool, np.bool_)):
            # They pass for integers, yet nobody means them as lengths.
            raise TypeError
        return as_integer(length)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        raise ArgumentTypeError(_not_a_shape(shape)) from None


def _not_a_shape(shape: object) -> str:
    message = f"A shape must be a sequence of integers. Received: {shape!r:.100} of type"
    message += (
        f" {type(shape).__name__}. Allowed: a tuple or list of integers from 0 up, or one such integer."
    )
    return f"{message} Write, for example, (512, 256)."


class AffineMap(NamedTuple):
    """Position in a region -> global index: `offset + Σ k_a · strides[a]`, `k` unravelled over `counts`."""

    offset: int
    counts: tuple[int, ...]
    strides: tuple[int, ...]


class Region:
    """A rectangular, stepped slice of a row-major array; never changed once made.

    Attributes:
        shape: The shape of the whole array.
        starts: Along each axis of the whole, the index of the first element taken.
        steps: Along each axis, the distance between elements taken; negative runs backwards.
        counts: Along each axis, how many elements are taken. This is the region's own shape.
    """

    __slots__ = ("_affine", "counts", "shape", "starts", "steps")

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
        self._affine: AffineMap | None = None

    @staticmethod
    @lru_cache(maxsize=1024)
    def whole(shape: tuple[int, ...]) -> Region:
        """The region that is the whole array; one object per shape, since models repeat their shapes."""
        return Region(shape, (0,) * len(shape), (1,) * len(shape), shape)

    @property
    def size(self) -> int:
        """How many elements the region has."""
        return prod(self.counts)

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
        if self._affine is None:
            self._affine = self._merged_axes()
        return self._affine

    def _merged_axes(self) -> AffineMap:
        offset, stride = 0, 1
        counts: list[int] = []
        strides: list[int] = []
        for axis in reversed(range(len(self.shape))):
            step, count = self.steps[axis] * stride, self.counts[axis]
            offset += self.starts[axis] * stride
            if count != 1 and counts and step == strides[-1] * counts[-1]:
                counts[-1] *= count
            elif count != 1:
                counts.append(count)
                strides.append(step)
            stride *= self.shape[axis]
        if not counts:
            return AffineMap(offset, (1,), (1,))
        return AffineMap(offset, tuple(reversed(counts)), tuple(reversed(strides)))

    def with_components(self, number: int) -> Region:
        """The same region of an array that has `number` components, on a new last axis, per element."""
        return Region((*self.shape, number), (*self.starts, 0), (*self.steps, 1), (*self.counts, number))

    def without_axis(self, axis: int) -> Region:
        """The same region of an array that lacks an axis."""

        def others(entries: tuple[int, ...]) -> tuple[int, ...]:
            return entries[:axis] + entries[axis + 1 :]

        return Region(others(self.shape), others(self.starts), others(self.steps), others(self.counts))

    def permuted(self, axes: Sequence[int]) -> Region:
        """The same region of an array whose axis `k` is this one's axis `axes[k]`."""
        return Region(
            tuple(self.shape[axis] for axis in axes),
            tuple(self.starts[axis] for axis in axes),
            tuple(self.steps[axis] for axis in axes),
            tuple(self.counts[axis] for axis in axes),
        )

    def within(self, axis: int, first: int, length: int) -> tuple[slice, Region]:
        """The part of this region that lies in a block of the array along an axis.

        Args:
            axis: The axis, counted from 0.
            first: The block's first index along it.
            length: The block's length along it.

        Returns:
            Where that part stands in this region, along the axis; and the part as a region of the block.
        """
        start, step, count = self.starts[axis] - first, self.steps[axis], self.counts[axis]
        if step > 0:
            low, high = -(start // step), -((start - length) // step)
        else:
            low, high = (start - length) // -step + 1, start // -step + 1
        low = min(max(low, 0), count)
        high = min(max(high, low), count)

        def replaced(entries: tuple[int, ...], entry: int) -> tuple[int, ...]:
            return (*entries[:axis], entry, *entries[axis + 1 :])

        inner = Region(
            replaced(self.shape, length),
            replaced(self.starts, start + low * step if high > low else 0),
            self.steps,
            replaced(self.counts, high - low),
        )
        return slice(low, high), inner

    def common(self, other: Region, axis: int) -> tuple[slice, int, int, int]:
        """Where this region meets another one of the same array along an axis.

        Args:
            other: The other region.
            axis: The axis, counted from 0.

        Returns:
            The positions in this region of what they have in common; and of the same elements in the other
            one the first position, the step and the number.
        """
        start, step, count = self.starts[axis], self.steps[axis], self.counts[axis]
        first, stride, length = other.starts[axis], other.steps[axis], other.counts[axis]
        shared = gcd(step, stride)
        if not count or not length or (first - start) % shared:
            return slice(0, 0), 0, 1, 0
        # Every `period` positions the two meet: step·p = first - start, modulo stride.
        period = abs(stride) // shared
        meeting = (first - start) // shared * pow(step // shared, -1, period) % period
        low, high = _positions(start, step, first, first + (length - 1) * stride)
        low, high = max(low, 0), min(high, count - 1)
        begin = low + (meeting - low) % period
        if begin > high:
            return slice(0, 0), 0, 1, 0
        number = (high - begin) // period + 1
        position = (start + step * begin - first) // stride
        return (
            slice(begin, begin + (number - 1) * period + 1, period),
            position,
            period * step // stride,
            number,
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


def _positions(start: int, step: int, one_end: int, other_end: int) -> tuple[int, int]:
    """The least and the greatest `p` for which `start + step·p` lies between two ends, both included."""
    least, most = sorted((one_end, other_end))
    if step > 0:
        return -((start - least) // step), (most - start) // step
    return -((most - start) // -step), (start - least) // -step


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
        message = f"An index has too many Ellipses. Received: {index!r:.100}. Allowed: one."
        message += " Write full slices, ':', for the others."
        raise RegionIndexError(message)
    given = len(entries) - len(ellipses)
    if given > ndim:
        message = (
            f"An index has too many parts. Received: {given} parts, {index!r:.100}. Allowed: up to {ndim},"
        )
        message += " one integer or slice per axis. Remove the others."
        raise RegionIndexError(message)
    missing: list[object] = [slice(None)] * (ndim - given)
    at = ellipses[0] if ellipses else len(entries)
    return entries[:at] + missing + entries[at + 1 :]


def _slice_indices(part: slice, length: int) -> tuple[int, int, int]:
    try:
        return part.indices(length)
    except (TypeError, ValueError) as error:
        message = (
            f"A slice of a lazy tensor is malformed ({error}). Received: {part!r:.100}. Allowed: integers"
        )
        message += " or None, and a step that is not 0. Write, for example, lazy[0:10:2]."
        raise RegionIndexError(message) from None


def _wrap(part: object, length: int, axis: int, shape: tuple[int, ...]) -> int:
    """Check an integer index, and count it from the start."""
    try:
        if isinstance(part, (bool, np.bool_)):
            # They pass for integers, yet NumPy reads them as masks.
            raise TypeError
        position = as_integer(part)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        message = (
            f"A lazy tensor has basic indexing only. Received: {part!r:.100} of type {type(part).__name__}."
        )
        message += " Allowed: integers, slices and one Ellipsis. Take a slice first, then index its array."
        raise RegionIndexError(message) from None
    if not -length <= position < length:
        allowed = f"{-length} to {length - 1}" if length else "none, since the axis is empty"
        message = f"An index is out of bounds for axis {axis} of shape {shape}. Received: {position}."
        message += f" Allowed: {allowed}. Choose one of these, or a slice, which is cut to the axis."
        raise RegionIndexError(message)
    return position + length if position < 0 else position
