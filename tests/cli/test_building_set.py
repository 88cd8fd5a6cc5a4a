"""`--set`: variables of a recipe, from the command line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from initkit.cli import main
from initkit.io import read_header
from initkit.recipe import Recipe, verify
from tests.cli.small_recipe import printed_json


def test_a_file_of_other_variables(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file has the shapes of the values that were set, and the recipe in it says them."""
    output = recipe.with_name("out.safetensors")
    facts = printed_json(capsys, "build", recipe, "-o", output, "--set", "n_layer=d+1", "--set", "d=1")
    assert facts["parameters"] == 2 * 8 + 2 * 8 + 8
    assert read_header(output).tensors["h.1.w"].shape == (1, 8)
    verification = verify(output)
    assert verification.ok
    assert verification.plan.variables == {"n_layer": 2, "d": 1}


def test_a_preset_of_other_variables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is to the value what Python's `Recipe.preset` makes of these variables."""
    output = tmp_path / "out.safetensors"
    small = {"n_layer": 2, "d": 16, "n_ctx": 8, "n_vocab": 32}
    known = printed_json(capsys, "presets", "gpt2@1")["variables"]
    chosen = {name: value for name, value in small.items() if name in known}
    assert "n_layer" in chosen
    settings = [text for name, value in chosen.items() for text in ("--set", f"{name}={value}")]
    assert main(["build", "gpt2@1", "--seed", "3", "-o", str(output), *settings, "--only", "h.*"]) == 0
    expected = Recipe.preset("gpt2@1", seed=3, variables=chosen).override(only="h.*")
    assert verify(output, recipe=expected).ok
    assert len(verify(output).tensors) == len(expected.plan().tensors)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("d", "'d' sets no variable; write NAME=VALUE, as in n_layer=2"),
        ("=3", "sets no variable"),
        ("d=", "sets no variable"),
        (
            "n_layr=2",
            "r.yaml: the recipe has no variable 'n_layr'. Received: n_layr='2'. Allowed: n_layer, d.",
        ),
        ("n_layr=2", "Did you mean 'n_layer'?"),
        ("w=2", "the recipe has no variable 'w'"),
        ("d=q", "unknown variable 'q' in variable 'd'"),
        ("d=2*", "variable 'd'"),
    ],
)
@pytest.mark.parametrize("command", [["build", "-o", "out"], ["plan"], ["explain", "c"]], ids=["b", "p", "e"])
def test_what_sets_nothing(
    recipe: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    setting: str,
    message: str,
) -> None:
    """Names that the recipe does not have, and values that are none, are errors of every command."""
    monkeypatch.chdir(recipe.parent)
    name, *others = command
    with suppress(SystemExit):
        assert main([name, "r.yaml", *others, "--set", setting]) == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()
