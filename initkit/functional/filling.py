"""What the functions that fill arrays in place have in common: their seed."""

from __future__ import annotations

from initkit.functional.generators import default_generator
from initkit.seed import SeedGenerator

Seed = int | SeedGenerator | None


def seed_or_default(seed: Seed) -> int | SeedGenerator:
    """The seed of a call: the one given, or the default generator.

    Args:
        seed: What was given; None for none.

    Returns:
        What was given, which the initializer checks, or a generator.

    Example:
        >>> seed_or_default(7), seed_or_default(None) is default_generator()
        (7, True)
    """
    if seed is None:
        return default_generator()
    return seed
