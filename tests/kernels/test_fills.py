"""Fills of NumPy arrays by the engine of this process, against the NumPy twin and the stream's rules."""

from __future__ import annotations

import math
import platform
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import initkit as ik
from initkit.dtypes import DTYPES, DType
from initkit.kernels import fill_normal, fill_truncated_normal, fill_uniform, fills, requests, twin
from initkit.kernels.loader import Engine, engine
from initkit.kernels.parameters import (
    NormalParameters,
    Parameters,
    TruncatedNormalParameters,
    UniformParameters,
)
from initkit.kernels.threads import PIECE
from initkit.kernels.transforms import Array
from initkit.region import AffineMap, Region

INF = math.inf
KEY = (0xFEDCBA98, 0x76543210, 0x0F1E2D3C, 0x4B5A6978)
FLOATS = [row for row in DTYPES.values() if row.kind == "float"]
FLOAT32, FLOAT64 = DTYPES["float32"], DTYPES["float64"]

EACH_DTYPE = pytest.mark.parametrize("dtype", FLOATS, ids=lambda row: row.name)
needs_library = pytest.mark.skipif(
    engine().fill is None, reason=f"needs the compiled kernels: {engine().reason}"
)

Fill = Callable[[Array, AffineMap], None]


def uniform(low: float, high: float) -> tuple[Fill, Parameters]:
    """A fill, and what the twin has to be given for the same."""
    return lambda out, affine: fill_uniform(out, affine, KEY, low, high), UniformParameters(low, high)


def normal(mean: float, std: float) -> tuple[Fill, Parameters]:
    """A fill, and what the twin has to be given for the same."""
    return lambda out, affine: fill_normal(out, affine, KEY, mean, std), NormalParameters(mean, std)


def truncated(mean: float, std: float, lower: float, upper: float) -> tuple[Fill, Parameters]:
    """A fill, and what the twin has to be given for the same."""
    ends = (mean + std * lower, mean + std * upper) if std else (mean, mean)
    parameters = TruncatedNormalParameters(mean, std, lower, upper, *ends)
    return lambda out, affine: fill_truncated_normal(out, affine, KEY, mean, std, lower, upper), parameters


LAWS: dict[str, tuple[Fill, Parameters]] = {
    "uniform": uniform(-0.07, 0.07),
    "normal": normal(0.5, 0.02),
    "central": truncated(0.0, 0.1, -2.0, 2.0),
    "truncated": truncated(0.2, 1.5, -0.5, INF),
    "far": truncated(0.0, 0.3, -8.0, -4.5),
    "pointlike": truncated(0.25, 0.0, -INF, 1.0),
}
EACH_LAW = pytest.mark.parametrize("law", LAWS)


