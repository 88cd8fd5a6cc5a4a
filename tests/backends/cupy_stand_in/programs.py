"""NVRTC and the driver: programs known by their text, and launches that take arguments as CuPy takes them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from initkit.kernels.cuda import OPTIONS, Launch
from tests.backends.cupy_stand_in.devices import CudaError, now
from tests.kernels.ptx_host import device_programs

# CUDA's, on devices of every compute capability; before CUDA 12.1 and Volta, no more bytes are passed.
_MOST_BLOCKS = 2**31 - 1, 65535
_MOST_ARGUMENT_BYTES = 4096
# As the kernels' `__launch_bounds__` have it.
_LAUNCH_BOUND = 256


class Program:
    """A program in NVRTC's hands."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.options: tuple[str, ...] = ()


def compile_program(program: Program, options: tuple[str, ...]) -> None:
    """What is not one of initkit's programs is a program with an error."""
    now().compiled.append(options)
    assert options[:-1] == OPTIONS
    if program.source not in device_programs():
        raise CudaError("NVRTC_ERROR_COMPILATION (6)")
    program.options = options


def binary(program: Program) -> bytes:
    """What is kept of a program, and loaded."""
    return f"{program.options[-1]}\0{program.source}".encode()


class Module:
    """A loaded program."""

    def load(self, binary: bytes) -> None:
        """Load it on the current device, for which it must have been compiled."""
        assert type(binary) is bytes
        architecture, _, source = binary.decode().partition("\0")
        assert architecture in (f"-arch=sm_{now().capability}", "-arch=compute_90")
        self.source = source

    def get_function(self, name: str) -> Callable[..., None]:
        """What launches an entry point."""
        assert f" {name}(" in self.source
        device = now().current[-1]

        def launch(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
            assert now().current[-1] == device, "a function of another device's module"
            # CuPy's function is typed: a list, or a number alone, is a TypeError.
            assert type(grid) is type(block) is type(arguments) is tuple
            data = tuple(map(marshalled, arguments))
            refuse_geometry(grid, block, data)
            done = Launch(name, (grid[0], grid[1]), (block[0], block[1]), data)
            now().launches.append((device, now().streams[-1], done))
            device_programs().launch(self.source, done)

        return launch


def refuse_geometry(grid: tuple[int, ...], block: tuple[int, ...], data: tuple[bytes, ...]) -> None:
    """Fail for a launch that the driver refuses.

    Args:
        grid: Blocks along x and y.
        block: Threads of a block along x and y.
        data: The bytes of each argument.
    """
    assert len(grid) == len(block) == 2
    assert min(*grid, *block) > 0, "a launch of nothing"
    assert grid[0] <= _MOST_BLOCKS[0], "too many blocks along x"
    assert grid[1] <= _MOST_BLOCKS[1], "too many blocks along y"
    assert block[0] * block[1] <= _LAUNCH_BOUND, "more threads than the kernels are compiled for"
    assert sum(map(len, data)) <= _MOST_ARGUMENT_BYTES, "too many bytes of arguments"


def marshalled(value: Any) -> bytes:
    """The bytes that the driver finds where CuPy points it to, as in CuPy's `_pointer` and `CScalar`.

    Args:
        value: An argument of a launch.

    Returns:
        As many bytes as CuPy has put there; the kernel reads as many as its own declaration says.
    """
    if value is None:
        return bytes(8)
    if isinstance(value, np.ndarray):
        if value.size != 1:
            raise TypeError(f"You are trying to pass a numpy.ndarray of shape {value.shape} as a parameter.")
        address = value.__array_interface__["data"][0]
        return ctypes.string_at(address, value.nbytes)
    if isinstance(value, np.generic):
        return value.tobytes()
    if type(value) is int:
        return (np.uint64 if value >= 1 << 63 else np.int64)(value).tobytes()
    if type(value) in (bool, float, complex):
        return np.asarray(value).tobytes()
    raise TypeError(f"Unsupported type {type(value)}")
