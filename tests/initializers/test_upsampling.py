"""Bilinear and ICNR: exact fractions, PyTorch's convolutions, and any slice alone."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import initkit as ik


def _tent(length: int) -> list[Fraction]:
    """The profile in exact fractions: from the centre, one step of 1/f per element."""
    factor = -(-length // 2)
    centre = Fraction(length - 1, 2)
    return [1 - abs(index - centre) / factor for index in range(length)]


@pytest.mark.parametrize("lengths", [(1,), (2,), (3,), (4,), (5, 4), (7, 2), (9, 1), (3, 4, 5), (23, 12)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_values_are_fractions_rounded_once(lengths: tuple[int, ...], dtype: str) -> None:
    """Every value is the exact product of the profiles, rounded to nearest once, or by way of float32."""
    kernel = ik.Bilinear("all")((*lengths, 1, 1), dtype).reshape(lengths)
    for index in product(*map(range, lengths)):
        exact = prod((_tent(length)[k] for length, k in zip(lengths, index, strict=True)), start=Fraction(1))
        expected = float(exact) if dtype == "float64" else np.float32(float(exact))
        assert kernel[index] == np.dtype(dtype).type(expected)


def _caffe(length: int) -> list[float]:
    factor = -(-length // 2)
    centre = (2 * factor - 1 - factor % 2) / (2 * factor)
    return [1 - abs(index / factor - centre) for index in range(length)]


@pytest.mark.parametrize("length", [1, 4, 5, 8, 9, 12, 13, 16])
def test_profiles_are_caffes(length: int) -> None:
    """Where Caffe and MXNet have a kernel that enlarges by a whole number, it is the same."""
    kernel = ik.Bilinear()((length, 1, 1), "float64").ravel()
    np.testing.assert_allclose(kernel, _caffe(length), rtol=1e-14)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 3, 4, 5, 6, 8, 9])
def test_transposed_convolution_enlarges_ramps_exactly(length: int, axes: int) -> None:
    """Behind a transposed convolution of stride f, a linear signal of every channel goes on linearly."""
    stride, channels, size = -(-length // 2), 2, 5
    weight = torch.from_numpy(ik.Bilinear(layout="torch")((channels, channels, *(length,) * axes), "float64"))
    grid = np.meshgrid(*(np.arange(size, dtype=float),) * axes, indexing="ij")
    slopes = (0.5, -2.0, 3.0)
    ramp = sum(slope * positions for slope, positions in zip(slopes, grid, strict=False))
    signal = torch.from_numpy(np.stack([ramp, 1 - ramp])[None])
    convolve = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)
    enlarged = convolve[axes - 1](signal, weight, stride=stride)[0].numpy()
    # Element j of the output lies at (j - (length - 1)/2)/stride among the samples.
    places = (np.arange(enlarged.shape[1]) - (length - 1) / 2) / stride
    inside = np.flatnonzero((places >= 0) & (places <= size - 1))
    where = np.meshgrid(*(places[inside],) * axes, indexing="ij")
    expected = sum(slope * positions for slope, positions in zip(slopes, where, strict=False))
    part = np.ix_(np.arange(channels), *(inside,) * axes)
    np.testing.assert_allclose(enlarged[part], np.stack([expected, 1 - expected]), atol=1e-12)
    assert len(inside) >= stride * (size - 2)


def test_channels() -> None:
    """The diagonal has the kernel, or all pairs; a depthwise kernel has it in every channel."""
    tent = np.outer([0.5, 1, 0.5], [0.25, 0.75, 0.75, 0.25])
    keras = ik.Bilinear()((3, 4, 2, 2))
    assert np.array_equal(keras, tent[:, :, None, None] * np.eye(2))
    assert np.array_equal(ik.Bilinear(layout="torch")((2, 2, 3, 4)), keras.transpose(2, 3, 0, 1))
    everywhere = np.broadcast_to(tent[:, :, None, None], (3, 4, 2, 5))
    assert np.array_equal(ik.Bilinear("all")((3, 4, 2, 5)), everywhere)
    for channels in ("diagonal", "all"):
        assert np.array_equal(ik.Bilinear(channels)((3, 4, 5, 1)), everywhere.transpose(0, 1, 3, 2)[..., :1])
    experts = ik.Bilinear(layout="BHWIO")((6, 3, 4, 2, 2))
    assert np.array_equal(experts, np.broadcast_to(keras, (6, 3, 4, 2, 2)))


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (2, 3, 3), (5, 4, 3, 3), (3, 7, 2, 5, 5), (4, 0, 2, 2), (6, 6, 7, 1)]
)
@pytest.mark.parametrize("channels", ["diagonal", "all"])
def test_moments(shape: tuple[int, ...], channels: str) -> None:
    """The closed forms are the moments of the values."""
    init = ik.Bilinear(channels)
    values = init(shape, "float64")
    expected = (values.mean(), values.std()) if values.size else (0.0, 0.0)
    assert init.moments(shape) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_shuffled_pixels_are_equal_in_every_cell(factor: int) -> None:
    """Behind PyTorch's PixelShuffle, the pixels of every cell are equal, and those of two cells are not."""
    init = ik.ICNR(ik.HeNormal(seed=7, layout="torch"), factor, layout="torch")
    weight = torch.from_numpy(init((5 * factor**2, 3, 3, 3)))
    image = torch.from_numpy(ik.RandomNormal(seed=8)((2, 3, 6, 7)))
    large = functional.pixel_shuffle(functional.conv2d(image, weight, padding=1), factor)
    assert large.shape == (2, 5, 6 * factor, 7 * factor)
    cells = large.unfold(2, factor, factor).unfold(3, factor, factor).flatten(4)
    assert torch.equal(cells, cells[..., :1].expand_as(cells))
    assert len(cells[..., 0].unique()) == cells[..., 0].numel()


