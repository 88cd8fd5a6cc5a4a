"""Measures what the simulation begins with, in half a minute, and writes it into measured.json.

    python -m docs.scale.measure

One core draws and writes a model of normal bfloat16 values as a worker does; then a cluster of two processes
is given tasks that do nothing. Run it on an otherwise idle machine, with the storage that is meant as the
current folder.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable
from statistics import median, pstdev
from time import perf_counter
from typing import Any, NamedTuple

from docs.scale.simulation import MEASURED
from initkit.diagnostics import show_config
from initkit.io.positional import PositionalFile, as_bytes
from initkit.io.resumable_file import force_to_disk
from initkit.recipe import Recipe
from initkit.recipe.building.units import Unit
from initkit.recipe.building.work import Work
from initkit.recipe.cluster.dispatch import Dispatch
from initkit.recipe.cluster.tasks import Job, drawn

RECIPE = """
initkit: 1
seed: 7
dtype: bfloat16
tensors: {"w.{0..15}": [8192, 16384]}
rules: [{match: "*", init: {random_normal: {stddev: 0.02}}}]
"""
UNIT = 64 << 20
UNITS = 24
TASKS = 3000


class Nothing(NamedTuple):
    """A task that does nothing."""

    unit: Unit
    nbytes: int = 0

    def run(self, job: Job) -> None:
        """Do nothing."""


def measure() -> dict[str, float]:
    """All figures."""
    os.environ["INITKIT_NUM_THREADS"] = "1"
    work = Work(Recipe.from_text(RECIPE).plan())
    units = list(work.units(UNIT))[:UNITS]
    drawing = _times(units, lambda unit: [None for _ in drawn(work, unit)])
    with tempfile.TemporaryFile(dir=".", buffering=0) as raw:
        file = PositionalFile(raw)

        def write(unit: Unit) -> None:
            for position, data in drawn(work, unit):
                file.write(as_bytes(data), position)
            force_to_disk(raw.fileno())

        both = _times(units, write)
    return {
        "draw_bytes_per_second": UNIT / median(drawing),
        "write_bytes_per_second": UNIT / (median(both) - median(drawing)),
        "spread": pstdev(math.log(seconds) for seconds in both),
        "tasks_per_second": _tasks_per_second(),
    }


def _times(units: list[Unit], do: Callable[[Unit], Any]) -> list[float]:
    times = []
    for unit in units:
        begun = perf_counter()
        do(unit)
        times.append(perf_counter() - begun)
    return times


def _tasks_per_second() -> float:
    from distributed import Client, LocalCluster

    job = Job(b"", "0" * 64, "", 1, "", None, ("", ""))
    with (
        LocalCluster(n_workers=2, threads_per_worker=8, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        rates = []
        for _ in range(3):
            tasks: Any = (Nothing(Unit(0, 0, 1, None, number, 0)) for number in range(TASKS))
            begun = perf_counter()
            Dispatch(client, job, 10.0).run(tasks, lambda task: None)
            rates.append(TASKS / (perf_counter() - begun))
    return median(rates)


def write() -> None:
    """Measure, and write the file."""
    config = show_config("dict")
    facts = {
        "machine": {
            "platform": config["platform"],
            "cores": os.cpu_count(),
            "instruction_set": config["kernels"]["instruction_set"],
        },
        "figures": {name: float(f"{value:.3g}") for name, value in measure().items()},
    }
    MEASURED.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"Wrote {MEASURED}: {facts['figures']}")


if __name__ == "__main__":
    write()
