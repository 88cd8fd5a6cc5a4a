"""Verification: files that are as they were built, and everything that can have become of others."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import initkit as ik
from initkit.errors import FileFormatError, FileMissingError, RecipeError
from initkit.io import read_header
from initkit.recipe import Recipe, TensorCheck, verify
from initkit.recipe.building.files import plan_file
from tests.recipe.texts import recipe_text, tensors_and_rules

# The package has a function of the module's name.
verify_module = import_module("initkit.recipe.building.verify")

TENSORS = """
a: [40, 30]
b: {shape: [7], dtype: bfloat16}
flags: {shape: [3], dtype: bool}
empty: [0]
scalar: []
t: {tie: a}
"""
RULES = ("{match: flags, init: ones}", "{match: '*', init: random_normal}")
RECIPE = Recipe.from_text(tensors_and_rules(TENSORS, *RULES), "r.yaml")


@pytest.fixture(name="built")
def _built(tmp_path: Path) -> Path:
    """A file as it was built."""
    RECIPE.build(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def _checks(path: Path) -> dict[str, TensorCheck]:
    """What is not as the recipe says, by name."""
    return {check.name: check for check in verify(path).tensors if check.status != "ok"}


def test_a_built_file_is_as_its_recipe_says(built: Path) -> None:
    """Nothing has changed in a file that was just built, and all of it was compared."""
    calls: list[tuple[int, int]] = []
    verification = verify(built, progress=lambda done, total: calls.append((done, total)))
    assert verification.ok
    assert [(check.name, check.status) for check in verification.tensors] == [
        (name, "ok") for name in ("a", "b", "flags", "empty", "scalar")
    ]
    assert verification.nbytes == RECIPE.plan().nbytes == calls[-1][0] == calls[-1][1]
    assert (verification.path, verification.plan.recipe.text) == (built, RECIPE.text)


@pytest.mark.parametrize(
    ("name", "element"), [("a", 0), ("a", 611), ("a", 1199), ("b", 6), ("flags", 1), ("scalar", 0)]
)
def test_a_flipped_bit_is_found(built: Path, name: str, element: int) -> None:
    """One bit anywhere is one value that differs, at its index; all other tensors are as they were."""
    stored = read_header(built).tensors[name]
    itemsize = stored.nbytes // math.prod(stored.shape)
    data = bytearray(built.read_bytes())
    data[stored.start + element * itemsize] ^= 1
    built.write_bytes(data)
    (check,) = _checks(built).values()
    assert (check.name, check.status, check.changed) == (name, "changed", 1)
    assert check.first is not None
    assert np.ravel_multi_index(check.first, stored.shape) == element if stored.shape else check.first == ()
    assert check.difference is not None
    assert check.difference > 0
    assert not verify(built).ok


def test_changes_are_counted_and_measured(built: Path) -> None:
    """Many changed values are counted, the first is named by its index, the largest difference is told."""
    stored = read_header(built).tensors["a"]
    data = np.fromfile(built, np.uint8)
    values = data[stored.start : stored.start + stored.nbytes].view(np.float32).copy()
    expected = values.copy()
    values[100:200:10] += 1
    values[150] = -7
    data[stored.start : stored.start + stored.nbytes] = values.view(np.uint8)
    data.tofile(built)
    (check,) = _checks(built).values()
    assert (check.status, check.changed, check.first) == ("changed", 10, (3, 10))
    assert check.difference == pytest.approx(float(np.abs(values.astype(float) - expected).max()))
    assert check.describe() == f"10 values differ, first at [3, 10], by up to {check.difference:.3g}"


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.0])
def test_values_that_are_no_numbers_count_as_changed(tmp_path: Path, value: float) -> None:
    """NaN, infinity and the other zero differ from what was drawn, and the difference says how."""
    path = tmp_path / "z"
    Recipe.from_text(tensors_and_rules("z: [9]", "{match: z, init: zeros}")).build(path)
    data = np.fromfile(path, np.uint8)
    data[-8:-4] = np.array([value], np.float32).view(np.uint8)
    data.tofile(path)
    (check,) = _checks(path).values()
    assert (check.status, check.changed, check.first) == ("changed", 1, (7,))
    assert check.difference == pytest.approx(abs(value), nan_ok=True)


def test_what_is_no_number_on_both_sides_has_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Infinity and NaN that are as they should be count for nothing beside a value that differs."""
    monkeypatch.setattr(verify_module, "_MEASURED_VALUES", 3)
    old = np.array([np.inf, 1, np.nan, 2, -np.inf, 3, 4, 5], np.float32)
    save_file({"w": old}, tmp_path / "old.safetensors")
    text = tensors_and_rules("w: [8]", "{match: w, copy: {file: old.safetensors, name: w}}")
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    recipe, path = Recipe.load(tmp_path / "r.yaml"), tmp_path / "new.safetensors"
    recipe.build(path)
    data = np.fromfile(path, np.uint8)
    values = data[-32:].view(np.float32)
    values[[3, 7]] += (0.5, 0.25)
    data.tofile(path)
    (check,) = verify(path, recipe=recipe).tensors
    assert (check.status, check.changed, check.first, check.difference) == ("changed", 2, (3,), 0.5)


