"""Kaiming's and Xavier's initializers: PyTorch's bounds and laws, fans, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tests.catalogue import COMPLEX, FLOATS

LEVEL = 1e-5
SHAPES = [(64, 32), (16, 8, 3, 5), (1, 1), (7, 3, 11), (3, 1000)]
UNIFORM = [ik.KaimingUniform, ik.XavierUniform]
NORMAL = [ik.KaimingNormal, ik.XavierNormal]
KAIMING = [ik.KaimingUniform, ik.KaimingNormal]
ALL = UNIFORM + NORMAL


class Recorder(torch.Tensor):  # type: ignore[misc]  # torch has no types here
    """A tensor that keeps what its in-place draws were called with."""

    # Or PyTorch's functions would not call the methods below.
    __torch_function__ = torch._C._disabled_torch_function_impl
    drawn: tuple[float, float] | None = None

    def uniform_(self, low: float = 0, high: float = 1, **_: Any) -> Any:
        """Keep the bounds."""
        self.drawn = low, high
        return self

    def normal_(self, mean: float = 0, std: float = 1, **_: Any) -> Any:
        """Keep the parameters."""
        self.drawn = mean, std
        return self


def _drawn(name: str, shape: tuple[int, ...], **arguments: Any) -> tuple[float, float]:
    """The parameters of the law that a function of PyTorch draws from."""
    tensor = torch.empty(shape).as_subclass(Recorder)
    getattr(torch.nn.init, f"{name}_")(tensor, **arguments)
    mean, std = tensor.drawn
    return mean, std


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "FAN_IN"])
@pytest.mark.parametrize("nonlinearity", ["leaky_relu", "relu", "tanh", "selu", "linear", "conv2d"])
def test_kaiming_is_pytorchs(shape: tuple[int, ...], mode: str, nonlinearity: str) -> None:
    """With PyTorch's layout the parameters of the law are PyTorch's, to the bit; `a` is for one function."""
    for a in (0.0, 0.2, math.sqrt(5)):
        arguments: dict[str, Any] = {"a": a, "mode": mode, "nonlinearity": nonlinearity}
        normal = ik.KaimingNormal(**arguments, layout="torch")
        assert _drawn("kaiming_normal", shape, **arguments) == (0, normal.stddev(shape))
        low, high = _drawn("kaiming_uniform", shape, **arguments)
        bound = math.sqrt(3.0) * ik.KaimingUniform(**arguments, layout="torch").stddev(shape)
        assert (low, high) == (-bound, bound)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("gain", [1.0, 5 / 3, 0.0])
def test_xavier_is_pytorchs(shape: tuple[int, ...], gain: float) -> None:
    """With PyTorch's layout the parameters of the law are PyTorch's, to the bit."""
    assert _drawn("xavier_normal", shape, gain=gain) == (
        0,
        ik.XavierNormal(gain, layout="torch").stddev(shape),
    )
    bound = math.sqrt(3.0) * ik.XavierUniform(gain, layout="torch").stddev(shape)
    assert _drawn("xavier_uniform", shape, gain=gain) == (-bound, bound)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_values_are_those_of_the_plain_laws(cls: Any, dtype: str) -> None:
    """The values are the bits of the plain initializer with those parameters."""
    shape = (24, 40)
    init = cls(seed=7)
    std = init.stddev(shape)
    bound = math.sqrt(3.0) * std
    plain = ik.RandomUniform(-bound, bound, seed=7) if cls in UNIFORM else ik.RandomNormal(0.0, std, seed=7)
    assert init(shape, dtype).tobytes() == plain(shape, dtype).tobytes()
    assert init.moments(shape) == (0.0, std)


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_the_law_is_that_of_pytorchs_tensors(cls: Any) -> None:
    """Values of both libraries cannot be told apart, and ours have the law itself."""
    shape = (100, 50, 3, 3)
    name = {"KaimingUniform": "kaiming_uniform", "KaimingNormal": "kaiming_normal"}.get(cls.__name__)
    name = name or {"XavierUniform": "xavier_uniform", "XavierNormal": "xavier_normal"}[cls.__name__]
    generator = torch.Generator().manual_seed(5)
    theirs = getattr(torch.nn.init, f"{name}_")(torch.empty(shape), generator=generator).numpy().ravel()
    init = cls(seed=7, layout="torch")
    ours = init(shape, "float64").ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > LEVEL
    standard = ours / init.stddev(shape)
    law = stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)) if cls in UNIFORM else stats.norm
    assert stats.kstest(standard, law.cdf).pvalue > LEVEL


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex(cls: Any, dtype: str) -> None:
    """Complex weights have the variance of the formula in total, and both parts alike."""
    values = cls(seed=7)((400, 300), dtype)
    std = cls().stddev((400, 300))
    assert np.mean(np.abs(values) ** 2) == pytest.approx(std**2, rel=0.02)
    assert np.var(values.real) == pytest.approx(np.var(values.imag), rel=0.03)
    if cls in UNIFORM:
        assert np.abs(values).max() <= math.sqrt(2) * std * (1 + 1e-6)


@pytest.mark.parametrize(
    ("mode", "fan"),
    [("fan_in", 72), ("fan_out", 144), ("fan_avg", 108), ("fan_geo_avg", math.sqrt(72 * 144))],
)
def test_modes(mode: str, fan: float) -> None:
    """All four modes pick their fan, with the default layout and PyTorch's."""
    for shape, layout in (((3, 3, 8, 16), None), ((16, 8, 3, 3), "torch")):
        for cls in KAIMING:
            assert cls(mode=mode, layout=layout).moments(shape).std == pytest.approx(math.sqrt(2 / fan))


