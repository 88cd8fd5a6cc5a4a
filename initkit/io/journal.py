"""A journal of what has been written of a file, which survives that its writer is killed at any moment.

The first line says what the file will be. Every further line says that a stretch of it has been written, and
how certain that is: a process that is killed loses nothing that it has given to the system, but a machine
that loses power does, so such a stretch counts on this machine until it is started anew, and everywhere only
once it has been forced to the disk. Every line ends with its own checksum; at the first that is torn or
damaged the journal ends.

Reference:
    Write-ahead logs, as in Gray and Reuter, "Transaction Processing", 1993, chapter 9.
"""

from __future__ import annotations

import errno
import os
import platform
import time
from functools import cache
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from initkit.io.lock import lock_file
from initkit.io.stretches import Stretches

_TITLE = "initkit journal 1"
_FORCED = "disk"


class Journal:
    """The journal of one file, locked for this process as long as it is open.

    Args:
        path: The journal's own path.

    Attributes:
        path: The journal's own path.
        identity: What the file will be, by its first line; None in a new one.
        done: What has been written and can be relied upon.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.identity: str | None = None
        self.done = Stretches()
        self._file: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether this process has it open, and so has the lock."""
        return self._file is not None

    def open(self, *, wait: bool = False) -> bool:
        """Open or make the journal, lock it, and read what it says.

        Args:
            wait: Whether to wait for whoever has it open.

        Returns:
            False if somebody else has it open.

        Raises:
            OSError: If it can be neither made nor read.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        while self._file is None:
            file = os.open(self.path, flags, 0o666)
            try:
                if not lock_file(file, wait=wait):
                    return False
                # Between opening and locking, whoever had the lock may have removed the file.
                if self._is_at_path(file):
                    self._read(file)
                    self._file, file = file, -1
            finally:
                if file >= 0:
                    os.close(file)
        return True

    def begin(self, identity: str) -> None:
        """Forget everything, and say what the file will be.

        Args:
            identity: Text without spaces that tells it from others.
        """
        assert self._file is not None
        os.ftruncate(self._file, 0)
        self.done = Stretches()
        self.identity = identity
        self._append(f"{_TITLE} {identity}")

    def note(self, start: int, stop: int, *, forced: bool = False) -> None:
        """Say that a stretch has been written.

        Args:
            start: Its first byte.
            stop: The byte after its last.
            forced: Whether it has been forced to the disk.
        """
        self._append(f"{start} {stop} {_FORCED if forced else running_system()}")
        self.done.add(start, stop)

    def close(self) -> None:
        """Close the journal, and so unlock it."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def remove(self) -> None:
        """Close the journal and remove it."""
        if self._file is not None:
            if os.name == "posix":
                # Before anybody else can have the lock, and take what is written here for unfinished.
                self.path.unlink(missing_ok=True)
                self.close()
            else:
                self.close()
                self.path.unlink(missing_ok=True)

    def _append(self, line: str) -> None:
        assert self._file is not None
        data = line.encode()
        data += b" %08x\n" % crc32(data)
        # In one call: a line is written whole or, when the disk is full, not to the end.
        if os.write(self._file, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def _read(self, file: int) -> None:
        with os.fdopen(os.dup(file), "rb") as stream:
            stream.seek(0)
            self.identity, self.done, length = _parsed(stream.read(), anywhere=False)
        # What is appended now must not become a part of a torn line.
        os.ftruncate(file, length)

    def _is_at_path(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self.path.stat())
        except FileNotFoundError:
            return False


def read_journal(path: Path, *, anywhere: bool = False) -> tuple[str | None, Stretches, int]:
    """Read a journal that perhaps somebody else is writing.

    Args:
        path: The journal.
        anywhere: Whether to count what was written on another machine, or before this one was started anew.

    Returns:
        What the file will be, or None; what has been written of it; how many bytes of the journal are sound.
    """
    try:
        data = path.read_bytes()
    except OSError:
        data = b""
    return _parsed(data, anywhere=anywhere)


def _parsed(data: bytes, *, anywhere: bool) -> tuple[str | None, Stretches, int]:
    identity, done, length = None, Stretches(), 0
    relied_on = (_FORCED, running_system())
    for line in data.splitlines(keepends=True):
        said, _, checksum = line.rpartition(b" ")
        if checksum != b"%08x\n" % crc32(said):
            break
        words = said.decode().split(" ")
        if identity is None:
            if words[:-1] != _TITLE.split(" "):
                break
            identity = words[-1]
        elif anywhere or words[2] in relied_on:
            done.add(int(words[0]), int(words[1]))
        length += len(line)
    return identity, done, length


@cache
def running_system() -> str:
    """A short name of this machine since it was last started; another one after every start."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        # To ten seconds: two clocks are read. Where it comes out otherwise, a little is made again.
        started = f"{platform.node()} {round((time.time() - time.monotonic()) / 10)}"
    return sha256(started.encode()).hexdigest()[:12]
