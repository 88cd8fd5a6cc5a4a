"""Kernels that pass their input on: the identity of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from operator import index as as_integer
from typing import Any, ClassVar

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType, Kind, resolve_dtype, rounded
from initkit.errors import ArgumentTypeError, ShapeError
from initkit.fans import fan_reading
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import choice_argument, float_argument
from initkit.initializers.constant import check_fits
from initkit.initializers.kernel_axes import KernelAxes, kernel_axes, kernel_layout
from initkit.region import Region, as_shape
from initkit.registry import built_in

CENTRES = ("upper", "lower")


@built_in()
class Dirac(RegionInitializer):
    """A kernel that passes its input channels on unchanged, for each group of channels alike.

    Formula: `w[o, i, c, …] = gain` where `i = o mod (outputs/groups)` and `c` is the centre of every axis of
    the receptive field, else 0; `o` counts all outputs, `i` the inputs of one group, as they are stored. A
    group's outputs beyond its inputs are 0. Without a receptive field it is the identity matrix, if `groups`
    is 1.

    Args:
        groups: The groups of channels that the convolution keeps apart, 1 or more (default 1).
        gain: The value, any finite number (default 1.0).
        shift: By how much the result is rotated along its channel axes, any integers: a pair for outputs and
            inputs, or one for the outputs alone (default 0). WeightInitializers' `shift` is one for matrices,
            and the pair of it and itself for kernels.
        centre: Which of the two middle positions an axis of even length has as its centre: `"upper"`, `k//2`,
            as in PyTorch (default), or `"lower"`, `(k - 1)//2`, as in JAX and WeightInitializers.jl.
        layout: A letter for every axis, such as `"OIHW"`, or a preset, as in `initkit.fans`; one `I`, one
            `O`, the others of the receptive field. None reads the shape as `(…, in, out)`; for PyTorch's
            weights write `"torch"` (default None).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32). Only
        `gain`, rounded to nearest even, and 0 occur. Every dtype of the table can be made that holds `gain`.

    Raises:
        ArgumentError: `groups` below 1, a centre or a layout that does not exist, `gain` not finite, or a
            dtype that cannot hold it.
        ArgumentTypeError: An argument of the wrong type.
        ShapeError: The shape does not fit the layout, or has fewer than two axes; or the outputs cannot be
            divided into the groups.

    Example:
        >>> import initkit as ik
        >>> ik.Dirac(layout="torch")((2, 2, 3), "int8").tolist()
        [[[0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]]
        >>> ik.Dirac(groups=2, layout="OI")((4, 2)).tolist()
        [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]

    Reference:
        PyTorch, `torch.nn.init.dirac_`; WeightInitializers.jl, `identity_init`.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex", "integer", "bool")

    def __init__(
        self,
        groups: int = 1,
        gain: float = 1.0,
        shift: int | Sequence[int] = 0,
        centre: str = "upper",
        layout: str | None = None,
    ) -> None:
        self.groups = fan_reading(groups=groups).groups
        self.gain = float_argument(gain, "gain")
        self.shift = _as_shift(shift)
        self.centre = choice_argument(centre, "centre", CENTRES)
        self.layout = kernel_layout(layout)

    def _axes_of(self, shape: tuple[int, ...]) -> KernelAxes:
        """What each axis is; outputs that cannot be divided into the groups are refused."""
        axes = kernel_axes(self.layout, shape)
        if axes.outputs % self.groups:
            message = f"The output channels cannot be divided into groups. Received: groups={self.groups} for"
            message += f" the shape {shape}, read with {axes.outputs} output channels. Allowed: divisors of"
            message += " that. Correct groups, or name the axes with layout."
            raise ShapeError(message)
        return axes

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that do not fit layout and groups, and dtypes that cannot hold the gain."""
        super().check(shape, dtype)
        self._axes_of(shape)
        check_fits(np.asarray(self.gain), dtype, "gain")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros, then the gain where centre and channels meet in the region."""
        draw.backend.put(out, ..., 0)
        axes = self._axes_of(region.shape)
        # Slices of length one, so that axes keep their numbers.
        index = [slice(None)] * len(region.shape)
        for axis in axes.field:
            length = region.shape[axis]
            centre = length // 2 if self.centre == "upper" else (length - 1) // 2
            index[axis], part = region.within(axis, centre, 1)
            if not part.counts[axis]:
                return
        outputs, inputs = axes.outputs, axes.inputs
        if not region.size:
            return
        turn_outputs, turn_inputs = self.shift if isinstance(self.shift, list) else (self.shift, 0)
        xp = draw.backend.xp
        rows = xp.arange(region.counts[axes.output])
        global_row = region.starts[axes.output] + region.steps[axes.output] * rows
        # Of numbers as small as the lengths, so that no shift can overflow.
        channel = (global_row - turn_outputs % outputs) % outputs % (outputs // self.groups)
        column = (channel + turn_inputs % inputs) % inputs
        columns, remainder = divmod(column - region.starts[axes.input], region.steps[axes.input])
        met = (channel < inputs) & (remainder == 0) & (columns >= 0) & (columns < region.counts[axes.input])
        target = xp.moveaxis(out[tuple(index)], (axes.output, axes.input), (0, 1))
        gain = rounded(np.asarray(self.gain), resolve_dtype(out.dtype))
        draw.backend.put(target, (rows[met], columns[met]), gain)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all elements, zeros included."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["float64"])
        axes = self._axes_of(lengths)
        outputs, inputs = axes.outputs, axes.inputs
        met = self.groups * min(outputs // self.groups, inputs) if axes.positions else 0
        share = met / max(outputs * inputs * axes.positions, 1)
        return Moments(self.gain * share, abs(self.gain) * sqrt(share * (1 - share)))


def _as_shift(shift: object) -> int | list[int]:
    try:
        if isinstance(shift, (list, tuple)):
            if len(shift) != 2 or any(isinstance(entry, (bool, np.bool_)) for entry in shift):
                raise TypeError
            return [as_integer(entry) for entry in shift]
        if isinstance(shift, (bool, np.bool_)):
            raise TypeError
        return as_integer(shift)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        message = f"Argument `shift` must be an integer or two. Received: shift={shift!r:.100} of type"
        message += f" {type(shift).__name__}. Allowed: a number for the outputs, or a pair for outputs and"
        message += " inputs. Write, for example, shift=1."
        raise ArgumentTypeError(message) from None
