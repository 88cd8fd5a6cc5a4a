"""Files appear under their name when they are whole, and not before."""

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

from initkit.errors import ArgumentError, FileFormatError
from initkit.io import FileReader, FileWriter, TensorEntry, plan_layout

LAYOUT = plan_layout(
    [TensorEntry("w", "float32", (2, 3)), TensorEntry("b", "bfloat16", (4,)), TensorEntry("e", "int8", (0,))],
    {"k": "v"},
)
W = np.arange(6, dtype="float32").reshape(2, 3)
B = np.arange(4).astype(ml_dtypes.bfloat16)

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions and links are different on Windows")


def write_all(writer: FileWriter) -> None:
    """Write every byte of the layout."""
    writer.write("b", 4, B[2:])
    writer.write("w", 0, W)
    writer.write("b", 0, B[:2])


def write_and_fail(path: Path, error: type[BaseException]) -> None:
    """Fail after the last byte."""
    with FileWriter(path, LAYOUT) as writer:
        write_all(writer)
        raise error


@pytest.mark.parametrize("has_calls", [True, False])
def test_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_calls: bool) -> None:
    """Pieces in any order make the file that the official library reads, and no other file stays behind."""
    if not has_calls:
        monkeypatch.delattr(os, "pwrite", raising=False)
    path = tmp_path / "model.safetensors"
    with FileWriter(path, LAYOUT) as writer:
        write_all(writer)
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"]
    assert path.stat().st_size == LAYOUT.size
    loaded = safetensors.torch.load_file(path)
    assert loaded["w"].tolist() == W.tolist()
    assert loaded["b"].tolist() == [0, 1, 2, 3]
    assert loaded["e"].tolist() == []


def test_threads(tmp_path: Path) -> None:
    """Many threads may write pieces at once."""
    values = np.random.default_rng(0).standard_normal((64, 1000), "float32")
    layout = plan_layout([TensorEntry("x", "float32", values.shape)])
    with FileWriter(tmp_path / "x.safetensors", layout) as writer, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: writer.write("x", 4000 * row, values[row]), reversed(range(64))))
    back = np.empty_like(values)
    with FileReader(tmp_path / "x.safetensors") as reader:
        reader.read_into(back, "x")
    assert np.array_equal(back, values)


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_any_exception_leaves_everything_as_it_was(
    tmp_path: Path, error: type[BaseException], existed: bool
) -> None:
    """After an exception the old file is untouched, or there is none; and no other file stays behind."""
    path = tmp_path / "model.safetensors"
    if existed:
        path.write_bytes(b"old")
    with pytest.raises(error):
        write_and_fail(path, error)
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"old"] * existed


@pytest.mark.parametrize(
    ("pieces", "missing"),
    [
        ([], "byte 0 of 24 of tensor 'w'"),
        ([("w", 0, W), ("b", 0, B[:3])], "byte 6 of 8 of tensor 'b'"),
        ([("w", 0, W), ("b", 2, B[1:])], "byte 0 of 8 of tensor 'b'"),
        ([("w", 0, W), ("b", 0, B[:1]), ("b", 4, B[2:])], "byte 2 of 8 of tensor 'b'"),
        ([("w", 0, W), ("b", 0, B[:2]), ("b", 0, B[:2])], "byte 4 of 8 of tensor 'b'"),
        ([("b", 0, B), ("w", 4, W[0]), ("w", 0, W[0, :1])], "byte 16 of 24 of tensor 'w'"),
    ],
    ids=range(6),
)
def test_missing_bytes(
    tmp_path: Path,
    pieces: list[tuple[str, int, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]],
    missing: str,
) -> None:
    """A file of which a byte was never written does not appear, and the message says which byte."""
    writer = FileWriter(tmp_path / "x.safetensors", LAYOUT).__enter__()
    for piece in pieces:
        writer.write(*piece)
    with pytest.raises(FileFormatError, match=f"was not made: {missing} was never written"):
        writer.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_overlapping_pieces(tmp_path: Path) -> None:
    """Pieces may overlap; a long early one counts as far as it reaches."""
    with FileWriter(tmp_path / "x.safetensors", LAYOUT) as writer:
        writer.write("w", 0, W)
        writer.write("w", 4, W[0, 1:2])
        writer.write("b", 2, B[1:])
        writer.write("b", 0, B[:3])
    assert safetensors.torch.load_file(tmp_path / "x.safetensors")["w"].tolist() == W.tolist()


def test_wrong_pieces(tmp_path: Path) -> None:
    """A wrong name or position is refused before anything is written."""
    with FileWriter(tmp_path / "x.safetensors", LAYOUT) as writer:
        write_all(writer)
        with pytest.raises(ArgumentError, match="no tensor 'v'"):
            writer.write("v", 0, W)
        with pytest.raises(ArgumentError, match="not within tensor 'w'"):
            writer.write("w", 4, W)
        with pytest.raises(ArgumentError, match="not within tensor 'b'"):
            writer.write("b", -2, B)
    assert safetensors.torch.load_file(tmp_path / "x.safetensors")["w"].tolist() == W.tolist()


