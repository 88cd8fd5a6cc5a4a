"""Pieces of tensors from a file."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.torch
import torch

from initkit.errors import ArgumentError, ArgumentTypeError, FileFormatError
from initkit.io import FileReader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the official writer."""
    path = tmp_path / "x.safetensors"
    tensors = {
        "w": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "b": torch.arange(4).to(torch.bfloat16),
        "empty": torch.zeros(0, 3),
    }
    safetensors.torch.save_file(tensors, path)
    return path


def test_whole_tensors_and_pieces(path: Path) -> None:
    """Whole tensors and any piece of one are read into arrays of any dtype, and into bytes."""
    with FileReader(path) as reader:
        w = np.empty((2, 3), "float32")
        reader.read_into(w, "w")
        assert np.array_equal(w, np.arange(6).reshape(2, 3))
        b = np.empty(2, ml_dtypes.bfloat16)
        reader.read_into(b, "b", 4)
        assert b.tolist() == [2, 3]
        part = bytearray(4)
        reader.read_into(part, "w", 8)
        assert np.frombuffer(part, "float32") == 2
        reader.read_into(np.empty((0, 3)), "empty")
        assert set(reader.layout.tensors) == {"empty", "w", "b"}


def test_threads(path: Path) -> None:
    """Threads may read at once."""
    with FileReader(path) as reader, ThreadPoolExecutor(8) as pool:

        def read(index: int) -> float:
            value = np.empty((), "float32")
            reader.read_into(value, "w", 4 * index)
            return float(value)

        assert list(pool.map(read, [0, 1, 2, 3, 4, 5] * 50)) == [0, 1, 2, 3, 4, 5] * 50


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((bytearray(1), "v"), ArgumentError, "There is no tensor 'v' in this file"),
        ((bytearray(25), "w"), ArgumentError, "Bytes 0 to 25 are not within tensor 'w'. Allowed: 0 to 24"),
        ((bytearray(1), "w", -1), ArgumentError, "are not within"),
        ((bytes(1), "w"), ArgumentError, r"cannot be written to. Allowed: writable arrays and bytearray"),
        ((np.broadcast_to(np.float32(0), 1), "w"), ArgumentError, "cannot be written to"),
        ((np.zeros((3, 2)).T, "w"), ArgumentError, "not contiguous"),
        (([0], "w"), ArgumentTypeError, "A buffer is needed"),
    ],
    ids=range(7),
)
def test_wrong_calls(path: Path, arguments: Any, error: type[Exception], message: str) -> None:
    """A wrong name, position or buffer is refused with its reason."""
    with FileReader(path) as reader, pytest.raises(error, match=message):
        reader.read_into(*arguments)


def test_file_cut_off_while_open(path: Path) -> None:
    """A file that shrinks while it is open is noticed."""
    with FileReader(path) as reader:
        with path.open("r+b") as other:
            other.truncate(len(reader.layout.prefix))
        with pytest.raises(FileFormatError, match="bytes too early"):
            reader.read_into(bytearray(4), "w")


def test_a_damaged_file_is_closed_again(path: Path) -> None:
    """Refusing a file leaves nothing open: an unclosed file would be a warning, and warnings are errors."""
    path.write_bytes(b"nothing")
    with pytest.raises(FileFormatError):
        FileReader(path)
