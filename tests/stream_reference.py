"""Stream 1 once more, element by element in Python's integers and floats, from its specification alone.

Slow and plain on purpose: it shares no code with initkit, and says what the values of a call have to be.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from statistics import NormalDist


def draw_identity(seed: int, path: tuple[str, ...] = (), number: int = 0) -> tuple[int, int, int, int]:
    """The Philox key, then counter words 2 and 3."""

    def field(data: bytes) -> bytes:
        return len(data).to_bytes(8, "little") + data

    def integer(value: int) -> bytes:
        return field(value.to_bytes(-(-value.bit_length() // 8), "little"))

    message = field(b"initkit") + integer(1) + integer(seed) + integer(number)
    message += b"".join(field(name.encode()) for name in path)
    digest = blake2b(message, digest_size=16).digest()
    words = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4)]
    return words[0], words[1], words[2], words[3]


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Philox4x32-10 of Salmon et al."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return c0, c1, c2, c3


def word(identity: tuple[int, int, int, int], index: int, low_half: bool = False) -> int:
    """The 32 bits of an element; or the low half of its 64 bits, which is another block's."""
    k0, k1, c2, c3 = identity
    high, low = divmod(index // 4, 2**32)
    return philox((low, high ^ (low_half << 31), c2, c3), (k0, k1))[index % 4]


def bits53(identity: tuple[int, int, int, int], index: int) -> int:
    """The 53 bits of an element of a float64 draw."""
    return (word(identity, index) << 32 | word(identity, index, low_half=True)) >> 11


def uniform(identity: tuple[int, int, int, int], index: int, wide: bool) -> float:
    """The number in `[0, 1)` that a uniform draw scales; exact."""
    return bits53(identity, index) * 2.0**-53 if wide else (word(identity, index) >> 8) * 2.0**-24


def centred(identity: tuple[int, int, int, int], index: int, wide: bool) -> float:
    """The number in `(0, 1)`, half a step from either end, that the other laws transform; nearly exact."""
    if wide:
        return (bits53(identity, index) + 0.5) * 2.0**-53
    return (word(identity, index) + 0.5) * 2.0**-32


def normal(identity: tuple[int, int, int, int], index: int, wide: bool) -> float:
    """Box and Muller's number of an element, one of its pair."""
    first, second = (centred(identity, index - index % 2 + k, wide) for k in (0, 1))
    radius, angle = math.sqrt(-2 * math.log(first)), 2 * math.pi * second
    return radius * (math.sin(angle) if index % 2 else math.cos(angle))


def truncated_normal(identity: tuple[int, int, int, int], index: int, wide: bool) -> float:
    """The inverse distribution function of the standard normal law within ±2."""
    tail = NormalDist().cdf(-2)
    return NormalDist().inv_cdf(tail + centred(identity, index, wide) * (1 - 2 * tail))
