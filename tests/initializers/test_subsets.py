"""Random subsets of exact size: the law of every part, the tree of counts, parts alone."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.draws import seeded_draw
from initkit.initializers import subsets
from initkit.initializers.subsets import BLOCK, Subsets, members_on_the_left
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


def _exact(rows: int, left: int, size: int, uniform: float) -> int:
    """The formula with integers of any length."""
    total, x = math.comb(rows, size), max(0, size - (rows - left))
    term = math.comb(left, x) * math.comb(rows - left, size - x)
    cumulated = term
    while ((cumulated << 33) // total + 1) // 2 <= math.floor(uniform * 2**32):
        term = term * (left - x) * (size - x) // ((x + 1) * (rows - left - size + x + 1))
        x, cumulated = x + 1, cumulated + term
    return x


@pytest.mark.parametrize(
    ("rows", "left"), [(256, 128), (140, 128), (1000, 512), (129, 128), (1, 1), (4096, 2048)]
)
def test_hypergeometric_numbers(rows: int, left: int) -> None:
    """Each number is the formula's, computed exactly; so are those at both ends of the uniform numbers."""
    random = np.random.default_rng(5)
    members = random.integers(0, rows + 1, 60)
    members[:6] = 0, rows, 1, rows - 1, left, rows - left
    uniforms = random.random(60)
    uniforms[::7], uniforms[1::7] = 0.0, 1 - 2.0**-53
    found = members_on_the_left(np, rows, left, members, uniforms)
    assert found.tolist() == [
        _exact(rows, left, int(m), float(u)) for m, u in zip(members, uniforms, strict=True)
    ]


def test_numbers_do_not_depend_on_their_company() -> None:
    """A number is the same alone and beside others, as slices need it."""
    random = np.random.default_rng(5)
    members, uniforms = random.integers(0, 901, 200), random.random(200)
    together = members_on_the_left(np, 900, 512, members, uniforms)
    alone = [
        members_on_the_left(np, 900, 512, members[k : k + 1], uniforms[k : k + 1]).item() for k in range(200)
    ]
    assert together.tolist() == alone


def test_huge_columns() -> None:
    """Counts are exact for columns far too long to be made, and slices of them come at once."""
    rows = 2**30
    lazy = ik.Sparse(0.25, 1.0, seed=7).lazy((rows, 4))
    part = lazy[rows // 3 : rows // 3 + 5 * BLOCK, ::2]
    assert 0.15 < (part == 0).mean() < 0.35
    assert np.array_equal(lazy[rows // 3 + 200, 2], part[200, 1])
