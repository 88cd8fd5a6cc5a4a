"""Drawing units of work on all cores, while those before are being written or compared."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from traceback import clear_frames
from typing import Any, TypeAlias

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.kernels.loader import thread_count
from initkit.kernels.threads import this_thread
from initkit.recipe.building.scratch import scratch
from initkit.recipe.building.units import Unit
from initkit.recipe.building.work import PIECE_BYTES
from initkit.recipe.planning.planned import PlannedTensor

Array: TypeAlias = np.ndarray[Any, Any]
ProgressCallback: TypeAlias = Callable[[int, int], None]

# The kernels are at their best when an array begins where a cache line does.
_ALIGNMENT = 64
# Below this, a tensor takes longer in Python, where one thread runs at a time, than in the kernels.
_SMALL_TENSOR = 1 << 17
# Each has a buffer, and its kernels use the other cores.
_MOST_DRAWERS = 16
# An interrupt is noticed between two looks, where the system does not end a wait for it.
_LOOK_SECONDS = 0.5


def check_progress(*callbacks: object) -> None:
    """Refuse, before anything is begun, what progress cannot be reported to.

    Args:
        callbacks: Functions of the bytes done and those of all; None for one that there is not.

    Raises:
        ArgumentTypeError: One of them is no function.
    """
    for callback in callbacks:
        if callback is not None and not callable(callback):
            message = f"Progress is told to a function. Received: {callback!r:.80} of type"
            message += f" {type(callback).__name__}. Allowed: one that is called with the bytes done and"
            message += " those of all, or None. Write, for example, progress=lambda done, total: print(done)."
            raise ArgumentTypeError(message)


def draw_units(
    units: Iterable[Unit],
    draw: Callable[[Unit, Array], None],
    consume: Callable[[Unit, Array], None],
    *,
    done: Callable[[Unit], None] | None = None,
    piece_bytes: int = PIECE_BYTES,
    folder: Path | None = None,
    reserved: int = 0,
) -> None:
    """Draw units of work, and hand the bytes of each over, in several threads at once.

    There is one thread more than may draw at a time: so one is handing over while the others draw. Memory is
    bounded by a piece for every thread; and by the largest unit, of which one at a time exists, in a file if
    it is very large.

    Args:
        units: What to draw; taken in order, one by one.
        draw: Called with a unit and the memory for it; from several threads at once.
        consume: Called in the same thread with the unit and its bytes, which are only to be read, and only
            until it returns; from several threads at once.
        done: Called in the caller's thread with every unit that has been consumed.
        piece_bytes: The size of the memory that every thread keeps. Larger units are drawn one at a time.
        folder: Where the memory of very large ones may be a file; None (default) for the system's place for
            temporary files.
        reserved: How many bytes of the room there are needed for something else.

    Raises:
        BaseException: Whatever was raised by any of these; no thread is at work any more by then, except
            after a second interrupt.
    """
    drawers = _Drawers(
        iter(units), draw, consume, piece_bytes, partial(scratch, folder=folder, reserved=reserved)
    )
    try:
        drawers.start()
        for unit in drawers.results():
            if done is not None:
                done(unit)
    finally:
        drawers.stop()


class _Drawers:
    """Threads that take units from one iterator until it is empty, or one of them fails."""

    def __init__(
        self,
        units: Iterator[Unit],
        draw: Callable[[Unit, Array], None],
        consume: Callable[[Unit, Array], None],
        piece_bytes: int,
        large_memory: Callable[[int], Array],
    ) -> None:
        self._units = units
        self._draw = draw
        self._consume = consume
        self._piece_bytes = piece_bytes
        self._large_memory = large_memory
        permits = min(thread_count(), _MOST_DRAWERS)
        self._on_all_cores = permits == thread_count()
        self._permits = threading.Semaphore(permits)
        # For what is slowed down by another of its kind, or whose memory must not be needed twice.
        self._one_at_a_time = threading.Lock()
        self._taking = threading.Lock()
        self._stopped = False
        # Written in C: an interrupt of the main thread leaves no lock behind that nobody holds.
        self._results: SimpleQueue[Unit | BaseException | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"initkit-draw-{number}", daemon=True)
            for number in range(permits + 1)
        ]
        self._started: list[threading.Thread] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()
            self._started.append(thread)

    def stop(self) -> None:
        """Let no thread take another unit, and wait for those that are at work."""
        self._stopped = True
        for thread in self._started:
            thread.join()

    def results(self) -> Iterator[Unit]:
        """The units as they are done; raises what a thread raised, once the others are done too."""
        error: BaseException | None = None
        working = len(self._started)
        while working:
            try:
                result = self._results.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            if isinstance(result, Unit):
                yield result
                continue
            working -= 1
            if result is not None:
                error = error or result
                self._stopped = True
        if error is not None:
            raise error

    def _work(self) -> None:
        try:
            memory = np.empty(self._piece_bytes + _ALIGNMENT, np.uint8)
            memory = memory[-memory.ctypes.data % _ALIGNMENT :][: self._piece_bytes]
            while (unit := self._take()) is not None:
                self._do(unit, memory)
                self._results.put(unit)
        except BaseException as error:  # it is the caller's
            # Else memory would be kept for as long as somebody has the error.
            clear_frames(error.__traceback__)
            self._results.put(error)
        else:
            self._results.put(None)

    def _take(self) -> Unit | None:
        with self._taking:
            return None if self._stopped else next(self._units, None)

    def _do(self, unit: Unit, memory: Array) -> None:
        large = unit.nbytes > self._piece_bytes
        with ExitStack() as stack:
            if large or unit.nbytes < _SMALL_TENSOR * (unit.last - unit.first):
                stack.enter_context(self._one_at_a_time)
            out = self._large_memory(unit.nbytes) if large else memory[: unit.nbytes]
            # Every core has a unit of its own to draw, but a large one is the only one of its kind.
            this_thread.has_own_work = self._on_all_cores and not large
            with self._permits:
                self._draw(unit, out)
            if not large:
                stack.close()
            self._consume(unit, out)


def check_memory(tensors: Sequence[PlannedTensor]) -> None:
    """Refuse tensors that only a call can draw, as of a user's class, and that are larger than memory.

    Args:
        tensors: What is going to be drawn.

    Raises:
        ArgumentError: There is one.
    """
    memory = _memory_bytes()
    for tensor in tensors:
        # A call is asked for the precision of the draw, and what it returns is rounded.
        if memory and tensor.nbytes * 4 > memory and tensor.template and not tensor.template.makes_regions:
            needed = tensor.size * max(tensor.dtype.numpy.itemsize, tensor.dtype.draw.itemsize)
            if needed > memory:
                message = (
                    f"Tensor {tensor.name!r} does not fit in memory, and {tensor.initializer!r:.100} has"
                )
                message += f" to draw it whole. Received: shape {tensor.shape}, which takes {needed:,} bytes."
                message += f" Allowed: up to {memory:,} bytes here. Use a larger machine, or an initializer"
                message += " that can draw a part alone."
                raise ArgumentError(message)


def _memory_bytes() -> int:
    """The memory of this machine; 0 where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
