"""`initkit build` and `verify`: tables, JSON, options, and what is refused."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from initkit.cli import main
from initkit.recipe import Recipe, verify
from tests.cli.small_recipe import printed_json
from tests.cli.standard_input import feed
from tests.recipe.texts import tensors_and_rules


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


def test_buildprinted_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a build has the documented keys, with the values of the plan."""
    output = recipe.with_name("out.safetensors")
    facts = printed_json(capsys, "build", recipe, "-o", output)
    assert facts.pop("seconds") > 0
    rules = facts.pop("rules")
    assert facts == {
        "file": str(output),
        "files": [str(output)],
        "bytes": output.stat().st_size,
        "kept": 0,
        "complete": True,
        "tensors": 5,
        "parameters": 88,
        "ties": {"t": "h.0.w"},
    }
    assert rules[0] == {
        "rule": 1,
        "match": "*.w",
        "line": 10,
        "initializer": "random_normal(stddev=0.5)",
        "where": {},
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
    told = f"{output}: the file exists: it is no whole safetensors file; choose another name, or say --force"
    assert told in capsys.readouterr().err
    assert output.read_bytes() == b"precious"
    text = recipe.read_text(encoding="utf-8")
    assert main(["build", str(recipe), "-o", str(recipe), "--force"]) == 2
    assert "FILE is the recipe itself" in capsys.readouterr().err
    assert recipe.read_text(encoding="utf-8") == text
    assert main(["build", str(recipe), "-o", str(output), "--force"]) == 0
    assert verify(output).ok


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


def test_verifyprinted_json(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a verification has the documented keys, for sound and for changed files."""
    output = _broken(recipe)
    facts = printed_json(capsys, "verify", output, code=1)
    assert facts.pop("seconds") > 0
    tensors = facts.pop("tensors")
    assert facts == {"file": str(output), "ok": False, "bytes": 320, "counts": {"ok": 4, "changed": 1}}
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


def test_overrides(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seed, dtype and selection of tensors are those of the command line, and stand in the file."""
    output = recipe.with_name("out.safetensors")
    options = ["--seed", "7", "--dtype", "float16", "--only", "h.*.w", "--only", "c"]
    facts = printed_json(capsys, "build", recipe, "-o", output, *options)
    assert (facts["tensors"], facts["parameters"]) == (3, 72)
    expected = Recipe.load(recipe).override(seed=7, dtype="float16", only=("h.*.w", "c"))
    verification = verify(output, recipe=expected)
    assert verification.ok
    assert main(["build", str(recipe), "-o", str(output), *options, "--set", "dd=3", "--force"]) == 2
    assert (
        "no variable 'dd'. Received: dd='3'. Allowed: n_layer, d. Did you mean 'd'?"
        in capsys.readouterr().err
    )
    forms = ["float16 (4, 8)", "float16 (4, 8)", "float16 (8,)"]
    assert [check.found for check in verification.tensors] == forms
    assert verify(output).ok


def test_several_files_and_shares(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Shares of files of a size say while others are missing, and then that all is there."""
    output = recipe.with_name("out")
    share = ["build", str(recipe), "-o", str(output), "--max-shard-size", "150B", "--shard"]
    assert main([*share, "2/2"]) == 0
    out = capsys.readouterr().out
    assert "Other shares are not finished yet; the last one to finish writes the index." in out
    assert main([*share, "1/2"]) == 0
    out = capsys.readouterr().out
    assert f"Wrote {output}: " in out
    assert "Other shares" not in out
    assert sorted(path.suffix for path in output.iterdir()) == [".json"] + [".safetensors"] * 3
    assert main(["verify", str(output), "--only", "*.w"]) == 0
    assert f"{output}: all 2 tensors are as the recipe in it says; 256 B compared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-shard-size", "much"], "This is no size. Received: 'much'"),
        (["--max-shard-size", "1GB", "--shard", "0/2"], "'0/2' is no share; write which of how many"),
        (["--max-shard-size", "1GB", "--shard", "3/2"], "'3/2' is no share"),
        (["--max-shard-size", "1GB", "--shard", "1"], "'1' is no share"),
        (
            ["--shard", "1/2"],
            "share 1 of 2 of one file. Allowed: shares of a build of several files. Say how large",
        ),
        (["--only", "nothing.*"], "nothing.*"),
        (["--dtype", "float17"], "float17"),
    ],
    ids=range(7),
)
def test_options_that_mean_nothing(
    recipe: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Wrong options are refused with what is right, and nothing is written."""
    command = ["build", str(recipe), "-o", str(recipe.with_name("out")), *arguments]
    with suppress(SystemExit):
        assert main(command) == 2
    assert message in capsys.readouterr().err
    assert not recipe.with_name("out").exists()


def test_a_dry_run_writes_nothing(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run says which files there would be, how large they are, and what is there already."""
    output = recipe.with_name("out")
    command = ["build", str(recipe), "-o", str(output), "--max-shard-size", "150", "--dry-run"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-3:] for line in lines[1:4]] == [["to", "be", "written"]] * 3
    assert lines[-1].startswith("5 tensors, ")
    assert lines[-1].endswith(" free, which is enough. Nothing was written.")
    assert not output.exists()
    assert main(command[:-1]) == 0
    capsys.readouterr()
    (output / "model.safetensors").touch()
    assert main(command) == 1
    assert re.search(r"/model\.safetensors +of another model: needs --force\n", capsys.readouterr().out)
    facts = printed_json(capsys, *command, code=1)
    assert facts["foreign"] is False
    assert facts["others"] == [str(output / "model.safetensors")]
    assert [file["status"] for file in facts["files"]] == ["exists"] * 3
    assert facts["bytes_missing"] == sum(file["bytes"] for file in facts["files"])
    assert facts["bytes_free"] > 0
    assert facts["tensors"] == 5


def test_an_interrupt_for_programs(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --json what is kept is an event on stderr, as progress is; nothing is on stdout."""
    monkeypatch.setattr("initkit.recipe.building.build.LEAST_KEPT_BYTES", 1)
    monkeypatch.setattr("initkit.cli.progress._JSON_SECONDS", 0.0)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("initkit.io.ResumableFile.finish", interrupt)
    assert main(["build", str(recipe), "-o", str(recipe.with_name("out")), "--json"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    *events, last = [json.loads(line) for line in err.splitlines()]
    assert {event["event"] for event in events} == {"progress", "note"}
    assert (events[0]["work"], events[0]["done"], events[0]["total"]) == ("drawing", 320, 320)
    assert events[-1]["message"].startswith("320 of 320 bytes have been written and are kept")
    assert last == {"event": "error", "message": "interrupted"}
    monkeypatch.undo()
    assert main(["build", str(recipe), "-o", str(recipe.with_name("out"))]) == 0
    assert "kB: all of it is there already, and nothing was written." in capsys.readouterr().out


def test_verify_with_another_recipe(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint without a recipe is compared with one that is named, which the summary names, too."""
    output = recipe.with_name("other.safetensors")
    loaded = Recipe.load(recipe)
    wide = [tensor.name for tensor in loaded.plan().tensors if tensor.dtype.name == "float32"]
    save_file({name: np.asarray(loaded[name]) for name in wide}, output)
    assert main(["verify", str(output), "--recipe", str(recipe), "--only", "*.w", "--only", "c"]) == 0
    assert f"{output}: all 3 tensors are as {recipe} says; 288 B compared" in capsys.readouterr().out
    assert main(["verify", str(output), "--recipe", str(recipe)]) == 1
    out = capsys.readouterr().out
    assert "(2 missing)" in out
    assert out.splitlines()[1].split() == ["h.{0..1}.b", "missing", "-", "2"]
    assert main(["verify", str(output), "--recipe", str(recipe), "--only", "nothing"]) == 2
    assert "`only` of verify matches no name. Received: 'nothing'" in capsys.readouterr().err
    assert main(["verify", str(recipe)]) == 2
    assert "is a recipe by its name, and no model" in capsys.readouterr().err


def test_copied_tensors_are_told(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that copies has a line in the table of a build as any other."""
    save_file({"c": np.arange(8, dtype=np.float32)}, recipe.with_name("old.safetensors"))
    rule = "{match: c, copy: {file: old.safetensors, name: c}}"
    text = recipe.read_text(encoding="utf-8").replace("{match: '*', init: ones}", rule)
    recipe.write_text(text, encoding="utf-8")
    output = recipe.with_name("out.safetensors")
    assert main(["build", str(recipe), "-o", str(output)]) == 0
    assert "cop" in capsys.readouterr().out.splitlines()[3]
    assert verify(output, only=["h.*"]).ok


def test_errors_for_programs(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, what goes wrong is a line of JSON, too: a file that is not there, and what is refused."""
    nowhere = recipe.with_name("no") / "out"
    for arguments in (["build", str(recipe), "-o", str(nowhere)], ["verify", str(recipe)]):
        assert main([*arguments, "--json"]) == 2
        out, err = capsys.readouterr()
        event = json.loads(err)
        assert out == ""
        assert event["event"] == "error"
        assert main(arguments) == 2
        assert capsys.readouterr().err == f"initkit: {event['message']}\n"


def test_a_dry_run_needs_the_folder_that_a_build_needs(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run refuses what the build would refuse, in the same words."""
    command = ["build", str(recipe), "-o", str(recipe.with_name("no") / "out")]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert main([*command, "--dry-run"]) == 2
    assert capsys.readouterr().err == said
    assert "there is no such folder; make it first" in said


def test_nothing_to_write(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A share has no table; its summary says that it was there, or that there are more shares than files."""
    output = recipe.with_name("out")
    share = ["build", str(recipe), "-o", str(output), "--max-shard-size", "150B", "--shard"]
    for _ in range(2):
        assert main([*share, "1/4"]) == 0
    first, _, second, _ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"Wrote {output}: 1 file, 680 B in ")
    assert second == f"{output}: 1 file, 680 B: all of it is there already, and nothing was written."
    assert main([*share, "4/4"]) == 0
    assert f"Wrote nothing to {output}: there are more shares than files." in capsys.readouterr().out
    assert main(["verify", str(output)]) == 2
    assert "is an unfinished build" in capsys.readouterr().err


def test_rules_with_where(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table tells a rule that asks for more than a name from one that takes all."""
    text = tensors_and_rules(
        "a: [4]\nb: [4, 8]",
        "{match: '*', where: {ndim: 2, shape: [4, '*']}, init: ones}",
        "{match: '*', init: zeros}",
    )
    recipe.write_text(text, encoding="utf-8")
    assert main(["build", str(recipe), "-o", str(recipe.with_name("out"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith('   1  * where ndim 2, shape [4, "*"]  ones ')
    assert lines[2].split()[:3] == ["2", "*", "zeros"]


def test_a_recipe_from_standard_input(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-` is built into the bytes of the recipe's own file, and is what a file can be verified with."""
    text = recipe.read_text(encoding="utf-8")
    files = [recipe.with_name(f"{name}.safetensors") for name in "ab"]
    feed(monkeypatch, text)
    assert main(["build", "-", "-o", str(files[0])]) == 0
    assert main(["build", str(recipe), "-o", str(files[1])]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    capsys.readouterr()
    feed(monkeypatch, text)
    assert main(["verify", str(files[0]), "--recipe", "-"]) == 0
    assert "as <stdin> says" in capsys.readouterr().out
    feed(monkeypatch, text.replace("seed: 42", "seed: 43"))
    assert main(["verify", str(files[0]), "--recipe", "-"]) == 1


def test_no_model_on_standard_output(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-` as the output is refused, and no file of that name appears."""
    monkeypatch.chdir(recipe.parent)
    for arguments in (["-o", "-"], ["-o-", "--dry-run"]):
        assert main(["build", str(recipe), *arguments]) == 2
        assert "not to standard output" in capsys.readouterr().err
    assert list(recipe.parent.iterdir()) == [recipe]


def test_suggestions_for_a_selection(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pattern of `--only` that matches nothing is told with one that does, by build and verify."""
    output = recipe.with_name("out.safetensors")
    assert main(["build", str(recipe), "-o", str(output), "--only", "h.{0..1}.ww"]) == 2
    assert "Did you mean 'h.{0..1}.w'" in capsys.readouterr().err
    assert main(["build", str(recipe), "-o", str(output)]) == 0
    assert main(["verify", str(output), "--only", "h.{0..1}.ww"]) == 2
    assert "Did you mean 'h.{0..1}.w'" in capsys.readouterr().err


def test_a_second_build_is_said_to_compare(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all is there, and nothing is drawn to be written, progress says so."""
    monkeypatch.setattr("initkit.cli.progress._JSON_SECONDS", 0.0)
    command = ["build", str(recipe), "-o", str(recipe.with_name("out")), "--json"]
    for work in ("drawing", "comparing"):
        assert main(command) == 0
        events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert {event["work"] for event in events} == {work}
