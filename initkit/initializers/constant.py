"""Initializers without randomness: the same value everywhere, or a fixed matrix."""

from __future__ import annotations

from math import sqrt
from typing import Any, ClassVar

import numpy as np

from initkit.dtypes import DType, Kind, resolve_dtype
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import float_argument
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import Draw

_EVERY_KIND: tuple[Kind, ...] = ("float", "complex", "integer", "bool")


@built_in("zero")
class Zeros(RegionInitializer):
    """All zeros.

    Formula: `w = 0`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32), every
        value `0` (False for bool). Every dtype of the table can be made.

    Example:
        >>> import initkit as ik
        >>> ik.Zeros()((2, 2), "int8").tolist()
        [[0, 0], [0, 0]]
    """

    kinds: ClassVar[tuple[Kind, ...]] = _EVERY_KIND

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros."""
        out[...] = 0

    def moments(self, shape: Any) -> Moments:
        """Mean 0, standard deviation 0."""
        return Moments(0.0, 0.0)


@built_in("one")
class Ones(RegionInitializer):
    """All ones.

    Formula: `w = 1`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32), every
        value `1` (True for bool). Every dtype of the table can be made.

    Example:
        >>> import initkit as ik
        >>> ik.Ones()(3, "bool").tolist()
        [True, True, True]
    """

    kinds: ClassVar[tuple[Kind, ...]] = _EVERY_KIND

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write ones."""
        out[...] = 1

    def moments(self, shape: Any) -> Moments:
        """Mean 1, standard deviation 0."""
        return Moments(1.0, 0.0)


@built_in()
class Constant(RegionInitializer):
    """One value everywhere, or the values of an array.

    Formula: `w = value`, or `w[i] = value[i]` for an array, which fits its own shape alone.

    Args:
        value: A bool, integer, real or complex number (default 0.0), or an array of the shape that the
            initializer will be called with. Nothing is broadcast.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32), with
        the value rounded to nearest even in that dtype.

    Raises:
        ArgumentTypeError: The value is neither a number nor an array of numbers.
        ShapeError: The value is an array of another shape than the one called with.
        DTypeError: The value is complex, and the dtype is not.
        ArgumentError: The dtype cannot hold the value: 2.5 or 300 in int8, 1e6 in float16.

    Example:
        >>> import initkit as ik
        >>> ik.Constant(0.25)((2, 2), "bfloat16").tolist()
        [[0.25, 0.25], [0.25, 0.25]]
    """

    kinds: ClassVar[tuple[Kind, ...]] = _EVERY_KIND

    def __init__(self, value: Any = 0.0) -> None:
        self.value = _checked_value(value)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a shape other than the array's, and a dtype that cannot hold the value."""
        super().check(shape, dtype)
        values = np.asarray(self.value)
        if values.ndim and values.shape != shape:
            message = f"Expected `shape` to be {values.shape} for an array as initializer. Received: {shape}."
            raise ShapeError(f"{message} Reshape the array, or give one number for every shape.")
        _check_fits(values, dtype, f"Constant({self.value!r:.60})")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the value, or the array's part."""
        values = np.asarray(self.value)
        part = values[region.index()] if values.ndim else values
        out[...] = draw.backend.xp.asarray(part.astype(out.dtype))

    def moments(self, shape: Any) -> Moments:
        """The value's own mean and standard deviation."""
        values = np.asarray(self.value, np.complex128 if np.iscomplexobj(self.value) else np.float64)
        mean = values.mean() if values.size else 0.0
        return Moments(float(np.real(mean)), float(values.std()) if values.size else 0.0)


