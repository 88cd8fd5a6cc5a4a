"""NumPy's arrays behind a wall: on a device, and refused wherever CuPy refuses them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tests.backends.cupy_stand_in.devices import Device, now
from tests.backends.cupy_stand_in.resolution import check_types

Host = np.ndarray[Any, Any]

# What CuPy makes or takes NumPy arrays in; everywhere else they are refused.
_TAKES_HOST_ARRAYS = {"asarray", "array"}
# What has to know how many values there are before it can make its array.
_COUNTS_FIRST = {"nonzero", "flatnonzero", "argwhere", "unique"}
# What adds up in an order of its own.
_SUMS = {"sum", "cumsum", "mean", "prod", "dot", "einsum", "trace", "std", "var"}
# What only says how memory is to be seen, and is done whatever the current device.
_LAYOUT = {"reshape", "view", "transpose"}


class DeviceArray(NDArrayOperatorsMixin):
    """A NumPy array behind the interface of CuPy's.

    Args:
        shape: The shape.
        dtype: The dtype.
        memptr: Where its memory begins; None for memory of its own.
        strides: As NumPy's.
    """

    __array_priority__ = 100

    def __init__(
        self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C"
    ) -> None:
        assert order == "C"
        if memptr is None:
            refuse_new(np.dtype(dtype))
            size = prod(shape) if isinstance(shape, tuple) else shape
            assert size * np.dtype(dtype).itemsize < 1 << 63, "CuPy would allocate too little"
            # Whoever relies on zeros is found out.
            host = np.empty(shape, dtype)
            host.reshape(-1).view(np.uint8)[...] = 0xCD
        else:
            host = np.ndarray(shape, dtype, memptr.buffer(), 0, strides)
        take(self, host, now().current[-1] if memptr is None else memptr.device_id)

    def __array__(self, *_: Any, **__: Any) -> Host:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        _refuse_strange(*inputs)
        _note(ufunc, inputs, method)
        out = options.pop("out", None)
        if out is not None:
            options["out"] = tuple(host_of(array) for array in out)
        result = getattr(ufunc, method)(*(_flushed(host_of(value)) for value in inputs), **options)
        if out is None:
            return on_device(_flushed(result))
        for array in options["out"]:
            array[...] = _flushed(array)
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        # As CuPy does, by the name of its own.
        return getattr(sys.modules["cupy"], function.__name__)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(host_of(self, anywhere=True), name)
        if not callable(found):
            return on_device(found, self.number)
        if name in _LAYOUT:
            return lambda *args, **kwargs: on_device(found(*args, **kwargs), self.number)
        host_of(self)
        _refuse_strange(self)
        _note_sum(name, self)
        if name == "astype":
            return lambda dtype, **options: on_device(_cast(host_of(self), dtype, **options))
        return guarded(found, name)

    def __getitem__(self, index: Any) -> Any:
        return on_device(np.asarray(host_of(self, anywhere=True)[_plain_index(index)]), self.number)

    def __setitem__(self, index: Any, value: Any) -> None:
        _refuse_strange(self)
        # An array of NumPy's without axes is a number here, and nowhere else.
        place, given = _plain_index(index), value if np.ndim(value) == 0 else host_of(value)
        if isinstance(value, DeviceArray):
            given = _cast(host_of(value), self.dtype, copy=False)
        elif np.ndim(given) == 0 and given == 0:
            # The driver's fill: of a negative zero, CuPy only sees that it is one.
            given = 0
        host_of(self)[place] = given

    def __len__(self) -> int:
        return len(host_of(self, anywhere=True))

    def __iter__(self) -> Any:
        return (self[k] for k in range(len(self)))

    def __bool__(self) -> bool:
        return bool(_read(self, "bool"))

    def __int__(self) -> int:
        return int(_read(self, "int"))

    def __float__(self) -> float:
        return float(_read(self, "float"))

    def __complex__(self) -> complex:
        return complex(_read(self, "complex"))

    def __index__(self) -> int:
        return int(_read(self, "index"))

    def __repr__(self) -> str:
        return f"DeviceArray({host_of(self, anywhere=True)!r})"

    @property
    def data(self) -> Any:
        """The address, as CuPy's MemoryPointer has it."""
        return SimpleNamespace(ptr=host_of(self, anywhere=True).ctypes.data, device_id=self.number)

    @property
    def device(self) -> Device:
        """Where it lives."""
        return Device(self.number)

    @property
    def flags(self) -> Any:
        """CuPy has these three."""
        flags = host_of(self, anywhere=True).flags
        return SimpleNamespace(
            c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous, owndata=flags.owndata
        )

    @property
    def real(self) -> Any:
        """A view, as in NumPy."""
        return on_device(host_of(self, anywhere=True).real, self.number)

    @real.setter
    def real(self, value: Any) -> None:
        host_of(self).real = host_of(value)

    @property
    def imag(self) -> Any:
        """A view, as in NumPy."""
        return on_device(host_of(self, anywhere=True).imag, self.number)

    @imag.setter
    def imag(self, value: Any) -> None:
        host_of(self).imag = host_of(value)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """What NumPy's says, of a device's memory."""
        interface = host_of(self, anywhere=True).__array_interface__
        return {**interface, "data": (interface["data"][0], False)}

    def __dlpack__(self, **_: Any) -> DeviceArray:
        return self

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.number

    def get(self) -> Host:
        """The values as a NumPy array."""
        values: Host = host_of(self, anywhere=True)
        now().waits.append("get")
        return values.copy()


