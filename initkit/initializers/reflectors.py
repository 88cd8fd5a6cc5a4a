"""Haar-distributed matrices as products of Householder reflectors, a block of them at a time.

Row `k` of the draw, from its `k`-th entry on, is a vector `x` of independent standard normal values. Its
reflector `H = I - τ·v·vᴴ`, with `v = x + s·|x|·e`, `e` the first unit vector, `s` the sign (complex: the
phase) of `x`'s first entry and `τ = 2/|v|²`, sends `x` to `-s·|x|·e`. The QR decomposition of a normal
matrix makes these reflectors one after another, so `Q = H₁⋯Hₙ·[I; 0]·D`, with `D` the diagonal of the `-s`
that make R's diagonal positive, has the law of its Q: Haar's.

Consecutive reflectors multiply to `I - V·T·Vᴴ`, where `T` is upper triangular and
`T⁻¹ = striu(VᴴV) + diag(1/τ)`. That `T⁻¹ + T⁻ᴴ = VᴴV` is all that makes the product unitary, so the
diagonal is taken from the very same `VᴴV`, and rounding in a norm does not touch orthogonality.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

# draw_rows(first, count) -> entries first… of the draw's rows first…first + count, an array to keep.
DrawRows = Callable[[int, int], Any]

# Reflectors per block: with fewer, products are thin; with more, forming T costs what they save.
_LEAST_BLOCK = 64
_MOST_BLOCK = 192
# Very long ones are taken fewer at a time, for the sake of memory.
_BLOCK_BYTES = 1 << 28
# On a device, where it is the host's time to launch everything that a small block costs, they are larger.
_DEVICE_MOST_BLOCK = 512
_DEVICE_BLOCK_BYTES = 1 << 24

# A product that is added to a matrix is made in panels of about this many bytes, which stay in the cache,
# but of no fewer rows than a product needs to be fast.
_PANEL_BYTES = 1 << 21
_LEAST_PANEL = 64
# On a device, where every product has to be launched, panels are larger.
_DEVICE_PANEL_BYTES = 1 << 25

# Triangles up to this size are left to LAPACK, larger ones are made of them by matrix products.
_DIRECT_INVERSE = 48


class _Block(NamedTuple):
    """The product `I + V·coupling·Vᴴ` of the reflectors from `first` on, and their part of `D`."""

    first: int
    vectors: Any
    adjoint: Any
    coupling: Any
    signs: Any


def fill_columns(xp: ModuleType, out: Any, columns: np.ndarray[Any, Any], draw_rows: DrawRows) -> None:
    """Write some columns of Q; column `j` costs the reflectors up to its own.

    Args:
        xp: The array library.
        out: The array for them, one row per row of Q; its dtype is that of the computation.
        columns: Which columns, increasing.
        draw_rows: Gives the normal draws.
    """
    if not out.size:
        return
    size = _block_size(xp, len(columns), out.shape[0] * out.itemsize)
    needed = int(columns[-1]) + 1
    later = len(columns)
    for first in reversed(range(0, needed, size)):
        block = _make_block(xp, draw_rows, first, min(size, needed - first))
        begin = int(np.searchsorted(columns, first))
        _enter_columns(xp, block, columns[begin:later], out[:, begin:later])
        if later < len(columns):
            _reflect_columns(xp, block, out[:, later:])
        later = begin


def _enter_columns(xp: ModuleType, block: _Block, columns: np.ndarray[Any, Any], out: Any) -> None:
    """Begin columns with their last reflectors; the rows above are left to the blocks before."""
    if not len(columns):
        return
    within = columns - block.first
    picked = xp.asarray(within)
    signs = block.signs[picked]
    weights = block.coupling @ (block.adjoint[:, picked] * signs)
    xp.matmul(block.vectors.T, weights, out=out[block.first :])
    out[xp.asarray(columns), xp.arange(len(columns))] += signs


def _reflect_columns(xp: ModuleType, block: _Block, out: Any) -> None:
    """Apply the block to columns that are still zero in the block's own rows and above."""
    count = len(block.vectors)
    head, tail = out[block.first : block.first + count], out[block.first + count :]
    if xp is not np:
        _reflect_in_panels(xp, block, head, tail)
        return
    weights = block.coupling @ (block.adjoint[:, count:] @ tail)
    xp.matmul(block.vectors[:, :count].T, weights, out=head)
    _add_product(xp, block.vectors[:, count:].T, weights, tail)


