"""HiPPO and S4D: the values to the last digits, and what their papers say that they do."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.polynomial import Polynomial, legendre
from scipy.integrate import solve_ivp

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

# What a type checker would refuse as well is given as Any.
S4D: Any = ik.S4D


def _legs(size: int) -> tuple[Any, Any]:
    return ik.HippoLegS("A")((size, size), "float64"), ik.HippoLegS("B")((size,), "float64")


def _legendre_coefficients(u: Polynomial, time: float, size: int) -> Any:
    """Those of `u` on `[0, time]`, in the orthonormal polynomials, by Gauss' rule, which is exact here."""
    nodes, weights = legendre.leggauss(size + 6)
    values = u(time * (nodes + 1) / 2) * weights / 2
    return [
        math.sqrt(2 * n + 1) * float(values @ legendre.legval(nodes, np.eye(size)[n])) for n in range(size)
    ]


def test_hippo_remembers_a_polynomial() -> None:
    """The state of x' = (A·x + B·u)/t holds the Legendre coefficients of the input so far, at every time."""
    size, u = 6, Polynomial([1.0, -2.0, 0.5, 3.0])
    a, b = _legs(size)
    start, stop = 0.5, 2.0
    solved = solve_ivp(
        lambda t, x: (a @ x + b * u(t)) / t,
        (start, stop),
        _legendre_coefficients(u, start, size),
        method="DOP853",
        rtol=1e-11,
        atol=1e-11,
    )
    np.testing.assert_allclose(solved.y[:, -1], _legendre_coefficients(u, stop, size), atol=1e-8)


def test_hippo_forgets_where_it_began() -> None:
    """Whatever the state was at first, its mistake falls as 1/t: A's eigenvalues are -1, -2, …, -N."""
    eigenvalues = np.linalg.eigvals(_legs(8)[0])
    np.testing.assert_allclose(np.sort(eigenvalues.real), -np.arange(8, 0, -1), atol=1e-9)
    np.testing.assert_array_equal(eigenvalues.imag, 0)


def test_hippo_entries() -> None:
    """Every entry is the formula's, rounded."""
    a, b = _legs(40)
    for n in range(40):
        assert b[n] == float(mpmath.sqrt(2 * n + 1))
        for k in range(40):
            lower = -float(mpmath.sqrt((2 * n + 1) * (2 * k + 1)))
            assert a[n, k] == (lower if n > k else -(n + 1) if n == k else 0)


def test_hippo_shapes() -> None:
    """A repeats along leading axes; B is a vector or a column."""
    a, b = _legs(5)
    assert (ik.HippoLegS()((3, 2, 5, 5), "float64") == a).all()
    assert (ik.HippoLegS("B")((5, 1), "float64")[:, 0] == b).all()
    assert (ik.HippoLegS("B")((3, 5, 1), "float64")[..., 0] == b).all()
    assert (ik.HippoLegS()((5, 5), "complex128") == a).all()
    far = ik.HippoLegS().lazy((2**30, 2**30), "float64")[-1, -2:]
    assert far.tolist() == [-math.sqrt((2**31 - 1) * (2**31 - 3)), -float(2**30)]


@pytest.mark.parametrize("size", [1, 2, 17, 400])
@pytest.mark.parametrize("part", ["A", "B"])
def test_hippo_moments(part: str, size: int) -> None:
    """The moments are those of the array."""
    shape = (size, size) if part == "A" else (size,)
    values = ik.HippoLegS(part)(shape, "float64")
    assert ik.HippoLegS(part).moments(shape) == pytest.approx((values.mean(), values.std()), rel=1e-10)


def test_hippo_moments_of_large_matrices() -> None:
    """Beyond what could be made, the mean goes as -2N/9, and that of B as 2√2/3·√N."""
    a, b = ik.HippoLegS("A").moments((2**30, 2**30)), ik.HippoLegS("B").moments((2**40,))
    assert a.mean == pytest.approx(-(2**30) * 4 / 9, rel=1e-6)
    assert b.mean == pytest.approx(2**20 * math.sqrt(8) / 3, rel=1e-9)


def test_hippo_range() -> None:
    """A dtype is refused exactly where its range ends."""
    largest = abs(ik.HippoLegS()((224, 224), "float8_e4m3fn").astype(np.float64)).max()
    assert largest == 448
    with pytest.raises(ArgumentError, match=r"`largest entry of A` is beyond the range of dtype 'float8"):
        ik.HippoLegS()((226, 226), "float8_e4m3fn")


