"""Timing of several libraries side by side, each in a process of its own.

The libraries keep threads and memory in different ways: in one process, the threads of one still spin while
the next is being timed, and its heap is in the other's way. Nobody who uses one of them pays for that.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from statistics import median
from time import perf_counter, sleep
from typing import Any, NamedTuple

_LEAST_TURNS = 3
# A clock read twice is nothing beside this.
_LEAST_BATCH = 1e-3


class Task(NamedTuple):
    """Work for one library.

    Attributes:
        library: Whose process does it.
        factory: A function of `peers.py` that prepares the work, and returns a function without arguments.
        arguments: What the factory is called with.
    """

    library: str
    factory: Callable[..., Callable[[], object]]
    arguments: tuple[Any, ...] = ()


class Stopwatch:
    """The processes of the libraries, started when they are first needed."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lines: dict[str, Connection] = {}

    def side_by_side(self, tasks: Mapping[str, Task], seconds: float = 2.0) -> dict[str, float]:
        """The median time of one call of each task.

        The tasks take turns, so that whatever else the machine does meets all of them alike.

        Args:
            tasks: What to time, by name.
            seconds: How long to measure each task, in turns of a tenth, and for three turns at least.

        Returns:
            Seconds per call, by name.
        """
        for task in tasks.values():
            self._ask(task.library, (task.factory, task.arguments))
        times: dict[str, list[float]] = {name: [] for name in tasks}
        spent = dict.fromkeys(tasks, 0.0)
        turns = 0
        while turns < _LEAST_TURNS or min(spent.values()) < seconds:
            turns += 1
            for name, task in tasks.items():
                # The threads of the one before still spin for a moment, waiting for more work.
                sleep(0.05)
                measured = self._ask(task.library, seconds / 10)
                times[name] += measured
                spent[name] += sum(measured)
        return {name: median(entries) for name, entries in times.items()}

    def _ask(self, library: str, message: object) -> Any:
        if library not in self._lines:
            # Not forked: a process should have loaded its own library and no other.
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            context.Process(target=_serve, args=(theirs,), daemon=True).start()
            theirs.close()
            self._lines[library] = ours
        self._lines[library].send(message)
        return self._lines[library].recv()


def _serve(line: Connection) -> None:
    """Prepare work, or do it for some time and tell how long each call took."""
    work: Callable[[], object] = int
    while True:
        try:
            message = line.recv()
        except EOFError:
            return
        if isinstance(message, tuple):
            factory, arguments = message
            # What the work before held goes first: two large arrays need not fit.
            work = int
            work = factory(*arguments)
            line.send(None)
        else:
            line.send(_measured(work, message))


def _measured(work: Callable[[], object], seconds: float) -> list[float]:
    """The times of the calls that fit in some seconds, or of batches of cheap ones, each over its calls."""
    # Not counted: a processor that has just slept is slow at first.
    start = perf_counter()
    work()
    calls = max(1, int(_LEAST_BATCH / (perf_counter() - start)))
    times: list[float] = []
    until = perf_counter() + seconds
    while not times or perf_counter() < until:
        start = perf_counter()
        for _ in range(calls):
            work()
        times.append((perf_counter() - start) / calls)
    return times
