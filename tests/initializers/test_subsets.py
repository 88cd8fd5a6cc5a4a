"""Random subsets of exact size: the law of every part, the tree of counts, parts alone."""

from __future__ import annotations

import math
import tracemalloc
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.draws import seeded_draw
from initkit.initializers import subsets
from initkit.initializers.subsets import BLOCK, Subsets
from initkit.region import Region

LEVEL = 1e-5


def _members(rows: int, columns: int, size: int, seed: int = 7) -> Any:
    """A boolean matrix of who is a member."""
    out = np.ones((rows, columns), np.float32)
    Subsets(rows, columns, size, seeded_draw(seed)).clear(out, Region.whole((rows, columns)))
    assert set(np.unique(out)) <= {0.0, 1.0}
    return out == 0


@pytest.mark.parametrize(("rows", "size"), [(6, 3), (7, 2), (5, 4), (1, 1), (4, 0)])
@pytest.mark.parametrize("block", [1, 2, 128])
def test_all_subsets_are_equally_likely(rows: int, size: int, block: int, monkeypatch: Any) -> None:
    """Every subset comes as often as every other one, in one block, and down a tree of smaller ones."""
    monkeypatch.setattr(subsets, "BLOCK", block)
    monkeypatch.setattr(subsets, "_ROWS_AT_ONCE", min(block, 16))
    columns = 20_000
    chosen = _members(rows, columns, size)
    codes = (chosen << np.arange(rows)[:, None]).sum(axis=0)
    found = dict(zip(*np.unique(codes, return_counts=True), strict=True))
    every = {sum(1 << row for row in subset) for subset in combinations(range(rows), size)}
    assert set(found) == every
    assert len(every) == 1 or stats.chisquare(list(found.values())).pvalue > LEVEL


