"""A module that behaves as CuPy does, as far as initkit uses it, and needs no GPU.

Its arrays are NumPy's behind a wall: like CuPy's they do not mix with NumPy arrays, live on a device, and are
computed with while that one is current. As CuPy's kernels do, what computes takes subnormal float32 numbers
for zero, and makes none. NVRTC knows initkit's programs by their text, and launches run those
that a host compiler has made of the same text. Everything that is asked of "CUDA" is written down.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin

from initkit import backends
from initkit.backends import cupy_backend, cupy_library
from initkit.kernels.cuda import OPTIONS, Launch
from tests.kernels.cuda_host import host_programs

Host = np.ndarray[Any, Any]

# What CuPy makes or takes NumPy arrays in; everywhere else they are refused.
_TAKES_HOST_ARRAYS = {"asarray", "array"}
# What has to know how many values there are before it can make its array.
_COUNTS_FIRST = {"nonzero", "flatnonzero", "argwhere", "unique"}
# What only says how memory is to be seen, and is done whatever the current device.
_LAYOUT = {"reshape", "view", "transpose"}


class CudaError(RuntimeError):
    """What CuPy raises for errors of the driver, the run-time library and NVRTC."""


class Cuda:
    """The devices, the streams and what was done with them.

    Args:
        devices: How many devices there are; None without a driver.
        capability: Their compute capability.
        version: CuPy's version.
        nvrtc: Whether CuPy finds NVRTC.

    Attributes:
        compute_type: How CuPy multiplies matrices of float32.
        launches: Device, stream and launch, of every launch.
        compiled: The options, each time that NVRTC compiled.
        waits: What the host waited for the device for.
    """

    def __init__(
        self,
        devices: int | None = 2,
        capability: str = "90",
        version: str = "14.2.0",
        nvrtc: bool = True,
    ) -> None:
        self.devices = devices
        self.capability = capability
        self.version = version
        self.nvrtc = nvrtc
        self.compute_type = 1
        self.current: list[int] = [0]
        self.streams: list[int] = [0]
        self.launches: list[tuple[int, int, Launch]] = []
        self.compiled: list[tuple[str, ...]] = []
        self.waits: list[str] = []


_cuda = Cuda()


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
            # Whoever relies on zeros is found out.
            host = np.empty(shape, dtype)
            host.reshape(-1).view(np.uint8)[...] = 0xCD
        else:
            host = np.ndarray(shape, dtype, memptr.buffer(), 0, strides)
        _take(self, host, _cuda.current[-1] if memptr is None else memptr.device_id)

    def __array__(self, *_: Any, **__: Any) -> Host:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        _refuse_strange(*inputs)
        out = options.pop("out", None)
        if out is not None:
            options["out"] = tuple(_host(array) for array in out)
        result = getattr(ufunc, method)(*(_flushed(_host(value)) for value in inputs), **options)
        if out is None:
            return _device(_flushed(result))
        for array in options["out"]:
            array[...] = _flushed(array)
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return getattr(library(), function.__name__)(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(_host(self, anywhere=True), name)
        if not callable(found):
            return _device(found, self.number)
        if name in _LAYOUT:
            return lambda *args, **kwargs: _device(found(*args, **kwargs), self.number)
        _host(self)
        _refuse_strange(self)
        if name == "astype":
            return lambda dtype, **options: _device(_cast(_host(self), dtype, **options))
        return _guarded(found, name)

    def __getitem__(self, index: Any) -> Any:
        return _device(np.asarray(_host(self, anywhere=True)[_plain_index(index)]), self.number)

    def __setitem__(self, index: Any, value: Any) -> None:
        _refuse_strange(self)
        place, given = _plain_index(index), _host(value)
        if isinstance(value, DeviceArray):
            given = _cast(given, self.dtype, copy=False)
        elif np.ndim(given) == 0 and given == 0:
            # The driver's fill: of a negative zero, CuPy only sees that it is one.
            given = 0
        _host(self)[place] = given

    def __len__(self) -> int:
        return len(_host(self, anywhere=True))

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
        return f"DeviceArray({_host(self, anywhere=True)!r})"

    @property
    def data(self) -> Any:
        """The address, as CuPy's MemoryPointer has it."""
        return SimpleNamespace(ptr=_host(self, anywhere=True).ctypes.data, device_id=self.number)

    @property
    def device(self) -> Device:
        """Where it lives."""
        return Device(self.number)

    @property
    def flags(self) -> Any:
        """CuPy has these three."""
        flags = _host(self, anywhere=True).flags
        return SimpleNamespace(
            c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous, owndata=flags.owndata
        )

    @property
    def real(self) -> Any:
        """A view, as in NumPy."""
        return _device(_host(self, anywhere=True).real, self.number)

    @real.setter
    def real(self, value: Any) -> None:
        _host(self).real = _host(value)

    @property
    def imag(self) -> Any:
        """A view, as in NumPy."""
        return _device(_host(self, anywhere=True).imag, self.number)

    @imag.setter
    def imag(self, value: Any) -> None:
        _host(self).imag = _host(value)

    def get(self) -> Host:
        """The values as a NumPy array."""
        values: Host = _host(self, anywhere=True)
        _cuda.waits.append("get")
        return values.copy()


