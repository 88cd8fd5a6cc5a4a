"""Pictures of laws: histograms, matrices, and points of the complex plane, as small SVG files.

Every coordinate is rounded, so the values, which are equal everywhere, make files that are equal everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from docs.catalogue.facts import Picture

WIDTH, HEIGHT = 240, 80
# The part that is drawn in; text stands above it and below.
_LEFT, _TOP, _RIGHT, _BOTTOM = 4, 14, 236, 66

# Seen on a white page and on a dark one alike.
_INK, _POSITIVE, _NEGATIVE = "#808080", "#e07b2a", "#4a8fd0"

# A histogram's bins, the width of one, and how many standard deviations to either side it shows at least.
_BINS = 58
_BIN = (_RIGHT - _LEFT) // _BINS
_SIDE = 4.2
# How many strengths of a colour a matrix has.
_LEVELS = 5

Array = np.ndarray[Any, Any]


def draw(picture: Picture) -> str:
    """The picture of a class, as the text of an SVG file."""
    drawn = {"histogram": _histogram, "matrix": _matrix, "plane": _plane}[picture.kind](picture)
    text = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="9" fill="{_INK}">',
        f"<title>{picture.title}</title>",
        f"<desc>The values of {escape(picture.call)}</desc>",
        *drawn,
        "</svg>",
    ]
    return "\n".join(text) + "\n"


def _histogram(picture: Picture) -> Iterator[str]:
    """How many values lie where; the band is one standard deviation to either side of the mean."""
    flat = picture.values().astype(np.float64).ravel()
    moments = picture.initializer.moments(picture.shape) or (flat.mean(), flat.std())
    # Moments may differ in their last bits between machines; no value must change its bin for that.
    mean, std = (float(f"{moment:.6g}") for moment in moments)
    least, greatest = float(flat.min()), float(flat.max())
    # One scale for all laws, by which they can be compared: wide ones look wide, and bounded ones bounded.
    low, high = min(least, mean - _SIDE * std), max(greatest, mean + _SIDE * std)
    if low == high:
        low, high = low - 1.0, high + 1.0
    step = (high - low) / _BINS
    counts = np.bincount(np.minimum((flat - low) / step, _BINS - 1).astype(np.int64), minlength=_BINS)
    left, middle, right = (
        _LEFT + (value - low) / (high - low) * (_RIGHT - _LEFT) for value in (mean - std, mean, mean + std)
    )
    yield f'<path d="M{left:.1f} {_TOP}H{right:.1f}V{_BOTTOM}H{left:.1f}z" opacity=".18"/>'
    tops = (
        f"V{_BOTTOM - (_BOTTOM - _TOP - 2) * count / counts.max():.1f}h{_BIN}" for count in counts.tolist()
    )
    yield f'<path d="M{_LEFT} {_BOTTOM}{"".join(tops)}V{_BOTTOM}z" fill="{_NEGATIVE}"/>'
    yield f'<path d="M{middle:.1f} {_TOP}V{_BOTTOM}" stroke="{_POSITIVE}" stroke-width="1.5"/>'
    yield f'<path d="M{_LEFT} {_BOTTOM}H{_RIGHT}" stroke="{_INK}"/>'
    yield _text(_LEFT, 9, f"std {_number(std)}, from {_number(least)} to {_number(greatest)}")
    # The outer two begin a little inside their places, so that long ones leave room for each other.
    yield _text(f"{left + 8:.1f}", 76, _number(mean - std, std), "end")
    yield _text(f"{middle:.1f}", 76, _number(mean, std), "middle")
    yield _text(f"{right - 8:.1f}", 76, _number(mean + std, std))


def _matrix(picture: Picture) -> Iterator[str]:
    """The values in place; further axes are laid side by side."""
    wide = picture.values().astype(np.float64)
    cells = wide.reshape(1, -1) if wide.ndim < 2 else wide.reshape(wide.shape[0], -1)
    largest = float(np.nanmax(np.abs(cells), initial=0.0)) or 1.0
    size = min((_RIGHT - _LEFT) / cells.shape[1], (_BOTTOM - _TOP) / cells.shape[0])
    size = int(size) if size >= 4 else round(size, 1)
    right, bottom = _LEFT + size * cells.shape[1], _TOP + size * cells.shape[0]
    levels = np.where(np.isnan(cells), np.nan, np.sign(cells) * np.ceil(np.abs(cells) / largest * _LEVELS))
    yield f'<path d="M{_LEFT} {_TOP}H{right:g}V{bottom:g}H{_LEFT}z" opacity=".12"/>'
    for level in np.unique(levels[levels != 0]).tolist():
        present = np.isnan(levels) if level != level else levels == level
        colour = _INK if level != level else _POSITIVE if level > 0 else _NEGATIVE
        strength = "" if level != level else f' opacity="{abs(level) / _LEVELS:g}"'
        runs = "".join(
            f"M{_LEFT + start * size:.5g} {_TOP + (row + 0.5) * size:.5g}h{(stop - start) * size:.5g}"
            for row in range(cells.shape[0])
            for start, stop in _runs(present[row])
        )
        yield f'<path d="{runs}" stroke="{colour}" stroke-width="{size:g}"{strength}/>'
    if np.isnan(cells).all():
        yield _text(_LEFT, 9, "every value NaN")
    else:
        least, greatest = (_number(float(found)) for found in (np.nanmin(cells), np.nanmax(cells)))
        yield _text(_LEFT, 9, f"from {least} to {greatest}" if least != greatest else f"every value {least}")


def _runs(row: Array) -> Iterator[tuple[int, int]]:
    """Where values that are true begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], row, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _plane(picture: Picture) -> Iterator[str]:
    """Points of the complex plane; both axes have one scale unless one part varies much more."""
    flat = picture.values().astype(np.complex128).ravel()
    sides = [(min(float(part.min()), 0.0), max(float(part.max()), 0.0)) for part in (flat.real, flat.imag)]
    (left, right), (lower, upper) = sides
    rooms = (_RIGHT - _LEFT - 4, _BOTTOM - _TOP - 4)
    scales = [room / ((high - low) or 1.0) for room, (low, high) in zip(rooms, sides, strict=True)]
    if max(right - left, upper - lower) < 4 * min(right - left, upper - lower):
        scales = [min(scales)] * 2
    middle = (_LEFT + _RIGHT) / 2

    def place(real: float, imaginary: float) -> str:
        x = middle + (real - (left + right) / 2) * scales[0]
        y = (_TOP + _BOTTOM) / 2 - (imaginary - (lower + upper) / 2) * scales[1]
        return f"{round(x, 1):g} {round(y, 1):g}"

    x, y = place(0.0, 0.0).split()
    yield f'<path d="M{_LEFT} {y}H{_RIGHT}M{x} {_TOP}V{_BOTTOM}" stroke="{_INK}" opacity=".5"/>'
    points = "".join(f"M{place(value.real, value.imag)}h0" for value in flat.tolist())
    yield f'<path d="{points}" stroke="{_NEGATIVE}" stroke-width="2" stroke-linecap="round"/>'
    yield _text(_LEFT, 9, f"imaginary part from {_number(lower)} to {_number(upper)}")
    yield _text(_LEFT, 76, f"real part from {_number(left)} to {_number(right)}")


def _text(x: int | str, y: int, words: str, anchor: str = "") -> str:
    aligned = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}"{aligned}>{escape(words)}</text>'


def _number(value: float, unit: float = 0.0) -> str:
    """Three digits of a number, and 0 for what is next to nothing beside the unit."""
    return "0" if abs(value) < 1e-6 * unit else f"{value:.3g}".replace("-", "−")
