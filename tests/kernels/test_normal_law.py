"""Host functions against mpmath."""

from __future__ import annotations

import math
import random
from typing import Any

import mpmath as mp
import pytest

from initkit.errors import ArgumentError
from initkit.kernels import normal_law

INF = math.inf
BOUNDS = [
    (-2.0, 2.0),
    (-INF, 0.5),
    (0.0, INF),
    (-INF, -3.0),
    (3.0, INF),
    (10.0, INF),
    (10.0, 10.1),
    (-30.0, -29.999),
    (-1e-6, 1e-6),
    (-1e-9, 2.0),
    (0.0, 1e-20),
    (4.9, 5.1),
    (1.0, 1.0 + 1e-9),
    (-3.0 - 1e-12, -3.0),
    (-8.0, -3.5),
    (-0.3, 0.9),
    (25.0, INF),
    (-40.0, 3.0),
]


@pytest.fixture(autouse=True)
def many_digits() -> Any:
    """Enough for differences of tails that begin after 200 zeros."""
    with mp.workdps(300):
        yield


def relative(got: float, wanted: Any) -> float:
    """The relative error."""
    return float(abs(mp.mpf(got) - wanted) / abs(wanted)) if wanted else abs(got)


def spread(low: float, high: float, count: int) -> list[float]:
    """Numbers between two bounds, always the same ones."""
    source = random.Random(5)
    return [source.uniform(low, high) for _ in range(count)]


def exact_cdf(x: Any) -> Any:
    """Phi in 300 digits."""
    return mp.erfc(-mp.mpf(x) / mp.sqrt(2)) / 2


def exact_mass(lower: float, upper: float) -> Any:
    """`Phi(b) - Phi(a)` in 300 digits, by tails for positive bounds."""
    if lower > 0:
        return exact_cdf(-mp.mpf(lower)) - exact_cdf(-mp.mpf(upper))
    return exact_cdf(upper) - exact_cdf(lower)


def test_exp() -> None:
    """The whole range, and small arguments."""
    for x in [*spread(-708, 709.7, 500), *spread(-1, 1, 300), 0.0, 1e-300, 709.78]:
        assert relative(normal_law.exp(x), mp.exp(x)) < 4e-16, x


@pytest.mark.parametrize(
    ("x", "value"),
    [(0.0, 1.0), (710.0, INF), (INF, INF), (-746.0, 0.0), (-INF, 0.0), (-745.0, 5e-324)],
)
def test_exp_at_its_ends(x: float, value: float) -> None:
    """Overflow is infinity and underflow zero, without an exception."""
    assert normal_law.exp(x) == value


def test_exp_of_subnormal_results() -> None:
    """Results below the normal range are the nearest subnormal numbers, or the next."""
    for x in spread(-744, -709, 100):
        assert abs(normal_law.exp(x) - float(mp.exp(x))) <= 5e-324


def test_log() -> None:
    """The whole range, and the neighbourhood of 1, where the result is small."""
    ends = [5e-324, 1e-310, 2.2250738585072014e-308, 1.7976931348623157e308]
    near = [1 + x * 2.0**-shift for x in spread(-1, 1, 20) for shift in range(1, 52, 5)]
    for x in [*spread(1e-3, 3, 300), *map(normal_law.exp, spread(-700, 700, 300)), *near, *ends]:
        assert relative(normal_law.log(x), mp.log(x)) < 4e-16, x
    assert normal_law.log(1.0) == 0.0
    assert normal_law.log(INF) == INF


@pytest.mark.parametrize("x", [0.0, -0.0, -1.0, -INF])
def test_log_of_what_is_not_positive(x: float) -> None:
    """The message says what came and what is allowed."""
    with pytest.raises(ArgumentError, match=r"positive number. Received: -?(0|1|inf)"):
        normal_law.log(x)


def test_nan_stays() -> None:
    """Undefined in, undefined out."""
    assert math.isnan(normal_law.exp(math.nan))
    assert math.isnan(normal_law.log(math.nan))


def test_pdf() -> None:
    """Relative accuracy out to 37 deviations, where the exponent is 684."""
    for x in [*spread(-37, 37, 400), 0.0, 1e-9]:
        assert relative(normal_law.pdf(x), mp.npdf(x)) < 1e-15, x
    assert normal_law.pdf(INF) == normal_law.pdf(-40.0) == 0.0


def test_cdf() -> None:
    """Relative accuracy in the lower tail, and on both sides of the two joints at ±1."""
    for x in [*spread(-37, 9, 300), *spread(-2, 2, 300), -1.0, 1.0, 0.0]:
        assert relative(normal_law.cdf(x), exact_cdf(x)) < 2e-15, x
    assert (normal_law.cdf(-INF), normal_law.cdf(INF)) == (0.0, 1.0)