def test_tiled_pixels_are_equal_in_every_cell() -> None:
    """So they are behind the order of TensorFlow's depth_to_space: pixel rows, pixel columns, channels."""
    kernel = ik.ICNR(ik.HeNormal(seed=7), 3, "tiled")((1, 1, 4, 2 * 9))
    image = ik.RandomNormal(seed=8)((5, 6, 4))
    cells = (image @ kernel[0, 0]).reshape(5, 6, 3, 3, 2)
    large = cells.transpose(0, 2, 1, 3, 4).reshape(15, 18, 2)
    np.testing.assert_allclose(large, np.repeat(np.repeat(large[::3, ::3], 3, 0), 3, 1), rtol=1e-6)


def test_the_outputs_are_where_the_initializer_has_them() -> None:
    """A layout that was given once counts for both, also through other initializers."""
    inner = ik.KaimingUniform(layout="torch", seed=7)
    expected = ik.ICNR(inner, layout="torch")((16, 3, 5, 4))
    assert (expected[0:4] == expected[0]).all()
    for kernel in (
        ik.ICNR(inner),
        ik.ICNR(ik.Scale(inner, 1.0)),
        ik.ICNR(inner, layout="OIHW"),
        ik.Scale(ik.ICNR(inner), 1.0),
    ):
        assert kernel((16, 3, 5, 4)).tobytes() == expected.tobytes()
    inside_mup = ik.MuP(ik.ICNR(inner), (16, 4, 3, 3), readout=True)
    assert inside_mup.factor_for((16, 8, 3, 3)) == pytest.approx(2**-0.5)
    for inside, layout in ((inner, "keras"), (ik.Scale(inner, 2.0), "HWIO"), (ik.TorchConv(), "keras")):
        with pytest.raises(ik.ArgumentError, match="ICNR and the initializer inside read"):
            ik.ICNR(inside, layout=layout)((16, 3, 5, 4))
    # An initializer without a layout is asked for a kernel as it comes.
    assert ik.ICNR(ik.HeNormal(), layout="torch")((16, 3, 5, 4)).shape == (16, 3, 5, 4)


@pytest.mark.parametrize("order", ["interleaved", "tiled"])
def test_outputs_are_copies_of_the_smaller_kernel(order: str) -> None:
    """The values are those of the smaller shape, with its fans, repeated along the outputs; to the bit."""
    for layout, axis in ((None, -1), ("torch", 0), ("O...I", 0), ("HOIW", 1)):
        shape = [3, 4, 5, 8]
        shape[axis] = 24
        inner = list(shape)
        inner[axis] = 6
        small = ik.HeNormal(seed=7)(inner, "bfloat16")
        repeated = np.repeat(small, 4, axis) if order == "interleaved" else np.concatenate([small] * 4, axis)
        made = ik.ICNR(ik.HeNormal(seed=7), 2, order, layout)(shape, "bfloat16")
        assert made.tobytes() == repeated.tobytes()


@pytest.mark.parametrize("order", ["interleaved", "tiled"])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 6, 8, 9, 13, 36, 50, -1, -3, -4, -7])
def test_slices_of_steps(order: str, step: int) -> None:
    """Steps that skip copies, or outputs evenly or not, forwards or back, give the slice of the whole."""
    init = ik.ICNR(ik.RandomNormal(seed=7), 2, order)
    whole, lazy = init((3, 72)), init.lazy((3, 72))
    for start in (0, 1, 30, 71):
        assert lazy[1:, start::step].tobytes() == whole[1:, start::step].tobytes()


