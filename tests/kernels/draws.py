"""Fills that any engine has to do to the bit: what they ask for, and the answers of the NumPy twin.

A job is what the library's entry points take, so it can be handed to any build of them, on any processor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from struct import pack
from typing import Any

import numpy as np

from initkit.dtypes import DTYPES
from initkit.kernels import constants, transforms, twin
from initkit.kernels.normal_law import truncation
from initkit.kernels.parameters import (
    NORMAL,
    NormalParameters,
    Parameters,
    Request,
    TruncatedNormalParameters,
    UniformParameters,
)
from initkit.kernels.transforms import Array
from initkit.region import AffineMap

INF = math.inf
# Distributions, outputs and parts have the numbers of fill.h and probe.h.
WORDS, LAW32, LAW64, ROUNDING, FILL, LOG, SELECT, COUNT = range(8)
FLOATS = tuple(row for row in DTYPES.values() if row.kind == "float")
MOST_PARAMETERS = 10

KEY = (0x01234567, 0x89ABCDEF, 0xDEADBEEF, 0x0BADF00D)


def truncated(mean: float, std: float, lower: float, upper: float) -> TruncatedNormalParameters:
    """A truncated normal law with bounds in standard deviations."""
    return TruncatedNormalParameters(mean, std, lower, upper, mean + std * lower, mean + std * upper)


# Every transform; values that are subnormal, too large for the smaller floats or float32, or all the same.
LAWS: dict[str, Parameters] = {
    "uniform": UniformParameters(-0.3, 1.1),
    "uniform of the unit interval": UniformParameters(0.0, 1.0),
    "uniform of subnormals": UniformParameters(-3e-40, 9e-40),
    "uniform of a point": UniformParameters(0.1, 0.1),
    "normal": NormalParameters(0.1, 0.7),
    "normal of subnormals": NormalParameters(0.0, 1e-39),
    "normal of the smaller floats' subnormals": NormalParameters(0.0, 3e-6),
    "normal beyond the smaller floats": NormalParameters(0.0, 3e4),
    "normal beyond float32": NormalParameters(1e38, 2e38),
    "normal without deviation": NormalParameters(-0.0, 0.0),
    "central": truncated(0.0, 0.05, -2.0, 2.0),
    "central, wide": truncated(1.0, 200.0, -2.9, 2.9),
    "truncated": truncated(0.3, 1.0, -1.0, 3.9),
    "truncated on one side": truncated(0.0, 1e-3, -INF, 0.5),
    "truncated nowhere": truncated(0.0, 1.0, -INF, INF),
    "truncated, narrow": truncated(0.0, 1.0, 2.5, 2.5000001),
    "truncated, subnormal": truncated(0.0, 2e-39, -4.0, 1.0),
    "far above": truncated(0.0, 1.0, 6.0, 9.0),
    "far above, open": truncated(-0.5, 0.01, 40.0, INF),
    "far below": truncated(3.0, 0.5, -7.0, -4.0),
    "far below, open": truncated(0.0, 1e-39, -INF, -12.0),
}

# Counts around the batches, tiles and pieces of fill.c, first elements at every place in a block and a pair.
_LENGTHS = (1, 2, 3, 5, 31, 33, 127, 128, 129, 131, 2047, 2048, 2049, 4099)
_RUNS = [(AffineMap(offset, (length,), (1,)), 0) for offset in range(4) for length in _LENGTHS]
_REGIONS = [
    # Rows on both sides of what counts as short, from rows that do not start where a block does.
    *((AffineMap(7, (70, length), (1001, 1)), 0) for length in (1, 2, 7, 31, 32, 33)),
    (AffineMap(3, (3, 2050), (2053, 1)), 0),
    # Steps along the last axis, forwards and backwards.
    *((AffineMap(100_000, (3, 229), (777, step)), 0) for step in (2, 3, 4, 8, 1 << 20, -1, -2, -7)),
    # Five axes, and a start in the midst of every one of them.
    (AffineMap(987_654, (3, 2, 4, 3, 5), (-5000, 700, 150, -40, 3)), 0),
    (AffineMap(12, (3, 2, 4, 3, 33), (50_000, 10_000, 2000, 500, 1)), 1234),
    (AffineMap(0, (5, 40), (40_000, 1)), 39),
    (AffineMap(0, (5, 40), (40_000, -1)), 41),
    # Beyond 32 bits of elements, of blocks, and up to the largest tensor.
    (AffineMap((1 << 32) - 17, (50,), (1,)), 0),
    (AffineMap((1 << 34) - 50, (133,), (1,)), 0),
    (AffineMap((1 << 40) + 3, (4, 60), (1 << 41, 1)), 0),
    (AffineMap((1 << 61) - 70, (140,), (1,)), 0),
    (AffineMap((1 << 62) - 40, (39,), (1,)), 0),
    (AffineMap((1 << 62) - 2, (41, 3), (-(1 << 56), -1)), 0),
    (AffineMap(0, (1 << 61,), (2,)), (1 << 61) - 35),
    # From one row into the next, both longer than 32 bits can count.
    (AffineMap(5, (3, (1 << 33) + 1), (1 << 34, 1)), (1 << 33) - 40),
    (AffineMap(5, (3, (1 << 33) + 1), (1 << 36, -4)), (1 << 33) - 40),
]
_MOST_VALUES = 6200


@dataclass(frozen=True, slots=True)
class Job:
    """One call of an entry point, and what it has to write.

    Attributes:
        name: What to call it when it fails.
        part: Which entry point.
        code: The law or the output's dtype, where the part takes one.
        first: The first position, of a fill; of a clearing, where in the output its first row begins.
        count: How many values; how many counts, of a clearing; how many columns, of a count.
        payload: What is read: a packed request, words, block numbers or values.
        parameters: The law's, or the identity.
        expected: The bytes that must come out.
        misaligned: How many bytes the output lies off an aligned address.
    """

    name: str
    part: int
    code: int
    first: int
    count: int
    payload: bytes
    parameters: tuple[float, ...]
    expected: bytes
    misaligned: int = 0


def packed(request: Request, output: int, streaming: bool, affine: AffineMap) -> bytes:
    """A request as dispatch.c reads it."""
    axes = len(affine.counts)
    head = pack("=4I4i", *KEY, request.transform, output, axes, streaming)
    law = pack(f"={MOST_PARAMETERS}d", *padded(request.law))
    return head + law + pack(f"=Q{axes}Q{axes}q", affine.offset, *affine.counts, *affine.strides)


def padded(law: tuple[float, ...]) -> tuple[float, ...]:
    """The numbers of a law, as many as there is room for."""
    return law + (0.0,) * (MOST_PARAMETERS - len(law))


@cache
def fill_jobs() -> tuple[Job, ...]:
    """Every law in every dtype over every region, kept in the caches and, at times, around them."""
    return tuple(_fill_jobs())


def _fill_jobs() -> Iterator[Job]:
    for name, parameters in LAWS.items():
        for row in FLOATS:
            request = parameters.request(row.draw)
            for number, (affine, first) in enumerate(_RUNS + _REGIONS):
                streaming = number % 3 == 0
                # Copies go anywhere; else C's own types are at their own addresses, but at any of these.
                misaligned = number % 67 if streaming else number % 7 * row.numpy.itemsize
                count = math.prod(affine.counts) - first
                count = count if count < _MOST_VALUES else 77
                out = np.empty(count, row.numpy)
                twin.fill(out, KEY, affine, first, request)
                payload = packed(request, row.kernel_code, streaming, affine)
                label = f"{name}, {row.name}, {affine}, first={first}, streaming={streaming}"
                yield Job(label, FILL, 0, first, count, payload, padded(()), out.tobytes(), misaligned)


def edge_words(bits: int, edges: Iterable[float] = ()) -> Array:
    """Words at which something changes: ends, quarters, powers of two, these parts, and their neighbours."""
    powers = [1 << power for power in range(bits)]
    quarters = [turn * (1 << (bits - 3)) for turn in range(8)]
    places = {0, (1 << bits) - 1, *powers, *((1 << bits) - power for power in powers), *quarters}
    steps = (*range(-9, 10), -4096, -2048, 2048, 4096)
    near = {(place + step) % (1 << bits) for place in places for step in steps}
    # One float32 probability is that of some hundred words; one in float64, of some thousand.
    unit = 1 if bits == 32 else 1 << 11
    near |= {(int(edge * 2**bits) + step * unit) % 2**bits for edge in edges for step in range(-600, 600)}
    return np.array(sorted(near), np.uint32 if bits == 32 else np.uint64)


def edges_of(parameters: Parameters) -> list[float]:
    """Where in [0, 1) a truncated law goes over from one formula or one tail to the other."""
    if not isinstance(parameters, TruncatedNormalParameters):
        return []
    cut = truncation(parameters.lower, parameters.upper)
    if cut.far:
        return [0.5 / cut.mass, 1.0 - 0.5 / cut.mass]
    levels = (constants.CENTRAL_LEAST_P, 0.5, 1.0 - constants.CENTRAL_LEAST_P)
    return [(level - cut.p_lower) / cut.mass for level in levels]


@cache
def law_jobs() -> tuple[Job, ...]:
    """Every law at words that random draws would not meet."""
    return tuple(_law_jobs())


def _law_jobs() -> Iterator[Job]:
    random = np.random.default_rng(20)
    for name, parameters in LAWS.items():
        for part, bits, arithmetic in ((LAW32, 32, transforms.SINGLE), (LAW64, 64, transforms.DOUBLE)):
            words = edge_words(bits, (edge for edge in edges_of(parameters) if 0.0 < edge < 1.0))
            words = np.concatenate((words, random.permutation(words)))
            request = parameters.request(np.dtype(arithmetic.real))
            with np.errstate(all="ignore"):
                values = transformed(arithmetic, request, words)
            yield Job(
                f"{name} at chosen words of {bits} bits",
                part,
                request.transform,
                0,
                len(words),
                words.tobytes(),
                padded(request.law),
                values.tobytes(),
            )


def transformed(arithmetic: Any, request: Request, words: Array) -> Array:
    """The twin's values at these words, an even number of them."""
    if request.transform == NORMAL:
        pairs = transforms.normal_pairs(arithmetic, words[0::2], words[1::2], request.law)
        return np.stack(pairs, axis=1).ravel()
    laws = (
        transforms.uniform,
        None,
        transforms.truncated_central,
        transforms.truncated,
        transforms.truncated_far,
    )
    law = laws[request.transform]
    assert law is not None
    return law(arithmetic, words, request.law)


