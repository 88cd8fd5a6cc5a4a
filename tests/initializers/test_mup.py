"""MuP: its deviations against the rules of the mup package, and its claim, the coordinate check."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import initkit as ik

# In PyTorch's layout: base, another model of the family, and shapes. One axis grows, two do,
# they do so at different rates, one width that is the base's by chance; dense weights and kernels.
FAMILIES: list[tuple[tuple[int, ...], tuple[int, ...], list[tuple[int, ...]]]] = [
    ((64, 32), (128, 64), [(64, 32), (256, 128), (96, 512), (512, 32), (64, 128), (16, 8)]),
    ((64, 32), (128, 32), [(64, 32), (256, 32), (16, 32)]),
    ((10, 32), (10, 64), [(10, 32), (10, 512), (10, 8)]),
    ((64, 32, 3, 3), (128, 64, 3, 3), [(64, 32, 3, 3), (256, 64, 3, 3)]),
    ((64, 3, 7, 7), (128, 3, 7, 7), [(256, 3, 7, 7)]),
]
INNER: dict[str, Any] = {
    "normal": ik.RandomNormal(0.0, 0.02, seed=7),
    "truncated": ik.TruncatedNormal(0.0, 0.02, seed=7),
    "xavier": ik.VarianceScaling(1.0, "fan_avg", "uniform", seed=7, layout="torch"),
    "fan_in": ik.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=7, layout="torch"),
    "fan_out": ik.VarianceScaling(2.0, "fan_out", "uniform", seed=7, layout="torch"),
}


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _of_the_package(
    rule: str, base: tuple[int, ...], delta: tuple[int, ...], shape: tuple[int, ...]
) -> float:
    """The standard deviation that each rule of the mup package has, written as its formulas are."""
    infinite = [one != other for one, other in zip(base, delta, strict=True)][:2]
    m_out, m_in = (length / first for length, first in zip(shape[:2], base[:2], strict=True))
    fan_in, fan_out = _fans(shape)
    if rule in ("normal", "truncated"):
        std: float = INNER[rule].moments(shape).std
        return std * m_in**-0.5 if all(infinite) else std
    if rule == "xavier":
        own = math.sqrt(2 / (fan_in + fan_out)) * math.sqrt((fan_in + fan_out) / sum(_fans(base)))
        return own / math.sqrt(m_in) if all(infinite) else own
    own = math.sqrt(2 / (fan_in if rule == "fan_in" else fan_out))
    if all(infinite):
        return own * math.sqrt(m_out / m_in) if rule == "fan_out" else own
    if rule == "fan_in":
        return own * math.sqrt(m_in) if infinite[1] else own
    return own * math.sqrt(m_out) if infinite[0] else own


@pytest.mark.parametrize("rule", INNER)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_deviations_are_the_packages(family: Any, rule: str) -> None:
    """Whatever the initializer's own rule, the deviation is what the mup package makes of it."""
    base, delta, shapes = family
    init = ik.MuP(INNER[rule], base, "torch", delta_shape=delta)
    for shape in shapes:
        expected = _of_the_package(rule, base, delta, shape)
        moments = init.moments(shape)
        assert moments is not None
        assert moments.std == pytest.approx(expected, rel=1e-12), shape
        grows = [one != other for one, other in zip(base, delta, strict=True)]
        differs = [one != length for one, length in zip(base, shape, strict=True)]
        if grows == differs:
            # Then the other model tells nothing more.
            assert ik.MuP(INNER[rule], base, "torch").moments(shape) == moments


@pytest.mark.parametrize("rule", INNER)
def test_the_base_model_is_as_it_was(rule: str) -> None:
    """At the base's shape the values are the initializer's own, to the bit."""
    for readout in (False, True):
        init = ik.MuP(INNER[rule], (64, 32), "torch", readout=readout)
        assert init((64, 32)).tobytes() == INNER[rule]((64, 32)).tobytes()


def test_values_are_scaled_draws() -> None:
    """The values are the initializer's own times the quotient of the deviations."""
    values = ik.MuP(ik.RandomNormal(seed=7), (16, 16))((64, 64))
    assert values.tobytes() == (ik.RandomNormal(seed=7)((64, 64)) * np.float32(0.5)).tobytes()


def test_layouts() -> None:
    """The layout decides which axes are inputs; axes of batches, experts or words change nothing."""

    def std(shape: tuple[int, ...], base: tuple[int, ...], layout: str | None) -> float:
        moments = ik.MuP(ik.RandomNormal(stddev=0.02), base, layout).moments(shape)
        assert moments is not None
        return moments.std

    assert std((128, 256), (32, 32), None) == pytest.approx(0.01)
    assert std((256, 128), (32, 32), "torch") == pytest.approx(0.01)
    assert std((8, 128, 256), (2, 32, 32), "BIO") == pytest.approx(0.01)
    assert std((50000, 256), (100, 32), "BO") == 0.02
    assert std((128, 4, 64), (32, 1, 32), "IOO") == pytest.approx(0.01)
    # Biases and gains only have outputs, whatever fans a vector has.
    assert std((256,), (32,), None) == 0.02
    assert std((), (), None) == 0.02
    assert ik.MuP(ik.RandomNormal(stddev=0.02), (32,), readout=True).moments((256,)) == (0.0, 0.02)


