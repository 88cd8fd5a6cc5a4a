"""Tensors put together from tensors that are drawn one by one: side by side, or stacked."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index as as_integer
from typing import Any, Self

from initkit.draws import Draw, joint_draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.initializer import Initializer, Moments
from initkit.initializers.arguments import axis_argument, axis_of
from initkit.initializers.composite import Composite, as_initializer, mixture
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator, as_generator


class _Joined(Composite):
    """What the two have in common: one initializer for all parts, or one for each."""

    def __init__(self, initializers: object, axis: int, names: Sequence[str] | None) -> None:
        self.initializers = _as_members(initializers)
        self.axis = axis_argument(axis, "axis")
        self.names = _as_names(names)
        super().__init__(*(self.initializers if self._has_one_each else (self.initializers,)))
        if not self._has_one_each and not self.makes_regions:
            message = f"{type(self).__name__} cannot draw all its parts with one initializer of this class."
            message += (
                f" Received: {self.initializers!r:.100}, which only defines `__call__`. Allowed: classes"
            )
            message += " that can make slices. Give a list of initializers, one for each part."
            raise ArgumentError(message)

    @property
    def _has_one_each(self) -> bool:
        return isinstance(self.initializers, list)

    def _member(self, number: int) -> Initializer:
        return self._members[number if self._has_one_each else 0]

    def _draw_of(self, draw: Draw, number: int) -> Draw:
        """The draw of one part."""
        if self._has_one_each:
            return draw.parts[number]
        return draw.child(str(number)) if self.names is None else draw.sibling(self.names[number])

    def take_draw(self) -> Draw:
        """The draws of the parts' initializers, or the draw from which those of the parts descend."""
        if not self._has_one_each:
            return self._members[0].take_draw()
        return joint_draw([member.take_draw() for member in self._members])

    def seeded(self, seed: int | SeedGenerator) -> Self:
        """A clone that draws from the seed where there is none; part `k` as its child or sibling."""
        if not self._has_one_each:
            return self.clone(initializers=self._members[0].seeded(seed))
        generator = as_generator(seed)
        generators = [
            generator.child(str(number)) if self.names is None else generator.sibling(self.names[number])
            for number in range(len(self._members))
        ]
        seeded = [member.seeded(own) for member, own in zip(self._members, generators, strict=True)]
        return self.clone(initializers=seeded)

    def _check_count(self, count: int, what: str) -> None:
        """Refuse numbers of initializers or names other than that of the parts."""
        for name, given in (
            ("initializers", self.initializers if self._has_one_each else None),
            ("names", self.names),
        ):
            if given is not None and len(given) != count:
                message = f"There are {count} {what}, and another number of `{name}`. Received: {len(given)}."
                message += f" Allowed: {count}. Give one for each, or a single initializer for all."
                raise ShapeError(message)


