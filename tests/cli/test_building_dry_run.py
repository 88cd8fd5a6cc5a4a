"""`initkit build --dry-run`: exit codes that say whether the build could run."""

from __future__ import annotations

from pathlib import Path

import pytest

from initkit.cli import main
from initkit.recipe import Recipe
from initkit.recipe.building.build import build
from tests.cli.small_recipe import printed_json


@pytest.fixture(name="unfinished")
def _unfinished(recipe: Path) -> Path:
    """A folder in which the first of two shares of a build has been written."""
    output = recipe.with_name("out")
    share = ["--max-shard-size", "150B", "--shard", "1/2"]
    assert main(["build", str(recipe), "-o", str(output), *share]) == 0
    return output


def _dry(recipe: Path, output: Path, *options: str) -> int:
    return main(["build", str(recipe), "-o", str(output), *options, "--dry-run"])


def test_what_exists_may_be_the_same(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file with the header of the build is no failure, since only the build compares its values."""
    output = recipe.with_name("out.safetensors")
    assert _dry(recipe, output) == 0
    assert main(["build", str(recipe), "-o", str(output)]) == 0
    capsys.readouterr()
    assert _dry(recipe, output) == 0
    assert "exists: needs --force, unless it is the same\n" in capsys.readouterr().out
    facts = printed_json(capsys, "build", recipe, "-o", output, "--dry-run")
    assert (facts["taken"], [file["status"] for file in facts["files"]]) == (False, ["exists"])


@pytest.mark.parametrize("options", [(), ("--max-shard-size", "150B")], ids=["file", "folder"])
@pytest.mark.parametrize("what", ["junk", "seed"])
def test_what_exists_is_another(
    recipe: Path, capsys: pytest.CaptureFixture[str], what: str, options: tuple[str, ...]
) -> None:
    """A file whose header is not that of the build needs `--force`, as the build itself says."""
    output = recipe.with_name("out")
    command = ["build", str(recipe), "-o", str(output), *options]
    assert main([*command, "--seed", "1"]) == 0
    path = max(output.glob("*.safetensors")) if options else output
    if what == "junk":
        assert main([*command, "--force"]) == 0
        path.write_bytes(b"precious")
    capsys.readouterr()
    assert _dry(recipe, output, *options) == 1
    assert "exists, and is another: needs --force\n" in capsys.readouterr().out
    facts = printed_json(capsys, *command, "--dry-run", code=1)
    assert (facts["taken"], facts["files"][-1]["status"]) == (True, "other")
    assert main(command) == 2
    capsys.readouterr()
    assert _dry(recipe, output, *options, "--force") == 0
    assert "exists, and is another: is replaced\n" in capsys.readouterr().out
    assert main([*command, "--force"]) == 0


def test_a_part_of_the_build_exists(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Some files of a build, or its index alone, are not the whole, and need `--force`."""
    output = recipe.with_name("out")
    command = ["build", str(recipe), "-o", str(output), "--max-shard-size", "150B"]
    assert main(command) == 0
    first, *others = sorted(output.glob("*.safetensors"))
    first.unlink()
    capsys.readouterr()
    assert main([*command, "--dry-run"]) == 1
    assert "exists: needs --force\n" in capsys.readouterr().out
    for other in others:
        other.unlink()
    assert main([*command, "--dry-run"]) == 1
    assert "what stands there needs --force\n" in capsys.readouterr().out
    assert main(command) == 2
    assert main([*command, "--dry-run", "--force"]) == 0


def test_an_unfinished_replacement(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an interrupted build with `--force` was to replace still needs it."""
    monkeypatch.setattr("initkit.recipe.building.build.LEAST_KEPT_BYTES", 1)
    output = recipe.with_name("out")
    output.write_bytes(b"precious")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(Recipe.load(recipe).plan(), output, overwrite=True, progress=stop, piece_bytes=64)
    assert (_dry(recipe, output), main(["build", str(recipe), "-o", str(output)])) == (1, 2)
    assert _dry(recipe, output, "--force") == 0
    assert main(["build", str(recipe), "-o", str(output), "--force"]) == 0


def test_no_room(recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is too small is a failed check."""
    monkeypatch.setattr("initkit.recipe.building.preview.free_bytes", lambda folder: 100)
    assert _dry(recipe, recipe.with_name("out")) == 1
    assert "has 100 B free, which is NOT enough." in capsys.readouterr().out


def test_files_of_another_model(recipe: Path) -> None:
    """They need `--force`."""
    output = recipe.with_name("out")
    output.mkdir()
    (output / "model-00001-of-00009.safetensors").touch()
    assert _dry(recipe, output, "--max-shard-size", "150B") == 1
    assert _dry(recipe, output, "--max-shard-size", "150B", "--force") == 0


@pytest.mark.parametrize(
    "options",
    [("--max-shard-size", "150B", "--seed", "1"), ("--max-shard-size", "70B"), ("--max-shard-size", "1MB")],
)
def test_an_unfinished_build_of_something_else(
    recipe: Path, unfinished: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    """It needs `--restart`, of which the build itself is the judge; files of other names count as well."""
    capsys.readouterr()
    assert _dry(recipe, unfinished, *options) == 1
    assert "of another recipe or other options: needs --restart\n" in capsys.readouterr().out
    facts = printed_json(capsys, "build", recipe, "-o", unfinished, *options, "--dry-run", code=1)
    # What is finished of it is no other model.
    assert (facts["foreign"], facts["others"]) == (True, [])
    command = ["build", str(recipe), "-o", str(unfinished), *options]
    assert main(command) == 2
    capsys.readouterr()
    assert _dry(recipe, unfinished, *options, "--restart") == 0
    assert "of another recipe or other options: is discarded\n" in capsys.readouterr().out
    assert main([*command, "--restart"]) == 0


def test_an_unfinished_build_of_the_same(
    recipe: Path, unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is gone on with."""
    options = ("--max-shard-size", "150B")
    facts = printed_json(capsys, "build", recipe, "-o", unfinished, *options, "--dry-run")
    assert (facts["foreign"], facts["others"]) == (False, [])
    assert {file["status"] for file in facts["files"]} == {"finished", "new"}
