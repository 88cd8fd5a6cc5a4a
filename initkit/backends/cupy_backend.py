"""Arrays on NVIDIA GPUs, in CuPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from math import prod
from threading import Lock
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from initkit.backends.base import Backend, DrawKey, real_parts, real_views
from initkit.backends.cupy_library import cupy_library
from initkit.backends.cupy_programs import Programs
from initkit.dtypes import DType, resolve_dtype, rounded
from initkit.errors import ShapeError
from initkit.kernels.cuda import (
    adjust_launch,
    adjust_source,
    fill_launch,
    fill_source,
    store_launch,
    store_source,
)
from initkit.kernels.parameters import Request
from initkit.kernels.requests import normal_request, truncated_normal_request, uniform_request
from initkit.region import Region

# CuPy's numbers for how products of float32 are computed: in full; and from inputs cut to FP16, BF16 or TF32,
# as CUPY_TF32 has it.
_FULL = 1
_REDUCED = (3, 6, 7)

# Beyond it, CuPy's count of bytes would start again at 0.
_MOST_BYTES = 2**63 - 1
_FLOAT64 = resolve_dtype("float64")
_WHERE_THE_CALLER_IS = nullcontext()
_SINGLE = (np.dtype(np.float32), np.dtype(np.complex64))


def _patterns(array: Any) -> tuple[Any, ...]:
    """An array's values as unsigned integers: one view, or one each of real and imaginary parts."""
    return tuple(part.view(f"u{part.dtype.itemsize}") for part in real_parts(array))


class _WholeProducts:
    """Has CuPy multiply matrices of float32 as such, for as long as any thread is inside `with`.

    CuPy knows no narrower setting than that of the process, so the last thread to leave puts it back.
    """

    def __init__(self) -> None:
        self.inside = 0
        self._before = _FULL
        self._lock = Lock()

    @contextmanager
    def on(self, cupy: ModuleType) -> Iterator[None]:
        """A context in which products are whole."""
        with self._lock:
            if not self.inside:
                self._before = cupy._core.get_compute_type(np.float32)
                cupy._core.set_compute_type(np.float32, _FULL)
            self.inside += 1
        try:
            yield
        finally:
            with self._lock:
                self.inside -= 1
                if not self.inside:
                    cupy._core.set_compute_type(np.float32, self._before)


_whole_products = _WholeProducts()


class _LentStream(NamedTuple):
    """Another library's stream, as CuPy 14 takes one."""

    number: int

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.number


def _lent(cupy: ModuleType, number: int) -> Any:
    """CuPy's stream of that number; CuPy 14 warns of the class that CuPy 13 has for it."""
    if hasattr(cupy.cuda.Stream, "from_external"):
        return cupy.cuda.Stream.from_external(_LentStream(number))
    return cupy.cuda.ExternalStream(number)


@cache
def programs() -> Programs:
    """The compiled programs of this process, shared by all of its CuPy backends."""
    return Programs(cupy_library())


