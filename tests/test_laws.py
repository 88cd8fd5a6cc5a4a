"""The distributions, against their exact laws: shape, moments, independence, low bits.

All seeds are fixed, so each test has one outcome for ever. Together the tests ask some 400 questions; at a
level of 1e-5 each, a perfect generator would fail any of them with a probability below half a percent.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special, stats

import initkit as ik
from initkit.backends import get_backend
from initkit.draws import draw_key
from initkit.dtypes import DTYPES
from initkit.region import Region
from tests.catalogue import ENTRIES, Entry

LEVEL = 1e-5
N = 1 << 19

# Bounds in standard deviations: usual, one-sided, lopsided, wide, narrow, far in either tail, and all of it.
BOUNDS = [
    (-2.0, 2.0),
    (-1.0, 1.0),
    (-3.0, 0.5),
    (0.0, math.inf),
    (-math.inf, 0.0),
    (1.0, math.inf),
    (-math.inf, 1.0),
    (-math.inf, -1.5),
    (2.0, 3.0),
    (-0.01, 0.02),
    (0.5, 0.501),
    (-10.0, 10.0),
    (-math.inf, math.inf),
    (4.0, 5.0),
    (5.0, math.inf),
    (-math.inf, -6.0),
    (8.0, 8.5),
    (10.0, math.inf),
    (20.0, 20.001),
    (-31.0, -30.0),
    (35.0, math.inf),
    (100.0, 101.0),
    (-math.inf, -1000.0),
]


def _truncated_cdf(z: Any, lower: float, upper: float) -> Any:
    """The exact distribution function, computed where it loses no digits."""
    if lower < 0 < upper:
        low, high = special.ndtr(lower), special.ndtr(upper)
        return (special.ndtr(z) - low) / (high - low)
    if upper <= 0:
        return 1 - _truncated_cdf(-z, -upper, -lower)
    # Far in the tail every probability is tiny, but their logarithms' differences are not.
    log_tail = special.log_ndtr(-lower)
    share = np.expm1(special.log_ndtr(-np.asarray(z)) - log_tail)
    return share / (math.expm1(special.log_ndtr(-upper) - log_tail) if upper < math.inf else -1.0)


def _ks(values: Any, cdf: Any) -> float:
    """The probability that the law gives so large a distance between the distribution functions."""
    return float(stats.kstest(np.ravel(values), cdf).pvalue)


def _draw(law: str, dtype: str, *parameters: float, seed: int = 7) -> Any:
    """Values of a law, straight from the backend."""
    out = np.empty(N, DTYPES[dtype].numpy)
    getattr(get_backend("numpy"), law)(out, Region.whole((N,)), draw_key(seed), *parameters)
    return out.astype(np.float64)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.05, 0.05), (-3.0, 100.0)])
def test_uniform(low: float, high: float, dtype: str) -> None:
    """Uniform values have the uniform law."""
    values = ik.RandomUniform(low, high, seed=7)((N,), dtype)
    assert _ks(values.astype(np.float64), stats.uniform(low, high - low).cdf) > LEVEL


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.5, 0.02), (-3.0, 100.0)])
def test_normal(mean: float, std: float, dtype: str) -> None:
    """Normal values have the normal law."""
    values = ik.RandomNormal(mean, std, seed=11)((N,), dtype)
    assert _ks(values.astype(np.float64), stats.norm(mean, std).cdf) > LEVEL


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_truncated_normal_in_float64(bounds: tuple[float, float]) -> None:
    """Truncated values have the truncated law at any bounds, and never leave them."""
    lower, upper = bounds
    values = _draw("truncated_normal", "float64", 0.0, 1.0, lower, upper)
    assert lower <= values.min()
    assert values.max() <= upper
    assert _ks(values, lambda z: _truncated_cdf(z, lower, upper)) > LEVEL


@pytest.mark.parametrize("bounds", [b for b in BOUNDS if b not in [(0.5, 0.501), (20.0, 20.001)]], ids=str)
def test_truncated_normal_in_float32(bounds: tuple[float, float]) -> None:
    """So they have in float32, where its values are dense enough to tell."""
    lower, upper = bounds
    values = _draw("truncated_normal", "float32", 0.0, 1.0, lower, upper)
    assert lower <= values.min()
    assert values.max() <= upper
    # At 1000 deviations the law is as wide as 16 steps of float32: half a step is what KS must forgive.
    if lower > -math.inf and max(map(abs, bounds)) < 100:
        assert _ks(values, lambda z: _truncated_cdf(z, lower, upper)) > LEVEL


@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.02), (-100.0, 3.0)])
def test_truncated_normal_is_moved_and_scaled(mean: float, std: float) -> None:
    """Mean and deviation move and scale the law, at any bounds."""
    for lower, upper in ((-2.0, 2.0), (1.0, math.inf), (6.0, 7.0)):
        values = _draw("truncated_normal", "float64", mean, std, lower, upper)
        assert _ks((values - mean) / std, lambda z, a=lower, b=upper: _truncated_cdf(z, a, b)) > LEVEL


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_normal(dtype: str) -> None:
    """A complex value's square has the exponential law of mean σ², its angle is uniform and independent."""
    values = ik.RandomNormal(stddev=0.5, seed=7)((N,), dtype).astype(np.complex128)
    square, angle = np.abs(values) ** 2, np.angle(values)
    assert _ks(square, stats.expon(scale=0.25).cdf) > LEVEL
    assert _ks(angle, stats.uniform(-math.pi, 2 * math.pi).cdf) > LEVEL
    for one, other in ((square, np.cos(angle)), (square, np.sin(angle)), (values.real, values.imag)):
        assert _uncorrelated(one, other)