@pytest.mark.parametrize("length", [1, 2, 33])
def test_s4d_values(length: int) -> None:
    """Every eigenvalue is the formula's, within 2 ulp, in 60 digits."""
    with mpmath.workdps(60):
        size = 2 * length
        for n in range(length):
            lin, inv = (ik.S4D(variant)((length,), "complex128")[n] for variant in ("lin", "inv"))
            assert lin.real == inv.real == -0.5
            expected = size / mpmath.pi * (mpmath.mpf(size) / (2 * n + 1) - 1)
            assert inv.imag == pytest.approx(float(expected), rel=4e-16)
            assert lin.imag == pytest.approx(float(mpmath.pi * n), rel=2.3e-16)
    assert ik.S4D("real")((2, length)).tolist() == [[-n - 1 for n in range(length)]] * 2


def test_s4d_inv_follows_hippo() -> None:
    """S4D-Inv is near the eigenvalues of HiPPO-LegS' normal part, and nearer the larger the state is."""
    errors = []
    for size in (64, 256):
        a, b = _legs(size)
        turning = a + 0.5 * np.outer(b, b) + 0.5 * np.eye(size)
        # Antisymmetric, so that all eigenvalues of the normal part have the real part -1/2.
        np.testing.assert_allclose(turning, -turning.T, atol=1e-9)
        exact = np.linalg.eigvalsh(1j * turning)[::-1][: size // 2]
        ours = ik.S4D("inv")((size // 2,), "complex128").imag
        errors.append(abs(ours[:4] / exact[:4] - 1).max())
        # The least frequencies are of one size, too, though not near.
        assert (ours / exact < 2).all()
        assert (ours / exact > 0.5).all()
    assert errors[0] < 0.1
    assert errors[1] < errors[0] / 3


def test_s4d_lin_is_a_fourier_basis() -> None:
    """Without their decay, the kernels of S4D-Lin are orthogonal over a time of 2."""
    frequencies = ik.S4D("lin")((9,), "complex128").imag
    times = 2 * np.arange(64) / 64
    waves = np.exp(1j * np.outer(frequencies, times))
    np.testing.assert_allclose(waves @ waves.conj().T / 64, np.eye(9), atol=1e-12)


def test_s4d_real_is_hippos_diagonal() -> None:
    """S4D-Real has the eigenvalues of HiPPO-LegS itself: its diagonal."""
    assert (ik.S4D("real")((16,), "float64") == np.diag(_legs(16)[0])).all()


@pytest.mark.parametrize("variant", ["lin", "inv", "real"])
@pytest.mark.parametrize("length", [1, 3, 9000])
def test_s4d_moments(variant: str, length: int) -> None:
    """The moments are those of the array, for long axes too."""
    values = ik.S4D(variant)((2, length), "complex128")
    expected = (values.mean().real, values.std())
    assert ik.S4D(variant).moments((2, length)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_slice_far_away() -> None:
    """Any slice can be had alone, and has no bound."""
    lazy = ik.S4D("lin").lazy((2, 2**50), "complex128")
    assert lazy[1, -1].imag == pytest.approx(math.pi * (2**50 - 1), rel=1e-15)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ik.HippoLegS("C"), ArgumentError, "`part` has no such value"),
        (lambda: S4D(3), ArgumentTypeError, "`variant` must be text"),
        (lambda: ik.HippoLegS()((3,)), ShapeError, r"is square. Received: shape=\(3,\)"),
        (lambda: ik.HippoLegS()((3, 4)), ShapeError, "is square.*Write"),
        (lambda: ik.HippoLegS("B")((3, 4)), ShapeError, r"is a column. Received: shape=\(3, 4\)"),
        (lambda: ik.HippoLegS("B")(()), ShapeError, "is a column"),
        (lambda: ik.HippoLegS().moments((3, 4)), ShapeError, r"is square.*\(3, 4\)"),
        (lambda: ik.HippoLegS()((3, 3), "int8"), DTypeError, "HippoLegS cannot make integer values"),
        (lambda: ik.S4D()(()), DTypeError, "variant='lin' cannot make float values.* or for variant='real'"),
        (lambda: ik.S4D()((), "complex64"), ShapeError, r"need an axis .*Received: shape=\(\)"),
        (lambda: ik.S4D("real")((3,), "int32"), DTypeError, "S4D cannot make integer"),
        (lambda: ik.S4D("real")((449,), "float8_e4m3fn"), ArgumentError, "`largest eigenvalue` is beyond"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    """What cannot be is refused, with the reason."""
    with pytest.raises(error, match=message):
        call()
