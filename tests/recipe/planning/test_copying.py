"""Values that are taken over from a file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import initkit as ik
from initkit.errors import FileFormatError, FileMissingError, RecipeError
from initkit.recipe import Recipe, verify
from initkit.recipe.building.work import Work
from initkit.recipe.planning.copying import StoredArray

VALUES = ik.RandomNormal(seed=1)((7, 5, 6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint."""
    made: Path = tmp_path_factory.mktemp("copying")
    ids = np.arange(4, dtype=np.int64)
    save_file({"old.0.w": VALUES, "b": VALUES[0, 0].astype(np.float16), "ids": ids}, made / "a.safetensors")
    return made


def recipe_in(folder: Path, copy: str, tensors: str = "h.0.w: [7, 5, 6]") -> Recipe:
    """A recipe whose tensors are copied."""
    text = f"initkit: 1\nseed: 7\ntensors: {{{tensors}}}\nrules: [{{match: 'h.{{i}}.w', copy: {copy}}}]\n"
    return Recipe.from_text(text, str(folder / "r.yaml"))


COPY = "{file: a.safetensors, name: 'old.{i}.w'}"


@given(st.tuples(*(st.one_of(st.integers(-size, size - 1), st.slices(size)) for size in VALUES.shape)))
def test_any_slice(folder: Path, index: tuple[Any, ...]) -> None:
    """Any slice of a copied tensor is that of the file."""
    stored = recipe_in(folder, COPY)["h.0.w"]
    assert isinstance(stored, StoredArray)
    np.testing.assert_array_equal(stored[index], VALUES[index])


def test_built_rounded_and_filled(folder: Path, tmp_path: Path) -> None:
    """A build copies values, rounded once to the dtype that is wanted; existing arrays are filled."""
    recipe = recipe_in(folder, COPY, "h.0.w: {shape: [7, 5, 6], dtype: bfloat16}")
    assert load_file(recipe.build(tmp_path / "x.safetensors").path)["h.0.w"].dtype == ml_dtypes.bfloat16
    expected = VALUES.astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(np.asarray(recipe["h.0.w"]), expected)
    np.testing.assert_array_equal(load_file(tmp_path / "x.safetensors")["h.0.w"], expected)
    array = np.empty((6, 5, 7)).T
    recipe.fill({"h.0.w": array})
    np.testing.assert_array_equal(array, VALUES)


def test_the_same_name(folder: Path) -> None:
    """Where no name is given, the tensor has the same name there."""
    text = "initkit: 1\nseed: 7\ntensors: {b: {shape: [6], dtype: float16}, c: [1]}\n"
    text += "rules: [{match: b, copy: a.safetensors}, {match: c, init: ones}]\n"
    recipe = Recipe.from_text(text, str(folder / "r.yaml"))
    np.testing.assert_array_equal(recipe["b"][:], VALUES[0, 0].astype(np.float16))
    assert recipe.plan().tensors[0].initializer is None


@pytest.mark.parametrize(
    ("copy", "tensors", "words"),
    [
        ("none.safetensors", "h.0.w: [1]", "tensor 'h.0.w' cannot be copied: "),
        ("a.safetensors", "h.0.w: [1]", "which has no such tensor"),
        ("{file: a.safetensors, name: b}", "h.0.w: [7]", "of shape (7,) is copied from 'b'"),
        (
            "{file: a.safetensors, name: ids}",
            "h.0.w: [4]",
            "of dtype float32 is copied from 'ids', which is int64",
        ),
        ("{file: a.safetensors, name: '{x}'}", "h.0.w: [4]", "unknown capture {x} in `copy` of rule 1"),
        ("{name: b}", "h.0.w: [4]", "`copy` of rule 1 has no `file`"),
    ],
)
def test_what_cannot_be_copied(folder: Path, copy: str, tensors: str, words: str) -> None:
    """A missing file or tensor, another shape or kind of value: errors before anything is made."""
    with pytest.raises(RecipeError) as caught:
        recipe_in(folder, copy, tensors).plan()
    assert words in str(caught.value)


def test_a_file_that_changes(tmp_path: Path) -> None:
    """A file that is gone, or another one, when values are wanted is an error."""
    save_file({"h.0.w": VALUES}, tmp_path / "a.safetensors")
    stored = recipe_in(tmp_path, "a.safetensors")["h.0.w"]
    save_file({"h.0.w": VALUES[0]}, tmp_path / "a.safetensors")
    with pytest.raises(FileFormatError, match="has changed"):
        stored[0]
    (tmp_path / "a.safetensors").unlink()
    with pytest.raises(FileMissingError):
        stored[0]


def test_a_built_copy_is_verified_without_its_source(tmp_path: Path) -> None:
    """A built file says what the copied values were, so that it can be checked anywhere, and changes show."""
    (tmp_path / "there").mkdir()
    save_file({"old.0.w": VALUES}, tmp_path / "a.safetensors")
    text = "initkit: 1\nseed: 7\ntensors: {h.0.w: {shape: [7, 5, 6], dtype: bfloat16}, c: [9]}\n"
    text += f"rules: [{{match: 'h.{{i}}.w', copy: {COPY}}}, {{match: c, init: random_normal}}]\n"
    recipe = Recipe.from_text(text, str(tmp_path / "r.yaml"))
    path = tmp_path / "there" / "x.safetensors"
    recipe.build(path)
    (tmp_path / "a.safetensors").unlink()
    assert verify(path).ok
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # the last value of the tensor of the smallest elements, which is the copied one
    path.write_bytes(data)
    (changed,) = (check for check in verify(path).tensors if check.status != "ok")
    assert (changed.name, changed.describe()) == ("h.0.w", "the values are not those that were copied")


def test_a_source_that_changed_is_another_build(tmp_path: Path) -> None:
    """Work is known by what is copied, also where it is unpickled, which reads nothing again."""
    save_file({"h.0.w": VALUES}, tmp_path / "a.safetensors")
    work = Work(recipe_in(tmp_path, "a.safetensors").plan())
    save_file({"h.0.w": VALUES + 1}, tmp_path / "a.safetensors")
    assert pickle.loads(pickle.dumps(work)).fingerprint == work.fingerprint
    assert Work(recipe_in(tmp_path, "a.safetensors").plan()).fingerprint != work.fingerprint


def test_an_inherited_copy_is_found_from_the_heir(tmp_path: Path) -> None:
    """Paths in a base are relative to the base's folder, also in the text that a file carries."""
    (tmp_path / "base").mkdir()
    save_file({"h.0.w": VALUES}, tmp_path / "base" / "a.safetensors")
    base = "initkit: 1\nseed: 7\ntensors: {h.0.w: [7, 5, 6]}\nrules: [{match: '*', copy: a.safetensors}]\n"
    (tmp_path / "base" / "r.yaml").write_text(base, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("initkit: 1\nextends: base/r.yaml\n", encoding="utf-8")
    plan = Recipe.load(tmp_path / "mine.yaml").plan()
    alone = Recipe.from_text(plan.text, str(tmp_path / "alone.yaml"))
    np.testing.assert_array_equal(np.asarray(alone["h.0.w"]), VALUES)
