"""What differs between recipes and checkpoints, and that nothing else is said to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.recipe import Recipe
from initkit.recipe.comparing import difference
from initkit.recipe.comparing.difference import Change, Difference, diff
from tests.recipe.texts import tensors_and_rules

TENSORS = """
h.{0..1}.w: [8, 4]
h.{0..1}.b: [4]
g: {shape: [4, 4], dtype: bfloat16}
t: {tie: h.0.w}
"""
RULES = (
    "{match: '*.b', init: zeros}",
    "{match: 'h.{layer}.w', init: {random_normal: {stddev: 0.02 / (layer + 1)}}}",
    "{match: '*', init: {scale: {initializer: {random_uniform: {minval: -1}}, factor: 2}}}",
)
BASE = tensors_and_rules(TENSORS, *RULES)


def _recipe(*changes: tuple[str, str]) -> Recipe:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Recipe.from_text(text, "r.yaml")


def _changes(difference: Difference) -> dict[str, list[str]]:
    return {
        tensor.name: [tensor.status, *tensor.describe()]
        for tensor in difference.tensors
        if tensor.status != "equal"
    }


def _values(recipe: Recipe) -> dict[str, np.ndarray[Any, Any]]:
    return {tensor.name: np.asarray(recipe[tensor.name]) for tensor in recipe.plan().tensors}


def _save(path: Path, values: Mapping[str, Any]) -> Path:
    save_file(dict(values), path)
    return path


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("seed: 42", "seed: 42 # the same", {}),
        ("[8, 4]", "[8, d]", {}),
        ("minval: -1", "minval: -1.0, maxval: 0.05", {}),
        ("{match: '*.b'", "{match: '{h,i}.*.b'", {}),
        ("h.{0..1}.b: [4]", "h.1.b: [4]", {"h.0.b": ["removed", "float32 [4]"]}),
        (
            "h.{0..1}.b: [4]",
            "h.{0..2}.b: [4]",
            {"h.2.b": ["added", "float32 [4]"]},
        ),
        ("dtype: bfloat16", "dtype: float16", {"g": ["changed", "dtype: bfloat16 -> float16"]}),
        (
            "0.02 / (layer + 1)",
            "0.02",
            {"h.1.w": ["changed", "random_normal.stddev: 0.01 -> 0.02"]},
        ),
        (
            "init: zeros",
            "init: ones",
            {name: ["changed", "initializer: zeros -> ones"] for name in ("h.0.b", "h.1.b")},
        ),
        (
            "factor: 2",
            "factor: 3",
            {"g": ["changed", "scale.factor: 2.0 -> 3.0"]},
        ),
        (
            "{random_uniform: {minval: -1}}",
            "{random_uniform: {minval: -2}}",
            {
                "g": [
                    "changed",
                    "scale.initializer: {random_uniform: {minval: -1.0}} -> {random_uniform: {minval: -2.0}}",
                ]
            },
        ),
        (
            "seed: 42",
            "seed: 43",
            {name: ["changed", "seed: 42 -> 43"] for name in ("h.0.w", "h.1.w", "g")},
        ),
        ("factor: 2}", "factor: 2.0}", {}),
        (
            "init: zeros",
            "init: {constant: {value: -0.0}}",
            {
                name: ["changed", "initializer: zeros -> {constant: {value: -0.0}}"]
                for name in ("h.0.b", "h.1.b")
            },
        ),
        ("t: {tie: h.0.w}", "t: {tie: h.1.w}", {"t": ["changed", "tie: h.0.w -> h.1.w"]}),
        ("t: {tie: h.0.w}", "t: [8, 4]", {"t": ["changed", "tie: h.0.w -> none"]}),
        (
            "[8, 4]",
            "[4, 8]",
            {name: ["changed", "shape: [8, 4] -> [4, 8]"] for name in ("h.0.w", "h.1.w")},
        ),
    ],
)
def test_two_recipes(old: str, new: str, changes: dict[str, list[str]]) -> None:
    """Exactly the tensors that come out otherwise are told, each with what the recipes say otherwise."""
    difference = diff(_recipe(), _recipe((old, new)))
    assert _changes(difference) == changes
    assert difference.equal == (not changes)
    assert difference.nbytes == 0
    assert sum(difference.counts.values()) == len(difference.tensors)


def test_another_rule_is_named_where_the_law_changes() -> None:
    """A tensor that another rule takes is told so, if its law is another one."""
    new = _recipe(
        ("{match: '*', init", "{match: 'g', init: ones}\n  - {match: 'h.*', init"),
        ("'h.{layer}.w'", "'h.1.w'"),
        ("(layer + 1)", "2"),
    )
    changes = _changes(diff(_recipe(), new))
    assert changes["g"][-1] == "rule: * -> g"
    assert changes["h.0.w"][-1] == "rule: h.{layer}.w -> h.*"
    assert "h.1.w" not in changes


def test_seeds_matter_to_what_is_drawn_alone() -> None:
    """Where one side draws nothing, another seed is no reason."""
    new = _recipe(("init: zeros", "init: he_normal"), ("seed: 42", "seed: 43"))
    changes = _changes(diff(_recipe(), new))
    assert changes["h.0.b"] == ["changed", "initializer: zeros -> he_normal"]
    zeros = [
        _recipe(("init: zeros", f"init: {{constant: {{value: {value}}}}}")) for value in ("0", "-0.0", "1")
    ]
    assert _changes(diff(*zeros[:2]))["h.0.b"] == ["changed", "constant.value: 0 -> -0.0"]
    assert _changes(diff(*zeros[1:]))["h.0.b"] == ["changed", "constant.value: -0.0 -> 1"]


def test_equal_words_are_equal_values() -> None:
    """What two recipes call equal is equal to the bit, and what they call changed is not."""
    old, new = _recipe(), _recipe(("seed: 42", "seed: 43"), ("0.02 / (layer + 1)", "0.02"))
    for tensor in diff(old, new).tensors:
        if tensor.name == "t":
            # It is a tie of the same tensor, whatever became of that.
            assert tensor.status == "equal"
            continue
        same = np.array_equal(np.asarray(old[tensor.name]), np.asarray(new[tensor.name]))
        assert same == (tensor.status == "equal"), tensor.name


def test_a_recipe_and_its_checkpoint(tmp_path: Path) -> None:
    """A checkpoint with a recipe's values is equal to it, whether ties are stored or not, in any order."""
    values = _values(_recipe())
    path = _save(tmp_path / "m.safetensors", values)
    for pair in ((_recipe(), path), (path, _recipe()), (path, str(path))):
        difference = diff(*pair)
        assert difference.equal, _changes(difference)
        assert difference.nbytes == sum(value.nbytes for value in values.values())
    tied = _save(tmp_path / "t.safetensors", {**values, "t": values["h.0.w"]})
    assert diff(_recipe(), tied).equal
    changed = _save(tmp_path / "c.safetensors", {**values, "t": values["h.1.w"]})
    assert _changes(diff(_recipe(), changed))["t"][1] == "tie: h.0.w -> none"