def _std(initializer: ik.Initializer, shape: tuple[int, ...]) -> float:
    moments = initializer.moments(shape)
    assert moments is not None
    return moments.std


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: inner,
        lambda inner: ik.Scale(inner, 1.0),
        lambda inner: ik.DepthScaled(ik.Scale(inner, 1.0), "depth_mup", depth=1),
        lambda inner: ik.Overwrite(inner, "0:0"),
        lambda inner: ik.Transpose(ik.Transpose(inner)),
        lambda inner: ik.MuP(inner, (10, 64), readout=True),
    ],
    ids=["itself", "scale", "depth", "overwrite", "transpose", "muP"],
)
def test_the_layout_is_that_of_the_initializer(around: Any) -> None:
    """A layout that was given once counts for both: a readout of PyTorch's is one without saying so again."""
    inner = around(ik.KaimingUniform(layout="torch"))
    assert inner.moments((10, 64)).std == pytest.approx(math.sqrt(2 / 64))
    for layout in (None, "torch", "OI"):
        init = ik.MuP(inner, (10, 64), layout, readout=True)
        assert _std(init, (10, 256)) == pytest.approx(math.sqrt(2 / 64) / 4)


def test_layouts_of_all_kinds_are_taken_over() -> None:
    """Axes, transposed convolutions, stacks and classes of PyTorch's layers say where the inputs are, too."""
    kaiming = math.sqrt(2 / 64)
    by_axes = ik.HeNormal(input_axes=-1, output_axes=0)
    assert _std(ik.MuP(by_axes, (10, 64), readout=True), (10, 256)) == pytest.approx(kaiming / 4)
    turned = ik.Transpose(ik.HeNormal())
    assert _std(ik.MuP(turned, (10, 64), readout=True), (10, 256)) == pytest.approx(kaiming / 4)
    linear = ik.TorchLinear()
    assert _std(ik.MuP(linear, (10, 64), readout=True), (10, 256)) == pytest.approx(1 / math.sqrt(3 * 64) / 4)
    upwards = ik.HeNormal(layout="torch", transposed=True)
    assert _std(ik.MuP(upwards, (64, 10), readout=True), (256, 10)) == pytest.approx(kaiming / 4)
    assert ik.MuP(upwards, (64, 10), "torch").layout == "torch"
    experts = ik.Stack(ik.KaimingUniform(layout="torch"))
    assert _std(ik.MuP(experts, (4, 10, 64), readout=True), (8, 10, 256)) == pytest.approx(kaiming / 4)
    fused = ik.Blocks(ik.KaimingUniform(layout="torch"), [1, 1], axis=0)
    assert _std(ik.MuP(fused, (10, 64), readout=True), (10, 256)) == pytest.approx(kaiming / 4)
    # The bias of a layer has a shape of its own, which the layout of the weight does not fit.
    bias = ik.TorchLinear(weight_shape=(64, 32))
    assert _std(ik.MuP(bias, (64,)), (256,)) == _std(bias, (64,))


@pytest.mark.parametrize(
    ("inner", "layout"),
    [
        (ik.KaimingUniform(layout="torch"), "keras"),
        (ik.Scale(ik.KaimingUniform(layout="torch"), 2.0), "IO"),
        (ik.HeNormal(layout="keras"), "torch"),
        (ik.HeNormal(input_axes=0, output_axes=1), "torch"),
        (ik.Transpose(ik.HeNormal(layout="torch")), "torch"),
        (ik.TorchLinear(), "keras"),
    ],
)
def test_layouts_must_agree(inner: ik.Initializer, layout: str) -> None:
    """Two layouts that contradict each other are refused when the object is made."""
    with pytest.raises(ik.ArgumentError, match=r"read the axes differently\. Received: layout=.* of MuP"):
        ik.MuP(inner, (10, 64), layout)


def test_constants_stay() -> None:
    """Biases of 0 and gains of 1 are those of the base at every width; a readout of zeros is one."""
    assert ik.MuP("ones", (8,))((64,)).tolist() == [1.0] * 64
    assert not ik.MuP("zeros", (8, 2), readout=True)((64, 2)).any()


def test_readouts() -> None:
    """The weight keeps its deviation where the model divides, and is divided itself where it does not."""
    inner = ik.LecunUniform(seed=7)
    divided = ik.MuP(inner, (32, 10), readout=True)((512, 10), "float64")
    kept = ik.MuP(inner, (32, 10))((512, 10), "float64")
    np.testing.assert_allclose(divided, kept / 16, rtol=1e-12)
    assert kept.std() == pytest.approx(math.sqrt(1 / 32), rel=0.05)
    # Behind a multiplier of 1/m, or with the 1/m in the weight, outputs vanish as 1/sqrt(width) at first.
    x = ik.RandomNormal(0.0, 1.0, seed=8)((64, 512), "float64")
    assert (x @ divided).std() == pytest.approx(math.sqrt(512 / 32) / 16, rel=0.2)


