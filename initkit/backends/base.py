"""What an array library has to do for initkit, and nothing more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import numpy as np

from initkit.dtypes import DType
from initkit.region import Region

DrawKey = tuple[int, int, int, int]


def real_parts(array: Any) -> tuple[Any, ...]:
    """Views of an array's real and imaginary parts, or a real array itself."""
    return (array.real, array.imag) if array.dtype.kind == "c" else (array,)


def real_views(array: Any) -> tuple[Any, ...]:
    """Real arrays that together are all the real numbers in an array: one where they lie in one piece."""
    if array.dtype.kind == "c" and array.ndim and array.flags.c_contiguous:
        return (array.view(f"f{array.dtype.itemsize // 2}"),)
    return real_parts(array)


class Backend(ABC):
    """A place where arrays live, and the three distributions that can be drawn there.

    Every method that draws fills `out`, a C-contiguous array of the region's counts whose dtype is one
    of the table's float dtypes, with the values that stream 1 gives to the draw `key`. All backends
    give the same bits.

    Attributes:
        name: The name that a `SeedGenerator` knows it by.
        device: Where among the library's devices the arrays live, or None where it has but one.
        xp: The array library's namespace, for what is array algebra and not drawing. It makes arrays on the
            library's current device, so it is to be used inside `on_device()`.
        piece_elements: How many elements to compute at a time, of tensors that are array algebra.
    """

    name: str
    device: str | int | None = None
    xp: ModuleType
    piece_elements: int

    def on_device(self) -> AbstractContextManager[object]:
        """A context in which `xp` makes its arrays where this backend's live."""
        return nullcontext()

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: DType) -> Any:
        """A new C-contiguous array with undefined values."""

    @abstractmethod
    def store(self, out: Any, values: Any) -> None:
        """Write values into an array of any layout, rounded to its dtype as draws are rounded.

        Args:
            out: An array of a dtype of the table.
            values: An array that broadcasts to its shape; of floats, complex values or integers.
        """

    @abstractmethod
    def widened(self, values: Any) -> Any:
        """The same values as a new float64 array, of a float32 or float64 one of any layout."""

    @abstractmethod
    def scale(self, array: Any, factor: float) -> None:
        """Multiply values where they are, in their own precision, each product rounded once.

        Of a complex value, either part is multiplied on its own.

        Args:
            array: A float32, float64, complex64 or complex128 array of any layout.
            factor: The factor, which is rounded to that precision first.
        """

    @abstractmethod
    def shift(self, array: Any, offset: float) -> None:
        """Add a number to values where they are, in their own precision, each sum rounded once.

        Args:
            array: A float32 or float64 array of any layout.
            offset: The number, which is rounded to that precision first.
        """

    @abstractmethod
    def put(self, out: Any, index: Any, values: Any) -> None:
        """`out[index] = values`, where nothing has to be rounded, in every dtype of the table.

        Args:
            out: An array of a dtype of the table, of any layout.
            index: Any index that the library takes.
            values: An array of the same dtype, this backend's or NumPy's; or a number that the dtype holds.
        """

    @abstractmethod
    def bits(self, array: Any) -> Any:
        """The array as one that the library can index and assign: itself, or a view as unsigned integers."""

    @abstractmethod
    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """The same values as a NumPy array, once they are there; the array itself where it is one."""

    @abstractmethod
    def uniform(self, out: Any, region: Region, key: DrawKey, low: float, high: float) -> None:
        """Fill with the uniform law on `[low, high)`."""

    @abstractmethod
    def normal(self, out: Any, region: Region, key: DrawKey, mean: float, std: float) -> None:
        """Fill with the normal law."""

    @abstractmethod
    def truncated_normal(
        self, out: Any, region: Region, key: DrawKey, mean: float, std: float, lower: float, upper: float
    ) -> None:
        """Fill with `mean + std·Z`, `Z` standard normal given `lower <= Z <= upper`."""

    def __reduce__(self) -> tuple[Any, tuple[str, str | int | None]]:
        """Pickle by name; the other process finds its own."""
        from initkit.backends import get_backend

        return get_backend, (self.name, self.device)