def expected(parameters: Parameters, dtype: DType, affine: AffineMap, first: int, count: int) -> Array:
    """The twin's values at consecutive positions."""
    out = np.empty(count, dtype.numpy)
    twin.fill(out, KEY, affine, first, parameters.request(dtype.draw))
    return out


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays have the same bytes, NaNs and signs of zero included."""
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """More threads than most machines of CI have processors for."""
    monkeypatch.setenv("INITKIT_NUM_THREADS", "3")


# ---- The twin's bits ---------------------------------------------------------------------------------------


@st.composite
def regions(draw: st.DrawFn) -> Region:
    """Any slice of a tensor of up to five axes, at most some thousand elements of it."""
    shape = tuple(draw(st.lists(st.integers(1, 2**12), min_size=1, max_size=5)))
    starts, steps, counts = [], [], []
    room = 6000
    for length in shape:
        count = draw(st.integers(1, min(length, room)))
        most = (length - 1) // max(count - 1, 1)
        step = draw(st.integers(1, max(most, 1))) * draw(st.sampled_from((1, 1, -1)))
        span = abs(step) * (count - 1)
        start = draw(st.integers(0, length - 1 - span)) + (span if step < 0 else 0)
        room = max(room // count, 1)
        starts.append(start)
        steps.append(step)
        counts.append(count)
    return Region(shape, tuple(starts), tuple(steps), tuple(counts))


@settings(deadline=None, max_examples=150)
@given(regions(), st.sampled_from(sorted(LAWS)), st.sampled_from(FLOATS))
def test_any_slice_has_the_bits_of_the_twin(region: Region, law: str, dtype: DType) -> None:
    """Every law, in every dtype, over any region, is what NumPy computes."""
    fill, parameters = LAWS[law]
    out = np.empty(region.counts, dtype.numpy)
    fill(out, region.affine())
    assert same_bits(out.ravel(), expected(parameters, dtype, region.affine(), 0, region.size))


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**62 - 2**14),
    st.integers(1, 2**13),
    st.sampled_from(sorted(LAWS)),
    st.sampled_from(FLOATS),
)
def test_any_run_has_the_bits_of_the_twin(offset: int, length: int, law: str, dtype: DType) -> None:
    """Runs of any length from any element of tensors as large as there can be are what NumPy computes."""
    fill, parameters = LAWS[law]
    affine = AffineMap(offset, (length,), (1,))
    out = np.empty(length, dtype.numpy)
    fill(out, affine)
    assert same_bits(out, expected(parameters, dtype, affine, 0, length))


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("count", [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 3, 3 * PIECE + 2049])
@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_pieces_meet(law: str, count: int) -> None:
    """Where one thread's piece ends and another's begins, and at the end, no value is lost."""
    fill, parameters = LAWS[law]
    affine = AffineMap(3, (count,), (1,))
    out = np.empty(count, np.float32)
    fill(out, affine)
    for start in {0, PIECE - 50, 2 * PIECE - 50, 3 * PIECE - 50, count - 100}:
        if 0 <= start < count:
            part = out[start : start + 100]
            assert same_bits(part, expected(parameters, FLOAT32, affine, start, len(part)))
    assert np.isfinite(out).all()


@pytest.mark.usefixtures("three_threads")
def test_pieces_begin_within_rows() -> None:
    """A piece may begin in the midst of any axis of a region with steps."""
    region = Region((700, 40, 90), (5, 39, 1), (2, -1, 2), (300, 40, 44))
    fill, parameters = LAWS["truncated"]
    out = np.empty(region.counts, np.float16)
    fill(out, region.affine())
    assert same_bits(out.ravel(), expected(parameters, DTYPES["float16"], region.affine(), 0, region.size))


@pytest.mark.usefixtures("three_threads")
@EACH_DTYPE
def test_outputs_beyond_the_caches(dtype: DType) -> None:
    """Outputs so large that they are written around the caches have the same bits."""
    fill, parameters = LAWS["uniform"]
    limit = (8 << 20) // dtype.numpy.itemsize
    for count in (limit - 1, limit, limit + 77):
        out = np.empty(count, dtype.numpy)
        affine = AffineMap(2, (count,), (1,))
        fill(out, affine)
        for start in (0, PIECE - 60, count - 5000):
            assert same_bits(out[start:][:5000], expected(parameters, dtype, affine, start, 5000))


@EACH_LAW
@EACH_DTYPE
def test_nothing_else_is_written(law: str, dtype: DType) -> None:
    """At any address, aligned or not, a fill writes its output and not a byte around it."""
    fill, parameters = LAWS[law]
    for misaligned in (0, 1, 2, 3, 4, 8, 13, 16, 32, 48, 64):
        for affine in (
            AffineMap(1, (2077,), (1,)),
            AffineMap(9, (7, 33), (40, -1)),
            AffineMap(0, (5,), (1,)),
        ):
            count = math.prod(affine.counts)
            memory = np.full(count * dtype.numpy.itemsize + 256, 0xA5, np.uint8)
            inner = memory[64 + misaligned :][: count * dtype.numpy.itemsize]
            fill(inner.view(dtype.numpy).reshape(affine.counts), affine)
            assert inner.tobytes() == expected(parameters, dtype, affine, 0, count).tobytes()
            inner[:] = 0xA5
            assert (memory == 0xA5).all()


@EACH_DTYPE
def test_unaligned_outputs_are_copied_to(dtype: DType, monkeypatch: pytest.MonkeyPatch) -> None:
    """C writes values of a type to that type's addresses alone; the request says so where one is another."""
    streaming: list[int] = []

    def fill(packed: bytes, first: int, length: int, address: int) -> int:
        streaming.append(int.from_bytes(packed[28:32], sys.byteorder))
        return 0

    monkeypatch.setattr(fills, "engine", lambda: Engine(fill, None, "baseline", None, ""))
    width = dtype.numpy.itemsize
    memory = np.zeros(64, np.uint8)
    start = -memory.ctypes.data % 8
    for misaligned in range(9):
        out = memory[start + misaligned :][: 2 * width].view(dtype.numpy)
        fill_uniform(out, AffineMap(0, (2,), (1,)), KEY, 0.0, 1.0)
    assert streaming == [int(misaligned % width != 0) for misaligned in range(9)]


@EACH_LAW
def test_nothing_of_nothing(law: str) -> None:
    """An output without elements is left alone, and one of no axes has its one value."""
    fill, parameters = LAWS[law]
    fill(np.empty((0, 3), np.float32), AffineMap(0, (0, 3), (3, 1)))
    scalar = np.empty((), np.float64)
    fill(scalar, Region.whole(()).affine())
    assert same_bits(scalar.reshape(1), expected(parameters, FLOAT64, AffineMap(0, (1,), (1,)), 0, 1))


@needs_library
def test_more_axes_than_the_library_takes() -> None:
    """A request that the library refuses is no silent loss: NumPy's arrays cannot have so many axes."""
    with pytest.raises(AssertionError, match="refused a request for float32"):
        fill_uniform(np.empty(1, np.float32), AffineMap(0, (1,) * 65, (1,) * 65), KEY, 0.0, 1.0)


# ---- Words, through the uniform law ------------------------------------------------------------------------

PLACES = [
    AffineMap(0, (5000,), (1,)),
    AffineMap(2**40 + 1, (30, 9), (2**30, -3)),
    AffineMap(2**61 - 99, (99,), (1,)),
]


