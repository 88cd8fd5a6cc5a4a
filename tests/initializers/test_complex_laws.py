"""The circular complex laws: exact constants, values by their specification, laws, and JAX's own values."""

from __future__ import annotations

import cmath
import math
from importlib import import_module
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.initializers.complex_laws import truncated_modulus_std
from tests import stream_reference as reference
from tests.catalogue import COMPLEX

LEVEL = 1e-5
N = 1 << 16

# A disk with the centre 0.5; truncated normal laws; the fan-scaled ones of E|w|² = 1.
UNIFORM = ik.RandomUniform(-1.5, 2.5, seed=7)
INITIALIZERS: list[Any] = [
    UNIFORM,
    ik.TruncatedNormal(0.5, 1.0, 7),
    ik.TruncatedNormal(0.5, 2.0, 7, -0.5, 0.5),
    ik.TruncatedNormal(0.5, 2.0, 7, -math.inf, math.inf),
    ik.TruncatedNormal(0.5, 1.0, 7, -1.0, 2.0, "absolute", True),
]


def modulus_cdf(init: Any) -> Any:
    """The distribution function of |w - mean|, from the law's definition."""
    if isinstance(init, ik.RandomUniform):
        return lambda r: np.clip(r / (init.maxval - init.minval) * 2, 0, 1) ** 2
    law = init._law(is_complex=True)
    return lambda r: np.minimum(np.expm1(-((r / law.std) ** 2)) / np.expm1(-(law.upper**2)), 1)


@pytest.mark.parametrize(
    "bound", [1e-150, 1e-8, 0.1, 0.5, 0.7071, 0.7072, 1.0, 2.0, 3.0, 5.0, 7.07, 7.08, 30.0, 1e200, math.inf]
)
def test_truncated_modulus_std(bound: float) -> None:
    """The deviation within a bound is the exact one, to the last digits."""
    with mpmath.workdps(700):
        x = mpmath.mpf(bound) ** 2
        expected = 1.0 if bound > 30 else float(mpmath.sqrt(1 - x / mpmath.expm1(x)))
    assert truncated_modulus_std(bound) == pytest.approx(expected, rel=2e-15)


def test_published_constant() -> None:
    """At 2 it is the exact digits, and not those that JAX has."""
    assert truncated_modulus_std(2.0) == 0.9619618280082135


@pytest.mark.parametrize("init", INITIALIZERS, ids=str)
def test_values_are_the_specifications(init: Any) -> None:
    """Element `i` takes its modulus from the uniform number `2i` of the draw, and its phase from `2i + 1`."""
    identity = reference.draw_identity(7)
    for index, value in enumerate(init((40,), "complex128")):
        first, second = (reference.centred(identity, 2 * index + part, wide=True) for part in (0, 1))
        if init is UNIFORM:
            modulus = 2.0 * math.sqrt(first)
        else:
            law = init._law(is_complex=True)
            modulus = law.std * math.sqrt(-math.log1p(math.expm1(-(law.upper**2)) * first))
        assert abs(0.5 + cmath.rect(modulus, 2 * math.pi * second) - value) < 1e-14


