"""Words and fills in NumPy, against Philox written once more and against the laws."""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from initkit.kernels import twin
from initkit.kernels.parameters import (
    NormalParameters,
    Parameters,
    TruncatedNormalParameters,
    UniformParameters,
)
from initkit.kernels.transforms import Array
from initkit.region import AffineMap

INF = math.inf
FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")
KEY = (0x01234567, 0x89ABCDEF, 0xDEADBEEF, 0x0BADF00D)
ONE_ROW = AffineMap(0, (1 << 40,), (1,))

PARAMETERS: list[Parameters] = [
    UniformParameters(-0.3, 1.1),
    NormalParameters(0.1, 0.7),
    TruncatedNormalParameters(0.0, 0.05, -2.0, 2.0, -0.1, 0.1),
    TruncatedNormalParameters(0.0, 1.0, -INF, 1.0, -INF, 1.0),
    TruncatedNormalParameters(-3.0, 0.5, 6.0, 9.0, 0.0, 1.5),
]
NAMES = ["uniform", "normal", "central", "truncated", "far"]
EACH_LAW = pytest.mark.parametrize("parameters", PARAMETERS, ids=NAMES)

# Stream 1 is final: if one of these fails, the code is wrong, not the digest.
GOLDEN = {
    "uniform float32": "84ce99d06787b551",
    "uniform float64": "80f638abef788bc2",
    "normal float32": "7c2ec6d26995da9b",
    "normal float64": "8deeb80176cb03ef",
    "central float32": "b5c185554eb3c48b",
    "central float64": "e832609646f5c333",
    "truncated float32": "21687181d44a9cd6",
    "truncated float64": "26fd548ec15a28cd",
    "far float32": "d41c747c5354d4f7",
    "far float64": "7b2d3dc1dc14a936",
}


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Philox4x32-10 in Python's integers, from the paper."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 1 << 32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % (1 << 32), (k1 + 0xBB67AE85) % (1 << 32)
    return c0, c1, c2, c3


