"""CUDA programs on CuPy's devices: compiled at first use, kept on disk, launched on the current stream.

CuPy's own RawModule adds `-ftz=true` behind all other options, by which subnormal values would become zero.
So NVRTC is called here, through CuPy's bindings, and what it makes is loaded and launched by CuPy.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

from initkit.errors import BackendError
from initkit.kernels.cuda import OPTIONS, Launch

_DIGEST_BYTES = 32


class Programs:
    """The compiled programs of this process.

    Args:
        cupy: The library.
    """

    def __init__(self, cupy: ModuleType) -> None:
        self._cupy = cupy
        self._functions: dict[tuple[int, str, str], Any] = {}
        self._processors: dict[int, int] = {}
        self._lock = Lock()

    @property
    def loaded(self) -> int:
        """How many entry points have been loaded so far, on all devices."""
        return len(self._functions)

    def processors(self) -> int:
        """How many multiprocessors the current device has."""
        device = self._cupy.cuda.runtime.getDevice()
        if device not in self._processors:
            self._processors[device] = self._cupy.cuda.Device(device).attributes["MultiProcessorCount"]
        return self._processors[device]

    def run(self, source: str, launch: Launch) -> None:
        """Launch an entry point of a program on the current device and stream, and do not wait for it.

        Args:
            source: The program.
            launch: The entry point, how many threads, and its arguments.

        Raises:
            BackendError: NVRTC cannot compile for this device, or the driver not load what it made.
        """
        key = self._cupy.cuda.runtime.getDevice(), source, launch.entry
        function = self._functions.get(key)
        if function is None:
            function = self._loaded(*key)
        # CuPy passes an array of one element by value, whatever its type.
        arguments = tuple([np.frombuffer(data, _struct(len(data))) for data in launch.arguments])
        function(launch.grid, launch.block, arguments)

    def _loaded(self, device: int, source: str, entry: str) -> Any:
        # One thread compiles, the others find what it has made.
        with self._lock:
            if (device, source, entry) not in self._functions:
                binary = self._compiled(source, self._architecture(device))
                module = self._cupy.cuda.Module()
                try:
                    module.load(binary)
                except RuntimeError as error:
                    raise BackendError(self._not_loaded(device, error)) from error
                self._functions[device, source, entry] = module.get_function(entry)
            return self._functions[device, source, entry]

    def _not_loaded(self, device: int, error: RuntimeError) -> str:
        version = ".".join(map(str, self._cupy.cuda.nvrtc.getVersion()))
        message = (
            f"The driver cannot load what NVRTC {version} compiled ({error}). Received: device {device}."
        )
        message += " Allowed: a driver of NVRTC's version of CUDA or newer. Update the driver, install CuPy"
        return f"{message} for its CUDA, or draw with backend='numpy', which gives the same bits."

    def _architecture(self, device: int) -> str:
        """NVRTC's option for a device: its own instructions, or older ones for the driver to translate."""
        capability = int(self._cupy.cuda.Device(device).compute_capability)
        known = self._cupy.cuda.nvrtc.getSupportedArchs()
        if capability in known:
            return f"-arch=sm_{capability}"
        older = [number for number in known if number < capability]
        if older:
            return f"-arch=compute_{max(older)}"
        version = ".".join(map(str, self._cupy.cuda.nvrtc.getVersion()))
        message = f"NVRTC {version} no longer compiles for this device. Received: device {device}, of compute"
        message += f" capability {capability / 10}. Allowed: {min(known) / 10} or newer. Install CuPy for an"
        message += " older CUDA, or draw with backend='numpy', which gives the same bits."
        raise BackendError(message)

    def _compiled(self, source: str, architecture: str) -> bytes:
        """What NVRTC makes of a source, or made of it before."""
        options = (*OPTIONS, architecture)
        version = self._cupy.cuda.nvrtc.getVersion()
        name = sha256("\0".join((*map(str, version), *options, source)).encode()).hexdigest()
        folder = cache_folder()
        path = None if folder is None else folder / f"initkit-{name[:40]}.cubin"
        binary = None if path is None else _read(path)
        if binary is None:
            binary = self._compile(source, options)
            if path is not None:
                _write(path, binary)
        return binary

    def _compile(self, source: str, options: Sequence[str]) -> bytes:
        nvrtc = self._cupy.cuda.nvrtc
        program = nvrtc.createProgram(source, "initkit.cu", (), ())
        try:
            nvrtc.compileProgram(program, tuple(options))
            if options[-1].startswith("-arch=sm_"):
                binary: bytes = nvrtc.getCUBIN(program)
                return binary
            text: bytes = nvrtc.getPTX(program)
            return text
        except RuntimeError as error:
            log = nvrtc.getProgramLog(program).strip()
            message = f"NVRTC could not compile initkit's kernels ({error}). Received: options {options}."
            message += " Allowed: NVRTC of CUDA 12 or 13. Draw with backend='numpy', which gives the same"
            message += f" bits, and report this with the compiler's own words: {log[-1000:]}"
            raise BackendError(message) from error
        finally:
            nvrtc.destroyProgram(program)


@cache
def _struct(size: int) -> np.dtype[Any]:
    return np.dtype(f"V{size}")


def cache_folder() -> Path | None:
    """Where compiled programs are kept: beside CuPy's own.

    Returns:
        `$CUPY_CACHE_DIR`, or `.cupy/kernel_cache` in the home folder; None for a user who has no such folder.
    """
    try:
        return Path(os.environ.get("CUPY_CACHE_DIR") or Path("~/.cupy/kernel_cache").expanduser())
    except RuntimeError:
        return None


def _read(path: Path) -> bytes | None:
    """What was written to a file, unless it has been cut short or altered since."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, binary = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    return binary if digest == sha256(binary).digest() else None


def _write(path: Path, binary: bytes) -> None:
    """Keep a program; where that cannot be done, the next process compiles it again."""
    if os.environ.get("CUPY_CACHE_IN_MEMORY") == "1":
        return
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Other processes find the whole file or none, and what could not be written is not left behind.
        number, name = tempfile.mkstemp(dir=path.parent, prefix="initkit-")
        try:
            with os.fdopen(number, "wb") as file:
                file.write(sha256(binary).digest() + binary)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
