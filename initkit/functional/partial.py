"""How a maker is called: with lengths, or without them for a function that waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from initkit.dtypes import DType, resolve_dtype
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.functional.generators import drawing_from
from initkit.initializer import Initializer
from initkit.region import as_shape
from initkit.seed import SeedGenerator, refuse_foreign_generator

Maker = Callable[..., Any]


class Call(NamedTuple):
    """What a maker was called with, its own keywords apart.

    Attributes:
        generator: The generator that came first, or None.
        dtype: The row of the dtype, or None where none was given.
        shape: The shape, or None where there were no lengths.
    """

    generator: SeedGenerator | None
    dtype: DType | None
    shape: tuple[int, ...] | None


def read_call(name: str, arguments: tuple[Any, ...], dtype: object = None) -> Call:
    """Read the arguments of a maker: `[generator], [dtype], lengths…`, where one tuple may hold the lengths.

    Args:
        name: The maker's, for messages.
        arguments: What it was called with.
        dtype: The keyword of that name.

    Returns:
        The parts, checked.

    Raises:
        ArgumentTypeError: An argument that is none of the three.
        ArgumentError: A dtype in both places.
        ShapeError: A length is negative, or the shape is too large.
        DTypeError: The dtype is unknown.

    Example:
        >>> read_call("ones", (SeedGenerator(7), np.float16, 2, 5))
        Call(generator=SeedGenerator(7), dtype=DType('float16'), shape=(2, 5))
    """
    generator = None
    rest = list(arguments)
    if rest and isinstance(rest[0], SeedGenerator):
        generator = rest.pop(0)
    elif rest:
        refuse_foreign_generator(rest[0])
    if rest and isinstance(rest[0], (type, str, np.dtype, DType)):
        if dtype is not None:
            message = f"{name} has two dtypes. Received: {rest[0]!r:.100} among the arguments, and"
            message += f" dtype={dtype!r:.100}. Allowed: one. Leave out one of them."
            raise ArgumentError(message)
        dtype = rest.pop(0)
    shape = None
    if rest:
        shape = _as_shape(name, rest)
    return Call(generator, None if dtype is None else resolve_dtype(dtype), shape)


def _as_shape(name: str, lengths: list[Any]) -> tuple[int, ...]:
    one = len(lengths) == 1 and isinstance(lengths[0], Iterable)
    try:
        return as_shape(lengths[0] if one else tuple(lengths))
    except ArgumentTypeError:
        received = ", ".join(f"{argument!r:.100}" for argument in lengths)
        message = (
            f"Arguments of {name} are no lengths. Received: {received:.300}. Allowed: a SeedGenerator or"
        )
        message += " none, then a dtype or none, then integers from 0 up or one tuple of them. Write, for"
        message += f" example, {name}(generator, 2, 5)."
        raise ArgumentTypeError(message) from None


def make_or_wait(
    maker: Maker,
    of_rank: Callable[[int], Initializer],
    arguments: tuple[Any, ...],
    dtype: object,
    **keywords: Any,
) -> Any:
    """Make the array that a maker was called for, or the function that waits for its lengths.

    Args:
        maker: The maker.
        of_rank: Gives the initializer, unseeded, for a number of axes.
        arguments: The maker's positional arguments.
        dtype: Its keyword of that name.
        **keywords: Its other keywords.

    Returns:
        An array, or a `Partial`.

    Example:
        >>> from initkit.initializers import RandomNormal
        >>> make_or_wait(max, lambda rank: RandomNormal(), (SeedGenerator(7), 2, 5), "float16").dtype
        dtype('float16')
    """
    call = read_call(maker.__name__, arguments, dtype)
    # Made without lengths, too, so that a wrong keyword is refused where it was written.
    initializer = of_rank(2 if call.shape is None else len(call.shape))
    if call.shape is None:
        return Partial(maker, call.generator, call.dtype, tuple(keywords.items()))
    # A scope gives its generator to what draws, and its backend to what does not.
    with drawing_from(call.generator):
        return initializer(call.shape, call.dtype)


@dataclass(frozen=True, slots=True, repr=False)
class Partial:
    """A maker that has some of its arguments and waits for the lengths.

    Made by calling a maker without lengths. Called with `(2, 5)`, `(generator, 2, 5)` or
    `(generator, dtype, 2, 5)` it makes the array; called without lengths, another `Partial`. Keywords of the
    call, `dtype` among them, come before those that it holds.

    Attributes:
        maker: The function that makes the array.
        generator: The generator, or None for one that comes with the call, or the default one.
        dtype: The dtype, or None for one that comes with the call, or the maker's default.
        keywords: The maker's other keywords, as pairs.

    Example:
        >>> from initkit import functional as init
        >>> waiting = init.kaiming_normal(gain=1.0)
        >>> waiting, waiting(2, 5).shape
        (kaiming_normal(gain=1.0), (2, 5))
    """

    maker: Maker
    generator: SeedGenerator | None = None
    dtype: DType | None = None
    keywords: tuple[tuple[str, Any], ...] = ()

    def __call__(self, *arguments: Any, dtype: Any = None, **keywords: Any) -> Any:
        """Make the array, or another function that waits for it.

        Args:
            *arguments: `[generator], [dtype], lengths…`.
            dtype: The dtype, instead of the one held.
            **keywords: The maker's own, instead of those held.

        Returns:
            An array; a `Partial` where there are no lengths.

        Raises:
            ArgumentError: A generator is held, and another one is given.
            InitkitError: Whatever the maker refuses.
        """
        call = read_call(self.maker.__name__, arguments, dtype)
        if call.generator is not None and self.generator is not None:
            message = f"{self!r:.200} has its generator already. Received: {call.generator!r:.100}. Allowed:"
            message += " lengths alone. Leave it out here, or where the function was made."
            raise ArgumentError(message)
        merged = {**dict(self.keywords), **keywords}
        if (row := call.dtype or self.dtype) is not None:
            merged["dtype"] = row
        generator = call.generator or self.generator
        first = () if generator is None else (generator,)
        return self.maker(*first, *(() if call.shape is None else (call.shape,)), **merged)

    def __repr__(self) -> str:
        """An expression that makes an equal one; keywords that have their defaults are left out."""
        parameters = signature(self.maker).parameters
        told = [] if self.generator is None else [repr(self.generator)]
        told += [] if self.dtype is None else [f"dtype={self.dtype.name!r}"]
        told += [f"{name}={value!r}" for name, value in self.keywords if value != parameters[name].default]
        return f"{self.maker.__name__}({', '.join(told)})"
