"""The CUDA kernels, run on the host: what they write, where, and how they are launched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import pytest

from initkit.dtypes import DTYPES, DType, rounded
from initkit.kernels import cuda, twin
from initkit.kernels.parameters import NORMAL, NormalParameters, Request
from initkit.region import AffineMap, Region
from tests.kernels.cuda_host import FLOATS, STORED, Programs, all_sources, compiler, host_programs
from tests.kernels.draws import KEY, LAWS, float32_patterns
from tests.kernels.ptx import RUN_HERE
from tests.kernels.ptx_host import ptx_programs

needs_compiler = pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")

PROCESSORS = 132
MARGIN = 64

# First elements and lengths around a group of every dtype; rows, steps and axes; indices beyond 32 bits.
RUNS = [AffineMap(offset, (length,), (1,)) for offset in range(0, 18, 5) for length in (1, 2, 15, 33, 1031)]
REGIONS = [
    AffineMap(2, (3,), (1,)),
    AffineMap(7, (70, 32), (1001, 1)),
    AffineMap(0, (9, 3, 17), (1003, 41, 1)),
    AffineMap(3, (3, 401), (403, 1)),
    AffineMap(5000, (11, 40), (-401, 1)),
    AffineMap(6, (5, 3), (7, 1)),
    *(AffineMap(100_000, (3, 29), (777, step)) for step in (2, 3, 4, 1 << 20, -1, -2, -7)),
    AffineMap(987_654, (3, 2, 4, 3, 5), (-5000, 700, 150, -40, 3)),
    AffineMap(12, (3, 2, 4, 33), (10_000, 2000, 500, 1)),
    AffineMap(0, (2,) * 10, tuple(3**axis for axis in range(10))),
    AffineMap((1 << 34) - 50, (133,), (1,)),
    AffineMap((1 << 40) + 3, (4, 60), (1 << 41, 1)),
    AffineMap((1 << 62) - 40, (39,), (1,)),
    AffineMap((1 << 62) - 2, (41, 3), (-(1 << 56), -1)),
]


# The programs as a host's compiler reads them, and what NVRTC has made of them.
READINGS = ["sources", *map(str, RUN_HERE)]


@pytest.fixture(name="host", scope="module", params=READINGS)
def _host(request: pytest.FixtureRequest) -> Programs:
    return host_programs() if request.param == "sources" else ptx_programs(int(request.param))


def memory(size: int, misaligned: int) -> tuple[np.ndarray[Any, Any], int]:
    """Bytes with a known margin around `size` of them, which begin so far from a multiple of 16."""
    block = np.full(size + 2 * MARGIN + 32, 0xA5, np.uint8)
    start = MARGIN + (misaligned - block.ctypes.data - MARGIN) % 16
    return block, start


def filled(
    host: Programs,
    row: DType,
    affine: AffineMap,
    request: Request,
    misaligned: int = 0,
    change: Callable[[cuda.Launch], cuda.Launch] = lambda launch: launch,
) -> bytes:
    """What a launch writes; around it nothing may have changed."""
    size = prod(affine.counts) * row.numpy.itemsize
    block, start = memory(size, misaligned)
    launch = cuda.fill_launch(block.ctypes.data + start, row, affine, KEY, request, PROCESSORS)
    host.launch(cuda.fill_source(request.transform, row), change(launch))
    written = block[start : start + size].tobytes()
    block[start : start + size] = 0xA5
    assert (block == 0xA5).all(), f"writes beyond the output: {affine}"
    return written


def expected(row: DType, affine: AffineMap, request: Request) -> bytes:
    """What the twin writes."""
    out = np.empty(prod(affine.counts), row.numpy)
    twin.fill(out, KEY, affine, 0, request)
    return out.tobytes()


@needs_compiler
@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
@pytest.mark.parametrize("law", LAWS)
def test_fills_are_the_twins(host: Programs, law: str, row: DType) -> None:
    """Every law in every dtype, over runs, rows, steps and axes, has the twin's bits."""
    request = LAWS[law].request(row.draw)
    for number, affine in enumerate(RUNS + REGIONS):
        misaligned = number * row.numpy.itemsize % 16
        assert filled(host, row, affine, request, misaligned) == expected(row, affine, request), affine


@needs_compiler
@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
def test_any_address(host: Programs, row: DType) -> None:
    """Wherever the output and the first element lie within 16 bytes, the bits are the same."""
    request = NormalParameters(0.1, 0.7).request(row.draw)
    for first in range(17):
        for affine in (AffineMap(first, (53,), (1,)), AffineMap(first, (3, 37), (101, 1))):
            wanted = expected(row, affine, request)
            for misaligned in range(16):
                assert filled(host, row, affine, request, misaligned) == wanted, (affine, misaligned)


