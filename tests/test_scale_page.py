"""docs/scale.md: its tables and picture are current, and the simulation behind them is sound."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, inf
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest

from docs.scale.page import CORES, PAGE, PICTURE, figures, generated_page, picture, simulated
from docs.scale.simulation import (
    FAILURES_PER_NODE_HOUR,
    NOTICED_SECONDS,
    SLOW_FACTOR,
    Cluster,
    by_scheduler,
    by_shares,
    measured,
)

# A core makes a gigabyte per second; there is no chance, and nothing else that anybody waits for.
PLAIN = Cluster(
    1,
    storage=inf,
    draw=2e9,
    write=2e9,
    spread=0.0,
    tasks_per_second=inf,
    failures=0.0,
    slow=0.0,
    total=10**12,
)


def _seconds(cluster: Cluster, seed: int = 0) -> float:
    return by_scheduler(cluster, Random(seed)).seconds


def test_page_is_current() -> None:
    """The tables in the page are those that the measured figures and the simulation give."""
    text = PAGE.read_text(encoding="utf-8")
    assert generated_page(text) == text
    assert figures() in text


def test_picture_is_current() -> None:
    """The picture is the simulation's, and well-formed."""
    text = PICTURE.read_text(encoding="utf-8")
    assert picture() == text
    assert len(ElementTree.fromstring(text).findall("{http://www.w3.org/2000/svg}polyline")) == 3


def test_figures_are_complete() -> None:
    """Everything that the simulation begins with has been measured, and is of a likely size."""
    found = measured()
    assert 1e8 < found["draw_bytes_per_second"] < 1e11
    assert 1e7 < found["write_bytes_per_second"] < 1e11
    assert 0 < found["spread"] < 2
    assert 50 < found["tasks_per_second"] < 1e5
    # Once in 264 days.
    assert pytest.approx(1 / 264 / 24, rel=0.01) == FAILURES_PER_NODE_HOUR


@pytest.mark.parametrize("cores", CORES)
def test_without_chance(cores: int) -> None:
    """With nothing to chance, a scheduler's time is that of the rounds, and shares' that of the total."""
    cluster = replace(PLAIN, cores=cores)
    rounds = ceil(cluster.tasks / cores)
    assert _seconds(cluster) == pytest.approx(rounds * cluster.seconds_per_task)
    assert by_shares(cluster, Random(0)).seconds == pytest.approx(1000 / cores)


def test_one_core_does_all_the_work() -> None:
    """One core takes the sum of all tasks, whichever way it is given them; chance evens out."""
    assert _seconds(PLAIN) == pytest.approx(1000)
    assert _seconds(replace(PLAIN, spread=0.5)) == pytest.approx(1000, rel=0.05)


@pytest.mark.parametrize("bound", [{"tasks_per_second": 500.0}, {"storage": 1e11}], ids=str)
def test_more_cores_are_faster_until_something_binds(bound: dict[str, Any]) -> None:
    """Time falls with the number of cores until it is what the scheduler or the storage needs."""
    least = []
    for cores in (1, 3, 10, 30, 100, 300, 1000, 3000):
        cluster = replace(PLAIN, cores=cores, **bound)
        needed = max(cluster.tasks / cluster.tasks_per_second, 1e12 / cluster.storage)
        alone = ceil(cluster.tasks / cores) * cluster.seconds_per_task
        seconds = _seconds(cluster)
        least.append(seconds <= 1.001 * alone)
        # As in a pipeline: the slower of the two, and at most one task of the other.
        assert max(alone, needed) * 0.999 <= seconds <= max(alone, needed) * 1.05 + cluster.seconds_per_task
    assert least[0]
    assert not least[-1]


def test_slow_nodes() -> None:
    """If all nodes are slow, everything takes longer by their factor; if a few are, shares wait for them."""
    cores = 6400
    assert _seconds(replace(PLAIN, slow=1.0)) == pytest.approx(1000 * SLOW_FACTOR)
    some = replace(PLAIN, cores=cores, slow=0.05)
    assert by_shares(some, Random(1)).seconds == pytest.approx(SLOW_FACTOR * 1000 / cores)
    # Who has nothing to do takes over, so that a scheduler waits for less than the slowest node's share.
    few = replace(PLAIN, cores=640, slow=0.1)
    assert _seconds(few, 3) < by_shares(few, Random(3)).seconds


def test_failures_cost_what_was_lost() -> None:
    """The tasks that failed nodes were at are done again, and the build ends later, but ends."""
    cluster = replace(PLAIN, cores=640, failures=3600 / 10)
    whole, failing = by_scheduler(replace(cluster, failures=0.0), Random(5)), by_scheduler(cluster, Random(5))
    assert failing.lost > 0
    assert whole.seconds < failing.seconds < whole.seconds + 20 * (NOTICED_SECONDS + 60)
    assert by_shares(cluster, Random(5)).lost > 0


def test_simulation_is_reproducible() -> None:
    """The same seeds give the same figures."""
    cluster = Cluster(1000, failures=10.0)
    assert simulated(by_scheduler, cluster) == simulated(by_scheduler, cluster)
    assert by_scheduler(cluster, Random(1)) != by_scheduler(cluster, Random(2))
