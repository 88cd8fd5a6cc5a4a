"""The worked examples of docs/stream.md are what initkit draws."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import initkit as ik
from initkit.draws import draw_key
from initkit.kernels.twin import words32, words64

TEXT = (Path(__file__).parents[1] / "docs" / "stream.md").read_text(encoding="utf-8")
LAWS = {
    "uniform": ik.RandomUniform(-1.0, 1.0, seed=7),
    "normal": ik.RandomNormal(stddev=1.0, seed=7),
    "truncated": ik.TruncatedNormal(stddev=1.0, seed=7),
}


def rows_of(section: str) -> list[list[str]]:
    """The cells of the table in a section, without its head."""
    body = TEXT.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in body.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_identities() -> None:
    """Each row of the table of identities is what `draw_key` gives."""
    rows = rows_of("The identity of a draw")
    assert len(rows) == 3
    for seed, path, number, identity in rows:
        value = 2**64 if seed == "2⁶⁴" else int(seed)
        words = draw_key(value, tuple(re.findall(r"`(\w+)`", path)), int(number))
        assert identity == "`" + " ".join(f"{word:08x}" for word in words) + "`"


def test_words() -> None:
    """Each row of the table of words is the twin's word of that element."""
    rows = rows_of("Words")
    assert len(rows) == 4
    for index, narrow, wide in rows:
        element = np.array([int(index)], np.uint64)
        assert narrow == f"`{words32(draw_key(7), element)[0]:08x}`"
        assert wide == f"`{words64(draw_key(7), element)[0]:016x}`"


@pytest.mark.parametrize("row", rows_of("Worked examples"), ids=lambda row: str(row[0]).split()[0])
def test_values(row: list[str]) -> None:
    """Each law's first values are those in the document."""
    initializer = LAWS[re.split(r"[ ,]", row[0])[0]]
    for dtype, cell in zip(("float32", "float64"), row[1:], strict=True):
        expected = [float.fromhex(text) for text in re.findall(r"`([^`]+)`", cell)]
        assert len(expected) == 4
        assert initializer(4, dtype).tolist() == expected
