"""Files appear under their name when they are whole; until then others can go on with them."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
import safetensors.torch

import initkit.io.journal as journal_module
import initkit.io.resumable_file as resumable_module
from initkit.errors import FileFormatError, FileTakenError
from initkit.io import ResumableFile, TensorEntry, plan_layout
from initkit.io.resumable_file import progress_of

LAYOUT = plan_layout(
    [TensorEntry("w", "float32", (2, 3)), TensorEntry("b", "bfloat16", (4,)), TensorEntry("e", "int8", (0,))],
    {"k": "v"},
)
OTHER = plan_layout([TensorEntry("w", "float32", (2, 3))], {"k": "another"})
W = np.arange(6, dtype="float32").reshape(2, 3)
B = np.arange(4).astype(ml_dtypes.bfloat16)
START, STOP = len(LAYOUT.prefix), LAYOUT.size

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links are different on Windows")


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def _write_all(file: ResumableFile) -> None:
    """Write every byte of the layout, and say so."""
    file.write(W, START)
    file.write(B, START + W.nbytes)
    file.note(START, STOP)


def _make(path: Path) -> None:
    with ResumableFile(path, LAYOUT) as file:
        _write_all(file)
        file.finish()
        file.forget()


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("has_calls", [True, False])
@pytest.mark.parametrize("force", [True, False])
def test_whole_file(path: Path, monkeypatch: pytest.MonkeyPatch, has_calls: bool, force: bool) -> None:
    """What is written is the file that the official library reads, and no other file stays behind."""
    if not has_calls:
        monkeypatch.delattr(os, "pwrite", raising=False)
    with ResumableFile(path, LAYOUT) as file:
        assert _names(path.parent) == [f".{path.name}.journal", f".{path.name}.partial"]
        _write_all(file)
        assert not path.exists()
        file.finish(force=force)
        assert path.exists()
        file.forget()
    assert _names(path.parent) == [path.name]
    assert path.stat().st_size == LAYOUT.size
    loaded = safetensors.torch.load_file(path)
    assert loaded["w"].tolist() == W.tolist()
    assert loaded["b"].tolist() == [0, 1, 2, 3]
    assert loaded["e"].tolist() == []


def test_threads(path: Path) -> None:
    """Many threads may write and note pieces at once."""
    values = np.random.default_rng(0).standard_normal((64, 1000), "float32")
    layout = plan_layout([TensorEntry("x", "float32", values.shape)])
    start = len(layout.prefix)

    def write(row: int) -> None:
        file.write(values[row], start + 4000 * row)
        file.note(start + 4000 * row, start + 4000 * (row + 1))

    with ResumableFile(path, layout) as file:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, reversed(range(64))))
        file.finish()
        file.forget()
    assert np.array_equal(safetensors.torch.load_file(path)["x"].numpy(), values)


def test_a_second_writer_goes_on(path: Path) -> None:
    """What a writer has noted is there for the next one; what it has only written is not."""
    with ResumableFile(path, LAYOUT) as file:
        file.write(W, START)
        file.note(START, START + W.nbytes)
        file.write(B, START + W.nbytes)
    assert progress_of(path, LAYOUT) == (False, W.nbytes, False)
    with ResumableFile(path, LAYOUT) as file:
        assert not file.finished
        assert list(file.done) == [(START, START + W.nbytes)]
        with pytest.raises(FileFormatError, match="was not made: 24 bytes of 32 were written"):
            file.finish()
        file.write(B, START + W.nbytes)
        file.note(START + W.nbytes, STOP)
        file.finish()
        file.forget()
    assert safetensors.torch.load_file(path)["b"].tolist() == [0, 1, 2, 3]


def test_a_finished_file_is_known_until_it_is_forgotten(path: Path) -> None:
    """Killed between giving the name and forgetting, the next writer finds that all is done."""
    with ResumableFile(path, LAYOUT) as file:
        _write_all(file)
        file.finish()
        file.wait_until_forced()
    assert progress_of(path, LAYOUT) == (True, STOP - START, False)
    with ResumableFile(path, LAYOUT) as file:
        assert file.finished
        file.finish()
        file.forget()
    assert progress_of(path, LAYOUT) == (False, 0, False)
    assert _names(path.parent) == [path.name]


def test_an_old_file_of_the_same_header_is_not_taken_for_the_new_one(path: Path) -> None:
    """While a file is being replaced by one of the same header, the old one does not count as done."""
    _make(path)
    with ResumableFile(path, LAYOUT) as file:
        assert not file.finished
        _write_all(file)
    with ResumableFile(path, LAYOUT) as file:
        assert not file.finished
        assert file.done_bytes == STOP - START
        file.finish()
        file.forget()


def test_a_lost_or_damaged_partial_file_is_begun_anew(path: Path) -> None:
    """A journal without its file, or with one of another size or header, is no proof of anything."""
    partial = path.with_name(f".{path.name}.partial")
    for damage in (
        lambda: partial.unlink(),
        lambda: partial.write_bytes(b"short"),
        lambda: partial.write_bytes(b"x" * LAYOUT.size),
    ):
        with ResumableFile(path, LAYOUT) as file:
            _write_all(file)
        damage()
        with ResumableFile(path, LAYOUT) as file:
            assert file.done_bytes == 0
            file.discard()


def test_power_failure(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart of the machine what was not forced to the disk is written again, finished or not."""
    with ResumableFile(path, LAYOUT) as file:
        file.write(W, START)
        file.note(START, START + W.nbytes)
        file._force_beside()
        file.wait_until_forced()
        file.note(START + W.nbytes, STOP)
    monkeypatch.setattr(journal_module, "running_system", lambda: "after")
    with ResumableFile(path, LAYOUT) as file:
        assert list(file.done) == [(START, START + W.nbytes)]
        _write_all(file)
        file.finish()
    monkeypatch.setattr(journal_module, "running_system", lambda: "after another")
    assert progress_of(path, LAYOUT, anywhere=True).finished
    with ResumableFile(path, LAYOUT) as file:
        assert not file.finished
        assert file.done_bytes == 0
        _write_all(file)
        file.finish(force=True)
    monkeypatch.setattr(journal_module, "running_system", lambda: "after a third")
    with ResumableFile(path, LAYOUT) as file:
        assert file.finished