def _reflect_in_panels(xp: ModuleType, block: _Block, head: Any, tail: Any) -> None:
    """The same on a device, some columns at a time.

    There a product copies every matrix that is not in one piece: here it is done, and the size is bounded.
    """
    count = len(block.vectors)
    own, later = (xp.ascontiguousarray(block.vectors[:, part]) for part in (slice(count), slice(count, None)))
    adjoint = xp.ascontiguousarray(block.adjoint[:, count:])
    width = max(_DEVICE_PANEL_BYTES // (max(len(tail), 1) * tail.itemsize), _LEAST_PANEL)
    for left in range(0, tail.shape[1], width):
        part = tail[:, left : left + width]
        panel = part.copy()
        weights = block.coupling @ (adjoint @ panel)
        head[:, left : left + width] = own.T @ weights
        part += xp.matmul(later.T, weights, out=panel)
        # Else it would be there until the next one is.
        del panel


def fill_rows(
    xp: ModuleType,
    out: Any,
    rows: np.ndarray[Any, Any],
    columns: np.ndarray[Any, Any],
    height: int,
    draw_rows: DrawRows,
) -> None:
    """Write some rows of Q, at the columns asked for, without the other rows.

    Args:
        xp: The array library.
        out: The array for them; its dtype is that of the computation.
        rows: Which rows, in any order.
        columns: Which columns, increasing.
        height: How many rows Q has.
        draw_rows: Gives the normal draws.
    """
    if not out.size:
        return
    size = _block_size(xp, len(rows), height * out.itemsize)
    needed = int(columns[-1]) + 1
    state = xp.zeros((len(rows), height), out.dtype)
    state[xp.arange(len(rows)), xp.asarray(rows)] = 1
    begin = 0
    for first in range(0, needed, size):
        block = _make_block(xp, draw_rows, first, min(size, needed - first))
        active = state[:, first:]
        weights = (active @ block.vectors.T) @ block.coupling
        _add_product(xp, weights, block.adjoint, active)
        end = int(np.searchsorted(columns, first + len(block.vectors)))
        picked = xp.asarray(columns[begin:end] - first)
        out[:, begin:end] = active[:, picked] * block.signs[picked]
        begin = end


def _block_size(xp: ModuleType, vectors: int, nbytes: int) -> int:
    """How many reflectors of so many bytes to take at once, given how many vectors they are applied to."""
    most, room = (_MOST_BLOCK, _BLOCK_BYTES) if xp is np else (_DEVICE_MOST_BLOCK, _DEVICE_BLOCK_BYTES)
    return min(max(_LEAST_BLOCK, min(most, vectors // 2)), max(room // max(nbytes, 1), 1))


def _make_block(xp: ModuleType, draw_rows: DrawRows, first: int, count: int) -> _Block:
    """Turn normal draws into reflectors, and these into one product."""
    vectors = draw_rows(first, count)
    diagonal = xp.arange(count)
    leading = vectors[diagonal, diagonal]
    vectors[:, :count] = xp.triu(vectors[:, :count], 1)
    parts = vectors.view(leading.real.dtype)
    tails = xp.einsum("ij,ij->i", parts, parts, dtype=np.float64)
    sizes = abs(leading).astype(np.float64)
    lengths = sizes + xp.sqrt(tails + sizes * sizes)
    signs = _signs(xp, leading)
    # A vector of zeros has no direction; the unit vector's own reflector keeps its column a unit vector.
    factors = (1 / (signs * xp.where(lengths == 0, 1, lengths))).astype(vectors.dtype)
    vectors *= factors[:, None]
    vectors[diagonal, diagonal] = 1
    adjoint = vectors.conj()
    inverse = xp.triu(adjoint @ vectors.T)
    # |v|²/2 with the factor as it was rounded: what is left of orthogonality's error is that of products.
    inverse[diagonal, diagonal] = (1 + tails * abs(factors.astype(np.complex128)) ** 2) / 2
    return _Block(first, vectors, adjoint, -_inverse_of_triangle(xp, inverse), -signs)


def _signs(xp: ModuleType, values: Any) -> Any:
    """The sign, or the phase, of each value; that of 0 is the sign bit's, or 1, but never 0."""
    if values.dtype.kind != "c":
        return xp.copysign(xp.ones_like(values), values)
    sizes = abs(values)
    return xp.where(sizes == 0, xp.ones_like(values), values / xp.where(sizes == 0, 1, sizes))


def _inverse_of_triangle(xp: ModuleType, upper: Any) -> Any:
    """Invert an upper triangular matrix: blocks on its diagonal at once, then pairs of them, and so on."""
    size, levels = len(upper), 0
    while (size - 1 >> levels) + 1 > _DIRECT_INVERSE:
        levels += 1
    width = (size - 1 >> levels) + 1
    # As many blocks as are paired without one left over; what is added is inverted on its own.
    whole = xp.eye(width << levels, dtype=upper.dtype)
    whole[:size, :size] = upper
    inverse = xp.linalg.inv(_diagonal_blocks(xp, whole, width))
    for _ in range(levels):
        first, second = inverse[0::2], inverse[1::2]
        blocks = _diagonal_blocks(xp, whole, 2 * width)
        inverse = xp.zeros_like(blocks)
        inverse[:, :width, :width], inverse[:, width:, width:] = first, second
        inverse[:, :width, width:] = -first @ blocks[:, :width, width:] @ second
        width *= 2
    return inverse[0, :size, :size]


def _diagonal_blocks(xp: ModuleType, matrix: Any, width: int) -> Any:
    """The square blocks of that width along a matrix' diagonal, one behind the other."""
    number = xp.arange(len(matrix) // width)
    return matrix.reshape(len(number), width, len(number), width)[number, :, number]


def _add_product(xp: ModuleType, left: Any, right: Any, out: Any) -> None:
    """`out += left @ right` without a second matrix of that size."""
    if not out.size:
        return
    if out.strides[0] < out.strides[1]:
        left, right, out = right.T, left.T, out.T
    most = _PANEL_BYTES if xp is np else _DEVICE_PANEL_BYTES
    height = min(max(most // (out.shape[1] * out.itemsize), _LEAST_PANEL), len(out))
    panel = xp.empty((height, out.shape[1]), out.dtype)
    for top in range(0, len(out), height):
        part = out[top : top + height]
        xp.matmul(left[top : top + height], right, out=panel[: len(part)])
        part += panel[: len(part)]
