"""The recipes in the documentation: each of them is one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.recipe import Recipe
from initkit.recipe.presets import preset_names

DOCS = Path(__file__).parents[1] / "docs"
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(
        re.findall(r"```yaml\n(initkit: 1.*?)```", page.read_text("utf-8"), re.DOTALL)
    )
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the recipes of the documentation look into."""
    (tmp_path / "sharded").mkdir()
    save_file({"h.w": np.zeros((2, 3), np.float32)}, tmp_path / "model.safetensors")
    save_file({"x.w": np.zeros((2, 3), np.float32)}, tmp_path / "sharded" / "model-1.safetensors")
    index = {"weight_map": {"x.w": "model-1.safetensors"}}
    (tmp_path / "sharded" / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    shapes = {"vision.w": [2, 3], "vision.position_ids": [1], "vision.ln.gamma": [2], "text.w": [1]}
    (tmp_path / "shapes.json").write_text(json.dumps(shapes), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("text", BLOCKS)
def test_every_recipe_has_a_meaning(text: str, folder: Path) -> None:
    """What the pages show can be planned as it stands."""
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    assert Recipe.load(folder / "recipe.yaml").plan().parameters


def test_there_are_some() -> None:
    """The pages' recipes are found."""
    assert len(BLOCKS) >= 6


def test_every_preset_is_listed() -> None:
    """The table of presets has all of them, and no other."""
    rows = re.findall(r"^\| (`[a-z0-9_]+@.*?) \|", (DOCS / "recipes.md").read_text("utf-8"), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(.*?)`", row)]
    assert sorted(listed) == list(preset_names())
