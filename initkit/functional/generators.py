"""Whose draws a call takes when it names no seed of its own."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from initkit.seed import SeedGenerator, current_scope, seed_scope

_default = SeedGenerator()


def default_generator() -> SeedGenerator:
    """The generator of calls that name none: the innermost `seed_scope`'s, or this process's own.

    The process's own has 128 bits from the operating system for a seed, so that no two runs are alike, and it
    advances, so that no two calls are; several threads can draw from it at once.

    Returns:
        One and the same object until a scope begins or ends.

    Example:
        >>> from initkit import seed_scope
        >>> with seed_scope(7) as generator:
        ...     default_generator() is generator
        True
    """
    scope = current_scope()
    return _default if scope is None else scope


def drawing_from(generator: SeedGenerator | None) -> AbstractContextManager[SeedGenerator]:
    """A scope in which unseeded initializers draw from a generator and make arrays on its backend.

    Args:
        generator: The generator; None for the default one.

    Returns:
        A context manager.

    Example:
        >>> from initkit.initializers import RandomNormal
        >>> with drawing_from(SeedGenerator(7)) as generator:
        ...     RandomNormal()((2, 5)).shape, generator.draws
        ((2, 5), 1)
    """
    return seed_scope(default_generator() if generator is None else generator)


def _renew() -> None:
    global _default
    _default = SeedGenerator()


# A forked process inherits the generator at its position, and would repeat its parent's values.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
