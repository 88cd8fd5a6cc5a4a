"""Counts and clearings of random subsets that any engine has to do to the bit, as NumPy does them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from struct import Struct
from typing import Any

import numpy as np

from initkit.draws import seeded_draw
from initkit.initializers.hypergeometric import log_share
from initkit.initializers.subsets import BLOCK, Subsets
from initkit.kernels import elementary
from initkit.kernels.requests import uniform_request
from initkit.region import Region
from tests.kernels.draws import COUNT, LOG, SELECT, Job

Array = np.ndarray[Any, Any]

# What dispatch.c reads.
NUMBERS = Struct("=12q")
COUNTING = Struct("=8I4d9q")
UNTOUCHED = 0xA5


def cleared(
    out: Array, uniforms: Array, missing: Array, first: int, block: int, left: int, last: int, step: int = 1
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
            place, between = divmod(first + number * block + row, step)
            if not between and 0 <= place < len(out):
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


# Rows, blocks, columns; first row of the output, its rows; what is left at the first, in the last; the step.
CLEARINGS = (
    (128, 1, 5, 0, 128, 128, 128, 1),
    (128, 3, 67, 0, 384, 128, 128, 1),
    (128, 2, 515, -7, 230, 128, 103, 1),
    (16, 4, 33, -20, 400, 80, 5, 1),
    (77, 2, 1, 3, 180, 77, 0, 1),
    (16, 2, 19, -300, 40, 16, 16, 1),
    (128, 1, 1030, -127, 1, 128, 128, 1),
    (13, 2, 64, 40, 20, 13, -4, 1),
    (128, 2, 70, 0, 128, 128, 128, 2),
    (128, 3, 9, -5, 40, 128, 90, 7),
    (128, 2, 33, 3, 3, 128, 128, 127),
    (16, 3, 65, -40, 9, 128, 128, 31),
    (100, 1, 3, -99, 1, 100, 100, 1000),
    (10, 1, 3, 5, 1, 10, 10, 64),
)


@cache
def clearing_jobs() -> tuple[Job, ...]:
    """Parts of blocks, short ones, steps, elements of any width; adjacent rows or columns, backwards."""
    return tuple(_clearing_jobs())


def _clearing_jobs() -> Iterator[Job]:
    for rows, blocks, columns, first, height, left, last, step in CLEARINGS:
        uniforms, missing = inputs(rows, blocks, columns)
        missing[-1] = np.minimum(missing[-1], max(last, 0))
        for width in (1, 2, 4, 8, 16):
            for strides in ((columns * width, width), (width, height * width), (-columns * width, width)):
                size = height * columns * width
                start = (height - 1) * columns * width if strides[0] < 0 else 0
                memory = np.full(size, UNTOUCHED, np.uint8)
                kind = "c16" if width == 16 else f"u{width}"
                out: Array = np.ndarray((height, columns), kind, memory.data, start, strides)
                made, still = cleared(out, uniforms, missing, first, BLOCK, left, last, step)
                out[...] = made
                numbers = (rows, blocks, columns, BLOCK, left, last, first, step, height, *strides, width)
                payload = NUMBERS.pack(*numbers) + uniforms.tobytes() + missing.tobytes()
                expected = memory.tobytes() + still.tobytes()
                yield Job(
                    f"clearing {numbers}", SELECT, 0, start, missing.size, payload, (), expected, width * 3
                )


# Rows, columns, members; blocks that are wanted; the first column, the step and the number.
COUNTINGS = (
    (1, 1, 1, slice(None), (0, 1, 1)),
    (129, 7, 60, slice(None), (0, 1, 7)),
    (128 * 37, 40, 100, slice(None), (39, -1, 40)),
    (65_536, 300, 59_000, slice(233, 235), (0, 1, 300)),
    (40_000, 700, 20_000, slice(5, None, 31), (3, 1, 600)),
    (40_001, 9, 40_000, slice(None), (1, 3, 3)),
    (2**20 + 77, 5, 2**19, slice(None, None, 700), (0, 1, 5)),
    (2**30, 3, 2**28, slice(8_000_000, 8_000_040, 3), (0, 2, 2)),
    (300_000, 1, 1000, slice(None), (0, 1, 1)),
)


@cache
def counting_jobs() -> tuple[Job, ...]:
    """Trees of any depth, by inversion and by rejection, some blocks of them and some columns."""
    return tuple(_counting_jobs())


def _counting_jobs() -> Iterator[Job]:
    law = uniform_request(0.0, 1.0, np.dtype("float64")).law
    for rows, columns, size, cut, chosen in COUNTINGS:
        drawn = Subsets(rows, columns, size, seeded_draw(7))
        wanted = np.arange(*cut.indices(drawn.blocks))
        region = Region((rows, columns), (0, chosen[0]), (1, chosen[1]), (rows, chosen[2]))
        expected = drawn.counts_in_arrays(wanted, region)
        keys = *drawn.draw.child("splits").key, *drawn.draw.child("trials").key
        numbers = rows, BLOCK, drawn.blocks, size, columns, *chosen, len(wanted)
        payload = COUNTING.pack(*keys, *law, *numbers) + wanted.astype(np.int64).tobytes()
        yield Job(f"counting {numbers}", COUNT, 0, 0, chosen[2], payload, (), expected.tobytes())


@cache
def logarithm_jobs() -> tuple[Job, ...]:
    """What rejection compares, of numbers as they occur there."""
    random = np.random.default_rng(9)
    positive = np.exp2(random.uniform(-53.0, 40.0, 5000))
    above = np.concatenate((random.uniform(-1.0, 1.0, 3000), positive, -1.0 / (1.0 + positive), [0.0]))
    rows = np.exp2(random.uniform(14.0, 45.0, 5000)).round()
    left = np.floor(rows * random.uniform(0.5, 1.0, 5000))
    right, members = rows - left, np.floor(rows * random.uniform(0.2, 0.8, 5000))
    mode = np.floor((left + 1.0) * (members + 1.0) / (rows + 2.0))
    x = np.floor(mode + np.sqrt(rows) * random.uniform(-2.0, 2.0, 5000))
    x = np.clip(x, np.maximum(members - right, 0.0), np.minimum(members, left))
    shares = log_share(np, left, right, members, mode, x)
    lines = np.stack([left, right, members, mode, x], axis=1)
    return (
        _logarithms("log", 0, positive, elementary.log(np, positive)),
        _logarithms("log1p", 1, above, elementary.log1p(np, above)),
        _logarithms("log of a share", 2, lines, shares),
    )


def _logarithms(name: str, code: int, values: Array, expected: Array) -> Job:
    return Job(name, LOG, code, 0, len(expected), values.tobytes(), (), expected.tobytes())


def all_jobs() -> tuple[Job, ...]:
    """Everything that a build has to do for random subsets."""
    return (*clearing_jobs(), *counting_jobs(), *logarithm_jobs())


def memory_elements(job: Job) -> int:
    """How much memory a count needs, in elements of 8 bytes; fill.h says what for."""
    number = (len(job.payload) - COUNTING.size) // 8
    return 3 * number + (5 * number + 2) * job.count
