"""What "CUDA" is made of: devices, streams, memory, and a record of what was asked of them."""

from __future__ import annotations

import ctypes
import warnings
from typing import Any

from initkit.kernels.cuda import Launch


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
        operations: What was computed by CuPy, element by element, and whether in complex numbers.
        made_current: Devices, each time that one became current, which gives the process a context there.
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
        self.operations: set[tuple[str, bool]] = set()
        self.made_current: list[int] = []
        # On which device memory is, by its address; what is not named is on the first.
        self.places: dict[int, int] = {}

    @property
    def major(self) -> int:
        """CuPy's major version."""
        return int(self.version.partition(".")[0])


class _Now:
    """The "CUDA" that was installed last."""

    cuda = Cuda()


def now() -> Cuda:
    """The "CUDA" that was installed last."""
    return _Now.cuda


def begin(cuda: Cuda) -> None:
    """Have another one."""
    _Now.cuda = cuda


class Device:
    """A device, current inside `with`.

    Args:
        number: Its number; None for the current one.
    """

    def __init__(self, number: int | None = None) -> None:
        self.id = now().current[-1] if number is None else number
        self.attributes = {"MultiProcessorCount": 4}

    @property
    def compute_capability(self) -> str:
        """Without a point, as CuPy has it, which makes the device current to ask for it."""
        now().made_current.append(self.id)
        return now().capability

    def __enter__(self) -> Device:
        assert 0 <= self.id < (now().devices or 0)
        now().made_current.append(self.id)
        now().current.append(self.id)
        return self

    def __exit__(self, *_: object) -> None:
        now().current.pop()


class AnyStream:
    """A stream that another library has made, current inside `with`."""

    def __init__(self, pointer: int) -> None:
        self.ptr = pointer

    def __enter__(self) -> AnyStream:
        now().streams.append(self.ptr)
        return self

    def __exit__(self, *_: object) -> None:
        now().streams.pop()


class ExternalStream(AnyStream):
    """Such a stream by its number, of which CuPy 14 warns."""

    def __init__(self, pointer: int, device_id: int = -1) -> None:
        if now().major >= 14:
            message = "ExternalStream is deprecated. Use Stream.from_external() instead."
            warnings.warn(message, DeprecationWarning, stacklevel=2)
        super().__init__(pointer)


class OldStream:
    """CuPy 13's own streams, of which initkit makes none."""


class Stream:
    """CuPy 14's, which can be any library's that follows the protocol."""

    @classmethod
    def from_external(cls, stream: Any) -> AnyStream:
        """The stream of an object that tells its number."""
        version, number = stream.__cuda_stream__()
        assert (version, type(number)) == (0, int)
        return AnyStream(number)


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