def test_log_cdf() -> None:
    """Relative accuracy far beyond where the distribution function underflows, and near probability 1."""
    for x in [*spread(-25, 9, 300), *spread(-2, 2, 300)]:
        assert relative(normal_law.log_cdf(x), mp.log(exact_cdf(x))) < 2e-15, x
    for x in (-100.0, -1000.0, -12345.0):
        # erfc itself is out of reach in float64, not in mpmath.
        assert relative(normal_law.log_cdf(x), mp.log(exact_cdf(x))) < 2e-15
    assert normal_law.log_cdf(-INF) == -INF
    assert normal_law.log_cdf(INF) == 0.0


def some_bounds() -> list[tuple[float, float]]:
    """The chosen intervals, and random ones of every width, near and far."""
    source = random.Random(6)
    found = list(BOUNDS)
    for _ in range(150):
        lower = source.choice([source.uniform(-8, 8), source.uniform(-25, 25)])
        found.append((lower, lower + 10 ** source.uniform(-12, 1.4)))
    return found


def test_truncation() -> None:
    """Every probability is accurate relative to itself, cancellation or not."""
    for lower, upper in some_bounds():
        cut = normal_law.truncation(lower, upper)
        below, above = exact_cdf(lower), exact_cdf(-mp.mpf(upper))
        for got, wanted in ((cut.p_lower, below), (cut.p_upper, above)):
            assert relative(got, wanted) < 2e-15 or (got == 0.0 and wanted < 1e-307)
        assert relative(cut.q_lower, mp.mpf(0.5) - below) < 2e-15
        assert relative(cut.q_upper, mp.mpf(0.5) - above) < 2e-15
        mass = exact_mass(lower, upper)
        if not cut.far:
            assert relative(cut.mass, mass) < 2e-15
            assert (cut.rest, cut.depth) == (0.0, 0.0)
            continue
        near = lower if cut.far > 0 else -upper
        beyond = exact_cdf(-mp.mpf(near))
        assert near >= 4.0
        assert relative(cut.mass, mass / beyond) < 2e-15
        assert abs(float(cut.rest - (1 - mass / beyond))) < 1e-15
        assert relative(cut.depth, -mp.log(beyond)) < 2e-15


def test_truncation_beyond_float64() -> None:
    """Bounds whose tail probabilities underflow still have a share and a depth."""
    cut = normal_law.truncation(1000.0, 1000.001)
    assert cut.p_upper == 0.0
    wanted = 1 - exact_cdf(-mp.mpf(1000.001)) / exact_cdf(-1000)
    assert relative(cut.mass, wanted) < 1e-14
    assert relative(cut.depth, -mp.log(exact_cdf(-1000))) < 2e-15
    assert normal_law.truncation(1e200, INF).depth == INF


@pytest.mark.parametrize(("lower", "upper"), [(1.0, 1.0), (2.0, -2.0), (INF, INF), (math.nan, 1.0)])
def test_bounds_out_of_order(lower: float, upper: float) -> None:
    """An interval that holds nothing is refused, by both functions, with the bounds in the message."""
    for function in (normal_law.truncation, normal_law.truncated_moments):
        with pytest.raises(ArgumentError, match=r"must be below its upper bound. Received: .* and "):
            function(lower, upper)


def exact_moments(lower: float, upper: float) -> tuple[Any, Any]:
    """Mean and standard deviation by the closed form, in 300 digits."""
    a, b = mp.mpf(lower), mp.mpf(upper)
    at_a, at_b = mp.npdf(a), mp.npdf(b)
    mass = exact_mass(lower, upper)
    mean = (at_a - at_b) / mass
    ends = (0 if mp.isinf(a) else a * at_a) - (0 if mp.isinf(b) else b * at_b)
    return mean, mp.sqrt(1 + ends / mass - mean**2)


def test_truncated_moments() -> None:
    """Mean and deviation keep their digits in narrow intervals and far tails."""
    for lower, upper in some_bounds():
        mean, std = normal_law.truncated_moments(lower, upper)
        wanted_mean, wanted_std = exact_moments(lower, upper)
        assert relative(std, wanted_std) < 3e-15, (lower, upper)
        error = abs(mp.mpf(mean) - wanted_mean)
        assert error < 3e-15 * max(abs(wanted_mean), wanted_std), (lower, upper)


def test_known_moments() -> None:
    """The whole law, the two-deviation constant that Keras and JAX carry, and a mirror image."""
    assert normal_law.truncated_moments(-INF, INF) == (0.0, 1.0)
    assert normal_law.truncated_moments(-2.0, 2.0) == (0.0, 0.87962566103423978)
    mean, std = normal_law.truncated_moments(1.0, 3.0)
    assert normal_law.truncated_moments(-3.0, -1.0) == (-mean, std)


def test_moments_far_out() -> None:
    """Beyond a million deviations the law is exponential with mean `1/lower`."""
    mean, std = normal_law.truncated_moments(1e6, INF)
    assert std == pytest.approx(1e-6, rel=1e-11)
    assert mean - 1e6 == pytest.approx(1e-6, rel=1e-3)
    assert normal_law.truncated_moments(1e200, INF)[1] == pytest.approx(1e-200, rel=1e-12)
