"""Filling memory with the values of a draw, in NumPy: what the compiled kernels do, and their fallback.

The words of stream 1 (Philox4x32-10), which word an element has, and fills piece by piece, so that memory
stays bounded. The transforms from words to values are in transforms.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from initkit.kernels import constants, transforms
from initkit.kernels.parameters import (
    NORMAL,
    TRUNCATED,
    TRUNCATED_CENTRAL,
    TRUNCATED_FAR,
    UNIFORM,
    Request,
)
from initkit.kernels.transforms import DOUBLE, SINGLE, Arithmetic, Array, Law
from initkit.region import AffineMap

Key = tuple[int, int, int, int]

# Elements at a time: temporaries stay in the second-level cache, and far below 16 MB together.
_PIECE = 1 << 15

_ELEMENTWISE: dict[int, Callable[[Arithmetic, Array, Law], Array]] = {
    UNIFORM: transforms.uniform,
    TRUNCATED_CENTRAL: transforms.truncated_central,
    TRUNCATED: transforms.truncated,
    TRUNCATED_FAR: transforms.truncated_far,
}


def philox4x32_10(
    c0: Array, c1: Array, c2: Array, c3: Array, k0: int, k1: int
) -> tuple[Array, Array, Array, Array]:
    """Ten rounds of Philox4x32.

    Formula: each round, `(c0, c1, c2, c3) <- (hi(M1·c2)^c1^k0, lo(M1·c2), hi(M0·c0)^c3^k1, lo(M0·c0))`, and
    the keys are advanced by their Weyl constants.

    Args:
        c0: Counter word 0, uint32 of any shape; likewise the others, of shapes that broadcast.
        c1: Counter word 1.
        c2: Counter word 2.
        c3: Counter word 3.
        k0: Key word 0, an integer below 2**32.
        k1: Key word 1.

    Returns:
        Output words 0 to 3, uint32 arrays of the common shape.

    Example:
        >>> zero = np.zeros(1, np.uint32)
        >>> [hex(int(word[0])) for word in philox4x32_10(zero, zero, zero, zero, 0, 0)]
        ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']

    Reference:
        Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    m0, m1 = map(np.uint64, constants.PHILOX_MULTIPLIERS)
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    w0, w1, w2, w3 = (np.asarray(word).astype(np.uint64) for word in (c0, c1, c2, c3))
    for turn in range(constants.PHILOX_ROUNDS):
        # 64-bit lanes hold 32-bit words, so products are whole.
        key0 = np.uint64((k0 + turn * constants.PHILOX_WEYL[0]) & 0xFFFFFFFF)
        key1 = np.uint64((k1 + turn * constants.PHILOX_WEYL[1]) & 0xFFFFFFFF)
        p0, p1 = w0 * m0, w2 * m1
        w0, w1, w2, w3 = (p1 >> half) ^ w1 ^ key0, p1 & low, (p0 >> half) ^ w3 ^ key1, p0 & low
    return w0.astype(np.uint32), w1.astype(np.uint32), w2.astype(np.uint32), w3.astype(np.uint32)


def words32(key: Key, indices: Array) -> Array:
    """The 32-bit words of elements of a draw.

    Formula: element `i` has word `i % 4` of block `i // 4`; block `b` is Philox of the counter
    `(b % 2**32, b // 2**32, key[2], key[3])` under the key `(key[0], key[1])`.

    Args:
        key: The draw's identity, four integers below 2**32.
        indices: Global indices, a uint64 array of one axis.

    Returns:
        A uint32 array of the same length.

    Example:
        >>> words32((0, 0, 0, 0), np.arange(4, dtype=np.uint64))
        array([1713891541, 3781805453, 3159862348, 2600524760], dtype=uint32)
    """
    return _words(key, indices, 0)


def words64(key: Key, indices: Array) -> Array:
    """The 64-bit words of elements of a float64 draw.

    Formula: the high half is the element's 32-bit word; the low half is the same word of the block whose
    number differs in bit 63.

    Args:
        key: The draw's identity, four integers below 2**32.
        indices: Global indices, a uint64 array of one axis.

    Returns:
        A uint64 array of the same length.

    Example:
        >>> index = np.arange(4, dtype=np.uint64)
        >>> bool((words64((0, 0, 0, 0), index) >> np.uint64(32) == words32((0, 0, 0, 0), index)).all())
        True
    """
    high = words32(key, indices).astype(np.uint64)
    return high << np.uint64(32) | _words(key, indices, constants.LOW_HALF_BIT)


