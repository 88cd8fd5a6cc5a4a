"""`initkit presets`: the list, and the text of one."""

from __future__ import annotations

import json

import pytest

from initkit.cli import main
from initkit.recipe.presets import preset_names, preset_text


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Every preset is there, with the size that its own header gives."""
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1 : 1 + len(preset_names())]] == list(preset_names())
    gpt2 = next(line for line in lines if line.startswith("gpt2@1"))
    assert "124,439,808" in gpt2
    assert main(["presets", "--json"]) == 0
    presets = json.loads(capsys.readouterr().out)
    assert {preset["name"]: preset["variables"].get("n_layer") for preset in presets}["gpt2@1"] == 12


def test_one_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """A preset's text is printed as it is, ready to be changed."""
    assert main(["presets", "siren@1"]) == 0
    assert capsys.readouterr().out == preset_text("siren@1")
    assert main(["presets", "siren@1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == preset_text("siren@1")


def test_one_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name is an error that suggests the nearest."""
    assert main(["presets", "gpt2"]) == 2
    assert "Did you mean 'gpt2@1'?" in capsys.readouterr().err
