"""Counting and clearing the members of random subsets with the compiled kernels."""

from __future__ import annotations

from struct import Struct
from typing import Any

import numpy as np

from initkit.kernels.loader import engine
from initkit.kernels.requests import uniform_request

Array = np.ndarray[Any, Any]
Key = tuple[int, int, int, int]

# What dispatch.c reads.
_NUMBERS = Struct("=12q")
_COUNTING = Struct("=8I4d9q")
_FLOAT64 = np.dtype(np.float64)
# Up to here, float64 has every number of rows.
_MOST_ROWS = 2**53


def can_clear() -> bool:
    """Whether this process has compiled kernels for it."""
    return engine().select is not None


def can_count(rows: int) -> bool:
    """Whether this process has compiled kernels that count in matrices of so many rows."""
    return engine().count is not None and rows < _MOST_ROWS


def count_members(
    blocks: Array,
    matrix: tuple[int, int],
    size: int,
    block: int,
    columns: tuple[int, int, int],
    splits: Key,
    trials: Key,
) -> Array:
    """How many members the columns of a matrix have in some blocks of rows, as `Subsets.counts` has them.

    Args:
        blocks: The numbers of the blocks, ascending, int64, at least one.
        matrix: All rows, fewer than `2**53`, and all columns.
        size: The members that a column has, up to all rows.
        block: The rows of a block, 255 at most.
        columns: The first of the columns, the step to the next, and how many there are.
        splits: The draw for inversion.
        trials: The draw for rejection.

    Returns:
        Uint8 array of shape `(len(blocks), columns[2])`.
    """
    wanted, (rows, across) = np.ascontiguousarray(blocks, np.int64), matrix
    number, width = len(wanted), columns[2]
    missing = np.empty((number, width), np.uint8)
    # What fill.h asks for; of its last elements, two are as long as one of these.
    memory = np.empty(3 * number + (5 * number + 2) * width, np.int64)
    law = uniform_request(0.0, 1.0, _FLOAT64).law
    sides = rows, block, -(-rows // block), size, across
    packed = _COUNTING.pack(*splits, *trials, *law, *sides, *columns, number)
    addresses = [array.__array_interface__["data"][0] for array in (wanted, missing, memory)]
    engine().count(packed, *addresses)
    return missing


def clear_members(
    out: Array,
    uniforms: Array,
    missing: Array,
    first: int,
    block: int,
    left: int,
    left_in_last: int,
    step: int = 1,
) -> None:
    """Go through rows in order, and write zeros where one is a member of its column's subset.

    Formula: a row is a member where `u·(rows left) < (members missing)`, in float32; then one less is.

    Args:
        out: Rows and columns of elements of 1, 2, 4, 8 or 16 bytes, with any strides.
        uniforms: Float32 array of axes `(rows, blocks, columns)`, C-contiguous: the `u`.
        missing: Uint8 array of axes `(blocks, columns)`, C-contiguous; updated.
        first: How many rows of the matrix the first row of the first block lies after the first one of
            `out`; rows that `out` has not are counted and not cleared.
        block: The rows from one block to the next.
        left: The rows that are left of a block at the first of `uniforms`, that one included.
        left_in_last: The same of the last block; 0 or less where it has ended before.
        step: How many rows of the matrix lie between one of `out` and the next, 1 or more.

    Raises:
        AssertionError: Elements of another size.
    """
    select = engine().select
    numbers = _NUMBERS.pack(
        *uniforms.shape, block, left, left_in_last, first, step, len(out), *out.strides, out.itemsize
    )
    addresses = [array.__array_interface__["data"][0] for array in (uniforms, missing, out)]
    if select(*addresses, numbers):
        message = f"The compiled kernels refused elements of {out.itemsize} bytes."
        raise AssertionError(message)