def word(index: int, flip: int = 0) -> int:
    """The word of an element of the draw `KEY`, from the stream's rule."""
    block = (index // 4) ^ flip
    return philox((block % 2**32, block >> 32, KEY[2], KEY[3]), KEY[:2])[index % 4]


def drawn(
    parameters: Parameters, dtype: Any, count: int, affine: AffineMap = ONE_ROW, first: int = 0
) -> Array:
    """What `fill` makes."""
    out = np.empty(count, dtype)
    draw = FLOAT64 if out.dtype == FLOAT64 else FLOAT32
    twin.fill(out, KEY, affine, first, parameters.request(draw))
    return out


# ---- Words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
            (0xFFFFFFFF, 0xFFFFFFFF),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(
    counter: tuple[int, int, int, int], key: tuple[int, int], words: tuple[int, int, int, int]
) -> None:
    """Random123's known answers, for the twin and for the Philox of these tests."""
    c0, c1, c2, c3 = (np.full(3, part, np.uint32) for part in counter)
    for output, wanted in zip(twin.philox4x32_10(c0, c1, c2, c3, *key), words, strict=True):
        assert output.dtype == np.uint32
        assert (output == wanted).all()
    assert philox(counter, key) == words


INDICES = [0, 1, 2, 3, 4, 7, 7, 5, 100, 101, 2**34 - 1, 2**34, 2**34 + 5, 2**62 - 1, 2**63 - 1, 2**63]


def test_words_of_elements() -> None:
    """Word `i % 4` of block `i // 4`, for indices in any order, repeated, and up to 2**63."""
    words = twin.words32(KEY, np.array(INDICES, np.uint64))
    assert words.dtype == np.uint32
    assert words.tolist() == [word(index) for index in INDICES]


def test_double_words_of_elements() -> None:
    """The high half is the 32-bit word; the low half is that of the block with bit 63 flipped."""
    words = twin.words64(KEY, np.array(INDICES, np.uint64))
    assert words.dtype == np.uint64
    assert words.tolist() == [(word(index) << 32) | word(index, 1 << 63) for index in INDICES]


def test_no_words_of_no_elements() -> None:
    """Empty in, empty out."""
    assert twin.words32(KEY, np.empty(0, np.uint64)).shape == (0,)
    assert drawn(NormalParameters(0.0, 1.0), np.float32, 0).shape == (0,)


# ---- Indices --------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(-9, 9)), min_size=1, max_size=4), st.data())
def test_indices(axes: list[tuple[int, int]], data: st.DataObject) -> None:
    """Positions in row-major order, with strides of both signs, from any first position."""
    counts, strides = zip(*axes, strict=True)
    total = math.prod(counts)
    first = data.draw(st.integers(0, total - 1))
    length = data.draw(st.integers(0, total - first))
    digits = np.unravel_index(np.arange(first, first + length), counts)
    wanted = 1000 + sum(digit * stride for digit, stride in zip(digits, strides, strict=True))
    found = twin.indices(AffineMap(1000, counts, strides), first, length)
    assert found.dtype == np.uint64
    assert np.array_equal(found, wanted)


def test_indices_are_exact_near_the_end() -> None:
    """No float comes between: the largest indices keep their last digit."""
    affine = AffineMap(2**62 - 1, (2, 3), (-(2**61), -1))
    assert twin.indices(affine, 2, 3).tolist() == [2**62 - 3, 2**61 - 1, 2**61 - 2]


# ---- Fills ----------------------------------------------------------------------------------------------


@EACH_LAW
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ml_dtypes.bfloat16])
def test_any_part_alone(parameters: Parameters, dtype: Any) -> None:
    """Parts that start anywhere, cross pieces, step, or run backwards equal the same parts of the whole."""
    whole = drawn(parameters, dtype, 70_001)
    assert drawn(parameters, dtype, 10, first=65_531).tobytes() == whole[65_531:65_541].tobytes()
    assert drawn(parameters, dtype, 66_000, first=3).tobytes() == whole[3:66_003].tobytes()
    backwards = AffineMap(70_000, (70_001,), (-1,))
    assert drawn(parameters, dtype, 70_001, backwards).tobytes() == whole[::-1].tobytes()
    matrix = whole[:70_000].reshape(100, 700)[90:5:-7, 1:600:3]
    affine = AffineMap(90 * 700 + 1, matrix.shape, (-7 * 700, 3))
    assert drawn(parameters, dtype, matrix.size, affine).tobytes() == matrix.tobytes()
    assert drawn(parameters, dtype, 50, affine, 777).tobytes() == matrix.ravel()[777:827].tobytes()


@EACH_LAW
@pytest.mark.parametrize(
    "dtype", [np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]
)
def test_small_floats_are_float32_rounded_once(parameters: Parameters, dtype: Any) -> None:
    """One draw, whatever the dtype."""
    wide = drawn(parameters, np.float32, 5000)
    assert drawn(parameters, dtype, 5000).tobytes() == wide.astype(dtype).tobytes()


@EACH_LAW
def test_float64_is_the_same_draw(parameters: Parameters) -> None:
    """Float64 values agree with float32 values to float32's resolution, and are not those widened."""
    narrow, wide = drawn(parameters, np.float32, 20_000), drawn(parameters, np.float64, 20_000)
    assert np.abs(wide - narrow).max() < 2e-6
    assert (wide != narrow).mean() > 0.9


def test_values_from_the_stream_alone() -> None:
    """Some values with nothing of the twin but its coefficients' accuracy: words, uniforms, formulas."""
    even, odd = ((word(index) + 0.5) / 2**32 for index in (10, 11))
    radius = math.sqrt(-2 * math.log(even))
    pair = radius * math.cos(2 * math.pi * odd), radius * math.sin(2 * math.pi * odd)
    assert drawn(NormalParameters(0.0, 1.0), np.float32, 2, first=10) == pytest.approx(pair, abs=1e-6)
    uniform = drawn(UniformParameters(0.0, 1.0), np.float32, 1, first=13)
    assert uniform[0] == (word(13) >> 8) / 2**24
    double = drawn(UniformParameters(0.0, 1.0), np.float64, 1, first=13)
    assert double[0] == ((word(13) << 32 | word(13, 1 << 63)) >> 11) / 2**53
    bounds = TruncatedNormalParameters(0.0, 1.0, -2.0, 2.0, -2.0, 2.0)
    share = special.ndtr(-2) + (word(17) + 0.5) / 2**32 * (special.ndtr(2) - special.ndtr(-2))
    assert drawn(bounds, np.float32, 1, first=17)[0] == pytest.approx(special.ndtri(share), abs=1e-6)


