"""How many inputs and outputs a weight has, read from its shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt
from operator import index as as_integer

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError, did_you_mean, nearest_names
from initkit.layout import RECEPTIVE_FIELD_LETTERS, as_axes, axis_letters, check_layout, distinct_axes
from initkit.region import as_shape

FAN_MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")

Axes = Sequence[int] | int | None


@dataclass(frozen=True)
class Fans:
    """The number of inputs that feed one output, and of outputs that one input feeds.

    `fan_in, fan_out = fans` takes the two apart; `str(fans)` explains them.

    Attributes:
        fan_in: Inputs per output.
        fan_out: Outputs per input.
        receptive_field: Positions of the kernel: the factor that both fans have in common.
        reading: What each axis was read as, and its length; `IO` is an axis in both fans, `-` one in none.
        remark: What else went into the fans: groups, an exchange of the channel axes.

    Example:
        >>> found = fans((3, 3, 64, 128))
        >>> found
        Fans(fan_in=576, fan_out=1152, receptive_field=9)
        >>> print(found)
        fan_in=576 (9·64), fan_out=1152 (9·128), receptive field 9 (3×3), read as H=3 W=3 I=64 O=128
    """

    fan_in: int
    fan_out: int
    receptive_field: int = 1
    reading: tuple[tuple[str, int], ...] = field(default=(), repr=False, compare=False)
    remark: str = field(default="", repr=False, compare=False)

    def __iter__(self) -> Iterator[int]:
        """Give `fan_in`, then `fan_out`."""
        return iter((self.fan_in, self.fan_out))

    def __str__(self) -> str:
        """Both fans with their factors, and how the axes were read."""
        lengths = [str(length) for letter, length in self.reading if letter in RECEPTIVE_FIELD_LETTERS]
        parts = [
            f"fan_in={self.fan_in}{self._factors(self.fan_in)}",
            f"fan_out={self.fan_out}{self._factors(self.fan_out)}",
            f"receptive field {self.receptive_field}" + f" ({'×'.join(lengths)})" * (len(lengths) > 1),
        ]
        if self.reading:
            parts.append("read as " + " ".join(f"{letter}={length}" for letter, length in self.reading))
        return ", ".join([*parts, self.remark] if self.remark else parts)

    def _factors(self, fan: int) -> str:
        """The fan as receptive field times channels, where both tell something."""
        if self.receptive_field < 2 or fan % self.receptive_field or fan == self.receptive_field:
            return ""
        return f" ({self.receptive_field}·{fan // self.receptive_field})"


def fans(
    shape: Sequence[int] | int,
    input_axes: Axes = None,
    output_axes: Axes = None,
    batch_axes: Axes = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    transposed: bool = False,
    depthwise: bool = False,
) -> Fans:
    """Read the fans from a shape: by a layout, or by axes.

    Formula: with `r`, `i` and `o` the products of the lengths of the receptive field's, the input and the
    output axes, `fan_in = r·i`, `fan_out = r·o/groups`; of a transposed kernel, `fan_in = r·i/groups`,
    `fan_out = r·o`; of a depthwise one, `fan_in = r`, `fan_out = r·multiplier`.

    Which axis is what, three ways:

    - Neither layout nor axes, as in Keras: `(…, in, out)`; both fans of `(n,)` are `n`, those of `()` 1.
    - `layout="HWIO"`: one letter per axis. `I` input, `O` output, `B` batch, expert or lookup (no part of
      any fan): these may repeat, as in `"IOO"`, Keras' kernel of attention heads. `D H W K L T` are the
      receptive field, and `...` is any number of its axes. By name: `"keras"` is `...IO`; `"torch"` is
      `OI...`; `"mlx"` is `O...I`; `"julia"` is `OI` for matrices, then `...IO`; `"paddle"` is `IO` for
      matrices, then `OI...`. A table of embeddings is `"BO"`: each output comes from one row, so its fan-in
      is 1, and its fan-out the features.
    - `input_axes` and `output_axes`, as in Keras: each fan is the product of the axes named; an axis of the
      receptive field is in both. With `batch_axes` as well, be it `[]`, as in JAX: axes that none of the
      three names are the receptive field, and multiply both fans; an axis in both of the others counts in
      neither.

    Strides and padding are no part of a shape: every position of the kernel counts.

    Args:
        shape: The shape of the whole weight, never of a shard.
        input_axes: The axes that are summed over when the layer is applied; negative ones count from the end.
        output_axes: The axes that make the layer's output. Give both or neither.
        batch_axes: The axes of weights that are separate: experts, for example. Only with the other two.
        layout: Letters or a preset, instead of axes (default None).
        groups: The groups of channels that a convolution keeps apart, 1 or more (default 1). The axis that
            has one group's channels is short already; the other is divided.
        transposed: Whether the kernel is of a transposed convolution that is stored with the channel axes
            exchanged, as in Keras, PyTorch, Paddle and Julia (default False). `I` and `O` then change
            places, so name the layout of the plain convolution. MLX and Flax do not exchange them.
        depthwise: Whether each channel has kernels of its own (default False): `(3, 3, channels,
            multiplier)` as in Keras, where `o` is the multiplier; or, where the input axis has length 1,
            `(channels·multiplier, 1, 3, 3)` as in PyTorch, where the multiplier is `o/groups`, and 1 if
            `groups` is not given. A kernel for one channel is a plain one: leave `depthwise` out. In
            PyTorch's, Paddle's, MLX's and Julia's layouts, and in letters with `O` before `I`, the input axis
            has to have length 1, unless the kernel is transposed.

    Returns:
        `Fans`: integers, exact; its `str` tells how the shape was read.

    Raises:
        ArgumentTypeError: An axis or `groups` is no integer, `layout` no text, a flag no bool.
        ArgumentError: Arguments that exclude each other, input without output axes, an axis named twice,
            a layout that does not exist, groups below 1.
        ShapeError: The shape is malformed, has no such axis, does not fit the layout, has channels that
            cannot be divided into the groups, or is none of a depthwise kernel in that layout.

    Example:
        >>> fans((64, 3, 7, 7), layout="torch")
        Fans(fan_in=147, fan_out=3136, receptive_field=49)
        >>> fan_in, fan_out = fans((512, 8, 64), layout="IOO")
        >>> fan_in, fan_out
        (512, 512)
        >>> print(fans((64, 4, 3, 3), layout="OIHW", groups=16))
        fan_in=36 (9·4), fan_out=36 (9·4), receptive field 9 (3×3), read as O=64 I=4 H=3 W=3, 16 groups

    Reference:
        Keras 3, `keras.initializers.VarianceScaling`; JAX, `jax.nn.initializers.variance_scaling`.
    """
    reading = fan_reading(
        input_axes, output_axes, batch_axes, layout, groups=groups, transposed=transposed, depthwise=depthwise
    )
    return reading.fans(shape)


@dataclass(frozen=True)
class FanReading:
    """How fans are read from shapes: the arguments of `fans` but the shape, checked and hashable.

    Example:
        >>> FanReading(layout="torch").fans((64, 3, 7, 7))
        Fans(fan_in=147, fan_out=3136, receptive_field=49)
    """

    input_axes: tuple[int, ...] | None = None
    output_axes: tuple[int, ...] | None = None
    batch_axes: tuple[int, ...] | None = None
    layout: str | None = None
    groups: int = 1
    transposed: bool = False
    depthwise: bool = False

    def __post_init__(self) -> None:
        """Refuse arguments that exclude each other."""
        if (self.input_axes is None) != (self.output_axes is None):
            message = "Arguments `input_axes` and `output_axes` belong together. Received: input_axes="
            message += (
                f"{self.input_axes}, output_axes={self.output_axes}. Allowed: both, or neither. Add the"
            )
            message += " other one, or leave both out for the default reading of the shape."
            raise ArgumentError(message)
        by_layout = [name for name in ("layout", "transposed", "depthwise") if getattr(self, name)]
        if self.input_axes is None and self.batch_axes is not None:
            message = "Argument `batch_axes` belongs with `input_axes` and `output_axes`. Received:"
            message += f" batch_axes={list(self.batch_axes)} alone. Allowed: all three, the others alone, or"
            message += " none. Add the others, or write a layout with B for those axes, such as 'B...IO'."
            raise ArgumentError(message)
        if self.input_axes is not None and by_layout:
            name = by_layout[0]
            message = f"Axes and `{name}` exclude each other. Received: input_axes={list(self.input_axes)},"
            message += f" {name}={getattr(self, name)!r}. Allowed: one of the two. Leave out {name}, and name"
            message += " the axes as they are stored; or leave out the axes, and write a layout."
            raise ArgumentError(message)

    def fans(self, shape: Sequence[int] | int) -> Fans:
        """The fans of a weight of that shape."""
        lengths = as_shape(shape)
        if self.input_axes is not None and self.output_axes is not None:
            return self._fans_of_axes(lengths, self.input_axes, self.output_axes)
        letters = self._letters(lengths)
        receptive_field = _product(lengths, letters, RECEPTIVE_FIELD_LETTERS)
        inputs, outputs = _product(lengths, letters, "I"), _product(lengths, letters, "O")
        if self.depthwise:
            inputs, outputs = 1, self._multiplier(lengths, inputs, outputs)
        elif self.transposed:
            inputs = self._of_one_group(lengths, inputs, "input")
        else:
            outputs = self._of_one_group(lengths, outputs, "output")
        return Fans(
            receptive_field * inputs,
            receptive_field * outputs,
            receptive_field,
            tuple(zip(letters, lengths, strict=True)),
            self._remark(),
        )

    def _letters(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        """The letter of every axis, as the weight is applied."""
        if self.layout is None and len(shape) < 2:
            if self.depthwise or self.groups > 1:
                message = f"A shape without channels has no groups of them. Received: {shape}. Allowed: two"
                message += " or more axes. Leave out groups and depthwise, or give a layout."
                raise ShapeError(message)
            return ("IO",) * len(shape)
        letters = axis_letters(self.layout or "keras", shape)
        if self.transposed:
            exchanged = {"I": "O", "O": "I"}
            letters = tuple(exchanged.get(letter, letter) for letter in letters)
        return letters

    def _multiplier(self, shape: tuple[int, ...], inputs: int, outputs: int) -> int:
        """How many kernels each channel has."""
        if inputs == 1 and not self.transposed:
            # The output axis holds channels times multiplier, and groups alone can tell the two apart.
            return self._of_one_group(shape, outputs, "output") if self.groups > 1 else 1
        if not self.transposed and self._is_stored_by_groups():
            message = "A depthwise kernel of this layout has the input channels of one group, which is one"
            message += f" channel. Received: the shape {shape}, read as layout={self.layout!r} with {inputs}"
            message += " input channels. Allowed: an input axis of length 1, as in"
            message += " (channels·multiplier, 1, 3, 3) of PyTorch. Leave out depthwise and give groups, or"
            message += (
                " write as letters where the axis of the channels and, after it, that of the multiplier"
            )
            message += " are: '...IO' for Keras' convention."
            raise ShapeError(message)
        if self.groups not in (1, inputs):
            message = "A depthwise kernel has one group for each channel. Received:"
            message += f" groups={self.groups} for the shape {shape}, read with {inputs} channels. Allowed: 1"
            message += f" or {inputs}. Leave out groups."
            raise ShapeError(message)
        return outputs

    def _is_stored_by_groups(self) -> bool:
        """Whether the layout is of a library in which a depthwise kernel is one of as many groups."""
        layout = self.layout or "keras"
        return layout in ("torch", "paddle", "mlx", "julia") or 0 <= layout.find("O") < layout.find("I")

    def _of_one_group(self, shape: tuple[int, ...], channels: int, role: str) -> int:
        if channels % self.groups:
            message = f"The {role} channels cannot be divided into groups. Received: groups={self.groups} for"
            message += f" the shape {shape}, read with {channels} {role} channels. Allowed: divisors of that."
            message += " Correct groups, or say with layout and transposed which axis has all the channels."
            raise ShapeError(message)
        return channels // self.groups

    def _fans_of_axes(
        self, shape: tuple[int, ...], input_axes: tuple[int, ...], output_axes: tuple[int, ...]
    ) -> Fans:
        inputs = distinct_axes(shape, input_axes, "input_axes")
        outputs = distinct_axes(shape, output_axes, "output_axes")
        batch = distinct_axes(shape, self.batch_axes or (), "batch_axes")
        if shared := batch & (inputs | outputs):
            message = "A batch axis cannot be an input or an output axis. Received: batch_axes="
            message += (
                f"{list(self.batch_axes or ())}, with axis {min(shared)} of the shape {shape} in another"
            )
            message += (
                " argument, too. Allowed: axes that the others do not name. Remove it from one of them."
            )
            raise ArgumentError(message)
        axes = range(len(shape))
        # All that Keras' rule and JAX's differ in.
        in_kernel = inputs & outputs if self.batch_axes is None else set(axes) - inputs - outputs - batch
        receptive_field = prod(shape[axis] for axis in in_kernel)
        output_channels = prod(shape[axis] for axis in outputs - inputs)
        letters = (
            "I" * (axis in inputs) + "O" * (axis in outputs) + "B" * (axis in batch)
            or ("K" if axis in in_kernel else "-")
            for axis in axes
        )
        return Fans(
            receptive_field * prod(shape[axis] for axis in inputs - outputs),
            receptive_field * self._of_one_group(shape, output_channels, "output"),
            receptive_field,
            tuple(zip(letters, shape, strict=True)),
            self._remark(),
        )

    def _remark(self) -> str:
        groups = f"{self.groups} groups" if self.groups > 1 else ""
        return ", ".join(filter(None, ["transposed" * self.transposed, "depthwise" * self.depthwise, groups]))


def fan_reading(
    input_axes: Axes = None,
    output_axes: Axes = None,
    batch_axes: Axes = None,
    layout: str | None = None,
    groups: int = 1,
    transposed: bool = False,
    depthwise: bool = False,
) -> FanReading:
    """Check what says how fans are read.

    Args:
        input_axes: See `fans`, as for the others.
        output_axes: The axes that make the fan-out.
        batch_axes: The axes that make neither.
        layout: Letters or a preset.
        groups: The groups of channels.
        transposed: Whether the channel axes are exchanged.
        depthwise: Whether each channel has kernels of its own.

    Returns:
        The reading, with axes as tuples.

    Raises:
        ArgumentTypeError: An argument of the wrong type.
        ArgumentError: A value that is not allowed, or arguments that exclude each other.

    Example:
        >>> fan_reading([0], [1, 2]).input_axes
        (0,)
    """
    if (
        input_axes is None
        and output_axes is None
        and batch_axes is None
        and layout is None
        and type(groups) is int
        and groups == 1
        and transposed is False
        and depthwise is False
    ):
        # Most initializers say nothing, and are made in less time than all of it is checked.
        return _DEFAULT_READING
    return FanReading(
        as_axes(input_axes, "input_axes"),
        as_axes(output_axes, "output_axes"),
        as_axes(batch_axes, "batch_axes"),
        None if layout is None else check_layout(layout),
        _as_groups(groups),
        _as_flag(transposed, "transposed"),
        _as_flag(depthwise, "depthwise"),
    )


_DEFAULT_READING = FanReading()


def _as_groups(groups: object) -> int:
    try:
        if isinstance(groups, bool):
            # It passes for an integer, yet no number of groups is one.
            raise TypeError
        number = as_integer(groups)  # type: ignore[arg-type]  # the check itself
    except TypeError:
        message = f"Argument `groups` must be an integer. Received: groups={groups!r:.100} of type"
        message += f" {type(groups).__name__}. Allowed: 1 and more. Leave it out for one group."
        raise ArgumentTypeError(message) from None
    if number < 1:
        message = f"Argument `groups` is out of range. Received: groups={number}. Allowed: 1 and more. Leave"
        message += " it out for one group."
        raise ArgumentError(message)
    return number


def _as_flag(flag: object, name: str) -> bool:
    if not isinstance(flag, (bool, np.bool_)):
        message = f"Argument `{name}` must be True or False. Received: {flag!r:.100} of type"
        message += f" {type(flag).__name__}. Allowed: these two. Leave it out for False."
        raise ArgumentTypeError(message)
    return bool(flag)


def _product(shape: tuple[int, ...], letters: tuple[str, ...], counted: str) -> int:
    """The product of the lengths of the axes with one of these letters."""
    pairs = zip(letters, shape, strict=True)
    return prod(length for letter, length in pairs if any(part in counted for part in letter))


def effective_fan(fans: Fans, mode: str) -> float:
    """The number that variance scaling divides by.

    Formula: `fan_in`, `fan_out`, `(fan_in + fan_out) / 2` or `sqrt(fan_in · fan_out)`; at least 1.

    Args:
        fans: Both fans.
        mode: One of `"fan_in"`, `"fan_out"`, `"fan_avg"`, `"fan_geo_avg"`.

    Returns:
        The fan as a float, never below 1, so that an empty tensor divides nothing by zero.

    Raises:
        ArgumentError: `mode` is none of the four.

    Example:
        >>> effective_fan(Fans(4, 9), "fan_geo_avg")
        6.0
    """
    check_fan_mode(mode)
    if mode == "fan_in":
        fan = float(fans.fan_in)
    elif mode == "fan_out":
        fan = float(fans.fan_out)
    elif mode == "fan_avg":
        fan = (fans.fan_in + fans.fan_out) / 2
    else:
        fan = sqrt(fans.fan_in * fans.fan_out)
    return max(1.0, fan)


def check_fan_mode(mode: object) -> None:
    """Refuse a fan mode that does not exist.

    Args:
        mode: What was given as `mode`.

    Raises:
        ArgumentError: It is none of the four modes.

    Example:
        >>> check_fan_mode("fan_avg")
    """
    if not isinstance(mode, str) or mode not in FAN_MODES:
        hint = did_you_mean(nearest_names(mode, FAN_MODES)) if isinstance(mode, str) else ""
        allowed = ", ".join(repr(name) for name in FAN_MODES)
        message = f"Invalid `mode` argument: {mode!r:.100}. Please use one of {allowed}.{hint}"
        raise ArgumentError(message)