LAWS: dict[str, tuple[Any, float, float]] = {
    "uniform": (lambda x: 1 / math.sqrt(12), -math.sqrt(3), math.sqrt(3)),
    "untruncated_normal": (lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi), -12.0, 12.0),
    "truncated_normal": (
        lambda x: (
            0.87962566103423978
            * math.exp(-((0.87962566103423978 * x) ** 2) / 2)
            / (math.sqrt(2 * math.pi) * math.erf(math.sqrt(2)))
        ),
        -2 / 0.87962566103423978,
        2 / 0.87962566103423978,
    ),
}


# Every dtype with one mode, and every mode with one dtype.
MODES = ["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]
CASES = [("fan_in", dtype) for dtype in ("float64", "float16", "bfloat16")] + [
    (mode, "float32") for mode in MODES
]


def _assert_moments(values: Any, law: str, rounding: float = 0.0) -> None:
    """The first four moments are those of a law of mean 0 and variance 1, within their exact errors."""
    density, low, high = LAWS[law]
    moment = [integrate.quad(lambda x, k=k: x**k * density(x), low, high)[0] for k in range(9)]
    assert moment[0] == pytest.approx(1)
    assert moment[2] == pytest.approx(1)
    for k in range(1, 5):
        error = math.sqrt((moment[2 * k] - moment[k] ** 2) / values.size)
        allowed = stats.norm.isf(LEVEL / 2) * error + k * moment[4] * rounding**2
        assert abs((values**k).mean() - moment[k]) < allowed, k


@pytest.mark.parametrize("distribution", LAWS)
@pytest.mark.parametrize(("mode", "dtype"), CASES)
def test_variance_scaling_moments(distribution: str, mode: str, dtype: str) -> None:
    """Weights, over the deviation of their fan, have the moments of their law."""
    fan = {"fan_in": 1024, "fan_out": 4096, "fan_avg": 2560, "fan_geo_avg": 2048}[mode]
    values = ik.VarianceScaling(2.0, mode, distribution, seed=13)((1024, 4096), dtype)
    # Rounding adds its own variance: (unit in the last place)²/12, relative to values of order one.
    rounding = {"float16": 2.0**-11, "bfloat16": 2.0**-8}.get(dtype, 0.0)
    _assert_moments(values.astype(np.float64).ravel() / math.sqrt(2.0 / fan), distribution, rounding)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_moments(dtype: str) -> None:
    """The plain initializers have the mean and the deviation of their parameters."""
    shape = (1 << 22,)
    uniform = ik.RandomUniform(-1.0, 3.0, seed=17)(shape, dtype).astype(np.float64)
    _assert_moments((uniform - 1.0) / (4 / math.sqrt(12)), "uniform")
    normal = ik.RandomNormal(0.5, 0.02, seed=17)(shape, dtype).astype(np.float64)
    _assert_moments((normal - 0.5) / 0.02, "untruncated_normal")
    truncated = ik.TruncatedNormal(0.5, 0.02, seed=17)(shape, dtype).astype(np.float64)
    _assert_moments((truncated - 0.5) / (0.02 * 0.87962566103423978), "truncated_normal")


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.seeded], ids=str)
def test_moments_are_what_comes(entry: Entry) -> None:
    """The moments that an initializer announces are those of its values."""
    shape = entry.moments_shape
    init = entry.make(seed=17)
    for dtype in {"float64", "complex128"} & set(entry.dtypes):
        moments = init.moments(shape, dtype)
        assert (moments is not None) is entry.has_moments
        if moments is not None:
            values = init(shape, dtype).ravel()
            allowed = 6 / math.sqrt(values.size) * moments.std
            assert abs(values.mean().real - moments.mean) < allowed
            assert abs(values.std() - moments.std) < allowed


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if not entry.seeded], ids=str)
def test_moments_of_constants_are_exact(entry: Entry) -> None:
    """Initializers without randomness announce the very moments of their array."""
    shape = next(shape for shape in entry.shapes if 0 not in shape)
    dtype = "complex128" if "float64" not in entry.dtypes else "float64"
    values = entry.make()(shape, dtype)
    moments = entry.make().moments(shape)
    if moments is not None:
        assert moments == pytest.approx((values.mean().real, values.std()), abs=1e-12)


