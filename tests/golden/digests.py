"""Digests of what every initializer gives, and the file that keeps them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import initkit as ik
from initkit.draws import STREAM_VERSION
from tests.catalogue import ENTRIES, Entry

DIGESTS = Path(__file__).with_name("digests.txt")

HEADER = f"""\
# Stream {STREAM_VERSION}: what every initializer gives. These lines never change.
#
# entry of tests/catalogue | seed | shape | dtype | BLAKE2b-128 of the values, row by row, as
# little-endian bytes. The seeds are in tests/golden/digests.py.
#
# Initializers that are matrix products (Orthogonal) are not here: they agree to a tolerance, not to the bit.
# New lines are written by `python -m tests.golden`, which refuses to change old ones.
"""

# The draws: an integer seed, and a child's third draw.
SEEDS: dict[str, Callable[[], Any]] = {
    "7": lambda: 7,
    "child": lambda: ik.SeedGenerator.from_config({"seed": 2**70, "path": ["layer", "größe"], "draws": 2}),
}


def _digest(entry: Entry, seed: str, shape: tuple[int, ...], dtype: str) -> str:
    values = entry.make(SEEDS[seed]())(shape, dtype)
    little = values if sys.byteorder == "little" else values.byteswap()
    return blake2b(little.tobytes(), digest_size=16).hexdigest()


def _cases(entry: Entry) -> list[tuple[str, tuple[int, ...], str]]:
    """Seed, shape and dtype of every line of an entry."""
    shapes = [*entry.shapes]
    if entry.seeded and entry.large is not None:
        shapes.append(entry.large)
    seeds = list(SEEDS) if entry.seeded else ["7"]
    return [(seed, shape, dtype) for seed in seeds for shape in shapes for dtype in entry.dtypes]


def computed() -> dict[str, str]:
    """Every line's label, and the digest that this installation gives."""
    return {
        f"{entry} | {seed} | {shape} | {dtype}": _digest(entry, seed, shape, dtype)
        for entry in ENTRIES
        if entry.exact
        for seed, shape, dtype in _cases(entry)
    }


def read() -> dict[str, str]:
    """The labels and digests in the file."""
    if not DIGESTS.exists():
        return {}
    digests = {}
    for line in DIGESTS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            label, digest = line.rsplit(" | ", 1)
            digests[label] = digest
    return digests


def write(digests: dict[str, str]) -> None:
    """Write the file anew."""
    lines = [f"{label} | {digest}\n" for label, digest in digests.items()]
    DIGESTS.write_text(HEADER + "".join(lines), encoding="utf-8", newline="\n")
