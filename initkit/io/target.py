"""The path that a file will have: whether it can be made there, and how it gets its name."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from io import FileIO
from pathlib import Path

from initkit.errors import file_access_error


def check_target(target: Path, size: int) -> None:
    """Refuse, before anything is computed, a path that cannot become a file of a size.

    Args:
        target: The path, links resolved.
        size: How many bytes the disk has to have free.

    Raises:
        FileAccessError: If the folder does not exist, if the path is a folder or not a regular file, if it is
            write-protected, or if the disk has not enough space.
    """
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
    free = free_bytes(folder)
    if free < size:
        message = f"the disk has {free:,} bytes free, and {size:,} are needed; free some, or choose another"
        raise file_access_error(errno.ENOSPC, message, str(folder))


def create(path: Path) -> FileIO:
    """Make a new file, with the permissions that the umask leaves.

    Args:
        path: Its path.

    Returns:
        The file, opened for writing without a buffer.

    Raises:
        FileAccessError: The folder cannot be written to.
    """
    try:
        return path.open("xb", buffering=0)
    except OSError as error:
        message = f"no file can be made in this folder ({error.strerror}); choose another"
        raise file_access_error(error.errno, message, str(path.parent)) from error


def replace(source: Path, target: Path) -> None:
    """Give a file its name, in one step, with the permissions of the file that it replaces.

    Args:
        source: The file.
        target: Its new path, in the same folder.

    Raises:
        FileAccessError: The system refuses, as Windows does while another program has the old file open.
    """
    with suppress(FileNotFoundError):
        shutil.copymode(target, source)
    try:
        source.replace(target)
    except PermissionError as error:
        message = "cannot be replaced; close the programs that have it open"
        raise file_access_error(error.errno, message, str(target)) from error


def free_bytes(folder: Path) -> int:
    """How many bytes the disk of a folder has free for this user."""
    return shutil.disk_usage(folder).free
