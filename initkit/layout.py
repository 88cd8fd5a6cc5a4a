"""What each axis of a weight is: in letters, by the name of a framework's layout, or by number."""

from __future__ import annotations

import re
from operator import index as as_integer
from typing import Any, NamedTuple

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError, did_you_mean, nearest_names

# Depth, height, width; kernel, length and time for those who write them so.
RECEPTIVE_FIELD_LETTERS = "DHWKLT"
_LETTERS = f"IOB{RECEPTIVE_FIELD_LETTERS}"
_FIELD = "..."


class _Preset(NamedTuple):
    """The letters of a framework's dense weights, and of its convolution kernels."""

    dense: str
    kernel: str


_PRESETS = {
    "keras": _Preset("IO", "...IO"),
    "torch": _Preset("OI", "OI..."),
    "julia": _Preset("OI", "...IO"),
    "mlx": _Preset("OI", "O...I"),
    "paddle": _Preset("IO", "OI..."),
}
PRESETS = tuple(_PRESETS)

# What misspelled layouts are compared with.
_USUAL = (*PRESETS, "IO", "OI", "WIO", "HWIO", "DHWIO", "OIW", "OIHW", "OIDHW", "BIO", "IOO", "IIO", "...IO")


def check_layout(layout: object) -> str:
    """Refuse a layout that no shape could have.

    Args:
        layout: What was given: the name of a preset, or letters, one per axis. `I` is an input axis, `O` an
            output axis, `B` a batch or expert axis; these may repeat. `D`, `H`, `W`, `K`, `L` and `T` are
            axes of the receptive field, each at most once; `...` is any number of them, also once.

    Returns:
        The layout, as a plain string.

    Raises:
        ArgumentTypeError: It is no text.
        ArgumentError: It is no preset, and has other letters or one of the receptive field twice.

    Example:
        >>> check_layout("OIHW"), check_layout("torch")
        ('OIHW', 'torch')
    """
    if not isinstance(layout, str):
        message = (
            f"Argument `layout` must be text. Received: {layout!r:.100} of type {type(layout).__name__}."
        )
        message += " Allowed: None, letters such as 'HWIO', or the name of a preset. Write, for example,"
        message += " layout='OIHW'."
        raise ArgumentTypeError(message)
    if layout in _PRESETS:
        return str(layout)
    if not layout or not re.fullmatch(r"[A-Z]*(\.\.\.)?[A-Z]*", layout):
        message = f"Unknown layout. Received: layout={layout!r:.100}. Allowed: {_allowed()}."
        raise ArgumentError(message + did_you_mean(nearest_names(layout, _USUAL)))
    letters = layout.replace(_FIELD, "")
    if unknown := [letter for letter in dict.fromkeys(letters) if letter not in _LETTERS]:
        message = f"The layout {layout!r:.100} has letters that stand for no axis. Received:"
        message += f" {', '.join(map(repr, unknown))}. Allowed: {_allowed()}."
        raise ArgumentError(message + did_you_mean(nearest_names(layout, _USUAL)))
    if twice := [letter for letter in RECEPTIVE_FIELD_LETTERS if letters.count(letter) > 1]:
        message = (
            f"The layout {layout!r:.100} names an axis of the receptive field twice. Received: {twice[0]!r}"
        )
        message += (
            " more than once. Allowed: I, O and B any number of times, the others once. Take another of"
        )
        message += (
            f" the letters {' '.join(RECEPTIVE_FIELD_LETTERS)}, or write '...' for the receptive field."
        )
        raise ArgumentError(message)
    return str(layout)


def _allowed() -> str:
    field = " ".join(RECEPTIVE_FIELD_LETTERS)
    names = ", ".join(map(repr, PRESETS))
    return (
        f"one letter per axis, I (input), O (output), B (batch or expert) or {field} (receptive field),"
        f" '...' for any number of receptive-field axes, or one of {names}"
    )


