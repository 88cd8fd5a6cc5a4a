"""What initializers made of other initializers have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Self

from initkit.draws import Draw, joint_draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.initializer import Initializer, Moments, RegionInitializer
from initkit.region import Region
from initkit.seed import SeedGenerator
from initkit.serialization import get


class Composite(RegionInitializer):
    """The base class of initializers that are made of others, their members.

    A composite has no seed of its own: its members have theirs, and `seeded` gives a generator to those that
    have none. It can be sliced at the cost of the slice if all members can.
    """

    def __init__(self, *members: Initializer) -> None:
        """Keep the members, in the order in which their draws are taken."""
        _refuse_shared_generators(members)
        self._members = members
        self.makes_regions = all(member.makes_regions for member in members)

    def take_draw(self) -> Draw:
        """The members' draws, one after the other."""
        return joint_draw([member.take_draw() for member in self._members])

    def tolerance(self, dtype: DType) -> float:
        """That of the least exact member."""
        return max(member.tolerance(dtype) for member in self._members)


class Modifier(Composite):
    """The base class of composites that change what one initializer makes; its argument is `initializer`."""

    def __init__(self, initializer: object) -> None:
        """Keep the initializer."""
        self.initializer = as_initializer(initializer, "initializer")
        super().__init__(self.initializer)

    def take_draw(self) -> Draw:
        """The initializer's draw."""
        return self.initializer.take_draw()

    def seeded(self, seed: int | SeedGenerator) -> Self:
        """A clone whose initializer draws from the seed, if it has none."""
        return self.clone(initializer=self.initializer.seeded(seed))

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse what the initializer refuses."""
        self.initializer.check(shape, dtype)

    def pieces(self, region: Region, dtype: DType, limit: int) -> Iterator[tuple[slice, ...]]:
        """Cut a region into boxes of at most `limit` elements, or into one that has to be made at once."""
        in_parts = self.makes_regions and self.initializer.tolerance(dtype) == 0
        yield from region.boxes(limit if in_parts else max(region.size, 1))


def _refuse_shared_generators(members: Sequence[Initializer]) -> None:
    """Refuse one generator in two members: no config could say so, and a copy would draw other values."""
    owners: dict[int, Initializer] = {}
    for member in members:
        for generator in _generators(member):
            if owners.setdefault(id(generator), member) is not member:
                message = "Two initializers inside another one share a generator, which no config can say."
                message += (
                    f" Received: {generator!r:.200} in both. Allowed: generators of their own. Give each"
                )
                message += " a child, as in seed=generator.child('left'), or none, and call `seeded`."
                raise ArgumentError(message)


def _generators(initializer: Initializer) -> Iterator[SeedGenerator]:
    """The generators that an initializer, and those inside it, hold."""
    if isinstance(seed := getattr(initializer, "seed", None), SeedGenerator):
        yield seed
    if isinstance(initializer, Composite):
        for member in initializer._members:
            yield from _generators(member)


def as_initializer(identifier: object, name: str) -> Initializer:
    """Make an initializer out of an argument that stands for one.

    Args:
        identifier: A name, a config, an initializer or its class, or an array.
        name: The argument's name, for the message.

    Returns:
        The initializer; its `lazy` and configs work, which those of other callables would not.

    Raises:
        ArgumentTypeError: It stands for none.

    Example:
        >>> as_initializer("he_normal", "initializer")
        HeNormal()
    """
    found = get(identifier)
    if not isinstance(found, Initializer):
        message = f"Argument `{name}` must be an initializer. Received: {identifier!r:.100} of type"
        message += f" {type(identifier).__name__}. Allowed: initkit's and your own classes of"
        message += " initkit.Initializer, their names and configs. Derive a class from initkit.Initializer."
        raise ArgumentTypeError(message)
    return found


def names_of_parts(initializer: Initializer) -> list[str]:
    """The names of separate tensors by which an initializer, or one inside it, draws its parts.

    Args:
        initializer: Any initializer.

    Returns:
        The names that `Blocks` and `Stack` were given, once each.

    Example:
        >>> import initkit as ik
        >>> names_of_parts(ik.Scale(ik.Stack("he_normal", names=["left", "right"]), 2.0))
        ['left', 'right']
    """
    if not isinstance(initializer, Composite):
        return []
    own = getattr(initializer, "names", None) or []
    inner = [name for member in initializer._members for name in names_of_parts(member)]
    return list(dict.fromkeys([*own, *inner]))


def mixture(parts: Sequence[tuple[int, Moments | None]]) -> Moments | None:
    """The moments of values of which so many follow each of several laws.

    Args:
        parts: How many values there are, and their moments.

    Returns:
        Mean and standard deviation over all; None where those of a part are unknown.

    Example:
        >>> mixture([(1, Moments(0.0, 0.0)), (3, Moments(1.0, 0.0))])
        Moments(mean=0.75, std=0.4330127018922193)
    """
    known = [(count, moments) for count, moments in parts if moments is not None and count]
    if len(known) < sum(count > 0 for count, _ in parts):
        return None
    total = sum(count for count, _ in known)
    if not total:
        return Moments(0.0, 0.0)
    mean = sum(count * moments.mean for count, moments in known) / total
    squares = 0.0
    for count, moments in known:
        offset = moments.mean - mean
        squares += count * (moments.std * moments.std + offset * offset)
    # Factors are made of moments, so their bits must not depend on a library's power function.
    return Moments(mean, sqrt(squares / total))
