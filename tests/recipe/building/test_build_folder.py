"""Builds of several files: as Hugging Face's libraries write them, by one process or by many at once."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

import initkit.io.journal as journal_module
import initkit.recipe.building.build as build_module
import initkit.recipe.building.files as files_module
from initkit.errors import FileAccessError, FileMissingError, FileTakenError
from initkit.io import ResumableFile, read_header
from initkit.recipe import Plan, verify
from initkit.recipe.building.build import BuildReport, build
from initkit.recipe.building.output import MARKER_NAME
from initkit.recipe.building.work import Work
from tests.recipe.texts import plan_of, tensors_and_rules

# 4000, 400, 400, 6000, 200, 2000 and 0 bytes.
TENSORS = """
a: [1000]
b.{0..1}: [100]
large: [1500]
half: {shape: [100], dtype: bfloat16}
c: [500]
none: [0]
t: {tie: c}
"""
TEXT = tensors_and_rules(TENSORS, "{match: '*', init: {random_normal: {stddev: 0.02}}}")
PLAN = plan_of(TEXT)
SIZE = 5000
NAMES = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]
INDEX = "model.safetensors.index.json"
GOLDEN_INDEX = """{
  "metadata": {
    "total_size": 13000
  },
  "weight_map": {
    "a": "model-00001-of-00003.safetensors",
    "b.0": "model-00001-of-00003.safetensors",
    "b.1": "model-00001-of-00003.safetensors",
    "c": "model-00003-of-00003.safetensors",
    "half": "model-00003-of-00003.safetensors",
    "large": "model-00002-of-00003.safetensors",
    "none": "model-00003-of-00003.safetensors"
  }
}
"""


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _digests(folder: Path) -> dict[str, str]:
    return {entry.name: hashlib.sha256(entry.read_bytes()).hexdigest() for entry in folder.iterdir()}


def _build(folder: Path, plan: Plan = PLAN, **options: Any) -> BuildReport:
    return build(plan, folder, **{"max_shard_size": SIZE, **options})


def _interrupt(folder: Path, after: int, **options: Any) -> None:
    """A build that Ctrl-C ends when so many bytes are there."""

    def stop(done: int, total: int) -> None:
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _build(folder, progress=stop, piece_bytes=500, **options)


def test_files_and_index_are_hugging_faces(tmp_path: Path) -> None:
    """Names, division and index are Hugging Face's, whose library reads the values of a single file."""
    report = _build(tmp_path / "out")
    assert _names(tmp_path / "out") == [*NAMES, INDEX]
    assert (tmp_path / "out" / INDEX).read_text() == GOLDEN_INDEX
    assert report.files == tuple(tmp_path / "out" / name for name in NAMES)
    assert report.nbytes == sum((tmp_path / "out" / name).stat().st_size for name in NAMES)
    assert report.complete
    build(PLAN, tmp_path / "one")
    with safe_open(tmp_path / "one", "pt") as one:
        for name, file in json.loads(GOLDEN_INDEX)["weight_map"].items():
            with safe_open(tmp_path / "out" / file, "pt") as part:
                assert part.metadata()["format"] == "pt"
                found, expected = part.get_tensor(name), one.get_tensor(name)
            assert found.dtype == expected.dtype
            assert found.equal(expected)


def test_metadata_of_parts() -> None:
    """Every file has the recipe, and the ties whose target is in it."""
    metadata = [file.layout.metadata for file in Work(PLAN, SIZE).files]
    assert {entry["initkit.recipe"] for entry in metadata} == {TEXT}
    assert [entry.get("initkit.ties") for entry in metadata] == [None, None, '{"t": "c"}']