def _words(key: Key, indices: Array, block_flip: int) -> Array:
    """The words of elements, each block computed once where neighbours share it."""
    blocks, place = _runs(indices >> np.uint64(2))
    blocks = blocks ^ np.uint64(block_flip)
    low, high = blocks & np.uint64(0xFFFFFFFF), blocks >> np.uint64(32)
    rest = np.full_like(blocks, key[2]), np.full_like(blocks, key[3])
    words = np.stack(philox4x32_10(low, high, *rest, key[0], key[1]), axis=1)
    chosen: Array = words[place, indices & np.uint64(3)]
    return chosen


def _runs(values: Array) -> tuple[Array, Array]:
    """Values without repetitions of their neighbours, and where in that each value is."""
    changes = np.empty(len(values), bool)
    changes[:1] = True
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return values[changes], np.cumsum(changes) - 1


def indices(affine: AffineMap, first: int, count: int) -> Array:
    """The global indices of consecutive positions of a region.

    Formula: position `p`, unravelled over `affine.counts` in row-major order to digits `k`, has the index
    `affine.offset + Σ k_a · affine.strides[a]`.

    Args:
        affine: The map of the region.
        first: The first position.
        count: How many.

    Returns:
        A uint64 array of `count` indices.

    Example:
        >>> indices(AffineMap(5, (2, 3), (100, -2)), 1, 4)
        array([  3,   1, 105, 103], dtype=uint64)
    """
    position = np.arange(first, first + count, dtype=np.uint64)
    index = np.full(count, affine.offset, np.uint64)
    for length, stride in zip(reversed(affine.counts), reversed(affine.strides), strict=True):
        position, digit = np.divmod(position, np.uint64(length))
        # Modulo 2**64, where a negative stride is as good as any.
        index += digit * np.uint64(stride % 2**64)
    return index


def fill(out: Array, key: Key, affine: AffineMap, first: int, request: Request) -> None:
    """Fill an array with consecutive positions of a region of a draw.

    Formula: `out[j]` is the value of the element whose index is that of position `first + j`.

    Args:
        out: A C-contiguous array of one axis; float64, or float32 or a smaller float, to which float32 values
            are rounded once.
        key: The draw's identity, four integers below 2**32.
        affine: From positions of the region to global indices.
        first: The position of `out[0]`.
        request: The transform and its numbers, in the precision of the draw.

    Example:
        >>> from initkit.kernels.parameters import NormalParameters
        >>> out = np.empty(3, np.float32)
        >>> request = NormalParameters(0.0, 1.0).request(out.dtype)
        >>> fill(out, (0, 0, 0, 0), AffineMap(0, (3,), (1,)), 0, request)
        >>> out.round(3)
        array([ 0.991, -0.925, -0.618], dtype=float32)
    """
    arithmetic: Arithmetic = DOUBLE if out.dtype == np.float64 else SINGLE
    draw = words64 if arithmetic is DOUBLE else words32
    # What overflows becomes an infinity, as in C; clamped values do so on the way.
    with np.errstate(all="ignore"):
        for start in range(0, len(out), _PIECE):
            piece = out[start : start + _PIECE]
            index = indices(affine, first + start, len(piece))
            if request.transform == NORMAL:
                values = _normal(arithmetic, draw, key, index, request.law)
            else:
                values = _ELEMENTWISE[request.transform](arithmetic, draw(key, index), request.law)
            piece[...] = values.astype(out.dtype, copy=False)


def _normal(
    arithmetic: Arithmetic, draw: Callable[[Key, Array], Array], key: Key, index: Array, law: Law
) -> Array:
    """The normal values of elements, each pair computed once where neighbours share it."""
    pairs, place = _runs(index >> np.uint64(1))
    both = draw(key, np.stack((pairs * np.uint64(2), pairs * np.uint64(2) + np.uint64(1)), axis=1).ravel())
    values = np.stack(transforms.normal_pairs(arithmetic, both[0::2], both[1::2], law), axis=1)
    chosen: Array = values[place, index & np.uint64(1)]
    return chosen