@needs_compiler
@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
def test_whole_groups_are_stored_at_once(host: Programs, row: DType) -> None:
    """Where blocks of the draw meet multiples of 16 bytes, all but the ends are stores of 16 bytes."""
    request = NormalParameters(0.0, 1.0).request(row.draw)
    size, rows, length = row.numpy.itemsize, 3, 1024
    for first in range(0, 32, 4):
        for start in range(0, 16 if size < 8 else 32, 4 * size):
            affine = AffineMap(first, (rows, length), (length + 4, 1))
            block, at = memory(rows * length * size, 0)
            launch = cuda.fill_launch(block.ctypes.data + at + start % 16, row, affine, KEY, request, 1)
            wide = host.launch(cuda.fill_source(NORMAL, row), launch)
            assert wide * 16 > rows * (length * size - 64)


@needs_compiler
@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (7, 1)])
@pytest.mark.parametrize("block", [(1, 1), (5, 3), (64, 4)])
@pytest.mark.parametrize("affine", [RUNS[-1], REGIONS[3], REGIONS[8]], ids=["run", "rows", "elements"])
def test_any_geometry(
    host: Programs, grid: tuple[int, int], block: tuple[int, int], affine: AffineMap
) -> None:
    """However few or many threads there are, they do all of the work, and do it alike."""
    for name in ("float32", "float8_e5m2"):
        request = NormalParameters(0.1, 0.7).request(DTYPES[name].draw)
        # Work along y is that of rows alone.
        wide, high = (grid, block) if affine is REGIONS[3] else ((grid[0], 1), (block[0], 1))

        def change(launch: cuda.Launch, wide: Any = wide, high: Any = high) -> cuda.Launch:
            return launch._replace(grid=wide, block=high)

        values = filled(host, DTYPES[name], affine, request, 0, change)
        assert values == expected(DTYPES[name], affine, request)


@needs_compiler
def test_threads_share_the_work(host: Programs) -> None:
    """Among many threads no group is made twice."""
    row, affine = DTYPES["float32"], AffineMap(0, (37, 64), (68, 1))
    request = NormalParameters(0.0, 1.0).request(row.draw)
    block, start = memory(37 * 256, 0)
    launch = cuda.fill_launch(block.ctypes.data + start, row, affine, KEY, request, PROCESSORS)
    for grid, threads in (((1, 1), (1, 1)), ((3, 2), (4, 4)), ((1, 5), (64, 2))):
        alone = launch._replace(grid=grid, block=threads)
        assert host.launch(cuda.fill_source(NORMAL, row), alone) == 37 * 16


