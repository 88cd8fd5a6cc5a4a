"""Trabelsi: the law of modulus and phase in the paper, the fans, and what a complex layer keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.errors import DTypeError
from tests.catalogue import COMPLEX, FLOATS

LEVEL = 1e-5
SHAPE = (64, 512)


@pytest.mark.parametrize(
    ("criterion", "sigma"), [("glorot", 1 / math.sqrt(64 + 512)), ("he", 1 / math.sqrt(64))]
)
def test_law_of_the_paper(criterion: str, sigma: float) -> None:
    """The modulus has Rayleigh's law with the paper's parameter, the phase is uniform and independent."""
    values = ik.Trabelsi(criterion, seed=7)(SHAPE, "complex128").ravel()
    modulus, phase = np.abs(values), np.angle(values)
    assert stats.kstest(modulus, stats.rayleigh(scale=sigma).cdf).pvalue > LEVEL
    assert stats.kstest(phase, stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > LEVEL
    for one, other in ((modulus, np.cos(phase)), (modulus, np.sin(phase)), (values.real, values.imag)):
        assert abs(np.corrcoef(one, other)[0, 1]) * math.sqrt(values.size) < stats.norm.isf(LEVEL)
    assert ik.Trabelsi(criterion).moments(SHAPE) == pytest.approx((0.0, math.sqrt(2) * sigma))


@pytest.mark.parametrize(
    ("criterion", "twin"),
    [
        ("glorot", ik.VarianceScaling(1.0, "fan_avg", "untruncated_normal", seed=7)),
        ("he", ik.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=7)),
    ],
)
@pytest.mark.parametrize("dtype", COMPLEX)
def test_it_is_a_setting_of_variance_scaling(criterion: str, twin: Any, dtype: str) -> None:
    """The values are those of variance scaling by total variance, to the bit."""
    assert ik.Trabelsi(criterion, 7)(SHAPE, dtype).tobytes() == twin(SHAPE, dtype).tobytes()


def test_a_complex_layer_keeps_the_second_moment() -> None:
    """With as many outputs as inputs, E|x|² stays, through eight linear layers."""
    x = ik.RandomNormal(stddev=1.0, seed=1)((256, 256), "complex128")
    generator = ik.SeedGenerator(7)
    for _ in range(8):
        x = x @ ik.Trabelsi(seed=generator)((256, 256), "complex128")
    assert (np.abs(x) ** 2).mean() == pytest.approx(1.0, rel=0.1)


def test_layout_arguments() -> None:
    """Fans are read by the layout: a convolution of PyTorch's has its outputs first."""
    kernel = ik.Trabelsi("he", layout="torch")
    assert kernel.moments((8, 16, 3, 3)).std == pytest.approx(math.sqrt(2 / (16 * 9)))
    assert ik.Trabelsi("he").moments((3, 3, 16, 8)) == kernel.moments((8, 16, 3, 3))


@pytest.mark.parametrize("dtype", [*FLOATS, "int8", "bool"])
def test_real_dtypes_are_refused(dtype: str) -> None:
    """There is no real value with a phase; the message says what real weights take."""
    with pytest.raises(DTypeError, match=r"Trabelsi cannot make .*complex64, complex128.*use GlorotNormal"):
        ik.Trabelsi()((2, 2), dtype)
