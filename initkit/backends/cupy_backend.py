"""Arrays on NVIDIA GPUs, in CuPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from initkit.backends.base import Backend, DrawKey
from initkit.backends.cupy_library import cupy_library
from initkit.backends.cupy_programs import Programs
from initkit.dtypes import DType, resolve_dtype, rounded
from initkit.errors import ShapeError
from initkit.kernels.cuda import fill_launch, fill_source, store_launch, store_source
from initkit.kernels.parameters import Request
from initkit.kernels.requests import normal_request, truncated_normal_request, uniform_request
from initkit.region import Region

# CuPy's numbers for how products of float32 are computed: in full; and from inputs cut to FP16, BF16 or TF32,
# as CUPY_TF32 has it.
_FULL = 1
_REDUCED = (3, 6, 7)


@contextmanager
def _whole_products(cupy: ModuleType) -> Iterator[None]:
    """Have CuPy multiply matrices of float32 as such; in this process, for it knows no narrower setting."""
    before = cupy._core.get_compute_type(np.float32)
    cupy._core.set_compute_type(np.float32, _FULL)
    try:
        yield
    finally:
        cupy._core.set_compute_type(np.float32, before)


@cache
def programs() -> Programs:
    """The compiled programs of this process, shared by all of its CuPy backends."""
    return Programs(cupy_library())


class CupyBackend(Backend):
    """CuPy arrays, filled by CUDA kernels that NVRTC compiles at first use.

    bfloat16 and float8 arrays have the dtypes of ml_dtypes, as in NumPy. CuPy 13 can make, slice and view
    such arrays; CuPy 14 can compute with bfloat16 as well. Neither computes with float8.

    Args:
        device: The device's number; None for the one that is current at each call.
        stream: The stream that work is queued on, as CUDA's own number; None for the current one.

    Raises:
        BackendError: CuPy cannot be used here.
    """

    name = "cupy"
    # Every kernel takes some microseconds to launch, so that small pieces would be nothing but launches.
    piece_elements = 1 << 22

    def __init__(self, device: int | None = None, stream: int | None = None) -> None:
        self.device = device
        self.stream = stream
        self.xp = cupy_library()

    def on_device(self) -> AbstractContextManager[object]:
        """Make the device and the stream current, where they were named, and float32 products whole."""
        cuda, reduced = self.xp.cuda, self.xp._core.get_compute_type(np.float32) in _REDUCED
        if self.stream is None and not reduced:
            return nullcontext() if self.device is None else cuda.Device(self.device)
        stack = ExitStack()
        if self.device is not None:
            stack.enter_context(cuda.Device(self.device))
        if self.stream is not None:
            stack.enter_context(cuda.ExternalStream(self.stream))
        if reduced:
            stack.enter_context(_whole_products(self.xp))
        return stack

    def empty(self, shape: tuple[int, ...], dtype: DType) -> Any:
        """A new array with undefined values.

        Raises:
            ShapeError: More axes or bytes than CuPy can number.
        """
        try:
            with self.on_device():
                return self.xp.empty(shape, dtype.numpy)
        except (ValueError, OverflowError) as error:
            message = f"CuPy cannot make an array of this shape ({error}). Received: shape {shape!r:.200},"
            message += f" dtype {dtype.name}. Allowed: what its arrays can number. Take slices of"
            message += " initializer.lazy(shape) instead."
            raise ShapeError(message) from None

    def store(self, out: Any, values: Any) -> None:
        """Write values, rounded once."""
        row = resolve_dtype(out.dtype)
        with self.on_device():
            values = self.xp.asarray(values)
            if row.draw.itemsize == 8:
                # Of these dtypes CuPy's casts are NumPy's.
                out[...] = values
                return
            if values.dtype.kind in "biu" or values.dtype == np.float16:
                values = values.astype(row.draw)
            if row.kind == "complex" and values.dtype.kind != "c":
                values = values.astype(np.complex64 if values.dtype == np.float32 else np.complex128)
            if out.size:
                self._store(out, self.xp.broadcast_to(values, out.shape), row)

    def _store(self, out: Any, values: Any, row: DType) -> None:
        """Round float32, float64 or complex values to a dtype that is drawn in float32."""
        target = resolve_dtype(row.draw) if row.kind == "complex" else row
        width = values.dtype.itemsize
        shape, read, written = out.shape, values.strides, out.strides
        if row.kind == "complex":
            width //= 2
            shape, read, written = (*shape, 2), (*read, width), (*written, 4)
        launch = store_launch(values.data.ptr, read, out.data.ptr, written, shape, programs().processors())
        programs().run(store_source(8 * width, target), launch)

    def put(self, out: Any, index: Any, values: Any) -> None:
        """`out[index] = values`, bit by bit."""
        with self.on_device():
            if isinstance(values, self.xp.ndarray):
                values = self.bits(values)
            else:
                values = self.bits(rounded(np.asarray(values), resolve_dtype(out.dtype)))
                # A number travels with the launch, and nothing waits for it.
                values = self.xp.asarray(values) if values.ndim else values[()]
            self.bits(out)[index] = values

    def bits(self, array: Any) -> Any:
        """The array itself, or a view as unsigned integers of a dtype that CuPy does not know."""
        return array if array.dtype.isbuiltin == 1 else array.view(f"u{array.dtype.itemsize}")

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """A copy in this process' memory; waits for the stream."""
        with self.on_device():
            host: np.ndarray[Any, Any] = self.bits(array).get().view(array.dtype)
            return host

    def uniform(self, out: Any, region: Region, key: DrawKey, low: float, high: float) -> None:
        """Fill with the uniform law on `[low, high)`."""
        row = resolve_dtype(out.dtype)
        self._fill(out, row, region, key, uniform_request(low, high, row.draw))

    def normal(self, out: Any, region: Region, key: DrawKey, mean: float, std: float) -> None:
        """Fill with the normal law."""
        row = resolve_dtype(out.dtype)
        self._fill(out, row, region, key, normal_request(mean, std, row.draw))

    def truncated_normal(
        self, out: Any, region: Region, key: DrawKey, mean: float, std: float, lower: float, upper: float
    ) -> None:
        """Fill with `mean + std·Z`, `Z` standard normal given `lower <= Z <= upper`."""
        row = resolve_dtype(out.dtype)
        self._fill(out, row, region, key, truncated_normal_request(mean, std, lower, upper, row.draw))

    def _fill(self, out: Any, row: DType, region: Region, key: DrawKey, request: Request) -> None:
        if not out.size:
            return
        running = programs()
        with self.on_device():
            launch = fill_launch(out.data.ptr, row, region.affine(), key, request, running.processors())
            running.run(fill_source(request.transform, row), launch)
