"""Locks: one owner at a time, none after its death, and everybody where there are none."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import initkit.io.lock as lock_module
from initkit.io.lock import lock_file

HOLDER = """
import os, sys, time
from initkit.io.lock import lock_file
print(lock_file(os.open(sys.argv[1], os.O_RDWR)), flush=True)
time.sleep(60)
"""


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(b"content")
    return tmp_path / "x"


def test_a_killed_owner_has_no_lock(path: Path) -> None:
    """Another process' lock is respected while it lives, and gone as soon as it has been killed."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with path.open("r+") as file:
            assert not lock_file(file.fileno())
            holder.kill()
            holder.wait()
            assert lock_file(file.fileno())


def test_closing_another_descriptor_keeps_the_lock(path: Path) -> None:
    """Reading the file in the same process, and closing it, does not unlock it."""
    with path.open("r+") as one, path.open("r+") as other:
        assert lock_file(one.fileno())
        path.read_bytes()
        assert not lock_file(other.fileno())
    with path.open("r+") as other:
        assert lock_file(other.fileno())


@pytest.mark.parametrize(
    ("number", "result"), [(errno.ENOLCK, True), (errno.ENOTSUP, True), (errno.EAGAIN, False)]
)
def test_file_systems_without_locks(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, result: bool
) -> None:
    """Where the system has no locks, one goes on without; a lock that somebody has is no error either."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock_module, "_lock", refuse)
    with path.open("r+") as file:
        assert lock_file(file.fileno()) is result


def test_other_errors_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken disk is not taken for a file system without locks."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(lock_module, "_lock", refuse)
    with path.open("r+") as file, pytest.raises(OSError, match="Input/output"):
        lock_file(file.fileno())
