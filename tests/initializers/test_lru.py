"""The ring of eigenvalues: its law, that the parts belong together, and digits near the unit circle."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError

# What a type checker would refuse as well is given as Any.
LRURing: Any = ik.LRURing

LEVEL = 1e-4
N = 20_000
RINGS = [(0.0, 1.0, math.tau), (0.9, 0.999, math.pi / 10), (0.5, 0.5, 3.0), (0.999, 1.0, math.tau)]


def _parts(r_min: float, r_max: float, max_phase: float, size: int = N, dtype: str = "float64") -> Any:
    """All four parts of one seed."""
    wide = {"float64": "complex128", "float32": "complex64"}[dtype]
    return [
        ik.LRURing(part, r_min, r_max, max_phase, seed=7)((size,), wide if part == "lambda" else dtype)
        for part in ("nu_log", "theta_log", "gamma_log", "lambda")
    ]


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_parts_belong_together(ring: tuple[float, float, float]) -> None:
    """What the layer computes from its parameters is the eigenvalue, and what normalises its inputs."""
    nu, theta, gamma, ours = _parts(*ring)
    np.testing.assert_allclose(np.exp(-np.exp(nu) + 1j * np.exp(theta)), ours, rtol=1e-13, atol=1e-15)
    # A white input of unit variance gives a state of unit variance: γ² = 1 - |λ|².
    np.testing.assert_allclose(np.exp(2 * gamma), -np.expm1(-2 * np.exp(nu)), rtol=1e-12)


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_eigenvalues_are_uniform_on_the_ring(ring: tuple[float, float, float]) -> None:
    """Equal areas hold equally many: the square of the radius is uniform, so is the angle, independently."""
    r_min, r_max, max_phase = ring
    values = _parts(*ring)[3]
    square, angle = np.abs(values) ** 2, np.angle(values) % math.tau
    if r_min < r_max:
        assert stats.kstest(square, stats.uniform(r_min**2, r_max**2 - r_min**2).cdf).pvalue > LEVEL
        assert abs(np.corrcoef(square, np.cos(angle))[0, 1]) < 4 / math.sqrt(N)
        assert abs(np.corrcoef(square, np.sin(angle))[0, 1]) < 4 / math.sqrt(N)
    assert stats.kstest(angle, stats.uniform(0, max_phase).cdf).pvalue > LEVEL
    assert square.max() < 1


def test_single_precision_is_the_same_ring() -> None:
    """The float32 parts are those of float64, up to the 24 bits of their uniform numbers."""
    exact = _parts(0.5, 0.9, 1.0)
    for single, double in zip(_parts(0.5, 0.9, 1.0, dtype="float32"), exact, strict=True):
        # The logarithm of an angle near 0 is as steep as the angle is small.
        steep = 1.0 / np.exp(exact[1]) if double is exact[1] else 1.0
        assert (np.abs(single - double) <= 1e-6 * (1 + np.abs(double)) + 2.0**-24 * steep).all()


def test_digits_near_the_unit_circle() -> None:
    """Where |λ|² is 1 but for its last digits, its logarithm and 1 - |λ|² have all of theirs."""
    nu, _, gamma, _ = _parts(0.0, 1.0, 1.0, size=200, dtype="float64")
    drawn = ik.RandomUniform(0.0, 1.0, seed=ik.SeedGenerator(7).child("radius"))((200,), "float64")
    with mpmath.workdps(50):
        for index, u in enumerate(drawn):
            exact = mpmath.mpf(float(np.minimum(u + 2.0**-54, 1 - 2.0**-53)))
            assert nu[index] == pytest.approx(float(mpmath.log(-mpmath.log(exact) / 2)), rel=1e-14)
            assert gamma[index] == pytest.approx(float(mpmath.log(1 - exact) / 2), rel=1e-14)
    near = ik.LRURing("gamma_log", 1 - 1e-9, 1 - 1e-12, seed=7)((50,), "float64")
    assert (np.exp(2 * near) < 2.0000001e-9).all()
    assert (np.exp(2 * near) > 1.9999e-12).all()


def test_parts_of_a_layer_share_a_draw_by_name() -> None:
    """Tensors named by their parts belong together; other layers and other names have draws of their own."""
    root = ik.SeedGenerator(7)

    def made(part: str, *path: str) -> Any:
        generator = root
        for name in path:
            generator = generator.child(name)
        dtype = "complex128" if part == "lambda" else "float64"
        return ik.LRURing(part, seed=generator)((5,), dtype)

    for prefix in ("layers.3.", ""):
        radius = abs(made("lambda", "net", f"{prefix}lambda"))
        np.testing.assert_allclose(np.exp(-np.exp(made("nu_log", "net", f"{prefix}nu_log"))), radius)
        np.testing.assert_allclose(np.exp(2 * made("gamma_log", "net", f"{prefix}gamma_log")), 1 - radius**2)
    drawn = [
        made("nu_log", name).tobytes()
        for name in ("layers.3.nu_log", "layers.4.nu_log", "layers.3.nu", "my_nu_log", "nu_log")
    ]
    assert len(set(drawn)) == 5


@pytest.mark.parametrize("join", [ik.Stack, lambda part: ik.Blocks(part, [1, 1, 1], axis=0)])
def test_slices_of_parts_belong_together(join: Any) -> None:
    """Slice or block `k` of one part is of the same unit as that of another; the others are not."""
    root = ik.SeedGenerator(7).child("net")
    shape = (3, 6)
    nu, gamma = (
        join(ik.LRURing(part, seed=root.child(f"layers.3.{part}")))(shape, "float64")
        for part in ("nu_log", "gamma_log")
    )
    np.testing.assert_allclose(np.exp(2 * gamma), -np.expm1(-2 * np.exp(nu)), rtol=1e-12)
    assert len({row.tobytes() for row in nu}) == 3
    alone = ik.LRURing("nu_log", seed=root.child("layers.3.lambda").child("2"))
    assert (nu[2] == alone(shape[1:] if join is ik.Stack else (1, 6), "float64")).all()


def test_parts_of_a_layer_belong_together_in_a_recipe() -> None:
    """In a recipe each tensor has a draw of its own; the parts of one layer, and only they, have one."""
    recipe = ik.Recipe.from_text("""
        initkit: 1
        seed: 42
        dtype: float64
        tensors:
          "layers.{0..1}.nu_log": [64]
          "layers.{0..1}.gamma_log": [64]
        rules:
          - {match: "*.nu_log", init: {lru_ring: {part: nu_log, r_min: 0.5}}}
          - {match: "*.gamma_log", init: {lru_ring: {part: gamma_log, r_min: 0.5}}}
    """)
    made = {row.name: recipe[row.name][...] for row in recipe.plan().tensors}
    for layer in ("layers.0", "layers.1"):
        square = np.exp(-2 * np.exp(made[f"{layer}.nu_log"]))
        np.testing.assert_allclose(np.exp(2 * made[f"{layer}.gamma_log"]), 1 - square, rtol=1e-12)
    assert not (made["layers.0.nu_log"] == made["layers.1.nu_log"]).any()


@pytest.mark.parametrize("part", ["nu_log", "theta_log", "gamma_log", "lambda"])
@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_moments(part: str, ring: tuple[float, float, float]) -> None:
    """The announced moments are those of very many values."""
    init = ik.LRURing(part, *ring, seed=3)
    values = init((200_000,), "complex128" if part == "lambda" else "float64")
    mean, std = init.moments((200_000,))
    assert abs(values.mean().real - mean) < 4 * std / math.sqrt(values.size) + 1e-12
    assert values.std() == pytest.approx(std, rel=0.02, abs=1e-12)


def test_moments_of_the_whole_disc() -> None:
    """On the unit disc ν/2 is exponential, so that its logarithm is Gumbel's law."""
    mean, std = ik.LRURing("nu_log").moments((3,))
    assert (mean, std) == pytest.approx((-np.euler_gamma - math.log(2), math.pi / math.sqrt(6)), rel=1e-12)
    assert ik.LRURing("gamma_log").moments((3,)) == pytest.approx((-0.5, 0.5), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ik.LRURing("nu_lg"), ArgumentError, "`part` has no such value.*mean 'nu_log'"),
        (lambda: LRURing(None), ArgumentTypeError, "`part` must be text"),
        (lambda: ik.LRURing(r_min=0.5, r_max=0.4), ArgumentError, "Received: r_min=0.5, r_max=0.4. Allowed"),
        (lambda: ik.LRURing(r_min=1.0), ArgumentError, "must enclose a ring"),
        (lambda: ik.LRURing(r_max=0.0), ArgumentError, "must enclose a ring.*r_max=0.0"),
        (lambda: ik.LRURing(r_max=1.1), ArgumentError, "`r_max` is out of range"),
        (lambda: ik.LRURing(max_phase=0.0), ArgumentError, "angle 0 has no logarithm"),
        (lambda: ik.LRURing(max_phase=7.0), ArgumentError, "`max_phase` is out of range"),
        (lambda: ik.LRURing("lambda")((3,)), DTypeError, "part='lambda' cannot make float.*part='nu_log'"),
        (lambda: ik.LRURing()((3,), "complex64"), DTypeError, "LRURing cannot make complex.*use part='lam"),
        (
            lambda: ik.LRURing("theta_log", max_phase=1e-200)((3,), "float8_e4m3fn"),
            ArgumentError,
            "`least theta_log` is beyond the range",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    """What cannot be is refused, with the reason."""
    with pytest.raises(error, match=message):
        call()
