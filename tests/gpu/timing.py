"""Times of work on a GPU: by CUDA's events where the library has them, else by the clock around all of it.

Calls are queued one after the other, as in a program, and a batch of them is timed: from the moment the GPU
reaches the first to the moment it is done with the last. So the time of a call is the GPU's or the host's,
whichever is longer, and no call is charged for waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

Call = Callable[[], Any]

_LEAST_BATCHES = 5
_MOST_CALLS = 2000


class Work(NamedTuple):
    """Work that one library does again and again.

    Attributes:
        call: Queues it once.
        seconds: Times a batch of calls, from first to last.
    """

    call: Call
    seconds: Callable[[Call, int], float]


def measure(work: Work, seconds: float = 1.0) -> float:
    """The median time of a call, over batches of equal size, after a warm-up.

    Args:
        work: What to time.
        seconds: About how long to measure; five batches are made however long they take.

    Returns:
        Seconds per call.
    """
    # The first call compiles, allocates, and wakes the GPU.
    work.seconds(work.call, 1)
    once = work.seconds(work.call, 1)
    if once < seconds / 20:
        # One cheap call alone is mostly the way there and back.
        once = work.seconds(work.call, 10) / 10
    calls = int(min(max(seconds / 20 / once, 1), _MOST_CALLS))
    batches = int(min(max(seconds / (calls * once), _LEAST_BATCHES), 100))
    return median(work.seconds(work.call, calls) / calls for _ in range(batches))


def cupy_events(call: Call, calls: int) -> float:
    """Between two events on CuPy's current stream."""
    import cupy

    start, stop = cupy.cuda.Event(), cupy.cuda.Event()
    cupy.cuda.Device().synchronize()
    start.record()
    for _ in range(calls):
        call()
    stop.record()
    stop.synchronize()
    return float(cupy.cuda.get_elapsed_time(start, stop)) / 1e3


def torch_events(call: Call, calls: int) -> float:
    """Between two events on torch's current stream."""
    import torch

    start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    for _ in range(calls):
        call()
    stop.record()
    stop.synchronize()
    return float(start.elapsed_time(stop)) / 1e3


def clock_with(finish: Callable[[Any], object]) -> Callable[[Call, int], float]:
    """By the clock of the host, until `finish`, which is given the last call's result, returns."""

    def seconds(call: Call, calls: int) -> float:
        finish(call())
        result = None
        start = perf_counter()
        for _ in range(calls):
            result = call()
        finish(result)
        return perf_counter() - start

    return seconds


def cupy_clock(call: Call, calls: int) -> float:
    """By the clock of the host, until the GPU is done with everything of CuPy's."""
    import cupy

    return clock_with(lambda _: cupy.cuda.Device().synchronize())(call, calls)


def torch_clock(call: Call, calls: int) -> float:
    """By the clock of the host, until the GPU is done with everything of torch's."""
    import torch

    return clock_with(lambda _: torch.cuda.synchronize())(call, calls)


def jax_clock(call: Call, calls: int) -> float:
    """By the clock of the host, until JAX has the last result: it works in order, and lends no events."""
    import jax

    return clock_with(jax.block_until_ready)(call, calls)
