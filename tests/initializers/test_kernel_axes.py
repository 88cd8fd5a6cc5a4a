"""Which axes of a kernel are which."""

from __future__ import annotations

from typing import Any

import pytest

import initkit as ik
from initkit.initializers.kernel_axes import check_norm_preserving, kernel_axes, kernel_layout


@pytest.mark.parametrize(
    ("layout", "shape", "field", "inputs", "outputs"),
    [
        (None, (8, 16), (), 8, 16),
        (None, (3, 5, 8, 16), (0, 1), 8, 16),
        ("torch", (16, 8), (), 8, 16),
        ("torch", (16, 8, 3, 5, 7), (2, 3, 4), 8, 16),
        ("julia", (3, 5, 8, 16), (0, 1), 8, 16),
        ("julia", (16, 8), (), 8, 16),
        ("mlx", (16, 3, 8), (1,), 8, 16),
        ("paddle", (8, 16), (), 8, 16),
        ("OHWI", (16, 3, 5, 8), (1, 2), 8, 16),
        ("W...IO", (3, 8, 16), (0,), 8, 16),
    ],
)
def test_axes_are_found(
    layout: str | None, shape: tuple[int, ...], field: tuple[int, ...], inputs: int, outputs: int
) -> None:
    """Every layout says which axis has the inputs, which the outputs, and which are the positions."""
    axes = kernel_axes(kernel_layout(layout), shape)
    assert (axes.field, axes.inputs, axes.outputs) == (field, inputs, outputs)
    assert axes.lengths == tuple(shape[axis] for axis in field)
    assert axes.positions * inputs * outputs == axes.shape[0] * _product(shape[1:])


def _product(lengths: tuple[int, ...]) -> int:
    return lengths[0] * _product(lengths[1:]) if lengths else 1


@pytest.mark.parametrize("layout", ["IOO", "HW", "BIO", "HWI", "II..."])
def test_kernels_have_one_input_and_one_output_axis(layout: str) -> None:
    """Layouts of several kernels, or of none, are refused when they are given."""
    with pytest.raises(ik.ArgumentError, match=f"one output axis. Received: layout='{layout}'"):
        kernel_layout(layout)


@pytest.mark.parametrize(("layout", "error"), [(5, ik.ArgumentTypeError), ("touch", ik.ArgumentError)])
def test_what_is_no_layout_is_refused(layout: Any, error: type[Exception]) -> None:
    """Texts that are no layout, and what is no text, are refused."""
    with pytest.raises(error, match="ayout"):
        kernel_layout(layout)


@pytest.mark.parametrize("shape", [(), (5,), (3, 4, 5, 6)])
def test_shapes_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    """A layout has its number of axes."""
    with pytest.raises(ik.ShapeError, match="does not fit the shape"):
        kernel_axes("WIO", shape)


def test_kernels_that_cannot_preserve_norms_are_refused() -> None:
    """It needs a receptive field, and at least as many outputs as inputs."""
    for shape in ((3, 4), (1, 1, 1, 1, 3, 4)):
        with pytest.raises(ik.ShapeError, match="one, two or three dimensions"):
            check_norm_preserving("Kernel", None, shape)
    with pytest.raises(ik.ShapeError, match="read as 5 input and 4 output channels"):
        check_norm_preserving("Kernel", "torch", (4, 5, 3))
    check_norm_preserving("Kernel", "torch", (5, 5, 3))
