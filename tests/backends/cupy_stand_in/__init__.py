"""A module that behaves as CuPy does, as far as initkit uses it, and needs no GPU.

Its arrays are NumPy's behind a wall: like CuPy's they do not mix with NumPy arrays, live on a device, and are
computed with while that one is current. As CuPy's kernels do, what computes takes subnormal float32 numbers
for zero, and makes none; and where CuPy is installed, every operation has to give the dtype that CuPy's own
rules say. NVRTC knows initkit's programs by their text, and launches run what the real NVRTC, where there is
one, has made of the same text. Everything that is asked of "CUDA" is written down.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from initkit import backends
from initkit.backends import cupy_backend, cupy_library
from tests.backends.cupy_stand_in.arrays import DeviceArray, empty, guarded, on_device
from tests.backends.cupy_stand_in.devices import (
    AnyStream,
    Cuda,
    CudaError,
    Device,
    ExternalStream,
    MemoryPointer,
    OldStream,
    Stream,
    UnownedMemory,
    begin,
    now,
)
from tests.backends.cupy_stand_in.programs import Module, Program, binary, compile_program
from tests.backends.cupy_stand_in.resolution import real_cupy

__all__ = ["AnyStream", "Cuda", "DeviceArray", "empty", "library", "real_cupy", "stand_in"]


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
        return guarded(found, name)


_library: ModuleType | None = None


def library() -> Any:
    """The stand-in that was installed last."""
    return _library


@contextmanager
def stand_in(folder: Path, cuda: Cuda | None = None) -> Iterator[Cuda]:
    """Put a stand-in where `import cupy` finds it, with nothing compiled or loaded.

    Args:
        folder: Where compiled programs are kept.
        cuda: The devices that there are; None for two of compute capability 9.0.
    """
    global _library
    begin(cuda or Cuda())
    _library = _module(real_cupy())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", _library)
        patch.setenv("CUPY_CACHE_DIR", str(folder))
        _forget()
        try:
            yield now()
        finally:
            _forget()


def _forget() -> None:
    """Have initkit look for CuPy anew."""
    kept = (cupy_library.cupy_library, cupy_backend.programs, backends.get_backend, backends._cupy_backend)
    for cached in kept:
        cached.cache_clear()


def _module(real: Any) -> ModuleType:
    module = Namespace("cupy", np, real)
    module.__spec__ = ModuleSpec("cupy", None)
    core = SimpleNamespace(
        get_compute_type=lambda dtype: now().compute_type,
        set_compute_type=lambda dtype, number: setattr(now(), "compute_type", number),
    )
    own = {
        "_core": core,
        "ndarray": DeviceArray,
        "empty": DeviceArray,
        "asarray": _as_array,
        "asnumpy": lambda array, order: np.asarray(array.get(), order=order),
        "cuda": _cuda_module(),
        "from_dlpack": _from_dlpack,
    }
    module.__dict__.update(own, __version__=now().version)
    return module


def _cuda_module() -> SimpleNamespace:
    runtime = SimpleNamespace(
        getDevice=lambda: now().current[-1],
        getDeviceCount=_device_count,
        getDeviceProperties=_device_properties,
        pointerGetAttributes=lambda pointer: SimpleNamespace(device=now().places.get(pointer, 0)),
    )
    nvrtc = SimpleNamespace(
        getVersion=_nvrtc_version,
        getSupportedArchs=lambda: (70, 80, 89, 90),
        createProgram=lambda source, name, headers, names: Program(source),
        compileProgram=compile_program,
        getProgramLog=lambda program: "the compiler's own words",
        getCUBIN=binary,
        getPTX=binary,
        destroyProgram=lambda program: None,
    )
    return SimpleNamespace(
        Device=Device,
        ExternalStream=ExternalStream,
        Stream=Stream if now().major >= 14 else OldStream,
        UnownedMemory=UnownedMemory,
        MemoryPointer=MemoryPointer,
        Module=Module,
        runtime=runtime,
        nvrtc=nvrtc,
    )


def _device_count() -> int:
    count = now().devices
    if count is None:
        raise CudaError(
            "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
        )
    return count


def _device_properties(number: int) -> dict[str, Any]:
    major, minor = divmod(int(now().capability), 10)
    return {"name": b"Stand-in", "major": major, "minor": minor}


def _nvrtc_version() -> tuple[int, int]:
    if not now().nvrtc:
        raise RuntimeError("CuPy failed to load libnvrtc.so.12: OSError: cannot open shared object file")
    return 12, 9


def _as_array(value: Any, dtype: Any = None) -> DeviceArray:
    interface = getattr(value, "__cuda_array_interface__", None)
    if interface is None or isinstance(value, DeviceArray):
        made: DeviceArray = guarded(np.asarray, "asarray")(value, dtype)
        return made
    pointer = interface["data"][0]
    # NumPy's own interface is told in the same words; the owner is kept as long as the view.
    host = np.asarray(SimpleNamespace(__array_interface__=interface, owner=value))
    lent: DeviceArray = on_device(host, now().places.get(pointer, now().current[-1]))
    # As CuPy does with what is not where it works.
    return lent if lent.device.id == Device().id else _copied_here(lent)


def _copied_here(array: DeviceArray) -> DeviceArray:
    with array.device:
        values = array.get()
    copied: DeviceArray = guarded(np.asarray, "asarray")(values)
    return copied


def _from_dlpack(array: Any) -> DeviceArray:
    lent = array.__dlpack__()
    if not isinstance(lent, DeviceArray):
        raise BufferError("unsupported dtype")
    return lent
