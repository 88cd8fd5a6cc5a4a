"""Timing of several functions side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter, sleep


def side_by_side(functions: Mapping[str, Callable[[], object]], seconds: float = 2.0) -> dict[str, float]:
    """The median time of one call of each function.

    The functions take turns, so that whatever else the machine does meets all of them alike.

    Args:
        functions: What to time, by name. Each is called once before the clock starts.
        seconds: How long to measure each function, at least three rounds.

    Returns:
        Seconds per call, by name.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    spent = 0.0
    while spent < seconds * len(functions) or any(len(entries) < 3 for entries in times.values()):
        for name, function in functions.items():
            # The threads of the one before still spin for a moment, waiting for more work.
            sleep(0.05)
            start = perf_counter()
            function()
            times[name].append(perf_counter() - start)
            spent += times[name][-1]
    return {name: median(entries) for name, entries in times.items()}


def per_call(function: Callable[[], object], calls: int = 2000, rounds: int = 7) -> float:
    """The time of one call of a cheap function: the median over rounds of many calls each, in seconds."""
    function()
    times = []
    for _ in range(rounds):
        start = perf_counter()
        for _ in range(calls):
            function()
        times.append((perf_counter() - start) / calls)
    return median(times)
