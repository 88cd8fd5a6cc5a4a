"""Means without a closed form, against sums term by term and against laws whose moments are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from initkit.initializers import expectation
from initkit.initializers.expectation import sum_over_indices, uniform_moments
from initkit.kernels import elementary

SMOOTH: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
    "root": (lambda n: (2 * n + 1) ** 0.5, lambda n: (2 * n + 1) ** 1.5 / 3),
    "reciprocal": (lambda n: 1 / (2 * n + 1), lambda n: math.log(2 * n + 1) / 2),
    "logarithm": (lambda n: np.log(n + 1), lambda n: (n + 1) * (math.log(n + 1) - 1)),
}


@pytest.mark.parametrize("count", [0, 1, 7, 4096, 4097, 5000, 200_001])
@pytest.mark.parametrize("name", SMOOTH)
def test_sums_are_sums(name: str, count: int) -> None:
    """A sum is that of all terms, also where most of them are only integrated."""
    term, antiderivative = SMOOTH[name]
    exact = math.fsum(term(np.arange(count, dtype=np.float64)))
    assert sum_over_indices(term, antiderivative, count) == pytest.approx(exact, rel=1e-12)


def test_sums_of_any_length() -> None:
    """Stirling's series is the sum of so many logarithms that nobody could add them."""
    count = 2**50
    assert sum_over_indices(*SMOOTH["logarithm"], count) == pytest.approx(math.lgamma(count + 1), rel=1e-13)


@pytest.mark.parametrize(
    ("value", "mean", "std"),
    [
        (lambda u, rest: u, 0.5, 12**-0.5),
        (lambda u, rest: u * u, 1 / 3, math.sqrt(1 / 5 - 1 / 9)),
        (lambda u, rest: np.exp(u), math.e - 1, math.sqrt((math.e**2 - 1) / 2 - (math.e - 1) ** 2)),
        (lambda u, rest: np.log(u), -1.0, 1.0),
        (lambda u, rest: np.log(rest), -1.0, 1.0),
        (
            lambda u, rest: np.log(np.where(u < 0.5, -np.log(u), -np.log1p(-np.minimum(rest, 0.5)))),
            -np.euler_gamma,
            math.pi / math.sqrt(6),
        ),
        (lambda u, rest: np.log(u / rest), 0.0, math.pi / math.sqrt(3)),
        (lambda u, rest: 0.0 * u - 3.0, -3.0, 0.0),
    ],
    ids=["uniform", "square", "exponential", "log", "log of the rest", "Gumbel", "logistic", "constant"],
)
def test_moments_of_known_laws(value: Any, mean: float, std: float) -> None:
    """The inverse distribution functions of laws that textbooks have give their moments, tails included."""
    assert uniform_moments(value) == pytest.approx((mean, std), rel=1e-12, abs=1e-12)


def test_nothing_depends_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a library's functions nor the order of a sum has a part in the result."""

    def refuse(*_: Any, **__: Any) -> Any:
        pytest.fail("a function that differs between machines was called")

    def doubled(u: Any, rest: Any) -> Any:
        return elementary.log(np, 0.25 + u)

    for name in ("exp", "log", "sinh", "cosh", "sum", "dot", "power", "expm1"):
        monkeypatch.setattr(np, name, refuse)
    nodes = expectation._tanh_sinh()
    for ours, kept in zip(nodes, (expectation._U, expectation._REST, expectation._WEIGHTS), strict=True):
        assert ours.tobytes() == kept.tobytes()
    forwards = uniform_moments(doubled)
    for name in ("_U", "_REST", "_WEIGHTS"):
        monkeypatch.setattr(expectation, name, getattr(expectation, name)[::-1])
    assert uniform_moments(doubled) == forwards
    assert sum_over_indices(lambda n: 1 / (2 * n + 1), lambda n: n, 4000) == math.fsum(
        1 / (2 * n + 1) for n in range(4000)
    )


@pytest.mark.parametrize("x", [0.0, 2.0**-5, 0.5, 3.0, 4.0])
def test_nodes_are_those_of_the_rule(x: float) -> None:
    """The nodes have the digits of the formula, those near the middle and near the ends as well."""
    with mpmath.workdps(40):
        exact = 1 / (1 + mpmath.exp(mpmath.pi * mpmath.sinh(x)))
        u = expectation._U[-x == expectation._NODES][0]
        assert u == pytest.approx(float(exact), rel=1e-13, abs=0)