def test_a_checkpoint_of_another_precision(tmp_path: Path) -> None:
    """All precisions are one draw: rounded, the values are as the recipe says, and only the dtype differs."""
    recipe = _recipe()
    values = {name: np.asarray(value).astype(ml_dtypes.bfloat16) for name, value in _values(recipe).items()}
    path = _save(tmp_path / "m.safetensors", values)
    for pair in ((recipe, path), (_save(tmp_path / "f.safetensors", _values(recipe)), path)):
        changes = _changes(diff(*pair))
        assert set(changes) == {"h.0.w", "h.1.w", "h.0.b", "h.1.b"}
        assert all(change == ["changed", "dtype: float32 -> bfloat16"] for change in changes.values())
    double = {name: np.asarray(value) for name, value in _values(recipe.override(dtype="float64")).items()}
    changes = _changes(diff(recipe, _save(tmp_path / "d.safetensors", double)))
    assert set(map(len, changes.values())) == {2}
    values["h.0.w"] = values["h.0.w"] * np.asarray(1.5, ml_dtypes.bfloat16)
    changed = _changes(diff(recipe, _save(tmp_path / "m.safetensors", values)))["h.0.w"]
    assert "norm" in changed[2]


def test_two_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are compared in pieces; count, largest difference and norms are told, NaN too."""
    monkeypatch.setattr(difference, "PIECE_BYTES", 64)
    rng = np.random.default_rng(0)
    old: dict[str, Any] = {
        "same": rng.normal(size=(9, 5)).astype(np.float32),
        "a": rng.normal(size=(9, 5)),
        "nan": np.ones(3),
        "int": np.arange(100, dtype=np.int64),
        "c": np.ones(20, np.complex64),
        "gone": np.ones(2),
        "shape": np.ones((2, 3)),
        "empty": np.ones((0, 3)),
    }
    new: dict[str, Any] = {name: np.array(value) for name, value in old.items() if name != "gone"}
    new["a"][8, 4] += 0.5
    new["a"][7, 0] -= 0.25
    new["nan"][1] = np.nan
    new["int"][7] = -5
    new["c"][3] = 1 + 1j
    new["shape"] = np.ones((3, 2))
    new["new"] = np.ones(1)
    paths = [_save(tmp_path / f"{name}.safetensors", side) for name, side in (("old", old), ("new", new))]
    done: list[tuple[int, int]] = []
    found = diff(*paths, progress=lambda *at: done.append(at))
    by_name = {tensor.name: tensor for tensor in found.tensors}
    assert found.counts == {"equal": 2, "changed": 5, "removed": 1, "added": 1}
    assert list(by_name)[-1] == "new"
    numbers = by_name["a"].values
    assert numbers is not None
    assert (numbers.changed, numbers.size) == (2, 45)
    assert numbers.largest == pytest.approx(0.5)
    norms = [float(np.linalg.norm(side["a"])) for side in (old, new)]
    assert numbers.norm_change == pytest.approx(norms[1] / norms[0] - 1)
    assert numbers.distance == pytest.approx(np.hypot(0.5, 0.25))
    assert by_name["nan"].values is not None
    assert np.isnan(by_name["nan"].values.largest)
    assert str(by_name["int"].values) == ("values: 1 of 100 differ, by up to 12; norm 573 -> 573 (-3.65e-05)")
    assert by_name["c"].values is not None
    assert by_name["c"].values.largest == 1.0
    assert by_name["shape"].changes == (Change("shape", "[2, 3]", "[3, 2]"),)
    assert done == sorted(done)
    assert done[-1][0] == done[-1][1]


def test_elements_that_share_bytes(tmp_path: Path) -> None:
    """Of dtypes of four bits bytes are compared; against a recipe, the dtype alone differs."""
    header = json.dumps({"w": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}).encode()
    paths = []
    for name, data in (("a", b"\x01\x02"), ("b", b"\x01\x03")):
        paths.append(tmp_path / f"{name}.safetensors")
        paths[-1].write_bytes(len(header).to_bytes(8, "little") + header + data)
    assert diff(paths[0], paths[0]).equal
    (tensor,) = diff(*paths).changed
    assert tensor.values is not None
    assert (tensor.values.changed, tensor.values.size) == (1, 2)
    recipe = Recipe.from_text(tensors_and_rules("w: [4]", "{match: '*', init: zeros}"))
    assert _changes(diff(recipe, paths[0])) == {"w": ["changed", "dtype: float32 -> float4_e2m1fn"]}


def test_tolerance_of_matrix_products(tmp_path: Path) -> None:
    """Values that depend on the machine are equal within their tolerance, and no further."""
    tensors = "w: [16, 8]\nv: {shape: [8, 8], dtype: bfloat16}"
    recipe = Recipe.from_text(tensors_and_rules(tensors, "{match: '*', init: orthogonal}"))
    values = _values(recipe)
    tolerance = recipe.plan().tensors[0].tolerance
    assert tolerance > 0
    for factor, equal in ((0.5, True), (30.0, False)):
        near = {"w": values["w"] + np.float32(factor * tolerance), "v": values["v"]}
        assert diff(recipe, _save(tmp_path / "m.safetensors", near)).equal == equal
    step = np.asarray(values["v"]).view(np.uint16) + np.uint16(1)
    near = {**values, "v": step.view(ml_dtypes.bfloat16)}
    assert diff(recipe, _save(tmp_path / "m.safetensors", near)).equal


def test_seed_paths_and_copies(tmp_path: Path) -> None:
    """Another path of names is another draw, and what is copied is as good as its file and name."""
    old = tensors_and_rules(
        "w: [3]\nc: [3]", "{match: w, init: he_normal}", "{match: c, copy: a.safetensors}"
    )
    new = old.replace("init: he_normal", "init: he_normal, seed_path: [x, y]").replace(
        "copy: a.safetensors", "copy: {file: a.safetensors, name: w}"
    )
    _save(tmp_path / "a.safetensors", {"c": np.ones(3, np.float32), "w": np.zeros(3, np.float32)})
    recipes = [Recipe.from_text(text, str(tmp_path / "r.yaml")) for text in (old, new)]
    assert diff(recipes[0], recipes[0]).equal
    assert _changes(diff(*recipes)) == {
        "w": ["changed", "path: w -> x / y"],
        "c": ["changed", "copy.name: c -> w"],
    }
    built = _save(tmp_path / "b.safetensors", {name: recipes[0][name][:] for name in "wc"})
    assert diff(recipes[0], built).equal
    half = {name: recipes[0][name][:].astype(np.float16) for name in "wc"}
    changes = _changes(diff(recipes[0], _save(tmp_path / "h.safetensors", half)))
    assert changes == {name: ["changed", "dtype: float32 -> float16"] for name in "wc"}


def test_printed() -> None:
    """What differs is told in a line each, up to twenty of them, and then how many are left."""
    text = tensors_and_rules("'h.{0..24}.w': [2]\ng: [2]", "{match: '*', init: random_normal}")
    recipe = Recipe.from_text(text, "r.yaml")
    assert str(diff(recipe, recipe)) == "r.yaml and r.yaml: all 26 tensors are equal."
    lines = str(diff(recipe, recipe.override(seed=7, only="h.*"))).splitlines()
    assert lines[0] == "h.0.w: changed: seed: 42 -> 7"
    assert lines[19:] == [
        "h.19.w: changed: seed: 42 -> 7",
        "... and 6 more",
        "r.yaml and r.yaml: 26 of 26 tensors differ (25 changed, 1 removed).",
    ]
    few = str(diff(recipe.override(only="h.?.w"), recipe.override(only="h.?.w", seed=7))).splitlines()
    assert len(few) == 11