@pytest.mark.parametrize("affine", PLACES)
def test_unit_interval_shows_the_words(affine: AffineMap) -> None:
    """Uniform values on [0, 1) are the upper 24 or 53 bits of their words, scaled."""
    count = math.prod(affine.counts)
    index = twin.indices(affine, 0, count)
    single, double = np.empty(count, np.float32), np.empty(count, np.float64)
    fill_uniform(single, affine, KEY, 0.0, 1.0)
    fill_uniform(double, affine, KEY, 0.0, 1.0)
    assert (np.ldexp(single, 24).astype(np.uint64) == twin.words32(KEY, index) >> np.uint32(8)).all()
    assert (np.ldexp(double, 53).astype(np.uint64) == twin.words64(KEY, index) >> np.uint64(11)).all()


# ---- The state of the calling thread -----------------------------------------------------------------------

# The bits that flush subnormal results and operands to zero.
FLUSH = {"x86_64": 0x1F80 | 0x8040, "amd64": 0x1F80 | 0x8040, "aarch64": 1 << 24, "arm64": 1 << 24}


@pytest.fixture
def flushing() -> Iterator[Callable[[], bool]]:
    """This thread flushes subnormal numbers until what is given is called, which tells if it still did."""
    running, mode = engine(), FLUSH.get(platform.machine().lower())
    if running.float_mode is None or mode is None:
        pytest.skip("needs the compiled kernels, and a processor whose modes are known here")
    before = running.float_mode(mode)
    flushes = bool(np.float32(1e-30) * np.float32(1e-10) == 0)
    assert flushes

    def stop() -> bool:
        still: bool = running.float_mode(before) & mode == mode
        return still

    yield stop
    running.float_mode(before)


# Numbers that no other test has: a request that was made before would be taken from memory.
SUBNORMAL = {
    "uniform": uniform(1.23e-39, 4.56e-39),
    "normal": normal(0.0, 1.234e-39),
    "normal about a subnormal": normal(3.21e-40, 1e-41),
    "central": truncated(0.0, 2.345e-39, -2.0, 2.0),
    "truncated": truncated(1.1e-39, 3.456e-39, -INF, 1.0),
    "far": truncated(-1e-38, 1.5e-39, 5.0, INF),
}


@pytest.mark.parametrize("law", SUBNORMAL)
@pytest.mark.parametrize("dtype", [FLOAT32, DTYPES["bfloat16"]], ids=lambda row: row.name)
def test_subnormal_values_where_they_are_flushed(
    law: str, dtype: DType, flushing: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that flushes subnormal numbers to zero gets the same bits, and goes on flushing."""
    monkeypatch.setenv("INITKIT_NUM_THREADS", "3")
    for cached in (requests.uniform_request, requests.normal_request, requests.truncated_normal_request):
        cached.cache_clear()
    fill, parameters = SUBNORMAL[law]
    out = np.empty(2 * PIECE + 100, dtype.numpy)
    affine = AffineMap(0, (out.size,), (1,))
    fill(out, affine)
    assert flushing()
    for start in (0, PIECE, 2 * PIECE):
        assert same_bits(out[start:][:100], expected(parameters, dtype, affine, start, 100))
    smallest = float(np.finfo(np.float32).tiny)
    assert (np.abs(out.astype(np.float64)) < smallest).any()


def test_smaller_floats_subnormal_values_where_they_are_flushed(flushing: Callable[[], bool]) -> None:
    """Float16 and float8 have subnormal values of their own, which the mode does not touch either."""
    made = {row.name: np.empty(999, row.numpy) for row in FLOATS if row.numpy.itemsize < 4}
    fill, parameters = normal(0.0, 4.5e-5)
    affine = AffineMap(0, (999,), (1,))
    for out in made.values():
        fill(out, affine)
    assert flushing()
    for name, out in made.items():
        assert same_bits(out, expected(parameters, DTYPES[name], affine, 0, 999))


def test_other_threads_may_draw_meanwhile() -> None:
    """Many callers at once, each with threads of its own, get each its own values."""
    laws = [law for law in LAWS if law != "pointlike"] * 2
    outs = [np.empty(PIECE + 4321, np.float32) for _ in laws]

    def draw(number: int) -> None:
        for _ in range(3):
            LAWS[laws[number]][0](outs[number], AffineMap(number, outs[number].shape, (1,)))

    callers = [threading.Thread(target=draw, args=(number,)) for number in range(len(laws))]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for number, out in enumerate(outs):
        affine = AffineMap(number, out.shape, (1,))
        for start in (0, PIECE - 100):
            values = expected(LAWS[laws[number]][1], FLOAT32, affine, start, 200)
            assert same_bits(out[start:][:200], values)


def test_streaming_changes_no_value() -> None:
    """A large array filled in place, which is written around the caches, has the values of a new one."""
    uniform = ik.RandomUniform(-1.0, 1.0, seed=7)
    shape = (3, 1 << 20)
    assert (uniform.fill(np.zeros(shape, np.float32)) == uniform(shape)).all()