def _moved(width: int, base: int, scaled: bool) -> tuple[float, float]:
    """By how much three sign steps, Adam's first, move a hidden layer and the outputs of a network."""
    samples, inputs = 16, 8
    m = width / base

    def weight(name: str, shape: tuple[int, int], at_base: tuple[int, int]) -> Any:
        inner: ik.Initializer = ik.HeNormal(seed=ik.SeedGenerator(5).child(name))
        return (ik.MuP(inner, at_base) if scaled else inner)(shape, "float64")

    first = weight("first", (inputs, width), (inputs, base))
    hidden = weight("hidden", (width, width), (base, base))
    last = weight("last", (width, 1), (base, 1))
    multiplier, hidden_rate = (1 / m, 0.01 / m) if scaled else (1.0, 0.01)
    x = ik.RandomNormal(0.0, 1.0, seed=6)((samples, inputs), "float64")
    target = np.sign(x[:, :1])
    outcomes = []
    for _ in range(4):
        a = np.maximum(x @ first, 0)
        b = np.maximum(a @ hidden, 0)
        y = multiplier * b @ last
        outcomes.append((b, y))
        error = y - target
        to_b = multiplier * (error @ last.T) * (b > 0)
        to_a = (to_b @ hidden.T) * (a > 0)
        last = last - 0.01 * np.sign(multiplier * b.T @ error)
        hidden = hidden - hidden_rate * np.sign(a.T @ to_b)
        first = first - 0.01 * np.sign(x.T @ to_a)
    (b, y), (moved_b, moved_y) = outcomes[0], outcomes[-1]
    return float(np.abs(moved_b - b).mean()), float(np.abs(moved_y - y).mean())


def test_coordinate_check() -> None:
    """Training moves activations as far at every width; without muP, the farther the wider the network is."""
    widths = np.array([64, 128, 256, 512])
    moved = np.log([_moved(width, 64, scaled=True) for width in widths])
    slopes = np.polyfit(np.log(widths), moved, 1)[0]
    assert (np.abs(slopes) < 0.1).all(), slopes
    moved = np.log([_moved(width, 64, scaled=False) for width in widths])
    slopes = np.polyfit(np.log(widths), moved, 1)[0]
    assert (slopes > 0.4).all(), slopes


class Silent(ik.Initializer):
    """Ones, the moments of which nobody says."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.ones(shape, dtype)


# Wrong types are wrong to the type checker, too.
untyped: Any = ik
WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: untyped.MuP("he_normal", (8, 8))((16, 16, 16)),
        ik.ShapeError,
        "another number of axes than the base",
    ),
    (lambda: untyped.MuP("he_normal", (8, 8), delta_shape=(8,)), ik.ShapeError, "another number of axes"),
    (lambda: untyped.MuP("he_normal", (0, 8)), ik.ShapeError, "cannot be empty. Received: base_shape="),
    (lambda: untyped.MuP("he_normal", (8, 8), delta_shape=(8, 0)), ik.ShapeError, "Received: delta_shape="),
    (lambda: untyped.MuP("he_normal", (8, 8), "OIHW"), ik.ShapeError, "does not fit the shape"),
    (lambda: untyped.MuP("he_normal", (8, 8), "OX"), ik.ArgumentError, "stand for no axis"),
    (lambda: untyped.MuP("he_normal", (3, 3, 8, 8))((5, 3, 8, 16)), ik.ShapeError, "receptive field .* in H"),
    (lambda: untyped.MuP("he_normal", (3, 8, 8), delta_shape=(5, 8, 8)), ik.ShapeError, "receptive field"),
    (
        lambda: untyped.MuP("he_normal", (8, 8), delta_shape=(16, 8))((16, 16)),
        ik.ShapeError,
        "an axis that does not grow",
    ),
    (lambda: untyped.MuP("he_normal", (8, 8), readout=1), ik.ArgumentTypeError, "`readout` must be True"),
    (lambda: untyped.MuP("he_normal", "8"), ik.ArgumentTypeError, "sequence of integers"),
    (lambda: untyped.MuP(Silent(), (8, 8))((16, 16)), ik.ArgumentError, "unknown standard deviation"),
    (lambda: untyped.MuP("ones", (8, 8))((16, 16)), ik.ArgumentError, "values of mean 0"),
    (lambda: untyped.MuP(ik.RandomNormal(1.0), (8, 8))((16, 16)), ik.ArgumentError, "whose mean is 1.0"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_calls(call: Any, error: type[Exception], message: str) -> None:
    """What has no place in a family of widths is refused, and the message says why."""
    with pytest.raises(error, match=message):
        call()
