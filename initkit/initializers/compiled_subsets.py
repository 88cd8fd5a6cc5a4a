"""Going through the rows of random subsets with the compiled kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from initkit.dtypes import DTYPES
from initkit.kernels.selection import clear_members
from initkit.region import Region

if TYPE_CHECKING:
    from initkit.initializers.subsets import Subsets

Array = np.ndarray[Any, Any]
# Writes the values of a region, before some of them are cleared, to an array of its counts.
Fill = Callable[[Any, Region], None]

# Uniform values at a time: with as many elements of the output they stay in the second-level cache.
_VALUES_AT_ONCE = 1 << 17
# So few rows at least, or a call would take longer than its work.
_LEAST_ROWS = 16


def clear_near_rows(subsets: Subsets, out: Array, region: Region, fill: Fill | None) -> None:
    """Write zeros where rows at most a block apart are members.

    Args:
        subsets: The subsets.
        out: An array of the region's counts.
        region: The part of the matrix, its step from row to row from 1 to the length of a block.
        fill: What to write before, if something is; only where rows are adjacent.
    """
    start, step, count = region.starts[0], region.steps[0], region.counts[0]
    blocks = np.arange(start // subsets.block, (start + (count - 1) * step) // subsets.block + 1)
    missing, first_of_all, end = subsets.counts(blocks, region), int(blocks[0]), int(blocks[-1]) + 1
    group = max(_VALUES_AT_ONCE // (subsets.block * region.counts[1]), 1)
    for first in range(first_of_all, end, group):
        number, top = min(group, end - first), first * subsets.block
        # Nobody wants what comes after the last row of the part.
        stop = min(subsets.block, start + (count - 1) * step + 1 - top)
        whole = slice(0, count)
        target = part = out
        if fill is not None:
            whole = slice(max(top - start, 0), min(top + number * subsets.block - start, count))
            target = part = out[whole]
            if not part.flags.c_contiguous:
                target = np.empty_like(part)
            fill(target, region.part((whole, slice(None))))
        for low, words in _members(subsets, first, number, stop, region):
            clear_members(
                target,
                words,
                missing[first - first_of_all :],
                top + low - start - whole.start,
                subsets.block,
                subsets.block - low,
                subsets.length(first + number - 1) - low,
                step,
            )
        if target is not part:
            part[...] = target


def clear_far_rows(subsets: Subsets, out: Array, region: Region) -> None:
    """Write zeros where rows, of which each has a block of its own, are members.

    Args:
        subsets: The subsets.
        out: An array of the region's counts.
        region: The part of the matrix, its step from row to row longer than a block.
    """
    rows = region.starts[0] + region.steps[0] * np.arange(region.counts[0])
    missing = subsets.counts(rows // subsets.block, region)
    for number, row in enumerate(rows.tolist()):
        block, inside = divmod(row, subsets.block)
        line, left = slice(number, number + 1), subsets.length(block)
        for low, words in _members(subsets, block, 1, inside + 1, region):
            clear_members(
                out[line], words, missing[line], low - inside, subsets.block, left - low, left - low
            )


def _members(
    subsets: Subsets, first: int, blocks: int, stop: int, region: Region
) -> Iterator[tuple[int, Array]]:
    """The values that decide who is a member: the first row in a block, and some rows of adjacent blocks."""
    draw, columns = subsets.draw.child("members"), region.counts[1]
    shape = (subsets.block, subsets.blocks, subsets.columns)
    height = min(stop, max(_VALUES_AT_ONCE // (blocks * columns), _LEAST_ROWS))
    memory = draw.backend.empty((height * blocks * columns,), DTYPES["float32"])
    for low in range(0, stop, height):
        counts = (min(height, stop - low), blocks, columns)
        words = memory[: prod(counts)].reshape(counts)
        part = Region(shape, (low, first, region.starts[1]), (1, 1, region.steps[1]), counts)
        draw.backend.uniform(words, part, draw.key, 0.0, 1.0)
        yield low, words
