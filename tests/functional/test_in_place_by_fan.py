"""torch's Xavier and Kaiming: fans, gains and laws against torch's own; refusals."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from scipy import stats

from initkit import functional as init
from initkit.errors import ArgumentError, ShapeError

torch: Any = import_module("torch")

FUNCTIONS = ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_")
SHAPES = ((64, 256), (256, 64), (32, 16, 5), (16, 32, 5, 6))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *((name, {}) for name in FUNCTIONS),
        ("xavier_uniform_", {"gain": 5 / 3}),
        ("xavier_normal_", {"gain": 0.25}),
        ("kaiming_uniform_", {"a": 5**0.5}),
        ("kaiming_normal_", {"a": 0.2, "mode": "fan_out"}),
        ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_normal_", {"a": 3.0, "nonlinearity": "tanh"}),
        ("kaiming_normal_", {"mode": "FAN_IN", "nonlinearity": "selu"}),
    ],
)
def test_laws_are_torchs(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    """A sample of ours and one of torch's are of one law, and uniform ones have the same ends."""
    ours = getattr(init, name)(torch.empty(shape), **arguments, seed=7).numpy().ravel()
    generator = torch.Generator().manual_seed(1)
    theirs = (
        getattr(torch.nn.init, name)(torch.empty(shape), **arguments, generator=generator).numpy().ravel()
    )
    assert ours.std() == pytest.approx(theirs.std(), rel=0.1)
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-4
    if "uniform" in name:
        assert abs(ours).max() == pytest.approx(abs(theirs).max(), rel=5e-3)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_complex_has_the_same_variance(name: str) -> None:
    """Of complex weights the expected square of the modulus is that of real ones."""
    real = getattr(init, name)(np.empty((200, 300)), seed=7).std()
    weight = getattr(init, name)(np.empty((200, 300), np.complex64), seed=7)
    assert np.sqrt((abs(weight) ** 2).mean()) == pytest.approx(real, rel=0.02)
    assert weight.real.std() == pytest.approx(weight.imag.std(), rel=0.02)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_fans_need_two_axes(name: str) -> None:
    """A vector has no fans, as torch has it, and is left as it was."""
    vector = np.full(4, 5.0)
    for array in (vector, np.array(5.0), np.empty(0)):
        with pytest.raises(ShapeError):
            getattr(init, name)(array)
        with pytest.raises(ValueError, match="fan"):
            torch.nn.init.xavier_normal_(torch.from_numpy(array))
    assert (vector == 5.0).all()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("xavier_uniform_", {"gain": -1.0}, "`gain`"),
        ("xavier_normal_", {"gain": float("nan")}, "`gain`"),
        ("kaiming_uniform_", {"mode": "fan_both"}, "mode"),
        ("kaiming_normal_", {"nonlinearity": "rellu"}, "relu"),
        ("kaiming_normal_", {"a": float("inf")}, "`a`"),
    ],
)
def test_refusals(name: str, arguments: dict[str, Any], message: str) -> None:
    """What torch refuses is a ValueError that names the argument."""
    with pytest.raises(ArgumentError, match=message):
        getattr(init, name)(np.empty((3, 4)), **arguments)


def test_gains_are_torchs() -> None:
    """`calculate_gain` is at hand, and gives torch's numbers."""
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(
        torch.nn.init.calculate_gain("leaky_relu", 0.3)
    )
