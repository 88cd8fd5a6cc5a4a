"""Fans, measured: weights of every kind of layer keep the variance of what goes through, forth and back."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.fans import Fans
from initkit.initializers.scaled_by_fan import ScaledByFan

Array = np.ndarray[Any, Any]

REPLICATES = 60
BATCH = 4
# Some seventy measurements, each at a level of less than one in a million by Student's law with 59 degrees of
# freedom.
MOST_DEVIATIONS = 5.8


@dataclass(frozen=True)
class Layer:
    """A linear layer, run by NumPy from the weight as a framework stores it.

    Attributes:
        label: What it is.
        arguments: How its fans are read.
        shape: The shape of its weight.
        inputs: The shape of one input.
        apply: Inputs, with a batch axis in front, and a weight to outputs.
        margin_in: How many positions at each end of the inputs reach fewer outputs than the others.
        margin_out: How many positions at each end of the outputs are reached by fewer inputs.
        one_hot: Whether inputs are one-hot vectors, not independent values.
    """

    label: str
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    inputs: tuple[int, ...]
    apply: Callable[[Array, Array], Array]
    margin_in: int = 0
    margin_out: int = 0
    one_hot: bool = False

    def draw_inputs(self, rng: np.random.Generator) -> Array:
        """Inputs of unit variance."""
        if self.one_hot:
            basis: Array = np.eye(self.inputs[0])
            return np.asarray(basis[rng.integers(self.inputs[0], size=BATCH)])
        return rng.standard_normal((BATCH, *self.inputs))


def interior(values: Array, margin: int) -> Array:
    """Without the margins of the axes behind batch and channels."""
    within = slice(margin, -margin or None)
    return values[(slice(None), slice(None), *(within,) * (values.ndim - 2))]


def correlate(x: Array, weight: Array, groups: int = 1) -> Array:
    """The convolution of deep learning: x (batch, in, …), weight (out, in/groups, …), no padding."""
    batch, channels, *lengths = x.shape
    outputs, _, *kernel = weight.shape
    windows = sliding_window_view(x, kernel, tuple(range(2, x.ndim)))
    windows = windows.reshape(batch, groups, channels // groups, -1, math.prod(kernel))
    kernels = weight.reshape(groups, outputs // groups, channels // groups, math.prod(kernel))
    y: Array = np.einsum("ngisk,goik->ngos", windows, kernels, optimize=True)
    return y.reshape(batch, outputs, *(n - k + 1 for n, k in zip(lengths, kernel, strict=True)))


def correlate_transposed(x: Array, weight: Array, groups: int = 1) -> Array:
    """The same, transposed, of stride 1: weight (in, out/groups, …)."""
    inputs, outputs, *kernel = weight.shape
    flipped = np.flip(weight, tuple(range(2, weight.ndim)))
    grouped = flipped.reshape(groups, inputs // groups, outputs, *kernel).swapaxes(1, 2)
    padding = [(0, 0), (0, 0), *((length - 1, length - 1) for length in kernel)]
    return correlate(np.pad(x, padding), grouped.reshape(groups * outputs, inputs // groups, *kernel), groups)


def depthwise(x: Array, weight: Array) -> Array:
    """Keras' layout: weight (…, channels, multiplier)."""
    *kernel, channels, multiplier = weight.shape
    plain = np.moveaxis(weight, (-2, -1), (0, 1)).reshape(channels * multiplier, 1, *kernel)
    return correlate(x, plain, channels)


def einsum(equation: str) -> Callable[[Array, Array], Array]:
    """A dense layer by its equation."""
    return lambda x, weight: np.einsum(equation, x, weight)


def ordered(*axes: int, groups: int = 1) -> Callable[[Array, Array], Array]:
    """A convolution with a weight whose axes, taken in this order, are (out, in/groups, …)."""
    return lambda x, weight: correlate(x, weight.transpose(axes), groups)


def ordered_transposed(*axes: int, groups: int = 1) -> Callable[[Array, Array], Array]:
    """A transposed convolution with a weight whose axes, in this order, are (in, out/groups, …)."""
    return lambda x, weight: correlate_transposed(x, weight.transpose(axes), groups)


