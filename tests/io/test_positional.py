"""Bytes at positions: any buffer, any order, many threads, with and without the system's positional calls."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from initkit.errors import ArgumentError, ArgumentTypeError, FileFormatError
from initkit.io.positional import PositionalFile, as_bytes


@pytest.fixture(params=["positional calls", "seek"], autouse=True)
def _calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux's calls, and what Windows has instead."""
    if request.param == "seek":
        monkeypatch.delattr(os, "pwrite", raising=False)
        monkeypatch.delattr(os, "preadv", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[PositionalFile]:
    """An empty file that is open for both."""
    with (tmp_path / "file").open("w+b", buffering=0) as raw:
        yield PositionalFile(raw)


@pytest.mark.parametrize(
    "buffer",
    [
        b"\1\2\3\4\5\6\7\x08",
        bytearray(range(1, 9)),
        memoryview(bytes(range(9)))[1:],
        memoryview(bytes(range(1, 9))).cast("f", (1, 2)),
        np.arange(1, 9, dtype="uint8"),
        np.arange(1, 9, dtype="uint8").view(ml_dtypes.bfloat16).reshape(2, 2),
        np.arange(1, 9, dtype="uint8").view(ml_dtypes.float8_e4m3fn),
        np.arange(1, 9, dtype="uint8").view("complex64").reshape(()),
        np.arange(1, 9, dtype="uint8").view("float64").reshape(1, 1, 1),
    ],
    ids=range(9),
)
def test_bytes_of_a_buffer(buffer: Any) -> None:
    """Any contiguous buffer gives its bytes in memory order."""
    assert as_bytes(buffer).tobytes() == bytes(range(1, 9))


def test_bytes_are_not_copied() -> None:
    """Writing to the view writes to the array."""
    array = np.zeros((2, 2), ml_dtypes.bfloat16)
    as_bytes(array)[0] = 1
    assert array.view("uint16")[0, 0] == 1


@pytest.mark.parametrize("buffer", [b"", np.zeros((0, 3), "float32"), memoryview(b"abc")[3:]], ids=range(3))
def test_bytes_of_nothing(buffer: Any) -> None:
    """An empty buffer has no bytes."""
    assert len(as_bytes(buffer)) == 0


@pytest.mark.parametrize(
    ("buffer", "error", "message"),
    [
        (np.zeros((2, 3)).T, ArgumentError, r"not contiguous. .*Use np.ascontiguousarray"),
        (np.zeros(4)[::2], ArgumentError, "not contiguous"),
        (memoryview(b"abcd")[::2], ArgumentError, "not contiguous"),
        ([1, 2], ArgumentTypeError, r"A buffer is needed. Received: list. Allowed: NumPy arrays and bytes"),
        (np.float32(1), ArgumentTypeError, "Received: float32"),
        ("abc", ArgumentTypeError, "Received: str"),
    ],
    ids=range(6),
)
def test_no_buffer(buffer: Any, error: type[Exception], message: str) -> None:
    """What is not contiguous, or no buffer, is refused: a copy in another order would be wrong values."""
    with pytest.raises(error, match=message):
        as_bytes(buffer)


def test_pieces_in_any_order_from_threads(file: PositionalFile) -> None:
    """Pieces that threads write in any order stand where they belong, and are read from there."""
    data = np.random.default_rng(0).integers(0, 256, 100_000, dtype="uint8")
    starts = np.random.default_rng(1).permutation(np.arange(0, 100_000, 1000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda start: file.write(data[start : start + 1000].data, int(start)), starts))
        assert (file.raw.seek(0), file.raw.read()) == (0, data.tobytes())
        parts = np.zeros_like(data)
        list(pool.map(lambda start: file.read_into(parts[start : start + 1000].data, int(start)), starts))
    assert np.array_equal(parts, data)


def test_short_calls_are_continued(file: PositionalFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes or gives fewer bytes than asked is asked again, for the rest."""
    write, read = file._write_some, file._read_some
    monkeypatch.setattr(file, "_write_some", lambda data, position: write(data[:3], position))
    monkeypatch.setattr(file, "_read_some", lambda data, position: read(data[:2], position))
    file.write(memoryview(b"0123456789"), 5)
    back = bytearray(10)
    file.read_into(memoryview(back), 5)
    assert back == b"0123456789"


def test_file_that_ends_too_early(file: PositionalFile) -> None:
    """Reading beyond the end says where the end is."""
    file.write(memoryview(b"0123"), 0)
    with pytest.raises(FileFormatError, match="ends at byte 4, 2 bytes too early"):
        file.read_into(memoryview(bytearray(4)), 2)
