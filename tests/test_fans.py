"""Fans, against Keras' rule written out and the rules of other libraries, and the mode that picks one."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.fans import (
    FAN_MODES,
    FanReading,
    Fans,
    check_fan_mode,
    effective_fan,
    fan_reading,
    fans,
)

lengths = st.integers(0, 50)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), (1, 1)),
        (5, (5, 5)),
        ((5,), (5, 5)),
        ((4, 3), (4, 3)),
        ((0, 5), (0, 5)),
        ((3, 4, 5), (12, 15)),
        ((3, 3, 4, 8), (36, 72)),
        ((1, 2, 3, 4, 5), (24, 30)),
        ([np.int64(4), 3], (4, 3)),
    ],
)
def test_keras_rule(shape: Any, expected: tuple[int, int]) -> None:
    """Without axes, a shape is read as (receptive field, in, out)."""
    assert tuple(fans(shape)) == expected


@given(st.lists(lengths, min_size=2, max_size=5))
def test_a_matrix_times_a_receptive_field(shape: list[int]) -> None:
    """Every axis in front of the last two multiplies both fans of the matrix."""
    field = math.prod(shape[:-2])
    matrix = fans(shape[-2:])
    assert fans(shape) == Fans(field * matrix.fan_in, field * matrix.fan_out, field)


@given(st.lists(lengths, min_size=1, max_size=5), st.data())
def test_axes_are_products(shape: list[int], data: st.DataObject) -> None:
    """With axes, each fan is the product of the lengths named, counted from either end."""
    axis = st.integers(-len(shape), len(shape) - 1)
    named = [data.draw(st.lists(axis, unique_by=lambda entry: entry % len(shape))) for _ in range(2)]
    found = fans(shape, *named)
    assert tuple(found) == tuple(
        int(np.prod([shape[entry] for entry in axes], dtype=np.int64)) for axes in named
    )


@pytest.mark.parametrize(
    ("shape", "inputs", "outputs", "expected"),
    [
        ((512, 8, 64), [0], [1, 2], (512, 512)),
        ((512, 8, 64), [0, 1], [2], (4096, 64)),
        ((512, 8, 64), (-3, 1), -1, (4096, 64)),
        ((3, 3, 64, 1), [0, 1], [0, 1, 3], (9, 9)),
        ((3, 3, 16, 32), [0, 1, 3], [0, 1, 2], (288, 144)),
        ((4, 5), [], [1], (1, 5)),
    ],
)
def test_attention_depthwise_and_transposed(shape: Any, inputs: Any, outputs: Any, expected: Any) -> None:
    """Axes say what the rule cannot know; a receptive field may belong to both fans."""
    assert tuple(fans(shape, inputs, outputs)) == expected


def test_fans_are_integers_without_bound() -> None:
    """Fans are exact integers, beyond what a float64 can tell apart."""
    found = fans((2**27, 2**27 + 1, 3))
    assert found.fan_in == 2**27 * (2**27 + 1)
    assert all(type(fan) is int for fan in found)


@pytest.mark.parametrize(("inputs", "outputs"), [([0], None), (None, [1]), ([], None), (None, 0)])
def test_one_axes_argument_alone(inputs: Any, outputs: Any) -> None:
    """One of the two without the other is an error, where Keras ignores it."""
    with pytest.raises(ArgumentError, match=r"belong together. Received: .*Allowed: both, or neither"):
        fans((3, 4), inputs, outputs)


@pytest.mark.parametrize(
    ("shape", "inputs", "outputs", "bad"),
    [((3, 4), [2], [0], 2), ((3, 4), [0], [-3], -3), ((), [0], [], 0)],
)
def test_no_such_axis(shape: Any, inputs: Any, outputs: Any, bad: int) -> None:
    """An axis that the shape has not is named, with those it has."""
    with pytest.raises(ShapeError, match=rf"no axis {bad}\. Received: (in|out)put_axes=.*Allowed: "):
        fans(shape, inputs, outputs)


@pytest.mark.parametrize("axes", [[0, 0], [0, -2], [1, 0, -1]])
def test_an_axis_twice(axes: list[int]) -> None:
    """One argument names an axis once, by whichever end it is counted from."""
    with pytest.raises(ArgumentError, match=r"`input_axes` names an axis twice.*Allowed: each axis once"):
        fans((3, 4), axes, [1])


@pytest.mark.parametrize("name", ["input_axes", "output_axes", "batch_axes"])
def test_axes_of_the_wrong_type(name: str) -> None:
    """Axes are integers; the message names the argument."""
    axes: dict[str, Any] = {"input_axes": [0], "output_axes": [1], "batch_axes": [], name: [0.5]}
    with pytest.raises(
        ArgumentTypeError, match=rf"`{name}` must name axes. Received: .*Allowed: None, an int"
    ):
        fans((3, 4), **axes)


@pytest.mark.parametrize(
    ("shape", "arguments", "expected"),
    [
        # Plain kernels: (receptive field)·(in, out), wherever the axes are.
        ((3, 5, 16, 32), {"layout": "HWIO"}, (240, 480, 15)),
        ((32, 16, 3, 5), {"layout": "torch"}, (240, 480, 15)),
        ((32, 3, 5, 16), {"layout": "mlx"}, (240, 480, 15)),
        ((3, 5, 16, 32), {"layout": "julia"}, (240, 480, 15)),
        ((32, 16), {"layout": "julia"}, (16, 32, 1)),
        ((16, 32), {"layout": "paddle"}, (16, 32, 1)),
        ((32, 16, 3, 5), {"layout": "paddle"}, (240, 480, 15)),
        # Groups divide the axis that holds all channels.
        ((3, 5, 4, 32), {"groups": 4}, (60, 120, 15)),
        ((32, 4, 3, 5), {"layout": "torch", "groups": 4}, (60, 120, 15)),
        # Keras' Conv2DTranspose (kh, kw, out, in), torch's ConvTranspose2d (in, out/groups, kh, kw).
        ((3, 5, 32, 16), {"transposed": True}, (240, 480, 15)),
        ((16, 32, 3, 5), {"layout": "torch", "transposed": True}, (240, 480, 15)),
        ((16, 8, 3, 5), {"layout": "OIHW", "transposed": True, "groups": 4}, (60, 120, 15)),
        ((5,), {"transposed": True}, (5, 5, 1)),
        # Depthwise kernels: Keras' (kh, kw, channels, multiplier); torch's and MLX's with an input axis of 1.
        ((3, 5, 16, 2), {"depthwise": True}, (15, 30, 15)),
        ((3, 5, 16, 2), {"depthwise": True, "groups": 16}, (15, 30, 15)),
        ((32, 1, 3, 5), {"layout": "torch", "depthwise": True, "groups": 16}, (15, 30, 15)),
        ((16, 1, 3, 5), {"layout": "torch", "depthwise": True}, (15, 15, 15)),
        ((16, 3, 5, 1), {"layout": "mlx", "depthwise": True, "groups": 16}, (15, 15, 15)),
        ((3, 5, 16), {"layout": "HWI", "depthwise": True}, (15, 15, 15)),
        ((16, 2, 3, 5), {"layout": "torch", "depthwise": True, "transposed": True}, (15, 30, 15)),
        ((1, 2, 3, 5), {"layout": "torch", "depthwise": True, "transposed": True}, (15, 30, 15)),
        ((3, 5, 0, 2), {"depthwise": True}, (15, 30, 15)),
        # Attention, experts, tables.
        ((512, 8, 64), {"layout": "IOO"}, (512, 512, 1)),
        ((8, 64, 512), {"layout": "IIO"}, (512, 512, 1)),
        ((6, 16, 32), {"layout": "BIO"}, (16, 32, 1)),
        ((6, 3, 16, 32), {"layout": "B...IO"}, (48, 96, 3)),
        ((6, 3, 16, 32), {"layout": "BBIO"}, (16, 32, 1)),
        ((1000, 64), {"layout": "BO"}, (1, 64, 1)),
        # JAX's rule: axes that nothing names multiply both fans.
        ((6, 3, 16, 32), {"input_axes": -2, "output_axes": -1, "batch_axes": 0}, (48, 96, 3)),
        ((6, 3, 16, 32), {"input_axes": -2, "output_axes": -1, "batch_axes": []}, (288, 576, 18)),
        ((6, 3, 16, 32), {"input_axes": -2, "output_axes": -1}, (16, 32, 1)),
        ((5, 4), {"input_axes": [], "output_axes": [], "batch_axes": []}, (20, 20, 20)),
        ((5, 4), {"input_axes": 0, "output_axes": 0, "batch_axes": []}, (4, 4, 4)),
        # Groups with axes: an axis in both is the receptive field, and is not divided.
        ((32, 4, 3, 3), {"input_axes": [1, 2, 3], "output_axes": [0, 2, 3], "groups": 4}, (36, 72, 9)),
        ((32, 4, 3, 3), {"input_axes": 1, "output_axes": 0, "batch_axes": [], "groups": 4}, (36, 72, 9)),
    ],
)
def test_layouts(shape: Any, arguments: dict[str, Any], expected: tuple[int, int, int]) -> None:
    """Each kind of layer has the fans that its forward pass has; layers themselves are run further below."""
    assert fans(shape, **arguments) == Fans(*expected)
    assert fan_reading(**arguments).fans(shape) == Fans(*expected)


@given(st.lists(lengths, min_size=2, max_size=5), st.sampled_from(["keras", "...IO"]))
def test_the_default_is_keras_layout(shape: list[int], layout: str) -> None:
    """Of two axes or more, no layout is Keras' layout."""
    assert fans(shape) == fans(shape, layout=layout)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(1, 4))