def _uncorrelated(one: Any, other: Any, questions: int = 1) -> bool:
    """Whether a correlation is what independent pairs give, with many questions asked at once."""
    correlation = np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]
    return bool(abs(correlation) * math.sqrt(np.size(one)) < stats.norm.isf(LEVEL / 2 / questions))


def _rows_uncorrelated(rows: Any) -> bool:
    """Whether no two rows of a matrix are correlated."""
    count, length = rows.shape
    correlations = np.abs(np.corrcoef(rows)[np.triu_indices(count, 1)])
    bound = stats.norm.isf(LEVEL / 2 / correlations.size)
    return bool(correlations.max() * math.sqrt(length) < bound)


@pytest.mark.parametrize("cls", [ik.RandomNormal, ik.RandomUniform, ik.TruncatedNormal])
@pytest.mark.parametrize(
    "generators",
    [
        lambda: [ik.SeedGenerator(seed) for seed in range(64)],
        lambda: [ik.SeedGenerator(2**seed) for seed in range(64)],
        lambda: [ik.SeedGenerator(7).child(f"layer.{number}.weight") for number in range(64)],
        lambda: [ik.SeedGenerator(7).child("a" * (number + 1)) for number in range(64)],
        lambda: [ik.SeedGenerator.from_config({"seed": 7, "draws": number}) for number in range(64)],
    ],
    ids=["seeds", "powers of two", "children", "nested names", "draws"],
)
def test_streams_are_independent(cls: Any, generators: Any) -> None:
    """Streams of neighbouring seeds, names and draws have nothing in common, nor have their squares."""
    rows = np.stack([cls(seed=generator)((4096,), "float64") for generator in generators()])
    assert _rows_uncorrelated(rows)
    centred = rows - rows.mean()
    assert _rows_uncorrelated(centred**2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("law", ["uniform", "normal", "truncated_normal"])
def test_neighbours_are_independent(law: str, dtype: str) -> None:
    """Elements at distances from 1 to 64, and at powers of two, are uncorrelated; so are their squares."""
    parameters = {"uniform": (-1.0, 1.0), "normal": (0.0, 1.0), "truncated_normal": (0.0, 1.0, -2.0, 2.0)}[
        law
    ]
    values = _draw(law, dtype, *parameters, seed=19)
    lags = [*range(1, 65), *(2**power for power in range(7, 17))]
    for transformed in (values, values**2, np.sign(values)):
        for lag in lags:
            assert _uncorrelated(transformed[:-lag], transformed[lag:], len(lags)), lag


def test_pairs_of_box_and_muller_are_independent() -> None:
    """The two values that come of one pair of numbers tell nothing about each other."""
    even, odd = _draw("normal", "float32", 0.0, 1.0, seed=23).reshape(-1, 2).T
    functions: list[Any] = [np.abs, np.sign, np.square, lambda x: x**3, lambda x: np.abs(x) > 1, lambda x: x]
    for one in functions:
        for other in functions:
            assert _uncorrelated(one(even), other(odd), len(functions) ** 2)
    cells, _, _ = np.histogram2d(special.ndtr(even), special.ndtr(odd), bins=32, range=[[0, 1], [0, 1]])
    assert stats.chisquare(cells.ravel()).pvalue > LEVEL


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 24), ("float64", 53)])
def test_low_bits_are_uniform(dtype: str, bits: int) -> None:
    """Every bit of a uniform number is fair, and its lowest eight are uniform together."""
    integers = (_draw("uniform", dtype, 0.0, 1.0, seed=29) * 2.0**bits).astype(np.int64)
    for bit in range(bits):
        ones = int((integers >> bit & 1).sum())
        assert abs(ones - N / 2) < stats.norm.isf(LEVEL / 2 / bits) * math.sqrt(N) / 2, bit
    for shift in (0, 8, bits - 8):
        counts = np.bincount(integers >> shift & 255, minlength=256)
        assert stats.chisquare(counts).pvalue > LEVEL


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 24), ("float64", 53)])
def test_tuples_are_uniform(dtype: str, bits: int) -> None:
    """Consecutive numbers fill the square and the cubes of three and four axes evenly, by low bits too."""
    integers = (_draw("uniform", dtype, 0.0, 1.0, seed=31) * 2.0**bits).astype(np.int64)
    for length, width in ((2, 6), (3, 4), (4, 3)):
        whole = N // length * length
        for part in (integers >> (bits - width), integers & ((1 << width) - 1)):
            tuples = part[:whole].reshape(-1, length)
            cells = (tuples << (width * np.arange(length))).sum(axis=1)
            assert stats.chisquare(np.bincount(cells, minlength=1 << width * length)).pvalue > LEVEL


