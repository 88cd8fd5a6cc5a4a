"""Tensors that other files name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.errors import RecipeError
from initkit.recipe import Recipe

RULES = 'rules: [{match: "*", init: ones}]\n'


def plan_in(folder: Path, text: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shapes and dtypes of the plan of a recipe in a folder."""
    (folder / "r.yaml").write_text(f"initkit: 1\nseed: 7\n{text}{RULES}", encoding="utf-8")
    plan = Recipe.load(folder / "r.yaml").plan()
    return {tensor.name: (tensor.shape, tensor.dtype.name) for tensor in plan.tensors}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of each kind."""
    weights = {"model.w": np.zeros((2, 3), np.float16), "model.ids": np.zeros(4, np.int64)}
    save_file(weights, tmp_path / "a.safetensors")
    shards = tmp_path / "sharded"
    shards.mkdir()
    save_file({"x": np.zeros(2, np.float32)}, shards / "model-00001-of-00002.safetensors")
    save_file({"y": np.zeros((), np.float64)}, shards / "model-00002-of-00002.safetensors")
    index = {f"{name}": f"model-0000{at}-of-00002.safetensors" for at, name in ((1, "x"), (2, "y"))}
    text = json.dumps({"metadata": {}, "weight_map": index})
    (shards / "model.safetensors.index.json").write_text(text, encoding="utf-8")
    shapes = (
        '{"p": [3], "q": {"shape": [1, 2], "dtype": "torch.bfloat16"}, "r": {"shape": [], "dtype": "F32"},'
        ' "n": {"shape": [3], "layers": ["Net", "Norm"], "tags": "late"}}'
    )
    (tmp_path / "shapes.json").write_text(shapes, encoding="utf-8")
    (tmp_path / "shapes.yaml").write_text("s: [5]\n", encoding="utf-8")
    return tmp_path


def test_every_kind_of_file(folder: Path) -> None:
    """Headers, an index, a folder and lists of shapes give names, shapes and dtypes, and are merged."""
    index = "sharded/model.safetensors.index.json"
    text = f"dtype: float32\nfrom: [a.safetensors, {index}, shapes.json, shapes.yaml]\n"
    assert plan_in(folder, text) == {
        "model.w": ((2, 3), "float16"),
        "model.ids": ((4,), "int64"),
        "x": ((2,), "float32"),
        "y": ((), "float64"),
        "p": ((3,), "float32"),
        "q": ((1, 2), "bfloat16"),
        "r": ((), "float32"),
        "n": ((3,), "float32"),
        "s": ((5,), "float32"),
    }
    assert plan_in(folder, "from: sharded\n") == {"x": ((2,), "float32"), "y": ((), "float64")}


def test_layers_and_tags_of_a_list_of_shapes(folder: Path) -> None:
    """What a list of shapes says of layers and tags, rules can ask for."""
    text = "{initkit: 1, seed: 7, from: {file: shapes.json, only: ['[pn]']}, rules: [{match: '*', where:"
    text += " {layer: Norm, inside: Net, tag: late}, init: ones}, {match: '*', init: zeros}]}"
    (folder / "r.yaml").write_text(text, encoding="utf-8")
    plan = Recipe.load(folder / "r.yaml").plan()
    assert {tensor.name: tensor.rule.number for tensor in plan.tensors} == {"p": 2, "n": 1}


def test_a_missing_part(folder: Path) -> None:
    """Where a file of an index is not there, nothing is guessed."""
    (folder / "sharded" / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(RecipeError, match="names this file, and it is not there"):
        plan_in(folder, "from: sharded\n")


def test_selected_renamed_and_added(folder: Path) -> None:
    """Each source says what is taken and how it is called; the recipe's own tensors come to it."""
    text = "from: {file: a.safetensors, drop: ['*.ids'], rename: {'model.*': '*'}, prefix: m.,"
    text += " dtype: bfloat16}\ntensors: {extra: [1]}\n"
    assert plan_in(folder, text) == {"m.w": ((2, 3), "bfloat16"), "extra": ((1,), "float32")}


def test_a_dtype_for_the_whole_build(folder: Path) -> None:
    """A dtype that overrides is that of the files' floating-point tensors, too, and of no counter."""
    (folder / "r.yaml").write_text(
        f"initkit: 1\nseed: 7\nfrom: [a.safetensors, {{file: shapes.json, dtype: float64}}]\n{RULES}",
        encoding="utf-8",
    )
    plan = Recipe.load(folder / "r.yaml").override(dtype="bfloat16").plan()
    dtypes = {tensor.name: tensor.dtype.name for tensor in plan.tensors}
    assert dtypes["model.w"] == "bfloat16"
    assert dtypes["model.ids"] == "int64"
    assert dtypes["p"] == "float64"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from: b.safetensors\n", "source 1 cannot be read: |b.safetensors"),
        ("from: r.txt\n", "source 1 is a file of no known kind. Received: 'r.txt'"),
        ("from: broken.safetensors\n", "source 1 cannot be read: |is not a whole safetensors file"),
        ("from: list.json\n", "must map names to shapes"),
        ("from: bad.json\n", "tensor 'a' has no shape. Received: a list of 1"),
        ("from: dtype.json\n", "the dtype of 'a': Unknown dtype|'float33'"),
        ("from: outside.json\n", "JSON without a `weight_map` from tensors to names of files beside it"),
        (
            "from: [a.safetensors, a.safetensors]\n",
            "tensor 'model.ids' of source 2 is there already, by line 3",
        ),
        ("from: a.safetensors\ntensors: {model.w: [1]}\n", "'model.w' is named twice: by a file in `from`"),
        ("from: {file: a.safetensors, drop: ['*']}\n", "the recipe names no tensors"),
        ("from: .\n", "has several. Received: a.safetensors, broken.safetensors"),
        ("from: []\n", "`from` is an empty list"),
        ("from: {drop: a}\n", "source 1 has no `file`"),
        ("from: {file: a.safetensors, dorp: ['*']}\n", "unknown key 'dorp' in source 1|mean 'drop'"),
    ],
)
def test_files_that_name_no_tensors(folder: Path, text: str, words: str) -> None:
    """Whatever is wrong with a file is an error of the recipe, with the line that names the file."""
    for name, content in {
        "broken.safetensors": "x",
        "list.json": "[1]",
        "bad.json": '{"a": [1.5]}',
        "dtype.json": '{"a": {"shape": [1], "dtype": "float33"}}',
        "outside.json": '{"weight_map": {"a": "../a.safetensors"}}',
    }.items():
        (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        plan_in(folder, text)
    assert all(part in str(caught.value) for part in words.split("|"))
    assert str(caught.value).startswith(str(folder / "r.yaml"))