def test_a_disk_that_fails_behind_ones_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong when bytes are forced to the disk is raised at the next chance."""

    def fail(file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(resumable_module, "force_to_disk", fail)
    monkeypatch.setattr(resumable_module, "_FORCE_BYTES", 1)
    with ResumableFile(path, LAYOUT) as file:
        file.note(START, START + 8)
        file.wait_until_forced()
        with pytest.raises(OSError, match="Input/output error"):
            file.note(START + 8, STOP)


def test_other_content_is_refused_and_can_be_discarded(path: Path) -> None:
    """An unfinished file of another header is kept, until somebody says that it shall not be."""
    with ResumableFile(path, LAYOUT) as file:
        file.note(START, START + 8)
    before = _names(path.parent)
    assert progress_of(path, OTHER) == (False, 0, True)
    with pytest.raises(
        FileTakenError, match=r"of another recipe, or of other options.*discard it with --restart"
    ):
        ResumableFile(path, OTHER).open()
    assert _names(path.parent) == before
    assert progress_of(path, LAYOUT) == (False, 8, False)
    file = ResumableFile(path, OTHER).open(restart=True)
    assert file.done_bytes == 0
    file.close()
    assert progress_of(path, LAYOUT).foreign


def test_one_writer_at_a_time(path: Path) -> None:
    """A second writer of the same file is refused and disturbs nothing, restart or not."""
    with ResumableFile(path, LAYOUT) as file:
        file.write(W, START)
        for restart in (False, True):
            with pytest.raises(FileTakenError, match="another process is writing it now"):
                ResumableFile(path, LAYOUT).open(restart=restart)
        _write_all(file)
        file.finish()
        file.forget()
    assert safetensors.torch.load_file(path)["w"].tolist() == W.tolist()
    assert _names(path.parent) == [path.name]


def test_relative_path_and_long_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in the working folder, and one as long as file systems allow, are fine."""
    monkeypatch.chdir(tmp_path)
    name = "é" * 121 + ".safetensors"
    _make(Path(name))
    assert _names(tmp_path) == [name]


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    """A path that cannot become the file is refused at once, with what to do, and nothing is left behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path, error, message in [
        (tmp_path / "none" / "x", FileNotFoundError, r"there is no such folder; make it first: .*none"),
        (tmp_path / "file" / "x", FileNotFoundError, "there is no such folder; make it first"),
        (tmp_path / "folder", IsADirectoryError, "is a folder; name a file in it: .*folder"),
    ]:
        with pytest.raises(error, match=message):
            ResumableFile(path, LAYOUT).open()
    assert _names(tmp_path) == ["file", "folder"]


@posix
def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    """What is there and is not a regular file is not replaced by one."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a regular file"):
        ResumableFile(tmp_path / "pipe", LAYOUT).open()
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little space is found out before anything is computed; enough for what is missing is enough."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=LAYOUT.size - 1))
    message = f"disk has {LAYOUT.size - 1} bytes free, and {LAYOUT.size} are needed; free some"
    with pytest.raises(OSError, match=message):
        ResumableFile(path, LAYOUT).open()
    assert _names(path.parent) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=LAYOUT.size))
    with ResumableFile(path, LAYOUT) as file:
        file.note(START, START + 8)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=LAYOUT.size - 8))
    ResumableFile(path, LAYOUT).open().close()


def test_write_protected_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that its owner has protected is not replaced."""
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="is write-protected; unprotect it"):
        ResumableFile(path, LAYOUT).open()
    assert path.read_bytes() == b"old"


def test_folder_without_permission(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which no file can be made is named, with the system's reason."""

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match=r"no file can be made in this folder \(Permission denied\)"):
        ResumableFile(path, LAYOUT).open()


def test_disk_that_fills_up_at_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure while the hidden files are prepared removes them."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("initkit.io.positional.PositionalFile.write", refuse)
    with pytest.raises(OSError, match="No space left"):
        ResumableFile(path, LAYOUT).open()
    assert _names(path.parent) == []


def test_replacing_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not replace an open file, as Windows, the message says so; nothing is lost."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Access is denied")

    with ResumableFile(path, LAYOUT) as file:
        _write_all(file)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", refuse)
            with pytest.raises(PermissionError, match="cannot be replaced; close the programs"):
                file.finish()
    assert progress_of(path, LAYOUT) == (False, STOP - START, False)


@posix
def test_permissions(path: Path) -> None:
    """A new file has the permissions that the umask leaves, a replaced one those that it had."""
    old = os.umask(0o027)
    try:
        _make(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o606)
        _make(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o606
    finally:
        os.umask(old)


@posix
def test_symbolic_link(tmp_path: Path) -> None:
    """A link stays a link, and the file that it leads to is replaced."""
    (tmp_path / "real").mkdir()
    link, target = tmp_path / "link.safetensors", tmp_path / "real" / "x.safetensors"
    link.symlink_to(target)
    _make(link)
    assert link.is_symlink()
    assert target.stat().st_size == LAYOUT.size
    assert _names(tmp_path / "real") == ["x.safetensors"]