@needs_compiler
@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize("step", [1, 3])
def test_positions_beyond_32_bits(host: Programs, name: str, step: int) -> None:
    """Blocks of threads in the middle of an array of 2**36 elements find their elements and their memory."""
    row, count = DTYPES[name], 1 << 36
    request = NormalParameters(0.0, 1.0).request(row.draw)
    affine = AffineMap(3, (count,), (step,))
    size, group = row.numpy.itemsize, max(16 // row.numpy.itemsize, 4) if step == 1 else 1
    each = cuda.THREADS * group
    first_block = (1 << 33) // each + 5
    # With element 3 at a multiple of 16 bytes, a run is widened by all of a group but one element.
    begin = first_block * each - (group - 1)
    origin = begin // 64 * 64
    block, start = memory((2 * each + 64) * size, 0)
    address = (block.ctypes.data + start - origin * size) % 2**64
    launch = cuda.fill_launch(address, row, affine, KEY, request, PROCESSORS)
    # So many blocks that none goes round its loop, of which two are run.
    host.launch(cuda.fill_source(NORMAL, row), launch._replace(grid=(count // each + 1, 1)), first_block, 2)
    out = np.empty(2 * each, row.numpy)
    twin.fill(out, KEY, affine, begin, request)
    offset = start + (begin - origin) * size
    assert block[offset : offset + out.nbytes].tobytes() == out.tobytes()
    block[offset : offset + out.nbytes] = 0xA5
    assert (block == 0xA5).all()


def test_kinds_of_launches() -> None:
    """Rows of whole groups are runs; steps, short rows and odd addresses go element by element."""
    row = DTYPES["bfloat16"]
    request = NormalParameters(0.0, 1.0).request(row.draw)

    def entry(affine: AffineMap, address: int = 512) -> str:
        return cuda.fill_launch(address, row, affine, KEY, request, PROCESSORS).entry

    assert entry(AffineMap(0, (1,), (1,))) == entry(AffineMap(5, (9, 8), (11, 1))) == "ik_fill_runs"
    assert entry(AffineMap(5, (9, 7), (11, 1))) == entry(AffineMap(5, (9,), (-1,))) == "ik_fill_elements"
    assert entry(AffineMap(0, (99,), (1,)), 514) == "ik_fill_runs"
    assert entry(AffineMap(0, (99,), (1,)), 513) == "ik_fill_elements"


SHAPES = [(1,), (255,), (4096, 4096), (1 << 20, 64), (3, 1 << 35), (1 << 40,), (1 << 31, 17)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("row", FLOATS, ids=lambda row: row.name)
def test_launches_are_within_cudas_limits(shape: tuple[int, ...], row: DType) -> None:
    """Blocks have up to 256 threads; grids are within CUDA's limits, and large enough for the device."""
    request = NormalParameters(0.0, 1.0).request(row.draw)
    wide = (*shape[:-1], shape[-1] + 5)
    for region in (Region.whole(shape), Region(wide, (0,) * len(shape), (1,) * len(shape), shape)):
        launch = cuda.fill_launch(512, row, region.affine(), KEY, request, PROCESSORS)
        assert 1 <= prod(launch.block) <= cuda.THREADS
        assert launch.block[0] * launch.block[1] >= min(32, prod(shape) // 16)
        assert 1 <= launch.grid[1] <= 65535
        assert 1 <= prod(launch.grid) <= 32 * PROCESSORS
        assert all(len(argument) % 8 == 0 for argument in launch.arguments)
        assert sum(map(len, launch.arguments)) <= 4096
        if prod(shape) > 1 << 30:
            assert prod(launch.grid) > 16 * PROCESSORS


@needs_compiler
def test_arguments_have_the_sizes_of_their_structs(host: Programs) -> None:
    """An argument too short or too long, or one too many, is found out: CuPy and CUDA would not notice."""
    row, affine = DTYPES["float32"], AffineMap(0, (4,), (1,))
    request = NormalParameters(0.0, 1.0).request(row.draw)
    out = np.empty(4, np.float32)
    launch = cuda.fill_launch(out.ctypes.data, row, affine, KEY, request, 1)
    job, positions = launch.arguments
    for wrong in ((job[:-4], positions), (job, positions + bytes(8)), (job,), (job, positions, job)):
        with pytest.raises(AssertionError, match="takes no arguments of"):
            host.launch(cuda.fill_source(NORMAL, row), launch._replace(arguments=wrong))


def test_sources_stand_alone() -> None:
    """A program includes nothing, and no two are the same text."""
    sources = [source for group in all_sources().values() for source in group]
    assert len(set(sources)) == len(sources) == 5 * 6 + (2 * 5 + 1) + 2
    for source in sources:
        # What is left of includes is on the host's side of stream.h.
        code = source.partition("#else\n#include <float.h>")
        assert "#include" not in code[0]
        assert "#include" not in code[2].partition("#endif")[2]


def layouts(shape: tuple[int, ...]) -> Iterator[tuple[str, Any, Any]]:
    """Ways to look at an array of that shape, and how to make one to look at."""
    yield "contiguous", shape, lambda array: array
    yield "transposed", shape[::-1], lambda array: array.T
    yield "reversed", shape, lambda array: array[::-1, :, ::-1]
    yield "stepped", (2 * shape[0], shape[1], 3 * shape[2]), lambda array: array[::2, :, 1::3]


@needs_compiler
@pytest.mark.parametrize(("bits", "row"), STORED, ids=str)
def test_stores_of_any_layout(host: Programs, row: DType, bits: int) -> None:
    """Floats are rounded once, from and to arrays of any layout, and nothing beside is touched."""
    shape = (3, 5, 7)
    scales = np.ldexp(1.0, np.arange(630) % 300 - 150)
    values = np.random.default_rng(5).normal(0.0, 1.0, 630) * scales
    for name, full, view in layouts(shape):
        for other, other_full, other_view in layouts(shape):
            with np.errstate(over="ignore"):
                read = other_view(values[: prod(other_full)].reshape(other_full).astype(f"f{bits // 8}"))
            whole = np.full(full, 99, row.numpy)
            wanted = whole.copy()
            view(wanted)[...] = rounded(read, row)
            out = view(whole)
            launch = cuda.store_launch(read.ctypes.data, read.strides, out.ctypes.data, out.strides, shape, 1)
            host.launch(cuda.store_source(8 * read.itemsize, row), launch)
            assert whole.tobytes() == wanted.tobytes(), (name, other)


@needs_compiler
@pytest.mark.parametrize(("bits", "row"), STORED, ids=str)
def test_stores_round_as_numpy_does(host: Programs, row: DType, bits: int) -> None:
    """Ties, subnormals, infinities and NaNs of both precisions come out as NumPy and ml_dtypes have them."""
    special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 1e-300, 3e38, 1e300])
    single = special[:-1].astype(np.float32)
    for given in (float32_patterns(), special, single, 1.0 + np.arange(4096) * 2.0**-40):
        with np.errstate(over="ignore"):
            values = given.astype(f"f{bits // 8}")
        out = np.zeros(values.shape, row.numpy)
        launch = cuda.store_launch(
            values.ctypes.data, values.strides, out.ctypes.data, out.strides, values.shape, PROCESSORS
        )
        host.launch(cuda.store_source(8 * values.itemsize, row), launch)
        assert out.tobytes() == rounded(values, row).tobytes()


def test_stores_merge_axes() -> None:
    """Axes that follow one another in both arrays are one, and those of length one are none."""

    def axes(read: tuple[int, ...], written: tuple[int, ...], shape: tuple[int, ...]) -> int:
        launch = cuda.store_launch(512, read, 1024, written, shape, 1)
        return int(np.frombuffer(launch.arguments[0], np.uint64, 4)[3])

    assert axes((24, 8), (12, 4), (5, 3)) == 1
    assert axes((0, 0), (12, 4), (5, 3)) == 1
    assert axes((0, 8), (12, 4), (5, 3)) == 2
    assert axes((8, 40), (4, 20), (5, 3)) == 2
    assert axes((56, 999, 8), (28, 3, 4), (5, 1, 7)) == 1
    assert axes((), (), ()) == 1


@needs_compiler
def test_stores_of_one_element_and_of_one_for_all(host: Programs) -> None:
    """No axes are one element; a stride of zero repeats what is read."""
    value, out = np.array(0.1), np.zeros((4, 3), np.float16)
    source = cuda.store_source(64, DTYPES["float16"])
    host.launch(source, cuda.store_launch(value.ctypes.data, (), out.ctypes.data, (), (), 1))
    assert out.ravel()[:2].tolist() == [np.float16(0.1), 0.0]
    host.launch(source, cuda.store_launch(value.ctypes.data, (0, 0), out.ctypes.data, out.strides, (4, 3), 1))
    assert (out == np.float16(0.1)).all()


# Ordinary ones, without effect, of either sign, and such that results are subnormal or infinite.
NUMBERS = [0.7, 1.0, -3.0, 0.0, -0.0, 1e-40, 2.0**-149, 1e38, 1 / 3]


@needs_compiler
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", ["float32", "float64"])
def test_products_and_sums_of_any_layout(host: Programs, name: str, number: float) -> None:
    """Arrays of any layout are multiplied and shifted, as IEEE has it; nothing beside is touched."""
    shape, dtype = (3, 5, 7), np.dtype(name)
    scales = np.ldexp(1.0, np.arange(630) % 270 - 149)
    values = (np.random.default_rng(5).normal(0.0, 1.0, 630) * scales).astype(dtype)
    values[::11], values[5::13], values[7::17] = 0.0, -0.0, np.finfo(name).smallest_subnormal
    # NaNs pass as they are, of either sign and with what they carry.
    values[3::19], values[4::23] = np.nan, -np.nan
    patterns = values.view(f"u{dtype.itemsize}")
    patterns[9] = patterns[3] | 0x123
    held = dtype.type(number)
    for layout, full, view in layouts(shape):
        whole = values[: prod(full)].reshape(full).copy()
        for entry in ("ik_scale", "ik_shift"):
            wanted, out = whole.copy(), whole.copy()
            with np.errstate(all="ignore"):
                view(wanted)[...] = view(whole) * held if entry == "ik_scale" else view(whole) + held
            some = view(out)
            launch = cuda.adjust_launch(entry, some.ctypes.data, some.strides, shape, float(held), 1)
            host.launch(cuda.adjust_source(8 * dtype.itemsize), launch)
            assert out.tobytes() == wanted.tobytes(), (layout, entry)


def test_launches_of_adjustments() -> None:
    """Their only argument is within CUDA's limit, and an array in one piece is one axis."""
    launch = cuda.adjust_launch("ik_scale", 512, (4000, 4), (1 << 20, 1000), 0.5, PROCESSORS)
    assert launch[:3] == ("ik_scale", (32 * PROCESSORS, 1), (256, 1))
    assert len(launch.arguments[0]) == 32 + 2 * 64 * 8 <= 4096
    assert np.frombuffer(launch.arguments[0], np.uint64, 3).tolist() == [512, 1000 << 20, 1]