class Counting(ik.RandomNormal):
    """A normal law that knows how many values were asked of it, and how often."""

    made = calls = 0

    def fill_region(self, out: Any, region: Any, draw: Any) -> None:
        """Count, and draw."""
        Counting.made += region.size
        Counting.calls += 1
        super().fill_region(out, region, draw)


@pytest.mark.parametrize(("order", "outputs"), [("interleaved", 4), ("tiled", 4)])
def test_slices_cost_what_they_are(order: str, outputs: int) -> None:
    """Of a tensor of a hundred million values a slice is drawn, copies once."""
    lazy = ik.ICNR(Counting(seed=7), 2, order).lazy((10_000, 10_000))
    Counting.made = 0
    part = lazy[:10, 16 : 16 + 4 * outputs]
    copies = 4 if order == "interleaved" else 1
    assert Counting.made == part.size // copies
    Counting.made = Counting.calls = 0
    assert lazy[3, ::16].shape == (625,)
    assert (Counting.made, Counting.calls) == (625, 1)


def test_large_tensors_in_several_boxes() -> None:
    """A tensor of more elements than a box has the values of one piece; an inexact one is made whole."""
    init = ik.ICNR(ik.RandomUniform(seed=7), 2, "tiled", layout="torch")
    whole = init((4, 3, 400_000), "float16")
    small = ik.RandomUniform(seed=7)((1, 3, 400_000), "float16")
    assert whole.tobytes() == small.tobytes() * 4
    matrix = ik.ICNR(ik.Orthogonal(seed=7), 2)((1500, 1024))
    assert np.array_equal(matrix[:, ::4], ik.Orthogonal(seed=7)((1500, 256)))


# Wrong types are wrong to the type checker, too.
untyped: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: untyped.Bilinear("some"), ik.ArgumentError, "'diagonal', 'all'"),
    (lambda: untyped.Bilinear(True), ik.ArgumentTypeError, "`channels` must be text"),
    (lambda: untyped.Bilinear(layout="XY"), ik.ArgumentError, "stand for no axis"),
    (lambda: untyped.Bilinear()((3, 3)), ik.ShapeError, "1 to 3 spatial ones. Received: shape"),
    (lambda: untyped.Bilinear(layout="OIHW")((3, 3)), ik.ShapeError, "does not fit the shape"),
    (lambda: untyped.Bilinear("all")((2, 2, 2, 2, 3, 3)), ik.ShapeError, "1 to 3 spatial ones"),
    (lambda: untyped.Bilinear(layout="IIHW")((3, 3, 2, 2)), ik.ShapeError, "one input axis, one output axis"),
    (lambda: untyped.Bilinear()((3, 3, 4, 5)), ik.ShapeError, "with 4 inputs and 5 outputs"),
    (lambda: untyped.Bilinear().moments((3, 3, 4, 5)), ik.ShapeError, "with 4 inputs and 5 outputs"),
    (lambda: untyped.Bilinear()((3, 1, 1), "int8"), ik.DTypeError, "Bilinear cannot make integer"),
    (lambda: untyped.ICNR(None), ik.ArgumentTypeError, "must be an initializer"),
    (lambda: untyped.ICNR("he_normal", 0), ik.ArgumentError, "`factor` is out of range"),
    (lambda: untyped.ICNR("he_normal", 2.0), ik.ArgumentTypeError, "`factor` must be an integer"),
    (lambda: untyped.ICNR("he_normal", order="tile"), ik.ArgumentError, "Did you mean 'tiled'"),
    (lambda: untyped.ICNR("he_normal", layout="KLMN"), ik.ArgumentError, "stand for no axis"),
    (lambda: untyped.ICNR("he_normal")(()), ik.ShapeError, "needs one output axis"),
    (lambda: untyped.ICNR("he_normal", layout="IOO")((3, 4, 4)), ik.ShapeError, "needs one output axis"),
    (
        lambda: untyped.ICNR("he_normal")((3, 3, 4, 6)),
        ik.ShapeError,
        "6 outputs on axis 3. Allowed: multiples of 4",
    ),
    (lambda: untyped.ICNR("he_normal").moments((3, 6)), ik.ShapeError, "multiples of 4"),
    (lambda: untyped.ICNR("identity")((3, 3, 4)), ik.ShapeError, "2D matrices"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(call: Any, error: type[Exception], message: str) -> None:
    """Shapes that are no such kernels are refused, and the message says why."""
    with pytest.raises(error, match=message):
        call()