def test_both_halves_of_a_float64_are_independent() -> None:
    """What float64 adds to a float32 value is uniform, and tells nothing about it."""
    exact = _draw("uniform", "float64", 0.0, 1.0, seed=37)
    single = _draw("uniform", "float32", 0.0, 1.0, seed=37)
    rest = (exact - single) * 2.0**24
    assert rest.min() >= 0
    assert rest.max() < 1
    assert _ks(rest, stats.uniform.cdf) > LEVEL
    assert _uncorrelated(single, rest)
    # The eight bits that float32 drops are of the first word; what follows is of the second.
    second = rest * 256 % 1
    assert _ks(second, stats.uniform.cdf) > LEVEL
    assert _uncorrelated(single, second)


@pytest.mark.parametrize("step", [2**12, 2**21, 2**21 + 1, 3**20])
def test_far_apart_elements_have_the_law(step: int) -> None:
    """A strided slice of a tensor of 2^61 elements has the law as well."""
    lazy = ik.RandomNormal(stddev=1.0, seed=41).lazy((2**61,), "float64")
    values = lazy[: 2**16 * step : step]
    assert values.shape == (2**16,)
    assert _ks(values, stats.norm.cdf) > LEVEL
    assert _uncorrelated(values[1:], values[:-1])


def test_extremes_come_as_often_as_they_should() -> None:
    """The largest of many normal values lies where the largest of so many should."""
    values = _draw("normal", "float64", 0.0, 1.0, seed=43)
    for largest in (values.max(), -values.min()):
        assert LEVEL < stats.norm.cdf(largest) ** N < 1 - LEVEL