def test_complex_values_differ_by_their_distance(tmp_path: Path) -> None:
    """The difference of complex values is the modulus of it, and not of their real parts."""
    text = tensors_and_rules("z: {shape: [9], dtype: complex64}", "{match: z, init: random_normal}")
    path = tmp_path / "z"
    Recipe.from_text(text).build(path)
    data = np.fromfile(path, np.uint8)
    data[-72:].view(np.complex64)[4] += 3 + 4j
    data.tofile(path)
    (check,) = _checks(path).values()
    assert (check.changed, check.first) == (1, (4,))
    assert check.difference == pytest.approx(5)


def test_tensors_that_are_not_there_or_not_the_same(tmp_path: Path, built: Path) -> None:
    """Missing, unexpected, reshaped and retyped tensors are each told by name, with what is there instead."""
    with safe_open(built, "np") as file:
        metadata = file.metadata()
    path = tmp_path / "other"
    expected = ik.RandomNormal(seed=ik.SeedGenerator(42).child("a"))((40, 30))
    tensors = {
        "a": expected.reshape(30, 40),
        "b": np.zeros(7, np.float16),
        "flags": np.ones(3, bool),
        "scalar": np.zeros((), np.float32),
        "t": expected,
    }
    save_file(tensors, path, metadata)
    checks = _checks(path)
    assert {name: (check.status, check.describe()) for name, check in checks.items() if name != "scalar"} == {
        "a": ("shape", "float32 (30, 40) instead of float32 (40, 30)"),
        "b": ("dtype", "float16 (7,) instead of bfloat16 (7,)"),
        "empty": ("missing", "float32 (0,)"),
        "t": ("unexpected", "float32 (40, 30)"),
    }
    assert checks["scalar"].describe().startswith("1 value differs, first at [], by up to ")


def test_another_librarys_file_of_the_same_tensors_is_ok(tmp_path: Path, built: Path) -> None:
    """What counts is what the tensors are, and not the order or the padding of the file."""
    with safe_open(built, "pt") as file:
        from safetensors.torch import save_file as save_torch

        tensors = {name: file.get_tensor(name) for name in list(file.keys())}
        save_torch(tensors, tmp_path / "again", file.metadata())
    assert verify(tmp_path / "again").ok


def _write(path: Path, recipe: Recipe, values: dict[str, np.ndarray]) -> None:
    """A file with a recipe's header and other values."""
    layout = plan_file(recipe.plan())
    path.write_bytes(layout.prefix + b"".join(values[name].tobytes() for name in layout.tensors))


@pytest.mark.parametrize(
    ("dtype", "step", "ok"),
    [
        ("float32", 1e-6, True),
        ("float32", 1e-5, False),
        ("float64", 1e-15, True),
        ("float64", 1e-12, False),
        ("bfloat16", 2.0**-9, True),
        ("bfloat16", 2.0**-4, False),
    ],
)
def test_orthogonal_values_may_differ_in_their_last_bits(
    tmp_path: Path, dtype: str, step: float, ok: bool
) -> None:
    """Orthogonal matrices of another machine pass within the promised tolerance, and not beyond it."""
    recipe = Recipe.from_text(
        tensors_and_rules(f"q: {{shape: [6, 6], dtype: {dtype}}}", "{match: q, init: orthogonal}")
    )
    values = ik.Orthogonal(seed=ik.SeedGenerator(42).child("q"))((6, 6), dtype)
    at = np.unravel_index(np.abs(values.astype(float)).argmax(), (6, 6))
    values[at] = values[at].astype(float) - step * np.sign(values[at].astype(float))
    _write(tmp_path / "q", recipe, {"q": values})
    verification = verify(tmp_path / "q")
    assert verification.ok == ok
    if not ok:
        assert (verification.tensors[0].changed, verification.tensors[0].first) == (1, at)


