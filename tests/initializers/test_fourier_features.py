"""Random Fourier features approximate their kernel; weight and bias of one seed are independent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError

# What a type checker would refuse as well is given as Any.
RandomFourier: Any = ik.RandomFourier

LEVEL = 1e-4
FEATURES = 20_000


@pytest.mark.parametrize("lengthscale", [0.3, 1.0, 5.0])
def test_inner_products_are_the_kernel(lengthscale: float) -> None:
    """Cosines with phases, and cosines beside sines, have the inner products of the Gaussian kernel."""
    points = lengthscale * ik.RandomNormal(stddev=1.0, seed=1)((12, 3), "float64")
    w = ik.RandomFourier("weight", lengthscale, seed=7)((3, FEATURES), "float64")
    b = ik.RandomFourier("bias", lengthscale, seed=7)((FEATURES,), "float64")
    kernel = np.exp(-cdist(points, points, "sqeuclidean") / (2 * lengthscale**2))
    phased = math.sqrt(2 / FEATURES) * np.cos(points @ w + b)
    paired = np.concatenate([np.cos(points @ w), np.sin(points @ w)], axis=1) / math.sqrt(FEATURES)
    for features in (phased, paired):
        # Each of the 78 inner products has a deviation below 1/√D.
        assert abs(features @ features.T - kernel).max() < 5 / math.sqrt(FEATURES)
    assert kernel.min() < 0.2


def test_laws() -> None:
    """The frequencies are normal and the phases uniform, never 2π."""
    w = ik.RandomFourier(lengthscale=0.25, seed=7)((FEATURES,))
    b = ik.RandomFourier("bias", seed=7)((FEATURES,))
    assert stats.kstest(w.astype(np.float64), stats.norm(0, 4).cdf).pvalue > LEVEL
    assert stats.kstest(b.astype(np.float64), stats.uniform(0, math.tau).cdf).pvalue > LEVEL
    assert b.max() < math.tau
    assert w.tobytes() == ik.RandomNormal(0.0, 4.0, seed=7)((FEATURES,)).tobytes()


def test_parts_of_one_seed_are_independent() -> None:
    """Phases say nothing about frequencies, though they have the same seed."""
    w = ik.RandomFourier(seed=7)((FEATURES,), "float64")
    b = ik.RandomFourier("bias", seed=7)((FEATURES,), "float64")
    for one in (b, np.cos(b), np.sin(b), np.cos(4 * b)):
        for other in (w, abs(w), np.roll(w, 1), abs(np.roll(w, 1))):
            assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(FEATURES)


def test_moments() -> None:
    """The moments are those of the two laws."""
    assert ik.RandomFourier(lengthscale=0.5).moments((3,)) == (0.0, 2.0)
    assert ik.RandomFourier("bias").moments((3,)) == pytest.approx((math.pi, math.tau / math.sqrt(12)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ik.RandomFourier("phase"), ArgumentError, "`part` has no such value"),
        (lambda: ik.RandomFourier(lengthscale=0.0), ArgumentError, "Received: lengthscale=0.0. Allowed"),
        (lambda: ik.RandomFourier(lengthscale=-1.0), ArgumentError, "`lengthscale` is out of range"),
        (lambda: RandomFourier(lengthscale="1"), ArgumentTypeError, "real number"),
        (lambda: ik.RandomFourier(lengthscale=1e-6)((3,), "float16"), ArgumentError, "leave the range"),
        (lambda: ik.RandomFourier(lengthscale=1e-320)((3,)), ArgumentError, "which reach inf"),
        (lambda: ik.RandomFourier()((3,), "complex64"), DTypeError, "RandomFourier cannot make complex"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    """What cannot be is refused, with the reason."""
    with pytest.raises(error, match=message):
        call()
