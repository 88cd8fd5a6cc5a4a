"""Presets never change once they are published."""

from __future__ import annotations

from pathlib import Path

import pytest

from initkit.recipe import Recipe
from initkit.recipe.presets import preset_names
from tests.recipe.presets.published import append_new, digest_of, preset_digest, published


@pytest.mark.parametrize("name", preset_names())
def test_what_is_published_stays(name: str) -> None:
    """Names, shapes, dtypes, laws, ties and variables are those of the day when it was published."""
    stem, _, version = name.partition("@")
    assert preset_digest(name) == published().get(name), (
        f"{name} is not what was published, or is not in published.txt. A version never changes: undo the"
        f" change, and make it in {stem}@{int(version) + 1}. Of a new preset, append the line with"
        " `python -m tests.recipe.presets.published`."
    )


def test_nothing_is_withdrawn() -> None:
    """Every preset that was published is there, and has one line."""
    assert set(published()) == set(preset_names())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{stddev: 0.02}", "{stddev: 0.021}"),
        ("stddev: 0.02}", "stddev: 0.02, mean: 1.0e-9}"),
        ("{tie: a.0}", "{tie: a.1}"),
        ("[2, 3]", "[3, 2]"),
        ("float32", "bfloat16"),
        ("a.{0..1}", "a.{0..2}"),
        ("{d: 3}", "{d: 4}"),
    ],
)
def test_every_change_of_meaning_is_seen(old: str, new: str) -> None:
    """Another law, tie, shape, dtype, tensor or variable has another digest; a comment has not."""
    text = (
        "{initkit: 1, seed: 0, dtype: float32, variables: {d: 3},"
        " tensors: {'a.{0..1}': [2, 3], b: {tie: a.0}},"
        " rules: [{match: '*', init: {random_normal: {stddev: 0.02}}}]}"
    )
    plain = digest_of(Recipe.from_text(text).plan())
    assert digest_of(Recipe.from_text(text.replace(old, new)).plan()) != plain
    assert digest_of(Recipe.from_text(f"{text} # a comment").plan()) == plain
    assert digest_of(Recipe.from_text(text).override(seed=3).plan()) == plain


def test_lines_are_appended_and_never_written_anew(tmp_path: Path) -> None:
    """What is there stays, even if it is wrong; what is missing comes after it."""
    path = tmp_path / "published.txt"
    wrong = "".join(f"{name} 0\n" for name in preset_names() if name != "siren@1")
    path.write_text(wrong)
    assert append_new(path) == ["siren@1"]
    assert path.read_text() == f"{wrong}siren@1 {preset_digest('siren@1')}\n"
    assert append_new(path) == []
    path.write_text("siren@1 0\nsiren@1 1\n")
    with pytest.raises(ValueError, match="twice"):
        published(path)
