"""Filling device memory: what CUDA has to compile, and how it is launched.

Nothing here needs a GPU, a driver or an array library: sources are texts, launches are numbers and bytes.
Whoever has a compiler and a device, as backends/cupy_programs.py has, does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from initkit.dtypes import DType
from initkit.kernels.parameters import (
    NORMAL,
    TRUNCATED,
    TRUNCATED_CENTRAL,
    TRUNCATED_FAR,
    UNIFORM,
    Request,
)
from initkit.region import AffineMap

Key = tuple[int, int, int, int]

# The values depend on it: every operation rounded on its own, correctly, and subnormals kept.
OPTIONS = ("--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true", "--std=c++17")

THREADS = 256
# Blocks that a multiprocessor is given; those that find no room at once even out the load.
_BLOCKS_EACH = 32
# fill.h has the same number.
_MOST_AXES = 64

_LAWS = {
    UNIFORM: ("ik_uniform", 4),
    NORMAL: ("ik_normal", 2),
    TRUNCATED_CENTRAL: ("ik_truncated_central", 7),
    TRUNCATED: ("ik_truncated", 9),
    TRUNCATED_FAR: ("ik_truncated_far", 10),
}
_NANS = {
    "float64": 0x7FF8000000000000,
    "float32": 0x7FC00000,
    "float16": 0x7E00,
    "bfloat16": 0x7FC0,
    "float8_e4m3fn": 0x7F,
    "float8_e5m2": 0x7E,
}
# What the keys of Philox grow by from round to round, as stream.h has it.
_FIRST_STEPS = tuple(number * 0x9E3779B9 for number in range(10))
_SECOND_STEPS = tuple(number * 0xBB67AE85 for number in range(10))
# What an instruction rounds two float32 numbers to as ml_dtypes does. Those to float8 do not: of what is too
# large they make the largest number.
_TWO = {"float16": "f16x2", "bfloat16": "bf16x2"}
_INCLUDE = re.compile(r'^#include "(\w+\.h)"$', re.MULTILINE)


class Launch(NamedTuple):
    """One launch of an entry point.

    Attributes:
        entry: The entry point's name.
        grid: Blocks along x and y.
        block: Threads of a block along x and y.
        arguments: The bytes of each argument, which is a struct passed by value.
    """

    entry: str
    grid: tuple[int, int]
    block: tuple[int, int]
    arguments: tuple[bytes, ...]


@cache
def fill_source(transform: int, output: DType) -> str:
    """The source of the fills of one law and one dtype.

    Args:
        transform: One of the transforms of parameters.py.
        output: A float row of the table.

    Returns:
        CUDA C++ that includes nothing, with the entry points `ik_fill_runs` and `ik_fill_elements`.

    Example:
        >>> from initkit.dtypes import resolve_dtype
        >>> fill_source(NORMAL, resolve_dtype("bfloat16")).splitlines()[:2]
        ['#define IK_LAW ik_normal', '#define IK_PAIRED 1']
    """
    macros: dict[str, object] = {
        "IK_LAW": _LAWS[transform][0],
        "IK_PAIRED": int(transform == NORMAL),
        "IK_DRAW": 8 * output.draw.itemsize,
        "IK_OUTPUT": output.name,
        "IK_BYTES": output.numpy.itemsize,
    }
    if output.name in _TWO:
        macros["IK_TWO"] = f'"{_TWO[output.name]}"'
    return _defined(macros) + with_includes("fill.cu")


@cache
def store_source(source_bits: int, output: DType) -> str:
    """The source of the store of float arrays into one dtype.

    Args:
        source_bits: 32 or 64: the precision of what is read.
        output: A float row of the table.

    Returns:
        CUDA C++ that includes nothing, with the entry point `ik_store`.

    Example:
        >>> from initkit.dtypes import resolve_dtype
        >>> store_source(64, resolve_dtype("float16")).splitlines()[0]
        '#define IK_SOURCE 64'
    """
    macros = {
        "IK_SOURCE": source_bits,
        "IK_OUTPUT": output.name,
        "IK_BYTES": output.numpy.itemsize,
        "IK_NAN": f"{_NANS[output.name]:#x}ull",
    }
    return _defined(macros) + with_includes("store.cu")


@cache
def adjust_source(real_bits: int) -> str:
    """The source of what multiplies and shifts arrays in place.

    Args:
        real_bits: 32 or 64: the precision of the elements.

    Returns:
        CUDA C++ that includes nothing, with the entry points `ik_scale` and `ik_shift`.

    Example:
        >>> adjust_source(32).splitlines()[0]
        '#define IK_REAL 32'
    """
    return _defined({"IK_REAL": real_bits}) + with_includes("adjust.cu")


def _defined(macros: Mapping[str, object]) -> str:
    return "".join(f"#define {name} {value}\n" for name, value in macros.items())


@cache
def with_includes(name: str) -> str:
    """A file of this folder with its includes in place: caches of compiled code know a program by its text.

    Args:
        name: The file's name.

    Returns:
        Its text, which includes nothing of this folder.

    Example:
        >>> with_includes("stream.h") in with_includes("store.cu")
        True
    """
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda found: with_includes(found[1]), text)


def fill_launch(
    address: int, output: DType, affine: AffineMap, key: Key, request: Request, processors: int
) -> Launch:
    """How to fill memory with a region of a draw.

    Args:
        address: Where the memory begins, on the device.
        output: Its dtype, a float row of the table; elements lie one after the other.
        affine: From positions of the region to indices of the draw; at least one position.
        key: The draw's identity.
        request: The transform and its numbers, in the precision of the draw.
        processors: How many multiprocessors the device has.

    Returns:
        The launch, of an entry point of `fill_source(request.transform, output)`.

    Example:
        >>> from initkit.dtypes import resolve_dtype
        >>> from initkit.kernels.parameters import NormalParameters
        >>> row = resolve_dtype("float32")
        >>> request = NormalParameters(0.0, 1.0).request(row.draw)
        >>> fill_launch(512, row, AffineMap(0, (4096,), (1,)), (1, 2, 3, 4), request, 132)[:3]
        ('ik_fill_runs', (4, 1), (256, 1))
    """
    size = output.numpy.itemsize
    # Where memory begins counts as far as a group of the largest elements goes.
    entry, grid, block, count, positions = _fill_geometry(address % 32, size, affine, processors)
    job = _job(address, affine.offset, count, key, request, output)
    return Launch(entry, grid, block, (job, positions))


@lru_cache(maxsize=1024)
def _fill_geometry(
    address: int, size: int, affine: AffineMap, processors: int
) -> tuple[str, tuple[int, int], tuple[int, int], int, bytes]:
    """The entry point, grid, block, the elements of a run, and the struct ik_map, of a fill."""
    group = max(16 // size, 4)
    *counts, length = affine.counts
    *strides, step = affine.strides
    most = _BLOCKS_EACH * processors
    # Shorter rows are cheaper element by element; misaligned memory takes single bytes alone.
    if step != 1 or (counts and length < group) or address % size:
        blocks = _blocks(prod(affine.counts), THREADS, most)
        return "ik_fill_elements", (blocks, 1), (THREADS, 1), 1, _map(affine.counts, affine.strides)
    groups = (_most_skipped(address // size, affine, group) + length + group - 1) // group
    across = min(1 << (groups - 1).bit_length(), THREADS)
    wide = _blocks(groups, across, most)
    high = _blocks(prod(counts), THREADS // across, max(most // wide, 1))
    block = across, THREADS // across if counts else 1
    return "ik_fill_runs", (wide, high), block, length, _map(tuple(counts), tuple(strides))


def _most_skipped(place: int, affine: AffineMap, group: int) -> int:
    """By how many elements runs are widened at their start at most; ik_run_of finds how far each is."""
    *counts, length = affine.counts
    *strides, _ = affine.strides
    if counts and (length % group or any(stride % 4 for stride in strides)):
        return group - 1
    lane = affine.offset % 4
    return lane + ((place - lane) % group & ~3)


def store_launch(
    source: int,
    source_strides: Sequence[int],
    out: int,
    out_strides: Sequence[int],
    shape: Sequence[int],
    processors: int,
) -> Launch:
    """How to round an array into another.

    Args:
        source: The address of the first element that is read.
        source_strides: Bytes from one to the next along each axis; 0 repeats it.
        out: The address of the first element that is written.
        out_strides: As those of the source.
        shape: The shape of both; no length is 0.
        processors: How many multiprocessors the device has.

    Returns:
        The launch, of the entry point of `store_source`.

    Example:
        >>> store_launch(512, (16, 8), 1024, (2, 6), (3, 2), 132)[:3]
        ('ik_store', (1, 1), (256, 1))
    """
    counts, (read, written) = _merged(shape, (source_strides, out_strides))
    packed = _LAYOUT.pack(
        source, out, prod(counts), len(counts), *_padded(counts), *_padded(read), *_padded(written)
    )
    blocks = _blocks(prod(counts), THREADS, _BLOCKS_EACH * processors)
    return Launch("ik_store", (blocks, 1), (THREADS, 1), (packed,))


def adjust_launch(
    entry: str, address: int, strides: Sequence[int], shape: Sequence[int], number: float, processors: int
) -> Launch:
    """How to multiply or to shift an array in place.

    Args:
        entry: `"ik_scale"` or `"ik_shift"`.
        address: Where its first element is, on the device.
        strides: Bytes from one element to the next along each axis.
        shape: Its shape; no length is 0.
        number: The factor or the offset, rounded to the precision of the elements.
        processors: How many multiprocessors the device has.

    Returns:
        The launch, of an entry point of `adjust_source`.

    Example:
        >>> adjust_launch("ik_scale", 512, (16, 4), (300, 4), 0.5, 132)[:3]
        ('ik_scale', (5, 1), (256, 1))
    """
    counts, (merged,) = _merged(shape, (strides,))
    packed = _ELEMENTS.pack(address, prod(counts), len(counts), number, *_padded(counts), *_padded(merged))
    blocks = _blocks(prod(counts), THREADS, _BLOCKS_EACH * processors)
    return Launch(entry, (blocks, 1), (THREADS, 1), (packed,))


def _merged(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """The same elements over as few axes as possible, at least one."""
    counts: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis in reversed(range(len(shape))):
        if shape[axis] == 1:
            continue
        here = [each[axis] for each in strides]
        if counts and all(step == each[-1] * counts[-1] for step, each in zip(here, steps, strict=True)):
            counts[-1] *= shape[axis]
            continue
        counts.append(shape[axis])
        for step, each in zip(here, steps, strict=True):
            each.append(step)
    if not counts:
        return (1,), [(0,) for _ in strides]
    return tuple(reversed(counts)), [tuple(reversed(each)) for each in steps]


def _blocks(work: int, threads: int, most: int) -> int:
    return max(min((work + threads - 1) // threads, most), 1)


def _padded(entries: Sequence[int]) -> tuple[int, ...]:
    return (*entries, *(0,) * (_MOST_AXES - len(entries)))


def _map(counts: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """A struct ik_map; no axes are one position."""
    if not counts:
        return _map((1,), (0,))
    return _MAP.pack(prod(counts), len(counts), *_padded(counts), *_padded(strides))


def _job(address: int, index: int, count: int, key: Key, request: Request, output: DType) -> bytes:
    """A struct ik_job."""
    first, second, *counter = key
    round_keys = [(first + step) & 0xFFFFFFFF for step in _FIRST_STEPS]
    round_keys += [(second + step) & 0xFFFFFFFF for step in _SECOND_STEPS]
    return _job_layout(request.transform, output.draw.itemsize).pack(
        address, index, count, *round_keys, *counter, *request.law
    )


# Native byte order, and no padding but where it is written: the structs of the .cu files.
_MAP = Struct(f"=2Q{_MOST_AXES}Q{_MOST_AXES}q")
_LAYOUT = Struct(f"=4Q{_MOST_AXES}Q{2 * _MOST_AXES}q")
_ELEMENTS = Struct(f"=3Qd{_MOST_AXES}Q{_MOST_AXES}q")


@cache
def _job_layout(transform: int, width: int) -> Struct:
    numbers = _LAWS[transform][1]
    return Struct(f"=3Q22I{numbers}{'f' if width == 4 else 'd'}{-numbers * width % 8}x")
