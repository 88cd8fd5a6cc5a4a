"""Rows cleared with the compiled kernels: those of the specification, near and far, filled before or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from initkit.draws import seeded_draw
from initkit.initializers import compiled_subsets
from initkit.initializers.compiled_subsets import clear_far_rows, clear_near_rows
from initkit.initializers.subsets import Subsets
from initkit.kernels.loader import engine
from initkit.region import Region

pytestmark = pytest.mark.skipif(
    engine().library is None, reason=f"needs the compiled kernels: {engine().reason}"
)
ROWS, COLUMNS, SIZE = 900, 23, 400


def _members() -> Any:
    """Who is a member, row by row as the algorithm has it, from the counts of the blocks."""
    drawn = Subsets(ROWS, COLUMNS, SIZE, seeded_draw(7))
    whole = Region.whole((ROWS, COLUMNS))
    missing = drawn.counts_in_arrays(np.arange(drawn.blocks), whole).astype(int)
    uniforms = np.empty((drawn.block, drawn.blocks, COLUMNS), np.float32)
    member = drawn.draw.child("members")
    member.backend.uniform(uniforms, Region.whole(uniforms.shape), member.key, 0.0, 1.0)
    chosen = np.zeros((ROWS, COLUMNS), bool)
    for row in range(ROWS):
        block, inside = divmod(row, drawn.block)
        left = np.float32(drawn.length(block) - inside)
        chosen[row] = uniforms[inside, block] * left < missing[block].astype(np.float32)
        missing[block] -= chosen[row]
    return chosen


MEMBERS: Any = _members() if engine().library is not None else None


@pytest.mark.parametrize(
    "cut",
    [
        np.s_[:, :],
        np.s_[127:129, 3:],
        np.s_[5:870, ::-1],
        np.s_[899:, 22:],
        np.s_[3::2, :],
        np.s_[100:700:127, 1::4],
        np.s_[::128, :],
    ],
    ids=str,
)
@pytest.mark.parametrize("values_at_once", [1, 1 << 12, 1 << 17])
def test_near_rows(cut: Any, values_at_once: int, monkeypatch: Any) -> None:
    """Members alone are cleared, however much is made at a time, beside each other or not."""
    monkeypatch.setattr(compiled_subsets, "_VALUES_AT_ONCE", values_at_once)
    region, shape = Region.from_index((ROWS, COLUMNS), cut)
    out = np.full(shape, 3.0, np.float32)
    clear_near_rows(Subsets(ROWS, COLUMNS, SIZE, seeded_draw(7)), out, region, None)
    assert np.array_equal(out, np.where(MEMBERS[cut], np.float32(0), np.float32(3)))


@pytest.mark.parametrize("cut", [np.s_[:, :], np.s_[100:650, 2:20], np.s_[7:8, ::3]], ids=str)
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("values_at_once", [1, 1 << 12, 1 << 17])
def test_near_rows_are_filled_first(cut: Any, apart: bool, values_at_once: int, monkeypatch: Any) -> None:
    """Every part is filled once, as the region that it is, in memory that is all in one place."""
    monkeypatch.setattr(compiled_subsets, "_VALUES_AT_ONCE", values_at_once)
    numbers = np.arange(1.0, ROWS * COLUMNS + 1).reshape(ROWS, COLUMNS)
    filled = np.zeros((ROWS, COLUMNS), int)
    region, shape = Region.from_index((ROWS, COLUMNS), cut)
    memory = np.full((shape[0], 2 * shape[1]), -1.0)
    out = memory[:, ::2] if apart else np.empty(shape)

    def fill(part: Any, where: Region) -> None:
        assert part.flags.c_contiguous
        part[...] = numbers[where.index()]
        filled[where.index()] += 1

    clear_near_rows(Subsets(ROWS, COLUMNS, SIZE, seeded_draw(7)), out, region, fill)
    assert np.array_equal(out, np.where(MEMBERS, 0.0, numbers)[cut])
    assert (filled[cut] == 1).all()
    assert filled.sum() == out.size
    assert not apart or (memory[:, 1::2] == -1.0).all()


@pytest.mark.parametrize("cut", [np.s_[::129, :], np.s_[17::300, 4:9], np.s_[899:, :]], ids=str)
@pytest.mark.parametrize("values_at_once", [1, 1 << 17])
def test_far_rows(cut: Any, values_at_once: int, monkeypatch: Any) -> None:
    """Rows of which each has a block of its own are those of the whole."""
    monkeypatch.setattr(compiled_subsets, "_VALUES_AT_ONCE", values_at_once)
    region, shape = Region.from_index((ROWS, COLUMNS), cut)
    out = np.full(shape, 3, np.uint8)
    clear_far_rows(Subsets(ROWS, COLUMNS, SIZE, seeded_draw(7)), out, region)
    assert np.array_equal(out, np.where(MEMBERS[cut], 0, 3))
