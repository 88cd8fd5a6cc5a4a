"""Clearing the members of random subsets with the compiled kernels."""

from __future__ import annotations

from struct import Struct
from typing import Any

import numpy as np

from initkit.kernels.loader import engine

Array = np.ndarray[Any, Any]

# What dispatch.c reads.
_NUMBERS = Struct("=11q")


def can_clear() -> bool:
    """Whether this process has compiled kernels for it."""
    return engine().select is not None


def clear_members(
    out: Array, uniforms: Array, missing: Array, first: int, block: int, left: int, left_in_last: int
) -> None:
    """Go through rows in order, and write zeros where one is a member of its column's subset.

    Formula: a row is a member where `u·(rows left) < (members missing)`, in float32; then one less is.

    Args:
        out: Rows and columns of elements of 1, 2, 4, 8 or 16 bytes, with any strides.
        uniforms: Float32 array of axes `(rows, blocks, columns)`, C-contiguous: the `u`.
        missing: Uint8 array of axes `(blocks, columns)`, C-contiguous; updated.
        first: The row of `out` that the first row of the first block is; rows that it has not are counted
            and not cleared.
        block: The rows from one block to the next.
        left: The rows that are left of a block at the first of `uniforms`, that one included.
        left_in_last: The same of the last block; 0 or less where it has ended before.

    Raises:
        AssertionError: Elements of another size.
    """
    select = engine().select
    numbers = _NUMBERS.pack(
        *uniforms.shape, block, left, left_in_last, first, len(out), *out.strides, out.itemsize
    )
    addresses = [array.__array_interface__["data"][0] for array in (uniforms, missing, out)]
    if select(*addresses, numbers):
        message = f"The compiled kernels refused elements of {out.itemsize} bytes."
        raise AssertionError(message)
