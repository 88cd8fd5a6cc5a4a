"""Bytes at given positions of a file, from and to any buffer, from many threads at once."""

from __future__ import annotations

import os
from io import FileIO
from threading import Lock
from typing import Any, TypeAlias

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError, FileFormatError

Bytes: TypeAlias = bytes | bytearray | memoryview | np.ndarray[Any, Any]


def as_bytes(buffer: Bytes) -> memoryview:
    """The bytes of a buffer, without a copy.

    Args:
        buffer: An array of any dtype, or an object with the buffer protocol; contiguous in row-major order.

    Returns:
        A one-dimensional view of its bytes, in the order in which they are in memory.

    Raises:
        ArgumentError: If the buffer is not contiguous.
        ArgumentTypeError: If it is no buffer.

    Example:
        >>> as_bytes(np.array([1, 2], "uint8")).tolist()
        [1, 2]
    """
    if isinstance(buffer, np.ndarray):
        _require_contiguous(buffer.flags.c_contiguous)
        # Arrays of bfloat16, float8 and complex dtypes do not offer their bytes themselves.
        return buffer.reshape(-1).view(np.uint8).data
    if isinstance(buffer, (bytes, bytearray, memoryview)):
        view = memoryview(buffer)
        _require_contiguous(view.c_contiguous)
        return view.cast("B") if view.nbytes else memoryview(b"")
    message = f"A buffer is needed. Received: {type(buffer).__name__}. Allowed: NumPy arrays and bytes."
    raise ArgumentTypeError(message)


def _require_contiguous(contiguous: bool) -> None:
    if not contiguous:
        message = (
            "The buffer is not contiguous. Allowed: row-major order without gaps. Use np.ascontiguousarray."
        )
        raise ArgumentError(message)


class PositionalFile:
    """An open file that is read and written at positions.

    Args:
        raw: The file, opened without a buffer of Python's; closed by `close`.
    """

    def __init__(self, raw: FileIO) -> None:
        self.raw = raw
        self._lock = Lock()

    def write(self, data: memoryview, position: int) -> None:
        """Write all of `data` at `position`.

        Args:
            data: Bytes.
            position: Where the first of them goes.

        Raises:
            OSError: If the system refuses, as on a full disk.
        """
        while data:
            # One call may take fewer bytes than it was given; on Linux never more than 2 GiB.
            count = self._write_some(data, position)
            data, position = data[count:], position + count

    def read_into(self, data: memoryview, position: int) -> None:
        """Fill all of `data` from `position`.

        Args:
            data: A writable buffer.
            position: Where the first byte comes from.

        Raises:
            FileFormatError: If the file ends before.
        """
        while data:
            count = self._read_some(data, position)
            if count == 0:
                message = f"{self.raw.name} ends at byte {position:,}, {len(data):,} bytes too early."
                message += " Write or download it again."
                raise FileFormatError(message)
            data, position = data[count:], position + count

    def _write_some(self, data: memoryview, position: int) -> int:
        # POSIX systems need not move the file's own position, so that threads do not wait for each other.
        if hasattr(os, "pwrite"):
            return os.pwrite(self.raw.fileno(), data, position)
        with self._lock:
            self.raw.seek(position)
            return self.raw.write(data) or 0

    def _read_some(self, data: memoryview, position: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self.raw.fileno(), [data], position)
        with self._lock:
            self.raw.seek(position)
            return self.raw.readinto(data) or 0
