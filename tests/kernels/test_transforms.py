"""Transforms against the exact formulas: in 60 digits at chosen words, in float64 at many."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy import special

from initkit.kernels import transforms
from initkit.kernels.parameters import (
    TRUNCATED,
    TRUNCATED_CENTRAL,
    TRUNCATED_FAR,
    NormalParameters,
    Parameters,
    TruncatedNormalParameters,
    UniformParameters,
)
from initkit.kernels.transforms import DOUBLE, SINGLE, Arithmetic, Array, Law

INF = math.inf
# What is promised; what was measured is 2.4e-7 and 6e-16.
TOLERANCE = {SINGLE: 3e-7, DOUBLE: 3e-15}
BOTH = pytest.mark.parametrize("arithmetic", [SINGLE, DOUBLE], ids=["float32", "float64"])

CENTRAL_BOUNDS = [(-2.0, 2.0), (-3.0, 3.0), (-0.5, 0.5), (-1e-6, 1e-6)]
GENERAL_BOUNDS = [
    (-INF, INF),
    (-100.0, 100.0),
    (0.0, INF),
    (-INF, 0.0),
    (-INF, -3.0),
    (3.0, INF),
    (3.99, INF),
    (-INF, 1.5),
    (-1.0, 3.5),
    (-50.0, 3.0),
    (-8.0, -3.5),
    (-3.999, -3.9),
    (2.9, 3.1),
    (0.5, 0.6),
    (1.0, 1.0001),
]
FAR_BOUNDS = [
    (4.0, INF),
    (4.0, 4.2),
    (4.9, 5.1),
    (-6.0, -5.0),
    (-INF, -4.0),
    (10.0, INF),
    (10.0, 10.1),
    (-10.0, -9.99999),
    (40.0, INF),
    (100.0, 101.0),
    (1000.0, INF),
]
ALL_BOUNDS = CENTRAL_BOUNDS + GENERAL_BOUNDS + FAR_BOUNDS

LAWS = {
    TRUNCATED_CENTRAL: transforms.truncated_central,
    TRUNCATED: transforms.truncated,
    TRUNCATED_FAR: transforms.truncated_far,
}


@pytest.fixture(autouse=True)
def sixty_digits() -> Any:
    """Enough for differences of neighbouring tails."""
    with mp.workdps(60):
        yield


def draw_dtype(arithmetic: Arithmetic) -> np.dtype[Any]:
    """The precision as parameters name it."""
    return np.dtype("float32" if arithmetic is SINGLE else "float64")


def edge_words(arithmetic: Arithmetic, extra: int = 0) -> Array:
    """0, the largest, the middle, all powers of two and their neighbours, in steps of u; then random ones."""
    bits = arithmetic.bits
    near = {power + step for power in (1 << i for i in range(bits + 1)) for step in (-2, -1, 0, 1, 2)}
    near |= {0, 3 << (bits - 2), (1 << bits) - 1}
    # Around the middles of the eight half quarters of the circle, where signs and swaps change.
    near |= {(eighth << (bits - 3)) + step for eighth in range(8) for step in (-1, 0, 1)}
    steps = np.array(sorted(step for step in near if 0 <= step < 1 << bits), np.uint64)
    random = np.random.default_rng(7).integers(0, 1 << bits, extra, dtype=np.uint64)
    words = np.concatenate([steps, random]) << np.uint64(arithmetic.word_bits - bits)
    return words.astype(arithmetic.unsigned)


def exact_u(arithmetic: Arithmetic, word: Any) -> Any:
    """`u = (k + 1/2)·2**-bits`, exactly."""
    bits = arithmetic.bits
    return (mp.mpf(int(word) >> (arithmetic.word_bits - bits)) + mp.mpf(0.5)) / 2**bits


def truncated_values(arithmetic: Arithmetic, words: Array, lower: float, upper: float) -> tuple[Array, int]:
    """Values of the standard law between bounds, and the transform that made them."""
    parameters = TruncatedNormalParameters(0.0, 1.0, lower, upper, lower, upper)
    request = parameters.request(draw_dtype(arithmetic))
    return LAWS[request.transform](arithmetic, words, request.law), request.transform


def exact_error(x: Any, u: Any, lower: float, upper: float) -> float:
    """How far `x` is from the exact inverse at `u`, to first order, relative to `max(1, |x|)`."""
    if upper <= 0.0:
        x, u, lower, upper = -x, 1 - u, -upper, -lower
    x, a, b = mp.mpf(x), mp.mpf(lower), mp.mpf(upper)
    # From the upper side, where positive intervals keep their digits.
    above, below_a, above_b = (mp.erfc(value / mp.sqrt(2)) / 2 for value in (x, a, b))
    miss = (below_a - above) - u * (below_a - above_b)
    return float(abs(miss) / mp.npdf(x) / max(mp.mpf(1), abs(x)))


def exact_normal_pair(arithmetic: Arithmetic, even: Any, odd: Any) -> tuple[Any, Any]:
    """Box and Muller in 60 digits."""
    radius = mp.sqrt(-2 * mp.log(exact_u(arithmetic, even)))
    angle = 2 * exact_u(arithmetic, odd)
    return radius * mp.cospi(angle), radius * mp.sinpi(angle)


@BOTH
def test_normal_pairs_at_edges(arithmetic: Arithmetic) -> None:
    """Each edge word as radius with others as angle, and the reverse, against Box and Muller in 60 digits."""
    words = edge_words(arithmetic, 200)
    shuffled = np.random.default_rng(8).permutation(words)
    for even, odd in ((words, shuffled), (shuffled, words)):
        pairs = transforms.normal_pairs(arithmetic, even, odd, (0.0, 1.0))
        exact = [exact_normal_pair(arithmetic, *both) for both in zip(even, odd, strict=True)]
        for got, wanted in zip(pairs, zip(*exact, strict=True), strict=True):
            errors = [abs(mp.mpf(float(x)) - y) / max(1, abs(y)) for x, y in zip(got, wanted, strict=True)]
            assert max(errors) <= TOLERANCE[arithmetic]


def test_normal_pairs_at_many_words() -> None:
    """300,000 float32 pairs against the formula in float64, relative to each value however small."""
    rng = np.random.default_rng(9)
    even, odd = rng.integers(0, 2**32, (2, 300_000), dtype=np.uint32)
    u = (even + 0.5) * 2.0**-32
    one_minus_u = (~even + 0.5) * 2.0**-32
    radius = np.sqrt(-2 * np.where(u > 0.5, np.log1p(-one_minus_u), np.log(u)))
    nearest = np.round((odd + 0.5) * 2.0**-30)
    angle = ((odd + 0.5) * 2.0**-30 - nearest) * (math.pi / 2)
    turns = nearest.astype(int) % 4
    cosines = np.choose(turns, [np.cos(angle), -np.sin(angle), -np.cos(angle), np.sin(angle)])
    sines = np.choose(turns, [np.sin(angle), np.cos(angle), -np.sin(angle), -np.cos(angle)])
    pairs = transforms.normal_pairs(SINGLE, even, odd, (0.0, 1.0))
    for got, wanted in zip(pairs, (radius * cosines, radius * sines), strict=True):
        assert np.abs(got / wanted - 1).max() < 3e-7


@BOTH
@pytest.mark.parametrize(("lower", "upper"), ALL_BOUNDS)
def test_truncated_at_edges(arithmetic: Arithmetic, lower: float, upper: float) -> None:
    """Every kind of interval, at edge words and some others, against the inverse in 60 digits."""
    words = edge_words(arithmetic, 60)[::2]
    values, _ = truncated_values(arithmetic, words, lower, upper)
    assert values.dtype == arithmetic.real
    assert values.min() >= lower
    assert values.max() <= upper
    for word, value in zip(words, values, strict=True):
        error = exact_error(float(value), exact_u(arithmetic, word), lower, upper)
        assert error <= TOLERANCE[arithmetic], (hex(int(word)), float(value))


@pytest.mark.parametrize(("lower", "upper"), [*CENTRAL_BOUNDS, *GENERAL_BOUNDS[:10], (4.0, INF), (10.0, INF)])
def test_truncated_at_many_words(lower: float, upper: float) -> None:
    """100,000 float32 values against SciPy's functions in float64."""
    words = np.random.default_rng(10).integers(0, 2**32, 100_000, dtype=np.uint32)
    values, transform = truncated_values(SINGLE, words, lower, upper)
    u, one_minus_u = (words + 0.5) * 2.0**-32, (~words + 0.5) * 2.0**-32
    if transform == TRUNCATED_FAR:
        wanted = -special.ndtri_exp(special.log_ndtr(-lower) + np.log(one_minus_u))
    else:
        mass = special.ndtr(upper) - special.ndtr(lower)
        p, rest = special.ndtr(lower) + u * mass, special.ndtr(-upper) + one_minus_u * mass
        wanted = np.where(p < rest, special.ndtri(p), -special.ndtri(rest))
    assert (np.abs(values - wanted) / np.maximum(1, np.abs(wanted))).max() < TOLERANCE[SINGLE]