def test_files_without_a_recipe(tmp_path: Path) -> None:
    """A safetensors file of another program cannot be verified, and the message says what is missing."""
    save_file({"a": np.zeros(3)}, tmp_path / "a", {"made": "elsewhere"})
    with pytest.raises(
        FileFormatError, match=r"has no recipe in it. Received: metadata made. Allowed: files with"
    ):
        verify(tmp_path / "a")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """A file that cannot be opened is an error of initkit's own and of Python's, with its name."""
    with pytest.raises(FileMissingError, match="No such file") as caught:
        verify(tmp_path / "nothing")
    assert caught.value.filename == str(tmp_path / "nothing")


def test_files_of_another_stream(tmp_path: Path, built: Path) -> None:
    """What another stream drew is not compared with this one's values."""
    with safe_open(built, "np") as file:
        metadata = {**file.metadata(), "initkit.stream": "2"}
    save_file({"a": np.zeros(3)}, tmp_path / "a", metadata)
    with pytest.raises(FileFormatError, match=r"another stream. Received: '2'. Allowed: 1"):
        verify(tmp_path / "a")


def test_files_that_are_no_safetensors_files(tmp_path: Path) -> None:
    """Neither a text file nor a file that has been cut off is taken for a model."""
    (tmp_path / "text").write_text(recipe_text(), encoding="utf-8")
    with pytest.raises(FileFormatError):
        verify(tmp_path / "text")


def test_a_recipe_that_means_nothing_here(tmp_path: Path) -> None:
    """A recipe inside a file is read as any other: its errors name the file and the line in the recipe."""
    text = recipe_text(rules="rules:\n  - {match: '*', init: otherlab>Secret}\n")
    metadata = {"initkit.recipe": text, "initkit.stream": "1"}
    save_file({"a.weight": np.zeros((4, 2), np.float32)}, tmp_path / "a", metadata)
    with pytest.raises(RecipeError, match=r"a \(recipe\):8: unknown initializer 'otherlab>Secret' in rule 1"):
        verify(tmp_path / "a")


def test_trained_tensors_are_told_from_damaged_ones(tmp_path: Path) -> None:
    """Where more than half of the values differ, somebody has trained the tensor."""
    path = tmp_path / "m"
    recipe = Recipe.from_text(
        tensors_and_rules("a: [10, 8]\nb: [10, 8]\nc: [4]", "{match: '*', init: he_normal}")
    )
    recipe.build(path)
    data = np.fromfile(path, np.uint8)
    values = data[-164 * 4 :].view(np.float32)
    values[:41] += 0.25
    values[80:120] += 0.25
    data.tofile(path)
    assert {check.name: check.status for check in verify(path).tensors} == {
        "a": "trained",
        "b": "changed",
        "c": "ok",
    }


def test_printed(tmp_path: Path) -> None:
    """What is wrong is told in a line each, up to twenty of them, and then how many are left."""
    text = tensors_and_rules("'h.{0..24}.w': [2]\ng: [2]", "{match: '*', init: random_normal}")
    recipe = Recipe.from_text(text, "r.yaml")
    path = tmp_path / "m"
    recipe.override(only="h.*").build(path)
    assert str(verify(path)) == f"{path}: all 25 tensors are as the recipe says."
    assert str(verify(path, recipe=recipe)).splitlines() == [
        "g: missing: float32 (2,)",
        f"{path}: 1 of 26 tensors are not as the recipe says (1 missing).",
    ]
    lines = str(verify(path, recipe=recipe.override(seed=7))).splitlines()
    assert lines[0].startswith("h.0.w: trained: 2 values differ, first at [0], by up to ")
    assert lines[20:] == [
        "... and 6 more",
        f"{path}: 26 of 26 tensors are not as the recipe says (25 trained, 1 missing).",
    ]
