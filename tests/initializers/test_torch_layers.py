"""The defaults of PyTorch's layers: bounds and deviations of its own modules, padding rows, biases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

LEVEL = 1e-5


@pytest.fixture(name="drawn")
def _drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[int, ...], float, float]]:
    """A list that PyTorch's draws are added to: shape and parameters."""
    calls: list[tuple[tuple[int, ...], float, float]] = []

    def record(tensor: Any, one: float = 0.0, other: float = 1.0, **_: Any) -> Any:
        calls.append((tuple(tensor.shape), one, other))
        return tensor

    monkeypatch.setattr(torch.Tensor, "uniform_", record)
    monkeypatch.setattr(torch.Tensor, "normal_", record)
    return calls


LAYERS: dict[str, tuple[Any, type[ik.Initializer]]] = {
    "linear": (lambda: nn.Linear(100, 32), ik.TorchLinear),
    "narrow": (lambda: nn.Linear(7, 1), ik.TorchLinear),
    "conv1d": (lambda: nn.Conv1d(8, 6, 5), ik.TorchConv),
    "groups": (lambda: nn.Conv2d(8, 12, (3, 5), groups=4), ik.TorchConv),
    "conv3d": (lambda: nn.Conv3d(2, 3, 3), ik.TorchConv),
    "transposed": (lambda: nn.ConvTranspose1d(8, 6, 5), ik.TorchConv),
    "transposed groups": (lambda: nn.ConvTranspose2d(16, 4, 3, groups=2), ik.TorchConv),
}


@pytest.mark.parametrize(("make", "cls"), LAYERS.values(), ids=LAYERS)
def test_bounds_are_the_layers(make: Any, cls: Any, drawn: list[Any]) -> None:
    """Weight and bias have the bounds of PyTorch's layer, the weight's to the rounding of its √5."""
    layer = make()
    (weight, low, high), (bias, bias_low, bias_high) = drawn
    assert weight == tuple(layer.weight.shape)
    assert -low == high == pytest.approx(cls().bound(weight), rel=3e-16)
    assert -bias_low == bias_high == cls(weight_shape=weight).bound(bias)
    assert cls().moments(weight).std == pytest.approx(high / math.sqrt(3))
    assert cls(weight_shape=weight).moments(bias) == cls().moments(weight)


def test_bilinear(drawn: list[Any]) -> None:
    """A bilinear layer's bound counts its first inputs, as the layout with a batch axis does."""
    nn.Bilinear(20, 30, 40)
    for shape, low, high in drawn:
        init = ik.TorchLinear(weight_shape=(40, 20, 30), layout="OIB")
        assert (low, high) == (-init.bound(shape), init.bound(shape))


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.LSTMCell], ids=lambda cls: cls.__name__)
def test_recurrent_layers(make: Any, drawn: list[Any]) -> None:
    """All weights and biases have the same bound."""
    make(10, 24)
    assert len(drawn) == 4
    for shape, low, high in drawn:
        assert (low, high) == (-ik.TorchRNN(24).bound(shape), ik.TorchRNN(24).bound(shape))
        assert ik.TorchRNN(24).moments(shape) == (0.0, high / math.sqrt(3))


@pytest.mark.parametrize("sizes", [{}, {"kdim": 12, "vdim": 20}], ids=["fused", "separate"])
def test_attention(sizes: dict[str, int], drawn: list[Any]) -> None:
    """The projections have the layer's bounds, and `TorchLinear` and `XavierNormal` make the rest."""
    layer = nn.MultiheadAttention(16, 2, add_bias_kv=True, **sizes)
    named = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
    projections = {shape: (low, high) for shape, low, high in drawn if len(shape) == 2}
    for name, shape in named.items():
        if name.endswith("proj_weight"):
            bound = ik.TorchMHA().bound(shape)
            if shape != named["out_proj.weight"]:
                assert projections[shape] == (-bound, bound)
        elif name.endswith("bias"):
            assert not layer.get_parameter(name).any()
            assert not ik.TorchMHA(seed=7)(shape).any()
            assert ik.TorchMHA().moments(shape) == (0.0, 0.0)
    (first, *_), *_ = drawn
    assert first == named["out_proj.weight"]
    assert drawn[0][2] == pytest.approx(ik.TorchLinear().bound(first))
    for shape, mean, std in drawn[-2:]:
        assert shape == named["bias_k"] == named["bias_v"]
        assert (mean, std) == (0, ik.XavierNormal(layout="torch").stddev(shape))


def test_attention_in_three_parts() -> None:
    """Unfused, the fused weight has the bound of one of its parts, √2 more."""
    for layout, shape, part in (("torch", (48, 16), (16, 16)), ("keras", (16, 48), (16, 16))):
        separate = ik.TorchMHA(fused=False, layout=layout)
        assert separate.bound(shape) == ik.TorchMHA().bound(part)
        assert separate.bound(shape) == pytest.approx(math.sqrt(2) * ik.TorchMHA(layout=layout).bound(shape))


