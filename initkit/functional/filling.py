"""What the functions that fill arrays in place have in common: their seed, and how they fill."""

from __future__ import annotations

import sys
from typing import TypeVar

from initkit.functional.generators import default_generator, refuse_foreign_generator
from initkit.initializer import Initializer
from initkit.seed import SeedGenerator

ArrayT = TypeVar("ArrayT")
Seed = int | SeedGenerator | None


def seed_or_default(seed: Seed) -> int | SeedGenerator:
    """The seed of a call: the one given, or the default generator.

    Args:
        seed: What was given; None for none.

    Returns:
        An integer, which the initializer checks, or a generator.

    Raises:
        ArgumentTypeError: It is a generator of another library.

    Example:
        >>> seed_or_default(7), seed_or_default(None) is default_generator()
        (7, True)
    """
    if seed is None:
        return default_generator()
    refuse_foreign_generator(seed)
    return seed


def filled(x: ArrayT, initializer: Initializer) -> ArrayT:
    """Fill an array in place, and tell torch if it is its own.

    Args:
        x: What `Initializer.fill` takes.
        initializer: What makes the values.

    Returns:
        The same array.

    Example:
        >>> import numpy as np
        >>> from initkit.initializers import Ones
        >>> filled(np.empty(2), Ones())
        array([1., 1.])
    """
    initializer.fill(x)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        # Values went past torch, which else would not see that what it keeps for a backward pass has changed.
        torch.autograd.graph.increment_version(x)
    return x
