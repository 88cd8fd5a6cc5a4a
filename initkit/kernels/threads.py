"""One piece of work over several threads.

The kernels release the interpreter lock, so Python's own threads are enough; an OpenMP runtime would
collide with those that the frameworks bring. Nothing here but locks and queues written in C: an interrupt
may come at any moment, and must not leave a lock behind that nobody holds, as those in Python may.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

from initkit.kernels.loader import thread_count

# Handing out a piece costs nothing beside drawing one of this size, the smallest.
PIECE = 1 << 18
# New memory is cleared by the huge page, of 2 MB; with pieces larger than that, threads seldom wait for the
# same one.
_LARGEST_PIECE = 1 << 20
# So that threads finish together.
_LEAST_PIECES_PER_THREAD = 4

# Whoever has threads with as much to do as each other sets `has_own_work` in all of them.
this_thread = threading.local()

Work = Callable[[int, int], None]


def run_pieces(count: int, work: Work) -> None:
    """Call `work(first, length)` for pieces that cover `range(count)`, on several threads if that pays.

    Args:
        count: How many elements there are.
        work: Called with disjoint pieces, from several threads at once; it must not use the lock for long.

    Raises:
        BaseException: Whatever `work` raised. No thread is at work any more, except after a second interrupt.
    """
    most = 1 if count <= PIECE or getattr(this_thread, "has_own_work", False) else thread_count()
    size = _piece_size(count, most)
    threads = min(most, -(-count // size))
    if threads <= 1:
        work(0, count)
        return
    pieces = _Pieces(count, size, work)
    try:
        _workers.ask(threads - 1, pieces.join_in)
        pieces.take(work)
    finally:
        errors = pieces.finish()
    if errors:
        raise errors[0]


def _piece_size(count: int, threads: int) -> int:
    size = PIECE
    while size < _LARGEST_PIECE and count >= 2 * size * threads * _LEAST_PIECES_PER_THREAD:
        size *= 2
    return size


class _Pieces:
    """The pieces not taken yet, and how many workers have joined the caller."""

    def __init__(self, count: int, size: int, work: Work) -> None:
        self._count = count
        self._size = size
        self._work: Work | None = work
        self._next = 0
        self._joined = 0
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()
        self._lock = threading.Lock()

    def take(self, work: Work) -> None:
        """Take pieces until none are left."""
        while True:
            with self._lock:
                first = self._next
                self._next += self._size
            if first >= self._count:
                return
            work(first, min(self._size, self._count - first))

    def join_in(self) -> None:
        """Take pieces in another thread, or do nothing where all has been done before it came to it."""
        with self._lock:
            work = self._work
            if work is None:
                return
            self._joined += 1
        error = None
        try:
            self.take(work)
        except BaseException as raised:  # it is the caller's
            error = raised
            self._stop()
        # Before the caller goes on, so that nothing of its work is held here any longer.
        del work
        self._ended.put(error)

    def finish(self) -> list[BaseException]:
        """Let nobody take another piece, wait for those that workers have, and tell their errors."""
        self._stop()
        ends = [self._ended.get() for _ in range(self._joined)]
        return [error for error in ends if error is not None]

    def _stop(self) -> None:
        with self._lock:
            self._next = self._count
            self._work = None


class _Workers:
    """Threads that wait for something to do. They are daemons, for a call waits for its own work itself."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a forked child has none of its parent's threads, and perhaps a lock that one held."""
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._threads = 0

    def ask(self, number: int, job: Callable[[], None]) -> None:
        """Have so many workers do a job as soon as they can, or fewer if the system refuses more threads."""
        with self._lock, suppress(RuntimeError):
            while self._threads < number:
                name = f"initkit-{self._threads + 1}"
                threading.Thread(target=_serve, args=(self._jobs,), name=name, daemon=True).start()
                self._threads += 1
        for _ in range(min(number, self._threads)):
            self._jobs.put(job)


def _serve(jobs: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


_workers = _Workers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.forget)
