"""`initkit verify`: the table of what is not as the recipe says."""

from __future__ import annotations

import re
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.cli import main
from initkit.recipe import Recipe
from tests.cli.small_recipe import printed_json
from tests.recipe.texts import tensors_and_rules

TENSORS = "'h.{0..3}.{q,k}': [4, 8]\n'h.{0..3}.v': [8, 8]\n'h.{0..3}.b': [8]\nemb: [100]\none: [8]"
RULES = ("{match: '*.b', init: zeros}", "{match: '*', init: random_normal}")


@pytest.fixture(name="arguments")
def _arguments(tmp_path: Path) -> list[str]:
    """A file in which most tensors are not as a recipe says, to be verified with that."""
    path = tmp_path / "r.yaml"
    path.write_text(tensors_and_rules(TENSORS, *RULES), encoding="utf-8")
    recipe = Recipe.load(path)
    values = {tensor.name: np.array(recipe[tensor.name]) for tensor in recipe.plan().tensors}
    for layer in range(4):
        for name, step in (("q", 0.25), ("k", 0.5 * layer + 1), ("v", 0.125)):
            values[f"h.{layer}.{name}"] += np.float32(step)
    for layer in (0, 1):
        del values[f"h.{layer}.b"]
    for layer in (2, 3):
        values[f"h.{layer}.b"] = values[f"h.{layer}.b"].astype(ml_dtypes.bfloat16)
        values[f"x.{layer}"] = np.zeros(3, np.float32)
    values["emb"][7] += np.float32(2)
    save_file(values, tmp_path / "m.safetensors")
    return ["verify", str(tmp_path / "m.safetensors"), "--recipe", str(path)]


def test_names_share_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Tensors of which the same is wrong are one line with their number, values and largest difference."""
    assert main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(" {2,}", " | ", line) for line in lines[:7]] == [
        "tensor | status | what is there | tensors",
        "h.{0..3}.{q,k} | trained | 256 values differ, by up to 2.5 | 8",
        # Of another shape.
        "h.{0..3}.v | trained | 256 values differ, by up to 0.125 | 4",
        "h.{0..1}.b | missing | - | 2",
        "h.{2..3}.b | dtype | bfloat16 (8,) instead of float32 (8,) | 2",
        "emb | changed | 1 value differs, first at [7], by up to 2 | 1",
        "x.{2..3} | unexpected | float32 (3,) | 2",
    ]
    assert lines[7:9] == ["", "Names in braces stand for several; --all prints a line for each."]
    assert "19 of 20 tensors are not as" in lines[9]
    assert lines[10].startswith("(12 trained, 2 missing, 2 dtype, 1 changed, 2 unexpected); ")


def test_a_line_for_each(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With `--all` every tensor has a line, and JSON always has all of them."""
    assert main([*arguments, "--all"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["tensor", "status", "what", "is", "there"]
    assert [line.split()[0] for line in lines[1:4]] == ["h.0.q", "h.0.k", "h.1.q"]
    assert lines[4].split()[:2] == ["h.1.k", "trained"]
    assert lines[4].endswith("32 values differ, first at [0, 0], by up to 1.5")
    assert "Names in braces" not in "".join(lines)
    facts = printed_json(capsys, *arguments, code=1)
    assert len(facts["tensors"]) == 20


def test_what_is_no_number_is_not_lost(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The largest difference of several tensors is NaN if that of one is."""
    recipe = Recipe.load(tmp_path / "r.yaml")
    values = {tensor.name: np.array(recipe[tensor.name]) for tensor in recipe.plan().tensors}
    for layer, value in enumerate((1e6, np.nan, 1e6)):
        values[f"h.{layer}.q"][0, 0] = value
    save_file(values, tmp_path / "m.safetensors")
    assert main(arguments) == 1
    assert "3 values differ, by up to nan" in capsys.readouterr().out


def test_a_preset_is_compared_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A preset gets its seed and sizes from the command; what a file says itself cannot be changed."""
    path = str(tmp_path / "m.safetensors")
    options = [
        "--seed",
        "0",
        "--dtype",
        "float16",
        "--set",
        "n_layer=1",
        "--set",
        "d=8",
        "--set",
        "n_vocab=9",
    ]
    assert main(["build", "gpt2@1", "-o", path, *options]) == 0
    assert main(["verify", path, "--recipe", "gpt2@1", *options]) == 0
    assert main(["verify", path, "--recipe", "gpt2@1", *options, "--seed", "1"]) == 1
    capsys.readouterr()
    for change in (options[:2], options[2:4], options[4:6]):
        assert main(["verify", path, *change]) == 2
        assert "without --recipe" in capsys.readouterr().err