@BOTH
@pytest.mark.parametrize(
    ("bounds", "transform"),
    [(CENTRAL_BOUNDS, TRUNCATED_CENTRAL), (GENERAL_BOUNDS, TRUNCATED), (FAR_BOUNDS, TRUNCATED_FAR)],
)
def test_bounds_pick_the_transform(
    arithmetic: Arithmetic, bounds: list[tuple[float, float]], transform: int
) -> None:
    """The tests above reach all three forms of the truncated law."""
    words = edge_words(arithmetic)
    for lower, upper in bounds:
        assert truncated_values(arithmetic, words, lower, upper)[1] == transform


@BOTH
@pytest.mark.parametrize(("lower", "upper"), CENTRAL_BOUNDS)
def test_central_is_a_part_of_truncated(arithmetic: Arithmetic, lower: float, upper: float) -> None:
    """The short form for symmetric central bounds gives the general form's bits."""
    words = edge_words(arithmetic, 50_000)
    parameters = TruncatedNormalParameters(0.3, 1.7, lower, upper, 0.3 + 1.7 * lower, 0.3 + 1.7 * upper)
    mean, std, p, q, step, least, most = parameters.request(draw_dtype(arithmetic)).law
    short = transforms.truncated_central(arithmetic, words, (mean, std, p, q, step, least, most))
    general = transforms.truncated(arithmetic, words, (mean, std, p, p, q, q, step, least, most))
    assert short.tobytes() == general.tobytes()


