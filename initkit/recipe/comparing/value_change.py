"""By how much the values of two tensors differ, added up piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class ValueChange:
    """By how much the values of a tensor differ.

    Attributes:
        changed: How many values differ. Of dtypes whose elements share bytes: how many bytes; and what
            follows is of bytes, too.
        size: How many there are.
        largest: The largest absolute difference; NaN where a value is no number.
        distance: The Euclidean norm of the difference.
        old_norm: The Euclidean norm of the first side's values.
        new_norm: That of the second side's.
    """

    changed: int
    size: int
    largest: float
    distance: float
    old_norm: float
    new_norm: float

    @property
    def norm_change(self) -> float | None:
        """By how much the norm grew, in relation to the old one; None where that is zero."""
        return self.new_norm / self.old_norm - 1 if self.old_norm else None

    def __str__(self) -> str:
        grown = "" if self.norm_change is None else f" ({self.norm_change:+.3g})"
        return (
            f"values: {self.changed:,} of {self.size:,} differ, by up to {self.largest:.3g};"
            f" norm {self.old_norm:.4g} -> {self.new_norm:.4g}{grown}"
        )


class Account:
    """Adds up in what the values of a tensor differ.

    Args:
        size: How many values the whole tensor has.
        tolerance: How far values may be apart that count as equal; 0 for none but equal ones.

    Example:
        >>> account = Account(3, 0.0)
        >>> account.add(np.ones(3), np.array([1.0, 1.0, 1.5]))
        >>> print(account.change())
        values: 1 of 3 differ, by up to 0.5; norm 1.732 -> 2.062 (+0.19)
    """

    def __init__(self, size: int, tolerance: float) -> None:
        self._size = size
        self._tolerance = tolerance
        self._changed = 0
        self._largest = 0.0
        self._squares = [0.0, 0.0, 0.0]

    def equal(self, old: Array, new: Array) -> bool:
        """Whether two pieces are equal: to the bit, after rounding to the lower precision, or so nearly."""
        if old.dtype == new.dtype and np.array_equal(_words(old), _words(new)):
            return True
        return not self._differing(old, new).any()

    def add(self, old: Array, new: Array) -> None:
        """Add two pieces."""
        differs = self._differing(old, new)
        with np.errstate(all="ignore"):
            wide = [_wide(old), _wide(new)]
            distances = np.abs(wide[1] - wide[0])[differs]
            if distances.size:
                self._changed += distances.size
                # max, and not Python's: NaN must not be lost.
                self._largest = float(np.max([self._largest, distances.max()]))
            for at, values in enumerate((*wide, distances)):
                self._squares[at] += float(np.vdot(values, values).real)

    def change(self) -> ValueChange:
        """What it comes to."""
        old, new, distance = map(sqrt, self._squares)
        return ValueChange(self._changed, self._size, self._largest, distance, old, new)

    def _differing(self, old: Array, new: Array) -> Array:
        """Which values differ."""
        with np.errstate(all="ignore"):
            if old.dtype != new.dtype:
                lower = min(old.dtype, new.dtype, key=lambda dtype: dtype.itemsize)
                if old.dtype.kind == "c" or new.dtype.kind == "c":
                    lower = np.dtype(np.complex128)
                old, new = old.astype(lower), new.astype(lower)
            word = min(old.itemsize, 8)
            unequal = old.view(f"u{word}") != new.view(f"u{word}")
            differs: Array = unequal.reshape(-1, old.itemsize // word).any(axis=1)
            if self._tolerance:
                differs &= ~(np.abs(_wide(new) - _wide(old)) <= self._allowed(old))
        return differs

    def _allowed(self, values: Array) -> Array | float:
        """How far values may be apart; roundings of a narrow dtype can fall the other way."""
        if values.dtype.itemsize >= 4:
            return self._tolerance
        form = ml_dtypes.finfo(values.dtype)  # type: ignore[no-untyped-call]  # the package types it so
        step = np.abs(values.astype(np.float64)) * float(form.eps)
        return self._tolerance + np.maximum(step, float(form.smallest_subnormal))


def _words(values: Array) -> Array:
    """The same bytes as few large integers, which are faster to compare."""
    return values.view(np.uint8) if values.nbytes % 8 else values.view(np.uint64)


def _wide(values: Array) -> Array:
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
