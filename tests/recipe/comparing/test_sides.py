"""What can be a side of a comparison: recipes, presets, checkpoints of one file or of several."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import initkit as ik
from initkit.errors import ArgumentTypeError, FileAccessError, FileFormatError, RecipeError
from initkit.recipe import Recipe
from initkit.recipe.comparing.difference import diff
from tests.recipe.texts import tensors_and_rules

BASE = tensors_and_rules("h.{0..1}.w: [8, 4]\ng: [4]\nt: {tie: g}", "{match: '*', init: he_normal}")


def _recipe() -> Recipe:
    return Recipe.from_text(BASE, "r.yaml")


def _values(recipe: Recipe) -> dict[str, np.ndarray[Any, Any]]:
    return {tensor.name: np.asarray(recipe[tensor.name]) for tensor in recipe.plan().tensors}


def _save(path: Path, values: Mapping[str, Any]) -> Path:
    save_file(dict(values), path)
    return path


def test_presets_take_the_seed_of_the_other_side() -> None:
    """A preset has no seed, so it takes that of the recipe that it is compared with, or 0."""
    variables = {"n_layer": 12}
    recipe = Recipe.preset("gpt2@1", seed=3, variables=variables)
    assert diff(recipe, "gpt2@1").equal
    assert diff("gpt2@1", recipe).equal
    assert diff("gpt2@1", Recipe.preset("gpt2@1", seed=0)).equal
    assert {
        change.what for tensor in diff(recipe, recipe.override(seed=4)).changed for change in tensor.changes
    } == {"seed"}
    with pytest.raises(ik.InitkitError, match="no_such"):
        diff(recipe, "no_such@1")


def test_presets_take_the_seed_of_a_built_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A built file says the seed of its recipe, and a preset takes it."""
    text = BASE.replace("seed: 42", "preset: {name: tiny, version: 1, source: this test}")
    monkeypatch.setattr(Recipe, "preset", lambda name, seed: Recipe.from_text(text, name).override(seed=seed))
    report = Recipe.from_text(BASE).build(tmp_path / "m.safetensors")
    assert diff("tiny@1", report.path).equal
    assert not diff("tiny@1", _save(tmp_path / "n.safetensors", _values(_recipe()))).equal


def test_sharded_checkpoints(tmp_path: Path) -> None:
    """A folder, its index and one file of everything are the same checkpoint."""
    values = _values(_recipe())
    names = list(values)
    parts = {"a-1.safetensors": names[:2], "a-2.safetensors": names[2:]}
    for file, part in parts.items():
        _save(tmp_path / file, {name: values[name] for name in part})
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index))
    (tmp_path / "other.safetensors").write_bytes(b"not to be read")
    assert diff(tmp_path, path).equal
    (tmp_path / "odd_name").write_bytes((tmp_path / "a-1.safetensors").read_bytes())
    assert diff(tmp_path / "odd_name", tmp_path / "a-1.safetensors").equal


def test_recipes_in_files(tmp_path: Path) -> None:
    """A path of a recipe will do, and is what the sides are called."""
    path = tmp_path / "r.yaml"
    path.write_text(BASE)
    found = diff(path, _recipe().plan())
    assert (found.a, found.b, found.equal) == (str(path), "r.yaml", True)


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    """Files that are neither are refused, with what was wrong."""
    recipe = _recipe()
    with pytest.raises(FileAccessError):
        diff(recipe, tmp_path / "none.yaml")
    with pytest.raises(FileFormatError, match="has neither an index"):
        diff(recipe, tmp_path)
    with pytest.raises(ArgumentTypeError, match="cannot be compared"):
        diff(recipe, 3)
    for text, error, message in (
        ("[1]", FileFormatError, "weight_map"),
        ("{", FileFormatError, "JSON"),
        ('{"weight_map": {"w": "../x.safetensors"}}', FileFormatError, "files beside it"),
        ('{"weight_map": {"w": "x.safetensors"}}', FileFormatError, "None of the files"),
    ):
        (tmp_path / "x.safetensors.index.json").write_text(text)
        with pytest.raises(error, match=message):
            diff(recipe, tmp_path / "x.safetensors.index.json")
    (tmp_path / "r.yaml").write_text("just text")
    with pytest.raises(RecipeError):
        diff(recipe, tmp_path / "r.yaml")
    files = {name: f"{name}.safetensors" for name in "ab"}
    for file in files.values():
        _save(tmp_path / file, {"w": np.ones(1)})
    (tmp_path / "x.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    with pytest.raises(FileFormatError, match="is in two files"):
        diff(recipe, tmp_path / "x.safetensors.index.json")