# By these, targets.py knows CuPy's arrays.
DeviceArray.__module__, DeviceArray.__name__ = "cupy", "ndarray"


def _take(array: DeviceArray, host: Host, number: int) -> DeviceArray:
    array.__dict__.update(host=host, number=number)
    return array


def _host(value: Any, *, anywhere: bool = False) -> Any:
    """What is behind the wall, of arrays on the current device alone."""
    if isinstance(value, DeviceArray):
        if not anywhere and value.number != _cuda.current[-1]:
            raise ValueError(f"Array device {value.number} is not the current device {_cuda.current[-1]}.")
        return value.__dict__["host"]
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return value


def _read(array: DeviceArray, why: str) -> Host:
    """A value that the host waits for."""
    _cuda.waits.append(why)
    values: Host = _host(array)
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
    with np.errstate(over="ignore"):
        cast: Host = _flushed(_flushed(values).astype(dtype, **options))
    return cast


def _refuse_strange(*values: Any) -> None:
    """CuPy 13 computes with none of ml_dtypes' dtypes, and CuPy 14 with bfloat16 alone."""
    for value in values:
        if isinstance(value, DeviceArray) and value.dtype.isbuiltin != 1:
            raise TypeError(f"Unsupported dtype {value.dtype}")


def _device(value: Any, number: int | None = None) -> Any:
    """An array of this module, on the current device or another, from one of NumPy's; what is none stays."""
    if isinstance(value, tuple):
        parts = [_device(part, number) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, (np.ndarray, np.generic)):
        here = _cuda.current[-1] if number is None else number
        return _take(DeviceArray.__new__(DeviceArray), np.asarray(value), here)
    return value


def _plain_index(index: Any) -> Any:
    """An index, in which NumPy arrays are allowed."""
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    if isinstance(index, DeviceArray) and index.dtype == bool:
        _cuda.waits.append("mask")
    return _host(index) if isinstance(index, DeviceArray) else index