@pytest.mark.parametrize(("rows", "size"), [(300, 100), (129, 1), (640, 320), (1025, 1000), (256, 7)])
def test_law_across_blocks(rows: int, size: int) -> None:
    """Each column has its count; rows are equally likely, and two rows are both members as often as due."""
    columns = 2000
    chosen = _members(rows, columns, size)
    assert (chosen.sum(axis=0) == size).all()
    share = size / rows
    # Tied by the count, the rows' sum of squares has one degree of freedom less.
    counts = chosen.sum(axis=1)
    variance = columns * share * (1 - share) * rows / (rows - 1)
    assert LEVEL < stats.chi2(rows - 1).cdf(((counts - columns * share) ** 2).sum() / variance) < 1 - LEVEL
    both = share * (size - 1) / (rows - 1)
    pairs = ((0, 1), (0, rows - 1), (127, 128), (5, 64), (rows - 2, rows - 1), (rows // 2, rows // 2 + 1))
    for one, other in pairs:
        together = int((chosen[one] & chosen[other]).sum())
        low, high = stats.binom(columns, both).cdf(together), stats.binom(columns, both).sf(together - 1)
        assert min(low, high) > LEVEL / len(pairs)


@pytest.mark.parametrize(("rows", "size"), [(640, 320), (300, 30), (4000, 3900)])
def test_counts_of_blocks_are_hypergeometric(rows: int, size: int) -> None:
    """How many members a block has follows the hypergeometric law, in every block."""
    drawn = Subsets(rows, 3000, size, seeded_draw(11))
    counts = drawn.counts(np.arange(drawn.blocks), Region.whole((rows, 3000)))
    assert (counts.sum(axis=0, dtype=np.int64) == size).all()
    for block in (0, drawn.blocks // 2, drawn.blocks - 1):
        law = stats.hypergeom(rows, size, drawn.length(block))
        low, high = int(law.ppf(0.02)), int(law.ppf(0.98))
        cells = np.bincount(np.clip(counts[block], low, high) - low, minlength=high - low + 1)
        expected = law.pmf(np.arange(low, high + 1))
        expected[0], expected[-1] = law.cdf(low), law.sf(high - 1)
        assert stats.chisquare(cells, expected * 3000).pvalue > LEVEL


def test_columns_and_neighbours_are_independent() -> None:
    """Columns tell nothing about each other, nor rows of different blocks beyond the common count."""
    rows, columns = 512, 1500
    chosen = _members(rows, columns, rows // 2).astype(float) - 0.5
    correlations = np.corrcoef(chosen.T)[np.triu_indices(columns, 1)] * math.sqrt(rows - 1)
    assert abs(correlations).max() < stats.norm.isf(LEVEL / 2 / correlations.size)
    assert stats.kstest(correlations[::997], stats.norm.cdf).pvalue > LEVEL
    neighbours = (chosen[:-1] * chosen[1:]).mean() * 4
    expected = -1 / (rows - 1)
    assert abs(neighbours - expected) * math.sqrt(rows * columns) < stats.norm.isf(LEVEL / 2)


@pytest.mark.parametrize("seed", [3, 4])
def test_other_seeds_are_other_subsets(seed: int) -> None:
    """Two seeds agree as often as independent choices do."""
    agree = int((_members(400, 500, 200, seed) == _members(400, 500, 200, 5)).sum())
    assert abs(agree - 100_000) < stats.norm.isf(LEVEL / 2) * math.sqrt(50_000)


def test_huge_columns() -> None:
    """Counts are exact for columns far too long to be made, and slices of them come at once."""
    rows = 2**30
    lazy = ik.Sparse(0.25, 1.0, seed=7).lazy((rows, 4))
    part = lazy[rows // 3 : rows // 3 + 5 * BLOCK, ::2]
    assert 0.15 < (part == 0).mean() < 0.35
    assert np.array_equal(lazy[rows // 3 + 200, 2], part[200, 1])


@pytest.mark.parametrize(
    ("rows", "columns", "cut"),
    [
        (70_000, 2, (slice(5, None, 127), slice(None))),
        (70_000, 2, (slice(None, None, -1001), slice(1, 2))),
        (300_000, 3, (slice(131_000, 131_200), slice(None))),
        (300_000, 3, (slice(7, None, 16_385), slice(None, None, 2))),
        (20_000, 40, (slice(9_999, 10_001), slice(3, 30, 5))),
    ],
    ids=str,
)
def test_parts_of_tall_columns(rows: int, columns: int, cut: tuple[slice, slice]) -> None:
    """Parts are those of the whole where counts are drawn by rejection, and whichever pieces are made."""
    whole = _members(rows, columns, rows // 3)
    assert (whole.sum(axis=0) == rows // 3).all()
    region, shape = Region.from_index((rows, columns), cut)
    out = np.ones(shape, np.float32)
    Subsets(rows, columns, rows // 3, seeded_draw(7)).clear(out, region)
    assert np.array_equal(out == 0, whole[cut])


def test_pieces_do_not_matter(monkeypatch: Any) -> None:
    """However much is made at a time, the members are the same."""
    expected = _members(40_000, 5, 11_000)
    monkeypatch.setattr(subsets, "_AT_ONCE", 24)
    monkeypatch.setattr(subsets, "_BLOCKS_AT_ONCE", 9)
    monkeypatch.setattr(subsets, "_BLOCKS_PREFERRED", 4)
    assert np.array_equal(_members(40_000, 5, 11_000), expected)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", [(5, 7), (128, 20_000), (70_000, 600), (1_000_000, 2)], ids=str)
@pytest.mark.parametrize("step", [1, 2, 127, 128, 129, 5000])
def test_pieces_are_the_region(shape: tuple[int, int], step: int, compiled: bool, monkeypatch: Any) -> None:
    """Every element belongs to one piece of work, and each block of rows to one for its columns."""
    monkeypatch.setattr(subsets, "can_clear", lambda: compiled)
    first = min(3, shape[0] - 1)
    region = Region(shape, (first, 0), (step, 1), (-(-(shape[0] - first) // step), shape[1]))
    number, box_of = Subsets(*shape, 1, seeded_draw(7))._boxes(region)
    lines: dict[tuple[int, int], int] = {}
    for rows, columns in map(box_of, range(number)):
        side = columns.start, columns.stop
        assert rows.start == lines.get(side, 0)
        assert rows.stop > rows.start
        lines[side] = rows.stop
        last, after = (first + (row * step) for row in (rows.stop - 1, rows.stop))
        assert rows.stop == region.counts[0] or last // BLOCK < after // BLOCK
    assert set(lines.values()) == {region.counts[0]}
    ends = sorted(lines)
    assert [0, *(stop for _, stop in ends)] == [*(start for start, _ in ends), shape[1]]


@pytest.mark.parametrize("numbers", [[3], [3, 9], [0, 1, 3, 5], [0, 1, 3, 4], [0, 2, 4, 5, 6, 7, 20, 40]])
def test_progressions_cover_all_numbers(numbers: list[int]) -> None:
    """Every number is in one progression, in order, and only the last may be alone in one."""
    parts = list(subsets._progressions(np.array(numbers)))
    assert [first + step * k for first, step, length in parts for k in range(length)] == numbers
    assert len(parts) <= (len(numbers) + 1) // 2


@pytest.mark.parametrize("shape", [(2**20, 4096), (2**22, 2048)], ids=str)
@pytest.mark.parametrize("cut", [np.s_[0:1], np.s_[:65536, 7:8], np.s_[::4096, 5:6]], ids=str)
def test_memory_is_that_of_the_part(shape: tuple[int, int], cut: Any) -> None:
    """Beside the output a part takes some MB, however large the matrix."""
    lazy = ik.Sparse(0.9, seed=7).lazy(shape)
    tracemalloc.start()
    try:
        part = lazy[cut]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < part.nbytes + 16 * 2**20
