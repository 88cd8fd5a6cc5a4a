"""Names from elsewhere: taken, dropped and renamed."""

from __future__ import annotations

import re

import pytest

from initkit.documents import read_yaml
from initkit.errors import RecipeError
from initkit.recipe import Recipe
from initkit.recipe.language.place import Place
from initkit.recipe.planning.selection import NameSelection
from initkit.recipe.text.specs import Selection

PLACE = Place(read_yaml("{}", file="r.yaml"), ())


@pytest.mark.parametrize(
    ("rename", "name", "new"),
    [
        ({"model.*": "*"}, "model.h.0.w", "h.0.w"),
        ({"model.*": "*"}, "head.w", "head.w"),
        ({"*.gamma": "*.weight"}, "h.0.ln.gamma", "h.0.ln.weight"),
        ({"h.{layer}.{part}.w": "{part}.{layer}.weight"}, "h.3.q.w", "q.3.weight"),
        ({"a.*.b.*": "x.*.y.*"}, "a.1.2.b.3", "x.1.2.y.3"),
        ({"a.*": "one", "a.b": "two"}, "a.b", "one"),
        ({"a(.)b": "c"}, "a(.)b", "c"),
    ],
)
def test_renaming(rename: dict[str, str], name: str, new: str) -> None:
    """Stars and captures of the old name come back in the new one; the first pattern that matches counts."""
    assert NameSelection(Selection(rename=rename), PLACE, "source 1").new_name(name) == new


def test_only_drop_and_prefix() -> None:
    """What matches `only` and not `drop` is taken; a prefix comes before all of it."""
    names = NameSelection(Selection(("h.*",), ("*.bias",), {}, "text."), PLACE, "source 1")
    assert [names.new_name(name) for name in ("h.0.w", "h.0.bias", "x.w")] == ["text.h.0.w", None, None]
    names.check_used()


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(only=("x.*",)), "`only` of source 1 matches no name. Received: 'x.\\*'"),
        (Selection(drop=("x.*",)), "`drop` of source 1 matches no name"),
        (Selection(rename={"x": "y"}), "`rename` of source 1 matches no name"),
    ],
)
def test_patterns_without_a_name(selection: Selection, words: str) -> None:
    """A pattern that matches nothing is an error, as a typo would leave everything as it was."""
    names = NameSelection(selection, PLACE, "source 1")
    names.new_name("a.b")
    with pytest.raises(RecipeError, match=words):
        names.check_used()


@pytest.mark.parametrize(
    ("selection", "suggestions"),
    [
        (Selection(only=("h.{0..n-1}.wieght",)), "'h.{0..n-1}.weight'"),
        (Selection(only=("*",), drop=("*.biass",)), "'*.bias'"),
        (Selection(rename={"zz.{x}.q": "{x}.w"}), ""),
        (Selection(rename={"hh.{x}.weight": "{x}.w"}), "'h.{x}.weight'"),
    ],
)
def test_patterns_that_would_have_one(selection: Selection, suggestions: str) -> None:
    """The message tells which patterns of the kind match names there, whether these are taken or not."""
    names = NameSelection(selection, PLACE, "source 1", {"n": 2})
    for name in ("h.0.weight", "h.0.bias", "h.1.weight", "h.1.bias"):
        names.new_name(name)
    with pytest.raises(RecipeError) as caught:
        names.check_used()
    end = f" Did you mean {suggestions}?" if suggestions else ""
    assert str(caught.value).endswith(f". Correct the pattern, or remove it.{end}")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("{initkit: 1, seed: 7, extends: {preset: gpt2@1, drop: [lm_heads.weight]}}", "'lm_head.weight'"),
        ("{initkit: 1, seed: 7, extends: gpt2@1}", "'h.*.attn.*'"),
    ],
)
def test_suggestions_in_recipes(text: str, suggestion: str) -> None:
    """Recipes that extend, and selections of their tensors, have the suggestions."""
    recipe = Recipe.from_text(text).override(only=() if "drop" in text else "h.*.atn.*")
    with pytest.raises(RecipeError, match=re.escape(f"Did you mean {suggestion}")):
        recipe.plan()


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(drop=("a.{",)), "a pattern of source 1: This '{' has no '}'"),
        (Selection(rename={"a.{0..3}": "b"}), "cannot read 'a.{0..3}'"),
        (Selection(rename={"a": "*"}), "which nothing in 'a' stands for"),
        (Selection(rename={"h.?.w": "x"}), "cannot read 'h.?.w'"),
        (Selection(rename={"h.[01].w": "x"}), "cannot read 'h.[01].w'"),
        (Selection(rename={"*.*.*.*": "x"}), "has too many `*`"),
        (Selection(rename={"{x}": "{y}"}), "has '{y}' in '{y}'"),
    ],
)
def test_what_is_no_pattern(selection: Selection, words: str) -> None:
    """Malformed patterns are refused before any name is looked at."""
    with pytest.raises(RecipeError) as caught:
        NameSelection(selection, PLACE, "source 1")
    assert words in str(caught.value)


def test_ranges_by_variables() -> None:
    """Patterns know the recipe's variables, as those of rules do."""
    names = NameSelection(Selection(drop=("h.{0..n-1}.w",)), PLACE, "source 1", {"n": 2})
    assert [names.new_name(f"h.{layer}.w") for layer in range(3)] == [None, None, "h.2.w"]
