"""`initkit diff`: tables, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.cli import main
from initkit.recipe import Recipe
from tests.cli.standard_input import feed
from tests.recipe.texts import tensors_and_rules

TENSORS = "h.{0..9}.w: [8, 4]\nh.{0..9}.b: [4]\ng: [4]"
RULES = ("{match: '*.b', init: zeros}", "{match: '*', init: {random_normal: {stddev: 0.02}}}")
BASE = tensors_and_rules(TENSORS, *RULES)


def _file(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_equal_recipes_are_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is equal is one line, and the exit code 0."""
    a, b = _file(tmp_path, "a.yaml"), _file(tmp_path, "b.yaml", ("[8, 4]", "[8, 2 + 2]"))
    assert main(["diff", str(a), str(b)]) == 0
    assert capsys.readouterr().out == f"{a} and {b}: all 21 tensors are equal.\n"


def test_different_recipes_are_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tensors of which the same is to be said share a line; the exit code is 1."""
    a = _file(tmp_path, "a.yaml")
    b = _file(tmp_path, "b.yaml", ("0.02", "0.01"), ("seed: 42", "seed: 43"), ("g: [4]", "f: [4]"))
    assert main(["diff", str(a), str(b)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "tensor               how",
        "h.{0..9}.w  changed  random_normal.stddev: 0.02 -> 0.01",
        "                     seed: 42 -> 43",
        "g           removed  float32 [4]",
        "f           added    float32 [4]",
        "",
        f"{a} and {b}: 12 of 22 tensors differ (10 changed, 1 added, 1 removed).",
    ]


def test_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values are compared with those that a recipe draws, and the numbers are told."""
    recipe = _file(tmp_path, "a.yaml")
    values = {
        tensor.name: np.asarray(Recipe.load(recipe)[tensor.name])
        for tensor in Recipe.load(recipe).plan().tensors
    }
    path = tmp_path / "m.safetensors"
    save_file(values, path)
    assert main(["diff", str(recipe), str(path)]) == 0
    assert "all 21 tensors are equal; 1.46 kB compared in" in capsys.readouterr().out
    values["g"] = values["g"] + np.float32(1)
    save_file(values, path)
    assert main(["diff", str(recipe), str(path)]) == 1
    assert "g       changed  values: 4 of 4 differ, by up to 1; norm" in capsys.readouterr().out


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has the documented keys."""
    a, b = _file(tmp_path, "a.yaml"), _file(tmp_path, "b.yaml", ("g: [4]", "g: [5]"))
    assert main(["diff", str(a), str(b), "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts.pop("seconds") >= 0
    assert facts == {
        "a": str(a),
        "b": str(b),
        "equal": False,
        "bytes": 0,
        "counts": {"equal": 20, "changed": 1},
        "tensors": [
            {
                "name": "g",
                "status": "changed",
                "form": "float32 [5]",
                "changes": [{"what": "shape", "old": "[4]", "new": "[5]"}],
                "values": None,
            }
        ],
    }


def test_what_is_no_side_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is an error."""
    assert main(["diff", str(_file(tmp_path, "a.yaml")), str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err


def test_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either side can be a recipe from standard input; not both."""
    a = _file(tmp_path, "a.yaml")
    for arguments, line in (
        (["-", str(a)], f"<stdin> and {a}: 1 of 21 tensors differ (1 changed)."),
        ([str(a), "-"], f"{a} and <stdin>: 1 of 21 tensors differ (1 changed)."),
    ):
        feed(monkeypatch, BASE.replace("g: [4]", "g: [5]"))
        assert main(["diff", *arguments]) == 1
        assert capsys.readouterr().out.splitlines()[-1] == line
    assert main(["diff", "-", "-"]) == 2
    assert "Both sides cannot be read from standard input." in capsys.readouterr().err