@pytest.mark.parametrize("init", INITIALIZERS, ids=str)
def test_law(init: Any) -> None:
    """The modulus has its law, the phase is uniform, and neither tells about the other."""
    deviation = init((N,), "complex128") - 0.5
    modulus, phase = np.abs(deviation), np.angle(deviation)
    assert stats.kstest(modulus, modulus_cdf(init)).pvalue > LEVEL
    assert stats.kstest(phase, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > LEVEL
    pairs = [(modulus, np.cos(phase)), (modulus, np.sin(phase)), (deviation.real, deviation.imag)]
    pairs += [(deviation.real**2, deviation.imag), (deviation.real, deviation.imag**2)]
    for one, other in pairs:
        assert abs(np.corrcoef(one, other)[0, 1]) * math.sqrt(N) < stats.norm.isf(LEVEL)
    # Neighbours share no number.
    for part in (modulus, np.cos(phase)):
        assert abs(np.corrcoef(part[1:], part[:-1])[0, 1]) * math.sqrt(N) < stats.norm.isf(LEVEL)


@pytest.mark.parametrize("init", INITIALIZERS, ids=str)
def test_total_variance(init: Any) -> None:
    """E|w - mean|² is what `moments` announces, each part has half of it, and the pseudo-variance is 0."""
    deviation = init((N,), "complex128") - 0.5
    mean, std = init.moments((N,), "complex64")
    assert mean == 0.5
    error = stats.norm.isf(LEVEL) * np.std(np.abs(deviation) ** 2) / math.sqrt(N)
    assert abs((np.abs(deviation) ** 2).mean() - std**2) < error
    assert abs((deviation.real**2).mean() - std**2 / 2) < error
    assert abs((deviation**2).mean()) < error
    assert abs(deviation.mean()) < stats.norm.isf(LEVEL) * std / math.sqrt(N)


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize(
    "init", [*INITIALIZERS[:3], ik.RandomUniform(-1, 1, 7), ik.LecunNormal(7), ik.LecunUniform(7)], ids=str
)
def test_values_stay_on_their_disk(init: Any, dtype: str) -> None:
    """No modulus is above the radius by more than the rounding of the two parts."""
    values = init((N,) if not hasattr(init, "scale") else (1, N), dtype).astype(np.complex128)
    if isinstance(init, ik.RandomUniform):
        centre, radius = (init.minval + init.maxval) / 2, (init.maxval - init.minval) / 2
    elif isinstance(init, ik.TruncatedNormal):
        centre, radius = 0.5, init.stddev * init.upper
    else:
        centre, radius = 0.0, math.sqrt(2) if isinstance(init, ik.LecunUniform) else 2 / 0.9619618280082135
    largest = np.abs(values - centre).max()
    assert radius * 0.999 < largest <= radius + (abs(centre) + radius) * np.finfo(dtype).eps


@pytest.mark.parametrize("init", [*INITIALIZERS, ik.LecunNormal(7), ik.LecunUniform(7)], ids=str)
def test_complex64_is_complex128_rounded_once(init: Any) -> None:
    """Both precisions are the same draw, near the centre too, where a modulus is a square root."""
    for shape in ((3, 5), (300, 257)):
        assert init(shape, "complex64").tobytes() == init(shape, "complex128").astype(np.complex64).tobytes()


@pytest.mark.parametrize(
    "index", [np.s_[3], np.s_[2:7, ::-3], np.s_[..., 5:5], np.s_[::-2, 1], np.s_[6, 10]], ids=str
)
@pytest.mark.parametrize("init", [UNIFORM, ik.TruncatedNormal(seed=7), ik.HeNormal(seed=7)], ids=str)
def test_slices_are_those_of_the_whole(init: Any, index: Any) -> None:
    """Any slice alone has the bits that it has in the whole."""
    for dtype in COMPLEX:
        expected = init((9, 11), dtype)[index]
        assert np.asarray(init.lazy((9, 11), dtype)[index]).tobytes() == expected.tobytes()


def test_far_slice_of_a_huge_tensor() -> None:
    """A slice costs what it holds, not what lies before it."""
    lazy = ik.RandomUniform(0.0, 1.0, seed=7).lazy((2**40, 2**20), "complex64")
    assert lazy[2**40 - 1, -3:].shape == (3,)


@pytest.mark.parametrize("distribution", ["truncated_normal", "uniform", "untruncated_normal"])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_variance_scaling_has_its_variance_in_total(distribution: str, mode: str) -> None:
    """Fan-scaled complex values have E|w|² = scale/n."""
    init = ik.VarianceScaling(2.0, mode, distribution, seed=11)
    values = init((256, 1024), "complex64").astype(np.complex128)
    square = np.abs(values) ** 2 * (256 if mode == "fan_in" else 1024) / 2.0
    assert abs(square.mean() - 1) < stats.norm.isf(LEVEL) * square.std() / math.sqrt(square.size)
    assert init.moments((256, 1024)).std ** 2 == pytest.approx(2.0 / (256 if mode == "fan_in" else 1024))


def test_jax_has_the_same_disk() -> None:
    """JAX's uniform complex values, and its truncated ones but for their constant, have our laws."""
    jax = import_module("jax")

    def theirs(distribution: str) -> Any:
        init = jax.nn.initializers.variance_scaling(1.0, "fan_in", distribution, dtype=np.complex64)
        return np.asarray(init(jax.random.key(3), (64, N // 64)))

    ours = ik.VarianceScaling(1.0, "fan_in", "uniform", seed=7)((64, N // 64), "complex64")
    other = theirs("uniform")
    for part in (np.abs, np.real, np.imag, np.angle):
        assert stats.ks_2samp(part(ours).ravel(), part(other).ravel()).pvalue > LEVEL
    ours = ik.LecunNormal(seed=7)((64, N // 64), "complex64") * (0.9619618280082135 / 0.95311164380491208)
    other = theirs("truncated_normal")
    for part in (np.abs, np.real, np.imag, np.angle):
        assert stats.ks_2samp(part(ours).ravel(), part(other).ravel()).pvalue > LEVEL


def test_no_radius_is_a_constant() -> None:
    """A disk without radius is its centre, with positive zeros."""
    for init in (ik.RandomUniform(0.25, 0.25, 7), ik.TruncatedNormal(0.25, 0.0, 7)):
        assert init((50,), "complex64").tobytes() == np.full(50, 0.25, np.complex64).tobytes()
