"""TruncatedNormal: its bounds in both units, correction and moments, against SciPy, mpmath and peers."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.dtypes import DTYPES, rounded
from initkit.errors import ArgumentError
from tests.catalogue import COMPLEX, FLOATS

INF = math.inf
# At this level each, some hundred questions would fail a perfect law once in a thousand times.
LEVEL = 1e-5
N = 1 << 15

# Mean, deviation and bounds in the values' own units: usual, lopsided, one-sided, wide, narrow, far away.
ABSOLUTE = [
    (0.0, 1.0, -2.0, 2.0),
    (0.0, 0.02, -2.0, 2.0),
    (0.3, 0.5, -1.0, 0.4),
    (-1.0, 2.0, 0.0, INF),
    (4.0, 0.5, -INF, 1.0),
    (0.0, 100.0, -0.5, 1.0),
    (7.0, 1.0, -2.0, 2.0),
    (-3.0, 0.1, 0.1, 0.2),
    (0.1, 3.0, -INF, INF),
]


def scipy_law(mean: float, stddev: float, lower: float, upper: float) -> Any:
    """SciPy's law, whose bounds are in standard deviations."""
    return stats.truncnorm((lower - mean) / stddev, (upper - mean) / stddev, loc=mean, scale=stddev)


def exact_moments(mean: float, stddev: float, lower: float, upper: float) -> tuple[float, float]:
    """Mean and deviation between bounds in values' units, from the density, with 60 digits."""
    with mpmath.workdps(60):
        m, s = mpmath.mpf(mean), mpmath.mpf(stddev)
        a, b = (mpmath.mpf(lower) - m) / s, (mpmath.mpf(upper) - m) / s
        # On the side where the complements are small, lest they cancel.
        near, far = (-b, -a) if b < 0 else (a, b)
        mass = (mpmath.erfc(near / mpmath.sqrt(2)) - mpmath.erfc(far / mpmath.sqrt(2))) / 2
        at = [mpmath.npdf(x) if abs(x) < mpmath.inf else mpmath.mpf(0) for x in (a, b)]
        times = [x * p if abs(x) < mpmath.inf else mpmath.mpf(0) for x, p in zip((a, b), at, strict=True)]
        shift = (at[0] - at[1]) / mass
        square = 1 + (times[0] - times[1]) / mass
        return float(m + s * shift), float(s * mpmath.sqrt(square - shift**2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("law", ABSOLUTE, ids=str)
def test_absolute_bounds_have_scipys_law(law: tuple[float, float, float, float], dtype: str) -> None:
    """Values between absolute bounds have the truncated law, and never leave the bounds."""
    mean, stddev, lower, upper = law
    values = ik.TruncatedNormal(mean, stddev, 7, lower, upper, "absolute")((N,), dtype).astype(np.float64)
    assert lower <= values.min()
    assert values.max() <= upper
    if (dtype, law) != ("float32", (-3.0, 0.1, 0.1, 0.2)):
        # There the law is as wide as 300 steps of float32, of which KS sees half a one.
        assert stats.kstest(values, scipy_law(*law).cdf).pvalue > LEVEL


@pytest.mark.parametrize(("lower", "upper"), [(-1.0, 3.0), (-INF, 0.5), (2.0, INF), (-0.1, 0.05), (5.0, 6.0)])
def test_sigma_bounds_have_scipys_law(lower: float, upper: float) -> None:
    """Values between bounds in standard deviations have the truncated law around the mean."""
    values = ik.TruncatedNormal(0.5, 0.25, 7, lower, upper)((N,), "float64")
    assert stats.kstest(values, stats.truncnorm(lower, upper, loc=0.5, scale=0.25).cdf).pvalue > LEVEL


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX])
@pytest.mark.parametrize(
    ("mean", "stddev", "lower", "upper"),
    [(0.0, 0.25, -2.0, 2.0), (0.5, 0.25, -1.0, 1.0), (-3.0, 2.0, -3.5, 3.5), (0.0, 1.0, -INF, INF)],
)
def test_units_agree_to_the_bit(mean: float, stddev: float, lower: float, upper: float, dtype: str) -> None:
    """Bounds in one unit are those in the other, where the conversion is exact."""
    sigma = ik.TruncatedNormal(mean, stddev, 7, lower, upper)
    absolute = ik.TruncatedNormal(mean, stddev, 7, mean + stddev * lower, mean + stddev * upper, "absolute")
    assert sigma((500,), dtype).tobytes() == absolute((500,), dtype).tobytes()
    assert sigma.moments(()) == absolute.moments(())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("law", [*ABSOLUTE, (0.1, 0.3, -0.1, 0.3), (1.0, 1 / 3, 1e-20, 1.7)], ids=str)
