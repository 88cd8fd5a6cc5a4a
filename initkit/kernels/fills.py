"""Filling NumPy arrays: the engine of this process, given a law, a draw and a region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from struct import Struct
from typing import Any

import numpy as np

from initkit.dtypes import resolve_dtype
from initkit.kernels import twin
from initkit.kernels.loader import engine
from initkit.kernels.parameters import UNIFORM, Request
from initkit.kernels.requests import normal_request, truncated_normal_request, uniform_request
from initkit.kernels.threads import PIECE, run_pieces
from initkit.region import AffineMap

Array = np.ndarray[Any, Any]
Key = tuple[int, int, int, int]

# fill.h has the same number: the room for a law in a packed request.
_MOST_PARAMETERS = 10
# From here up an output is larger than the caches.
_STREAMED_BYTES = 8 << 20


def fill_uniform(out: Array, affine: AffineMap, key: Key, low: float, high: float) -> None:
    """Fill a region with the uniform law on `[low, high)`.

    Args:
        out: A C-contiguous array of a float dtype of the table, with as many elements as the region.
        affine: From positions of the region to indices of the draw.
        key: The draw's identity.
        low: The lower end, finite.
        high: The upper end, finite, not below `low`.

    Raises:
        BackendError: An environment variable asks for an engine that cannot be had.
    """
    _fill(out, affine, key, uniform_request(low, high, resolve_dtype(out.dtype).draw))


def fill_normal(out: Array, affine: AffineMap, key: Key, mean: float, std: float) -> None:
    """Fill a region with the normal law.

    Args:
        out: As for `fill_uniform`.
        affine: From positions of the region to indices of the draw.
        key: The draw's identity.
        mean: The mean, finite.
        std: The standard deviation, finite, not negative.

    Raises:
        BackendError: An environment variable asks for an engine that cannot be had.
    """
    _fill(out, affine, key, normal_request(mean, std, resolve_dtype(out.dtype).draw))


def fill_truncated_normal(
    out: Array, affine: AffineMap, key: Key, mean: float, std: float, lower: float, upper: float
) -> None:
    """Fill a region with the law of `mean + std·Z`, `Z` standard normal given `lower <= Z <= upper`.

    Args:
        out: As for `fill_uniform`.
        affine: From positions of the region to indices of the draw.
        key: The draw's identity.
        mean: The mean before truncation, finite.
        std: The standard deviation before truncation, finite, not negative.
        lower: The lower bound in standard deviations; may be minus infinity.
        upper: The upper bound in standard deviations, above `lower`; may be infinity.

    Raises:
        BackendError: An environment variable asks for an engine that cannot be had.
    """
    _fill(out, affine, key, truncated_normal_request(mean, std, lower, upper, resolve_dtype(out.dtype).draw))


_in_place: ContextVar[bool] = ContextVar("initkit_in_place", default=False)


@contextmanager
def filling_in_place() -> Iterator[None]:
    """Say that what is filled inside the `with` block is memory that was in use before.

    New memory has just been cleared by the system and is in the caches, where ordinary stores find it.
    """
    token = _in_place.set(True)
    try:
        yield
    finally:
        _in_place.reset(token)


def _pays_to_stream(out: Array, request: Request) -> bool:
    """Whether writing around the caches is faster: all other laws take longer than memory does."""
    return request.transform == UNIFORM and out.nbytes >= _STREAMED_BYTES and _in_place.get()


def _fill(out: Array, affine: AffineMap, key: Key, request: Request) -> None:
    count = out.size
    if not count:
        return
    running = engine()
    if running.fill is None:
        flat = out.reshape(-1)
        twin.fill(flat, key, affine, 0, request)
        return
    address, width, fill = out.__array_interface__["data"][0], out.itemsize, running.fill
    axes = len(affine.counts)
    packed = _layout(axes).pack(
        *key,
        request.transform,
        resolve_dtype(out.dtype).kernel_code,
        axes,
        # Whatever is written around the caches is copied, to any address; else C needs aligned ones.
        _pays_to_stream(out, request) or address % width != 0,
        *request.law,
        *_PADDING[len(request.law)],
        affine.offset,
        *affine.counts,
        *affine.strides,
    )

    if count <= PIECE:
        # A small tensor is drawn in the time that the way through the threads takes.
        _refuse(fill(packed, 0, count, address), out, request, affine)
        return

    # Holds on to `out`: should the call be interrupted, the memory is there until every thread has stopped.
    def work(first: int, length: int) -> None:
        _refuse(fill(packed, first, length, address + first * width), out, request, affine)

    run_pieces(count, work)


def _refuse(status: int, out: Array, request: Request, affine: AffineMap) -> None:
    if status:
        message = f"The compiled kernels refused a request for {out.dtype}: {request}, {affine}."
        raise AssertionError(message)


_PADDING = [(0.0,) * (_MOST_PARAMETERS - length) for length in range(_MOST_PARAMETERS + 1)]


@cache
def _layout(axes: int) -> Struct:
    """What dispatch.c reads: native byte order, no padding."""
    return Struct(f"=4I4i{_MOST_PARAMETERS}dQ{axes}Q{axes}q")