class CupyBackend(Backend):
    """CuPy arrays, filled by CUDA kernels that NVRTC compiles at first use.

    bfloat16 and float8 arrays have the dtypes of ml_dtypes, as in NumPy. CuPy can slice and view such arrays;
    CuPy 14 can compute with bfloat16 as well. Neither computes with float8.

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
        set_to = self.xp._core.get_compute_type(np.float32)
        # Another thread may have made products whole, and would cut them again when it leaves.
        if set_to not in _REDUCED and not _whole_products.inside:
            return self._here()
        with ExitStack() as stack:
            stack.enter_context(self._here())
            stack.enter_context(_whole_products.on(self.xp))
            return stack.pop_all()

    def _here(self) -> AbstractContextManager[object]:
        """The device and the stream alone, which are all that matters where nothing is multiplied."""
        if self.stream is None:
            return _WHERE_THE_CALLER_IS if self.device is None else self.xp.cuda.Device(self.device)
        with ExitStack() as stack:
            if self.device is not None:
                stack.enter_context(self.xp.cuda.Device(self.device))
            stack.enter_context(_lent(self.xp, self.stream))
            return stack.pop_all()

    def empty(self, shape: tuple[int, ...], dtype: DType) -> Any:
        """A new array with undefined values.

        Raises:
            ShapeError: More axes or bytes than CuPy can number.
        """
        try:
            if prod(shape) * dtype.numpy.itemsize > _MOST_BYTES:
                message = "more than 2**63 - 1 bytes"
                raise OverflowError(message)
            with self._here():
                if dtype.numpy.isbuiltin == 1:
                    return self.xp.empty(shape, dtype.numpy)
                # CuPy 14 allocates no float8 arrays, but has them as views.
                return self.xp.empty(shape, f"u{dtype.numpy.itemsize}").view(dtype.numpy)
        except (ValueError, OverflowError) as error:
            message = f"CuPy cannot make an array of this shape ({error}). Received: shape {shape!r:.200},"
            message += f" dtype {dtype.name}. Allowed: what its arrays can number. Take slices of"
            message += " initializer.lazy(shape) instead."
            raise ShapeError(message) from None

    def store(self, out: Any, values: Any) -> None:
        """Write values, rounded once."""
        row = resolve_dtype(out.dtype)
        with self._here():
            values = self.xp.asarray(values)
            single = row.kind in ("float", "complex") and values.dtype in _SINGLE
            if row.draw.itemsize == 8 and not single:
                # CuPy's other casts to these dtypes are NumPy's.
                out[...] = values
                return
            if values.dtype.kind in "biu" or values.dtype == np.float16:
                values = values.astype(row.draw)
            if not out.size:
                return
            if row.kind == "complex" and values.dtype.kind != "c":
                _patterns(out)[1][...] = 0
                out, row = out.real, resolve_dtype(row.draw)
            self._store(out, self.xp.broadcast_to(values, out.shape), row)

    def _store(self, out: Any, values: Any, row: DType) -> None:
        """Round or widen float32, float64 or complex values."""
        target = resolve_dtype(row.draw) if row.kind == "complex" else row
        width = values.dtype.itemsize
        shape, read, written = out.shape, values.strides, out.strides
        if row.kind == "complex":
            width //= 2
            shape, read, written = (*shape, 2), (*read, width), (*written, target.numpy.itemsize)
        launch = store_launch(values.data.ptr, read, out.data.ptr, written, shape, programs().processors())
        programs().run(store_source(8 * width, target), launch)

    def widened(self, values: Any) -> Any:
        """A copy in float64, by a kernel that keeps subnormal values."""
        out = self.empty(values.shape, _FLOAT64)
        self.store(out, values)
        return out

    def scale(self, array: Any, factor: float) -> None:
        """Multiply in place, by a kernel that keeps subnormal values."""
        for part in real_views(array):
            self._adjust("ik_scale", part, factor)

    def shift(self, array: Any, offset: float) -> None:
        """Add in place, by a kernel that keeps subnormal values."""
        self._adjust("ik_shift", array, offset)

    def _adjust(self, entry: str, array: Any, number: float) -> None:
        if not array.size:
            return
        source = adjust_source(8 * array.dtype.itemsize)
        with np.errstate(over="ignore"):
            held = float(array.dtype.type(number))
        running = programs()
        with self._here():
            address, many = array.data.ptr, running.processors()
            running.run(source, adjust_launch(entry, address, array.strides, array.shape, held, many))

    def put(self, out: Any, index: Any, values: Any) -> None:
        """`out[index] = values`, bit by bit."""
        with self._here():
            there = isinstance(values, self.xp.ndarray)
            if not there:
                values = rounded(np.asarray(values), resolve_dtype(out.dtype))
            # As integers, for CuPy writes 0 where it is told to write -0.
            for target, part in zip(_patterns(out), _patterns(values), strict=True):
                # A number travels with the launch, and nothing waits for it.
                target[index] = part if there else self.xp.asarray(part) if part.ndim else part[()]

    def bits(self, array: Any) -> Any:
        """The array itself, or a view as unsigned integers of a dtype that CuPy does not know."""
        return array if array.dtype.isbuiltin == 1 else array.view(f"u{array.dtype.itemsize}")

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """A copy in this process' memory; waits for the stream."""
        with self._here():
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
        with self._here():
            launch = fill_launch(out.data.ptr, row, region.affine(), key, request, running.processors())
            running.run(fill_source(request.transform, row), launch)