def test_no_value_is_beyond_a_bound(law: tuple[float, float, float, float], dtype: str) -> None:
    """No value leaves the bounds, but for rounding to a low precision, which takes bounds along."""
    mean, stddev, lower, upper = law
    made = ik.TruncatedNormal(mean, stddev, 7, lower, upper, "absolute")((20_000,), dtype)
    values = made.astype(np.float64)
    least, most = lower, upper
    if dtype not in ("float32", "float64"):
        least, most = (
            float(rounded(np.array(end), DTYPES[dtype])) if math.isfinite(end) else end
            for end in (lower, upper)
        )
    assert least <= values.min()
    assert values.max() <= most


@pytest.mark.parametrize("stddev", [1 / 3, 0.7, 0.1, 1e-3, 7.1])
def test_extreme_values_are_within_absolute_bounds(stddev: float) -> None:
    """Not even the kernels' clamps, which the law's ends are rounded to, are beyond a bound."""
    for mean, lower, upper in ((0.1, -0.3, 0.7), (-0.7, -0.71, 0.1), (1e-3, 0.0, 3.3), (5.3, 0.1, 5.2)):
        law = ik.TruncatedNormal(mean, stddev, 7, lower, upper, "absolute")._law(is_complex=False)
        assert lower <= law.mean + law.std * law.lower < lower + 4e-15
        assert upper - 4e-15 < law.mean + law.std * law.upper <= upper


@pytest.mark.parametrize("law", ABSOLUTE, ids=str)
def test_moments_are_exact(law: tuple[float, float, float, float]) -> None:
    """The announced moments are those of the law, to the last digits."""
    mean, stddev, lower, upper = law
    expected = exact_moments(*law)
    got = ik.TruncatedNormal(mean, stddev, None, lower, upper, "absolute").moments((3,))
    assert got.mean == pytest.approx(expected[0], rel=1e-13, abs=1e-14 * expected[1])
    assert got.std == pytest.approx(expected[1], rel=1e-13)


@pytest.mark.parametrize(
    ("mean", "stddev", "lower", "upper", "bounds"),
    [
        (0.0, 0.05, -2.0, 2.0, "sigma"),
        (1.0, 0.05, -1.0, 0.5, "sigma"),
        (1.0, 0.05, 3.0, INF, "sigma"),
        (0.0, 0.9, -2.0, 2.0, "absolute"),
        (0.0, 1.154, -2.0, 2.0, "absolute"),
        (0.0, 0.02, -2.0, 2.0, "absolute"),
        (-10.0, 3.0, 0.0, INF, "absolute"),
        (1e3, 0.2, 0.0, 1.0, "absolute"),
        (0.5, 3.0, -INF, INF, "absolute"),
    ],
)
def test_corrected_deviation_is_that_of_the_values(
    mean: float, stddev: float, lower: float, upper: float, bounds: str
) -> None:
    """With a correction the values, drawn and by mpmath, have the deviation asked for."""
    init = ik.TruncatedNormal(mean, stddev, 7, lower, upper, bounds, True)
    law = init._law(is_complex=False)
    ends = law.mean + law.std * law.lower, law.mean + law.std * law.upper
    expected = exact_moments(law.mean, law.std, *(ends if bounds == "sigma" else (lower, upper)))
    assert expected[1] == pytest.approx(stddev, rel=1e-12)
    moments = init.moments(())
    assert moments.std == stddev
    assert moments.mean == pytest.approx(expected[0], rel=1e-12, abs=1e-12 * stddev)
    values = init((N,), "float64")
    assert values.std() == pytest.approx(stddev, rel=6 / math.sqrt(N))
    assert abs(values.mean() - moments.mean) < 5 * stddev / math.sqrt(N)


def test_corrected_is_variance_scalings_correction() -> None:
    """Between ±2 the corrected law is the one of the fan-scaled initializers, to the bit."""
    for dtype in ("float32", "float64", *COMPLEX):
        corrected = ik.TruncatedNormal(stddev=0.125, seed=7, corrected=True)((64, 64), dtype)
        assert corrected.tobytes() == ik.LecunNormal(seed=7)((64, 64), dtype).tobytes()


@pytest.mark.parametrize(
    ("dtype", "stddev", "widest"),
    [("float64", 1.15, 1.1548), ("complex128", 1.41, 1.4143)],
)
def test_no_deviation_is_wider_than_the_uniform_laws(dtype: str, stddev: float, widest: float) -> None:
    """Between finite bounds the uniform law is the widest, `2/√3` and `√2` here; wider ones are refused."""
    made = ik.TruncatedNormal(stddev=stddev, seed=7, bounds="absolute", corrected=True)((N,), dtype)
    assert np.std(made) == pytest.approx(stddev, rel=0.02)
    with pytest.raises(ArgumentError, match=r"No law between these bounds.*Allowed: less than the uniform"):
        ik.TruncatedNormal(stddev=widest, bounds="absolute", corrected=True)((3,), dtype)


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX])
def test_without_deviation_the_mean_comes(dtype: str) -> None:
    """A law without deviation is its mean, whatever the bounds."""
    expected = ik.Constant(0.5)((9,), dtype).tobytes()
    for arguments in (
        {},
        {"corrected": True},
        {"bounds": "absolute", "lower": 0.25, "upper": 0.75},
        {"bounds": "absolute", "lower": -INF, "upper": INF, "corrected": True},
    ):
        assert ik.TruncatedNormal(0.5, 0.0, 7, **arguments)((9,), dtype).tobytes() == expected


