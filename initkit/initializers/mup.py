"""Maximal update parametrization: weights that keep their role when the width changes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt

from initkit.errors import ArgumentError, ShapeError
from initkit.initializer import Moments
from initkit.initializers.arguments import flag_argument
from initkit.initializers.axis_reading import axis_reading, refuse_other_layout
from initkit.initializers.scale import Rescaled
from initkit.layout import RECEPTIVE_FIELD_LETTERS, axis_letters, check_layout
from initkit.region import as_shape
from initkit.registry import built_in


@built_in()
class MuP(Rescaled):
    """Another initializer's values, rescaled so that a model tuned at one width trains alike at another.

    Formula: `w = initializer(shape)·s/s'`, `s'` the standard deviation that the initializer has at `shape`,
    and with `s0` the one at `base_shape`:

    - `s = s0·sqrt(base fan_in / fan_in)` where an input and an output axis grow with the width: a hidden
      matrix;
    - `s = s0` where only one of the two does, or none: input layers, embeddings, biases, gains, readouts;
    - `s = s0·(base fan_in / fan_in)` for a readout whose outputs nothing else divides (`readout=True`).

    Whatever rule the initializer has, normal, Xavier or Kaiming of either fan, this is what the `mup` package
    makes of it. The learning rates of muP are the optimizer's: for Adam, those of weights whose input axis
    grows are divided by `fan_in / base fan_in`.

    Args:
        initializer: The initializer, of mean 0 unless nothing changes; names and configs are read as by
            `initkit.get`.
        base_shape: The shape of this weight in the model that was tuned; as many axes, none of length 0.
        layout: Which axes are inputs and which outputs, in letters or by the name of a preset. None (default)
            reads them as the initializer does, also one inside others; where it has no layout,
            `(…, in, out)`, and a single axis as outputs.
        readout: Whether this is the output layer, and the paper's Table 3 is followed, which has the
            `1/width` in the weight (default False). Leave it if the model divides the outputs by
            `fan_in / base fan_in` itself, as Table 8 and the `MuReadout` of `mup` have it.
        delta_shape: The shape of this weight in any other model of the family: the axes in which it differs
            from `base_shape` are those that grow. None: those in which the shape itself differs, which is the
            same unless one of two widths happens to be the base's.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the initializer's values times one factor; at `base_shape` the very values.

    Raises:
        ArgumentTypeError: The initializer is none, a shape, the layout or `readout` of the wrong type.
        ArgumentError: The layout does not exist or contradicts the initializer's own, the latter does not say
            its moments, or its mean is not 0 where values are rescaled.
        ShapeError: A shape has another number of axes than the base or does not fit the layout, an axis that
            does not grow has another length, or an axis of the receptive field has.
        DTypeError: An integer or bool dtype, or one that the initializer refuses.

    Example:
        >>> import initkit as ik
        >>> hidden = ik.MuP(ik.RandomNormal(stddev=0.02, seed=7), base_shape=(256, 256))
        >>> hidden.moments((256, 256)).std, hidden.moments((1024, 1024)).std
        (0.02, 0.01)
        >>> ik.MuP(ik.RandomNormal(stddev=0.02, seed=7), base_shape=(256, 10)).moments((1024, 10)).std
        0.02

    Reference:
        Yang, Hu, Babuschkin, Sidor, Liu, Farhi, Ryder, Pachocki, Chen, Gao, "Tensor Programs V: tuning large
        neural networks via zero-shot hyperparameter transfer", 2022; Microsoft, `mup`.
    """

    def __init__(
        self,
        initializer: object,
        base_shape: Sequence[int],
        layout: str | None = None,
        readout: bool = False,
        delta_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__(initializer)
        self.layout = None if layout is None else check_layout(layout)
        self.base_shape = _as_filled_shape(base_shape, "base_shape")
        self._letters = self._letters_of(self._base)
        self.readout = flag_argument(readout, "readout")
        self.delta_shape = None if delta_shape is None else _as_filled_shape(delta_shape, "delta_shape")
        if self.delta_shape is not None:
            self._growing(tuple(self.delta_shape))

    @property
    def _base(self) -> tuple[int, ...]:
        return tuple(self.base_shape)

    def _letters_of(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        inner = axis_reading(self.initializer, shape)
        if self.layout is not None:
            letters = axis_letters(self.layout, shape)
            refuse_other_layout(self, self.layout, inner, letters.__eq__)
            return letters
        if inner is not None:
            return inner.applied
        # Read as a matrix's, both fans of a vector are its length; but a bias only has outputs.
        return ("O",) * len(shape) if len(shape) < 2 else axis_letters("keras", shape)

    def _growing(self, shape: tuple[int, ...]) -> str:
        """The letters of the axes in which a shape differs from the base."""
        if len(shape) != len(self._base):
            message = f"The shape {shape} has another number of axes than the base. Received: {len(shape)}."
            message += (
                f" Allowed: {len(self._base)}, as base_shape={self.base_shape} has. Give the base shape"
            )
            message += " of this very weight."
            raise ShapeError(message)
        lengths = zip(self._letters, self._base, shape, strict=True)
        growing = "".join(letter for letter, base, length in lengths if base != length)
        if field := [letter for letter in growing if letter in RECEPTIVE_FIELD_LETTERS]:
            message = "The receptive field does not grow with the width. Received: shape"
            message += f" {shape}, which differs from base_shape={self.base_shape} in {field[0]}. Allowed:"
            message += (
                f" other lengths of the axes I, O and B, in {' '.join(self._letters)}. Name the base of"
            )
            message += " the same kernel size, or correct the layout."
            raise ShapeError(message)
        return growing

    def _width_letters(self, shape: tuple[int, ...]) -> str:
        """The letters of the axes that grow with the width."""
        differing = self._growing(shape)
        if self.delta_shape is None:
            return differing
        axes = zip(self.base_shape, self.delta_shape, shape, strict=True)
        if any(base == delta and base != length for base, delta, length in axes):
            message = f"The shape {shape} differs from the base in an axis that does not grow. Received:"
            message += f" base_shape={self.base_shape}, delta_shape={self.delta_shape}. Allowed: the base's"
            message += " lengths wherever the two agree. Correct one of the three."
            raise ShapeError(message)
        return self._growing(tuple(self.delta_shape))

    def _inputs(self, shape: tuple[int, ...]) -> int:
        letters = zip(self._letters, shape, strict=True)
        return max(1, prod(length for letter, length in letters if letter == "I"))

    def factor_for(self, shape: tuple[int, ...]) -> float:
        """The wanted standard deviation over the initializer's own at that shape."""
        growing = self._width_letters(shape)
        if shape == self._base:
            return 1.0
        moments, base = self.initializer.moments(shape), self.initializer.moments(self._base)
        if moments is None or base is None:
            message = "MuP cannot rescale values of unknown standard deviation. Received:"
            message += f" {self.initializer!r:.100}, which does not say its moments. Allowed: initializers"
            message += " whose `moments` do. Define `moments` in its class, or choose another initializer."
            raise ArgumentError(message)
        width = self._inputs(self._base) / self._inputs(shape)
        ratio = width if self.readout else sqrt(width) if {"I", "O"} <= set(growing) else 1.0
        factor = ratio * _quotient(base, moments)
        if factor != 1.0 and moments.mean != 0.0:
            message = "MuP can only rescale values of mean 0. Received:"
            message += f" {self.initializer!r:.100}, whose mean is {moments.mean} for the shape {shape}."
            message += " Allowed: mean 0, or weights that do not change. Choose an initializer of mean 0."
            raise ArgumentError(message)
        return factor


def _quotient(base: Moments, moments: Moments) -> float:
    # Zeros, a usual first readout, have no deviation at any width.
    return 1.0 if moments.std == base.std else base.std / moments.std


def _as_filled_shape(shape: object, name: str) -> list[int]:
    lengths = as_shape(shape)
    if 0 in lengths:
        message = f"A weight to compare with cannot be empty. Received: {name}={list(lengths)}. Allowed:"
        message += f" lengths from 1 up. Write, for example, {name}=[256, 256]."
        raise ShapeError(message)
    return list(lengths)