TORCH, TORCH_DEPTHWISE = {"layout": "torch"}, {"layout": "torch", "depthwise": True}
CONVOLUTIONS = (
    Layer("keras-1d", {}, (3, 6, 9), (6, 12), ordered(2, 1, 0), 2),
    Layer("keras-2d", {}, (3, 3, 4, 8), (4, 7, 7), ordered(3, 2, 0, 1), 2),
    Layer("torch-2d", TORCH, (8, 4, 3, 3), (4, 7, 7), ordered(0, 1, 2, 3), 2),
    Layer("torch-3d", TORCH, (4, 3, 2, 2, 2), (3, 5, 5, 5), ordered(0, 1, 2, 3, 4), 1),
    Layer("paddle-1d", {"layout": "paddle"}, (9, 6, 3), (6, 12), ordered(0, 1, 2), 2),
    Layer("julia-1d", {"layout": "julia"}, (3, 6, 9), (6, 12), ordered(2, 1, 0), 2),
    Layer("mlx-1d", {"layout": "mlx"}, (9, 3, 6), (6, 12), ordered(0, 2, 1), 2),
    Layer("letters", {"layout": "OTI"}, (9, 3, 6), (6, 12), ordered(0, 2, 1), 2),
    Layer(
        "axes",
        {"input_axes": [0, 1], "output_axes": [0, 2]},
        (3, 6, 9),
        (6, 12),
        ordered(2, 1, 0),
        2,
    ),
    Layer(
        "axes-and-batch",
        {"input_axes": 1, "output_axes": 0, "batch_axes": []},
        (9, 6, 3),
        (6, 12),
        ordered(0, 1, 2),
        2,
    ),
    Layer("keras-grouped", {"groups": 3}, (3, 4, 9), (12, 12), ordered(2, 1, 0, groups=3), 2),
    Layer("torch-grouped", {**TORCH, "groups": 3}, (9, 4, 3), (12, 12), ordered(0, 1, 2, groups=3), 2),
    Layer("keras-depthwise", {"depthwise": True}, (3, 3, 6, 3), (6, 7, 7), depthwise, 2),
    Layer(
        "keras-depthwise-letters", {"depthwise": True, "layout": "TIO"}, (3, 24, 1), (24, 12), depthwise, 2
    ),
    Layer("torch-depthwise", TORCH_DEPTHWISE, (24, 1, 3), (24, 12), ordered(0, 1, 2, groups=24), 2),
    Layer(
        "torch-depthwise-multiplied",
        {**TORCH_DEPTHWISE, "groups": 6},
        (18, 1, 3),
        (6, 12),
        ordered(0, 1, 2, groups=6),
        2,
    ),
    Layer(
        "mlx-depthwise",
        {"layout": "mlx", "depthwise": True},
        (24, 3, 1),
        (24, 12),
        ordered(0, 2, 1, groups=24),
        2,
    ),
    Layer("keras-transposed", {"transposed": True}, (3, 9, 4), (4, 12), ordered_transposed(2, 1, 0), 0, 2),
    Layer(
        "keras-transposed-2d",
        {"transposed": True},
        (3, 3, 8, 4),
        (4, 6, 6),
        ordered_transposed(3, 2, 0, 1),
        0,
        2,
    ),
    Layer(
        "torch-transposed",
        {**TORCH, "transposed": True},
        (4, 9, 3),
        (4, 12),
        ordered_transposed(0, 1, 2),
        0,
        2,
    ),
    Layer(
        "torch-transposed-grouped",
        {**TORCH, "transposed": True, "groups": 3},
        (12, 3, 3),
        (12, 12),
        ordered_transposed(0, 1, 2, groups=3),
        0,
        2,
    ),
    Layer(
        "torch-transposed-depthwise",
        {**TORCH_DEPTHWISE, "transposed": True},
        (6, 3, 3),
        (6, 12),
        ordered_transposed(0, 1, 2, groups=6),
        0,
        2,
    ),
)
DENSE = (
    Layer("dense", {}, (24, 60), (24,), einsum("bi,io->bo")),
    Layer("torch-dense", TORCH, (60, 24), (24,), einsum("bi,oi->bo")),
    Layer("julia-dense", {"layout": "julia"}, (60, 24), (24,), einsum("bi,oi->bo")),
    Layer("paddle-dense", {"layout": "paddle"}, (24, 60), (24,), einsum("bi,io->bo")),
    Layer("query", {"layout": "IOO"}, (24, 4, 15), (24,), einsum("bd,dhk->bhk")),
    Layer("query-axes", {"input_axes": 0, "output_axes": [1, 2]}, (24, 4, 15), (24,), einsum("bd,dhk->bhk")),
    Layer("attention-output", {"layout": "IIO"}, (4, 15, 24), (4, 15), einsum("bhk,hkd->bd")),
    Layer("packed-query-key-value", {"layout": "BIOO"}, (3, 24, 4, 5), (3, 24), einsum("bcd,cdhk->bchk")),
    Layer("experts", {"layout": "BIO"}, (5, 12, 30), (5, 12), einsum("bei,eio->beo")),
    Layer(
        "experts-axes",
        {"input_axes": [1], "output_axes": [2], "batch_axes": [0]},
        (5, 12, 30),
        (5, 12),
        einsum("bei,eio->beo"),
    ),
    Layer("table", {"layout": "BO"}, (50, 64), (50,), einsum("bi,io->bo"), one_hot=True),
)