def test_transposed_exchanges_the_fans(shape: list[int], groups: int) -> None:
    """A kernel stored the other way round has the plain kernel's fans exchanged, groups and all."""
    shape[-1] *= groups
    plain, transposed = fans(shape, groups=groups), fans(shape, groups=groups, transposed=True)
    assert tuple(transposed) == tuple(plain)[::-1]


@pytest.mark.parametrize(
    ("shape", "arguments", "error", "message"),
    [
        ((3, 3), {"layout": "HWIO"}, ShapeError, r"'HWIO' does not fit the shape \(3, 3\).*read as H W I O"),
        ((3, 3), {"layout": "tensorflow"}, ArgumentError, "Unknown layout"),
        ((3, 3), {"layout": 7}, ArgumentTypeError, "`layout` must be text"),
        (
            (3, 3, 4, 5),
            {"groups": 2},
            ShapeError,
            r"The output channels cannot .*groups=2 for.*read with 5 output",
        ),
        (
            (5, 4, 3),
            {"layout": "torch", "transposed": True, "groups": 2},
            ShapeError,
            "The input channels cannot",
        ),
        (
            (5, 1, 3),
            {"layout": "torch", "depthwise": True, "groups": 2},
            ShapeError,
            "The output channels cannot",
        ),
        (
            (3, 3, 4, 5),
            {"depthwise": True, "groups": 2},
            ShapeError,
            r"one group for each.*Allowed: 1 or 4\.",
        ),
        *(
            (
                shape,
                {"layout": layout, "depthwise": True},
                ShapeError,
                "input channels of one group.*length 1",
            )
            for shape, layout in (
                ((9, 2, 3), "torch"),
                ((9, 2, 3), "OIW"),
                ((9, 3, 2), "mlx"),
                ((9, 3, 2), "OWI"),
                ((9, 2, 3, 3), "paddle"),
                ((3, 3, 2, 9), "julia"),
                ((9, 0, 3), "torch"),
            )
        ),
        ((3, 9), {"input_axes": 0, "output_axes": 1, "groups": 2}, ShapeError, "read with 9 output channels"),
        ((5,), {"depthwise": True}, ShapeError, r"A shape without channels.*Received: \(5,\)"),
        ((), {"groups": 2}, ShapeError, "A shape without channels"),
        (
            (3, 3),
            {"groups": 0},
            ArgumentError,
            r"`groups` is out of range\. Received: groups=0\. Allowed: 1 and",
        ),
        (
            (3, 3),
            {"groups": 1.0},
            ArgumentTypeError,
            r"`groups` must be an integer\. Received: groups=1.0 of type",
        ),
        ((3, 3), {"groups": True}, ArgumentTypeError, "`groups` must be an integer"),
        ((3, 3), {"transposed": 1}, ArgumentTypeError, "`transposed` must be True or False"),
        ((3, 3), {"depthwise": None}, ArgumentTypeError, "`depthwise` must be True or False"),
        (
            (3, 3),
            {"batch_axes": [0]},
            ArgumentError,
            r"`batch_axes` belongs with .*Received: batch_axes=\[0\] alone",
        ),
        *(
            (
                (3, 3),
                {"input_axes": [0], "output_axes": [1], name: value},
                ArgumentError,
                rf"Axes and `{name}` exclude each other. Received: input_axes=\[0\], {name}=.*Allowed: one",
            )
            for name, value in (("layout", "OI"), ("transposed", True), ("depthwise", True))
        ),
        (
            (3, 3),
            {"input_axes": [0], "output_axes": [1], "batch_axes": [-1]},
            ArgumentError,
            r"A batch axis cannot be .*Received: batch_axes=\[-1\], with axis 1 of",
        ),
        (
            (3, 3),
            {"input_axes": 0, "output_axes": 1, "batch_axes": 2},
            ShapeError,
            r"no axis 2.*batch_axes=\[2\]",
        ),
    ],
)
def test_refused(shape: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Arguments that exclude each other, values and shapes that do not fit: each message says which."""
    with pytest.raises(error, match=message):
        fans(shape, **arguments)


def test_numpy_arguments() -> None:
    """NumPy's integers and bools are taken, and kept as Python's."""
    reading = fan_reading(groups=np.int64(2), transposed=np.True_)  # type: ignore[arg-type]  # taken at run time
    assert reading == FanReading(groups=2, transposed=True)
    assert type(reading.groups) is int
    assert reading.transposed is True


def test_readings_are_values() -> None:
    """Equal arguments make equal, hashable readings."""
    assert {fan_reading([0], (1,)), fan_reading(0, 1)} == {FanReading((0,), (1,))}
    assert fan_reading() is fan_reading(groups=1)


@pytest.mark.parametrize(
    ("shape", "arguments", "text"),
    [
        (
            (3, 3, 64, 128),
            {},
            "fan_in=576 (9·64), fan_out=1152 (9·128), receptive field 9 (3×3), read as H=3 W=3 I=64 O=128",
        ),
        ((512, 256), {}, "fan_in=512, fan_out=256, receptive field 1, read as I=512 O=256"),
        ((5,), {}, "fan_in=5, fan_out=5, receptive field 1, read as IO=5"),
        ((), {}, "fan_in=1, fan_out=1, receptive field 1"),
        (
            (16, 4, 5),
            {"layout": "torch", "transposed": True, "groups": 2},
            "fan_in=40 (5·8), fan_out=20 (5·4), receptive field 5, read as I=16 O=4 W=5, transposed,"
            " 2 groups",
        ),
        (
            (16, 1, 3, 3),
            {"layout": "torch", "depthwise": True},
            "fan_in=9, fan_out=9, receptive field 9 (3×3), read as O=16 I=1 H=3 W=3, depthwise",
        ),
        (
            (6, 3, 4, 5),
            {"input_axes": 2, "output_axes": 3, "batch_axes": 0},
            "fan_in=12 (3·4), fan_out=15 (3·5), receptive field 3, read as B=6 K=3 I=4 O=5",
        ),
        (
            (6, 3, 4, 5),
            {"input_axes": [1, 2], "output_axes": [1, 3]},
            "fan_in=12 (3·4), fan_out=15 (3·5), receptive field 3, read as -=6 IO=3 I=4 O=5",
        ),
    ],
)
def test_fans_explain_themselves(shape: Any, arguments: dict[str, Any], text: str) -> None:
    """The text says both fans, their factors, the receptive field, and what each axis was read as."""
    assert str(fans(shape, **arguments)) == text


def test_fans_are_a_value() -> None:
    """Fans unpack, print and compare by their numbers, and do not change."""
    found = fans((3, 3, 64, 128))
    fan_in, fan_out = found
    assert (fan_in, fan_out, found.receptive_field) == (576, 1152, 9)
    assert found.reading == (("H", 3), ("W", 3), ("I", 64), ("O", 128))
    assert repr(found) == "Fans(fan_in=576, fan_out=1152, receptive_field=9)"
    assert found == fans((128, 64, 3, 3), layout="torch")
    assert len({found, fans((128, 64, 3, 3), layout="torch")}) == 1
    with pytest.raises(AttributeError):
        found.fan_in = 1  # type: ignore[misc]  # the point


@pytest.mark.parametrize("shape", [(7, 5), (4, 7, 5), (3, 2, 7, 5), (2, 3, 4, 7, 5)])
def test_torch_agrees(shape: tuple[int, ...]) -> None:
    """Of plain kernels, PyTorch has the fans of its layout."""
    torch: Any = import_module("torch")
    theirs = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    assert tuple(fans(shape, layout="torch")) == theirs


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((6, 3, 4, 5), (-2, -1, ())),
        ((6, 3, 4, 5), (-2, -1, 0)),
        ((6, 3, 4, 5), (3, 2, (0, 1))),
        ((6, 3, 4, 5), ((1, 2), 3, 0)),
        ((6, 3, 4, 5), (0, (3, 1), ())),
        ((5, 4), (-2, -1, ())),
        ((5, 4), (0, 0, ())),
        ((5, 4), ((), (), ())),
    ],
)
def test_jax_agrees(shape: tuple[int, ...], axes: tuple[Any, Any, Any], mode: Any) -> None:
    """With batch axes, even none, the fans are those that JAX's values have."""
    jax: Any = import_module("jax")
    key = jax.random.key(7)
    init = jax.nn.initializers.variance_scaling(1.0, mode, "normal", *axes)
    ratio = np.asarray(init(key, shape)) / np.asarray(jax.random.normal(key, shape))
    np.testing.assert_allclose(ratio**-2, getattr(fans(shape, *axes), mode), rtol=1e-5)


@pytest.mark.parametrize(
    ("mode", "fan"), [("fan_in", 4.0), ("fan_out", 9.0), ("fan_avg", 6.5), ("fan_geo_avg", 6.0)]
)
def test_effective_fan(mode: str, fan: float) -> None:
    """Each mode has its formula."""
    assert effective_fan(Fans(4, 9), mode) == fan


@pytest.mark.parametrize("mode", FAN_MODES)
def test_effective_fan_is_at_least_one(mode: str) -> None:
    """An empty tensor divides nothing by zero."""
    assert effective_fan(Fans(0, 0), mode) == 1.0


@pytest.mark.parametrize(
    "wrong", ["fan", "FAN_IN", "", None, 1, ["fan_in"], np.array(["fan_in", "x"])], ids=repr
)
def test_unknown_mode(wrong: Any) -> None:
    """Another mode is refused with Keras' words."""
    with pytest.raises(
        ArgumentError, match=r"Invalid `mode` argument: .*Please use one of 'fan_in', 'fan_out'"
    ):
        check_fan_mode(wrong)


def test_unknown_mode_suggests() -> None:
    """A near miss is met with the mode that was meant."""
    with pytest.raises(ArgumentError, match="Did you mean 'fan_avg'"):
        effective_fan(Fans(1, 1), "fanavg")
