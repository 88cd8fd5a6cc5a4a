"""Draws: identity, descendants, and draws of several parts."""

from __future__ import annotations

import initkit as ik
from initkit.draws import NO_KEY, draw_key, joint_draw, seeded_draw
from initkit.seed import constant_draw


def _generator() -> ik.SeedGenerator:
    return ik.SeedGenerator.from_config({"seed": 7, "path": ["layer", "weight"], "draws": 3})


def test_descendants_are_those_of_the_generator() -> None:
    """A draw's child is the draw of the same number of the generator's child; so are siblings."""
    draw = _generator().next_draw()
    assert draw.key == draw_key(7, ("layer", "weight"), 3)
    assert draw.child("mask").key == draw_key(7, ("layer", "weight", "mask"), 3)
    assert draw.sibling("bias").key == draw_key(7, ("layer", "bias"), 3)
    assert draw.child("a").child("b").key == draw_key(7, ("layer", "weight", "a", "b"), 3)
    assert seeded_draw(7).sibling("a").key == seeded_draw(7).child("a").key == draw_key(7, ("a",))
    assert _generator().sibling("bias").next_draw().key == draw_key(7, ("layer", "bias"))


def test_constants_have_no_descendants() -> None:
    """What draws nothing draws nothing under any name."""
    assert constant_draw().is_constant
    assert constant_draw().child("a") == constant_draw().sibling("b") == constant_draw()


def test_joint_draws() -> None:
    """A joint draw has its parts, whose descendants are theirs, and a key that tells it from others."""
    first, second = seeded_draw(7), _generator().next_draw()
    joint = joint_draw([first, constant_draw(), second])
    assert joint.parts == (first, constant_draw(), second)
    assert joint.key not in (NO_KEY, first.key, second.key, joint_draw([second, first]).key)
    child = joint.child("x")
    assert child.parts == (first.child("x"), constant_draw(), second.child("x"))
    assert joint.sibling("x").parts[2] == second.sibling("x")
    assert joint_draw([constant_draw(), constant_draw()]).is_constant


def test_joint_draws_have_one_backend() -> None:
    """Constants go where the others draw, and so do those inside them."""
    elsewhere = seeded_draw(7)._replace(backend=type("Elsewhere", (), {"name": "other", "device": 0})())
    inner = joint_draw([constant_draw(), constant_draw()])
    joint = joint_draw([inner, elsewhere])
    assert joint.backend is elsewhere.backend
    assert all(part.backend is elsewhere.backend for part in (*joint.parts, *joint.parts[0].parts))
