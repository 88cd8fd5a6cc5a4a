"""Layouts against those of the frameworks' own layers; letters, presets and axes that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.layout import (
    PRESETS,
    RECEPTIVE_FIELD_LETTERS,
    as_axes,
    axis_letters,
    check_layout,
    distinct_axes,
)

# What the frameworks' documentation says of their dense layers, and of convolutions over 1, 2 and 3 axes.
FRAMEWORKS = {
    "keras": ("IO", "WIO", "HWIO", "DHWIO"),
    "torch": ("OI", "OIW", "OIHW", "OIDHW"),
    "julia": ("OI", "WIO", "HWIO", "DHWIO"),
    "mlx": ("OI", "OWI", "OHWI", "ODHWI"),
    "paddle": ("IO", "OIW", "OIHW", "OIDHW"),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset: str) -> None:
    """A preset reads weights of every rank as its framework's layers hold them."""
    assert check_layout(preset) == preset
    for letters in FRAMEWORKS[preset]:
        assert "".join(axis_letters(preset, (2,) * len(letters))) == letters


@pytest.mark.parametrize(
    "layout", ["HWIO", "OIHW", "IO", "OI", "IOO", "IIO", "BIO", "BBTIO", "DHWKLTIO", "B", "O"]
)
def test_letters_stand_for_themselves(layout: str) -> None:
    """A layout without an ellipsis has exactly its own letters."""
    assert axis_letters(check_layout(layout), (3,) * len(layout)) == tuple(layout)


@pytest.mark.parametrize(
    ("layout", "ndim", "letters"),
    [
        ("...IO", 2, "IO"),
        ("...IO", 6, "KKKKIO"),
        ("OI...", 4, "OIHW"),
        ("B...IO", 5, "BHWIO"),
        ("H...IO", 4, "HWIO"),
        ("H...IO", 5, "HKKIO"),
        ("I...TO", 5, "IHWTO"),
        ("...", 0, ""),
        ("...", 3, "DHW"),
    ],
)
def test_ellipsis(layout: str, ndim: int, letters: str) -> None:
    """An ellipsis is as many axes of the receptive field as the shape has left."""
    assert "".join(axis_letters(check_layout(layout), (1,) * ndim)) == letters


@given(st.text("IOB", max_size=3), st.text("IOB", max_size=3), st.integers(0, 6))
def test_ellipsis_is_a_receptive_field(front: str, back: str, number: int) -> None:
    """Whatever is around it, an ellipsis adds letters of the receptive field and nothing else."""
    letters = axis_letters(check_layout(f"{front}...{back}"), (2,) * (len(front + back) + number))
    assert "".join(letters).startswith(front)
    assert "".join(letters).endswith(back)
    field = letters[len(front) : len(letters) - len(back)]
    assert len(field) == number
    assert set(field) <= set(RECEPTIVE_FIELD_LETTERS)


@pytest.mark.parametrize(
    ("layout", "shape", "message"),
    [
        (
            "HWIO",
            (64, 128),
            r"'HWIO' does not fit the shape \(64, 128\)\. Received: 2 axes\. Allowed: 4 axes, read",
        ),
        ("OI", (64, 3, 3, 3), r"Received: 4 axes\. Allowed: 2 axes, read as O I\. Write"),
        ("I", (2, 2), r"Allowed: 1 axis, read as I\."),
        ("B...IO", (3, 4), r"Received: 2 axes. Allowed: 3 axes or more, read as B \.\.\. I O\."),
        (
            "torch",
            (5,),
            r"'torch' \(OI\.\.\.\) does not fit .*Received: 1 axis. Allowed: 2 axes or more, read as O I",
        ),
        ("keras", (), r"'keras' \(\.\.\.IO\) does not fit the shape \(\)\. Received: 0 axes"),
        ("julia", (5,), r"Allowed: 2 axes or more, read as \.\.\. I O\. A bias has no inputs"),
        ("OI", (5,), r"Allowed: 2 axes, read as O I\. A bias .*: {match: \"\*\.bias\", init: zeros}\.$"),
    ],
)
def test_shapes_that_do_not_fit(layout: str, shape: Any, message: str) -> None:
    """A layout of another rank is refused; the message shows how it reads."""
    with pytest.raises(ShapeError, match=message):
        axis_letters(layout, shape)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (
            "pytorch",
            r"Unknown layout\. Received: layout='pytorch'\. Allowed: one letter per axis.*mean 'torch'\?",
        ),
        ("Keras", "Did you mean 'keras'"),
        ("hwio", "Did you mean 'HWIO'"),
        ("", "Unknown layout"),
        ("OI....", "Unknown layout"),
        ("...I...", "Unknown layout"),
        ("O I", "Unknown layout"),
        ("OI\n", "Unknown layout"),
        ("NCHW", r"letters that stand for no axis\. Received: 'N', 'C'\. Allowed: .*'\.\.\.' for any number"),
        ("HHIO", r"the receptive field twice\. Received: 'H' more than once\. Allowed"),
        ("H...HIO", "the receptive field twice"),
    ],
)
def test_unknown_layouts(layout: str, message: str) -> None:
    """What is no layout is refused, with the nearest that is one."""
    with pytest.raises(ArgumentError, match=message):
        check_layout(layout)


@pytest.mark.parametrize("layout", [None, 1, b"HWIO", ["H", "W"], ("I", "O")], ids=repr)
def test_layouts_of_the_wrong_type(layout: Any) -> None:
    """A layout is text."""
    with pytest.raises(ArgumentTypeError, match=r"`layout` must be text. Received: .*Allowed: None, letters"):
        check_layout(layout)


def test_a_layout_is_a_plain_string() -> None:
    """NumPy's strings become Python's, so that configs can hold them."""
    assert type(check_layout(np.str_("OI"))) is type(check_layout(np.str_("torch"))) is str


@pytest.mark.parametrize(
    ("axes", "expected"),
    [(None, None), (1, (1,)), (np.int8(-1), (-1,)), ([0, np.int64(1)], (0, 1)), ((), ())],
)
def test_as_axes(axes: Any, expected: Any) -> None:
    """None stays None; one axis and sequences of axes become tuples of Python's integers."""
    assert as_axes(axes, "input_axes") == expected


@pytest.mark.parametrize(
    "wrong", ["0", 0.5, [0.0], [None], True, [True], {0}, np.array([0, 1]), [[0]]], ids=repr
)
def test_axes_of_the_wrong_type(wrong: Any) -> None:
    """Axes are integers; the message names the argument."""
    with pytest.raises(
        ArgumentTypeError, match=r"`batch_axes` must name axes. Received: .*Allowed: None, an int"
    ):
        as_axes(wrong, "batch_axes")


def test_distinct_axes() -> None:
    """Axes are counted from either end, each once."""
    assert distinct_axes((2, 3, 4), (-1, 0), "input_axes") == {0, 2}
    assert distinct_axes((), (), "input_axes") == set()
    with pytest.raises(ArgumentError, match=r"`input_axes` names an axis twice.*Allowed: each axis once"):
        distinct_axes((2, 3, 4), (1, -2), "input_axes")
    with pytest.raises(ShapeError, match=r"no axis -4. Received: input_axes=\[-4\]. Allowed: -3 to 2"):
        distinct_axes((2, 3, 4), (-4,), "input_axes")
