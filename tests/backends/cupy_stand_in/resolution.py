"""Which dtype comes out of an operation: what NumPy says, held against the rules of the installed CuPy.

CuPy 13 looks at the values of numbers, as NumPy 1 did; CuPy 14 has NumPy 2's rules; and either has only the
loops that it has. Which loop it takes, CuPy can tell without a GPU.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


def real_cupy() -> Any:
    """CuPy itself where it is installed, else None."""
    try:
        return _imported()
    except ImportError:
        return None


@cache
def _imported() -> Any:
    import cupy

    # A stand-in may be in its place, and then nobody knows what is behind it.
    if not hasattr(cupy, "ElementwiseKernel"):
        raise ImportError("cupy")
    return cupy


def check_types(function: Any, *operands: Any) -> None:
    """Fail where CuPy would not do what NumPy does with such operands.

    Args:
        function: NumPy's function: one of an element at a time, or `where`.
        operands: Dtypes of arrays, and numbers.
    """
    if real_cupy() is not None:
        # Numbers by value, of which CuPy 13's rules make much.
        keys = tuple(value if isinstance(value, np.dtype) else (type(value), value) for value in operands)
        _check(function, keys)


@cache
def _check(function: Any, operands: tuple[Any, ...]) -> None:
    given = [key if isinstance(key, np.dtype) else key[1] for key in operands]
    name = function.__name__
    if name == "matmul":
        # No loop over elements.
        return
    ours, theirs = _dtypes_by_numpy(function, given), _dtypes_by_cupy(name, given)
    assert theirs == ours, f"{name} of {given} is {theirs} in CuPy and {ours} in NumPy"


def _dtypes_by_numpy(function: Any, given: list[Any]) -> list[np.dtype[Any]]:
    if isinstance(function, np.ufunc):
        operands = [value if isinstance(value, np.dtype) else _type_of(value) for value in given]
        return list(function.resolve_dtypes((*operands, *[None] * function.nout))[function.nin :])
    arrays = [np.empty(1, value) if isinstance(value, np.dtype) else value for value in given]
    return [np.result_type(*arrays[1:])]


def _type_of(value: Any) -> Any:
    """Python's numbers adapt to the dtypes beside them, NumPy's do not."""
    return type(value) if type(value) in (int, float, complex) else np.asarray(value).dtype


def _dtypes_by_cupy(name: str, given: list[Any]) -> list[np.dtype[Any]]:
    cupy = _imported()
    host = np.zeros(16, np.uint8)
    memory = cupy.cuda.MemoryPointer(cupy.cuda.UnownedMemory(host.ctypes.data, host.nbytes, host, 0), 0)
    kernel = cupy._sorting.search._where_ufunc if name == "where" else getattr(cupy, name)
    operands = [
        cupy.ndarray((1,), value, memory) if isinstance(value, np.dtype) else _scalar(cupy, value)
        for value in given
    ]
    operation = kernel._ops.guess_routine(name, {}, operands, None, None)
    return list(map(np.dtype, operation.out_types))


def _scalar(cupy: Any, value: Any) -> Any:
    """A number as CuPy's kernels are given it."""
    if hasattr(cupy._core._scalar, "numpy_dtype_from_pyscalar"):
        return cupy._core._scalar.CScalar(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return np.uint64(value) if value >= 1 << 63 else np.int64(value)
    return np.asarray(value)[()]
