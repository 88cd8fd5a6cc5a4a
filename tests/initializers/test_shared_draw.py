"""Which draws tensors of one layer share, by the paths of their names."""

from __future__ import annotations

import pytest

import initkit as ik
from initkit.draws import draw_key
from initkit.initializers.shared_draw import shared_draw
from initkit.seed import constant_draw


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a.q",), ("a.Q",)),
        (("net", "a.q"), ("net", "a.Q")),
        (("a.q", "3"), ("a.Q", "3")),
        (("net", "a.q", "3", "0"), ("net", "a.Q", "3", "0")),
        (("3", "a.q"), ("3", "a.Q")),
        ((), ("Q",)),
        (("3",), ("Q", "3")),
        # Digits of other scripts are names like any other.
        (("a.q", "٣"), ("a.q", "Q")),
    ],
    ids=str,
)
def test_the_name_is_replaced(path: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """The last entry that is no number is the name; what is above and below it stays."""
    generator = ik.SeedGenerator(7)
    for name in path:
        generator = generator.child(name)
    generator.next_draw()
    shared = shared_draw(generator.next_draw(), lambda name: f"{name[:-1]}Q" if name != "٣" else "Q")
    assert (shared.path, shared.number, shared.seed) == (expected, 1, 7)
    assert shared.key == draw_key(7, expected, 1)


@pytest.mark.parametrize("path", [(), ("3",), ("a",), ("a", "3")], ids=str)
def test_names_that_stay_change_nothing(path: tuple[str, ...]) -> None:
    """A tensor that belongs to no group keeps its draw."""
    generator = ik.SeedGenerator(7)
    for name in path:
        generator = generator.child(name)
    draw = generator.next_draw()
    assert shared_draw(draw, lambda name: name) == draw
    assert shared_draw(constant_draw(), lambda name: "other") == constant_draw()
