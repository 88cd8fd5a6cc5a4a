"""Random subsets of exact size, one of the rows of every column, of which any part is made alone.

That a column has exactly so many members ties all its rows together, yet a slice must not cost the whole. So
the members are counted down a tree of blocks of rows, and only inside a block do rows go one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType
from initkit.initializers.compiled_subsets import Fill, clear_far_rows, clear_near_rows
from initkit.initializers.hypergeometric import (
    LARGE_VARIANCE,
    TRIALS,
    by_inversion,
    by_rejection,
    variance,
)
from initkit.kernels.loader import thread_count
from initkit.kernels.selection import can_clear, can_count, count_members
from initkit.kernels.threads import PIECE, run_pieces
from initkit.region import Region

Array = np.ndarray[Any, Any]

# Counts in a block fit into 8 bits.
BLOCK = 128
# Blocks times columns of a piece of work: so many that array operations take longer than their calls, so few
# that the arrays of a piece take some 4 MB.
_AT_ONCE = 1 << 14
# A piece has as many columns as leave room for so many blocks, for runs of memory are then long; with more
# blocks, the way down from the root is not gone too often.
_BLOCKS_PREFERRED = 32
_BLOCKS_AT_ONCE = 1 << 12
# Rejection has many arrays.
_COLUMNS_AT_ONCE = 1 << 13
# Blocks that nobody wants are drawn where that takes less time than another call.
_SPAN_PER_CALL = 64
# So few rows of them that all arrays stay in the caches.
_ROWS_AT_ONCE = 16
# From so many columns on, threads that go down the same tree do not double its work.
_LEAST_COLUMNS = 1 << 9
# The compiled kernels need fewer arrays; a piece is larger by so much where every thread has one even then.
_COMPILED_AT_ONCE = 1 << 15
# Up to here, an output is written before it is cleared: it stays in the caches.
_CACHED_BYTES = 1 << 20


class Subsets(NamedTuple):
    """One subset of the rows for every column of a matrix, all of one size and equally likely.

    Attributes:
        rows: The rows of the matrix.
        columns: Its columns.
        size: The members of each subset, up to `rows`.
        draw: What decides who they are; its children `splits`, `trials` and `members` are drawn.
    """

    rows: int
    columns: int
    size: int
    draw: Draw

    @property
    def block(self) -> int:
        """The rows of a block; of the last one, at most."""
        return BLOCK

    @property
    def blocks(self) -> int:
        """How many blocks the rows are cut into; the last may be shorter."""
        return -(-self.rows // BLOCK)

    def length(self, first: int, number: int = 1) -> int:
        """How many rows a number of blocks has."""
        return min((first + number) * BLOCK, self.rows) - first * BLOCK

    def clear(self, out: Any, region: Region, fill: Fill | None = None) -> None:
        """Write zeros where a row is a member.

        Args:
            out: An array of the region's counts, its columns adjacent in memory or its rows.
            region: The part of the matrix that it is.
            fill: Called before with parts of `out`, or memory like them, and the regions that they are, to
                write what the others are; None if that has been written.
        """
        if fill is not None and not self._in_parts(out, region):
            fill(out, region)
            fill = None
        if not region.size or not self.size:
            return
        if region.steps[0] < 0:
            last = region.starts[0] + (region.counts[0] - 1) * region.steps[0]
            starts, steps = (last, region.starts[1]), (-region.steps[0], region.steps[1])
            out, region = out[::-1], Region(region.shape, starts, steps, region.counts)
        number, box_of = self._boxes(region)

        def clear_piece(piece: int) -> None:
            box = box_of(piece)
            self._clear_piece(out[box], region.part(box), fill)

        _run(self.draw, number, clear_piece)

    def _in_parts(self, out: Any, region: Region) -> bool:
        """Whether to write and clear parts that stay in the caches, one after the other."""
        # Parts of adjacent rows are in one place, or nearly; of adjacent columns, everywhere.
        fits = region.steps[0] == 1 and out.nbytes > _CACHED_BYTES
        return bool(self._compiled() and self.size and fits and out.flags.c_contiguous)

    def _boxes(self, region: Region) -> tuple[int, Callable[[int], tuple[slice, slice]]]:
        """The number of pieces of work, and the rows (of whole blocks, or far ones) and columns of each."""
        (start, _), (step, _), (count, columns) = region.starts, region.steps, region.counts
        first = start // BLOCK
        # Of rows far apart each has a block of its own.
        blocks = count if step > BLOCK else (start + (count - 1) * step) // BLOCK - first + 1
        at_once, deep = _AT_ONCE, min(blocks, _BLOCKS_PREFERRED)
        if self._compiled():
            # With all columns a part of the output is in one place.
            deep = min(deep, max(_COMPILED_AT_ONCE // columns, 1))
            shared = -(-blocks * columns // thread_count())
            at_once = min(max(shared, _COMPILED_AT_ONCE), 2 * _COMPILED_AT_ONCE)
        width = min(columns, _COLUMNS_AT_ONCE, max(at_once // deep, 1))
        height = min(at_once // width, _BLOCKS_AT_ONCE)
        if self._compiled() and blocks <= height:
            # Few rows: the way down to their blocks is what takes time, and threads share it by columns.
            width = min(width, max(-(-columns // thread_count()), _LEAST_COLUMNS))
        tall = -(-blocks // height)

        def bound(number: int) -> int:
            """The first row of the region that belongs to a piece."""
            if step > BLOCK:
                return min(number * height, count)
            return min(max(-((start - (first + number * height) * BLOCK) // step), 0), count)

        def box_of(piece: int) -> tuple[slice, slice]:
            across, down = divmod(piece, tall)
            rows = slice(bound(down), bound(down + 1))
            return rows, slice(across * width, min((across + 1) * width, columns))

        return tall * -(-columns // width), box_of

    def counts(self, blocks: Array, region: Region) -> Any:
        """How many members the columns of a region have in some blocks.

        Args:
            blocks: The numbers of the blocks, ascending, at least one.
            region: Its columns count; its rows do not.

        Returns:
            Integers of shape `(len(blocks), region.counts[1])`.
        """
        if self.draw.backend.xp is np and can_count(self.rows):
            columns = region.starts[1], region.steps[1], region.counts[1]
            keys = self.draw.child("splits").key, self.draw.child("trials").key
            return count_members(blocks, (self.rows, self.columns), self.size, BLOCK, columns, *keys)
        return self.counts_in_arrays(blocks, region)

    def counts_in_arrays(self, blocks: Array, region: Region) -> Any:
        """What `counts` gives, in operations on arrays: the specification of the compiled kernels."""
        xp = self.draw.backend.xp
        nodes = np.zeros(0, np.int64)
        members = xp.zeros((0, region.counts[1]), np.int64)
        rest = xp.full((1, region.counts[1]), self.size, np.int64)
        first, number = 0, self.blocks
        # Down the right side, whose nodes have any number of blocks; the others have powers of two, so that
        # all those of one power are split together.
        for power in reversed(range(self.blocks.bit_length())):
            if len(nodes):
                left = self._split_all(nodes * 2, power, members, region)
                wanted = np.unique(blocks >> power)
                halves = np.stack([nodes * 2, nodes * 2 + 1], axis=1).reshape(-1)
                members = xp.stack([left, members - left], axis=1).reshape(-1, region.counts[1])
                kept = np.flatnonzero(np.isin(halves, wanted))
                nodes = halves[kept]
                if len(kept) < len(halves):
                    members = members[xp.asarray(kept)]
            if number >> power:
                near, half = rest, 1 << power
                if number > half:
                    near = self._split(
                        np.array([first + half]), self.length(first, number), half, rest, region
                    )
                if _meets(blocks, first, half):
                    nodes = np.append(nodes, first >> power)
                    members = xp.concatenate([members, near])
                first, number, rest = first + half, number - half, rest - near
                if not _meets(blocks, first, number):
                    # No longer wanted, nor is anything below.
                    number = 0
        return members.astype(np.uint8)

    def _split_all(self, firsts: Array, power: int, members: Any, region: Region) -> Any:
        """The members in the left halves of nodes that have `2**power` blocks in each half."""
        half = 1 << power
        rights = (firsts + 1) << power
        rows = self.length(int(firsts[-1]) << power, 2 * half)
        if rows == 2 * half * BLOCK:
            return self._split(rights, rows, half, members, region)
        # The last block is short.
        last = self._split(rights[-1:], rows, half, members[-1:], region)
        if len(rights) == 1:
            return last
        others = self._split(rights[:-1], 2 * half * BLOCK, half, members[:-1], region)
        return self.draw.backend.xp.concatenate([others, last])

    def _split(self, rights: Array, rows: int, half: int, members: Any, region: Region) -> Any:
        """The members in the left halves of nodes of as many rows each.

        Args:
            rights: The first blocks of the right halves, ascending.
            rows: The rows of a node.
            half: The blocks of a left half.
            members: The members of the nodes, a line for each.
            region: Its columns count.
        """
        xp, left, float64 = self.draw.backend.xp, half * BLOCK, DTYPES["float64"]
        flat = members.reshape(-1)
        large = variance(rows, left, flat) >= LARGE_VARIANCE
        many = int(large.sum())
        found = xp.empty(flat.shape, np.int64)
        if many < len(flat):
            words = self._drawn("splits", (), (), (), rights, region, float64).reshape(-1)
            few = slice(None) if not many else ~large
            found[few] = by_inversion(xp, rows, left, flat[few], words[few])
        if many:
            places = xp.flatnonzero(large)

            def trial(number: int, pending: Any) -> Any:
                words = self._drawn("trials", (TRIALS, 2), (number, 0), (1, 2), rights, region, float64)
                return words.reshape(2, -1)[:, places[pending]]

            found[places] = by_rejection(xp, rows, left, flat[places], trial)
        return found.reshape(members.shape)

    def _drawn(
        self,
        name: str,
        sides: tuple[int, ...],
        starts: tuple[int, ...],
        counts: tuple[int, ...],
        blocks: Array,
        region: Region,
        dtype: DType,
    ) -> Any:
        """Uniform values of a child, a tensor of axes `(*sides, blocks, columns)`, for some of the blocks."""
        draw, shape = self.draw.child(name), (*sides, self.blocks, self.columns)
        parts, progressions = [], list(_progressions(blocks))
        span = int(blocks[-1] - blocks[0]) + 1
        if span <= min(_SPAN_PER_CALL * (len(progressions) - 1), _AT_ONCE // region.counts[1]):
            every = np.arange(blocks[0], blocks[-1] + 1)
            words = self._drawn(name, sides, starts, counts, every, region, dtype)
            return words[..., draw.backend.xp.asarray(blocks - blocks[0]), :]
        for first, step, length in progressions:
            part = Region(
                shape,
                (*starts, first, region.starts[1]),
                (*(1 for _ in sides), step, region.steps[1]),
                (*counts, length, region.counts[1]),
            )
            words = draw.backend.empty(part.counts, dtype)
            draw.backend.uniform(words, part, draw.key, 0.0, 1.0)
            parts.append(words)
        return parts[0] if len(parts) == 1 else draw.backend.xp.concatenate(parts, axis=len(sides))

    def _clear_piece(self, out: Any, region: Region, fill: Fill | None) -> None:
        """Clear some rows of some columns."""
        (start, _), (step, _), (count, _) = region.starts, region.steps, region.counts
        xp, last = self.draw.backend.xp, start + (count - 1) * step
        if self._compiled():
            if step > BLOCK:
                clear_far_rows(self, out, region)
            else:
                clear_near_rows(self, out, region, fill)
            return
        if step == 1:
            blocks = np.arange(start // BLOCK, last // BLOCK + 1)
            stop = BLOCK if len(blocks) > 1 else last % BLOCK + 1
            for low, chosen in self._chosen(blocks, stop, region):
                _clear_adjacent(xp, out, start, low, chosen.transpose(1, 0, 2))
            return
        rows = start + step * np.arange(count)
        blocks, inside = np.unique(rows // BLOCK), rows % BLOCK
        places = np.searchsorted(blocks, rows // BLOCK)
        for low, chosen in self._chosen(blocks, int(inside.max()) + 1, region):
            near = np.flatnonzero((inside >= low) & (inside < low + len(chosen)))
            if len(near):
                some, bits = xp.asarray(near), self.draw.backend.bits(out)
                lines = bits[some]
                _clear(xp, lines, chosen[xp.asarray(inside[near] - low), xp.asarray(places[near])])
                bits[some] = lines

    def _compiled(self) -> bool:
        """Whether the compiled kernels go through the rows."""
        return self.draw.backend.xp is np and can_clear()

    def _chosen(self, blocks: Array, stop: int, region: Region) -> Iterator[tuple[int, Any]]:
        """Who is a member: row numbers in the blocks, and booleans for so many rows, the blocks and columns.

        Knuth's algorithm S: of those left, each is taken with the probability that makes the count.
        """
        xp, missing = self.draw.backend.xp, self.counts(blocks, region)
        threshold = missing.astype(np.float32)
        chosen = xp.empty((_ROWS_AT_ONCE, *missing.shape), np.bool_)
        short = self.length(int(blocks[-1]))
        for start in range(0, stop, _ROWS_AT_ONCE):
            scaled = self._drawn(
                "members", (BLOCK,), (start,), (_ROWS_AT_ONCE,), blocks, region, DTYPES["float32"]
            )
            left = xp.arange(BLOCK - start, BLOCK - start - _ROWS_AT_ONCE, -1, dtype=np.float32)[:, None]
            # Past its end a short block has no member missing, and 0 is not below 0.
            scaled[:, -1] *= xp.maximum(left - np.float32(BLOCK - short), np.float32(0.0))
            # Rounded, a product stays below the number of rows left, so that the last ones are taken.
            scaled[:, :-1] *= left[:, :, None]
            for row in range(_ROWS_AT_ONCE):
                xp.less(scaled[row], threshold, out=chosen[row])
                xp.subtract(missing, chosen[row].view(np.uint8), out=missing)
                threshold[...] = missing
            yield start, chosen


def _meets(blocks: Array, first: int, number: int) -> bool:
    """Whether one of some ascending numbers lies among so many from the first one on."""
    low, high = np.searchsorted(blocks, (first, first + number))
    return bool(low < high)


def _progressions(numbers: Array) -> Iterator[tuple[int, int, int]]:
    """Cut ascending numbers into arithmetic progressions: first, step and length of each."""
    steps, start = np.diff(numbers), 0
    # Where a step differs from the one before it; one more progression may begin there.
    turns = [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    for turn in turns:
        if turn > start:
            length = turn - start + 1
            yield int(numbers[start]), int(steps[start]) if length > 1 else 1, length
            start += length
    if start < len(numbers):
        yield int(numbers[start]), 1, 1


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


def _clear_adjacent(xp: Any, out: Any, start: int, low: int, chosen: Any) -> None:
    """Clear rows of adjacent blocks, from number `low` in each.

    Args:
        xp: The array library.
        out: Rows that follow one another, from number `start` of the matrix on.
        start: Where they start.
        low: The number in its block of the first row that may be cleared.
        chosen: Booleans for the blocks from that of `start` on, so many rows in each, and columns.
    """
    blocks, height, columns = chosen.shape
    # Blocks of which `out` has all rows, and before and after them one that may be cut.
    skipped = start % BLOCK
    head = 1 if skipped else 0
    whole = max((skipped + len(out)) // BLOCK - head, 0)
    if whole:
        first = head * BLOCK - skipped
        middle = out[first : first + whole * BLOCK].reshape(whole, BLOCK, columns)
        _clear(xp, middle[:, low : low + height], chosen[head : head + whole])
    for block in {*range(head), *range(head + whole, blocks)}:
        offset = block * BLOCK + low - skipped
        first, last = max(offset, 0), min(offset + height, len(out))
        if first < last:
            _clear(xp, out[first:last], chosen[block, first - offset : last - offset])


def _clear(xp: Any, out: Any, chosen: Any) -> None:
    """Write zeros where an array of booleans says so."""
    if chosen.shape[-1] > 1 and abs(out.strides[-1]) > abs(out.strides[0]):
        # Where rows are adjacent in memory, bytes are transposed before they are widened.
        out, chosen = xp.moveaxis(out, -1, 0), xp.ascontiguousarray(xp.moveaxis(chosen, -1, 0))
    if out.itemsize > 8:
        out[...] = xp.where(chosen, 0, out)
        return
    # By bits, since writing under a mask takes five times as long; a byte of 0 or -1 widens to a mask.
    kept = xp.subtract(chosen.view(np.int8), np.int8(1)).astype(f"i{out.itemsize}")
    bits = out.view(kept.dtype)
    bits &= kept
