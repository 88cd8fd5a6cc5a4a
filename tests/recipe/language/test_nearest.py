"""Suggestions for patterns that match nothing: they match, and they look like what was given."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.recipe.language import nearest
from initkit.recipe.language.nearest import nearest_patterns
from initkit.recipe.language.pattern import parse_pattern

PARTS = ("ln_1.weight", "ln_1.bias", "attn.c_attn.w")
NAMES = [
    *(f"model.h.{layer}.{part}" for layer in range(12) for part in PARTS),
    "model.wte.weight",
    "lm_head.weight",
    "odd{1}.weight",
]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("model.h.*.ln1.weight", "model.h.*.ln_1.weight"),
        ("model.h.{layer}.ln1.weight", "model.h.{layer}.ln_1.weight"),
        ("model.h.{0..n-1}.ln1.weight", "model.h.{0..n-1}.ln_1.weight"),
        ("model.h.[0-3].ln_1.weigth", "model.h.[0-3].ln_1.weight"),
        ("model.h.?.ln_1.wieght", "model.h.?.ln_1.weight"),
        ("model.h.3.ln1.weight", "model.h.3.ln_1.weight"),
        # There is no such layer.
        ("model.h.12.ln_1.weight", "model.h.*.ln_1.weight"),
        ("h.*.ln_1.weight", "model.h.*.ln_1.weight"),
        ("*.wieght", "*.weight"),
        ("*.biass", "*.bias"),
        ("modle.*", "model.*"),
        ("model.hh.*", "model.h.*"),
        ("*.atn.*", "*.attn.*"),
        ("*_atn.w", "*_attn.w"),
        ("lm_heads.weight", "lm_head.weight"),
        ("LM_Head.weight", "lm_head.weight"),
    ],
)
def test_the_nearest(text: str, first: str) -> None:
    """Typing errors are undone, and wildcards are those that were written, where names match with them."""
    assert nearest_patterns(text, NAMES, {"n": 12})[0] == first


@pytest.mark.parametrize("text", ["", "*", "***", "zzz.*", "*.q_proj", "\\\\", "{"])
def test_nothing_near(text: str) -> None:
    """What is like nothing has no suggestion; neither has what cannot be read."""
    assert nearest_patterns(text, NAMES) == ()
    assert nearest_patterns(text, []) == ()


@given(st.lists(st.text("ab.1_{*", min_size=1, max_size=8), max_size=6), st.text("ab.1_{}*?[]\\", max_size=8))
def test_suggestions_match(names: list[str], text: str) -> None:
    """Whatever the names are and the text is, each suggestion is another pattern, which matches a name."""
    for found in nearest_patterns(text, names):
        assert found != text
        assert any(parse_pattern(found).match(name) is not None for name in names)


def test_many_names_are_not_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of names that all differ some are looked at; those that differ in numbers are one."""
    compared: list[int] = []

    def count(name: str, known: Iterable[str]) -> tuple[str, ...]:
        compared.append(len(list(known)))
        return ()

    monkeypatch.setattr(nearest, "nearest_names", count)
    nearest_patterns("*g.w*", [f"{number:x}g.w{number}" for number in range(10_000)])
    nearest_patterns("h.*.ww", [f"h.{number}.w" for number in range(10_000)])
    assert 1000 < compared[0] <= 5000
    assert compared[1] == 1
