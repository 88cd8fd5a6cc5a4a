"""What the functions that fill arrays in place have in common: their seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from initkit.errors import ArgumentTypeError
from initkit.functional.generators import default_generator
from initkit.seed import SeedGenerator, refuse_foreign_generator

Seed = int | SeedGenerator | None
P = ParamSpec("P")
T = TypeVar("T")


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


def takes_seed(function: Callable[P, T]) -> Callable[P, T]:
    """Explain torch's `generator=` to who writes it: here it is `seed=`.

    Args:
        function: A function that has an argument `seed`.

    Returns:
        The function, with its name and signature.

    Example:
        >>> @takes_seed
        ... def draw(*, seed: Seed = None) -> Seed:
        ...     return seed
        >>> draw(seed=7)
        7
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if "generator" in kwargs:
            given = kwargs["generator"]
            refuse_foreign_generator(given)
            message = f"{function.__name__} has no argument `generator`. Received: generator={given!r:.100}."
            message += " Allowed: `seed`, an integer or a SeedGenerator. Write seed= in its place."
            raise ArgumentTypeError(message)
        return function(*args, **kwargs)

    return call