def test_writing_outside_the_block(tmp_path: Path) -> None:
    """Before and after the `with` block there is nothing to write to."""
    writer = FileWriter(tmp_path / "x.safetensors", LAYOUT)
    with pytest.raises(ArgumentError, match=r"x\.safetensors is not open for writing"):
        writer.write("w", 0, W)
    with writer:
        write_all(writer)
    with pytest.raises(ArgumentError, match="is not open for writing"):
        writer.write("w", 0, W)
    with pytest.raises(FileFormatError, match="byte 0 of 24 of tensor 'w'"), writer:
        pass


def test_relative_path_and_long_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in the working folder, and one as long as file systems allow, are fine."""
    monkeypatch.chdir(tmp_path)
    name = "é" * 121 + ".safetensors"
    with FileWriter(name, LAYOUT) as writer:
        write_all(writer)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    """A path that cannot become the file is refused at once, with what to do, and nothing is left behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path, error, message in [
        (tmp_path / "none" / "x", FileNotFoundError, r"there is no such folder; make it first: .*none"),
        (tmp_path / "file" / "x", FileNotFoundError, "there is no such folder; make it first"),
        (tmp_path / "folder", IsADirectoryError, "is a folder; name a file in it: .*folder"),
    ]:
        with pytest.raises(error, match=message), FileWriter(path, LAYOUT):
            pytest.fail("the block was entered")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


@posix
def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    """What is there and is not a regular file is not replaced by one."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is not a regular file"), FileWriter(tmp_path / "pipe", LAYOUT):
        pytest.fail("the block was entered")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little space is found out before anything is computed; just enough is enough."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=LAYOUT.size - 1))
    message = f"disk has {LAYOUT.size - 1} bytes free, and {LAYOUT.size} are needed; free some"
    with pytest.raises(OSError, match=message), FileWriter(tmp_path / "x", LAYOUT):
        pytest.fail("the block was entered")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=LAYOUT.size))
    with FileWriter(tmp_path / "x", LAYOUT) as writer:
        write_all(writer)


def test_write_protected_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that its owner has protected is not replaced."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="is write-protected; unprotect it"), FileWriter(path, LAYOUT):
        pytest.fail("the block was entered")
    assert path.read_bytes() == b"old"


def test_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder in which no file can be made is named, with the system's reason."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(
        PermissionError, match=r"no file can be made in this folder \(Permission denied\); choose"
    ):
        FileWriter(tmp_path / "x", LAYOUT).__enter__()


def test_disk_that_fills_up_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure while the hidden file is prepared removes it."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("initkit.io.positional.PositionalFile.write", refuse)
    with pytest.raises(OSError, match="No space left"):
        FileWriter(tmp_path / "x", LAYOUT).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_replacing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not replace an open file, as Windows, the message says what to do."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with (
        pytest.raises(PermissionError, match="cannot be replaced; close the programs that have it open"),
        FileWriter(tmp_path / "x", LAYOUT) as writer,
    ):
        write_all(writer)
    assert list(tmp_path.iterdir()) == []


@posix
def test_permissions(tmp_path: Path) -> None:
    """A new file has the permissions that the umask leaves, a replaced one those that it had."""
    path = tmp_path / "x.safetensors"
    old = os.umask(0o027)
    try:
        with FileWriter(path, LAYOUT) as writer:
            write_all(writer)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o606)
        with FileWriter(path, LAYOUT) as writer:
            write_all(writer)
        assert stat.S_IMODE(path.stat().st_mode) == 0o606
    finally:
        os.umask(old)


@posix
def test_symbolic_link(tmp_path: Path) -> None:
    """A link stays a link, and the file that it leads to is replaced."""
    (tmp_path / "real").mkdir()
    link, target = tmp_path / "link.safetensors", tmp_path / "real" / "x.safetensors"
    link.symlink_to(target)
    with FileWriter(link, LAYOUT) as writer:
        write_all(writer)
    assert link.is_symlink()
    assert target.stat().st_size == LAYOUT.size
    assert [entry.name for entry in (tmp_path / "real").iterdir()] == ["x.safetensors"]


def test_two_writers_of_one_name(tmp_path: Path) -> None:
    """Two writers of one name do not disturb each other; the last to finish wins, whole."""
    path = tmp_path / "x.safetensors"
    with FileWriter(path, LAYOUT) as one:
        write_all(one)
        with FileWriter(path, LAYOUT) as other:
            write_all(other)
            other.write("w", 0, W + 1)
        assert safetensors.torch.load_file(path)["w"][0, 0] == 1
    assert safetensors.torch.load_file(path)["w"][0, 0] == 0
    assert len(list(tmp_path.iterdir())) == 1
