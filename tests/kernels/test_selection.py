"""The compiled kernels clear the members that NumPy finds, wherever the output lies, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.errors import BackendError
from initkit.initializers import subsets
from initkit.kernels import loader, selection
from initkit.kernels.loader import INSTRUCTION_SETS, Engine, engine
from initkit.kernels.selection import can_clear, clear_members

Array = np.ndarray[Any, Any]

needs_library = pytest.mark.skipif(
    engine().library is None, reason=f"needs the compiled kernels: {engine().reason}"
)
DTYPES = ("u1", "u2", "u4", "u8", "c16")
MARGIN = 64


def _runs(instruction_set: str) -> bool:
    """Whether this machine and this build have an instruction set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(loader.SIMD_VARIABLE, instruction_set)
        try:
            engine.__wrapped__()
        except BackendError:
            return False
        return True


AVAILABLE = [name for name in INSTRUCTION_SETS if _runs(name)]
# The library keeps the last choice, so that of this process is made again.
engine.__wrapped__()


@pytest.fixture(params=AVAILABLE)
def instruction_set(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Has the library run with each instruction set of this machine."""
    monkeypatch.setenv(loader.SIMD_VARIABLE, request.param)
    yield engine.__wrapped__().instruction_set
    monkeypatch.undo()
    engine.__wrapped__()


def cleared(
    out: Array, uniforms: Array, missing: Array, first: int, block: int, left: int, last: int
) -> tuple[Array, Array]:
    """What `clear_members` has to make of copies of the output and the counts, element by element."""
    out, missing = out.copy(), missing.copy()
    rows, blocks, _ = uniforms.shape
    for number in range(blocks):
        start = last if number == blocks - 1 else left
        for row in range(rows):
            scaled = uniforms[row, number] * np.float32(max(start - row, 0))
            members = scaled < missing[number].astype(np.float32)
            missing[number] -= members
            place = first + number * block + row
            if 0 <= place < len(out):
                out[place, members] = 0
    return out, missing


def inputs(rows: int, blocks: int, columns: int) -> tuple[Array, Array]:
    """Uniform values and counts, among which are the extremes."""
    generator = np.random.default_rng([rows, blocks, columns])
    words = generator.integers(0, 2**24, (rows, blocks, columns))
    words[generator.random(words.shape) < 0.05] = 0
    words[generator.random(words.shape) < 0.05] = 2**24 - 1
    missing = generator.integers(0, rows + 1, (blocks, columns)).astype(np.uint8)
    return (words / 2.0**24).astype(np.float32), missing


def placed(layout: str, rows: int, columns: int, dtype: str) -> tuple[Array, Array]:
    """Memory without a zero in it, and the rows and columns of it that are the output."""
    width = np.dtype(dtype).itemsize
    generator = np.random.default_rng(rows * columns)
    if layout == "transposed":
        pitch, step, lines = (1, rows + 3), (1, 1), columns
    elif layout == "strided":
        pitch, step, lines = (2 * columns + 1, 1), (1, 2), rows
    else:
        pitch, step, lines = (columns + 5, 1), (1, 1), rows
    size = (lines * max(pitch) + 2 * MARGIN) * width
    memory = generator.integers(1, 256, size + 1).astype(np.uint8)
    start = MARGIN * width + (layout == "misaligned")
    strides = (pitch[0] * step[0] * width, pitch[1] * step[1] * width)
    out: Array = np.ndarray((rows, columns), dtype, memory.data, start, strides)
    return memory, out[::-1, ::-1] if layout == "reversed" else out


@needs_library
@pytest.mark.parametrize("layout", ["adjacent", "transposed", "strided", "reversed", "misaligned"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.usefixtures("instruction_set")
def test_same_bits_as_numpy(layout: str, dtype: str) -> None:
    """Odd sizes, parts of blocks, short blocks, elements of any width and place: members alone become 0."""
    # Rows, blocks, columns; the first row of the output, its rows; what is left at the first and in the last.
    for rows, blocks, columns, first, count, left, last in (
        (128, 1, 5, 0, 128, 128, 128),
        (128, 3, 67, 0, 384, 128, 128),
        (128, 2, 515, -7, 230, 128, 103),
        (16, 4, 33, -20, 400, 80, 5),
        (77, 2, 1, 3, 180, 77, 0),
        (16, 2, 19, -300, 40, 16, 16),
        (128, 1, 1030, -127, 1, 128, 128),
        (13, 2, 64, 40, 20, 13, -4),
    ):
        uniforms, missing = inputs(rows, blocks, columns)
        missing[-1] = np.minimum(missing[-1], max(last, 0))
        memory, out = placed(layout, count, columns, dtype)
        before = memory.copy()
        expected, still = cleared(out, uniforms, missing, first, 128, left, last)
        clear_members(out, uniforms, missing, first, 128, left, last)
        assert np.array_equal(missing, still)
        assert out.tobytes() == expected.tobytes()
        # Given back what was there, the memory is what it was: nothing else was written.
        out[...] = placed(layout, count, columns, dtype)[1]
        assert np.array_equal(memory, before)


@needs_library
@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("rows", [1, 2, 31, 128, 255])
def test_every_count(rows: int) -> None:
    """Whole blocks have all their members, whatever their number, even where all draws are the largest."""
    counts = np.arange(rows + 1)
    for word in (0, 2**23, 2**24 - 1, None):
        uniforms = inputs(rows, 1, rows + 1)[0]
        if word is not None:
            uniforms[...] = word / 2.0**24
        missing = counts[None].astype(np.uint8)
        out = np.ones((rows, rows + 1), np.float32)
        clear_members(out, uniforms, missing, 0, rows, rows, rows)
        assert np.array_equal((out == 0).sum(axis=0), counts)
        assert not missing.any()


@needs_library
def test_elements_of_other_sizes_are_refused() -> None:
    """No element has 12 bytes; nothing is written."""
    out = np.ones((4, 3), "V12")
    uniforms, missing = inputs(4, 1, 3)
    with pytest.raises(AssertionError, match="12 bytes"):
        clear_members(out, uniforms, missing, 0, 4, 4, 4)


def test_without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin has no entry point, which says that NumPy goes through the rows."""
    monkeypatch.setattr(selection, "engine", lambda: Engine(None, None, "numpy", None, ""))
    assert not can_clear()


@needs_library
@pytest.mark.parametrize(
    ("shape", "dtype", "axis"),
    [
        ((300, 2500), "float32", 0),
        ((3000, 67), "bfloat16", 1),
        ((70_001, 3), "float8_e5m2", 0),
        ((129, 40), "complex128", 0),
        ((513, 300), "float64", 1),
    ],
    ids=str,
)
def test_kernels_and_numpy_make_the_same_matrix(
    shape: tuple[int, int], dtype: str, axis: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matrices, and parts that begin and end within blocks, have the same bits with and without kernels."""
    lazy = ik.Sparse(0.37, seed=5, axis=axis).lazy(shape, dtype)
    cuts = (np.s_[:], np.s_[5:-3], np.s_[100:101], np.s_[::-1, 1::2], np.s_[3::2])
    fast = [np.asarray(lazy[cut]).tobytes() for cut in cuts]
    monkeypatch.setattr(subsets, "can_clear", lambda: False)
    assert [np.asarray(lazy[cut]).tobytes() for cut in cuts] == fast