def test_a_long_recipe_stands_in_the_first_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the recipe is long, the others name the first file; each is verified with it, and no other."""
    monkeypatch.setattr(files_module, "MOST_REPEATED_TEXT", 10)
    _build(tmp_path)
    with_recipe = ["initkit.recipe" in read_header(tmp_path / name).metadata for name in NAMES]
    assert with_recipe == [True, False, False]
    for name in NAMES:
        assert verify(tmp_path / name).ok
    assert verify(tmp_path).ok
    other = plan_of(TEXT.replace("0.02", "0.03"))
    _build(tmp_path / "other", other)
    (tmp_path / "other" / NAMES[0]).replace(tmp_path / NAMES[0])
    with pytest.raises(ValueError, match="has another recipe than"):
        verify(tmp_path / NAMES[1])


def test_one_file_has_no_index(tmp_path: Path) -> None:
    """A model that fits is one file, `model.safetensors`, the same as without a limit."""
    _build(tmp_path / "out", max_shard_size="1MB")
    build(PLAN, tmp_path / "one")
    assert _names(tmp_path / "out") == ["model.safetensors"]
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == (tmp_path / "one").read_bytes()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_make_the_same_files(tmp_path: Path, count: int) -> None:
    """Several processes, in any order, make to the byte what one makes; the last one makes the index."""
    _build(tmp_path / "whole")
    shares = [(number, count) for number in range(count, 0, -1)]
    reports = [_build(tmp_path / "parts", shard=share) for share in shares]
    assert sum(len(report.files) for report in reports) == 3
    assert reports[-1].complete
    assert _digests(tmp_path / "parts") == _digests(tmp_path / "whole")
    again = _build(tmp_path / "parts", shard=(1, count))
    assert again.complete
    assert again.kept == sum(
        stored.nbytes for path in again.files for stored in read_header(path).tensors.values()
    )


def test_shares_on_several_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one counts what other machines have finished, whether it is on their disks or not yet."""
    monkeypatch.setattr(ResumableFile, "_force_beside", lambda self: None)
    for number in (1, 2, 3):
        monkeypatch.setattr(journal_module, "running_system", lambda number=number: f"machine {number}")
        report = _build(tmp_path, shard=(number, 3))
    assert report.complete
    assert _names(tmp_path) == [*NAMES, INDEX]


def test_the_index_comes_last(tmp_path: Path) -> None:
    """Until the last share is there, no index says that the folder is a model."""
    assert not _build(tmp_path, shard=(1, 2)).complete
    names = _names(tmp_path)
    assert MARKER_NAME in names
    assert INDEX not in names


def test_shares_at_once(tmp_path: Path) -> None:
    """Three processes at the same time make what one makes, whoever is the last."""
    _build(tmp_path / "whole")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(TEXT, encoding="utf-8")
    command = [sys.executable, "-m", "initkit", "build", str(recipe), "-o", str(tmp_path / "parts")]
    processes = [
        subprocess.Popen(
            [*command, "--max-shard-size", str(SIZE), "--shard", f"{number}/3"], stderr=subprocess.PIPE
        )
        for number in (1, 2, 3)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert _digests(tmp_path / "parts") == _digests(tmp_path / "whole")


@pytest.mark.parametrize("after", [500, 4800, 6000, 11_000, 13_000])
@pytest.mark.parametrize("shard", [None, (1, 1)])
def test_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, shard: tuple[int, int] | None
) -> None:
    """Files that are whole and the part of another stay; the second call writes the rest and the index."""
    monkeypatch.setattr(build_module, "LEAST_KEPT_BYTES", 1)
    _build(tmp_path / "whole")
    _interrupt(tmp_path / "out", after, shard=shard)
    assert INDEX not in _names(tmp_path / "out")
    report = _build(tmp_path / "out", shard=shard, piece_bytes=500)
    assert report.kept >= after
    assert _digests(tmp_path / "out") == _digests(tmp_path / "whole")


def test_killed_while_cleaning_up(tmp_path: Path) -> None:
    """Once the index is there the build is complete, whatever else its end has left."""
    _interrupt(tmp_path / "out", 13_000)
    marker = (tmp_path / "out" / MARKER_NAME).read_bytes()
    _build(tmp_path / "out")
    whole = _digests(tmp_path / "out")
    (tmp_path / "out" / MARKER_NAME).write_bytes(marker)
    (tmp_path / "out" / f".{NAMES[1]}.journal").write_bytes(b"")
    report = _build(tmp_path / "out")
    assert (report.complete, report.kept) == (True, 13_000)
    assert _digests(tmp_path / "out") == whole


