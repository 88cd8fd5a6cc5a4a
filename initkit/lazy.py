"""A tensor that has a shape and a dtype now, and values when it is indexed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from math import prod
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DType
from initkit.errors import ArgumentTypeError
from initkit.region import Region

if TYPE_CHECKING:
    from initkit.initializer import Initializer


# One lock for all, since a lock of its own would make a lazy array unfit for pickling.
_making_whole = RLock()


class LazyArray:
    """The array that an initializer would make, sliced before it exists.

    `lazy[index]` equals `initializer(shape, dtype)[index]` to the bit; `Orthogonal`'s values, which are
    matrix products, agree to the tolerance that it states. Made by `Initializer.lazy`.

    Attributes:
        shape: The shape of the whole tensor.
        dtype: Its NumPy dtype.
        initializer: Where the values come from.

    Example:
        >>> import initkit as ik
        >>> weight = ik.HeNormal(seed=7)
        >>> lazy = weight.lazy((64, 32))
        >>> lazy
        LazyArray(HeNormal(seed=7), shape=(64, 32), dtype='float32')
        >>> bool((lazy[3:60:7, -1] == weight((64, 32))[3:60:7, -1]).all())
        True
    """

    __slots__ = ("__weakref__", "_draw", "_row", "_token", "_whole", "initializer", "shape")

    def __init__(self, initializer: Initializer, shape: tuple[int, ...], dtype: DType, draw: Draw) -> None:
        self.initializer = initializer
        self.shape = shape
        self._row = dtype
        self._draw = draw
        self._whole: np.ndarray[Any, Any] | None = None
        # A class that only defines __call__ may draw in ways that neither its repr nor the draw tells.
        self._token = draw.key if initializer.makes_regions else secrets.token_hex(16)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of the values."""
        return self._row.numpy

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements of the whole tensor."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that the whole tensor would take."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """The length of the first axis."""
        if not self.shape:
            message = (
                "A lazy tensor without axes has no length. Received: shape (). Allowed: one axis or more."
            )
            message += " Take its value with lazy[()]."
            raise ArgumentTypeError(message)
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        """The values at an index, as a new array.

        Args:
            index: An integer, a slice with any step, an Ellipsis, or a tuple of these.

        Returns:
            An array, on the backend of the seed's generator; a scalar where integers alone index every axis.

        Raises:
            RegionIndexError: The index is out of bounds, or not basic indexing.
        """
        region, shape = Region.from_index(self.shape, index)
        values = self._values(region).reshape(shape)
        # As NumPy: integers alone give a scalar, but with an Ellipsis an array of no axes.
        parts = index if isinstance(index, tuple) else (index,)
        return values if shape or any(part is Ellipsis for part in parts) else values[()]

    def __iter__(self) -> Iterator[Any]:
        """The entries along the first axis, one after the other."""
        return map(self.__getitem__, range(len(self)))

    def fill(self, out: Any, region: Region) -> None:
        """Write the values of a region into a C-contiguous array of its counts."""
        if self.initializer.makes_regions:
            self.initializer.fill_region(out, region, self._draw)
        else:
            self._draw.backend.put(out, ..., self._kept_whole()[region.index()])

    def _values(self, region: Region) -> Any:
        with self._draw.backend.on_device():
            out = self._draw.backend.empty(region.counts, self._row)
            self.fill(out, region)
        return out

    def _kept_whole(self) -> np.ndarray[Any, Any]:
        # A class that only defines __call__ may give other values at every call, so one call must serve all
        # slices, and all threads.
        with _making_whole:
            if self._whole is None:
                self._whole = self.initializer.checked_call(self.shape, self._row)
            return self._whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The whole tensor as a NumPy array, for `np.asarray` and everything that calls it."""
        if copy is False:
            message = "A lazy tensor has no memory to share. Received: copy=False. Allowed: None, True."
            message += " Leave `copy` out."
            raise ArgumentTypeError(message)
        whole = self._draw.backend.to_numpy(self._values(Region.whole(self.shape)))
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        """What Dask names this array by: other values have another name."""
        return ("initkit.LazyArray", repr(self.initializer), self.shape, self._row.name, self._token)

    def __repr__(self) -> str:
        """Say where the values come from, and the shape and dtype."""
        return f"LazyArray({self.initializer!r}, shape={self.shape}, dtype={self._row.name!r})"


def first_values(values: Any, count: int) -> np.ndarray[Any, Any]:
    """The first values in row-major order, without the rest of them.

    Args:
        values: A `LazyArray`, or what is indexed like one.
        count: How many.

    Returns:
        An array of one dimension; shorter where there are fewer.

    Example:
        >>> import initkit as ik
        >>> first_values(ik.Identity().lazy((100_000, 100_000)), 3).tolist()
        [1.0, 0.0, 0.0]
    """
    box: list[slice] = []
    missing = count
    for length in reversed(values.shape):
        box.append(slice(0, min(length, missing)))
        missing = -(-missing // max(length, 1))
    return np.ravel(values[tuple(reversed(box))])[:count]
