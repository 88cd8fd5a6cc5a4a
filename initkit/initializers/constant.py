"""Initializers without randomness: the same value everywhere, or a fixed matrix."""

from __future__ import annotations

from math import sqrt
from typing import Any, ClassVar

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType, Kind, resolve_dtype, rounded
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import float_argument
from initkit.region import Region, as_shape
from initkit.registry import built_in

_EVERY_KIND: tuple[Kind, ...] = ("float", "complex", "integer", "bool")

# Arrays are checked and rounded in pieces of so many elements, so that no second array of their size is made.
_PIECE = 1 << 16


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

    one_law = True
    kinds: ClassVar[tuple[Kind, ...]] = _EVERY_KIND

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros."""
        draw.backend.put(out, ..., 0)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
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

    one_law = True
    kinds: ClassVar[tuple[Kind, ...]] = _EVERY_KIND

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write ones."""
        draw.backend.put(out, ..., 1)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 1, standard deviation 0."""
        return Moments(1.0, 0.0)


@built_in()
class Constant(RegionInitializer):
    """One value everywhere, or the values of an array.

    Formula: `w = value`, or `w[i] = value[i]` for an array, which fits its own shape alone.

    Args:
        value: A bool, integer, real or complex number (default 0.0), or an array of the shape that the
            initializer will be called with. Nothing is broadcast. Infinities and NaN are values, too.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32), with
        the value rounded to nearest even in that dtype; float16, bfloat16 and float8 hold the float32
        value rounded once, as all initializers have it.

    Raises:
        ArgumentTypeError: The value is neither a number nor an array of numbers.
        ShapeError: The value is an array of another shape than the one called with.
        DTypeError: The value is complex, and the dtype is not.
        ArgumentError: The dtype cannot hold the value: 2.5 or 300 in int8, 1e6 in float16, an infinity in
            float8_e4m3fn, which has none.

    Example:
        >>> import initkit as ik
        >>> ik.Constant(0.25)((2, 2), "bfloat16").tolist()
        [[0.25, 0.25], [0.25, 0.25]]
    """

    kinds: ClassVar[tuple[Kind, ...]] = _EVERY_KIND

    def __init__(self, value: Any = 0.0) -> None:
        self.value = _checked_value(value)
        self.one_law = np.ndim(self.value) == 0

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a shape other than the array's, and a dtype that cannot hold the value."""
        super().check(shape, dtype)
        values = np.asarray(self.value)
        if values.ndim and values.shape != shape:
            message = f"Expected `shape` to be {values.shape} for an array as initializer. Received: {shape}."
            message += (
                " Allowed: the array's own shape. Reshape the array, or give one number for every shape."
            )
            raise ShapeError(message)
        check_fits(values, dtype, "value")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the value, or the array's part."""
        dtype = resolve_dtype(out.dtype)
        values = np.asarray(self.value)
        if not values.ndim:
            draw.backend.put(out, ..., rounded(values, dtype))
            return
        for box in region.boxes(_PIECE):
            draw.backend.put(out, box, rounded(values[region.part(box).index()], dtype))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The real part of the mean, and the standard deviation over all elements."""
        wide = np.complex128 if np.iscomplexobj(self.value) else np.float64
        values = np.asarray(self.value).astype(wide)
        if not values.size:
            return Moments(0.0, 0.0)
        with np.errstate(invalid="ignore"):
            return Moments(float(values.mean().real), float(values.std()))


def _checked_value(value: object) -> Any:
    """A Python number, or an array that nobody can write to."""
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        return _checked_integer(value) if isinstance(value, int) else value
    if not isinstance(value, (np.generic, list, tuple)) and not hasattr(value, "__array__"):
        raise ArgumentTypeError(_not_numbers(value))
    try:
        array = np.asarray(value)
        dtype = resolve_dtype(array.dtype.newbyteorder("="))
    except (TypeError, ValueError, RuntimeError):
        raise ArgumentTypeError(_not_numbers(value)) from None
    if array.ndim == 0:
        return array.item()
    # A copy, since an initializer's values must not change behind its back.
    kept = array.astype(dtype.numpy, order="C", copy=True)
    kept.flags.writeable = False
    return kept


def _checked_integer(value: int) -> int:
    # Within these, NumPy computes with the integer itself and not with a Python object.
    if not -(2**63) <= value < 2**64:
        message = (
            f"Argument `value` is out of range. Received: an integer of {value.bit_length()} bits. Allowed:"
        )
        message += " -2**63 to 2**64 - 1. Write it as a float."
        raise ArgumentError(message)
    return value


def _not_numbers(value: object) -> str:
    message = (
        f"Argument `value` must be numeric. Received: value={value!r:.100} of type {type(value).__name__}."
    )
    return f"{message} Allowed: a number, or an array or list of numbers. Write, for example, Constant(0.5)."


def check_fits(values: np.ndarray[Any, Any], dtype: DType, name: str) -> None:
    """Refuse a dtype that would change values by more than rounding.

    Args:
        values: The values, of a dtype of the table.
        dtype: The row asked for.
        name: The argument that they come from, for the message.

    Raises:
        DTypeError: The values are complex, and the dtype is not.
        ArgumentError: A value is beyond the dtype's range, or a fraction, infinity or NaN that it has not.
    """
    given = resolve_dtype(values.dtype)
    if given is dtype:
        return
    if given.kind == "complex" and dtype.kind != "complex":
        message = (
            f"`{name}` is complex, and dtype {dtype.name!r} is not. Received: dtype {given.name}. Allowed"
        )
        message += " dtypes: complex64, complex128. Give real values, or ask for one of these."
        raise DTypeError(message)
    flat = values.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        piece = flat[start : start + _PIECE]
        lost = piece[_is_lost(piece, dtype)]
        if lost.size:
            allowed = f"up to {dtype.largest}"
            if dtype.kind == "integer":
                allowed = f"integers from {_least(dtype)} to {dtype.largest}"
            message = f"`{name}` does not fit dtype {dtype.name!r}. Received: {lost[0].item()!r}. Allowed:"
            message += f" {allowed}. Choose another value or a wider dtype."
            raise ArgumentError(message)


def _least(dtype: DType) -> float | int:
    """The least value of an integer dtype or of bool."""
    return -dtype.largest - 1 if dtype.numpy.kind == "i" else 0


def _is_lost(values: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """Which values a dtype holds no rounding of."""
    lost: np.ndarray[Any, Any]
    if dtype.kind in ("float", "complex"):
        result = rounded(values, dtype)
        lost = (np.isnan(result) != np.isnan(values)) | (np.isinf(result) != np.isinf(values))
        return lost
    low = _least(dtype)
    if values.dtype.kind in "iu":
        lost = (values < low) | (values > dtype.largest)
        return lost
    wide = values.astype(np.float64)
    # One more than the largest is a power of two, which float64 has; the largest itself it may not have.
    lost = ~((wide >= low) & (wide < 2.0 * (dtype.largest // 2 + 1)) & (wide == np.floor(wide)))
    return lost


@built_in("IdentityInitializer", "eye", "irnn")
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
            message += (
                f"Received: shape={shape} of rank {len(shape)}. Allowed: two lengths. Write, for example,"
            )
            message += " (64, 32)."
            raise ShapeError(message)
        check_fits(np.asarray(self.gain), dtype, "gain")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros, then the gain where the row's and the column's global index are equal."""
        draw.backend.put(out, ..., 0)
        rows = draw.backend.xp.arange(region.counts[0])
        global_index = region.starts[0] + region.steps[0] * rows
        columns, remainder = divmod(global_index - region.starts[1], region.steps[1])
        met = (remainder == 0) & (columns >= 0) & (columns < region.counts[1])
        gain = rounded(np.asarray(self.gain), resolve_dtype(out.dtype))
        draw.backend.put(out, (rows[met], columns[met]), gain)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all elements, zeros included."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["float64"])
        rows, columns = lengths
        share = min(rows, columns) / max(rows * columns, 1)
        return Moments(self.gain * share, abs(self.gain) * sqrt(share * (1 - share)))
