"""The speed of building and verifying models, beside that of the disk, measured in turns."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from string import ascii_lowercase
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from initkit.io.resumable_file import force_to_disk
from initkit.recipe import Recipe, verify
from initkit.recipe.building.build import build
from initkit.recipe.building.drawing import draw_units
from initkit.recipe.building.work import PIECE_BYTES, Work

_BYTES = 4 * 10**9
_TURNS = 3
_SMALL_TENSORS = 100_000
_RULES = 200

_LARGE = """
initkit: 1
seed: 7
dtype: bfloat16
tensors: {{"w.{{0..7}}": [{rows}, 4096]}}
rules: [{{match: "*", init: {{random_normal: {{stddev: 0.02}}}}}}]
"""
_SMALL = """
initkit: 1
seed: 7
dtype: bfloat16
tensors: {{"h.{{0..{last}}}.{{weight,bias}}": [32, 16]}}
rules: [{{match: "*.bias", init: zeros}}, {{match: "*", init: {{random_normal: {{stddev: 0.02}}}}}}]
"""

Row = Callable[[str, str, str, str, str], None]


class Rates(NamedTuple):
    """Bytes per second, medians of the turns.

    Attributes:
        nbytes: How many bytes were written each time.
        disk: Writing random bytes to a file, and waiting until they are on the disk.
        built: Building a model, and waiting likewise.
        cached: Building without waiting, as it is done unless `--sync` is said.
        drawn: Drawing the same without writing.
        verified: Verifying the model.
    """

    nbytes: int
    disk: float
    built: float
    cached: float
    drawn: float
    verified: float


def report_building(print_row: Row) -> None:
    """Measure and print.

    Args:
        print_row: Prints a title, initkit's figure, the peer's, their ratio, and what is asked.
    """
    with TemporaryDirectory(prefix="initkit-bench-") as folder:
        rates = measure_large(Path(folder))
        share = rates.built / rates.disk
        size = f"build {rates.nbytes / 1e9:.1f} GB bfloat16, --sync"
        print_row(size, _rate(rates.built), f"disk {_rate(rates.disk)}", f"{share:.0%}", "≥ 80 %")
        print_row("  without --sync", _rate(rates.cached), f"drawing {_rate(rates.drawn)}", "", "")
        print_row("  verify", _rate(rates.verified), "", "", "")
        seconds = measure_small(Path(folder))
        count = f"{_SMALL_TENSORS / seconds:,.0f} tensors/s"
        print_row(f"build {_SMALL_TENSORS:,} tensors", count, "", "", "≥ 20,000 tensors/s")
        seconds = measure_planning(Path(folder))
        print_row(f"plan {_SMALL_TENSORS:,} tensors, {_RULES} rules", f"{seconds:.2f} s", "", "", "≤ 3 s")
        seconds = measure_planning_of_words()
        print_row("  YAML, names that differ", f"{seconds:.2f} s", "", "", "≤ 3 s")


def _rate(bytes_per_second: float) -> str:
    return f"{bytes_per_second / 1e9:.2f} GB/s"


def measure_large(folder: Path, nbytes: int = _BYTES, turns: int = _TURNS) -> Rates:
    """Write, build and verify a large model, in turns.

    Args:
        folder: On the disk that is to be measured.
        nbytes: How much to write; less where the disk has not four times as much free.
        turns: How often.
    """
    nbytes = min(nbytes, shutil.disk_usage(folder).free // 4) // (16 * 4096) * (16 * 4096)
    plan = Recipe.from_text(_LARGE.format(rows=nbytes // (16 * 4096))).plan()
    work = Work(plan)
    path = folder / "model.safetensors"
    times: dict[str, list[float]] = {}

    def time(name: str, task: Callable[[], Any]) -> None:
        # What others have written must not be waited for here.
        _settle()
        start = perf_counter()
        task()
        times.setdefault(name, []).append(perf_counter() - start)

    for _ in range(turns):
        time("disk", lambda: _write(folder / "raw", nbytes))
        (folder / "raw").unlink()
        time("built", lambda: build(plan, path, sync=True))
        time("verified", lambda: verify(path))
        path.unlink()
        time("cached", lambda: build(plan, path))
        path.unlink()
        time("drawn", lambda: draw_units(work.units(PIECE_BYTES), work.draw, lambda unit, values: None))
    return Rates(nbytes, **{name: nbytes / median(seconds) for name, seconds in times.items()})


def measure_small(folder: Path, count: int = _SMALL_TENSORS) -> float:
    """Seconds to build a model of many small tensors, once it is planned.

    Args:
        folder: Where to.
        count: How many tensors.
    """
    plan = Recipe.from_text(_SMALL.format(last=count // 2 - 1)).plan()
    seconds = []
    for _ in range(_TURNS):
        start = perf_counter()
        build(plan, folder / "small.safetensors", overwrite=True)
        seconds.append(perf_counter() - start)
    return median(seconds)


def _write(path: Path, nbytes: int) -> None:
    """Random bytes, since a disk may be faster with zeros."""
    data = np.random.default_rng(7).integers(0, 256, PIECE_BYTES, np.uint8).data
    with path.open("wb", buffering=0) as file:
        for start in range(0, nbytes, PIECE_BYTES):
            file.write(data[: nbytes - start])
        force_to_disk(file.fileno())


def _settle() -> None:
    if hasattr(os, "sync"):
        os.sync()


def measure_planning(folder: Path) -> float:
    """Seconds to read and plan a recipe of many experts, whose names many rules tell apart."""
    experts, layers, parts = 125, 100, 8
    names = (
        f"model.layers.{layer}.mlp.experts.{expert}.w{part}.weight"
        for layer in range(layers)
        for expert in range(experts)
        for part in range(parts)
    )
    (folder / "shapes.json").write_text(json.dumps({key: [64, 64] for key in names}), encoding="utf-8")
    by_expert = [
        {
            "match": f"model.layers.{{layer}}.mlp.experts.{number}.*",
            "init": {"random_normal": {"stddev": f"0.02 / sqrt(2 * (layer + {number + 1}))"}},
        }
        for number in range(_RULES // 2)
    ]
    idle = [
        {"match": f"*.part{number}.x", "init": "zeros", "optional": True}
        for number in range(_RULES - len(by_expert) - 1)
    ]
    rules = [*by_expert, *idle, {"match": "*", "init": "he_normal"}]
    text = json.dumps({"initkit": 1, "seed": 7, "from": "shapes.json", "rules": rules})
    started = perf_counter()
    Recipe.from_text(text, str(folder / "recipe.json")).plan()
    return perf_counter() - started


def measure_planning_of_words() -> float:
    """Seconds to read and plan a YAML text with as many tensors and rules, whose names differ in words."""
    random = Random(7)
    word = partial(random.choices, ascii_lowercase, k=6)
    words = ["".join(word()) for _ in range(_RULES - 1)]
    shapes = [
        "".join(["  ", *word(), ".", *word(), f".0.{words[at % len(words)]}.weight: [64, 64]"])
        for at in range(_SMALL_TENSORS)
    ]
    forms = ("*.{layer}.%s.*", "*%s.weight", "*.0.%s*")
    globs = [forms[at % len(forms)] % text for at, text in enumerate(words)]
    rules = [f'  - {{match: "{glob}", init: zeros}}' for glob in globs]
    rules.append('  - {match: "*", init: he_normal, optional: true}')
    text = "\n".join(["initkit: 1", "seed: 7", "tensors:", *shapes, "rules:", *rules])
    started = perf_counter()
    Recipe.from_text(text).plan()
    return perf_counter() - started
