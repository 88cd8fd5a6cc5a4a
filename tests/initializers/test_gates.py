"""Gate biases in the layers that they are for, and the recurrent net of rectified units that starts as 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

# What a type checker would refuse as well is given as Any.
ForgetBias: Any = ik.ForgetBias
ChronoBias: Any = ik.ChronoBias

LEVEL = 1e-4


def _cell_after_a_step(bias: Any) -> Any:
    """The cell state of PyTorch's LSTM that began at 1, with no other parameters than the bias."""
    units = bias.size // 4
    cell = torch.nn.LSTMCell(1, units, dtype=torch.float64)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih.copy_(torch.from_numpy(bias))
        ones = torch.ones(1, units, dtype=torch.float64)
        return cell(torch.zeros(1, 1, dtype=torch.float64), (0 * ones, ones))[1].numpy()[0]


@pytest.mark.parametrize("value", [-2.0, 1.0, 5.0])
def test_forget_bias_in_torch(value: float) -> None:
    """PyTorch's LSTM keeps sigmoid(value) of its state at the first step, and lets nothing else in."""
    kept = _cell_after_a_step(ik.ForgetBias(value)((12,), "float64"))
    np.testing.assert_allclose(kept, 1 / (1 + math.exp(-value)), rtol=1e-12)


@pytest.mark.parametrize("gates", ["ifgo", "ifco", "iofc", "fio", "f"])
def test_forget_bias_blocks(gates: str) -> None:
    """The block of the gate named f has the value, along the last axis, whatever comes before it."""
    units = 3
    values = ik.ForgetBias(0.5, gates)((2, units * len(gates)))
    expected = np.repeat([0.5 * (gate == "f") for gate in gates], units)
    assert (values == expected).all()


def test_chrono_bias_in_torch() -> None:
    """The cell forgets 1/u of its state: its times are uniform up to the longest one."""
    bias = ik.ChronoBias(max_time=200.0, seed=7)((4 * 1000,), "float64")
    time = 1 / (1 - _cell_after_a_step(bias))
    assert stats.kstest(time, stats.uniform(2, 198).cdf).pvalue > LEVEL


@pytest.mark.parametrize("gates", ["ifgo", "ifco", "iofc", "fi"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_chrono_bias_blocks(gates: str, dtype: str) -> None:
    """The input gate lets in what the forget gate lets go: their biases are opposite, all others are 0."""
    values = ik.ChronoBias(100.0, gates, seed=7)((2, 6 * len(gates)), dtype).astype(np.float64)
    blocks = dict(zip(gates, np.split(values, len(gates), axis=1), strict=True))
    forget = blocks.pop("f")
    assert (blocks.pop("i") == -forget).all()
    assert len(np.unique(forget)) > 9
    assert forget.min() >= 0
    assert forget.max() <= math.log(99) + 0.02
    for others in blocks.values():
        assert (others == 0).all()
    assert (forget == -ik.ChronoBias(100.0, "ifgo", seed=7)((2, 24), dtype)[:, :6].astype(np.float64)).all()


def test_chrono_bias_of_the_shortest_time() -> None:
    """Where there is nothing to remember, every gate is half open."""
    assert ik.ChronoBias(2.0, seed=7)((8,)).tobytes() == bytes(32)


def test_chrono_slices_alone() -> None:
    """A slice of a tensor far larger than memory has the values of both gates, and costs its own size."""
    units = 2**40
    lazy = ik.ChronoBias(784.0, seed=7).lazy((2, 4 * units))
    near = slice(units - 3, units + 3)
    assert (lazy[1, near][:3] != 0).all()
    assert (lazy[1, units - 3 : units] == -lazy[1, 2 * units - 3 : 2 * units]).all()
    assert not lazy[:, -5:].any()


@pytest.mark.parametrize(
    "init", [ik.ForgetBias(-0.5, "fio"), ik.ChronoBias(50.0, "fio", seed=3), ik.ChronoBias(2.0, seed=3)]
)
def test_moments(init: Any) -> None:
    """The announced moments are those of very many values, zeros included."""
    values, (mean, std) = init((120_000,), "float64"), init.moments((120_000,))
    assert abs(values.mean() - mean) < 1e-9
    assert values.std() == pytest.approx(std, rel=0.01, abs=1e-12)


def test_irnn_keeps_its_state() -> None:
    """A net of rectified units whose recurrent weights are `irnn` keeps its state over any time."""
    weights = ik.get("irnn")((64, 64), "float64")
    state = first = np.abs(ik.RandomNormal(seed=7)((64,), "float64"))
    other = ik.HeNormal(seed=7)((64, 64), "float64")
    lost = first
    for _ in range(300):
        state, lost = np.maximum(state @ weights, 0), np.maximum(lost @ other, 0)
    assert (state == first).all()
    assert np.corrcoef(lost, first)[0, 1] < 0.5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ik.ForgetBias(math.nan), ArgumentError, "`value` is out of range"),
        (lambda: ik.ForgetBias(1e6)((4,), "float16"), ArgumentError, "`value` is beyond the range"),
        (lambda: ik.ForgetBias(gates="rzn"), ArgumentError, "no order of gates. Received: gates='rzn'.*'f'"),
        (lambda: ik.ForgetBias(gates="iffo"), ArgumentError, "different letters"),
        (lambda: ik.ForgetBias(gates=""), ArgumentError, "no order of gates"),
        (lambda: ForgetBias(gates=4), ArgumentTypeError, "`gates` must be a text"),
        (lambda: ik.ForgetBias()((6,)), ShapeError, r"cannot be cut into gates. Received: shape=\(6,\)"),
        (lambda: ik.ForgetBias()(()), ShapeError, r"Allowed: \(…, 4·units\)"),
        (lambda: ik.ForgetBias().moments((6,)), ShapeError, "Change the shape, or name as many gates"),
        (lambda: ik.ForgetBias()((4,), "int8"), DTypeError, "ForgetBias cannot make integer"),
        (lambda: ik.ChronoBias(1.5), ArgumentError, "`max_time` is out of range"),
        (lambda: ik.ChronoBias(9, "fgo"), ArgumentError, "'f' and 'i' among them"),
        (lambda: ik.ChronoBias(9)((6,)), ShapeError, "cannot be cut into gates"),
        (lambda: ik.ChronoBias(1e300)((4,), "float8_e4m3fn"), ArgumentError, "max_time - 1.* is beyond"),
        (lambda: ik.ChronoBias(9)((4,), "complex64"), DTypeError, "ChronoBias cannot make complex"),
        (lambda: ChronoBias("9"), ArgumentTypeError, "must be a real"),
    ],
)
def test_refusals(call: Any, error: type[Exception], message: str) -> None:
    """What cannot be is refused, with the reason."""
    with pytest.raises(error, match=message):
        call()
