"""Memory for what is drawn whole: where it is much, a file's, which the system need not keep in memory."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any, TypeAlias

import numpy as np

from initkit.io.target import free_bytes

Array: TypeAlias = np.ndarray[Any, Any]

# More than this is a file's.
_MOST_IN_MEMORY = 1 << 28
_ZEROS = bytes(1 << 20)


def scratch(nbytes: int, folder: Path | None = None, reserved: int = 0) -> Array:
    """Memory that is given back when nobody has the array any more.

    Args:
        nbytes: How many bytes, at least one.
        folder: Where a file may be; None (default) for the system's place for temporary files. Where that
            has no room, or cannot be written to, the memory is ordinary memory after all.
        reserved: How many bytes of the room in the folder are needed for something else; 0 by default.

    Returns:
        An array of uint8, of any values, which begins where a float64 may.

    Example:
        >>> scratch(1000).shape
        (1000,)
    """
    if nbytes > _MOST_IN_MEMORY:
        with suppress(OSError):
            place = gettempdir() if folder is None else folder
            if free_bytes(Path(place)) - reserved > nbytes:
                return _mapped(nbytes, folder)
    return np.empty(nbytes, np.uint8)


def _mapped(nbytes: int, folder: Path | None) -> Array:
    with TemporaryFile(dir=folder, prefix=".initkit-") as file:
        _take_room(file, nbytes)
        # The mapping keeps the file, which has no name.
        return np.frombuffer(mmap.mmap(file.fileno(), nbytes), np.uint8)


def _take_room(file: IO[bytes], nbytes: int) -> None:
    """Have the file system keep room: were it full later, writing to the memory would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, nbytes)
        return
    for start in range(0, nbytes, len(_ZEROS)):
        file.write(_ZEROS[: nbytes - start])
    file.flush()
