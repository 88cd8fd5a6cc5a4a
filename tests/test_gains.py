"""Gains: PyTorch's values, the formula by quadrature of PyTorch's own functions, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.gains import NONLINEARITIES, check_nonlinearity

TORCH_NAMES = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"]
TORCH_NAMES += ["conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "squared_relu": lambda z: functional.relu(z) ** 2,
    "relu_squared": lambda z: functional.relu(z) ** 2,
    "hardtanh": functional.hardtanh,
    "hard_tanh": functional.hardtanh,
    "hardsigmoid": functional.hardsigmoid,
    "hard_sigmoid": functional.hardsigmoid,
    "hardswish": functional.hardswish,
    "hard_swish": functional.hardswish,
    "hard_silu": functional.hardswish,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "selu": functional.selu,
    "softplus": lambda z: torch.log1p(torch.exp(z)),
    "logsigmoid": functional.logsigmoid,
    "log_sigmoid": functional.logsigmoid,
    "softsign": functional.softsign,
    "soft_sign": functional.softsign,
    "gelu": functional.gelu,
    "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
    "quick_gelu": lambda z: z * torch.sigmoid(1.702 * z),
    "silu": functional.silu,
    "swish": functional.silu,
    "mish": functional.mish,
    "exp": torch.exp,
    "sin": torch.sin,
    "sine": torch.sin,
    "tanhshrink": functional.tanhshrink,
    "softshrink": functional.softshrink,
    "hardshrink": functional.hardshrink,
    "relu2": lambda z: functional.relu(z) ** 2,
    # Hugging Face's formulas, written out.
    "gelu_new": lambda z: 0.5 * z * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))),
    "gelu_fast": lambda z: 0.5 * z * (1 + torch.tanh(z * 0.7978845608028654 * (1 + 0.044715 * z * z))),
    "gelu_pytorch_tanh": lambda z: functional.gelu(z, approximate="tanh"),
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "prelu": lambda z: functional.prelu(z, torch.tensor(0.25, dtype=z.dtype)),
    "elu": functional.elu,
    "celu": functional.celu,
    **dict.fromkeys(TORCH_NAMES[:7], lambda z: z),
}


def _by_quadrature(function: Callable[[Any], Any], scale: float = 1.0) -> float:
    """`1/√E[f(z)²]`, by Gauss and Legendre between the kinks of all functions, and finer near 0."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    near = [scale * 2.0**power for power in range(-3, 6) if scale < 0.5]
    ends = sorted({x for x in (*near, 0.0, 0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 10.0, 14.0, 20.0) if x <= 20.0})
    ends = [-x for x in reversed(ends[1:])] + ends
    terms: list[float] = []
    for low, high in pairwise(ends):
        z = (high + low) / 2 + (high - low) / 2 * nodes
        values = function(torch.from_numpy(z)).numpy()
        terms += (weights * values**2 * np.exp(-z * z / 2) * (high - low) / 2).tolist()
    return 1 / math.sqrt(math.fsum(terms) / math.sqrt(2 * math.pi))


@pytest.mark.parametrize("name", TORCH_NAMES)
def test_names_of_pytorch_have_its_values(name: str) -> None:
    """For each name that PyTorch knows, the value is PyTorch's, to the bit."""
    for param in (None, 0, 0.2, 1, -0.5, 10):
        gain = ik.calculate_gain(name, param)
        assert gain == torch.nn.init.calculate_gain(name, param)
        assert type(gain) is float


GATED: dict[str, Callable[[Any], Any]] = {
    "glu": torch.sigmoid,
    "reglu": functional.relu,
    "geglu": functional.gelu,
    "swiglu": functional.silu,
}


@pytest.mark.parametrize("name", GATED)
def test_gated_units(name: str) -> None:
    """The product of a standard normal number and an independent gate, integrated over both."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    passed = math.fsum(weights * nodes**2) / math.sqrt(2 * math.pi)
    expected = _by_quadrature(GATED[name]) / math.sqrt(passed)
    assert ik.calculate_gain(name) == pytest.approx(expected, rel=2e-15, abs=0)
    z = torch.randn(400_000, generator=torch.Generator().manual_seed(3))
    # PyTorch's own, of two halves.
    if name == "glu":
        assert functional.glu(z).square().mean().rsqrt() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", [name for name in NONLINEARITIES if name not in GATED])
def test_exact_gains(name: str) -> None:
    """Every gain is the formula's, for the function of that name; `exact` changes three alone."""
    expected = _by_quadrature(FUNCTIONS[name])
    assert ik.calculate_gain(name, exact=True) == pytest.approx(expected, rel=2e-15, abs=0)
    differs = ik.calculate_gain(name) != ik.calculate_gain(name, exact=True)
    assert differs == (name in ("sigmoid", "tanh", "selu"))


