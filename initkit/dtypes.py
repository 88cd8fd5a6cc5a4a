"""The one table of dtypes: what can be asked for, and in which precision it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import ml_dtypes
import numpy as np

from initkit.errors import DTypeError, did_you_mean, nearest_names

Kind = Literal["float", "complex", "integer", "bool"]


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """One row of the table.

    Attributes:
        name: NumPy's name, as in configs: `"bfloat16"`.
        numpy: The NumPy dtype.
        kind: `"float"`, `"complex"`, `"integer"` or `"bool"`.
        draw: The precision in which values are drawn before they are rounded, float32 or float64; for
            complex dtypes, the dtype of the real and of the imaginary part.
        kernel_code: The number by which the kernels know a float output; -1 for all other kinds.
        largest: The largest finite value; for complex dtypes, of each part.
    """

    name: str
    numpy: np.dtype[Any]
    kind: Kind
    draw: np.dtype[Any]
    kernel_code: int
    largest: float | int

    def __repr__(self) -> str:
        """Show the name only, since it says everything."""
        return f"DType({self.name!r})"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Pickle by name: every row exists once, and rows are compared by identity."""
        return resolve_dtype, (self.name,)


_FLOAT32 = np.dtype(np.float32)
_FLOAT64 = np.dtype(np.float64)

# The position in this tuple is the kernels' output code; kernels/stream.h has the same order.
_FLOATS: tuple[Any, ...] = (
    np.float32,
    np.float64,
    np.float16,
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.float8_e5m2,
)
_INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)


def _rows() -> list[DType]:
    rows = []
    for code, scalar in enumerate(_FLOATS):
        numpy = np.dtype(scalar)
        draw = _FLOAT64 if numpy == _FLOAT64 else _FLOAT32
        rows.append(DType(numpy.name, numpy, "float", draw, code, float(ml_dtypes.finfo(numpy).max)))
    for scalar, part in ((np.complex64, _FLOAT32), (np.complex128, _FLOAT64)):
        rows.append(
            DType(scalar.__name__, np.dtype(scalar), "complex", part, -1, float(np.finfo(part).max))
        )
    for scalar in _INTEGERS:
        numpy = np.dtype(scalar)
        rows.append(DType(numpy.name, numpy, "integer", _FLOAT64, -1, int(np.iinfo(numpy).max)))
    rows.append(DType("bool", np.dtype(bool), "bool", _FLOAT64, -1, 1))
    return rows


DTYPES: dict[str, DType] = {row.name: row for row in _rows()}
_BY_NUMPY: dict[np.dtype[Any], DType] = {row.numpy: row for row in DTYPES.values()}

FLOAT32 = DTYPES["float32"]


def resolve_dtype(dtype: object = None) -> DType:
    """Find the table's row for whatever names a dtype.

    Args:
        dtype: A NumPy dtype, a NumPy or ml_dtypes scalar type, a name such as `"bfloat16"`, Python's
            `float`, `complex`, `int` or `bool` with NumPy's meaning; or None, which means float32.

    Returns:
        The row; the same object for every spelling.

    Raises:
        DTypeError: Nothing in the table has that name: objects, strings, dates, records, float128,
            a foreign byte order.

    Example:
        >>> resolve_dtype("bfloat16")
        DType('bfloat16')
        >>> resolve_dtype(None) is resolve_dtype(np.float32)
        True
    """
    if dtype is None:
        return FLOAT32
    if isinstance(dtype, DType):
        return dtype
    try:
        return _resolve(dtype)
    except TypeError as error:
        if isinstance(error, DTypeError):
            raise
        # Unhashable: no dtype is, so this is something else altogether.
        raise DTypeError(_unknown(dtype)) from None


@lru_cache(maxsize=256)
def _resolve(dtype: object) -> DType:
    if isinstance(dtype, str) and dtype in DTYPES:
        return DTYPES[dtype]
    try:
        found = np.dtype(dtype)  # type: ignore[call-overload]  # anything at all may come in here
    except (TypeError, ValueError):
        raise DTypeError(_unknown(dtype)) from None
    # NumPy's platform-dependent twins (longlong, intc) have the same name but are other objects.
    row = _BY_NUMPY.get(found) or DTYPES.get(found.name if found.isnative else "")
    if row is None or isinstance(dtype, (list, tuple, dict)):
        raise DTypeError(_unknown(dtype))
    return row


def _unknown(dtype: object) -> str:
    hint = did_you_mean(nearest_names(dtype, DTYPES)) if isinstance(dtype, str) else ""
    return f"Unknown dtype {dtype!r}. Known dtypes: {', '.join(DTYPES)}, or None for float32.{hint}"


def require_kind(dtype: DType, allowed: tuple[Kind, ...], who: str, remedy: str = "") -> None:
    """Refuse a dtype of a kind that an initializer cannot make.

    Args:
        dtype: The row asked for.
        allowed: The kinds that make sense.
        who: The initializer's name, for the message.
        remedy: A sentence that says what to do instead.

    Raises:
        DTypeError: The kind is not among `allowed`.

    Example:
        >>> require_kind(resolve_dtype("float16"), ("float",), "HeNormal")
    """
    if dtype.kind not in allowed:
        names = [row.name for row in DTYPES.values() if row.kind in allowed]
        message = f"{who} cannot make {dtype.kind} values: dtype {dtype.name!r} was asked for. "
        message += f"Allowed dtypes: {', '.join(names)}."
        raise DTypeError(f"{message} {remedy}".rstrip())