def float32_patterns() -> Array:
    """Float32 of all upper 16 bits, NaNs left out: ties of every dtype, their neighbours, random ones."""
    low = {*range(0, 1 << 16, 1 << 12), 1, 0x0FFF, 0x1001, 0x2FFF, 0x3001, 0x7FFF, 0x8001, 0xFFFF}
    low |= {int(bits) for bits in np.random.default_rng(16).integers(0, 1 << 16, 8)}
    top = np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)
    patterns = (top[:, None] | np.array(sorted(low), np.uint32)).ravel()
    values = patterns.view(np.float32)
    return values[~np.isnan(values)]


@cache
def rounding_jobs() -> tuple[Job, ...]:
    """Float32 values to each of the smaller floats, as NumPy and ml_dtypes round them."""
    values = float32_patterns()
    jobs = []
    for row in FLOATS:
        if row.numpy.itemsize < 4:
            with np.errstate(all="ignore"):
                expected = values.astype(row.numpy).tobytes()
            name = f"float32 to {row.name}"
            jobs.append(
                Job(name, ROUNDING, row.kernel_code, 0, len(values), values.tobytes(), padded(()), expected)
            )
    return tuple(jobs)


@cache
def words_jobs() -> tuple[Job, ...]:
    """Philox at block numbers small and large."""
    random = np.random.default_rng(64)
    blocks = np.concatenate((np.arange(64, dtype=np.uint64), random.integers(0, 1 << 64, 64, np.uint64)))
    low, high = blocks & np.uint64(0xFFFFFFFF), blocks >> np.uint64(32)
    k0, k1, word2, word3 = KEY
    words = twin.philox4x32_10(low, high, np.full_like(low, word2), np.full_like(low, word3), k0, k1)
    expected = np.stack(words, axis=1).tobytes()
    identity = padded(tuple(map(float, KEY)))
    return (Job("words", WORDS, 0, 0, len(blocks), blocks.tobytes(), identity, expected),)
