"""Timing, with a clock that is told what to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.gpu.timing import Work, clock_with, measure


@pytest.mark.parametrize(("once", "calls"), [(1e-6, 2000), (1e-3, 50), (2.0, 1)])
def test_batches_fit_the_time(once: float, calls: int) -> None:
    """A cheap call is timed in large batches, an expensive one alone and five times, after the warm-up."""
    batches: list[int] = []

    def seconds(call: Callable[[], Any], count: int) -> float:
        batches.append(count)
        return once * count

    assert measure(Work(lambda: None, seconds)) == pytest.approx(once)
    warm_up = [1, 1, 10] if once < 0.05 else [1, 1]
    assert batches[: len(warm_up)] == warm_up
    timed = batches[len(warm_up) :]
    assert set(timed) == {calls}
    assert 5 <= len(timed) <= 100


def test_the_median_counts() -> None:
    """One slow batch among many, as on a machine that does something else, changes nothing."""
    turns = iter(range(1000))

    def seconds(call: Callable[[], Any], count: int) -> float:
        return 100.0 if next(turns) == 4 else 0.01 * count

    assert measure(Work(lambda: None, seconds)) == pytest.approx(0.01)


def test_the_clock_waits_for_the_last_result() -> None:
    """What was called before is finished first, and the time ends when the last call's result is there."""
    events: list[str] = []
    results = iter("abcd")

    def call() -> str:
        events.append(result := next(results))
        return result

    assert clock_with(lambda result: events.append(f"{result} done"))(call, 3) > 0
    assert events == ["a", "a done", "b", "c", "d", "d done"]