def assert_unit_variance(squares: list[float]) -> None:
    """The means of squares of independent replicates agree with 1, and would not agree with 1.25."""
    error = float(np.std(squares, ddof=1)) / math.sqrt(len(squares))
    assert MOST_DEVIATIONS * error < 0.25
    assert abs(float(np.mean(squares)) - 1) < MOST_DEVIATIONS * error


@pytest.mark.parametrize("layer", CONVOLUTIONS + DENSE, ids=lambda layer: layer.label)
def test_variance_is_kept_forth_and_back(layer: Layer) -> None:
    """With `fan_in` outputs have the inputs' variance, and with `fan_out` gradients that of those behind."""
    forth, back = [], []
    rng = np.random.default_rng(0)
    basis = np.eye(math.prod(layer.inputs)).reshape(-1, *layer.inputs)
    for seed in range(REPLICATES):
        in_mode = ik.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed=seed, **layer.arguments)
        outputs = layer.apply(layer.draw_inputs(rng), in_mode(layer.shape, "float64"))
        forth.append(float(np.mean(interior(outputs, layer.margin_out) ** 2)))
        out_mode = ik.VarianceScaling(1.0, "fan_out", "untruncated_normal", seed=seed, **layer.arguments)
        matrix = layer.apply(basis, out_mode(layer.shape, "float64")).reshape(len(basis), -1)
        gradients = rng.standard_normal((BATCH, matrix.shape[1])) @ matrix.T
        within = interior(gradients.reshape(BATCH, *layer.inputs), layer.margin_in)
        back.append(float(np.mean(within**2)))
    assert_unit_variance(forth)
    assert_unit_variance(back)


def test_convolutions_of_this_file() -> None:
    """The layers above compute what PyTorch's do."""
    torch: Any = import_module("torch")
    rng = np.random.default_rng(1)
    x, plain, exchanged = (rng.standard_normal(shape) for shape in ((2, 6, 9), (9, 2, 3), (6, 4, 3)))
    tensors = [torch.from_numpy(array) for array in (x, plain, exchanged)]
    theirs = torch.nn.functional.conv1d(tensors[0], tensors[1], groups=3)
    np.testing.assert_allclose(correlate(x, plain, 3), theirs.numpy(), rtol=0, atol=1e-12)
    theirs = torch.nn.functional.conv_transpose1d(tensors[0], tensors[2], groups=3)
    np.testing.assert_allclose(correlate_transposed(x, exchanged, 3), theirs.numpy(), rtol=0, atol=1e-12)


class Reciprocal(ScaledByFan):
    """A standard deviation of its own, in one line."""

    distribution = "uniform"

    def stddev(self, shape: tuple[int, ...]) -> float:
        """One over the fan-in."""
        return 1 / self.fans_of(shape).fan_in


class Tenfold(ScaledByFan):
    """A setting of its own, with an argument more."""

    mode = "fan_out"
    distribution = "untruncated_normal"

    def __init__(self, factor: float = 10.0, seed: Any = None, layout: str | None = None) -> None:
        super().__init__(seed, layout=layout)
        self.factor = factor
        self.scale = factor


def test_a_subclass_has_a_deviation_of_its_own() -> None:
    """What a subclass says of `stddev` decides the values, their moments and what is refused."""
    init = Reciprocal(seed=7, layout="torch")
    assert init.moments((50, 20)) == (0.0, 0.05)
    assert np.abs(init((50, 20))).max() == pytest.approx(0.05 * math.sqrt(3), rel=0.01)
    assert init.lazy((50, 20))[3:5].tobytes() == init((50, 20))[3:5].tobytes()
    with pytest.raises(ShapeError, match=r"'torch' .* does not fit the shape"):
        init((5,))