@pytest.mark.parametrize("make", [nn.Embedding, nn.EmbeddingBag], ids=lambda cls: cls.__name__)
def test_embedding(make: Any) -> None:
    """The table has PyTorch's law, and its padding row is zero, from either end, in any slice."""
    torch.manual_seed(5)
    theirs = make(2000, 50, padding_idx=3).weight.detach().numpy()
    ours = ik.TorchEmbedding(padding_idx=3, seed=7)((2000, 50))
    assert not theirs[3].any()
    assert not ours[3].any()
    rows = np.arange(2000) != 3
    assert ours[rows].tobytes() == ik.RandomNormal(0.0, 1.0, seed=7)((2000, 50))[rows].tobytes()
    assert stats.ks_2samp(ours[rows].ravel(), theirs[rows].ravel()).pvalue > LEVEL
    lazy = ik.TorchEmbedding(padding_idx=-1997, seed=7).lazy((2000, 50), "float64")
    assert not lazy[5:1:-2, ::7][1].any()
    assert lazy[4:].all()
    assert ik.TorchEmbedding(3).moments((2000, 50)) == (0.0, math.sqrt(1999 / 2000))
    assert ik.TorchEmbedding().moments((2000, 50)) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("init", "make"),
    [
        (ik.TorchLinear(seed=7), lambda: nn.Linear(100, 300).weight),
        (ik.TorchLinear((30_000, 100), seed=7), lambda: nn.Linear(100, 30_000).bias),
        (ik.TorchConv(seed=7), lambda: nn.Conv2d(100, 40, 3).weight),
        (ik.TorchRNN(100, seed=7), lambda: nn.LSTMCell(70, 100).weight_ih),
        (ik.TorchMHA(seed=7), lambda: nn.MultiheadAttention(100, 4).in_proj_weight),
    ],
    ids=repr,
)
def test_laws_are_those_of_pytorchs_layers(init: Any, make: Any) -> None:
    """Values of both libraries cannot be told apart."""
    torch.manual_seed(5)
    theirs = make().detach().numpy()
    ours = init(theirs.shape)
    bound = init.bound(theirs.shape)
    assert abs(ours).max() <= bound
    assert abs(theirs).max() <= bound * (1 + 1e-6)
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > LEVEL
    assert (
        stats.kstest(init(theirs.shape, "float64").ravel(), stats.uniform(-bound, 2 * bound).cdf).pvalue
        > LEVEL
    )


def test_layouts() -> None:
    """A layout says which axis is the inputs'."""
    assert ik.TorchLinear(layout="keras").bound((100, 7)) == 0.1
    assert ik.TorchLinear().bound((7, 100)) == 0.1
    assert ik.TorchConv(layout="keras").bound((5, 5, 4, 7)) == ik.TorchConv().bound((7, 4, 5, 5)) == 0.1


def test_layers_without_inputs() -> None:
    """A weight without inputs is empty, and its bias is zero, as in PyTorch."""
    with pytest.warns(UserWarning, match="no-op"):
        layer = nn.Linear(0, 5)
    assert not ik.TorchLinear(weight_shape=(5, 0), seed=7)((5,)).any()
    assert ik.TorchLinear(seed=7)((5, 0)).shape == tuple(layer.weight.shape)


@pytest.mark.parametrize(
    ("cls", "arguments", "error", "message"),
    [
        (
            ik.TorchLinear,
            {"weight_shape": (5,)},
            ShapeError,
            r"the layer's weight.*Received: \(5,\) of rank 1",
        ),
        (ik.TorchLinear, {"weight_shape": "ab"}, ArgumentTypeError, "A shape must be a sequence"),
        (ik.TorchLinear, {"layout": None}, ArgumentTypeError, "`layout` must be text"),
        (ik.TorchConv, {"layout": "OIX"}, ArgumentError, "letters that stand for no axis"),
        (ik.TorchConv, {"layout": "OIH", "weight_shape": (5, 5)}, ShapeError, "does not fit the shape"),
        (ik.TorchRNN, {"hidden_size": 0}, ArgumentError, "`hidden_size` is out of range"),
        (ik.TorchRNN, {"hidden_size": 2.0}, ArgumentTypeError, "`hidden_size` must be an integer"),
        (ik.TorchEmbedding, {"padding_idx": True}, ArgumentTypeError, "`padding_idx` must be an integer"),
        (ik.TorchMHA, {"fused": 1}, ArgumentTypeError, "`fused` must be True or False"),
        (ik.TorchMHA, {"layout": "OIX"}, ArgumentError, "letters that stand for no axis"),
    ],
    ids=repr,
)
def test_arguments_are_checked(
    cls: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Bad arguments are refused when the object is made."""
    with pytest.raises(error, match=message):
        cls(**arguments)


@pytest.mark.parametrize(
    ("init", "shape", "message"),
    [
        (ik.TorchLinear(), (5,), "For a bias write, for example, weight_shape="),
        (ik.TorchConv(), (), "needs the shape of the layer's weight"),
        (ik.TorchEmbedding(), (5,), "A table of embeddings has two axes"),
        (ik.TorchEmbedding(5), (5, 2), r"no padding row\. Received: padding_idx=5\. Allowed: -5 to 4"),
        (ik.TorchEmbedding(0), (0, 2), "Allowed: none, since there are no rows"),
        (ik.TorchMHA(), (), "makes weights and biases"),
        (ik.TorchMHA(fused=False), (4, 4), "no equal parts. Received: 4 outputs"),
    ],
    ids=repr,
)
def test_shapes_are_checked(init: Any, shape: tuple[int, ...], message: str) -> None:
    """Shapes that a layer's tensor cannot have are refused by every way to them."""
    for use in (init, init.lazy, init.moments):
        with pytest.raises(ShapeError, match=message):
            use(shape)


@pytest.mark.parametrize("init", [ik.TorchLinear(), ik.TorchRNN(2), ik.TorchMHA()], ids=repr)
def test_dtypes_are_checked(init: Any) -> None:
    """Uniform layers have no complex weights in PyTorch, and integers are not drawn."""
    for dtype in ("complex64", "int32"):
        with pytest.raises(DTypeError, match=f"{type(init).__name__} cannot make"):
            init((4, 4), dtype)