@pytest.mark.parametrize("far", [50.0, 1e4, 1e10])
def test_far_tails(far: float) -> None:
    """However far away the bounds are, values lie between them, by the exponential law that is left there."""
    values = ik.TruncatedNormal(-far, 1.0, 7, 0.0, INF, "absolute")((N,), "float64")
    assert values.min() >= 0
    assert stats.kstest(values * far, stats.expon.cdf).pvalue > LEVEL or far < 1e4
    moments = ik.TruncatedNormal(0.0, 1.0, None, far, INF).moments(())
    assert moments.mean == pytest.approx(far + 1 / far, rel=1e-3 / far)
    assert moments.std == pytest.approx(1 / far, rel=1 / far)


def test_range_is_that_of_the_bounds() -> None:
    """Bounds decide what a dtype must hold: a far mean is no matter, as long as float32 holds it."""
    values = ik.TruncatedNormal(600.0, 100.0, 7, -400.0, 400.0, "absolute")((1000,), "float8_e4m3fn")
    assert np.isfinite(values.astype(np.float64)).all()
    with pytest.raises(ArgumentError, match="leave the range of dtype 'float8_e4m3fn'"):
        ik.TruncatedNormal(0.0, 100.0, None, -INF, INF)((3,), "float8_e4m3fn")
    with pytest.raises(ArgumentError, match="leave the range of dtype 'float32'"):
        ik.TruncatedNormal(0.0, 1e39, None, -2.0, 2.0, "absolute")((3,))


def test_complex_bounds_are_circular() -> None:
    """Absolute bounds of complex values are equally far from the mean, up to rounding; others are refused."""
    values = ik.TruncatedNormal(0.1, 0.2, 7, -0.1, 0.3, "absolute")((N,), "complex128")
    assert np.abs(values - 0.1).max() <= 0.2 * (1 + 1e-15)
    lopsided = [
        (-1.0, 2.0, "sigma"),
        (-INF, 2.0, "sigma"),
        (-0.1, 0.31, "absolute"),
        (0.0, INF, "absolute"),
    ]
    for lower, upper, bounds in lopsided:
        init = ik.TruncatedNormal(0.1, 0.2, None, lower, upper, bounds)
        with pytest.raises(ArgumentError, match=r"truncated to a disk.*Allowed: lower = -upper"):
            init((3,), "complex64")
        assert init((3,)).shape == (3,)


def test_configs_of_keras_load() -> None:
    """A config without the new keys is the law of Keras; all keys come back, infinities included."""
    made = ik.get({"class_name": "TruncatedNormal", "config": {"mean": 0.0, "stddev": 0.05, "seed": 7}})
    assert made == ik.TruncatedNormal(seed=7)
    assert (made.lower, made.upper, made.bounds, made.corrected) == (-2.0, 2.0, "sigma", False)
    yes: Any = np.bool_(True)
    init = ik.TruncatedNormal(0.5, 2, 7, 0, INF, "absolute", yes)
    for again in (ik.from_yaml(ik.to_yaml(init)), ik.from_json(ik.to_json(init)), init.clone()):
        assert again == init
        assert (again.upper, again.corrected) == (INF, True)


@pytest.mark.parametrize(("mean", "stddev", "lower", "upper"), [(0.0, 1.0, -2.0, 2.0), (0.5, 2.0, 0.0, 1.0)])
def test_torch_means_absolute_bounds(mean: float, stddev: float, lower: float, upper: float) -> None:
    """PyTorch's law is ours with absolute bounds."""
    torch = import_module("torch")
    tensor = torch.empty(N)
    generator = torch.Generator().manual_seed(1)
    torch.nn.init.trunc_normal_(tensor, mean, stddev, lower, upper, generator=generator)
    ours = ik.TruncatedNormal(mean, stddev, 7, lower, upper, "absolute")((N,))
    assert stats.ks_2samp(ours, tensor.numpy()).pvalue > LEVEL
    other = ik.TruncatedNormal(mean, stddev, 7, lower, upper)((N,))
    assert (stats.ks_2samp(other, tensor.numpy()).pvalue > LEVEL) == (mean == 0.0)


def test_jax_means_sigma_bounds() -> None:
    """JAX's law is ours with bounds in standard deviations, and without a correction."""
    jax = import_module("jax")
    theirs = jax.nn.initializers.truncated_normal(0.5, lower=-1.0, upper=2.0)(jax.random.key(1), (N,))
    ours = ik.TruncatedNormal(0.0, 0.5, 7, -1.0, 2.0)((N,))
    assert stats.ks_2samp(ours, np.asarray(theirs)).pvalue > LEVEL
    other = ik.TruncatedNormal(0.0, 0.5, 7, -1.0, 2.0, "absolute")((N,))
    assert stats.ks_2samp(other, np.asarray(theirs)).pvalue < LEVEL
