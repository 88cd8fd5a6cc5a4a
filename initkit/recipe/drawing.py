"""Drawing many tensors in pieces, while the pieces before are being used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from initkit.recipe.plan import PlannedTensor
from initkit.region import Region

# Small enough to stay in a processor's cache until it is written, large enough to keep several cores busy.
PIECE_BYTES = 4 << 20

# One is being drawn, one used, and one waits, so that neither side waits for the other.
_BUFFERS = 3
# The kernels are at their best when an array begins where a cache line does.
_ALIGNMENT = 64

ProgressCallback: TypeAlias = Callable[[int, int], None]


class Piece(NamedTuple):
    """Some values of one tensor.

    Attributes:
        tensor: The tensor.
        start: The row-major index of the first value.
        values: The values, in one dimension; only to be read, and only until the consumer returns.
    """

    tensor: PlannedTensor
    start: int
    values: np.ndarray[Any, Any]


def draw_pieces(
    tensors: Sequence[PlannedTensor],
    consume: Callable[[Piece], None],
    *,
    progress: ProgressCallback | None = None,
    piece_bytes: int = PIECE_BYTES,
) -> None:
    """Draw tensors one after the other, and hand their values over piece by piece.

    The consumer runs in a thread of its own, so that drawing goes on meanwhile. Memory is bounded by a few
    pieces; a tensor whose values are not equal to the bit when it is drawn in parts is drawn whole.

    Args:
        tensors: What to draw.
        consume: Called once for every piece, in order, never twice at a time.
        progress: Called in the caller's thread with the bytes drawn, and those of all tensors.
        piece_bytes: The size of a piece.

    Raises:
        BaseException: Whatever drawing or the consumer raised; the consumer is not running any more by then.
    """
    total = sum(tensor.nbytes for tensor in tensors)
    with ThreadPoolExecutor(1, thread_name_prefix="initkit-pieces") as pool:
        buffers = _Buffers(pool, consume, piece_bytes)
        drawn = 0
        for tensor in tensors:
            with tensor.drawing() as values:
                for start, part in _parts(tensor, piece_bytes):
                    out = buffers.room(tensor, start, part.size)
                    values.fill(out.reshape(part.counts), part)
                    drawn += out.nbytes
                    if progress is not None:
                        progress(drawn, total)
        buffers.finish()


def _parts(tensor: PlannedTensor, piece_bytes: int) -> Iterator[tuple[int, Region]]:
    """What to draw at once, and the row-major index of its first value."""
    whole = Region.whole(tensor.shape)
    limit = max(piece_bytes // tensor.dtype.numpy.itemsize, 1)
    start = 0
    for box in whole.boxes(limit if tensor.tolerance == 0 else max(tensor.size, 1)):
        part = whole.part(box)
        yield start, part
        start += part.size


class _Buffers:
    """Memory that goes round: pieces are drawn into one buffer while those of another are consumed."""

    def __init__(self, pool: Executor, consume: Callable[[Piece], None], nbytes: int) -> None:
        self._pool = pool
        self._consume = consume
        self._memory = [np.empty(nbytes + _ALIGNMENT, np.uint8) for _ in range(_BUFFERS)]
        self._busy: list[Future[None] | None] = [None] * _BUFFERS
        self._current = 0
        self._used = self._first_aligned()
        self._pieces: list[Piece] = []

    def room(self, tensor: PlannedTensor, start: int, size: int) -> np.ndarray[Any, Any]:
        """An array for the next values of a tensor, which will be consumed once it is filled."""
        dtype = tensor.dtype.numpy
        nbytes = size * dtype.itemsize
        if self._used + nbytes > len(self._memory[self._current]):
            self._hand_over()
        first = self._used
        if first + nbytes > len(self._memory[self._current]):
            values = np.empty(size, dtype)
        else:
            values = self._memory[self._current][first : first + nbytes].view(dtype)
            self._used += nbytes + -nbytes % _ALIGNMENT
        self._pieces.append(Piece(tensor, start, values))
        return values

    def finish(self) -> None:
        """Hand over what is left, and wait until all of it has been consumed."""
        for _ in range(_BUFFERS):
            self._hand_over()

    def _hand_over(self) -> None:
        """Have the current buffer consumed, and go on to the next one when it is free."""
        pieces, self._pieces = self._pieces, []
        self._busy[self._current] = self._pool.submit(self._consume_all, pieces)
        self._current = (self._current + 1) % _BUFFERS
        if (pending := self._busy[self._current]) is not None:
            pending.result()
        self._used = self._first_aligned()

    def _first_aligned(self) -> int:
        """Where in the current buffer a cache line begins."""
        return -self._memory[self._current].ctypes.data % _ALIGNMENT

    def _consume_all(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self._consume(piece)
