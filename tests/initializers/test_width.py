"""Siren, SpectralScaling, SmallInit and WangInit: their deviations, and what their papers claim."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import initkit as ik


def _std(init: ik.Initializer, shape: tuple[int, ...]) -> float:
    moments = init.moments(shape)
    assert moments is not None
    assert moments.mean == 0.0
    return moments.std


def test_siren_bounds() -> None:
    """The intervals are the paper's, and the values uniform in them."""
    for init, limit in (
        (ik.Siren(True, seed=7), 1 / 64),
        (ik.Siren(True, omega=5.0, seed=7), 1 / 64),
        (ik.Siren(seed=7), math.sqrt(6 / 64) / 30),
        (ik.Siren(omega=5.0, seed=7), math.sqrt(6 / 64) / 5),
    ):
        values = init((64, 1000), "float64").ravel()
        assert stats.kstest(values, stats.uniform(-limit, 2 * limit).cdf).pvalue > 1e-4
        assert np.abs(values).max() <= limit
        disk = init((64, 1000), "complex128")
        assert np.mean(np.abs(disk) ** 2) == pytest.approx(limit**2 / 3, rel=0.02)
        assert _std(init, (64, 1000)) == pytest.approx(limit / math.sqrt(3), rel=1e-14)
    kernel = ik.Siren(layout="torch", seed=7)
    assert _std(kernel, (8, 4, 3, 3)) == pytest.approx(math.sqrt(2 / 36) / 30)
    assert _std(ik.Siren(True), (0, 3)) == pytest.approx(1 / math.sqrt(3))


@pytest.mark.parametrize("omega", [30.0, 10.0])
def test_siren_keeps_its_distribution_in_depth(omega: float) -> None:
    """From layer to layer arguments of the sines are normal, and their variance follows its recursion.

    An argument that is normal with variance v has a sine of variance (1 - exp(-2v))/2, of which hidden
    weights make an argument of twice that variance. Of the first layer's sines, which have the arcsine law of
    variance 1/2, they make one of variance 1, as the paper has it.
    """
    width, samples = 512, 256
    x = ik.RandomUniform(-1.0, 1.0, seed=1)((samples, 3), "float64")
    hidden = np.sin(30.0 * x @ ik.Siren(True, seed=2)((3, width), "float64"))
    assert hidden.std() == pytest.approx(math.sqrt(0.5), rel=0.02)
    arcsine = stats.arcsine(loc=-1, scale=2)
    assert stats.kstest(hidden.ravel(), arcsine.cdf).statistic < 0.03
    variance = 1.0
    for layer in range(6):
        weight = ik.Siren(omega=omega, seed=ik.SeedGenerator(3).child(str(layer)))((width, width), "float64")
        argument = omega * hidden @ weight
        assert argument.var() == pytest.approx(variance, rel=0.06)
        standard = argument.ravel() / argument.std()
        assert stats.kstest(standard, stats.norm.cdf).statistic < 0.02
        hidden = np.sin(argument)
        variance = 1 - math.exp(-2 * variance)
        assert 0.6 < hidden.std() < math.sqrt(0.5)


@pytest.mark.parametrize("shape", [(128, 128), (512, 512), (128, 512), (512, 128), (64, 768), (768, 64)])
def test_spectral_norm_is_in_proportion(shape: tuple[int, int]) -> None:
    """At any width the norm is sqrt(fan_out/fan_in) times 1 plus the smaller ratio of the two."""
    norm = np.linalg.norm(ik.SpectralScaling(seed=7)(shape, "float64"), 2)
    ratio = math.sqrt(shape[1] / shape[0])
    assert norm == pytest.approx(ratio * (1 + min(ratio, 1 / ratio)), rel=0.05)
    assert 0.95 <= norm / ratio <= 2.05


