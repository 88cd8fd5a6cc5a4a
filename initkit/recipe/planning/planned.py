"""What a plan says of each tensor, and its values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

from initkit.dtypes import DType
from initkit.errors import ArgumentError
from initkit.initializer import Initializer, RandomInitializer
from initkit.initializers.composite import Composite
from initkit.lazy import LazyArray
from initkit.recipe.language.place import Place
from initkit.recipe.planning.arguments import Captures
from initkit.recipe.planning.copying import StoredArray
from initkit.recipe.planning.making import Made
from initkit.recipe.text.specs import Rule
from initkit.seed import SeedGenerator, seed_scope

_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """One tensor that will be drawn, or copied, and stored.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Its dtype's row in the table.
        place: Where the recipe names it.
        rule: The rule that takes it.
        captures: What the captures of the rule's pattern stand for in its name.
        root: The generator of the recipe's seed.
        seed_path: The names that lead from there to the tensor's own generator.
        made: What makes its values, shared with other tensors; None where they are copied.
        copied: Where its values are copied from; None where they are drawn, or nobody has looked.
        fans_of: The tensor whose fans its rule's expressions ask about, and its shape; None for its own fans.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    place: Place
    rule: Rule
    captures: Captures
    root: SeedGenerator
    seed_path: tuple[str, ...]
    made: Made | None
    copied: StoredArray | None = field(default=None, compare=False)
    fans_of: tuple[str, tuple[int, ...]] | None = None

    @property
    def line(self) -> int:
        """Where the recipe names it."""
        return self.place.line

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that the tensor takes."""
        return self.size * self.dtype.numpy.itemsize

    @property
    def generator(self) -> SeedGenerator:
        """`SeedGenerator(seed).child(name)`, or that of the rule's `seed_path`, at its first draw."""
        generator = self.root
        for name in self.seed_path:
            generator = generator.child(name)
        return generator

    @property
    def initializer(self) -> Initializer | None:
        """What makes its values, with the generator that it draws from; None where they are copied."""
        return None if self.made is None else self.made.seeded(self.generator)

    @property
    def template(self) -> Initializer | None:
        """The same without the generator, as other tensors share it; it is not to be drawn from."""
        return None if self.made is None else self.made.template

    @property
    def mean(self) -> float | None:
        """The expected mean; None where the initializer does not say."""
        return None if self.made is None or self.made.moments is None else self.made.moments.mean

    @property
    def std(self) -> float | None:
        """The expected standard deviation; None where the initializer does not say."""
        return None if self.made is None or self.made.moments is None else self.made.moments.std

    @property
    def tolerance(self) -> float:
        """How far values may lie from those of another machine or of a slice; 0 for equal to the bit."""
        return 0.0 if self.made is None else self.made.template.tolerance(self.dtype)

    @contextmanager
    def drawing(self) -> Iterator[LazyArray | StoredArray]:
        """The tensor's values, to be taken inside a `with` block; always the same ones.

        Initializers that are drawn from without a seed, inside a class of the user's own for example, draw
        from the stream of the tensor's name, too.

        Yields:
            A `LazyArray` of the tensor's shape and dtype, or a `StoredArray`, which is used alike.

        Example:
            >>> from initkit.recipe import Recipe
            >>> text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: ones}]}"
            >>> with Recipe.from_text(text).plan().tensors[0].drawing() as values:
            ...     values[:].tolist()
            [1.0, 1.0]
        """
        if self.made is None or is_ours(self.made.template):
            yield self.values()
        else:
            with seed_scope(self.generator.child("unseeded")):
                yield self.values()

    def values(self) -> LazyArray | StoredArray:
        """The tensor's values, which are made when they are indexed; `drawing` is for classes of users."""
        if self.copied is not None:
            return self.copied
        if self.made is None:
            message = (
                f"tensor {self.name!r} is copied, and it has not been looked for where from. Plan its recipe"
            )
            msg = f"{message} with what it copies at hand."
            raise ArgumentError(msg)
        template = self.made.template
        if self.made.takes_seed and type(template).take_draw is RandomInitializer.take_draw:
            # All that a generator gives to such a class is the draw, so that no copy of it is needed.
            return LazyArray(template, self.shape, self.dtype, self.generator.next_draw())
        return self.made.seeded(self.generator).lazy(self.shape, self.dtype)

    def lazy(self) -> LazyArray | StoredArray:
        """The same to be kept: its initializer is one of its own, with the generator that it draws from.

        Example:
            >>> from initkit.recipe import Recipe
            >>> text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: random_normal}]}"
            >>> Recipe.from_text(text).plan().tensors[0].lazy()
            LazyArray(RandomNormal(seed=SeedGenerator(7).child('w')), shape=(2,), dtype='float32')
        """
        with self.drawing() as values:
            if isinstance(values, StoredArray) or self.initializer is None:
                return values
            if not values.initializer.makes_regions:
                # It may draw without a seed when it is called, and that has to happen here.
                values[:0] if values.shape else values[()]
            elif values.initializer is self.template:
                return LazyArray(self.initializer, self.shape, self.dtype, self.generator.next_draw())
            return values

    def fill(self, array: Any) -> None:
        """Write the tensor's values into an array that exists, in the array's own dtype.

        Args:
            array: What `Initializer.fill` takes, of the tensor's shape.
        """
        with self.drawing() as values:
            if isinstance(values, LazyArray):
                assert self.made is not None
                self.made.seeded(self.generator).fill(array)
            else:
                values.write_to(array)


def is_ours(initializer: Initializer) -> bool:
    """Whether no class of a user's is part of an initializer; such may draw in ways of its own.

    Args:
        initializer: Any initializer.

    Returns:
        Whether it, and all inside it, are initkit's own.

    Example:
        >>> import initkit as ik
        >>> is_ours(ik.Scale(ik.HeNormal(), 2.0))
        True
    """
    if type(initializer).__module__.partition(".")[0] != _PACKAGE:
        return False
    return not isinstance(initializer, Composite) or all(map(is_ours, initializer._members))


@dataclass(frozen=True, slots=True)
class PlannedTie:
    """A name under which another tensor is used once more; nothing is stored for it.

    Attributes:
        name: The name.
        target: The tensor that it is the same as.
        shape: The target's shape.
        dtype: The target's dtype.
        place: Where the recipe says so.
    """

    name: str
    target: str
    shape: tuple[int, ...]
    dtype: DType
    place: Place

    @property
    def line(self) -> int:
        """Where the recipe says so."""
        return self.place.line
