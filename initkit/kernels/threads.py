"""One piece of work over several threads.

The kernels release the interpreter lock, so Python's own threads are enough; an OpenMP runtime would
collide with those that the frameworks bring.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from initkit.kernels.loader import thread_count

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# Small enough that threads finish together, large enough that handing out costs nothing.
PIECE = 1 << 18

_pool: ThreadPoolExecutor | None = None
_pool_size = 0
_pool_lock = threading.Lock()


def run_pieces(count: int, work: Callable[[int, int], None]) -> None:
    """Call `work(first, length)` for pieces that cover `range(count)`, on several threads if that pays.

    Args:
        count: How many elements there are.
        work: Called with disjoint pieces, from several threads at once; it must not use the lock for long.

    Raises:
        BaseException: Whatever `work` raised first; all threads have stopped by then.
    """
    threads = min(thread_count(), -(-count // PIECE)) if count > PIECE else 1
    if threads == 1:
        work(0, count)
        return
    pieces = _Pieces(count, work)
    others: list[Future[None]] = []
    # A RuntimeError says that the interpreter is shutting down and starts no threads any more.
    with suppress(RuntimeError):
        pool = _shared_pool(threads - 1)
        others.extend(pool.submit(pieces.run) for _ in range(threads - 1))
    try:
        pieces.run()
    finally:
        errors = [error for other in others if (error := other.exception()) is not None]
    if errors:
        raise errors[0]


class _Pieces:
    """The pieces not taken yet."""

    def __init__(self, count: int, work: Callable[[int, int], None]) -> None:
        self._count = count
        self._work = work
        self._next = 0
        self._lock = threading.Lock()

    def run(self) -> None:
        """Take pieces until none are left; after an error in any thread, none are."""
        while True:
            with self._lock:
                first = self._next
                self._next += PIECE
            if first >= self._count:
                return
            try:
                self._work(first, min(PIECE, self._count - first))
            except BaseException:
                self._next = self._count
                raise


def _shared_pool(size: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    global _pool, _pool_size  # noqa: PLW0603  # one pool for the process is the point
    with _pool_lock:
        if _pool is None or _pool_size < size:
            if _pool is not None:
                _pool.shutdown(wait=False)
            _pool, _pool_size = ThreadPoolExecutor(size, thread_name_prefix="initkit"), size
        return _pool


def _forget_pool() -> None:
    """A forked child has the pool's object but none of its threads."""
    global _pool, _pool_lock  # noqa: PLW0603  # as above
    _pool, _pool_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
