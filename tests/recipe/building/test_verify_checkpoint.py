"""Verification of several files, of some tensors, and of checkpoints that other programs made."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from initkit.errors import FileFormatError, RecipeError
from initkit.recipe import Recipe, Verification, verify
from initkit.recipe.building.build import build
from initkit.recipe.building.units import cut_units
from tests.recipe.texts import tensors_and_rules

TENSORS = """
h.{0..3}.w: [30, 20]
h.{0..3}.b: {shape: [20], dtype: float16}
head: [50]
"""
RECIPE = Recipe.from_text(tensors_and_rules(TENSORS, "{match: '*', init: random_normal}"), "r.yaml")
NAMES = [f"model-0000{number}-of-00004.safetensors" for number in (1, 2, 3, 4)]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """The recipe in several files."""
    build(RECIPE.plan(), tmp_path / "m", max_shard_size=3000)
    assert sorted(entry.name for entry in (tmp_path / "m").glob("*.safetensors")) == NAMES
    return tmp_path / "m"


def _failed(verification: Verification) -> dict[str, str]:
    return {check.name: check.status for check in verification.tensors if check.status != "ok"}


def _train(path: Path, name: str) -> None:
    """Change one value, as training would."""
    tensors = load_file(path)
    tensors[name].reshape(-1)[-1] += 1
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        metadata = file.metadata()
    save_file(tensors, path, metadata)


def test_several_files_are_one_model(folder: Path) -> None:
    """A folder, or its index, is verified whole; a trained tensor in any of its files is found."""
    for path in (folder, folder / "model.safetensors.index.json"):
        verification = verify(path)
        assert verification.ok
        assert len(verification.tensors) == 9
        assert verification.nbytes == RECIPE.plan().nbytes
    _train(folder / NAMES[1], "h.1.w")
    assert _failed(verify(folder)) == {"h.1.w": "changed"}
    (folder / NAMES[3]).unlink()
    assert set(_failed(verify(folder)).values()) == {"changed", "missing"}


def test_one_file_of_several(folder: Path) -> None:
    """Of one file of several, its own tensors are compared, and what the index says should be there."""
    verification = verify(folder / NAMES[1])
    assert verification.ok
    assert 0 < len(verification.tensors) < 9
    tensors = load_file(folder / NAMES[1])
    gone = min(tensors)
    del tensors[gone]
    save_file(tensors, folder / NAMES[1], {"initkit.recipe": RECIPE.text, "initkit.stream": "1"})
    assert _failed(verify(folder / NAMES[1])) == {gone: "missing"}


def test_some_tensors(folder: Path) -> None:
    """Patterns choose what is compared, and what is said to be missing or unexpected."""
    _train(folder / NAMES[1], "h.1.w")
    verification = verify(folder, only=["h.0.*", "head"])
    assert verification.ok
    assert sorted(check.name for check in verification.tensors) == ["h.0.b", "h.0.w", "head"]
    assert verification.nbytes == 2400 + 40 + 200
    assert _failed(verify(folder, only=["h.{layer}.w"])) == {"h.1.w": "changed"}
    for only in ("h.0.v", ["h.0.v"], ["h.1.*", "h.0.v"]):
        with pytest.raises(
            RecipeError, match=r"`only` of verify matches no name. Received: 'h.0.v'.*Did you"
        ):
            verify(folder, only=only)


def test_patterns_are_those_of_builds(tmp_path: Path) -> None:
    """Ranges take variables, what is tied stands for what is stored, and names of the file alone count."""
    text = tensors_and_rules(
        "'h.{0..n_layer-1}.w': [3]\nt: {tie: h.0.w}\ng: [2]", "{match: '*', init: random_normal}"
    )
    recipe = Recipe.from_text(text)
    path = tmp_path / "m"
    recipe.build(path)
    cases = {"h.{0..n_layer-1}.w": ["h.0.w", "h.1.w"], "t": ["h.0.w"], "g": ["g"]}
    for only, names in cases.items():
        verification = verify(path, only=only)
        assert verification.ok
        assert [check.name for check in verification.tensors] == names
        assert [tensor.name for tensor in recipe.override(only=only).plan().tensors] == names
    save_file({"g": np.asarray(recipe["g"]), "new": np.zeros(2)}, path)
    assert _failed(verify(path, recipe=recipe, only=["new", "g"])) == {"new": "unexpected"}


def test_a_checkpoint_of_another_program(tmp_path: Path) -> None:
    """A file without a recipe is compared with one that is given; what differs is told tensor by tensor."""
    tensors = {tensor.name: np.asarray(RECIPE[tensor.name]) for tensor in RECIPE.plan().tensors}
    path = tmp_path / "trained.safetensors"
    save_file(tensors, path)
    assert verify(path, recipe=RECIPE).ok
    tensors["h.2.w"] = tensors["h.2.w"] * 2
    tensors["h.3.b"] = tensors["h.3.b"].astype(np.float32)
    tensors["new"] = tensors.pop("head")
    save_file(tensors, path)
    assert _failed(verify(path, recipe=RECIPE)) == {
        "h.2.w": "trained",
        "h.3.b": "dtype",
        "head": "missing",
        "new": "unexpected",
    }
    with pytest.raises(FileFormatError, match=r"has no recipe in it.*--recipe RECIPE"):
        verify(path)


def test_another_recipe_than_the_one_inside(folder: Path) -> None:
    """A recipe that is given counts, and not the one in the file."""
    other = RECIPE.override(seed=43)
    assert set(_failed(verify(folder, recipe=other)).values()) == {"trained"}


@pytest.mark.parametrize("name", ["r.yaml", "r.YML"])
def test_a_recipe_is_no_model(tmp_path: Path, name: str) -> None:
    """Who gives the recipe in place of the model is told what to write."""
    (tmp_path / name).write_text(RECIPE.text)
    with pytest.raises(FileFormatError, match=r"is a recipe by its name, and no model.*--recipe RECIPE"):
        verify(tmp_path / name)


def test_first_difference_of_a_tensor_in_many_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a tensor in several pieces all differences are counted, and the first of all is named."""
    recipe = Recipe.from_text(tensors_and_rules("w: [5000, 1000]", "{match: w, init: ones}"))
    header = recipe.build(tmp_path / "m").nbytes - 20_000_000
    data = np.memmap(tmp_path / "m", np.float32, "r+", offset=header)
    data[1234::1000] = 3
    data.flush()
    # Its name in the package is that of the function.
    module = sys.modules["initkit.recipe.building.verify"]
    monkeypatch.setattr(module, "cut_units", lambda *arguments: reversed(list(cut_units(*arguments))))
    (check,) = verify(tmp_path / "m").tensors
    assert (check.first, check.changed, check.difference) == ((1, 234), 4999, 2.0)
