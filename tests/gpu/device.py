"""The GPU of this machine, if it has one, and what moves initializers to it and values from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import initkit as ik
from initkit.dtypes import resolve_dtype


@cache
def why_no_gpu() -> str:
    """Why nothing can run on a GPU here; empty where something can."""
    try:
        with warnings.catch_warnings():
            # CuPy warns of toolkits that it does not find, and need not have.
            warnings.simplefilter("ignore")
            import cupy

            devices = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        return f"no GPU: {str(error).strip() or type(error).__name__}"
    return "" if devices else "no GPU: CuPy sees no device"


def gpu_generator(seed: int = 7, **options: Any) -> ik.SeedGenerator:
    """A generator whose first draw is that of the integer seed, on the GPU."""
    return ik.SeedGenerator(seed, backend="cupy", **options)


def on_gpu(value: Any) -> Any:
    """The same initializer with its integer seeds, and those inside it, drawing on the GPU.

    Every seed becomes a generator of its own, for an integer always means draw 0.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(map(on_gpu, value))
    if isinstance(value, dict):
        return {key: on_gpu(entry) for key, entry in value.items()}
    if not isinstance(value, ik.Initializer):
        return value
    arguments = {name: on_gpu(argument) for name, argument in value._arguments().items()}
    if isinstance(arguments.get("seed"), int):
        arguments["seed"] = gpu_generator(arguments["seed"])
    return type(value)(**arguments)


def on_host(array: Any, dtype: str) -> np.ndarray[Any, Any]:
    """The values of a CuPy array, which must be of that dtype or carry its bits, as a NumPy array of it."""
    import cupy

    row = resolve_dtype(dtype)
    assert isinstance(array, cupy.ndarray), type(array)
    assert array.dtype.itemsize == row.numpy.itemsize, array.dtype
    if array.dtype.isbuiltin != 1:
        # CuPy cannot copy float8, but the same bytes as integers.
        array = array.view(f"u{array.dtype.itemsize}")
    values: np.ndarray[Any, Any] = cupy.asnumpy(array, order="C").view(row.numpy)
    return values


def bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The bytes of a NumPy array's values, row by row: equal for values that are equal to the bit."""
    return np.frombuffer(array.tobytes(), np.uint8)


def assert_same_bits(array: Any, expected: np.ndarray[Any, Any]) -> None:
    """Fail unless a CuPy array has the shape and, to the bit, the values of a NumPy array."""
    assert array.shape == expected.shape
    assert np.array_equal(bits(on_host(array, expected.dtype.name)), bits(expected))


def free_bytes() -> int:
    """How much memory the current device has left, with nothing kept in CuPy's pool."""
    import cupy

    cupy.get_default_memory_pool().free_all_blocks()
    free: int = cupy.cuda.runtime.memGetInfo()[0]
    return free


def peak_bytes(work: Callable[[], object]) -> int:
    """The most memory that was in use at once, of what CuPy has allocated for some work.

    A pool's size says less, for a pool keeps what is given back to it, and cuts it into pieces.
    """
    import cupy

    held: dict[int, int] = {}
    peaks = [0]

    class Hook(cupy.cuda.MemoryHook):  # type: ignore[misc]  # CuPy has no types
        name = "peak_bytes"

        def malloc_postprocess(self, **told: int) -> None:
            held[told["pmem_id"]] = told["mem_size"]
            peaks.append(sum(held.values()))

        def free_postprocess(self, **told: int) -> None:
            held.pop(told["pmem_id"], None)

    with Hook():
        work()
    return max(peaks)