def axis_letters(layout: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    """The letter of every axis of a shape.

    Args:
        layout: A checked layout.
        shape: A checked shape.

    Returns:
        One letter per axis. The axes that `...` stands for are called W, H W or D H W, as far as the layout
        does not use these letters itself, and K otherwise.

    Raises:
        ShapeError: The layout has more or fewer axes than the shape.

    Example:
        >>> axis_letters("torch", (64, 3, 7, 7)), axis_letters("...IO", (512, 256))
        (('O', 'I', 'H', 'W'), ('I', 'O'))
    """
    letters = _letters_of(layout, len(shape))
    front, dots, back = letters.partition(_FIELD)
    missing = len(shape) - len(front) - len(back)
    if missing < 0 or (missing and not dots):
        name = f"{layout!r} ({letters})" if layout in _PRESETS else repr(layout)
        message = f"The layout {name} does not fit the shape {shape}. Received: {_axes(len(shape))}. Allowed:"
        read = " ".join([*front, *([dots] if dots else []), *back])
        message += f" {_axes(len(front + back))}{' or more' * bool(dots)}, read as {read}"
        if len(shape) < 2:
            message += ". A bias has no inputs and outputs to tell apart: fill it with another initializer,"
            message += ' such as zeros; in a recipe, by a rule before this one: {match: "*.bias", init:'
            message += " zeros}."
            raise ShapeError(message)
        message += ". Write one letter for every axis of the whole weight, or '...' for its receptive field."
        raise ShapeError(message)
    return (*front, *_field_letters(missing, front + back), *back)


def _letters_of(layout: str, ndim: int) -> str:
    preset = _PRESETS.get(layout)
    if preset is None:
        return layout
    return preset.dense if ndim == len(preset.dense) else preset.kernel


def _field_letters(number: int, taken: str) -> str:
    usual = "DHW"[-number:] if number else ""
    free = len(usual) == number and not set(usual) & set(taken)
    return usual if free else "K" * number


def _axes(number: int) -> str:
    return f"{number} {'axis' if number == 1 else 'axes'}"


def as_axes(axes: object, name: str) -> tuple[int, ...] | None:
    """Check an argument that names axes.

    Args:
        axes: None, an integer, or a sequence of integers.
        name: The argument's name, for the message.

    Returns:
        None, or the axes as a tuple.

    Raises:
        ArgumentTypeError: An axis is not an integer.

    Example:
        >>> as_axes([0, -1], "input_axes")
        (0, -1)
    """
    if axes is None:
        return None
    entries: tuple[Any, ...] = tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
    try:
        if any(isinstance(entry, bool) for entry in entries):
            # They pass for integers, yet no axis is one.
            raise TypeError
        return tuple(as_integer(entry) for entry in entries)
    except TypeError:
        message = f"Argument `{name}` must name axes. Received: {axes!r:.100} of type {type(axes).__name__}."
        message += " Allowed: None, an integer or a list of integers. Write, for example, [0, 1]."
        if isinstance(axes, str):
            message += f" Letters and the names of frameworks are layouts: write layout={axes!r:.40}."
        raise ArgumentTypeError(message) from None


def distinct_axes(shape: tuple[int, ...], axes: tuple[int, ...], name: str) -> set[int]:
    """The axes of one argument, counted from the start.

    Args:
        shape: A checked shape.
        axes: Checked axes; negative ones count from the end.
        name: The argument's name, for the message.

    Returns:
        The axes, none of them negative.

    Raises:
        ShapeError: The shape has no such axis.
        ArgumentError: An axis is named twice.

    Example:
        >>> sorted(distinct_axes((3, 3, 64, 128), (0, -1), "input_axes"))
        [0, 3]
    """
    ndim = len(shape)
    if missing := [axis for axis in axes if not -ndim <= axis < ndim]:
        allowed = f"{-ndim} to {ndim - 1}" if ndim else "none, since the shape has no axes"
        message = f"The shape {shape} has no axis {missing[0]}. Received: {name}={list(axes)}."
        message += f" Allowed: {allowed}. Name the axes of the whole weight."
        raise ShapeError(message)
    distinct = {axis % ndim for axis in axes}
    if len(distinct) != len(axes):
        message = (
            f"Argument `{name}` names an axis twice. Received: {name}={list(axes)} for the shape {shape}."
        )
        message += " Allowed: each axis once, counted from either end. Remove the repetition."
        raise ArgumentError(message)
    return distinct
