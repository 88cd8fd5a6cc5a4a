"""Arrays in the memory of this process."""

from __future__ import annotations

from typing import Any

import numpy as np

from initkit import kernels
from initkit.backends.base import Backend, DrawKey, real_views
from initkit.dtypes import DType, resolve_dtype, rounded
from initkit.errors import ShapeError
from initkit.region import Region


class NumpyBackend(Backend):
    """NumPy arrays, filled by the compiled kernels or by their NumPy twin."""

    name = "numpy"
    xp = np
    # The arrays that a piece is computed with then stay in the caches.
    piece_elements = 1 << 15

    def empty(self, shape: tuple[int, ...], dtype: DType) -> np.ndarray[Any, Any]:
        """A new array with undefined values.

        Raises:
            ShapeError: More axes or bytes than NumPy can number.
        """
        try:
            return np.empty(shape, dtype.numpy)
        except ValueError as error:
            message = (
                f"NumPy cannot make an array of this shape ({error}). Received: shape {shape!r:.200}, dtype"
            )
            message += f" {dtype.name}. Allowed: 64 axes and 2**63 - 1 bytes. Take slices of"
            message += " initializer.lazy(shape) instead."
            raise ShapeError(message) from None

    def store(self, out: np.ndarray[Any, Any], values: Any) -> None:
        """Write values, rounded once."""
        out[...] = rounded(np.asarray(values), resolve_dtype(out.dtype))

    def widened(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A copy in float64."""
        return values.astype(np.float64)

    def scale(self, array: np.ndarray[Any, Any], factor: float) -> None:
        """Multiply in place."""
        # NumPy's product of complex numbers is two products and a sum, fused or not as the processor has it.
        for part in real_views(array):
            part *= factor

    def shift(self, array: np.ndarray[Any, Any], offset: float) -> None:
        """Add in place."""
        array += offset

    def put(self, out: np.ndarray[Any, Any], index: Any, values: Any) -> None:
        """`out[index] = values`."""
        out[index] = values

    def bits(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The array itself."""
        return array

    def to_numpy(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The array itself."""
        return array

    def uniform(
        self, out: np.ndarray[Any, Any], region: Region, key: DrawKey, low: float, high: float
    ) -> None:
        """Fill with the uniform law on `[low, high)`."""
        kernels.fill_uniform(out, region.affine(), key, low, high)

    def normal(
        self, out: np.ndarray[Any, Any], region: Region, key: DrawKey, mean: float, std: float
    ) -> None:
        """Fill with the normal law."""
        kernels.fill_normal(out, region.affine(), key, mean, std)

    def truncated_normal(
        self,
        out: np.ndarray[Any, Any],
        region: Region,
        key: DrawKey,
        mean: float,
        std: float,
        lower: float,
        upper: float,
    ) -> None:
        """Fill with `mean + std·Z`, `Z` standard normal given `lower <= Z <= upper`."""
        kernels.fill_truncated_normal(out, region.affine(), key, mean, std, lower, upper)
