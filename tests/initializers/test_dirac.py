"""Dirac kernels: PyTorch's `dirac_` and `eye_`, shifts, centres, layouts, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

KERNELS = [
    (4, 4, 3),
    (6, 2, 4),
    (2, 6, 1),
    (12, 3, 3, 3),
    (6, 4, 2, 5),
    (6, 9, 1, 1),
    (12, 2, 2, 3, 4),
    (6, 3, 3, 0),
    (0, 3, 3),
    (6, 0, 3),
]


@pytest.mark.parametrize("shape", KERNELS, ids=str)
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_dirac_is_pytorchs(shape: tuple[int, ...], groups: int) -> None:
    """With PyTorch's layout the kernel is PyTorch's, for every shape and number of groups that divides it."""
    init = ik.Dirac(groups, layout="torch")
    if shape[0] % groups:
        with pytest.raises(ShapeError, match="cannot be divided into groups"):
            init(shape)
        return
    # PyTorch indexes the middle of an axis of length 0.
    expected = torch.zeros(shape)
    if all(shape[2:]):
        torch.nn.init.dirac_(expected, groups)
    assert init(shape).tobytes() == expected.numpy().tobytes()
    assert init.moments(shape) == pytest.approx(
        (expected.mean().item(), expected.std(correction=0).item()) if expected.numel() else (0.0, 0.0)
    )


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (0, 3)], ids=str)
def test_without_receptive_field_it_is_the_identity(shape: tuple[int, ...]) -> None:
    """A matrix is PyTorch's `eye_`, which `Identity` is as well, also by that name."""
    expected = torch.nn.init.eye_(torch.empty(shape)).numpy()
    assert ik.Dirac()(shape).tobytes() == ik.Dirac(layout="torch")(shape).tobytes() == expected.tobytes()
    assert ik.get("eye")(shape).tobytes() == expected.tobytes()


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e5m2", "complex64", "int8", "uint64"])
def test_layouts_are_transpositions(groups: int, dtype: str) -> None:
    """Every layout holds the same kernel, its axes in another order; in every kind of dtype."""
    kernel = ik.Dirac(groups, layout="torch")((6, 4, 3, 5), dtype)
    for layout, axes in ((None, (2, 3, 1, 0)), ("mlx", (0, 2, 3, 1)), ("HOWI", (2, 0, 3, 1))):
        shape = tuple(kernel.shape[axis] for axis in axes)
        values = ik.Dirac(groups, layout=layout)(shape, dtype)
        assert values.tobytes() == kernel.transpose(axes).tobytes()
        assert ik.Dirac(groups, layout=layout).moments(shape) == ik.Dirac(groups, layout="torch").moments(
            kernel.shape
        )


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (5, 3, 3), (3, 5, 2, 2)], ids=str)
@pytest.mark.parametrize("shift", [0, 1, -1, 7, [2, 1], [3, -2], [-(10**30), 10**30]], ids=repr)
def test_shift_rotates_the_channels(shape: tuple[int, ...], shift: Any) -> None:
    """A shift is NumPy's roll of the channel axes: of the outputs, or of both."""
    outputs, inputs = shift if isinstance(shift, list) else (shift, 0)
    plain = ik.Dirac(layout="torch")(shape)
    expected = np.roll(plain, (outputs % shape[0], inputs % shape[1]), (0, 1))
    init = ik.Dirac(shift=shift, layout="torch")
    assert init(shape).tobytes() == expected.tobytes()
    assert init.moments(shape) == ik.Dirac(layout="torch").moments(shape)


def test_centres() -> None:
    """The two centres differ where a length is even."""
    for length, upper, lower in ((1, 0, 0), (2, 1, 0), (3, 1, 1), (4, 2, 1), (7, 3, 3)):
        for centre, place in (("upper", upper), ("lower", lower)):
            kernel = ik.Dirac(centre=centre)((length, 1, 1))
            assert np.flatnonzero(kernel).tolist() == [place]
    assert ik.Dirac(centre="lower")((0, 2, 2)).shape == (0, 2, 2)


def test_gain() -> None:
    """The gain is rounded as all constants are, and must fit the dtype."""
    assert ik.Dirac(gain=0.1)((1, 1), "float16") == np.float16(0.1)
    assert ik.Dirac(gain=-2)((2, 2), "int16").tolist() == [[-2, 0], [0, -2]]
    with pytest.raises(ArgumentError, match="`gain` does not fit dtype 'int8'"):
        ik.Dirac(gain=0.5)((2, 2), "int8")
    assert ik.Dirac()((2, 2), "bool").tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(
    "index", [np.s_[::-2, 1:, 1], np.s_[3, :, ::-1], np.s_[5:1:-1, ::2, 1:2], np.s_[..., 0]]
)
def test_slices(index: Any) -> None:
    """Any slice is that of the whole, backwards and with steps as well."""
    init = ik.Dirac(groups=3, shift=[1, 1], layout="torch")
    lazy = init.lazy((9, 4, 3))
    assert np.array_equal(lazy[index], init((9, 4, 3))[index])


def test_a_slice_of_a_huge_kernel() -> None:
    """A slice costs its own size, whatever the whole is."""
    lazy = ik.Dirac(layout="torch").lazy((2**20, 2**20, 31, 31))
    part = lazy[1000:1003, 1001:1005, 14:17, 15]
    assert np.argwhere(part).tolist() == [[1, 0, 1], [2, 1, 1]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"groups": 0}, ArgumentError, "`groups` is out of range"),
        ({"groups": 1.5}, ArgumentTypeError, "`groups` must be an integer"),
        ({"gain": float("nan")}, ArgumentError, "`gain` is out of range"),
        ({"shift": 0.5}, ArgumentTypeError, r"`shift` must be an integer or two\. Received: shift=0.5"),
        ({"shift": [1]}, ArgumentTypeError, "`shift` must be an integer or two"),
        ({"shift": [1, True]}, ArgumentTypeError, "`shift` must be an integer or two"),
        ({"centre": "middle"}, ArgumentError, "`centre` has no such value"),
        ({"centre": 1}, ArgumentTypeError, "`centre` must be text"),
        ({"layout": "OIX"}, ArgumentError, "letters that stand for no axis"),
        ({"layout": "IOO"}, ArgumentError, "one input axis and one output axis"),
    ],
    ids=repr,
)
def test_arguments_are_checked(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Bad arguments are refused when the object is made."""
    with pytest.raises(error, match=message):
        ik.Dirac(**arguments)


def test_shapes_are_checked() -> None:
    """A shape needs both channel axes, and as many others as the layout has."""
    for layout, shape in ((None, (3,)), ("torch", ()), ("OIHW", (3, 3, 3))):
        init = ik.Dirac(layout=layout)
        for use in (init, init.moments, init.lazy):
            with pytest.raises(ShapeError, match="does not fit the shape"):
                use(shape)
    with pytest.raises(DTypeError, match="Unknown dtype"):
        ik.Dirac()((2, 2), "float128")
