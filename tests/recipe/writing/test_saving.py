"""Recipes in files: whole or not at all, readable, and of the same meaning wherever they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.errors import FileAccessError, FileTakenError
from initkit.recipe import Plan, Recipe
from initkit.recipe.presets import preset_names
from initkit.recipe.writing.authoring import law_data
from initkit.recipe.writing.saving import moved_text, save_text

RECIPE = """\
# Ours.
initkit: 1
seed: 7
extends: base.yaml   # base.yaml has the embedding
from: [shapes.json, {file: ./more/shapes.json, prefix: "m."}]
rules:
  - {match: own, copy: {file: values.safetensors, name: x}}
  - {match: "*", init: he_normal}
"""


def _meaning(plan: Plan) -> dict[str, Any]:
    """All that a plan comes to, but for the order of tensors."""
    meaning: dict[str, Any] = {tie.name: tie.target for tie in plan.ties}
    for tensor in plan.tensors:
        law = None if tensor.template is None else law_data(tensor.template)
        copied = None if tensor.copied is None else (tensor.copied.path.resolve(), tensor.copied.name)
        meaning[tensor.name] = (
            tensor.shape,
            tensor.dtype.name,
            law,
            tensor.generator,
            copied,
            tensor.mean,
            tensor.std,
        )
    return meaning


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Recipe:
    """A recipe that looks into four files beside it."""
    folder = tmp_path / "own"
    (folder / "more").mkdir(parents=True)
    base = "initkit: 1\nseed: 1\ntensors: {own: [2], e: [4, 2]}\nrules: [{match: e, init: ones}]\n"
    (folder / "base.yaml").write_text(base)
    for name in ("shapes.json", "more/shapes.json"):
        (folder / name).write_text('{"h.0.w": [2, 3], "h.1.w": [2, 3]}')
    save_file({"x": np.array([3, 5], np.float32)}, folder / "values.safetensors")
    (folder / "r.yaml").write_text(RECIPE)
    return Recipe.load(folder / "r.yaml")


def test_save_text(tmp_path: Path) -> None:
    """A text is written whole, replaces a file only where that is allowed, and leaves nothing else behind."""
    path = tmp_path / "r.yaml"
    assert save_text("ä: 1\r\n", path) == path
    assert path.read_bytes() == "ä: 1\r\n".encode()
    with pytest.raises(FileTakenError, match="overwrite=True"):
        save_text("b", path)
    assert path.read_bytes() == "ä: 1\r\n".encode()
    save_text("b", path, overwrite=True)
    assert path.read_bytes() == b"b"
    with pytest.raises(FileAccessError):
        save_text("b", tmp_path / "none" / "r.yaml")
    with pytest.raises(FileAccessError):
        save_text("b", tmp_path, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.yaml"]


def test_save_text_goes_through_links(tmp_path: Path) -> None:
    """A symbolic link stays one; the file that it leads to gets the text."""
    (tmp_path / "real.yaml").write_text("a")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    with pytest.raises(FileTakenError):
        save_text("b", tmp_path / "link.yaml")
    save_text("b", tmp_path / "link.yaml", overwrite=True)
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "b"


def test_an_overridden_recipe_reads_as_if_written_by_a_person(tmp_path: Path) -> None:
    """Braces in names, one rule per line, and the seed and the dtype that were asked for."""
    recipe = Recipe.preset("gpt2@1", seed=1, variables={"n_layer": 3, "d": 24})
    path = recipe.override(seed=5, dtype="bfloat16", only="h.*").save(tmp_path / "r.yaml")
    text = path.read_text()
    lines = text.splitlines()
    assert lines[:3] == ["initkit: 1", "seed: 5", "dtype: bfloat16"]
    assert '  "h.{0..2}.{ln_1,ln_2}.{weight,bias}": [24]' in lines or any("{0..2}" in line for line in lines)
    assert max(map(len, lines)) <= 110
    rules = lines[lines.index("rules:") + 1 :]
    assert all(line.startswith("  - {match:") for line in rules)
    assert len(lines) < 25


@pytest.mark.parametrize("name", preset_names())
def test_an_overridden_recipe_keeps_its_meaning(tmp_path: Path, name: str) -> None:
    """Of every preset: the same tensors, ties, laws and streams of draws come back."""
    recipe = Recipe.preset(name, seed=3).override(seed=4, dtype="float16")
    saved = Recipe.load(recipe.save(tmp_path / "r.yaml"))
    assert _meaning(saved.plan()) == _meaning(recipe.plan())
    assert not saved.text.startswith("{")


def test_names_with_braces_keep_them(tmp_path: Path) -> None:
    """A name that has braces and backslashes itself is not taken for a pattern."""
    tensors = {"a{0..1}": np.ones(2), "a\\b": np.ones(2), "c": np.ones(2)}
    recipe = Recipe.make(seed=1, tensors=tensors, rules=[("*", "ones")]).override(seed=2)
    saved = Recipe.load(recipe.save(tmp_path / "r.yaml"))
    assert {tensor.name for tensor in saved.plan().tensors} == tensors.keys()


def test_the_same_folder_gets_the_very_text(recipe: Recipe, tmp_path: Path) -> None:
    """So does any folder where no path is relative."""
    path = recipe.save(tmp_path / "own" / "again.yaml")
    assert path.read_text() == RECIPE
    plain = Recipe.from_text("{initkit: 1, seed: 1, tensors: {w: [2]}, rules: [{match: w, init: ones}]} # x")
    assert plain.save(tmp_path / "plain.yaml").read_text() == plain.text


def test_paths_lead_to_the_same_files_from_another_folder(recipe: Recipe, tmp_path: Path) -> None:
    """Relative paths are exchanged, comments stay, and the plan is the same."""
    (tmp_path / "other" / "deep").mkdir(parents=True)
    path = recipe.save(tmp_path / "other" / "deep" / "r.yaml")
    text = path.read_text()
    assert text.startswith("# Ours.\n")
    assert "extends: ../../own/base.yaml   #" in text
    assert "from: [../../own/shapes.json, {file: ../../own/more/shapes.json, prefix" in text
    assert "copy: {file: ../../own/values.safetensors, name: x}" in text
    saved = Recipe.load(path)
    assert _meaning(saved.plan()) == _meaning(recipe.plan())
    assert saved["own"][:].tolist() == [3, 5]
    # And back again.
    back = saved.save(tmp_path / "own" / "back.yaml")
    assert _meaning(Recipe.load(back).plan()) == _meaning(recipe.plan())


def test_copies_of_an_overridden_recipe_in_another_folder(recipe: Recipe, tmp_path: Path) -> None:
    """What an overridden recipe copies is found from elsewhere."""
    changed = recipe.override(seed=11)
    saved = Recipe.load(changed.save(tmp_path / "r.yaml"))
    assert "file: own/values.safetensors" in saved.text
    assert "extends" not in saved.text
    assert _meaning(saved.plan()) == _meaning(changed.plan())


def test_a_path_that_is_a_word_elsewhere(tmp_path: Path) -> None:
    """Where exchanging words would change more than paths, the data are written anew."""
    text = '{initkit: 1, seed: 1, extends: base, tensors: {base: [2]}, rules: [{match: "*", init: ones}]} # x'
    recipe = Recipe.from_text(text, str(tmp_path / "own" / "r.yaml")).parsed
    moved = moved_text(recipe, tmp_path / "other")
    assert moved.splitlines() == [
        "initkit: 1",
        "seed: 1",
        'extends: "../own/base"',
        "tensors:",
        "  base: [2]",
        "rules:",
        '  - {match: "*", init: ones}',
    ]


@pytest.mark.parametrize("path", ["/data/base.yaml", "~/base.yaml"])
def test_paths_that_no_folder_changes(tmp_path: Path, path: str) -> None:
    """Absolute paths, and those of the user's home, stay."""
    text = f"{{initkit: 1, seed: 1, extends: {path}}}"
    assert moved_text(Recipe.from_text(text, "a/r.yaml").parsed, tmp_path) == text