def test_a_subclass_has_settings_of_its_own() -> None:
    """A subclass that takes fewer arguments has a config of those."""
    init = Tenfold(4.0, seed=7, layout="OI")
    assert init.get_config() == {"factor": 4.0, "seed": 7, "layout": "OI"}
    assert Tenfold.from_config(init.get_config()) == init
    assert init.moments((16, 5)) == (0.0, 0.5)
    assert (init.groups, init.transposed, init.input_axes) == (1, False, None)


def test_fans_of() -> None:
    """An initializer tells the fans that it uses."""
    init = ik.HeNormal(layout="OIHW", groups=2)
    assert init.fans_of((8, 3, 5, 5)) == ik.fans((8, 3, 5, 5), layout="OIHW", groups=2) == Fans(75, 100, 25)


ARGUMENTS: list[dict[str, Any]] = [
    {"input_axes": [0], "output_axes": [2, 3], "batch_axes": [1]},
    {"layout": "IO...", "groups": 2},
    {"layout": "torch", "transposed": True, "groups": 3},
    {"layout": "torch", "depthwise": True},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_arguments_are_kept(arguments: dict[str, Any]) -> None:
    """Arguments are attributes of their names, and come back from configs, copies and pickles."""
    shape = (3, 4, 5, 6) if "depthwise" not in arguments else (6, 1, 2, 2)
    init = ik.GlorotNormal(7, **arguments)
    defaults = {"groups": 1, "transposed": False, "depthwise": False}
    names = ("input_axes", "output_axes", "batch_axes", "layout", *defaults)
    expected = {"seed": 7, **{name: arguments.get(name, defaults.get(name)) for name in names}}
    assert init.get_config() == expected
    assert {name: getattr(init, name) for name in expected} == expected
    for copy in (
        ik.GlorotNormal.from_config(expected),
        ik.from_yaml(ik.to_yaml(init)),
        init.clone(),
        pickle.loads(pickle.dumps(init)),
    ):
        assert copy == init
        assert copy(shape).tobytes() == init(shape).tobytes()


def test_positions() -> None:
    """The order of the arguments is Keras', then that of the documentation."""
    init = ik.HeNormal(7, [0], [1], [2], None, 1, False, False)
    assert (init.input_axes, init.output_axes, init.batch_axes) == ([0], [1], [2])
    general = ik.VarianceScaling(2.0, "fan_in", "uniform", 7, None, None, None, "OI", 2, True, False)
    assert (general.layout, general.groups, general.transposed, general.depthwise) == ("OI", 2, True, False)


def test_attributes_that_change_later() -> None:
    """Fans follow the attributes as they are, cached or not."""
    init = ik.HeNormal(seed=7)
    assert init.fans_of((4, 6)).fan_in == 4
    init.layout = "OI"
    assert init.fans_of((4, 6)).fan_in == 6
    assert init == ik.HeNormal(seed=7, layout="OI")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layout": "OHIW?"}, ArgumentError, "Unknown layout"),
        ({"layout": "XY"}, ArgumentError, "stand for no axis"),
        ({"layout": ["I", "O"]}, ArgumentTypeError, "`layout` must be text"),
        ({"groups": 0}, ArgumentError, "`groups` is out of range"),
        ({"groups": 2.0}, ArgumentTypeError, "`groups` must be an integer"),
        ({"transposed": "yes"}, ArgumentTypeError, "`transposed` must be True or False"),
        ({"depthwise": 1}, ArgumentTypeError, "`depthwise` must be True or False"),
        ({"batch_axes": [0]}, ArgumentError, "`batch_axes` belongs with"),
        ({"input_axes": [0], "output_axes": [1], "layout": "IO"}, ArgumentError, "Axes and `layout` exclude"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("cls", [ik.LecunUniform, ik.VarianceScaling])
def test_arguments_are_checked(
    cls: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Bad arguments are refused when the object is made."""
    with pytest.raises(error, match=message):
        cls(**arguments)


def test_shapes_that_do_not_fit() -> None:
    """Shapes are checked at the call, by lazy and by moments, before anything is drawn."""
    generator = ik.SeedGenerator(7)
    init = ik.HeNormal(generator, layout="HWIO", groups=2)
    before = generator.get_config()
    for use in (init, init.lazy, init.moments):
        with pytest.raises(ShapeError, match="'HWIO' does not fit the shape"):
            use((3, 4))
        with pytest.raises(ShapeError, match="cannot be divided into groups"):
            use((3, 3, 4, 5))
    assert generator.get_config() == before