def test_another_size_or_recipe_is_another_build(tmp_path: Path) -> None:
    """An unfinished build is not continued by one with other files, which discards it where that is said."""
    _interrupt(tmp_path / "out", 6000)
    for options in ({"max_shard_size": 4000}, {"plan": plan_of(TEXT.replace("0.02", "0.03"))}):
        with pytest.raises(FileTakenError, match=r"unfinished build of another recipe, or of other options"):
            _build(tmp_path / "out", **options)
    _build(tmp_path / "out", max_shard_size=4000, restart=True, overwrite=True)
    left = [name for name in _names(tmp_path / "out") if name.startswith(".")]
    assert not left
    assert verify(tmp_path / "out").ok


def test_a_build_with_other_files_that_is_being_written(tmp_path: Path) -> None:
    """Nobody discards what another process is writing just now."""
    refused: list[str] = []

    def another(done: int, total: int) -> None:
        with pytest.raises(FileTakenError, match="another process is writing it now"):
            _build(tmp_path / "out", max_shard_size=4000, restart=True)
        refused.append("")

    _build(tmp_path / "out", progress=another)
    assert refused
    assert verify(tmp_path / "out").ok


def test_existing_files_are_kept(tmp_path: Path) -> None:
    """Files under any of the names are not touched, unless that is said; then the index goes first."""
    _build(tmp_path / "out")
    before = _digests(tmp_path / "out")
    with pytest.raises(
        FileTakenError,
        match=r"model-00001.* is there already: it is of another recipe or other options; .*say --force",
    ):
        _build(tmp_path / "out", plan_of(TEXT.replace("0.02", "0.03")))
    assert _digests(tmp_path / "out") == before
    _interrupt(tmp_path / "out", 6000, overwrite=True)
    assert INDEX not in _names(tmp_path / "out")
    _build(tmp_path / "out", overwrite=True)
    assert _digests(tmp_path / "out") == before


OTHERS = ("model.safetensors", "model-00001-of-00004.safetensors", "model-00004-of-00004.safetensors")
THEIRS = ("pytorch_model.bin", "adapter_model.safetensors", "model-1-of-2.safetensors", "config.json")


def _older(folder: Path) -> None:
    """A folder in which somebody else's model is."""
    folder.mkdir()
    for name in (*OTHERS, *THEIRS, INDEX):
        (folder / name).write_bytes(b"old")


@pytest.mark.parametrize("single", [False, True])
def test_nothing_of_an_older_model_stays(tmp_path: Path, single: bool) -> None:
    """With `overwrite`, what loaders would prefer to the new model or mix with it goes; nothing else does."""
    folder = tmp_path / "out"
    _older(folder)
    size = "1MB" if single else SIZE
    with pytest.raises(
        FileTakenError, match=r"is there already: by its name it is of another build; .*say --force"
    ):
        _build(folder, max_shard_size=size)
    assert _names(folder) == sorted([*OTHERS, *THEIRS, INDEX])
    _build(folder, max_shard_size=size, overwrite=True)
    ours = ["model.safetensors"] if single else [*NAMES, INDEX]
    assert _names(folder) == sorted([*ours, *THEIRS])
    assert all((folder / name).read_bytes() == b"old" for name in THEIRS)


@pytest.mark.parametrize("name", OTHERS)
def test_any_file_of_another_model_is_refused(tmp_path: Path, name: str) -> None:
    """One file under a name that the build has not is enough to be in its way."""
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(FileTakenError, match=f"{name} is there already"):
        _build(tmp_path)
    assert _names(tmp_path) == [name]