@BOTH
def test_far_bounds_keep_the_shape_of_the_law(arithmetic: Arithmetic) -> None:
    """A thousand deviations out, distances from the end are accurate relative to their own law's width."""
    words = edge_words(arithmetic, 100)
    words = np.concatenate([words[::3], words[-100:] >> arithmetic.unsigned(7)])
    parameters = TruncatedNormalParameters(-1000.0, 1.0, 1000.0, INF, 0.0, INF)
    request = parameters.request(draw_dtype(arithmetic))
    values = transforms.truncated_far(arithmetic, words, request.law)
    tail = mp.erfc(1000 / mp.sqrt(2))
    for word, value in zip(words, values, strict=True):
        left = mp.erfc((1000 + mp.mpf(float(value))) / mp.sqrt(2)) / tail
        wanted = 1 - exact_u(arithmetic, word)
        # The distance is nearly exponential; in units of its mean it is minus the logarithm.
        error, distance = abs(mp.log(left / wanted)), -mp.log(wanted)
        assert error < (2e-6 if arithmetic is SINGLE else 3e-15) * max(mp.mpf(1), distance)
        # Even the least distances, 1e-10 of the mean, are right to some digits.
        assert error < 1e-5 * distance


@pytest.mark.parametrize("bound", [1e18, 1e30, 1e200])
@BOTH
def test_absurdly_far_bounds_give_the_bound(arithmetic: Arithmetic, bound: float) -> None:
    """Where the whole interval is less than a rounding, values are its end, and finite."""
    std = 2.0**-70 if bound < 1e31 else 1e-200
    parameters = TruncatedNormalParameters(0.0, std, bound, INF, std * bound, INF)
    request = parameters.request(draw_dtype(arithmetic))
    values = transforms.truncated_far(arithmetic, edge_words(arithmetic), request.law)
    end = arithmetic.real(std * bound)
    assert np.abs(values / end - 1).max() <= 2.0**-22


