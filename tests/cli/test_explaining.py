"""`initkit explain` and `initkit schema`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from initkit.cli import explaining, main
from initkit.recipe import Recipe
from initkit.recipe.comparing.explanation import explain
from tests.recipe.texts import tensors_and_rules


@pytest.fixture(name="recipe")
def _recipe(tmp_path: Path) -> Path:
    """A small recipe in a file."""
    path = tmp_path / "r.yaml"
    rules = (
        "{match: b, init: zeros}",
        "{match: '*', init: {depth_scaled: {initializer: he_normal, depth: 3}}}",
    )
    path.write_text(tensors_and_rules("w: [4, 8]\nb: [8]\nt: {tie: w}", *rules), encoding="utf-8")
    return path


def test_text(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text is that of the explanation."""
    assert main(["explain", str(recipe), "w"]) == 0
    assert capsys.readouterr().out == f"{explain(Recipe.load(recipe).plan(), 'w')}\n"


def test_text_fits_a_terminal(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal lines are wrapped, and nothing is lost."""
    main(["explain", str(recipe), "w"])
    whole = capsys.readouterr().out
    monkeypatch.setattr(explaining, "terminal_width", lambda: 60)
    assert main(["explain", str(recipe), "w"]) == 0
    wrapped = capsys.readouterr().out
    assert max(map(len, wrapped.splitlines())) <= 60
    assert "".join(wrapped.split()) == "".join(whole.split())


def test_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has the documented keys; parts are laws, too."""
    assert main(["explain", str(recipe), "w", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    explanation = explain(Recipe.load(recipe).plan(), "w")
    assert explanation.rule is not None
    assert explanation.law is not None
    assert facts["recipe"] == str(recipe)
    assert facts["kind"] == "drawn"
    assert facts["rule"] == {"number": 2, "place": f"{recipe}:10", "text": explanation.rule.text}
    assert facts["passed"][0]["why_not"] == "the name does not match"
    assert facts["law"]["std"] == explanation.law.std
    assert facts["law"]["parts"][0][0] == "initializer"
    assert facts["law"]["parts"][0][1]["text"] == "he_normal"
    assert facts["values"] == list(explanation.values)
    assert facts["ties"] == ["t"]
    assert main(["explain", str(recipe), "t", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["rule"], facts["law"], facts["target"]) == (None, None, "w")


def test_presets_are_looked_at_with_any_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """A preset is explained with seed 0, which is told, or with the one that is given."""
    for tensor in ("wte.weight", "wte.*"):
        assert main(["explain", "gpt2@1", tensor]) == 0
        out = capsys.readouterr().out
        assert "seed          0, path wte.weight" in out
        assert out.splitlines()[-1].startswith("A preset has no seed: values are those of seed 0; ")
        assert main(["explain", "gpt2@1", tensor, "--seed", "3"]) == 0
        out = capsys.readouterr().out
        assert "seed          3, path wte.weight" in out
        assert "A preset" not in out
    assert main(["explain", "gpt2@1", "wte.weight", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 0


def test_variables_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """`--set` changes what a preset's tensors are; values may be expressions, with spaces."""
    command = ["explain", "gpt2@1", "h.1.mlp.c_fc.weight", "--set", "d=8", "--set"]
    assert main([*command, "n_layer = d // 4"]) == 0
    assert "8 x 32 float32" in capsys.readouterr().out
    assert main([*command, "n_layer = d // 8"]) == 2
    assert "'h.1.mlp.c_fc.weight'" in capsys.readouterr().err


def test_unknown_tensors_are_suggested(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 2, and the message names the nearest tensor."""
    assert main(["explain", str(recipe), "ww"]) == 2
    assert "Did you mean 'w'" in capsys.readouterr().err


def test_a_pattern_is_explained_rule_by_rule(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first tensor of each rule is explained, with how many it stands for; a name is no pattern."""
    text = tensors_and_rules(
        "h.{0..3}.{w,v}: [4, 4]\nh.{0..3}.b: [4]\n'h.*': [2]",
        "{match: '*.b', init: zeros}",
        "{match: '*', init: ones}",
    )
    recipe.write_text(text, encoding="utf-8")
    plan = Recipe.load(recipe).plan()
    assert main(["explain", str(recipe), "h.{0..n_layer}.[bw]"]) == 0
    out = capsys.readouterr().out
    blocks = out.split("\n\n")
    for block, name, stands_for in zip(
        blocks,
        ("h.0.w", "h.0.b"),
        ("3 tensors that rule 2 takes: h.{0..2}.w", "3 tensors that rule 1 takes: h.{0..2}.b"),
        strict=False,
    ):
        tensor, line, *others = block.splitlines()
        assert line == f"stands for    {stands_for}"
        assert "\n".join([tensor, *others]) == str(explain(plan, name))
    assert blocks[2:] == ["h.{0..n_layer}.[bw] matches 6 tensors; above is the first that each rule takes.\n"]
    assert main(["explain", str(recipe), "h.*"]) == 0
    assert capsys.readouterr().out == f"{explain(plan, 'h.*')}\n"
    assert main(["explain", str(recipe), "*.1.b"]) == 0
    assert capsys.readouterr().out == f"{explain(plan, 'h.1.b')}\n\n*.1.b matches 1 tensor.\n"


def test_json_of_a_pattern(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a pattern there is a list of what is told of one name, with the names that each stands for."""
    told = []
    for name in ("w", "b", "t", "[!x]"):
        assert main(["explain", str(recipe), name, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    *single, found = told
    assert list(found) == ["recipe", "pattern", "explained"]
    assert [one.pop("stands_for") for one in found["explained"]] == [["w"], ["b"], ["t"]]
    assert [{"recipe": found["recipe"], **one} for one in found["explained"]] == single


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("w*x", "the pattern matches no tensor. Received: 'w*x'."), ("w{", "This '{' has no '}'.")],
)
def test_patterns_that_match_nothing(
    pattern: str, message: str, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are an error."""
    assert main(["explain", str(recipe), pattern]) == 2
    assert message in capsys.readouterr().err


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """The schema is printed as JSON, as it is shipped."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "initkit recipe"
