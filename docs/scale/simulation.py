"""How long a build takes on a cluster, simulated task by task from figures that were measured.

Work is cut into tasks as `unit_size` of initkit.recipe.cluster cuts it. A task is drawn and then written; its
time is spread log-normally. The storage takes so many bytes per second from all cores together. A central
scheduler hands out so many tasks per second, one after the other. Some nodes are slow from beginning to end,
and nodes fail at random: what their cores were at is handed out again. Nothing is sent between workers, so
nothing else can hold them up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import ceil, inf, sqrt
from pathlib import Path
from random import Random
from statistics import median

from initkit.recipe.cluster.build_on_cluster import unit_size

MEASURED = Path(__file__).with_name("measured.json")

# A trillion parameters in bfloat16.
TOTAL_BYTES = 2 * 10**12

# 419 unexpected interruptions in 54 days on 16,384 GPUs, 8 to a node: Llama Team, "The Llama 3 Herd of
# Models", 2024, section 3.3.4.
FAILURES_PER_NODE_HOUR = 419 / (54 * 24 * 16_384 / 8)

# An assumption: one node in a hundred is three times as slow as the others all the time.
SLOW_NODES, SLOW_FACTOR = 0.01, 3.0
CORES_PER_NODE = 64

# After so long, a task of which nothing is heard is given to somebody else: dispatch.py says so.
NOTICED_SECONDS = 10.0
# Until a batch system has started a process of `--shard` again.
RESTARTED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a build runs on.

    Attributes:
        cores: The number of cores; each is at one task at a time.
        storage: The bytes per second that the storage takes from all of them together; 0 for nothing written.
        draw: The bytes per second that one core draws.
        write: The bytes per second that one core writes, where the storage takes more.
        spread: The standard deviation of the logarithm of a task's time.
        tasks_per_second: How many tasks the scheduler hands out.
        failures: Failures per node and hour.
        slow: The share of slow nodes.
        total: The bytes of the model.
    """

    cores: int
    storage: float = inf
    draw: float = field(default_factory=lambda: measured()["draw_bytes_per_second"])
    write: float = field(default_factory=lambda: measured()["write_bytes_per_second"])
    spread: float = field(default_factory=lambda: measured()["spread"])
    tasks_per_second: float = field(default_factory=lambda: measured()["tasks_per_second"])
    failures: float = FAILURES_PER_NODE_HOUR
    slow: float = SLOW_NODES
    total: int = TOTAL_BYTES

    @property
    def nodes(self) -> int:
        """The number of nodes."""
        return ceil(self.cores / CORES_PER_NODE)

    @property
    def unit(self) -> int:
        """The bytes of a task."""
        return unit_size(self.total, self.cores)

    @property
    def tasks(self) -> int:
        """The number of tasks."""
        return ceil(self.total / self.unit)

    @property
    def seconds_per_byte(self) -> float:
        """What one core needs for a byte, where the storage takes all that it is given."""
        return 1 / self.draw + (1 / self.write if self.storage else 0.0)

    @property
    def seconds_per_task(self) -> float:
        """What one core needs for a task, where the storage takes all that it is given."""
        return self.total / self.tasks * self.seconds_per_byte

    @property
    def stored_seconds(self) -> float:
        """What the storage needs for the bytes of a task."""
        return self.total / self.tasks / self.storage if self.storage else 0.0

    def node_facts(self, random: Random) -> tuple[list[float], list[float]]:
        """How many times as long every node takes, and when it fails."""
        slowness = [SLOW_FACTOR if random.random() < self.slow else 1.0 for _ in range(self.nodes)]
        rate = self.failures / 3600
        return slowness, [random.expovariate(rate) if rate else inf for _ in range(self.nodes)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one build.

    Attributes:
        seconds: From the first task to the end of the last.
        lost: How many tasks, or shares, were begun again because a node had failed.
    """

    seconds: float
    lost: int


def measured() -> dict[str, float]:
    """The figures that `python -m docs.scale.measure` has measured."""
    figures: dict[str, float] = json.loads(MEASURED.read_text(encoding="utf-8"))["figures"]
    return figures


def by_scheduler(cluster: Cluster, random: Random) -> Outcome:
    """A build with a central scheduler: `--dask`.

    Args:
        cluster: What it runs on.
        random: Where chance comes from.

    Returns:
        What came of it.
    """
    slowness, failing = cluster.node_facts(random)
    # When a core is free, and which; when a task can be handed out.
    free = [(0.0, core) for core in range(cluster.cores)]
    waiting = [(number + 1) / cluster.tasks_per_second for number in range(cluster.tasks)]
    heapify(waiting)
    ends: list[float] = []
    lost = 0
    # Until when the storage is busy: it takes what all cores write, one byte after the other.
    stored = 0.0
    while waiting:
        ready = heappop(waiting)
        if not free:
            # All nodes have failed; they are started again.
            failing = [inf] * cluster.nodes
            free = [(ready + RESTARTED_SECONDS, core) for core in range(cluster.cores)]
        at, core = heappop(free)
        node = core // CORES_PER_NODE
        begun = max(at, ready)
        if begun >= failing[node]:
            heappush(waiting, ready)
            continue
        own = begun + cluster.seconds_per_task * slowness[node] * _spread(cluster.spread, random)
        end = max(own, stored + cluster.stored_seconds)
        if end > failing[node]:
            lost += 1
            heappush(waiting, failing[node] + NOTICED_SECONDS)
            continue
        stored += cluster.stored_seconds
        heappush(free, (end, core))
        ends.append(end)
    return Outcome(_helped(sorted(ends), cluster.seconds_per_task), lost)


def _helped(ends: list[float], seconds: float) -> float:
    """When the last task is done, if idle workers take over what the others are silent about."""
    limit = max(4 * seconds, NOTICED_SECONDS)
    for before, end in pairwise(ends):
        if end - before > limit + seconds:
            return before + limit + seconds
    return ends[-1]


def by_shares(cluster: Cluster, random: Random) -> Outcome:
    """A build without a scheduler: every node has a share of its own, `--shard K/N`, from the beginning.

    Args:
        cluster: What it runs on.
        random: Where chance comes from.

    Returns:
        What came of it: the last share decides.
    """
    slowness, failing = cluster.node_facts(random)
    share = cluster.total / cluster.nodes
    cores = cluster.cores / cluster.nodes
    # The more pieces there are, the more their times even out.
    spread = cluster.spread / sqrt(max(share / cluster.unit, 1.0))
    last, lost = 0.0, 0
    for slow, fails in zip(slowness, failing, strict=True):
        own = share * cluster.seconds_per_byte / cores * slow * _spread(spread, random)
        seconds = max(own, cluster.stored_seconds * cluster.tasks)
        while fails < seconds:
            # What has been written is kept, so only waiting is lost.
            lost += 1
            seconds += RESTARTED_SECONDS
            fails += random.expovariate(cluster.failures / 3600) + RESTARTED_SECONDS
        last = max(last, seconds)
    return Outcome(last, lost)


def _spread(sigma: float, random: Random) -> float:
    """A factor of mean 1."""
    return random.lognormvariate(-sigma * sigma / 2, sigma) if sigma else 1.0


def typical(outcomes: list[Outcome]) -> Outcome:
    """The median time of several builds, and the median number of losses."""
    return Outcome(
        median(outcome.seconds for outcome in outcomes), round(median(outcome.lost for outcome in outcomes))
    )
