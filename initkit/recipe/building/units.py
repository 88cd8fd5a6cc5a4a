"""Units of work: the bytes of a file as stretches that can be drawn alone, by anybody, in any order.

A unit is a contiguous stretch of a file: either a part of one tensor, or a run of whole small tensors. It is
a few integers, so that it can be sent to another process, which has the same tensors from the same recipe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from initkit.recipe.planning.planned import PlannedTensor
from initkit.region import Region

Box: TypeAlias = tuple[tuple[int, int], ...]
"""The part of a tensor that a unit is: along every axis the first index, and how many."""

# Python's own work for a tensor takes longer than drawing a tiny one, and somebody waits for the whole unit.
_MOST_TENSORS = 4096


class Unit(NamedTuple):
    """A contiguous stretch of a file, which can be drawn without the rest of it.

    Attributes:
        file: The number of the file, from 0.
        first: The position of the first tensor among the file's tensors.
        last: The position after that of the last one.
        box: The part of `first`, if it is not whole tensors.
        start: The position of the first byte in the file.
        nbytes: How many bytes there are.
    """

    file: int
    first: int
    last: int
    box: Box | None
    start: int
    nbytes: int


def drawn_whole(tensor: PlannedTensor) -> bool:
    """Whether a tensor's values are not equal to the bit, or not cheaper, when it is drawn in parts.

    Args:
        tensor: The tensor.

    Returns:
        True for matrix products, such as `Orthogonal`, and for classes that only define `__call__`. Memory
        for such a tensor cannot be bounded.
    """
    template = tensor.template
    return template is not None and (not template.makes_regions or tensor.tolerance != 0)


def cut_units(
    tensors: Sequence[PlannedTensor], unit_bytes: int, *, file: int = 0, origin: int = 0
) -> Iterator[Unit]:
    """Cut tensors that stand one after the other into units.

    Args:
        tensors: The tensors of a file, in the order of their bytes: those with larger elements first, or
            values would not be aligned.
        unit_bytes: The most bytes of a unit. Only a tensor that has to be drawn whole makes a larger one.
        file: The number of the file.
        origin: The position of the first tensor's first byte.

    Yields:
        The units in the order of their bytes, without gaps. The same arguments give the same units.

    Example:
        >>> from initkit.recipe import Recipe
        >>> tensors, rules = "{a: [8], b: [3], c: [3]}", "[{match: '*', init: ones}]"
        >>> text = f"{{initkit: 1, seed: 7, tensors: {tensors}, rules: {rules}}}"
        >>> for unit in cut_units(Recipe.from_text(text).plan().tensors, 24):
        ...     print(unit)
        Unit(file=0, first=0, last=1, box=((0, 6),), start=0, nbytes=24)
        Unit(file=0, first=0, last=1, box=((6, 2),), start=24, nbytes=8)
        Unit(file=0, first=1, last=3, box=None, start=32, nbytes=24)
    """
    return _cut(tensors, 0, len(tensors), unit_bytes, file, origin)


def split_unit(tensors: Sequence[PlannedTensor], unit: Unit, piece_bytes: int) -> Iterator[Unit]:
    """Cut a unit into smaller ones.

    Args:
        tensors: The tensors of its file.
        unit: The unit.
        piece_bytes: The most bytes of a smaller one, as in `cut_units`.

    Yields:
        Units that make up `unit`, in the order of their bytes.
    """
    if unit.nbytes <= piece_bytes:
        yield unit
    elif unit.box is None:
        yield from _cut(tensors, unit.first, unit.last, piece_bytes, unit.file, unit.start)
    else:
        yield from _cut_box(tensors[unit.first], unit.first, unit.box, piece_bytes, unit.file, unit.start)


def _cut(
    tensors: Sequence[PlannedTensor], first: int, last: int, unit_bytes: int, file: int, origin: int
) -> Iterator[Unit]:
    start = end = origin
    for position in range(first, last):
        tensor = tensors[position]
        nbytes = tensor.nbytes
        if end > start and (end + nbytes - start > unit_bytes or position - first == _MOST_TENSORS):
            yield Unit(file, first, position, None, start, end - start)
            first, start = position, end
        if nbytes > unit_bytes and not drawn_whole(tensor):
            whole = tuple((0, length) for length in tensor.shape)
            yield from _cut_box(tensor, position, whole, unit_bytes, file, end)
            first, start = position + 1, end + nbytes
        end += nbytes
    if end > start:
        yield Unit(file, first, last, None, start, end - start)


def _cut_box(
    tensor: PlannedTensor, position: int, box: Box, unit_bytes: int, file: int, start: int
) -> Iterator[Unit]:
    itemsize = tensor.dtype.numpy.itemsize
    region = _region(tensor, box)
    for slices in region.boxes(max(unit_bytes // itemsize, 1)):
        part = tuple(
            (begin + inner.start, inner.stop - inner.start)
            for (begin, _), inner in zip(box, slices, strict=True)
        )
        nbytes = itemsize
        for _, count in part:
            nbytes *= count
        yield Unit(file, position, position + 1, part, start, nbytes)
        start += nbytes


def _region(tensor: PlannedTensor, box: Box) -> Region:
    """The region of a tensor that is a box of it."""
    starts, counts = tuple(first for first, _ in box), tuple(count for _, count in box)
    return Region(tensor.shape, starts, (1,) * len(box), counts)


def draw_unit(tensors: Sequence[PlannedTensor], unit: Unit, out: np.ndarray[Any, Any]) -> None:
    """Draw the values of a unit. May be called from several threads at once.

    Args:
        tensors: The tensors of its file.
        unit: The unit.
        out: `unit.nbytes` elements of uint8, which begin where a float64 may.
    """
    if unit.box is not None:
        tensor = tensors[unit.first]
        region = _region(tensor, unit.box)
        with tensor.drawing() as values:
            values.fill(out.view(tensor.dtype.numpy).reshape(region.counts), region)
        return
    start = 0
    for tensor in tensors[unit.first : unit.last]:
        # One object and not three, as slicing, viewing and reshaping make: tensors can be many and small.
        array: np.ndarray[Any, Any] = np.ndarray(tensor.shape, tensor.dtype.numpy, out, start)
        with tensor.drawing() as values:
            values.fill(array, Region.whole(tensor.shape))
        start += array.nbytes


def tensors_in(
    tensors: Sequence[PlannedTensor], unit: Unit, out: np.ndarray[Any, Any]
) -> Iterator[tuple[PlannedTensor, int, np.ndarray[Any, Any]]]:
    """The tensors that a unit has values of.

    Args:
        tensors: The tensors of its file.
        unit: The unit.
        out: What `draw_unit` has filled.

    Yields:
        A tensor, the row-major index of its first value here, and its values in one dimension.
    """
    if unit.box is not None:
        tensor = tensors[unit.first]
        start = 0
        for length, (begin, _) in zip(tensor.shape, unit.box, strict=True):
            start = start * length + begin
        yield tensor, start, out.view(tensor.dtype.numpy)
        return
    start = 0
    for tensor in tensors[unit.first : unit.last]:
        array: np.ndarray[Any, Any] = np.ndarray(tensor.size, tensor.dtype.numpy, out, start)
        yield tensor, 0, array
        start += array.nbytes
