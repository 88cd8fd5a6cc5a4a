"""Reading the values of tensors from a safetensors file, in pieces."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from initkit.errors import ArgumentError
from initkit.io.positional import Bytes, PositionalFile, as_bytes
from initkit.io.safetensors import Layout, position_in, read_header


class FileReader:
    """A safetensors file that is open for reading, as a context manager.

    Args:
        path: The file.
        layout: What stands where in it, if that has been read already; None reads it.

    Raises:
        FileFormatError: If the file is not a whole safetensors file.
        OSError: If it cannot be opened.

    Example:
        >>> import tempfile
        >>> from initkit.io import TensorEntry, plan_layout
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path, layout = f"{folder}/x.safetensors", plan_layout([TensorEntry("w", "uint8", (4,))])
        ...     _ = Path(path).write_bytes(layout.prefix + bytes([1, 2, 3, 4]))
        ...     part = bytearray(2)
        ...     with FileReader(path) as reader:
        ...         reader.read_into(part, "w", 1)
        ...     list(part)
        [2, 3]
    """

    layout: Layout
    """What stands where in the file."""

    def __init__(self, path: str | os.PathLike[str], layout: Layout | None = None) -> None:
        raw = Path(path).open("rb", buffering=0)  # noqa: SIM115  # closed by __exit__
        try:
            self.layout = read_header(raw) if layout is None else layout
        except BaseException:
            raw.close()
            raise
        self._file = PositionalFile(raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read_into(self, buffer: Bytes, name: str, offset: int = 0) -> None:
        """Fill a buffer with bytes of one tensor. May be called from several threads at once.

        Args:
            buffer: A contiguous, writable array of any dtype, or a bytearray; all of it is filled.
            name: The tensor.
            offset: Where to begin, in bytes from the tensor's first.

        Raises:
            ArgumentError: If there is no such tensor, it does not reach that far, or the buffer is read-only.
            ArgumentTypeError: If `buffer` is no buffer.
            FileFormatError: If the file has been cut off since it was opened.
        """
        data = as_bytes(buffer)
        if data.readonly:
            message = "The buffer cannot be written to. Allowed: writable arrays and bytearray. Make a copy."
            raise ArgumentError(message)
        self._file.read_into(data, position_in(self.layout, name, offset, len(data)))

    def read_at(self, buffer: Bytes, position: int) -> None:
        """Fill a buffer with bytes from a position of the file. May be called from several threads at once.

        Args:
            buffer: A contiguous, writable array of any dtype, or a bytearray; all of it is filled.
            position: Where to begin, in bytes from the file's first.

        Raises:
            FileFormatError: If the file ends before.
        """
        self._file.read_into(as_bytes(buffer), position)

    def close(self) -> None:
        """Close the file; reading is over."""
        self._file.raw.close()
