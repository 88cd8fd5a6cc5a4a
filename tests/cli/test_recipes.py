"""`initkit build`, `plan` and `verify`: tables, JSON, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import initkit as ik
from initkit.cli import main
from initkit.recipe import Recipe, verify
from tests.recipe.texts import tensors_and_rules

TENSORS = """
h.{0..1}.w: [4, 8]
h.{0..1}.b: {shape: [8], dtype: bfloat16}
c: [8]
t: {tie: h.0.w}
"""
RULES = (
    "{match: '*.w', init: {random_normal: {stddev: 0.5}}}",
    "{match: 'h.{layer}.b', init: {constant: {value: layer / 2}}}",
    "{match: '*', init: ones}",
)


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    """A small recipe in a file."""
    path = tmp_path / "r.yaml"
    path.write_text(tensors_and_rules(TENSORS, *RULES), encoding="utf-8")
    return path


def _json(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Any:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_build_says_what_was_written(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table has a line per rule and dtype, a total, the ties, and the size of the file."""
    output = recipe.with_name("out.safetensors")
    assert main(["build", str(recipe), "-o", str(output)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:-1] == [
        "rule  match        initializer                dtype     tensors  parameters   size",
        "   1  *.w          random_normal(stddev=0.5)  float32         2          64  256 B",
        "   2  h.{layer}.b  constant(value=layer / 2)  bfloat16        2          16   32 B",
        "   3  *            ones                       float32         1           8   32 B",
        "----  -----------  -------------------------  --------  -------  ----------  -----",
        "      total                                                   5          88  320 B",
        "t is tied to h.0.w and not stored again.",
    ]
    last = re.fullmatch(r"Wrote (.*): (\S+) kB in (\S+) s, (\S+) ([kM])B/s\.", out.splitlines()[-1])
    assert last is not None
    assert last[1] == str(output)
    rate = float(last[4]) * {"k": 1, "M": 1000}[last[5]]
    # The seconds have two digits after the point.
    assert float(last[2]) / (float(last[3]) + 0.006) < rate
    assert err == ""
    assert verify(output).ok


def test_build_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a build has the documented keys, with the values of the plan."""
    output = recipe.with_name("out.safetensors")
    facts = _json(capsys, "build", recipe, "-o", output)
    assert facts.pop("seconds") > 0
    rules = facts.pop("rules")
    assert facts == {
        "file": str(output),
        "bytes": output.stat().st_size,
        "tensors": 5,
        "parameters": 88,
        "ties": {"t": "h.0.w"},
    }
    assert rules[0] == {
        "rule": 1,
        "match": "*.w",
        "line": 10,
        "initializer": "random_normal(stddev=0.5)",
        "dtype": "float32",
        "tensors": 2,
        "parameters": 64,
        "bytes": 256,
    }
    assert len(rules) == 3


def test_build_keeps_what_is_there(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is replaced only when that is said; the recipe itself never is."""
    output = recipe.with_name("out.safetensors")
    output.write_bytes(b"precious")
    assert main(["build", str(recipe), "-o", str(output)]) == 2
    assert f"{output}: the file exists; choose another name, or say --force" in capsys.readouterr().err
    assert output.read_bytes() == b"precious"
    text = recipe.read_text(encoding="utf-8")
    assert main(["build", str(recipe), "-o", str(recipe), "--force"]) == 2
    assert "FILE is the recipe itself" in capsys.readouterr().err
    assert recipe.read_text(encoding="utf-8") == text
    assert main(["build", str(recipe), "-o", str(output), "--force"]) == 0
    assert verify(output).ok


def test_plan_prints_every_tensor(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The plan has a line per tensor with its rule, initializer and moments, and one per tie."""
    assert main(["plan", str(recipe)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tensor  shape  dtype     rule  initializer                mean  std",
        "h.0.w   4 x 8  float32      1  random_normal(stddev=0.5)  0     0.5",
        "h.1.w   4 x 8  float32      1  random_normal(stddev=0.5)  0     0.5",
        "h.0.b   8      bfloat16     2  constant                   0     0",
        "h.1.b   8      bfloat16     2  constant(value=0.5)        0.5   0",
        "c       8      float32      3  ones                       1     0",
        "t       4 x 8  float32      -  tied to h.0.w",
        "",
        "5 tensors, 1 more tied, 88 parameters, 320 B, seed 42.",
    ]


def test_plan_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a plan has the documented keys; its initializers can be made again from their configs."""
    facts = _json(capsys, "plan", recipe)
    tensors = facts.pop("tensors")
    assert facts == {
        "recipe": str(recipe),
        "seed": 42,
        "stream": 1,
        "parameters": 88,
        "bytes": 320,
        "variables": {"n_layer": 2, "d": 4},
        "ties": {"t": "h.0.w"},
    }
    assert tensors[3] == {
        "name": "h.1.b",
        "shape": [8],
        "dtype": "bfloat16",
        "rule": 2,
        "match": "h.{layer}.b",
        "line": 11,
        "captures": {"layer": 1},
        "initializer": {"class_name": "Constant", "config": {"value": 0.5}},
        "mean": 0.5,
        "std": 0.0,
        "parameters": 8,
        "bytes": 16,
    }
    for tensor, planned in zip(tensors, Recipe.load(recipe).plan().tensors, strict=True):
        assert "seed" not in tensor["initializer"]["config"]
        made = ik.deserialize(tensor["initializer"])
        assert made.get_config() | {"seed": None} == planned.initializer.get_config() | {"seed": None}


def _broken(recipe: Path) -> Path:
    """A built file, in which one value of h.1.w has changed."""
    output = recipe.with_name("out.safetensors")
    Recipe.load(recipe).build(output)
    data = bytearray(output.read_bytes())
    # The last float32 tensor is `c`, and the bfloat16 ones follow; h.1.w ends before both.
    data[-(32 + 32 + 1)] ^= 0x40
    output.write_bytes(data)
    return output


def test_verify_exits_by_what_it_finds(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sound file is 0, a changed one is 1 with a table of what has changed."""
    output = recipe.with_name("out.safetensors")
    Recipe.load(recipe).build(output)
    assert main(["verify", str(output)]) == 0
    assert f"{output}: all 5 tensors are as the recipe in it says; 320 B compared" in capsys.readouterr().out
    output.unlink()
    assert main(["verify", str(_broken(recipe))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("h.1.w   changed  1 value differs, first at [3, 7], by up to ")
    assert lines[3] == f"{output}: 1 of 5 tensors are not as the recipe in it says"
    assert lines[4].startswith("(1 changed); 320 B compared in ")


def test_verify_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a verification has the documented keys, for sound and for changed files."""
    output = _broken(recipe)
    facts = _json(capsys, "verify", output, code=1)
    assert facts.pop("seconds") > 0
    tensors = facts.pop("tensors")
    assert facts == {"file": str(output), "ok": False, "counts": {"ok": 4, "changed": 1}}
    assert tensors[0] == {
        "name": "h.0.w",
        "status": "ok",
        "expected": "float32 (4, 8)",
        "found": "float32 (4, 8)",
        "changed": 0,
        "first": None,
        "difference": None,
    }
    assert (tensors[1]["status"], tensors[1]["first"], tensors[1]["changed"]) == ("changed", [3, 7], 1)