def test_overflow_is_silent() -> None:
    """What a small float cannot hold becomes what the conversion makes of it, without a warning."""
    wide = drawn(NormalParameters(0.0, 1e6), np.float32, 1000)
    for dtype in (np.float16, ml_dtypes.float8_e4m3fn):
        values = drawn(NormalParameters(0.0, 1e6), dtype, 1000)
        with np.errstate(over="ignore", invalid="ignore"):
            assert values.tobytes() == wide.astype(dtype).tobytes()


def test_bits_never_change() -> None:
    """Digests of 100,000 values of each law: every coefficient and the order of every operation."""
    found = {
        f"{name} {dtype}": blake2b(drawn(parameters, dtype, 100_000).tobytes(), digest_size=8).hexdigest()
        for name, parameters in zip(NAMES, PARAMETERS, strict=True)
        for dtype in (FLOAT32, FLOAT64)
    }
    assert found == GOLDEN


# ---- Laws -----------------------------------------------------------------------------------------------


def truncated_cdf(lower: float, upper: float) -> Callable[[Array], Array]:
    """The distribution function between bounds, by the tails of the side where the digits are."""
    if lower > 0:
        reference = special.log_ndtr(-lower)
        whole = -np.expm1(special.log_ndtr(-upper) - reference)
        return lambda x: -np.expm1(special.log_ndtr(-x) - reference) / whole
    if upper < 0:
        mirrored = truncated_cdf(-upper, -lower)
        return lambda x: 1 - mirrored(-x)
    below, mass = special.ndtr(lower), special.ndtr(upper) - special.ndtr(lower)
    return lambda x: (special.ndtr(x) - below) / mass


LAWS: list[tuple[str, Parameters, Callable[[Array], Array]]] = [
    ("uniform", UniformParameters(-2.0, 5.0), lambda x: (x + 2) / 7),
    ("normal", NormalParameters(1.0, 3.0), lambda x: special.ndtr((x - 1) / 3)),
]
for ends in [
    (-2.0, 2.0),
    (-INF, INF),
    (-100.0, 100.0),
    (0.0, INF),
    (-INF, -3.0),
    (-1.0, 3.5),
    (-1e-6, 1e-6),
    (0.5, 0.6),
    (4.9, 5.1),
    (10.0, INF),
    (10.0, 10.1),
    (-INF, -6.0),
    (40.0, INF),
]:
    LAWS.append((str(ends), TruncatedNormalParameters(0.0, 1.0, *ends, *ends), truncated_cdf(*ends)))
# Values here are distances from the bound, some 1/300 wide: an error of the bound's own size would show.
LAWS.append(
    (
        "distance from 300",
        TruncatedNormalParameters(-300.0, 1.0, 300.0, INF, 0.0, INF),
        lambda x: -np.expm1(-300 * x - x * x / 2),
    )
)


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)
@pytest.mark.parametrize(("parameters", "law"), [each[1:] for each in LAWS], ids=[each[0] for each in LAWS])
def test_values_follow_the_law(parameters: Parameters, law: Callable[[Array], Array], dtype: Any) -> None:
    """Kolmogorov and Smirnov's test on 100,000 values, at one in a thousand over all cases together."""
    values = drawn(parameters, dtype, 100_000).astype(np.float64)
    result = stats.kstest(law(values), "uniform")
    assert result.pvalue > 1e-3 / (2 * len(LAWS))


def test_normal_pairs_are_independent() -> None:
    """Neither values nor squares of the two elements of a pair are correlated, at five standard errors."""
    values = drawn(NormalParameters(0.0, 1.0), np.float32, 400_000).astype(np.float64)
    first, second = values[0::2], values[1::2]
    bound = 5 / math.sqrt(len(first))
    for one, other in ((first, second), (first**2, second**2), (first[1:], second[:-1])):
        assert abs(stats.pearsonr(one, other).statistic) < bound
