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
        limits = ml_dtypes.finfo(numpy)  # type: ignore[no-untyped-call]  # ml_dtypes has no types for it
        rows.append(DType(numpy.name, numpy, "float", draw, code, float(limits.max)))
    for scalar, part in ((np.complex64, _FLOAT32), (np.complex128, _FLOAT64)):
        rows.append(DType(scalar.__name__, np.dtype(scalar), "complex", part, -1, float(np.finfo(part).max)))
    for scalar in _INTEGERS:
        numpy = np.dtype(scalar)
        rows.append(DType(numpy.name, numpy, "integer", _FLOAT64, -1, int(np.iinfo(numpy).max)))
    rows.append(DType("bool", np.dtype(bool), "bool", _FLOAT64, -1, 1))
    return rows


DTYPES: dict[str, DType] = {row.name: row for row in _rows()}

FLOAT32 = DTYPES["float32"]

# What other libraries and file formats call them, to suggest ours. NumPy's own names are taken as they are.
_ELSEWHERE = {
    **{f"{short}{bits}": (f"float{bits}",) for short in ("f", "fp") for bits in (16, 32, 64)},
    **{f"{sign[:1]}{bits}": (f"{sign}{bits}",) for sign in ("int", "uint") for bits in (16, 32, 64)},
    **dict.fromkeys(("bf16", "bfloat", "brain16"), ("bfloat16",)),
    **dict.fromkeys(("fp8", "float8"), ("float8_e4m3fn", "float8_e5m2")),
    **dict.fromkeys(("e4m3", "e4m3fn", "f8_e4m3", "fp8_e4m3", "float8_e4m3"), ("float8_e4m3fn",)),
    **dict.fromkeys(("e5m2", "f8_e5m2", "fp8_e5m2"), ("float8_e5m2",)),
    # PyTorch's, whose float is not NumPy's.
    "half": ("float16",),
    "float": ("float32",),
    "double": ("float64",),
    "cfloat": ("complex64",),
    "c64": ("complex64",),
    "c128": ("complex128",),
    "boolean": ("bool",),
}


def resolve_dtype(dtype: object = None) -> DType:
    """Find the table's row for whatever names a dtype.

    Args:
        dtype: A NumPy or torch dtype, a NumPy or ml_dtypes scalar type, a name such as `"bfloat16"`,
            Python's `float`, `complex`, `int` or `bool` with NumPy's meaning; or None, which means float32.

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
    except DTypeError:
        raise
    except TypeError:
        # It cannot be hashed, as every dtype can: this is something else altogether.
        raise DTypeError(_unknown(dtype)) from None


@lru_cache(maxsize=256)
def _resolve(dtype: object) -> DType:
    # torch's dtypes print as torch.bfloat16, and NumPy knows none of them.
    name = str(dtype).removeprefix("torch.")
    if name in DTYPES and (isinstance(dtype, str) or type(dtype).__module__ == "torch"):
        return DTYPES[name]
    try:
        found = np.dtype(dtype)  # type: ignore[call-overload]  # anything at all may come in here
    except (TypeError, ValueError):
        raise DTypeError(_unknown(dtype)) from None
    # By name: NumPy's platform-dependent twins (longlong, intc) share it, but are other objects.
    row = DTYPES.get(found.name) if found.isnative else None
    if row is None:
        raise DTypeError(_unknown(dtype))
    return row


def _unknown(dtype: object) -> str:
    # Other libraries' dtypes print as torch.bfloat16, dtype('>f4') or <class 'jax.numpy.int4'>.
    name = str(dtype).rpartition(".")[2].strip()
    near = _ELSEWHERE.get(name.lower()) or (nearest_names(name, DTYPES) if len(name) < 40 else ())
    hint = did_you_mean(near)
    message = f"Unknown dtype. Received: {dtype!r:.100}. Allowed: {', '.join(DTYPES)}; or None for float32."
    if isinstance(dtype, int):
        return f"{message} A shape is one argument: write initializer((512, 256))."
    return f"{message} Name one of these.{hint}"


def rounded(values: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """Round an array to a dtype in the way draws are rounded.

    Formula: float16, bfloat16 and float8 values are the float32 values rounded once, to nearest even; so a
    float64 value is rounded to float32 first. All else is NumPy's cast.

    Args:
        values: The array; real where `dtype` is real.
        dtype: The row asked for.

    Returns:
        An array of that dtype; `values` itself if it has the dtype already. Values beyond the dtype's range
        become infinite or NaN, as IEEE arithmetic has it.

    Example:
        >>> rounded(np.array([1 / 3, 1e6]), resolve_dtype("float16"))
        array([0.3333,    inf], dtype=float16)
    """
    with np.errstate(all="ignore"):
        exact = values.astype(dtype.draw, copy=False) if dtype.kind == "float" else values
        return exact.astype(dtype.numpy, copy=False)


def require_kind(dtype: DType, allowed: tuple[Kind, ...], who: str, remedy: str = "") -> None:
    """Refuse a dtype of a kind that an initializer cannot make.

    Args:
        dtype: The row asked for.
        allowed: The kinds that make sense.
        who: The initializer's name, for the message.
        remedy: A sentence that says what to do; without one, the message says to take another dtype.

    Raises:
        DTypeError: The kind is not among `allowed`.

    Example:
        >>> require_kind(resolve_dtype("float16"), ("float",), "HeNormal")
    """
    if dtype.kind not in allowed:
        names = ", ".join(row.name for row in DTYPES.values() if row.kind in allowed)
        message = (
            f"{who} cannot make {dtype.kind} values. Received: dtype {dtype.name!r}. Allowed dtypes: {names}."
        )
        message += f" {remedy or 'Ask for one of these, and convert the array if need be.'}"
        raise DTypeError(message)
