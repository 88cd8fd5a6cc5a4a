"""`initkit list`, `show` and `info`: every initializer is there, and what is told of it is true."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import initkit as ik
from initkit.cli import main
from initkit.registry import registry
from tests.catalogue import built_in_classes
from tests.cli.small_recipe import printed_json


def test_list_has_every_initializer(capsys: pytest.CaptureFixture[str]) -> None:
    """Every built-in class is listed by the name that recipes use, with a sentence on what it makes."""
    entries = {entry["class_name"]: entry for entry in printed_json(capsys, "list")}
    for cls in built_in_classes():
        entry = entries[cls.__name__]
        assert registry.find(entry["name"]) is cls
        assert entry["summary"].endswith(".")
        assert set(entry["names"]) >= {cls.__name__, entry["name"]}
        assert "seed" not in entry["arguments"]
    assert entries["RandomNormal"]["arguments"] == {"mean": 0.0, "stddev": 0.05}
    assert main(["list"]) == 0
    first_words = {line.partition(" ")[0] for line in capsys.readouterr().out.splitlines()}
    assert first_words >= {entries[cls.__name__]["name"] for cls in built_in_classes()}


def test_show_tells_what_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """The config, the fans, the law's moments and those of the values drawn are those of the call."""
    facts = printed_json(
        capsys, "show", "he_normal", "--shape", "3,3,16,32", "--dtype", "bfloat16", "--seed", "7"
    )
    values = ik.HeNormal(seed=7)((3, 3, 16, 32), "bfloat16").astype(np.float64)
    assert facts["config"] == ik.HeNormal(seed=7).get_config()
    assert (facts["fan_in"], facts["fan_out"], facts["shape"], facts["dtype"], facts["seed"]) == (
        144,
        288,
        [3, 3, 16, 32],
        "bfloat16",
        7,
    )
    assert facts["formula"].startswith("w = σ·z / 0.87962566103423978")
    assert facts["expected"] == pytest.approx({"mean": 0.0, "std": (2 / 144) ** 0.5})
    assert facts["drawn"] == pytest.approx(
        {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max()}
    )
    assert facts["values"] == values.ravel()[:6].tolist()


@pytest.mark.parametrize("shape", [(2, 3), (5, 1, 2), (2, 1), (7,), (1, 1, 1000), (3, 0)])
def test_show_has_the_first_values(shape: tuple[int, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """The values shown are the first six in row-major order, or all where there are fewer."""
    facts = printed_json(capsys, "show", "random_normal", "--shape", ",".join(map(str, shape)))
    assert facts["values"] == ik.RandomNormal(seed=0)(shape).ravel()[:6].tolist()


def test_show_draws_in_pieces(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Statistics joined from many pieces are those of the whole."""
    whole = printed_json(capsys, "show", "random_uniform", "--shape", "7,11")
    monkeypatch.setattr("initkit.cli.catalogue._PIECE_ELEMENTS", 3)
    pieces = printed_json(capsys, "show", "random_uniform", "--shape", "7,11")
    assert pieces["drawn"] == pytest.approx(whole["drawn"])
    assert pieces["values"] == whole["values"]


def test_show_of_complex_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Complex values are measured by E|w - mean|², as their law is stated."""
    facts = printed_json(
        capsys, "show", "random_normal: {stddev: 2}", "--shape", "1000", "--dtype", "complex64"
    )
    values = ik.RandomNormal(stddev=2, seed=0)(1000, "complex64").astype(np.complex128)
    assert facts["drawn"]["std"] == pytest.approx(values.std())
    assert facts["drawn"]["max"] == pytest.approx(max(values.real.max(), values.imag.max()))
    assert facts["values"][0]["class_name"] == "__complex__"
    assert main(["show", "random_normal: {stddev: 2}", "--shape", "1000", "--dtype", "complex64"]) == 0
    assert f"first values  {complex(values[0]):.6g}, " in capsys.readouterr().out


def test_show_takes_configs_and_any_shape(capsys: pytest.CaptureFixture[str]) -> None:
    """A config in YAML is shown as a name is; scalars and empty tensors have facts, too."""
    scalar = printed_json(capsys, "show", "constant: {value: 3}", "--shape", "", "--dtype", "int8")
    assert (scalar["shape"], scalar["values"], scalar["seed"], scalar["fan_in"]) == ([], [3], None, None)
    empty = printed_json(capsys, "show", "zeros", "--shape", "0,3")
    assert (empty["drawn"], empty["values"]) == (None, [])
    assert main(["show", "zeros", "--shape", "0,3"]) == 0
    assert "drawn     -     -    -    -" in capsys.readouterr().out


def test_show_prints_every_fact(capsys: pytest.CaptureFixture[str]) -> None:
    """The text for people holds what the JSON for programs holds."""
    assert main(["show", "normal", "--shape", "2,3"]) == 0
    out = capsys.readouterr().out
    for words in (
        "initializer   random_normal\n",
        "other names   RandomNormal, normal\n",
        "formula       w ~ N(mean,",
    ):
        assert words in out
    assert re.search(r"in Python +RandomNormal\(seed=0\)\n", out)
    assert re.search(r"summary +Independent normal values\.\n", out)
    assert re.search(r"first values +(-?0\.\d+, ){5}-?0\.\d+\n", out)
    assert re.search(r"tensor +2 x 3 float32, 6 values\n", out)
    assert re.search(r"expected +0 +0\.05 +- +-\n", out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["he_norml"], "he_normal"),
        (["3"], "no initializer has that name"),
        (["he_normal", "--dtype", "int8"], "int8"),
        (["he_normal", "--dtype", "float12"], "float12"),
        (["identity", "--shape", "3"], "2D"),
        (["[1"], "YAML"),
        (["{class_name: SeedGenerator, config: {seed: 1}}"], "This is no initializer"),
    ],
)
def test_show_of_what_is_not_there(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be shown is one clean message and exit code 2."""
    assert main(["show", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("initkit: ")
    assert message in err


@pytest.mark.parametrize(
    "arguments", [["--shape", "3,-1"], ["--shape", "a"], ["--seed", "-1"], ["--seed", "x"]]
)
def test_arguments_that_are_no_numbers(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Shapes and seeds are checked where they are read."""
    with pytest.raises(SystemExit) as caught:
        main(["show", "zeros", *arguments])
    assert caught.value.code == 2
    assert arguments[1] in capsys.readouterr().err


def test_show_of_initializers_inside_others(capsys: pytest.CaptureFixture[str]) -> None:
    """Members without a seed are given the command's; what they make is what Python makes."""
    facts = printed_json(
        capsys, "show", "stack: {initializers: he_normal}", "--shape", "3,8,4", "--seed", "7"
    )
    assert facts["values"] == ik.Stack("he_normal").seeded(7)((3, 8, 4)).ravel()[:6].tolist()
    assert facts["seed"] is None


def test_show_of_a_class_that_needs_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A name alone of such a class is explained, not refused."""
    facts = printed_json(capsys, "show", "scale")
    assert facts["required"] == ["initializer", "factor"]
    assert facts["formula"].startswith("w = factor")
    assert main(["show", "scale"]) == 0
    assert "It needs initializer and factor. Write them in YAML" in capsys.readouterr().out


def test_info_is_show_config(capsys: pytest.CaptureFixture[str]) -> None:
    """`initkit info` prints what `show_config` tells, for people and for programs."""
    assert printed_json(capsys, "info") == json.loads(json.dumps(ik.show_config("dict")))
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    ik.show_config()
    assert printed == capsys.readouterr().out