def test_killed_over_an_older_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a build over an older model is killed, there is an index only once the old files are gone."""
    folder = tmp_path / "out"
    _older(folder)
    _interrupt(folder, 6000, overwrite=True)
    assert INDEX not in _names(folder)
    assert {*OTHERS} < {*_names(folder)}
    with pytest.raises(FileTakenError, match="would be loaded in place of this one"):
        _build(folder)
    unlink, removed = Path.unlink, []

    def kill(path: Path, missing_ok: bool = False) -> None:
        assert INDEX not in _names(folder)
        unlink(path, missing_ok)
        if path.name in OTHERS:
            removed.append(path.name)
            raise KeyboardInterrupt

    for _ in OTHERS:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", kill)
            with pytest.raises(KeyboardInterrupt):
                _build(folder, overwrite=True)
        assert MARKER_NAME in _names(folder)
    assert sorted(removed) == sorted(OTHERS)
    _build(folder, overwrite=True)
    assert _names(folder) == sorted([*NAMES, *THEIRS, INDEX])
    assert verify(folder).ok


def test_shares_over_an_older_model(tmp_path: Path) -> None:
    """Whoever is the last removes the older files; no share removes those of another."""
    _build(tmp_path / "whole")
    folder = tmp_path / "out"
    _older(folder)
    for number in (2, 3, 5, 1):
        report = _build(folder, shard=(number, 5), overwrite=True)
        assert all(Path(path).exists() for path in report.files)
        assert report.complete == (number == 1)
        assert {*OTHERS} & {*_names(folder)} == (set() if report.complete else {*OTHERS})
    # A share of no files that comes late with the same options begins nothing anew.
    assert _build(folder, shard=(4, 5), overwrite=True).complete
    built = {name: digest for name, digest in _digests(folder).items() if name not in THEIRS}
    assert built == _digests(tmp_path / "whole")


def test_a_model_of_another_seed_is_not_this_one(tmp_path: Path) -> None:
    """The index is the same for all seeds; a share looks into the files."""
    _build(tmp_path)
    before = _digests(tmp_path)
    with pytest.raises(FileTakenError, match=r"is there already"):
        _build(tmp_path, plan_of(TEXT.replace("seed: 42", "seed: 43")), shard=(1, 2))
    assert _digests(tmp_path) == before


def test_restarting_spares_what_no_interrupted_build_has_left(tmp_path: Path) -> None:
    """`restart` discards the whole files of the interrupted build, too, and no others without `overwrite`."""
    folder = tmp_path / "out"
    _interrupt(folder, 6000)
    _build(folder, max_shard_size=4000, restart=True)
    assert [name for name in _names(folder) if "of-00003" in name] == []
    assert verify(folder).ok
    other = tmp_path / "other"
    _interrupt(other, 6000)
    (other / OTHERS[0]).write_bytes(b"old")
    with pytest.raises(FileTakenError, match=r"model\.safetensors is there already"):
        _build(other, max_shard_size=4000, restart=True)
    assert (other / OTHERS[0]).read_bytes() == b"old"
    assert NAMES[0] in _names(other)


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    """The folder's parent has to exist, a file is no folder, and nothing is left behind."""
    with pytest.raises(FileMissingError, match="no such folder"):
        _build(tmp_path / "no" / "out")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileAccessError, match="is a file; several files need a folder"):
        _build(tmp_path / "file")
    assert _names(tmp_path) == ["file"]


def test_a_full_disk_is_noticed_before_the_first_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room is needed for all files together; where it is not there, no folder is left."""
    monkeypatch.setattr(build_module, "free_bytes", lambda folder: 14_000)
    with pytest.raises(FileAccessError, match=r"the disk has 14,000 bytes free, and \d+,\d+ are"):
        _build(tmp_path / "out")
    assert _names(tmp_path) == []


def test_pieces_of_zero_elements(tmp_path: Path) -> None:
    """A file of nothing but empty tensors is a file, too."""
    plan = plan_of(tensors_and_rules("a: [0]\nb: [3, 0]", "{match: '*', init: ones}"))
    assert build(plan, tmp_path / "m").complete
    with safe_open(tmp_path / "m", "np") as file:
        np.testing.assert_array_equal(file.get_tensor("b"), np.empty((3, 0), np.float32))
