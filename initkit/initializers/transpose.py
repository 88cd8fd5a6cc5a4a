"""Another initializer's tensor with its axes in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from initkit.draws import Draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError, ShapeError
from initkit.initializer import Moments
from initkit.initializers.composite import Modifier
from initkit.layout import as_axes
from initkit.region import Region, as_shape
from initkit.registry import built_in


@built_in()
class Transpose(Modifier):
    """Another initializer's tensor with its axes in another order, to the bit.

    Formula: `w = initializer(inner shape).transpose(axes)`, where axis `axes[k]` of the inner shape has the
    length of axis `k` of the shape asked for. One draw so serves two layouts:
    `Transpose(HeNormal(seed=7))((256, 512))` is PyTorch's (out, in) matrix of what `HeNormal(seed=7)((512,
    256))` is in Keras.

    Args:
        initializer: The initializer; names and configs are read as by `initkit.get`.
        axes: The order of axes as `numpy.transpose` takes it; None reverses them. `[3, 2, 0, 1]` makes a
            kernel of layout OIHW from one of HWIO.

    Returns:
        When called with `(shape, dtype=None)`: a C-contiguous array of that shape and dtype.

    Raises:
        ArgumentTypeError: The initializer is none, or an axis no integer.
        ArgumentError: An axis occurs twice.
        ShapeError: The shape has another number of axes; the initializer refuses the inner shape.

    Example:
        >>> import initkit as ik
        >>> keras = ik.HeNormal(seed=7)((3, 3, 8, 16))
        >>> torch = ik.Transpose(ik.HeNormal(seed=7), [3, 2, 0, 1])((16, 8, 3, 3))
        >>> bool((torch == keras.transpose(3, 2, 0, 1)).all())
        True
    """

    def __init__(self, initializer: object, axes: Sequence[int] | None = None) -> None:
        super().__init__(initializer)
        checked = as_axes(axes, "axes")
        if checked is not None and len(set(checked)) < len(checked):
            message = f"Argument `axes` names an axis twice. Received: axes={list(checked)}. Allowed: every"
            message += " axis once. Write, for example, [1, 0]."
            raise ArgumentError(message)
        self.axes = None if checked is None else list(checked)

    def _places(self, ndim: int) -> list[int]:
        """For every axis of the inner shape, the axis of the outer one that it becomes."""
        axes = list(reversed(range(ndim))) if self.axes is None else self.axes
        if sorted(axis % ndim if -ndim <= axis < ndim else -1 for axis in axes) != list(range(ndim)):
            message = f"A shape of {ndim} axes cannot be transposed in this way. Received: axes={axes}."
            message += " Allowed:"
            message += f" each of 0 to {ndim - 1} once. Change `axes`, or leave it out to reverse them."
            raise ShapeError(message if ndim else message.replace(" each of 0 to -1 once.", " none."))
        order = [axis % ndim for axis in axes]
        return [order.index(axis) for axis in range(ndim)]

    def _inner(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(shape[place] for place in self._places(len(shape)))

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse another number of axes, and what the initializer refuses."""
        self.initializer.check(self._inner(shape), dtype)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Have the initializer fill a transposed view."""
        places = self._places(len(region.shape))
        self.initializer.fill_part(out.transpose(places), region.permuted(places), draw)

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """The initializer's own."""
        return self.initializer.moments(self._inner(as_shape(shape)), dtype)