@BOTH
def test_uniform_is_exact(arithmetic: Arithmetic) -> None:
    """On [0, 1) a value is the top 24 or 53 bits, and the largest is just below 1."""
    bits = 24 if arithmetic is SINGLE else 53
    words = edge_words(arithmetic, 1000)
    law = UniformParameters(0.0, 1.0).request(draw_dtype(arithmetic)).law
    values = transforms.uniform(arithmetic, words, law)
    for word, value in zip(words, values, strict=True):
        assert float(value) == (int(word) >> (arithmetic.word_bits - bits)) / 2**bits
    assert values.max() == 1 - 2.0**-bits


@BOTH
def test_uniform_never_reaches_its_end(arithmetic: Arithmetic) -> None:
    """Rounding of `low + u·span` would give `high` here; the clamp does not."""
    high = float(np.nextafter(arithmetic.real(3.0), arithmetic.real(4.0)))
    law = UniformParameters(1.0, high).request(draw_dtype(arithmetic)).law
    values = transforms.uniform(arithmetic, edge_words(arithmetic), law)
    assert values.min() == 1.0
    assert values.max() == 3.0


@BOTH
@pytest.mark.parametrize(
    ("law", "parameters"),
    [
        (transforms.uniform, UniformParameters(-0.3, 1.1)),
        (transforms.truncated_central, TruncatedNormalParameters(0.1, 0.7, -2.0, 2.0, -1.3, 1.5)),
        (transforms.truncated, TruncatedNormalParameters(0.1, 0.7, -1.0, INF, -0.6, INF)),
        (transforms.truncated_far, TruncatedNormalParameters(0.1, 0.7, -INF, -5.0, -INF, -3.4)),
    ],
)
def test_each_value_stands_alone(arithmetic: Arithmetic, law: Any, parameters: Parameters) -> None:
    """A value depends on its word only: not on neighbours, length, order or alignment of the array."""
    words = edge_words(arithmetic, 300)
    numbers: Law = parameters.request(draw_dtype(arithmetic)).law
    values = law(arithmetic, words, numbers)
    assert values.dtype == arithmetic.real
    alone = np.concatenate([law(arithmetic, words[i : i + 1], numbers) for i in range(len(words))])
    backwards = law(arithmetic, words[::-1], numbers)[::-1]
    assert values.tobytes() == alone.tobytes() == backwards.tobytes()


@BOTH
def test_deviation_zero_gives_the_mean(arithmetic: Arithmetic) -> None:
    """With standard deviation 0 every value is the mean, and zero has no minus sign."""
    words = edge_words(arithmetic)
    for mean in (0.0, -0.0, -1.5):
        law = NormalParameters(mean, 0.0).request(draw_dtype(arithmetic)).law
        for values in transforms.normal_pairs(arithmetic, words, words[::-1], law):
            assert (values == mean).all()
            assert not np.signbit(values[values == 0]).any()


def test_both_precisions_are_one_draw() -> None:
    """Words whose high halves agree give float64 values that agree with the float32 ones."""
    words = np.random.default_rng(11).integers(0, 2**64, (2, 20_000), dtype=np.uint64)
    high = (words >> np.uint64(32)).astype(np.uint32)
    double = transforms.normal_pairs(DOUBLE, words[0], words[1], (0.0, 1.0))
    single = transforms.normal_pairs(SINGLE, high[0], high[1], (0.0, 1.0))
    for wide, narrow in zip(double, single, strict=True):
        assert np.abs(wide - narrow).max() < 2e-6
    for lower, upper in ((-2.0, 2.0), (-INF, INF), (1.0, 5.0), (5.0, INF)):
        wide, _ = truncated_values(DOUBLE, words[0], lower, upper)
        narrow, _ = truncated_values(SINGLE, high[0], lower, upper)
        assert (np.abs(wide - narrow) / np.maximum(1, np.abs(wide))).max() < 2e-6


@BOTH
def test_values_increase_with_their_word(arithmetic: Arithmetic) -> None:
    """A truncated value never falls by more than its own error as its word rises, across all pieces."""
    words = np.sort(edge_words(arithmetic, 20_000))
    for lower, upper in ALL_BOUNDS:
        values, _ = truncated_values(arithmetic, words, lower, upper)
        slack = 2 * TOLERANCE[arithmetic] * np.maximum(1, np.abs(values[1:]))
        assert (np.diff(values) >= -slack).all()
