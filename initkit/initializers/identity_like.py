"""Weights without randomness that pass signals on where a matrix is not square: ZerO and IDInit."""

from __future__ import annotations

from math import ldexp, prod, sqrt
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import choice_argument, flag_argument, float_argument
from initkit.initializers.kernel_axes import KernelAxes, kernel_axes, kernel_layout
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.initializers.random import check_range
from initkit.region import Region, as_shape
from initkit.registry import built_in

_IDINIT_VALUES = {"preserve": 1.0, "zero": 1e-6}

# Rows are added up so many at once.
_PIECE = 1 << 16


@built_in()
class ZerO(RegionInitializer):
    """The identity, cut off or continued by a Hadamard matrix: zeros and ones up to a factor.

    Formula: a weight of `P` inputs and `Q` outputs has `w[i, o] = 1` where `i = o`, else 0, if `Q <= P`; and
    `w[i, o] = c·(-1)^popcount(i & o)` if `Q > P`: the first rows and columns of the Hadamard matrix `Hₘ` of
    Sylvester's order `2ᵐ`, `m = ceil(log₂ Q)`, with `c = 2^(-(m - 1)/2)`. Of a convolution's kernel that is
    the position `k//2` along each axis of length `k`, and all others are 0.

    Args:
        orthonormal: Whether `c` is `2^(-m/2)` as in the authors' program, so that inputs keep their norm
            where `Q = 2ᵐ` (default False: the paper's algorithm 1, in which it grows by √2).
        layout: Letters or a preset, as for `fans` (default None: `...IO`, as in Keras and JAX; `"torch"` is
            `OI` and `OI...`). The values are those of the default, with the axes moved.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32). Only
        0 and 1, or 0, `c` and `-c` occur; `c` is rounded to float64, then to the dtype by way of float32.
        There is nothing to draw, and no seed.

    Raises:
        ArgumentTypeError: `orthonormal` is no bool, or the layout no text.
        ArgumentError: The layout is none, or has not one input and one output axis.
        ShapeError: The shape has fewer than two axes, or does not fit the layout.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.ZerO(orthonormal=True)((2, 4)).tolist()
        [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]]

    Reference:
        Zhao, Schäfer, Anandkumar, "ZerO initialization: initializing neural networks with only zeros and
        ones", 2021, algorithms 1 and 2.
    """

    def __init__(self, orthonormal: bool = False, layout: str | None = None) -> None:
        self.orthonormal = flag_argument(orthonormal, "orthonormal")
        self.layout = kernel_layout(layout)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, and shapes that are no weight."""
        super().check(shape, dtype)
        kernel_axes(self.layout, shape)

    def _factor(self, outputs: int) -> float:
        """What the entries ±1 of the Hadamard matrix are multiplied with."""
        order = (outputs - 1).bit_length()
        return sqrt(ldexp(1.0, -order if self.orthonormal else 1 - order))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Compute every element from its index."""
        axes = kernel_axes(self.layout, region.shape)

        def values(piece: Piece) -> Any:
            inputs, outputs = piece.index(axes.input), piece.index(axes.output)
            if axes.outputs > axes.inputs:
                matrix = self._factor(axes.outputs) * (1 - 2 * _parity(inputs & outputs))
            else:
                matrix = (inputs == outputs) * 1.0
            for axis, length in zip(axes.field, axes.lengths, strict=True):
                # Not by a product, which would give minus zeros.
                matrix = piece.xp.where(piece.index(axis) == length // 2, matrix, 0.0)
            return matrix

        fill_pieces(out, region, draw, values)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all elements, zeros included."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["float64"])
        axes, size = kernel_axes(self.layout, lengths), max(prod(lengths), 1)
        if not prod(lengths):
            return Moments(0.0, 0.0)
        if axes.outputs > axes.inputs:
            factor = self._factor(axes.outputs)
            mean = factor * _hadamard_sum(axes.inputs, axes.outputs) / size
            square = factor * factor / axes.positions
        else:
            mean = square = axes.outputs / size
        return Moments(mean, sqrt(max(square - mean * mean, 0.0)))


def _parity(values: Any) -> Any:
    """Whether each integer, non-negative and of 63 bits, has an odd number of ones: 1 or 0."""
    for shift in (32, 16, 8, 4, 2, 1):
        values = values ^ (values >> shift)
    return values & 1


def _hadamard_sum(inputs: int, outputs: int) -> int:
    """The sum of the first rows and columns of a Hadamard matrix of ±1, in proportion to the rows alone.

    Row `j` is a Walsh function: with `t` its lowest bit, its `2^(t + 1)`-element blocks add up to 0, and
    begin with `2^t` equal values. So all that counts is the block that is cut off.
    """
    total = outputs
    for first in range(1, inputs, _PIECE):
        rows = np.arange(first, min(first + _PIECE, inputs), dtype=np.int64)
        half = rows & -rows
        rest = outputs & (2 * half - 1)
        signs = 1 - 2 * _parity((outputs - rest) & rows)
        total += int((signs * np.minimum(rest, 2 * half - rest)).sum())
    return total


@built_in()
class IDInit(RegionInitializer):
    """The identity repeated until it fills a matrix that is not square, times a factor.

    Formula: a weight of `Q` outputs is read as a matrix of `Q` rows and `N = inputs·positions` columns,
    numbered by input channel, then by position, row by row, as PyTorch stores a kernel. `w = scale` where row
    and column are equal modulo `min(Q, N)`, else 0. A square matrix is `scale·I`; a tall one repeats the
    identity below, a wide one beside. For kernels that is the paper's patch-maintain reading: every output
    channel passes on one input channel at one position.

    Args:
        mode: `"preserve"` (default): the paper's IDI_τ, for all layers but those that end a residual branch;
            `"zero"`: its IDIZ_ε for those, almost zero, so that the branch is, without dead neurons.
        scale: τ or ε, any finite number (default None: 1 in the first mode, 1e-6 in the second).
        layout: Letters or a preset, as for `fans` (default None: `...IO`, as in Keras and JAX; `"torch"` is
            `OI` and `OI...`). The values are those of the default, with the axes moved.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32). Only
        the scale, rounded to nearest even, and 0 occur: 1e-6 is 0 in float8. There is nothing to draw, and no
        seed. Two details are a reading of the paper: that a kernel's columns are counted channel by channel,
        and that IDIZ_ε has the pattern of IDI_τ. The small noise with which the paper loosens the identity is
        not added.

    Raises:
        ArgumentTypeError: The scale is no real number, the mode or the layout no text.
        ArgumentError: The mode is unknown; the scale is NaN or infinite, or beyond the dtype's range; the
            layout is none, or has not one input and one output axis.
        ShapeError: The shape has fewer than two axes, or does not fit the layout.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.IDInit(layout="torch")((2, 5)).tolist()
        [[1.0, 0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0, 0.0]]

    Reference:
        Pan, Wang, Wu, Wang, Zhang, Xu, "IDInit: a universal and stable initialization method for neural
        network training", 2025.
    """

    def __init__(self, mode: str = "preserve", scale: float | None = None, layout: str | None = None) -> None:
        self.mode = choice_argument(mode, "mode", _IDINIT_VALUES)
        self.scale = None if scale is None else float_argument(scale, "scale")
        self.layout = kernel_layout(layout)

    @property
    def _value(self) -> float:
        return _IDINIT_VALUES[self.mode] if self.scale is None else self.scale

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that are no weight, and dtypes that are not real or cannot hold the scale."""
        super().check(shape, dtype)
        kernel_axes(self.layout, shape)
        check_range(dtype, scale=self._value)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Compute every element from its index."""
        axes = kernel_axes(self.layout, region.shape)

        def values(piece: Piece) -> Any:
            column = piece.index(axes.input)
            for axis, length in zip(axes.field, axes.lengths, strict=True):
                column = column * length + piece.index(axis)
            met = (piece.index(axes.output) - column) % _period(axes) == 0
            return piece.xp.where(met, self._value, 0.0)

        fill_pieces(out, region, draw, values)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all elements, zeros included."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["float64"])
        if not prod(lengths):
            return Moments(0.0, 0.0)
        # Along the longer side, every row or column has one entry.
        share = 1 / _period(kernel_axes(self.layout, lengths))
        return Moments(self._value * share, abs(self._value) * sqrt(share * (1 - share)))


def _period(axes: KernelAxes) -> int:
    """The shorter side of the matrix that a kernel is read as."""
    return min(axes.outputs, axes.inputs * axes.positions)