def test_spectral_scaling_deviation() -> None:
    """The deviation is the paper's formula, by any reading of the fans."""
    for fan_in, fan_out in ((16, 64), (64, 16), (7, 7)):
        sigma = 0.5 / math.sqrt(fan_in) * min(1.0, math.sqrt(fan_out / fan_in))
        assert _std(ik.SpectralScaling(0.5), (fan_in, fan_out)) == pytest.approx(sigma, rel=1e-14)
        assert _std(ik.SpectralScaling(0.5, layout="torch"), (fan_out, fan_in)) == pytest.approx(sigma)
    assert _std(ik.SpectralScaling(), (0, 4)) == 1.0
    assert not ik.SpectralScaling(0.0, seed=7)((3, 3)).any()
    values = ik.SpectralScaling(seed=7)((64, 512), "complex128")
    assert np.mean(np.abs(values) ** 2) == pytest.approx(1 / 64, rel=0.02)


def test_small_init() -> None:
    """The deviation is sqrt(2/5d), which is Xavier's for the MLP's first matrix, in PyTorch as here."""
    assert _std(ik.SmallInit(), (1000, 4000)) == pytest.approx(0.02, rel=1e-14)
    assert _std(ik.SmallInit(dim=1000), (4000, 1000)) == pytest.approx(0.02, rel=1e-14)
    assert _std(ik.SmallInit(layout="torch"), (7, 1000)) == pytest.approx(0.02, rel=1e-14)
    xavier = torch.nn.init.xavier_normal_(torch.empty(2048, 512), generator=torch.Generator().manual_seed(7))
    values = ik.SmallInit(seed=7)((512, 2048))
    assert values.std() == pytest.approx(xavier.std().item(), rel=0.01)
    assert stats.kstest(values.ravel() / 0.028, stats.norm(0, math.sqrt(2 / 2560) / 0.028).cdf).pvalue > 1e-4


@pytest.mark.parametrize("layers", [1, 4, 32])
def test_wang_init(layers: int) -> None:
    """The deviation is 2/(L·sqrt(d)), so that L branches add no more than a part 4/L of a unit variance."""
    assert _std(ik.WangInit(layers), (400, 7)) == pytest.approx(0.1 / layers, rel=1e-14)
    assert _std(ik.WangInit(layers, dim=400), (1600, 7)) == pytest.approx(0.1 / layers, rel=1e-14)
    x = ik.RandomNormal(0.0, 1.0, seed=1)((32, 128), "float64")
    for layer in range(layers):
        weight = ik.WangInit(layers, seed=ik.SeedGenerator(2).child(str(layer)))((128, 128), "float64")
        x = x + x / x.std(axis=1, keepdims=True) @ weight
    assert x.var() == pytest.approx(1 + 4 / layers, rel=0.1)


# Wrong types are wrong to the type checker, too.
untyped: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: untyped.Siren(omega=0), ik.ArgumentError, "`omega` must be positive"),
    (lambda: untyped.Siren(omega=math.inf), ik.ArgumentError, "`omega` is out of range"),
    (lambda: untyped.Siren(first=1), ik.ArgumentTypeError, "`first` must be True or False"),
    (lambda: untyped.Siren(seed=7)((3, 3), "int8"), ik.DTypeError, "Siren cannot make integer"),
    (lambda: untyped.SpectralScaling(-1.0), ik.ArgumentError, "`gain` is out of range"),
    (lambda: untyped.SpectralScaling(1e6)((3, 3), "float16"), ik.ArgumentError, "leave the range"),
    (lambda: untyped.SmallInit(0), ik.ArgumentError, "`dim` is out of range"),
    (lambda: untyped.SmallInit(64.0), ik.ArgumentTypeError, "`dim` must be an integer"),
    (lambda: untyped.SmallInit(dim=64, layout="OI")((3, 3, 3)), ik.ShapeError, "does not fit the shape"),
    (lambda: untyped.WangInit(0), ik.ArgumentError, "`layers` is out of range"),
    (lambda: untyped.WangInit(2, dim=-3), ik.ArgumentError, "`dim` is out of range"),
    (lambda: untyped.WangInit(None), ik.ArgumentTypeError, "`layers` must be an integer"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(call: Any, error: type[Exception], message: str) -> None:
    """Arguments that have no place in the formulas are refused."""
    with pytest.raises(error, match=message):
        call()