def _guarded(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function of NumPy's that takes and gives arrays of this module."""

    def unwrap(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(unwrap, value))
        if name in _TAKES_HOST_ARRAYS and isinstance(value, np.ndarray):
            return value
        return _host(value)

    def call(*args: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out")
        if name in _COUNTS_FIRST:
            _cuda.waits.append(name)
        plain = {key: unwrap(value) for key, value in kwargs.items()}
        if isinstance(function, np.ufunc):
            result = _flushed(function(*(_flushed(unwrap(value)) for value in args), **plain))
            if out is not None:
                plain["out"][...] = result
        else:
            result = function(*map(unwrap, args), **plain)
        if name in _TAKES_HOST_ARRAYS and not isinstance(args[0], DeviceArray):
            result = np.array(result)
        return out if out is not None else _device(result)

    return call


class Namespace(ModuleType):
    """A module's functions for arrays of this module; those that the real CuPy lacks are missing.

    Args:
        name: The module's name.
        source: NumPy, or a module of it.
        real: CuPy's, where it is installed.
    """

    def __init__(self, name: str, source: Any, real: Any) -> None:
        super().__init__(name)
        self.__dict__.update(_source=source, _real=real)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(self._source, name):
            raise AttributeError(name)
        if self._real is not None and not hasattr(self._real, name):
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        found = getattr(self._source, name)
        if isinstance(found, ModuleType):
            return Namespace(name, found, getattr(self._real, name, None))
        if isinstance(found, type) or not callable(found):
            return found
        return _guarded(found, name)


class Device:
    """A device, current inside `with`.

    Args:
        number: Its number; None for the current one.
    """

    def __init__(self, number: int | None = None) -> None:
        self.id = _cuda.current[-1] if number is None else number
        self.attributes = {"MultiProcessorCount": 4}

    @property
    def compute_capability(self) -> str:
        """Without a point, as CuPy has it."""
        return _cuda.capability

    def __enter__(self) -> Device:
        _cuda.current.append(self.id)
        return self

    def __exit__(self, *_: object) -> None:
        _cuda.current.pop()


class ExternalStream:
    """A stream that another library has made, current inside `with`.

    Args:
        pointer: CUDA's number for it.
    """

    def __init__(self, pointer: int, device_id: int = -1) -> None:
        self.ptr = pointer

    def __enter__(self) -> ExternalStream:
        _cuda.streams.append(self.ptr)
        return self

    def __exit__(self, *_: object) -> None:
        _cuda.streams.pop()


class UnownedMemory:
    """Memory that another library has allocated."""

    def __init__(self, pointer: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr, self.size, self.owner, self.device_id = pointer, size, owner, device_id


class MemoryPointer:
    """A place in such memory."""

    def __init__(self, memory: UnownedMemory, offset: int) -> None:
        self.memory, self.ptr, self.device_id = memory, memory.ptr + offset, memory.device_id

    def buffer(self) -> Any:
        """The memory from there on."""
        return (ctypes.c_uint8 * (self.memory.size - (self.ptr - self.memory.ptr))).from_address(self.ptr)


class Program:
    """A program in NVRTC's hands."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.options: tuple[str, ...] = ()


def _compile(program: Program, options: tuple[str, ...]) -> None:
    _cuda.compiled.append(options)
    assert options[:-1] == OPTIONS
    if program.source not in host_programs():
        raise CudaError("NVRTC_ERROR_COMPILATION (6)")
    program.options = options


def _binary(program: Program) -> bytes:
    return f"{program.options[-1]}\0{program.source}".encode()


class Module:
    """A loaded program."""

    def load(self, binary: bytes) -> None:
        """Load it on the current device, for which it must have been compiled."""
        architecture, _, source = binary.decode().partition("\0")
        assert architecture in (f"-arch=sm_{_cuda.capability}", "-arch=compute_90")
        self.source = source

    def get_function(self, name: str) -> Callable[..., None]:
        """What launches an entry point."""
        assert f" {name}(" in self.source
        device = _cuda.current[-1]

        def launch(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
            assert _cuda.current[-1] == device, "a function of another device's module"
            assert all(isinstance(value, np.ndarray) and value.size == 1 for value in arguments)
            data = tuple(value.tobytes() for value in arguments)
            done = Launch(name, (grid[0], grid[1]), (block[0], block[1]), data)
            _cuda.launches.append((device, _cuda.streams[-1], done))
            host_programs().launch(self.source, done)

        return launch


def _device_count() -> int:
    if _cuda.devices is None:
        raise CudaError(
            "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
        )
    return _cuda.devices


def _nvrtc_version() -> tuple[int, int]:
    if not _cuda.nvrtc:
        raise RuntimeError("CuPy failed to load libnvrtc.so.12: OSError: cannot open shared object file")
    return 12, 9


def _from_dlpack(array: Any) -> DeviceArray:
    lent = array.__dlpack__()
    if not isinstance(lent, DeviceArray):
        raise BufferError("unsupported dtype")
    return lent


_library: ModuleType | None = None


def library() -> Any:
    """The stand-in that was installed last."""
    return _library


def _forget() -> None:
    """Have initkit look for CuPy anew."""
    kept = (cupy_library.cupy_library, cupy_backend.programs, backends.get_backend, backends._cupy_backend)
    for cached in kept:
        cached.cache_clear()


def real_cupy() -> Any:
    """CuPy itself where it is installed, else None."""
    try:
        import cupy
    except ImportError:
        return None
    return None if isinstance(cupy, Namespace) else cupy


@contextmanager
def stand_in(folder: Path, cuda: Cuda | None = None) -> Iterator[Cuda]:
    """Put a stand-in where `import cupy` finds it, with nothing compiled or loaded.

    Args:
        folder: Where compiled programs are kept.
        cuda: The devices that there are; None for two of compute capability 9.0.
    """
    global _cuda, _library
    _cuda = cuda or Cuda()
    _library = _module(real_cupy())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", _library)
        patch.setenv("CUPY_CACHE_DIR", str(folder))
        _forget()
        try:
            yield _cuda
        finally:
            _forget()


def _module(real: Any) -> ModuleType:
    module = Namespace("cupy", np, real)
    module.__spec__ = ModuleSpec("cupy", None)
    runtime = SimpleNamespace(
        getDevice=lambda: _cuda.current[-1],
        getDeviceCount=_device_count,
        getDeviceProperties=lambda number: {"name": b"Stand-in"},
    )
    nvrtc = SimpleNamespace(
        getVersion=_nvrtc_version,
        getSupportedArchs=lambda: (70, 80, 89, 90),
        createProgram=lambda source, name, headers, names: Program(source),
        compileProgram=_compile,
        getProgramLog=lambda program: "the compiler's own words",
        getCUBIN=_binary,
        getPTX=_binary,
        destroyProgram=lambda program: None,
    )
    cuda = SimpleNamespace(
        Device=Device,
        ExternalStream=ExternalStream,
        UnownedMemory=UnownedMemory,
        MemoryPointer=MemoryPointer,
        Module=Module,
        runtime=runtime,
        nvrtc=nvrtc,
    )
    core = SimpleNamespace(
        get_compute_type=lambda dtype: _cuda.compute_type,
        set_compute_type=lambda dtype, number: setattr(_cuda, "compute_type", number),
    )
    own = {
        "_core": core,
        "ndarray": DeviceArray,
        "empty": DeviceArray,
        "cuda": cuda,
        "from_dlpack": _from_dlpack,
    }
    module.__dict__.update(own, __version__=_cuda.version)
    return module
