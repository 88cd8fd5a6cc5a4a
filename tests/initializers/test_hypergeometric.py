"""Hypergeometric numbers: exact ones by inversion, the law by rejection, its hat, company."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats

from initkit.initializers import hypergeometric
from initkit.initializers.hypergeometric import LARGE_VARIANCE, TRIALS, by_inversion, by_rejection, variance

LEVEL = 1e-5
# Rows, the first of them, members: balanced, lopsided either way, just large enough, huge.
LARGE = [
    (16_100, 8192, 8000),
    (65_536, 32_768, 5000),
    (2**20, 2**19, 2**20 - 5000),
    (2**20 + 6000, 2**20, 2**19),
    (2**30, 2**29, 2**28),
]


def _exact(rows: int, left: int, size: int, uniform: float) -> int:
    """The formula with integers of any length."""
    total, x = math.comb(rows, size), max(0, size - (rows - left))
    term = math.comb(left, x) * math.comb(rows - left, size - x)
    cumulated = term
    while ((cumulated << 33) // total + 1) // 2 <= math.floor(uniform * 2**32):
        term = term * (left - x) * (size - x) // ((x + 1) * (rows - left - size + x + 1))
        x, cumulated = x + 1, cumulated + term
    return x


@pytest.mark.parametrize(
    ("rows", "left"), [(256, 128), (140, 128), (1000, 512), (129, 128), (1, 1), (4096, 2048)]
)
def test_hypergeometric_numbers(rows: int, left: int) -> None:
    """Each number is the formula's, computed exactly; so are those at both ends of the uniform numbers."""
    random = np.random.default_rng(5)
    members = random.integers(0, rows + 1, 60)
    members[:6] = 0, rows, 1, rows - 1, left, rows - left
    uniforms = random.random(60)
    uniforms[::7], uniforms[1::7] = 0.0, 1 - 2.0**-53
    found = by_inversion(np, rows, left, members, uniforms)
    assert found.tolist() == [
        _exact(rows, left, int(m), float(u)) for m, u in zip(members, uniforms, strict=True)
    ]


def test_numbers_do_not_depend_on_their_company(monkeypatch: Any) -> None:
    """A number is the same alone and beside others, as slices need it."""
    random = np.random.default_rng(5)
    members, uniforms = random.integers(0, 901, 200), random.random(200)
    monkeypatch.setattr(hypergeometric, "_SIZES_AT_ONCE", 50)
    together = by_inversion(np, 900, 512, members, uniforms)
    alone = [by_inversion(np, 900, 512, members[k : k + 1], uniforms[k : k + 1]).item() for k in range(200)]
    assert together.tolist() == alone


@pytest.mark.parametrize(("rows", "left", "size"), [(10, 4, 3), (300, 256, 299), (2**20, 2**19, 5000)])
def test_variance(rows: int, left: int, size: int) -> None:
    """It is the law's."""
    expected = stats.hypergeom(rows, size, left).var()
    assert float(variance(rows, left, np.array(size))) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("rows", "left", "size"), LARGE)
def test_law_of_rejection(rows: int, left: int, size: int) -> None:
    """Numbers of large variance are as frequent as the exact law says."""
    random, number = np.random.default_rng(5), 40_000
    members = np.full(number, size)
    assert float(variance(rows, left, members)[0]) >= LARGE_VARIANCE
    found = by_rejection(np, rows, left, members, lambda _, places: random.random((2, len(places))))
    mean, deviation = size * left / rows, math.sqrt(variance(rows, left, members)[0])
    edges = np.unique(np.floor(mean + deviation * np.linspace(-2.2, 2.2, 30)))
    law = stats.hypergeom(rows, size, left)
    # The terms of the largest law are too many for its sum; there the normal law is as good.
    below = law.cdf(edges) if deviation < 1000 else stats.norm.cdf((edges + 0.5 - mean) / deviation)
    expected = np.diff([0.0, *below, 1.0]) * number
    cells = np.bincount(np.searchsorted(edges, found), minlength=len(expected))
    assert stats.chisquare(cells, expected).pvalue > LEVEL


@pytest.mark.parametrize(("rows", "left", "size"), LARGE)
def test_hat_and_logarithms(rows: int, left: int, size: int) -> None:
    """No probability stands out of the hat, and their logarithms are those of high precision."""
    members, right = np.array([size]), rows - left
    deviation, mode = math.sqrt(variance(rows, left, members)[0]), (left + 1) * (size + 1) // (rows + 2)
    reach = int(12 * deviation)
    low, high = max(0, size - right, mode - reach), min(left, size, mode + reach)
    x = np.arange(low, high + 1, 1 + reach // 5000)
    m, at = np.full(len(x), float(size)), np.full(len(x), float(mode))
    shares = hypergeometric.log_share(np, left, float(right), m, at, x.astype(float))
    width = hypergeometric._HAT_SLOPE * math.sqrt(deviation**2 + 0.5) + hypergeometric._HAT_OFFSET
    center = size * left / rows + 0.5
    far = np.maximum(abs(x - center), abs(x + 1 - center))
    assert (far * np.exp(shares / 2)).max() < width / 2

    def exact(x: int) -> Any:
        return -sum(mpmath.loggamma(cell + 1) for cell in (x, left - x, size - x, right - size + x))

    with mpmath.workdps(40):
        for k in range(0, len(x), len(x) // 20):
            if abs(x[k] - mode) < 9 * deviation:
                assert abs(exact(int(x[k])) - exact(mode) - shares[k]) < 1e-10


def _first(words: Any, number: int, _: Any) -> Any:
    """The words of a trial for one number."""
    return words[number]


def test_rejection_takes_trials_in_turn() -> None:
    """Each number takes the first of its own trials that will do, whoever is beside it; at last, the mode."""
    random = np.random.default_rng(5)
    members, words = random.integers(6000, 9000, 50), random.random((TRIALS, 2, 50))
    together = by_rejection(np, 20_000, 8192, members, lambda t, places: words[t][:, places])
    for k in range(50):
        own = words[:, :, k : k + 1]
        alone = by_rejection(np, 20_000, 8192, members[k : k + 1], partial(_first, own))
        assert alone.item() == together[k]
    # The first uniform value asks for a share of 1, which the second one then misses.
    refused = np.array([[0.0], [0.9]])
    found = by_rejection(np, 20_000, 8192, members[:1], lambda *_: refused).item()
    assert found == 8193 * (int(members[0]) + 1) // 20_002


def test_rejection_is_as_specified() -> None:
    """The documented trials, written again with the exact law, give the same numbers."""
    rows, left, size = 16_384, 8192, 6000
    random = np.random.default_rng(6)
    words = random.random((TRIALS, 2, 30))
    spread = size / rows * ((rows - size) / rows) * left * ((rows - left) / (rows - 1))
    width = 1.7155277699214135 * math.sqrt(spread + 0.5) + 0.8989161620588988
    mode = (left + 1) * (size + 1) // (rows + 2)

    def number(k: int) -> int:
        for one, v in words[:, :, k].tolist():
            x: int = math.floor(size * (left / rows) + 0.5 + width * (v - 0.5) / (1 - one))
            if 0 <= x <= size:
                share = stats.hypergeom.logpmf(x, rows, size, left)
                if 2 * math.log(1 - one) <= share - stats.hypergeom.logpmf(mode, rows, size, left):
                    return x
        return mode

    found = by_rejection(np, rows, left, np.full(30, size), lambda t, places: words[t][:, places])
    assert found.tolist() == [number(k) for k in range(30)]
