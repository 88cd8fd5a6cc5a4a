"""Whose draws a call takes when it names no seed of its own."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from initkit.errors import ArgumentTypeError
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


def refuse_foreign_generator(given: object) -> None:
    """Refuse the random generators of other libraries, and say what to write instead.

    Args:
        given: What stands where a `SeedGenerator` may stand.

    Raises:
        ArgumentTypeError: It is a generator of torch's or NumPy's.

    Example:
        >>> refuse_foreign_generator(SeedGenerator(7))
    """
    module = type(given).__module__.partition(".")[0]
    integer = {
        ("torch", "Generator"): "generator.initial_seed()",
        ("numpy", "Generator"): "int(generator.integers(2**63))",
        ("numpy", "RandomState"): "int(generator.randint(2**31))",
    }.get((module, type(given).__name__))
    if integer is not None:
        message = f"initkit has streams of its own. Received: a generator of {module}'s, {given!r:.100}."
        message += " Allowed: SeedGenerators, which advance as it does. Make one for all calls, once, from an"
        message += f" integer of its: initkit.SeedGenerator({integer})."
        raise ArgumentTypeError(message)
