"""Another initializer's tensor with a part of it replaced."""

from __future__ import annotations

import re
from math import prod
from typing import Any, Self

import numpy as np

from initkit.draws import Draw, joint_draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.initializer import Moments
from initkit.initializers.composite import Composite, as_initializer, mixture
from initkit.initializers.constant import Constant
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator, as_generator

_PART = re.compile(r"-?\d{1,18}|(-?\d{1,18})?:(-?\d{1,18})?(:(-?\d{1,18})?)?|\.\.\.")
_VALUE_NAME = "value"


@built_in()
class Overwrite(Composite):
    """Another initializer's tensor with a part of it replaced: a padding row, a forget gate, a class token.

    Formula: `w = initializer(shape); w[where] = value`.

    Args:
        initializer: The initializer; names and configs are read as by `initkit.get`.
        where: A NumPy index as text, such as `"0"`, `"-1"`, `"256:512"` or `":, ::2"`; or the index itself:
            an integer, a slice, an Ellipsis, or a tuple of these.
        value: A number (default 0.0), or an initializer, which is called with the shape of the part.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype.

    Raises:
        ArgumentTypeError: The initializer is none, or `where` or `value` of another type.
        ArgumentError: The text is no index, or the dtype cannot hold the number.
        RegionIndexError: The index does not fit the shape.

    Example:
        >>> import initkit as ik
        >>> embedding = ik.Overwrite(ik.RandomNormal(stddev=1.0, seed=7), where="0")((1000, 64))
        >>> bool((embedding[0] == 0).all()), bool((embedding[1:] == 0).any())
        (True, False)
    """

    def __init__(self, initializer: object, where: Any, value: Any = 0.0) -> None:
        self.initializer = as_initializer(initializer, "initializer")
        self.where = _as_text(where)
        self._index = tuple(map(_as_part, self.where.split(", ")))
        is_number = isinstance(value, (bool, int, float, complex, np.generic))
        replacement = Constant(value) if is_number else as_initializer(value, "value")
        self.value = replacement.value if isinstance(replacement, Constant) and is_number else replacement
        self._replacement = replacement
        super().__init__(self.initializer, replacement)

    def take_draw(self) -> Draw:
        """Those of the initializer and of the value."""
        return joint_draw([self.initializer.take_draw(), self._replacement.take_draw()])

    def seeded(self, seed: int | SeedGenerator) -> Self:
        """A clone that draws from the seed where there is none, the value from its child "value"."""
        changes: dict[str, Any] = {"initializer": self.initializer.seeded(seed)}
        if self.value is self._replacement:
            changes["value"] = self._replacement.seeded(as_generator(seed).child(_VALUE_NAME))
        return self.clone(**changes)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse an index that does not fit, and what the initializer or the value refuse."""
        _, kept = Region.from_index(shape, self._index)
        self.initializer.check(shape, dtype)
        self._replacement.check(kept, dtype)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Fill all of it, then what of the replaced part lies in the region."""
        self.initializer.fill_region(out, region, draw.parts[0])
        target, kept = Region.from_index(region.shape, self._index)
        met = [region.common(target, axis) for axis in range(len(region.shape))]
        if all(count for _, _, _, count in met):
            places = tuple(place for place, _, _, _ in met)
            lasting = [axis for axis, is_kept in enumerate(_kept_axes(self._index, len(met))) if is_kept]
            part = Region(
                kept,
                tuple(met[axis][1] for axis in lasting),
                tuple(met[axis][2] for axis in lasting),
                tuple(met[axis][3] for axis in lasting),
            )
            self._replacement.fill_part(out[(*places, ...)].reshape(part.counts), part, draw.parts[1])

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """Those of both parts together; None where what is left of the initializer's has its own."""
        lengths = as_shape(shape)
        target, kept = Region.from_index(lengths, self._index)
        rest = prod(lengths) - target.size
        if rest and target.size and not self.initializer.one_law:
            return None
        return mixture(
            [
                (rest, self.initializer.moments(lengths, dtype)),
                (target.size, self._replacement.moments(kept, dtype)),
            ]
        )


def _kept_axes(index: tuple[Any, ...], ndim: int) -> list[bool]:
    """Which axes an index keeps: all but those at which it has an integer."""
    at = next((place for place, part in enumerate(index) if part is Ellipsis), len(index))
    before, after = index[:at], index[at + 1 :]
    middle = [True] * (ndim - len(before) - len(after))
    return [isinstance(part, slice) for part in before] + middle + [isinstance(part, slice) for part in after]


def _as_text(where: object) -> str:
    """An index in the one spelling that configs have."""
    if not isinstance(where, str):
        parts = (where if isinstance(where, tuple) else (where,)) or (...,)
        return _as_text(", ".join(map(_part_as_text, parts)))
    parts = tuple(part.replace(" ", "") for part in where.split(","))
    if not all(_PART.fullmatch(part) for part in parts) or parts.count("...") > 1:
        message = f"Argument `where` is no index. Received: where={where!r:.100}. Allowed: integers, slices"
        message += " and one '...', with commas between them. Write, for example, ':, 256:512'."
        raise ArgumentError(message)
    return ", ".join(parts)


def _part_as_text(part: object) -> str:
    if part is Ellipsis:
        return "..."
    if isinstance(part, slice):
        step = "" if part.step is None else f":{_bound(part.step)}"
        return f"{_bound(part.start)}:{_bound(part.stop)}{step}"
    if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        return str(int(part))
    message = f"Argument `where` must be a basic index. Received: {part!r:.100} of type"
    message += f" {type(part).__name__}."
    message += " Allowed: text, integers, slices, an Ellipsis, and tuples of these. Write, for example, '0'."
    raise ArgumentTypeError(message)


def _bound(bound: Any) -> str:
    return "" if bound is None else str(bound)


def _as_part(text: str) -> Any:
    if text == "...":
        return Ellipsis
    if ":" not in text:
        return int(text)
    bounds = [int(bound) if bound else None for bound in text.split(":")]
    return slice(*bounds)