# By these, targets.py knows CuPy's arrays.
DeviceArray.__module__, DeviceArray.__name__ = "cupy", "ndarray"


def empty(shape: Any, dtype: Any) -> DeviceArray:
    """An array of any dtype of the table, in the way that every CuPy has for it."""
    dtype = np.dtype(dtype)
    plain: DeviceArray = DeviceArray(shape, f"V{dtype.itemsize}").view(dtype)
    return plain


def take(array: DeviceArray, host: Host, number: int) -> DeviceArray:
    """Put a NumPy array behind the wall."""
    array.__dict__.update(host=host, number=number)
    return array


def host_of(value: Any, *, anywhere: bool = False) -> Any:
    """What is behind the wall, of arrays on the current device alone."""
    if isinstance(value, DeviceArray):
        if not anywhere and value.number != now().current[-1]:
            raise ValueError(f"Array device {value.number} is not the current device {now().current[-1]}.")
        return value.__dict__["host"]
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return value


def _note(function: Any, operands: tuple[Any, ...], method: str = "__call__") -> None:
    """Write down an operation on every element, which has to be one of CuPy's as well."""
    kinds = [value.dtype if isinstance(value, DeviceArray) else value for value in operands]
    if method == "__call__":
        check_types(function, *kinds)
    name = function.__name__ if method == "__call__" else f"{function.__name__}.{method}"
    if name == "matmul":
        assert now().compute_type not in (3, 6, 7), "a product of floats that were cut"
    is_complex = any(kind.kind == "c" for kind in kinds if isinstance(kind, np.dtype))
    now().operations.add((name, is_complex))


def _note_sum(name: str, *operands: Any) -> None:
    """Write down a sum, unless it is one of integers."""
    if name in _SUMS and any(
        isinstance(value, DeviceArray) and value.dtype.kind in "fc" for value in operands
    ):
        now().operations.add((name, False))


def _read(array: DeviceArray, why: str) -> Host:
    """A value that the host waits for."""
    now().waits.append(why)
    values: Host = host_of(array)
    return values


def _flushed(value: Any) -> Any:
    """Float32 values, or parts of complex64 ones, with zeros of their sign in place of subnormal numbers."""
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype not in (np.float32, np.complex64):
        return value
    parts = np.array(value).reshape(-1).view(np.float32)
    parts[abs(parts) < np.finfo(np.float32).tiny] *= np.float32(0.0)
    return parts.view(value.dtype).reshape(np.shape(value))


def _cast(values: Host, dtype: Any, **options: Any) -> Host:
    """A cast, which computes where the dtype is another."""
    if values.dtype == dtype:
        return values.astype(dtype, **options)
    refuse_new(np.dtype(dtype))
    with np.errstate(over="ignore"):
        cast: Host = _flushed(_flushed(values).astype(dtype, **options))
    return cast


def refuse_new(dtype: np.dtype[Any]) -> None:
    """CuPy 14 allocates no arrays of float8; as views it has them."""
    if now().major >= 14 and dtype.name.startswith("float8"):
        raise ValueError(f"Unsupported dtype {dtype}")


def _refuse_strange(*values: Any) -> None:
    """CuPy 13 computes with none of ml_dtypes' dtypes, and CuPy 14 with bfloat16 alone."""
    for value in values:
        if isinstance(value, DeviceArray) and value.dtype.isbuiltin != 1:
            raise TypeError(f"Unsupported dtype {value.dtype}")


def on_device(value: Any, number: int | None = None) -> Any:
    """An array of this module, on the current device or another, from one of NumPy's; what is none stays."""
    if isinstance(value, tuple):
        parts = [on_device(part, number) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, (np.ndarray, np.generic)):
        here = now().current[-1] if number is None else number
        return take(DeviceArray.__new__(DeviceArray), np.asarray(value), here)
    return value


def _plain_index(index: Any) -> Any:
    """An index, in which NumPy arrays are allowed."""
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    if isinstance(index, DeviceArray) and index.dtype == bool:
        now().waits.append("mask")
    return host_of(index) if isinstance(index, DeviceArray) else index


def guarded(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function of NumPy's that takes and gives arrays of this module."""

    def unwrap(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(unwrap, value))
        if name in _TAKES_HOST_ARRAYS and isinstance(value, np.ndarray):
            return value
        return host_of(value)

    def call(*args: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out")
        if name in _COUNTS_FIRST:
            now().waits.append(name)
        _note_sum(name, *args)
        plain = {key: unwrap(value) for key, value in kwargs.items()}
        if isinstance(function, np.ufunc) or name == "where":
            _note(function, args)
        if isinstance(function, np.ufunc):
            result = _flushed(function(*(_flushed(unwrap(value)) for value in args), **plain))
            if out is not None:
                plain["out"][...] = result
        else:
            result = function(*map(unwrap, args), **plain)
        if name in _TAKES_HOST_ARRAYS and not isinstance(args[0], DeviceArray):
            result = np.array(result)
        if isinstance(result, np.ndarray) and result.base is None:
            refuse_new(result.dtype)
        return out if out is not None else on_device(result)

    return call
