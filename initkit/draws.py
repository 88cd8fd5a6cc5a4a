"""The identity of every draw.

A draw is named by (stream version, seed, path, draw number). Hashed, that name is all the state there
is: a generator only counts. Two draws with different names are independent; two with the same name are
the same values, on whatever device.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import pack, unpack
from typing import NamedTuple

from initkit.backends import Backend, DrawKey, get_backend
from initkit.errors import BackendError

STREAM_VERSION = 1
# Of what draws nothing.
NO_KEY: DrawKey = (0, 0, 0, 0)


class Draw(NamedTuple):
    """One draw: its identity and the backend that makes its array.

    Attributes:
        key: The identity, hashed; see `draw_key`.
        backend: The backend that makes its array.
        seed: The seed.
        path: The names from the root generator down.
        number: How many draws of the same generator came before.
        parts: The draws of an initializer made of others, which has none of its own.
    """

    key: DrawKey
    backend: Backend
    seed: int = 0
    path: tuple[str, ...] = ()
    number: int = 0
    parts: tuple[Draw, ...] = ()

    @property
    def is_constant(self) -> bool:
        """Whether nothing is drawn."""
        return self.key == NO_KEY

    def child(self, name: str) -> Draw:
        """The draw of the same number of the generator's child of that name; a constant's is itself."""
        if self.parts:
            return joint_draw([part.child(name) for part in self.parts])
        return self._at((*self.path, name))

    def sibling(self, name: str) -> Draw:
        """The draw of the same number of the generator that has that name in place of its own."""
        if self.parts:
            return joint_draw([part.sibling(name) for part in self.parts])
        return self._at((*self.path[:-1], name))

    def on(self, backend: Backend) -> Draw:
        """The same draw, made by another backend: the values are equal."""
        return self._replace(backend=backend, parts=tuple(part.on(backend) for part in self.parts))

    def _at(self, path: tuple[str, ...]) -> Draw:
        if self.is_constant:
            return self
        return Draw(draw_key(self.seed, path, self.number), self.backend, self.seed, path, self.number)


def draw_key(seed: int, path: tuple[str, ...] = (), number: int = 0) -> DrawKey:
    """The 128 bits that identify a draw in stream 1.

    BLAKE2b-128 of the fields `"initkit"`, stream version, seed, draw number and then every name of the
    path. A field is its length, as 8 little-endian bytes, and its bytes; integers are written in as few
    little-endian bytes as hold them, zero in none; names in UTF-8.

    Args:
        seed: A non-negative integer of any size.
        path: The names from the root generator down to the child.
        number: How many draws of the same generator came before.

    Returns:
        Four 32-bit words: the Philox key, then counter words 2 and 3.

    Example:
        >>> [f"{word:08x}" for word in draw_key(7)]
        ['a585bf4c', '5b4f0453', 'c183d149', '52575393']
    """
    message = _ROOT + _integer_field(seed) + _integer_field(number)
    for name in path:
        message += _field(name.encode())
    words: DrawKey = unpack("<4I", blake2b(message, digest_size=16).digest())
    return words


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


def _integer_field(value: int) -> bytes:
    return _field(value.to_bytes((value.bit_length() + 7) // 8, "little"))


_ROOT = _field(b"initkit") + _integer_field(STREAM_VERSION)


@lru_cache(maxsize=1024)
def seeded_draw(seed: int) -> Draw:
    """The draw that an integer seed means: always number 0, on NumPy.

    Args:
        seed: A checked seed.

    Returns:
        The same draw as the first of `SeedGenerator(seed)`.

    Example:
        >>> import initkit as ik
        >>> seeded_draw(7).key == ik.SeedGenerator(7).next_draw().key
        True
    """
    return Draw(draw_key(seed), get_backend("numpy"), seed)


def joint_draw(parts: Sequence[Draw]) -> Draw:
    """The draw of an initializer that is made of others.

    Args:
        parts: The others' draws, at least one.

    Returns:
        A draw with these parts, all on the backend of those that draw; its key tells it from others.

    Raises:
        BackendError: They draw on different backends.

    Example:
        >>> joint_draw([seeded_draw(7), seeded_draw(8)]).parts[1].key == draw_key(8)
        True
    """
    backends = {id(part.backend): part.backend for part in parts if not part.is_constant}
    if len(backends) > 1:
        places = sorted(f"{backend.name} ({backend.device})" for backend in backends.values())
        message = "Initializers inside another one draw on different backends. Received:"
        message += f" {', '.join(places)}. Allowed: one for all. Give all of them generators of one backend."
        raise BackendError(message)
    if not backends:
        return Draw(NO_KEY, parts[0].backend, parts=tuple(parts))
    backend = next(iter(backends.values()))
    moved = tuple(part.on(backend) for part in parts)
    digest = blake2b(b"".join(pack("<4I", *part.key) for part in moved), digest_size=16).digest()
    return Draw(unpack("<4I", digest), backend, parts=moved)
