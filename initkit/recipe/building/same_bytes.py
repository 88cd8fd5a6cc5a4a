"""Whether bytes that are stored are those that are drawn, part by part."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import ml_dtypes
import numpy as np

from initkit.dtypes import DType
from initkit.io import FileReader
from initkit.recipe.building.drawing import Array, ProgressCallback, draw_units
from initkit.recipe.building.units import Unit, tensors_in
from initkit.recipe.building.work import PIECE_BYTES, Work
from initkit.recipe.planning.planned import PlannedTensor

# What is read is compared while a core's own cache has it; with smaller parts Python's share would grow.
_PART_BYTES = 512 << 10


class StoredParts:
    """Reads what is stored in parts, each thread into memory of its own, and compares."""

    def __init__(self) -> None:
        self._memory = threading.local()

    def differing(
        self, drawn: Array, read: Callable[[Array, int], None]
    ) -> Iterator[tuple[int, Array, Array]]:
        """Find the parts that are not the same to the bit. May be called from several threads at once.

        Args:
            drawn: Values in one dimension.
            read: Fills an array from so many bytes after the first.

        Yields:
            The index of a part's first value, the part as it was drawn, and as it is stored; the last one is
            overwritten by what is read next.
        """
        step = _PART_BYTES // drawn.itemsize
        for start in range(0, drawn.size, step):
            part = drawn[start : start + step]
            stored = self._room(part)
            read(stored, start * drawn.itemsize)
            if not _are_equal(part, stored):
                yield start, part, stored

    def _room(self, like: Array) -> Array:
        memory: Array | None = getattr(self._memory, "bytes", None)
        if memory is None:
            memory = self._memory.bytes = np.empty(_PART_BYTES, np.uint8)
        return memory[: like.nbytes].view(like.dtype)


def _are_equal(drawn: Array, stored: Array) -> bool:
    # As few large integers they are faster to compare.
    words = np.uint8 if drawn.nbytes % 8 else np.uint64
    return np.array_equal(drawn.view(words), stored.view(words))


class _OtherBytes(Exception):
    """Stored bytes are not those that are drawn."""


def hold_build(
    work: Work, numbers: Sequence[int], target: Path, progress: ProgressCallback | None = None
) -> bool:
    """Whether files have the values that a build would write, to the bit; at the first other one it ends.

    Values of matrix products, which other machines round differently, may differ by their tolerance.

    Args:
        work: The build.
        numbers: The numbers of the files, whose headers are those of the build.
        target: The file, or the folder of files.
        progress: Called with the bytes compared, and those of all values.

    Returns:
        Whether all of them have.
    """
    parts, done = StoredParts(), 0
    total = work.values_bytes(numbers)

    def tell(unit: Unit) -> None:
        nonlocal done
        done += unit.nbytes
        if progress is not None:
            progress(done, total)

    try:
        for number in numbers:
            with FileReader(work.path_of(number, target), work.files[number].layout) as reader:
                compare = _comparison(parts, reader, work.files[number].tensors)
                units = work.units(PIECE_BYTES, [number])
                draw_units(units, work.draw, compare, done=tell, folder=target.parent)
    except _OtherBytes:
        return False
    return True


def _comparison(
    parts: StoredParts, reader: FileReader, tensors: Sequence[PlannedTensor]
) -> Callable[[Unit, Array], None]:
    def read(start: int, buffer: Array, offset: int) -> None:
        reader.read_at(buffer, start + offset)

    def compare(unit: Unit, drawn: Array) -> None:
        if not any(True for _ in parts.differing(drawn, partial(read, unit.start))):
            return
        start = unit.start
        for tensor, _, values in tensors_in(tensors, unit, drawn):
            for _, part, stored in parts.differing(values, partial(read, start)):
                if not tensor.tolerance or not _are_near(tensor, part, stored):
                    raise _OtherBytes
            start += values.nbytes

    return compare


def _are_near(tensor: PlannedTensor, drawn: Array, stored: Array) -> bool:
    return bool((distances(drawn, stored) <= allowed_distance(tensor, drawn)).all())


def distances(drawn: Array, stored: Array) -> Array:
    """How far stored values are from drawn ones; NaN where one is no number.

    Args:
        drawn: Values of any dtype.
        stored: As many, of the same dtype.

    Returns:
        Absolute differences in float64.
    """
    wide = np.complex128 if drawn.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        return np.abs(stored.astype(wide) - drawn.astype(wide))


def allowed_distance(tensor: PlannedTensor, values: Array) -> Array | float:
    """How far stored values may be from drawn ones; roundings of a narrower dtype can fall the other way.

    Args:
        tensor: The tensor that they are of.
        values: Those that were drawn.

    Returns:
        The tensor's tolerance; of a dtype narrower than its draw, more by one step of each value.
    """
    dtype: DType = tensor.dtype
    if dtype.numpy.itemsize >= dtype.draw.itemsize:
        return tensor.tolerance
    form = ml_dtypes.finfo(dtype.numpy)  # type: ignore[no-untyped-call]  # the package types it so
    step = np.abs(values.astype(np.float64)) * float(form.eps)
    return tensor.tolerance + np.maximum(step, float(form.smallest_subnormal))
