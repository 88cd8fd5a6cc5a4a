"""Previews: what a build would do, and nothing done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import initkit.recipe.building.build as build_module
from initkit.errors import FileAccessError
from initkit.recipe import Recipe
from initkit.recipe.building.build import build
from initkit.recipe.building.preview import preview
from initkit.recipe.planning.copying import StoredArray
from tests.recipe.texts import plan_of, tensors_and_rules

# 4000, 800, 6000 and 2200 bytes, in three files.
TEXT = tensors_and_rules(
    "a: [1000]\nb: [200]\nlarge: [1500]\nc: [550]", "{match: '*', init: {random_normal: {stddev: 0.02}}}"
)
PLAN = plan_of(TEXT)
SIZE = 5000
NAMES = [f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)]


def _contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}


def test_preview_changes_nothing(tmp_path: Path) -> None:
    """A preview tells every file, its size and what there is of it, and writes nothing."""
    out = tmp_path / "out"
    found = preview(PLAN, out, max_shard_size=SIZE)
    assert [file.path.name for file in found.files] == NAMES
    assert {file.status for file in found.files} == {"new"}
    assert found.missing == sum(file.nbytes for file in found.files)
    assert found.free > 0
    assert _contents(tmp_path) == {}

    def stop(done: int, total: int) -> None:
        if done >= 6000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(PLAN, out, max_shard_size=SIZE, progress=stop, piece_bytes=500)
    before = _contents(out)
    found = preview(PLAN, out, max_shard_size=SIZE)
    assert [file.status for file in found.files] == ["finished", "resumed", "new"]
    assert found.files[0].kept == 4800
    assert 1200 <= found.files[1].kept <= 6000
    assert found.missing == found.files[1].nbytes - found.files[1].kept + found.files[2].nbytes
    other = preview(plan_of(TEXT.replace("0.02", "0.03")), out, max_shard_size=SIZE)
    assert [file.status for file in other.files] == ["foreign", "foreign", "new"]
    assert _contents(out) == before
    build(PLAN, out, max_shard_size=SIZE)
    assert {file.status for file in preview(PLAN, out, max_shard_size=SIZE).files} == {"exists"}
    assert len(preview(PLAN, out, max_shard_size=SIZE, shard=(1, 2)).files) == 1


def test_a_single_file(tmp_path: Path) -> None:
    """A single file is told under the name that was asked for."""
    (file,) = preview(PLAN, tmp_path / "m").files
    assert (file.path, file.status) == (tmp_path / "m", "new")
    assert build(PLAN, tmp_path / "m").nbytes == file.nbytes
    for changed, status in ((False, "exists"), (True, "other")):
        found = preview(plan_of(TEXT.replace("0.02", "0.03")) if changed else PLAN, tmp_path / "m")
        assert (found.files[0].status, found.taken) == (status, changed)


def test_places_that_cannot_be(tmp_path: Path) -> None:
    """What a build refuses before it draws anything, a preview refuses alike."""
    (tmp_path / "file").write_bytes(b"")
    cases: tuple[tuple[Path, int | None], ...] = (
        (tmp_path / "no" / "m", None),
        (tmp_path / "no" / "m", SIZE),
        (tmp_path, None),
        (tmp_path / "file", SIZE),
    )
    for path, size in cases:
        with pytest.raises(FileAccessError) as expected:
            build(PLAN, path, max_shard_size=size)
        with pytest.raises(FileAccessError) as found:
            preview(PLAN, path, max_shard_size=size)
        assert (type(found.value), str(found.value)) == (type(expected.value), str(expected.value))


def test_files_of_another_model(tmp_path: Path) -> None:
    """A preview names what would be loaded in place of the build."""
    build(PLAN, tmp_path, max_shard_size="1MB")
    assert preview(PLAN, tmp_path, max_shard_size=SIZE).others == (tmp_path / "model.safetensors",)
    assert preview(PLAN, tmp_path, max_shard_size="1MB").others == ()


def test_what_is_copied_is_read_only_where_something_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sizes need no SHA-256 of what is copied; what a build has left, whole or not, is known by it alone."""
    monkeypatch.setattr(build_module, "LEAST_KEPT_BYTES", 1)
    build(PLAN, tmp_path / "old.safetensors")
    rules = ("{match: a, copy: {file: old.safetensors, name: a}}", "{match: '*', init: zeros}")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(tensors_and_rules("a: [1000]\nb: [200]", *rules), encoding="utf-8")
    read: list[str] = []
    digest: Callable[[StoredArray], str] = vars(StoredArray)["digest"].func

    def noted(stored: StoredArray) -> str:
        read.append(stored.name)
        return digest(stored)

    # Not cached, so that every reading is seen.
    monkeypatch.setattr(StoredArray, "digest", property(noted))
    plan, path = Recipe.load(recipe).plan(), tmp_path / "new.safetensors"
    (new,) = preview(plan, path).files
    assert (new.status, read) == ("new", [])

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(plan, path, progress=stop, piece_bytes=500)
    read.clear()
    (resumed,) = preview(plan, path).files
    assert (resumed.status, resumed.nbytes, read) == ("resumed", new.nbytes, ["a"])
    assert build(plan, path).nbytes == new.nbytes
    read.clear()
    # Its header, too, has the SHA-256.
    found = preview(plan, path)
    assert (found.files[0].status, found.taken, read) == ("exists", False, ["a"])
