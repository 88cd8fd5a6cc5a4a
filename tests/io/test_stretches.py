"""Sets of bytes as stretches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from initkit.io.stretches import Stretches

STRETCHES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)))


@given(STRETCHES, st.integers(0, 60), st.integers(0, 20))
def test_stretches_are_sets_of_integers(added: list[tuple[int, int]], start: int, length: int) -> None:
    """However stretches overlap, what is in is what a set of integers has, in as few stretches as can be."""
    stretches, truth = Stretches(), set[int]()
    for first, count in added:
        stretches.add(first, first + count)
        truth |= set(range(first, first + count))
    assert set().union(*(range(*stretch) for stretch in stretches)) == truth
    assert stretches.nbytes == len(truth)
    assert ((start, start + length) in stretches) == (set(range(start, start + length)) <= truth)
    ends = [position for stretch in stretches for position in stretch]
    assert ends == sorted(ends)
    assert len({position for stretch in stretches if stretch[0] < stretch[1] for position in stretch}) == len(
        [position for stretch in stretches if stretch[0] < stretch[1] for position in stretch]
    )


def test_copies_are_independent() -> None:
    """What is added to a set does not come into its copy."""
    stretches = Stretches()
    stretches.add(0, 4)
    copy = stretches.copy()
    stretches.add(4, 8)
    assert list(copy) == [(0, 4)]
    assert list(stretches) == [(0, 8)]
