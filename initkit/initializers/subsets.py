"""Random subsets of exact size, one of the rows of every column, of which any part is made alone.

That a column has exactly so many members ties all its rows together, yet a slice must not cost the whole. So
the members are counted down a tree of blocks of rows, and only inside a block do rows go one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DTYPES
from initkit.kernels.threads import PIECE, run_pieces
from initkit.region import Region

Array = np.ndarray[Any, Any]

# Counts in a block fit into 8 bits.
BLOCK = 128
# Blocks times columns of a piece of work: so many that array operations take longer than their calls.
_AT_ONCE = 1 << 15
_COLUMNS_AT_ONCE = 1 << 12
_COLUMNS_COUNTED = 1 << 11
# So few rows of them that all arrays stay in the caches.
_ROWS_AT_ONCE = 16
# Probabilities are compared in so many bits.
_BITS = 32
# So many standard deviations, and more where the law is lopsided, leave out less than these bits can tell.
_DEVIATIONS = 7
_MARGIN = 8


class Subsets(NamedTuple):
    """One subset of the rows for every column of a matrix, all of one size and equally likely.

    Attributes:
        rows: The rows of the matrix.
        columns: Its columns.
        size: The members of each subset, up to `rows`.
        draw: What decides who they are; its children `splits` and `members` are drawn.
    """

    rows: int
    columns: int
    size: int
    draw: Draw

    @property
    def blocks(self) -> int:
        """How many blocks the rows are cut into; the last may be shorter."""
        return -(-self.rows // BLOCK)

    def length(self, first: int, number: int = 1) -> int:
        """How many rows a number of blocks has."""
        return min((first + number) * BLOCK, self.rows) - first * BLOCK

    def clear(self, out: Any, region: Region) -> None:
        """Write zeros where a row is a member.

        Args:
            out: An array of the region's counts, its columns adjacent in memory or its rows.
            region: The part of the matrix that it is.
        """
        if not region.size or not self.size:
            return
        if region.steps[0] < 0:
            last = region.starts[0] + (region.counts[0] - 1) * region.steps[0]
            starts, steps = (last, region.starts[1]), (-region.steps[0], region.steps[1])
            out, region = out[::-1], Region(region.shape, starts, steps, region.counts)
        rows = region.starts[0] + region.steps[0] * np.arange(region.counts[0])
        blocks = np.unique(rows // BLOCK)
        counts = self.draw.backend.xp.empty((len(blocks), region.counts[1]), np.uint8)

        def count_piece(number: int) -> None:
            side = slice(number * _COLUMNS_COUNTED, (number + 1) * _COLUMNS_COUNTED)
            counts[:, side] = self.counts(blocks, region.part((slice(0, 0), side)))

        _run(self.draw, -(-region.counts[1] // _COLUMNS_COUNTED), count_piece)
        width = min(region.counts[1], _COLUMNS_AT_ONCE)
        # One draw serves adjacent blocks.
        height = -(-_AT_ONCE // width) if blocks[-1] - blocks[0] + 1 == len(blocks) else 1
        tall = -(-len(blocks) // height)

        def clear_piece(number: int) -> None:
            across, down = divmod(number, tall)
            near = slice(down * height, (down + 1) * height)
            side = slice(across * width, min((across + 1) * width, region.counts[1]))
            part = region.part((slice(0, 0), side))
            self._clear_blocks(out[:, side], rows, blocks[near], counts[near, side], part)

        _run(self.draw, tall * -(-region.counts[1] // width), clear_piece)

    def counts(self, blocks: Array, region: Region) -> Any:
        """How many members the columns of a region have in some blocks.

        Args:
            blocks: The numbers of the blocks, ascending.
            region: Its columns count; its rows do not.

        Returns:
            Integers of shape `(len(blocks), region.counts[1])`.
        """
        xp, columns = self.draw.backend.xp, region.counts[1]
        found = xp.empty((len(blocks), columns), np.uint8)
        splits = self.draw.child("splits")
        level = [(0, self.blocks, xp.full(columns, self.size))]
        while level:
            sizes: dict[tuple[int, int], list[tuple[int, int, Any]]] = {}
            for first, number, members in level:
                if number == 1:
                    found[int(np.searchsorted(blocks, first))] = members
                else:
                    # The largest power of two below the number, so that few sizes occur.
                    half = 1 << (number - 1).bit_length() - 1
                    key = (self.length(first, number), half)
                    sizes.setdefault(key, []).append((first, number, members))
            level = []
            for (rows, half), nodes in sizes.items():
                words = xp.empty((len(nodes), columns))
                for word, (first, _, _) in zip(words, nodes, strict=True):
                    line = Region(
                        (self.blocks, self.columns),
                        (first + half, region.starts[1]),
                        (1, region.steps[1]),
                        (1, columns),
                    )
                    splits.backend.uniform(word.reshape(1, columns), line, splits.key, 0.0, 1.0)
                members = xp.stack([node[2] for node in nodes])
                left = members_on_the_left(xp, rows, half * BLOCK, members, words)
                for (first, number, _), near, far in zip(nodes, left, members - left, strict=True):
                    children = ((first, half, near), (first + half, number - half, far))
                    level += [child for child in children if _meets(blocks, child[0], child[1])]
        return found

    def _clear_blocks(self, out: Any, rows: Array, blocks: Array, missing: Any, region: Region) -> None:
        """Clear the rows that lie in some blocks; `missing` counts the members there, and is used up.

        Knuth's algorithm S: of those left, each is taken with the probability that makes the count.
        """
        draw, number, columns = self.draw.child("members"), len(blocks), region.counts[1]
        xp = draw.backend.xp
        first, last = np.searchsorted(rows, (blocks[0] * BLOCK, (blocks[-1] + 1) * BLOCK))
        stop = int((rows[first:last] % BLOCK).max()) + 1
        threshold, scaled = missing.astype(np.float32), xp.empty((number, columns), np.float32)
        words = draw.backend.empty((_ROWS_AT_ONCE, number, columns), DTYPES["float32"])
        chosen = xp.empty((_ROWS_AT_ONCE, number, columns), np.bool_)
        last_length = self.length(int(blocks[-1]))
        for start in range(0, stop, _ROWS_AT_ONCE):
            box = Region(
                (BLOCK, self.blocks, self.columns),
                (start, int(blocks[0]), region.starts[1]),
                (1, 1, region.steps[1]),
                words.shape,
            )
            draw.backend.uniform(words, box, draw.key, 0.0, 1.0)
            for row in range(_ROWS_AT_ONCE):
                left = BLOCK - start - row
                # Rounded, a product stays below the number of rows left, so that the last ones are taken.
                xp.multiply(words[row], np.float32(left), out=scaled)
                if last_length < BLOCK:
                    # Past its end the last block has no member missing, and 0 is not below 0.
                    left = max(left - BLOCK + last_length, 0)
                    xp.multiply(words[row, -1], np.float32(left), out=scaled[-1])
                xp.less(scaled, threshold, out=chosen[row])
                xp.subtract(missing, chosen[row].view(np.uint8), out=missing)
                threshold[...] = missing
            for position, block in enumerate(blocks.tolist()):
                low = block * BLOCK + start
                first, last = np.searchsorted(rows, (low, low + _ROWS_AT_ONCE))
                if first < last:
                    _clear(xp, out[first:last], chosen[rows[first:last] - low, position])


def _meets(blocks: Array, first: int, number: int) -> bool:
    """Whether one of some ascending numbers lies among so many from the first one on."""
    low, high = np.searchsorted(blocks, (first, first + number))
    return bool(low < high)


def _run(draw: Draw, pieces: int, work: Callable[[int], None]) -> None:
    """Do numbered pieces of work, on several threads where arrays are in this process' memory."""
    if draw.backend.xp is not np:
        for number in range(pieces):
            work(number)
        return

    def several(first: int, length: int) -> None:
        for number in range(first // PIECE, (first + length) // PIECE):
            work(number)

    run_pieces(pieces * PIECE, several)


def _clear(xp: Any, out: Any, chosen: Any) -> None:
    """Write zeros where an array of booleans says so."""
    if out.itemsize > 8:
        out[...] = xp.where(chosen, 0, out)
        return
    # By bits, since writing under a mask takes five times as long; a byte of 0 or -1 widens to a mask.
    kept = xp.subtract(chosen.view(np.int8), np.int8(1)).astype(f"i{out.itemsize}")
    bits = out.view(kept.dtype)
    bits &= kept


def members_on_the_left(xp: Any, rows: int, left: int, members: Any, uniforms: Any) -> Any:
    """How many members of a random subset are among the first of its rows: the hypergeometric law.

    Formula: `P(x) = C(left, x)·C(rows - left, m - x)/C(rows, m)`; the least `x` with
    `floor(2³²·P(X <= x) + 1/2) > floor(2³²·u)`.

    Args:
        xp: The array library.
        rows: All rows.
        left: The first rows.
        members: Int64 array, the sizes `m` of the subsets, up to `rows`.
        uniforms: Float64 array of the same shape, the `u`, in `[0, 1)`.

    Returns:
        Int64 array of that shape.

    Example:
        >>> members_on_the_left(np, 256, 128, np.array([100, 256]), np.array([0.5, 0.5])).tolist()
        [50, 128]
    """
    low = int(members.min())
    present = xp.zeros(int(members.max()) - low + 1, np.bool_)
    present[members - low] = True
    sizes = np.flatnonzero(np.asarray(present)) + low
    least, table = _distribution(rows, left, sizes)
    line = (xp.cumsum(present) - 1)[members - low]
    words = (uniforms * 2.0**_BITS).astype(np.int64) + (line << _BITS)
    position = xp.searchsorted(xp.asarray(table.reshape(-1)), words, side="right")
    return xp.asarray(least)[line] + position - line * table.shape[1]


def _distribution(rows: int, left: int, sizes: Array) -> tuple[Array, Array]:
    """The distribution functions, a line for each size, in integers that go on rising from line to line.

    Each line is made by itself, in a fixed order, so that it is the same beside whatever others.
    """
    right = rows - left
    # In float64, since the product of two integers can be too long for 64 bits.
    mode = np.floor((left + 1.0) * (sizes + 1.0) / (rows + 2.0)).astype(np.int64)
    variance = sizes * (left / rows) * (right / rows) * (rows - sizes) / max(rows - 1, 1)
    margin = (_DEVIATIONS * np.sqrt(variance)).astype(np.int64) + _MARGIN
    least = np.maximum(np.maximum(sizes - right, 0), mode - margin)
    most = _DEVIATIONS * sqrt(left * right / (4.0 * max(rows - 1, 1)))
    # Float64 has these products of integers to rounding, and past the last possible value they are 0.
    m = sizes[:, None].astype(np.float64)
    x = (least[:, None] + np.arange(2 * (int(most) + _MARGIN))).astype(np.float64)
    ratios = np.maximum((left - x) * (m - x), 0.0) / ((x + 1.0) * (right - m + x + 1.0))
    weights = np.ones((len(sizes), x.shape[1] + 1))
    weights[:, 1:] = np.multiply.accumulate(ratios, axis=1)
    totals = np.add.accumulate(weights, axis=1)
    shares = np.floor(totals / totals[:, -1:] * 2.0**_BITS + 0.5).astype(np.int64)
    return least, shares + (np.arange(len(sizes))[:, None] << _BITS)