@pytest.mark.parametrize("cls", KAIMING, ids=lambda cls: cls.__name__)
def test_nonlinearities_beyond_pytorchs(cls: Any) -> None:
    """Every function that has a gain can follow; `a` is its parameter where it has one."""
    std = ik.calculate_gain("silu") / 8
    assert cls(nonlinearity="silu").stddev((64, 2)) == cls(a=3.0, nonlinearity="swish").stddev((64, 2)) == std
    for name in ("elu", "celu", "prelu", "leaky_relu", "LeakyReLU", "ELU"):
        assert cls(a=3.0, nonlinearity=name).stddev((64, 2)) == ik.calculate_gain(name, 3.0) / 8
    for name in ("elu", "celu", "prelu"):
        assert cls(nonlinearity=name).stddev((64, 2)) == ik.calculate_gain(name) / 8
    assert cls(nonlinearity="LeakyReLU").stddev((64, 2)) == math.sqrt(2) / 8
    assert cls(a=3.0).stddev((64, 2)) == ik.calculate_gain("leaky_relu", 3.0) / 8
    assert cls().stddev((64, 2)) == math.sqrt(2) / 8


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_groups_and_slices(cls: Any) -> None:
    """Fans are read as the base class reads them, and a slice has those of the whole."""
    init = cls(layout="OI...", groups=4, seed=7)
    fan_in, fan_out = ik.fans((8, 2, 3, 3), layout="torch", groups=4)
    expected = math.sqrt(2 / fan_in) if cls in KAIMING else math.sqrt(2 / (fan_in + fan_out))
    assert init.stddev((8, 2, 3, 3)) == pytest.approx(expected)
    assert init.lazy((8, 2, 3, 3))[3:, 1].tobytes() == init((8, 2, 3, 3))[3:, 1].tobytes()
    assert cls(seed=7)((0, 3)).shape == (0, 3)
    assert cls(seed=7, layout="torch")((3, 3, 0)).shape == (3, 3, 0)


@pytest.mark.parametrize(
    ("cls", "arguments", "error", "message"),
    [
        (ik.KaimingNormal, {"a": math.inf}, ArgumentError, "`a` is out of range"),
        (ik.KaimingUniform, {"a": "0"}, ArgumentTypeError, "`a` must be a real number"),
        (ik.KaimingUniform, {"a": -1.0, "nonlinearity": "celu"}, ArgumentError, "`param` is out of range"),
        (ik.KaimingUniform, {"mode": "fan"}, ArgumentError, "Invalid `mode` argument: 'fan'"),
        (ik.KaimingNormal, {"mode": 3}, ArgumentError, "Invalid `mode` argument: 3"),
        (
            ik.KaimingNormal,
            {"nonlinearity": "rleu"},
            ArgumentError,
            "Unknown nonlinearity.*Did you mean 'relu'",
        ),
        (ik.KaimingNormal, {"nonlinearity": None}, ArgumentTypeError, "`nonlinearity` must be a name"),
        (ik.XavierNormal, {"gain": -1.0}, ArgumentError, "`gain` is out of range"),
        (ik.XavierUniform, {"gain": "tanh"}, ArgumentTypeError, "`gain` must be a real number"),
        (ik.XavierUniform, {"layout": "OX"}, ArgumentError, "letters that stand for no axis"),
        (ik.KaimingUniform, {"seed": -1}, ArgumentError, "cannot be negative"),
    ],
    ids=repr,
)
def test_arguments_are_checked(
    cls: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Bad arguments are refused when the object is made."""
    with pytest.raises(error, match=message):
        cls(**arguments)


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_calls_are_checked(cls: Any) -> None:
    """Integers are not drawn, shapes must fit the layout, values the dtype."""
    with pytest.raises(DTypeError, match=f"{cls.__name__} cannot make integer"):
        cls()((3, 4), "int8")
    with pytest.raises(ShapeError, match="does not fit the shape"):
        cls(layout="OIHW")((3, 4))
    if cls not in KAIMING:
        with pytest.raises(ArgumentError, match="leave the range of dtype 'float16'"):
            cls(gain=1e6)((1, 1), "float16")


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_the_layout_is_said_first(cls: Any) -> None:
    """Who comes from PyTorch reads right after the summary how shapes are read, and that this is so."""
    assert 'unless `layout="torch"`' in (cls.__doc__ or "").split("\n\n")[1]
    assert (cls().fans_of((8, 32)).fan_in, cls(layout="torch").fans_of((8, 32)).fan_in) == (8, 32)