@built_in()
class Blocks(_Joined):
    """Blocks side by side along an axis, each as if it were a tensor of its own.

    Formula: along `axis`, block `k` is what its initializer gives for the block's own shape, to the bit, with
    that shape's fans. A fused QKV weight so agrees with three separate ones, and the four gates of an LSTM
    are scaled and made orthogonal one by one.

    Args:
        initializers: One initializer for all blocks, or a list with one for each; names and configs are read
            as by `initkit.get`. Block `k` of one initializer draws from the child `str(k)` of its seed.
        sizes: The blocks' lengths along the axis, or any integers in their proportion: `[4, 1, 1]`. None: as
            many equal blocks as there are initializers.
        axis: The axis (default -1, the outputs of a Keras layer; 0 for PyTorch's).
        names: The names of the separate tensors; None for none. Block `k` then draws from the seed's
            generator with the last name of its path replaced by `names[k]`, as the tensor of that name in a
            recipe does.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype, with the values of its
        blocks.

    Raises:
        ArgumentTypeError: An initializer, size, axis or name is of the wrong type.
        ArgumentError: No initializers or sizes, a size that is not positive, or one initializer without
            sizes.
        ShapeError: The shape has no such axis, or it cannot be cut in that proportion; an initializer refuses
            the shape of its block.

    Example:
        >>> import initkit as ik
        >>> root = ik.SeedGenerator(7)
        >>> fused = ik.Blocks(ik.GlorotUniform(seed=root.child("qkv")), [1, 1, 1], names=["q", "k", "v"])
        >>> key = ik.GlorotUniform(seed=root.child("k"))((64, 64))
        >>> bool((fused((64, 192))[:, 64:128] == key).all())
        True

    Reference:
        torchtitan's fused QKV initialization; AllenNLP's `block_orthogonal`.
    """

    def __init__(
        self,
        initializers: object,
        sizes: Sequence[int] | None = None,
        axis: int = -1,
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(initializers, axis, names)
        self.sizes = _as_sizes(sizes)
        if self.sizes is None and not self._has_one_each:
            message = "Blocks cannot tell how many blocks there are. Received: one initializer, sizes=None."
            message += " Allowed: a list of initializers, or sizes. Write, for example, sizes=[1, 1, 1]."
            raise ArgumentError(message)
        self._proportions = self.sizes or [1] * len(self._members)
        self._check_count(len(self._proportions), "blocks")

    def _lengths(self, shape: tuple[int, ...]) -> list[int]:
        axis, total = axis_of(shape, self.axis, "axis"), sum(self._proportions)
        length = shape[axis]
        if any(length * size % total for size in self._proportions):
            message = (
                f"Axis {axis} of the shape {shape} cannot be cut into the blocks. Received: length {length},"
            )
            message += (
                f" sizes={self._proportions}, which add up to {total}. Allowed: lengths that the sizes add up"
            )
            message += " to, or that can be cut in their proportion. Change the sizes or the shape."
            raise ShapeError(message)
        return [length * size // total for size in self._proportions]

    def _shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        axis = axis_of(shape, self.axis, "axis")
        return [(*shape[:axis], length, *shape[axis + 1 :]) for length in self._lengths(shape)]

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that cannot be cut into the blocks, and what a block's initializer refuses."""
        for number, block in enumerate(self._shapes(shape)):
            self._member(number).check(block, dtype)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Fill the part of every block that lies in the region."""
        axis, first = axis_of(region.shape, self.axis, "axis"), 0
        for number, length in enumerate(self._lengths(region.shape)):
            where, part = region.within(axis, first, length)
            first += length
            if part.size:
                target = out[(slice(None),) * axis + (where,)]
                self._member(number).fill_part(target, part, self._draw_of(draw, number))

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """Those of all blocks together."""
        shapes = self._shapes(as_shape(shape))
        return mixture(
            [(prod(block), self._member(k).moments(block, dtype)) for k, block in enumerate(shapes)]
        )


@built_in()
class Stack(_Joined):
    """Tensors stacked along a new axis, each as if it were a tensor of its own: experts, ensembles, heads.

    Formula: `w[k] = initializer(shape without the axis)`, slice `k` with a draw of its own, and with the fans
    of its own shape: the stacking axis never counts as a receptive field.

    Args:
        initializers: One initializer for all slices, or a list with one for each; names and configs are read
            as by `initkit.get`. Slice `k` of one initializer draws from the child `str(k)` of its seed.
        axis: The axis along which they are stacked (default 0).
        names: The names of the separate tensors; None for none. Slice `k` then draws from the seed's
            generator with the last name of its path replaced by `names[k]`, as the tensor of that name in a
            recipe does.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype, with the values of its
        slices.

    Raises:
        ArgumentTypeError: An initializer, axis or name is of the wrong type.
        ArgumentError: An empty list of initializers.
        ShapeError: The shape has no such axis, or not as many slices as there are initializers or names; an
            initializer refuses the shape of its slice.

    Example:
        >>> import initkit as ik
        >>> experts = ik.Stack(ik.HeNormal(seed=7))((8, 512, 256))
        >>> alone = ik.HeNormal(seed=ik.SeedGenerator(7).child("3"))((512, 256))
        >>> bool((experts[3] == alone).all()), experts.std().round(3)
        (True, np.float32(0.063))
    """

    def __init__(self, initializers: object, axis: int = 0, names: Sequence[str] | None = None) -> None:
        super().__init__(initializers, axis, names)

    def _inner(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        axis = axis_of(shape, self.axis, "axis")
        return shape[:axis] + shape[axis + 1 :]

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes without the axis or of another length along it, and what an initializer refuses."""
        inner = self._inner(shape)
        self._check_count(shape[axis_of(shape, self.axis, "axis")], "slices along the axis")
        for member in self._members:
            member.check(inner, dtype)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Fill the region's part of every slice that it meets."""
        axis = axis_of(region.shape, self.axis, "axis")
        inner = region.without_axis(axis)
        before = (slice(None),) * axis
        for position in range(region.counts[axis]):
            number = region.starts[axis] + position * region.steps[axis]
            # A slice of length one, so that what is filled stays an array where there are no other axes.
            target = out[(*before, slice(position, position + 1))].reshape(inner.counts)
            self._member(number).fill_part(target, inner, self._draw_of(draw, number))

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """Those of all slices together."""
        lengths = as_shape(shape)
        inner = self._inner(lengths)
        return mixture([(max(prod(inner), 1), member.moments(inner, dtype)) for member in self._members])


def _as_members(initializers: object) -> Any:
    if not isinstance(initializers, (list, tuple)):
        return as_initializer(initializers, "initializers")
    if not initializers:
        message = (
            "Argument `initializers` is empty. Received: []. Allowed: one initializer, or a list of one or"
        )
        message += " more. Name at least one."
        raise ArgumentError(message)
    return [as_initializer(entry, "initializers") for entry in initializers]


def _as_sizes(sizes: object) -> list[int] | None:
    if sizes is None:
        return None
    try:
        if isinstance(sizes, (str, bytes)) or any(isinstance(size, bool) for size in sizes):  # type: ignore[attr-defined]
            raise TypeError
        checked = [as_integer(size) for size in sizes]  # type: ignore[attr-defined]  # the check itself
    except TypeError:
        message = f"Argument `sizes` must be a list of integers. Received: {sizes!r:.100} of type"
        message += (
            f" {type(sizes).__name__}. Allowed: None, or the blocks' lengths or proportions. Write, for"
        )
        message += " example, sizes=[4, 1, 1]."
        raise ArgumentTypeError(message) from None
    if not checked or min(checked) < 1:
        message = f"Argument `sizes` must have positive entries. Received: sizes={checked}. Allowed: integers"
        message += " from 1 up, at least one. Leave out empty blocks."
        raise ArgumentError(message)
    return checked


def _as_names(names: object) -> list[str] | None:
    if names is None:
        return None
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) and name for name in names):
        if len(set(names)) < len(names):
            message = "Argument `names` has a name twice, whose parts would be equal. Received:"
            message += f" {list(names)!r:.200}."
            message += " Allowed: different names. Correct them."
            raise ArgumentError(message)
        return list(names)
    message = (
        f"Argument `names` must be a list of names. Received: {names!r:.100} of type {type(names).__name__}."
    )
    message += (
        " Allowed: None, or one text for each part, not empty. Write, for example, names=['q', 'k', 'v']."
    )
    raise ArgumentTypeError(message)