@pytest.mark.parametrize("param", [-2.0, 0.0, 0.25, 1.0, 3.0])
def test_parameters(param: float) -> None:
    """Slopes and alphas are those of PyTorch's functions."""
    slope = torch.tensor(param, dtype=torch.float64)
    for name, function in (
        ("leaky_relu", lambda z: functional.leaky_relu(z, param)),
        ("prelu", lambda z: functional.prelu(z, slope)),
        ("elu", lambda z: torch.where(z > 0, z, param * torch.expm1(z))),
    ):
        assert ik.calculate_gain(name, param) == pytest.approx(_by_quadrature(function), rel=2e-15, abs=0)


@pytest.mark.parametrize("alpha", [0.02, 0.3, 1, 1.7, 40.0])
def test_celu(alpha: float) -> None:
    """Celu's alpha is a scale of the argument, and any is integrated to the last digits."""
    expected = _by_quadrature(lambda z: functional.celu(z, alpha), alpha)
    assert ik.calculate_gain("celu", alpha) == pytest.approx(expected, rel=2e-15, abs=0)


def test_limits() -> None:
    """Celu goes from relu to the identity, and huge parameters overflow into a gain of 0."""
    assert ik.calculate_gain("celu", 1e-300) == ik.calculate_gain("relu")
    assert ik.calculate_gain("celu", 1e300) == pytest.approx(1.0, rel=1e-15)
    assert ik.calculate_gain("celu", np.float32(1)) == ik.calculate_gain("elu")
    assert ik.calculate_gain("leaky_relu", 1e200) == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("gleu",), ArgumentError, r"Unknown nonlinearity. Received: 'gleu'. Allowed: .*mean .*'gelu'"),
        (("RReLU6x",), ArgumentError, "Did you mean 'relu6'"),
        (("relu", "nonsense"), ArgumentTypeError, "`param` must be a real number.* of 'relu'.*param=None"),
        (("tanh", True), ArgumentTypeError, "`param` must be a real number"),
        ((None,), ArgumentTypeError, r"`nonlinearity` must be a name\. Received: None"),
        (("leaky_relu", True), ArgumentTypeError, "must be a real number, negative_slope of 'leaky_relu'"),
        (("leaky_relu", "0.1"), ArgumentTypeError, "`param` must be a real number"),
        (("elu", [1.0]), ArgumentTypeError, "alpha of 'elu'. Received: param="),
        (("elu", math.nan), ArgumentError, "`param` is out of range: alpha of 'elu'. Received: param=nan"),
        (("prelu", 10**400), ArgumentError, "`param` is out of range"),
        (("celu", 0.0), ArgumentError, "Allowed: finite numbers above 0"),
    ],
    ids=repr,
)
def test_refusals(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    """Unknown names and bad parameters are refused, as PyTorch does, with what is allowed."""
    with pytest.raises(error, match=message):
        ik.calculate_gain(*arguments)


def test_exact_is_a_flag() -> None:
    """A parameter in the place of the flag is refused."""
    with pytest.raises(ArgumentTypeError, match=r"`exact` must be True or False\. Received: 1 "):
        ik.calculate_gain("tanh", exact=1)  # type: ignore[arg-type]


def test_names_of_classes() -> None:
    """Functions are found by the names of PyTorch's classes, in any case, with hyphens and spaces."""
    for name in NONLINEARITIES:
        modules = [cls for cls in dir(torch.nn) if cls.lower() == name.replace("_", "")]
        for written in (*modules, name.upper(), name.replace("_", "-"), name.replace("_", " ")):
            assert check_nonlinearity(written) == check_nonlinearity(name)
    known = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ConvTranspose2d": "conv_transpose2d"}
    for written, name in known.items():
        assert check_nonlinearity(written) == name
    assert ik.calculate_gain("LeakyReLU", 0.2) == ik.calculate_gain("leaky_relu", 0.2)


def test_other_names() -> None:
    """Names of other libraries are read as those of the table."""
    assert check_nonlinearity("hard_silu") == "hardswish"
    assert check_nonlinearity("relu") == "relu"