def _checked_value(value: object) -> Any:
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, (bool, int, float, complex)):
        return value
    if isinstance(value, (list, tuple)):
        try:
            value = np.asarray(value)
        except ValueError:
            raise ArgumentTypeError(_not_numbers(value)) from None
    if not isinstance(value, np.ndarray):
        raise ArgumentTypeError(_not_numbers(value))
    try:
        row = resolve_dtype(value.dtype)
    except DTypeError:
        raise ArgumentTypeError(_not_numbers(value)) from None
    if value.ndim == 0:
        return value.astype(row.draw).item() if row.kind == "float" else value.item()
    # A copy that nobody can write to: an initializer's values must not change behind its back.
    kept = value.copy()
    kept.flags.writeable = False
    return kept


def _not_numbers(value: object) -> str:
    message = "Argument `value` must be a number or an array of numbers. "
    return f"{message}Received: {value!r:.100} of type {type(value).__name__}. Write, for example, Constant(0.5)."


def _check_fits(values: np.ndarray[Any, Any], dtype: DType, who: str) -> None:
    """Refuse a dtype that would change the values by more than rounding."""
    if values.dtype.kind == "c" and dtype.kind != "complex":
        message = f"{who} has complex values, which dtype {dtype.name!r} cannot hold."
        raise DTypeError(f"{message} Allowed dtypes: complex64, complex128.")
    if dtype.kind in ("integer", "bool"):
        # The comparison is made on Python integers: float64 cannot tell 2**63 from 2**63 - 1.
        low = 0 if dtype.kind == "bool" or dtype.numpy.kind == "u" else -int(dtype.largest) - 1
        flat = values.astype(np.float64) if values.dtype.kind not in "biu" else values
        bad = [entry for entry in flat.ravel().tolist() if entry != entry // 1 or not low <= entry <= dtype.largest]
    else:
        finite = values[np.isfinite(values.astype(np.complex128))].astype(np.complex128).ravel()
        parts = np.concatenate([finite.real, finite.imag])
        # Half a step beyond the largest value still rounds to it; a whole power of two never does.
        bad = parts[np.abs(parts) > dtype.largest].tolist()
    if bad:
        message = f"{who} does not fit dtype {dtype.name!r}: {bad[0]!r} cannot be held"
        message += f" (largest value: {dtype.largest}{', integers only' if dtype.kind == 'integer' else ''})."
        raise ArgumentError(f"{message} Choose another value or a wider dtype.")


@built_in("IdentityInitializer")
class Identity(RegionInitializer):
    """The identity matrix, times a gain; also for matrices that are not square.

    Formula: `w[i, j] = gain` where `i = j`, else 0.

    Args:
        gain: The value on the diagonal, any finite number (default 1.0).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32). Only
        `gain`, rounded to nearest even, and 0 occur.

    Raises:
        ShapeError: The shape has not exactly two axes.
        ArgumentError: The dtype cannot hold the gain.

    Example:
        >>> import initkit as ik
        >>> ik.Identity(gain=2.0)((2, 3)).tolist()
        [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    kinds: ClassVar[tuple[Kind, ...]] = _EVERY_KIND

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = float_argument(gain, "gain")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that are no matrix, and dtypes that cannot hold the gain."""
        super().check(shape, dtype)
        if len(shape) != 2:
            message = "Identity matrix initializer can only be used for 2D matrices. "
            message += f"Received: shape={shape} of rank {len(shape)}."
            raise ShapeError(f"{message} Allowed: shapes such as (64, 64) or (64, 32).")
        _check_fits(np.asarray(self.gain), dtype, f"Identity(gain={self.gain})")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros, then the gain where the row's and the column's global index are equal."""
        out[...] = 0
        rows, columns = (
            start + step * draw.backend.xp.arange(count)
            for start, step, count in zip(region.starts, region.steps, region.counts, strict=True)
        )
        out[rows[:, None] == columns[None, :]] = self.gain

    def moments(self, shape: Any) -> Moments:
        """Mean and standard deviation over all elements, zeros included."""
        rows, columns = shape
        share = min(rows, columns) / max(rows * columns, 1)
        return Moments(self.gain * share, abs(self.gain) * sqrt(share * (1 - share)))
