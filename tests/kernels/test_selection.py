"""The compiled kernels count and clear the members that NumPy finds, and touch nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.draws import seeded_draw
from initkit.errors import BackendError
from initkit.initializers import subsets
from initkit.initializers.subsets import Subsets
from initkit.kernels import loader, selection
from initkit.kernels.loader import INSTRUCTION_SETS, Engine, engine
from initkit.kernels.selection import can_clear, can_count, clear_members
from initkit.region import Region
from tests.kernels.subset_jobs import CLEARINGS, cleared, inputs

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
    """Odd sizes, parts of blocks, short ones, steps, elements of any width and place: members alone get 0."""
    for rows, blocks, columns, first, count, left, last, step in CLEARINGS:
        uniforms, missing = inputs(rows, blocks, columns)
        missing[-1] = np.minimum(missing[-1], max(last, 0))
        memory, out = placed(layout, count, columns, dtype)
        before = memory.copy()
        expected, still = cleared(out, uniforms, missing, first, 128, left, last, step)
        clear_members(out, uniforms, missing, first, 128, left, last, step)
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
    """The twin has no entry points, which says that NumPy counts and goes through the rows."""
    monkeypatch.setattr(selection, "engine", lambda: Engine(None, None, "numpy", None, ""))
    assert not can_clear()
    assert not can_count(100)


@needs_library
def test_only_exact_numbers_of_rows_are_counted_in_kernels() -> None:
    """Numbers of rows that float64 has not are left to integers of any length."""
    assert can_count(2**53 - 1)
    assert not can_count(2**53)


@needs_library
@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("members", [0, 1, 655, 32_768, 59_000, 65_530])
def test_same_counts_as_numpy(members: int) -> None:
    """Counts of any blocks and columns, by inversion and by rejection, are those of the array operations."""
    drawn = Subsets(65_536, 90, members, seeded_draw(11))
    region = Region((65_536, 90), (0, 89), (1, -1), (1, 90))
    for blocks in (np.arange(40), np.arange(0, 512, 37), np.array([0, 3, 4, 200, 511])):
        found = drawn.counts(blocks, region)
        assert np.array_equal(found, drawn.counts_in_arrays(blocks, region))
        assert found.dtype == np.uint8


@needs_library
@pytest.mark.parametrize(
    ("shape", "dtype", "axis"),
    [
        ((300, 2500), "float32", 0),
        ((3000, 67), "bfloat16", 1),
        ((70_001, 3), "float8_e5m2", 0),
        ((129, 40), "complex128", 0),
        ((513, 300), "float64", 1),
        # So large that parts are written and cleared one after the other, in one place in memory or not.
        ((700, 900), "float32", 0),
        ((700, 900), "float32", 1),
        ((300, 40_000), "float8_e5m2", 0),
    ],
    ids=str,
)
def test_kernels_and_numpy_make_the_same_matrix(
    shape: tuple[int, int], dtype: str, axis: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matrices, and parts that begin and end within blocks, have the same bits with and without kernels."""
    lazy = ik.Sparse(0.37, seed=5, axis=axis).lazy(shape, dtype)
    cuts = (np.s_[:], np.s_[5:-3], np.s_[100:101], np.s_[::-1, 1::2], np.s_[3::2], np.s_[::-131, 1:])
    fast = [np.asarray(lazy[cut]).tobytes() for cut in cuts]
    monkeypatch.setattr(subsets, "can_clear", lambda: False)
    monkeypatch.setattr(subsets, "can_count", lambda rows: False)
    assert [np.asarray(lazy[cut]).tobytes() for cut in cuts] == fast
