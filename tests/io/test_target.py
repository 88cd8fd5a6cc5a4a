"""What a path must be to become a file, and how a file gets its name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from initkit.errors import FileAccessError, FileForbiddenError
from initkit.io.target import check_target, create, free_bytes, replace


def test_a_path_that_can_become_a_file(tmp_path: Path) -> None:
    """A new name, and that of a regular file, are fine as long as there is room."""
    check_target(tmp_path / "new", 0)
    (tmp_path / "old").write_bytes(b"old")
    check_target(tmp_path / "old", 3)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["old"]


def test_room_is_asked_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many bytes as are free are enough, and one more is not."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert free_bytes(tmp_path) == 1000
    check_target(tmp_path / "new", 1000)
    with pytest.raises(FileAccessError, match="has 1,000 bytes free, and 1,001 are needed") as caught:
        check_target(tmp_path / "new", 1001)
    assert caught.value.filename == str(tmp_path)


def test_a_file_is_not_made_twice(tmp_path: Path) -> None:
    """A name that is taken is an error, and the file under it is not touched."""
    create(tmp_path / "x").close()
    (tmp_path / "x").write_bytes(b"content")
    with pytest.raises(FileAccessError, match="no file can be made in this folder"):
        create(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"content"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are different on Windows")
def test_a_replaced_file_hands_its_permissions_on(tmp_path: Path) -> None:
    """The new file has the content of the one and the permissions of the other."""
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "old").chmod(0o604)
    replace(tmp_path / "new", tmp_path / "old")
    assert [entry.name for entry in tmp_path.iterdir()] == ["old"]
    assert ((tmp_path / "old").read_bytes(), (tmp_path / "old").stat().st_mode & 0o777) == (b"new", 0o604)


def test_a_system_that_does_not_replace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the old file is open elsewhere, as on Windows, the message says what to do."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Access is denied")

    (tmp_path / "new").write_bytes(b"new")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FileForbiddenError, match="cannot be replaced; close the programs that have it open"):
        replace(tmp_path / "new", tmp_path / "old")
