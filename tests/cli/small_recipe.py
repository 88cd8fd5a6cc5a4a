"""A small recipe for commands to work on, and what they print about it as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from initkit.cli import main
from tests.recipe.texts import tensors_and_rules

TENSORS = """
h.{0..n_layer-1}.w: [d, 8]
h.{0..1}.b: {shape: [8], dtype: bfloat16}
c: [8]
t: {tie: h.0.w}
"""
RULES = (
    "{match: '*.w', init: {random_normal: {stddev: 0.5}}}",
    "{match: 'h.{layer}.b', init: {constant: {value: layer / 2}}}",
    "{match: '*', init: ones}",
)


def write_recipe(folder: Path) -> Path:
    """Write the recipe to a file in a folder."""
    path = folder / "r.yaml"
    path.write_text(tensors_and_rules(TENSORS, *RULES), encoding="utf-8")
    return path


def printed_json(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> Any:
    """What a command prints with `--json`."""
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)
