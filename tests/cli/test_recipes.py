"""`initkit plan`: its table and its JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import initkit as ik
from initkit.cli import main, recipes
from initkit.recipe import Recipe
from tests.cli.small_recipe import printed_json
from tests.cli.standard_input import feed
from tests.recipe.texts import tensors_and_rules


def test_plan_has_a_line_for_tensors_that_are_alike(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of one rule, shape and dtype share a line; what differs is as the recipe has it, or a span."""
    assert main(["plan", str(recipe)]) == 0
    lines = [re.sub(" {2,}", " | ", line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "tensor | shape | dtype | rule | initializer | mean | std | tensors | parameters | size",
        "h.{0..1}.w | 4 x 8 | float32 | 1 | random_normal(stddev=0.5) | 0 | 0.5 | 2 | 64 | 256 B",
        "h.{0..1}.b | 8 | bfloat16 | 2 | constant(value=layer / 2) | 0..0.5 | 0 | 2 | 16 | 32 B",
        "c | 8 | float32 | 3 | ones | 1 | 0 | 1 | 8 | 32 B",
        "t | 4 x 8 | float32 | - | tied to h.0.w | 1",
        "",
        "5 tensors, 1 more tied, 88 parameters, 320 B, seed 42.",
        "Names in braces stand for several; --all prints a line for each.",
    ]


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (140, "tensor shape dtype rule initializer mean std tensors parameters size"),
        (130, "tensor shape dtype rule initializer mean std tensors parameters"),
        (110, "tensor shape dtype rule initializer mean std"),
        (100, "tensor shape dtype rule initializer std"),
        (72, "tensor shape rule initializer std"),
    ],
)
def test_plan_on_a_terminal(
    width: int, headings: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no room, columns are left out rather than names cut, and lines fit in any case."""
    monkeypatch.setattr(recipes, "terminal_width", lambda: width)
    assert main(["plan", "gpt2@1"]) == 0
    table = capsys.readouterr().out.partition("\n\n")[0]
    assert table.splitlines()[0].split() == headings.split()
    assert max(map(len, table.splitlines())) <= width
    assert ("h.{0..11}.attn.c_attn.weight" in table) == (width >= 100)


def test_plan_keeps_dtypes_that_differ(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The column of the dtypes is left out only where all are one."""
    monkeypatch.setattr(recipes, "terminal_width", lambda: 60)
    for arguments in ([], ["--all"]):
        assert main(["plan", str(recipe), *arguments]) == 0
        assert "bfloat16" in capsys.readouterr().out


def test_plan_folds_what_differs_by_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All layers of a model are one line, those of ties by a rule included."""
    path = tmp_path / "r.yaml"
    rules = (
        "{match: 'h.{layer}.k', tie: 'h.{layer}.q'}",
        "{match: 'h.{layer}.o', init: {random_normal: {mean: -layer, stddev: 1 / (layer + 1)}}}",
        "{match: '*', init: orthogonal}",
    )
    text = tensors_and_rules("'h.{0..3}.{q,k,o}': [2, 2]\nt.{1,2}: {tie: h.0.q}", *rules)
    path.write_text(text, encoding="utf-8")
    assert main(["plan", str(path)]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()[1:6]]
    assert [(row[0], row[-1]) for row in table[:2]] == [("h.{0..3}.q", "B"), ("h.{0..3}.o", "B")]
    assert table[1][6:] == [
        *("random_normal(mean=-layer,", "stddev=1", "/", "(layer", "+", "1))"),
        *("-3..0", "0.25..1", "4", "16", "64", "B"),
    ]
    assert table[2][0] == "t.{1..2}"
    assert table[2][6:] == ["tied", "to", "h.0.q", "2"]
    assert table[3][0] == "h.{0..3}.k"
    assert table[3][6:] == ["tied", "to", "h.{0..3}.q", "4"]


def test_plan_of_every_tensor(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--all` there is a line per tensor with its own initializer and moments, and one per tie."""
    assert main(["plan", str(recipe), "--all"]) == 0
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


def test_planprinted_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a plan has the documented keys; its initializers can be made again from their configs."""
    facts = printed_json(capsys, "plan", recipe)
    tensors = facts.pop("tensors")
    assert facts == {
        "recipe": str(recipe),
        "seed": 42,
        "stream": 1,
        "parameters": 88,
        "bytes": 320,
        "variables": {"n_layer": 2, "d": 4},
        "ties": {"t": "h.0.w"},
        "skipped": [],
        "unused": [],
        "remarks": [],
    }
    assert tensors[3] == {
        "name": "h.1.b",
        "shape": [8],
        "dtype": "bfloat16",
        "rule": 2,
        "match": "h.{layer}.b",
        "line": 11,
        "captures": {"layer": 1},
        "seed_path": ["h.1.b"],
        "copied": None,
        "initializer": {"class_name": "Constant", "config": {"value": 0.5}},
        "mean": 0.5,
        "std": 0.0,
        "parameters": 8,
        "bytes": 16,
    }
    for tensor, planned in zip(tensors, Recipe.load(recipe).plan().tensors, strict=True):
        assert "seed" not in tensor["initializer"]["config"]
        made = ik.deserialize(tensor["initializer"])
        assert planned.initializer is not None
        assert made.get_config() | {"seed": None} == planned.initializer.get_config() | {"seed": None}


def test_plan_tells_what_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Skipped tensors are counted, and rules that take nothing are told with the reason."""
    path = tmp_path / "r.yaml"
    rules = (
        "{match: b, skip: true}",
        "{match: '*', init: ones}",
        "{match: 'x*', init: zeros, optional: true}",
    )
    path.write_text(tensors_and_rules("a: [n_layer]\nb: [d]", *rules), encoding="utf-8")
    assert main(["plan", str(path)]) == 0
    *_, summary, unused = capsys.readouterr().out.splitlines()
    assert summary == "1 tensors, 1 left out, 2 parameters, 8 B, seed 42."
    assert unused.startswith("Rule 3, 'x*', matches no tensor.")
    facts = printed_json(capsys, "plan", path)
    assert facts["skipped"] == ["b"]
    assert [(rule["rule"], rule["match"], rule["line"]) for rule in facts["unused"]] == [(3, "x*", 10)]


def test_plan_of_what_cannot_be_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A law with fans for a bias, in a layout of weights, is refused with the rule that is missing."""
    text = tensors_and_rules("a.weight: [4, 8]\na.bias: [4]", "{match: '*', init: he_normal, layout: torch}")
    feed(monkeypatch, text)
    assert main(["explain", "-", "a.bias"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("initkit: <stdin>:6: tensor 'a.bias' cannot be made by rule 1, '*', on line 8:")
    assert 'in a recipe, by a rule before this one: {match: "*.bias", init: zeros}.' in err
    feed(monkeypatch, text.replace("rules:\n", 'rules:\n  - {match: "*.bias", init: zeros}\n'))
    assert main(["explain", "-", "a.bias"]) == 0


def test_plan_of_a_preset_tells_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """A preset has no seed, and what is shown in its place is told; not where one was given, nor in JSON."""
    command = ["plan", "siren@1", "--set", "hidden_layers=1", "--set", "hidden_features=2*4"]
    assert main(command) == 0
    *_, summary, remark = capsys.readouterr().out.splitlines()
    assert summary.startswith("6 tensors, 105 parameters, ") or "Names in braces" in summary
    assert remark == "A preset has no seed: values are those of seed 0; --seed gives another."
    assert main([*command, "--seed", "0"]) == 0
    assert "A preset" not in capsys.readouterr().out
    facts = printed_json(capsys, *command)
    assert (facts["seed"], facts["remarks"], facts["parameters"]) == (0, [], 105)
    assert facts["variables"]["hidden_features"] == 8


def test_plan_from_standard_input(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-` is standard input: its plan is that of the file; paths are relative to the working directory."""
    main(["plan", str(recipe)])
    expected = capsys.readouterr().out
    feed(monkeypatch, recipe.read_text(encoding="utf-8"))
    assert main(["plan", "-"]) == 0
    assert capsys.readouterr().out == expected
    feed(monkeypatch, recipe.read_text(encoding="utf-8"))
    assert printed_json(capsys, "plan", "-", "--set", "d=1")["variables"] == {"n_layer": 2, "d": 1}
    monkeypatch.chdir(recipe.parent)
    feed(monkeypatch, "{initkit: 1, extends: r.yaml}")
    facts = printed_json(capsys, "plan", "-")
    assert (facts["recipe"], facts["bytes"]) == ("<stdin>", 320)
    Path("-").write_text("{initkit: 1, extends: r.yaml, seed: 7}", encoding="utf-8")
    assert printed_json(capsys, "plan", recipe.with_name("-"))["seed"] == 7


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"initkit: 1\nsees: 3", "<stdin>:2: "),
        (b"\xff", "<stdin>: the file is not UTF-8 text"),
        (b"\x08" + bytes(7) + b"{}", "<stdin>: the file is a safetensors file"),
        (None, "<stdin>: standard input is closed"),
    ],
)
def test_errors_of_standard_input(
    data: bytes | None,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is wrong with standard input is told under its name."""
    feed(monkeypatch, data)
    assert main(["plan", "-"]) == 2
    assert capsys.readouterr().err.startswith(f"initkit: {message}")
