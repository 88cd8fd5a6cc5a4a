"""Writing a safetensors file in pieces; it appears under its name only when it is whole."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress
from io import FileIO
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from initkit.errors import ArgumentError, FileFormatError, file_access_error
from initkit.io.positional import Bytes, PositionalFile, as_bytes
from initkit.io.safetensors import Layout, position_in


class FileWriter:
    """A safetensors file that is being written, as a context manager.

    The bytes go to a hidden file in the same folder, named `.NAME.….tmp`. It gets its name at the end of the
    `with` block, in one step, if every byte of every tensor was written. On any exception, Ctrl-C included,
    it is removed, and what stood under the name before is untouched. The new file's permissions are those of
    the file it replaces, or what the umask leaves.

    The bytes are not forced to the disk (fsync) first: that can take longer than making them. After a power
    failure within the next seconds the file may be damaged; then it is made again.

    Args:
        path: The file; written through if it is a symbolic link.
        layout: What stands where in it.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from initkit.io import TensorEntry, plan_layout, read_header
        >>> layout = plan_layout([TensorEntry("w", "float32", (2, 3))])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with FileWriter(f"{folder}/model.safetensors", layout) as writer:
        ...         writer.write("w", 0, np.zeros((2, 3), "float32"))
        ...     read_header(f"{folder}/model.safetensors") == layout
        True
    """

    def __init__(self, path: str | os.PathLike[str], layout: Layout) -> None:
        self.path = Path(path)
        self.layout = layout
        self._target = Path(os.path.realpath(path))
        self._file: PositionalFile | None = None
        self._written: dict[str, list[tuple[int, int]]] = {}
        self._lock = Lock()

    def __enter__(self) -> Self:
        """Begin the hidden file.

        Raises:
            FileAccessError: If the folder does not exist or cannot be written to, if the path is a folder or
                not a regular file, if it is write-protected, or if the disk has not enough space.
        """
        _check_target(self._target, self.layout.size)
        # A short part of the name: file systems bound the length of names.
        hidden = f".{self._target.name[:40]}.{secrets.token_hex(4)}.tmp"
        self._temporary = self._target.with_name(hidden)
        self._written = {name: [] for name in self.layout.tensors}
        try:
            self._file = PositionalFile(_create(self._temporary))
            self._file.raw.truncate(self.layout.size)
            self._file.write(memoryview(self.layout.prefix), 0)
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, name: str, offset: int, buffer: Bytes) -> None:
        """Write a piece of a tensor, in any order. May be called from several threads at once.

        Args:
            name: The tensor.
            offset: Where the piece begins, in bytes from the tensor's first.
            buffer: A contiguous array of any dtype, or bytes; little-endian, as the file will have them.

        Raises:
            ArgumentError: If there is no such tensor, or the piece is not within it; or the file is closed.
            ArgumentTypeError: If `buffer` is no buffer.
            OSError: If the system refuses, as on a full disk.
        """
        if self._file is None:
            message = f"{self.path} is not open for writing. Write within the `with` block of the FileWriter."
            raise ArgumentError(message)
        data = as_bytes(buffer)
        self._file.write(data, position_in(self.layout, name, offset, len(data)))
        with self._lock:
            self._written[name].append((offset, offset + len(data)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the file its name, or remove it.

        Raises:
            FileFormatError: If bytes are missing.
            FileAccessError: If the system refuses, as Windows does while another program has the old file
                open.
        """
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def _finish(self) -> None:
        for name, tensor in self.layout.tensors.items():
            end = _covered(self._written[name])
            if end < tensor.nbytes:
                message = f"{self.path} was not made: byte {end:,} of {tensor.nbytes:,} of tensor {name!r}"
                message += " was never written. Write all bytes of all tensors."
                raise FileFormatError(message)
        assert self._file is not None
        self._file.raw.close()
        with suppress(FileNotFoundError):
            shutil.copymode(self._target, self._temporary)
        try:
            self._temporary.replace(self._target)
        except PermissionError as error:
            message = "cannot be replaced; close the programs that have it open"
            raise file_access_error(error.errno, message, str(self.path)) from error

    def _discard(self) -> None:
        """Close and remove the hidden file, if there still is one."""
        file, self._file = self._file, None
        if file is not None:
            file.raw.close()
            with suppress(OSError):
                self._temporary.unlink()


def _check_target(target: Path, size: int) -> None:
    """Refuse, before anything is computed, a path that cannot become a file of this size."""
    folder = target.parent
    if not folder.is_dir():
        raise file_access_error(errno.ENOENT, "there is no such folder; make it first", str(folder))
    if target.is_dir():
        raise file_access_error(errno.EISDIR, "is a folder; name a file in it", str(target))
    if target.exists():
        if not target.is_file():
            raise file_access_error(
                errno.EINVAL, "is not a regular file; remove it, or choose another name", str(target)
            )
        if not os.access(target, os.W_OK):
            message = "is write-protected; unprotect it, or choose another name"
            raise file_access_error(errno.EACCES, message, str(target))
    free = shutil.disk_usage(folder).free
    if free < size:
        message = f"the disk has {free:,} bytes free, and {size:,} are needed; free some, or choose another"
        raise file_access_error(errno.ENOSPC, message, str(folder))


def _create(path: Path) -> FileIO:
    """A new file, with the permissions that the umask leaves."""
    try:
        return path.open("xb", buffering=0)
    except OSError as error:
        message = f"no file can be made in this folder ({error.strerror}); choose another"
        raise file_access_error(error.errno, message, str(path.parent)) from error


def _covered(pieces: list[tuple[int, int]]) -> int:
    """Up to which byte the pieces leave no gap."""
    end = 0
    for first, last in sorted(pieces):
        if first > end:
            break
        end = max(end, last)
    return end
