"""Glorot's and Kaiming's as Lux has them: fans, laws, complex variance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit import functional as init

# Lux's fans: dense weights are (out, in), kernels (k…, in, out), vectors have fans of 1 and n.
FANS = (
    ((300, 100), 100, 300),
    ((100, 300), 300, 100),
    ((5, 40, 150), 200, 750),
    ((3, 2, 50, 100), 300, 600),
    ((30_000,), 1, 30_000),
)
LAWS: dict[Any, Any] = {
    init.glorot_uniform: lambda gain, i, o: gain * math.sqrt(2 / (i + o)),
    init.glorot_normal: lambda gain, i, o: gain * math.sqrt(2 / (i + o)),
    init.kaiming_uniform: lambda gain, i, o: gain / math.sqrt(i),
    init.kaiming_normal: lambda gain, i, o: gain / math.sqrt(i),
}
DEFAULT_GAIN = {"glorot": 1.0, "kaiming": math.sqrt(2)}


@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), FANS)
@pytest.mark.parametrize("gain", [None, 3.0])
@pytest.mark.parametrize("maker", LAWS)
def test_laws(maker: Any, gain: float | None, shape: tuple[int, ...], fan_in: int, fan_out: int) -> None:
    """30000 values are of the documented law with Lux's fans, with the default gain and with another."""
    keywords = {} if gain is None else {"gain": gain}
    values = maker(ik.SeedGenerator(7), *shape, **keywords).ravel()
    std = LAWS[maker](
        DEFAULT_GAIN[maker.__name__.partition("_")[0]] if gain is None else gain, fan_in, fan_out
    )
    limit = math.sqrt(3) * std
    law = stats.uniform(-limit, 2 * limit) if "uniform" in maker.__name__ else stats.norm(0, std)
    assert stats.kstest(values, law.cdf).pvalue > 1e-4
    assert values.std() == pytest.approx(std, rel=0.03)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("maker", LAWS)
def test_complex_variance(maker: Any, dtype: str) -> None:
    """The expected square of the modulus is that of real weights, a quarter of WeightInitializers'."""
    values = maker(ik.SeedGenerator(7), 300, 200, dtype=dtype)
    std = LAWS[maker](DEFAULT_GAIN[maker.__name__.partition("_")[0]], 200, 300)
    assert values.dtype == dtype
    assert math.sqrt((abs(values) ** 2).mean()) == pytest.approx(std, rel=0.01)
    assert values.real.std() == pytest.approx(values.imag.std(), rel=0.02)
    assert abs(values.mean()) < 5 * std / math.sqrt(values.size)
    assert values.imag.min() < 0 < values.imag.max()


@pytest.mark.parametrize("shape", [(6, 4), (3, 5, 2), (2, 3, 4, 5)])
def test_values_are_the_classes(shape: tuple[int, ...]) -> None:
    """With a generator every maker gives the bits of the class that its documentation names."""
    for maker, expected in (
        (init.glorot_uniform, ik.XavierUniform(seed=7, layout="julia")),
        (init.glorot_normal, ik.XavierNormal(seed=7, layout="julia")),
        (init.kaiming_uniform, ik.KaimingUniform(seed=7, layout="julia")),
        (init.kaiming_normal, ik.KaimingNormal(seed=7, layout="julia")),
    ):
        for dtype in ("float64", "float32", "bfloat16", "complex64"):
            made = maker(ik.SeedGenerator(7), *shape, dtype=dtype)
            assert made.tobytes() == expected(shape, dtype).tobytes()


@pytest.mark.parametrize("maker", LAWS)
def test_gain_of_zero(maker: Any) -> None:
    """A gain of 0 makes zeros, and a number has fans of 1."""
    assert not maker(3, 4, gain=0.0).any()
    assert maker((), gain=0.0).tolist() == 0.0


def test_numbers_have_fans_of_one() -> None:
    """The deviation of a number is the gain."""
    generator = ik.SeedGenerator(7)
    values = [init.kaiming_normal(generator, (), gain=2.0).item() for _ in range(500)]
    assert 1.5 < np.std(values) < 2.6
