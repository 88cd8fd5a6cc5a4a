"""Kernels of convolutions that preserve the norm of every input."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from types import ModuleType
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DTYPES, FLOAT32, DType, Kind
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import float_argument
from initkit.initializers.kernel_axes import KernelAxes, check_norm_preserving, kernel_axes, kernel_layout
from initkit.initializers.orthogonal import Orthogonal
from initkit.initializers.random import check_range
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator

# Products are in float64 and rounded at the end: two machines differ by one unit of float32 at most.
_CONVOLUTION_FLOAT32 = 2e-7
_CONVOLUTION_FLOAT64 = 2e-14

# So many kernels at a time as take this memory, and several times as much on the way.
_KERNEL_BYTES = 1 << 21


class _NormPreserving(RandomInitializer):
    """What the two have in common: arguments, checks and moments."""

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(
        self, gain: float = 1.0, seed: int | SeedGenerator | None = None, layout: str | None = None
    ) -> None:
        super().__init__(seed)
        self.gain = float_argument(gain, "gain")
        self.layout = kernel_layout(layout)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes of no such convolution, dtypes that are not floating, and gains they cannot hold."""
        super().check(shape, dtype)
        check_norm_preserving(type(self).__name__, self.layout, shape)
        check_range(dtype, gain=self.gain)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and `|gain|/√(outputs·positions)`: every input channel's squares add up to `gain²`."""
        lengths = as_shape(shape)
        self.check(lengths, FLOAT32)
        axes = kernel_axes(self.layout, lengths)
        return Moments(0.0, abs(self.gain) / sqrt(max(axes.outputs * axes.positions, 1)))


@built_in("convolutional_delta_orthogonal")
class DeltaOrthogonal(_NormPreserving):
    """A random orthogonal matrix at the centre of a convolution's kernel, and zeros around it.

    Formula: for a kernel of layout `(…, in, out)`, `w[centre] = gain·Q` and `w = 0` elsewhere, `Q` being what
    `Orthogonal` gives for the shape `(in, out)`: `QQᵀ = I`, with Haar's law; complex: `QQᴴ = I`. The centre
    is `(k - 1)//2` along an axis of length `k`, of the two middle ones the lower. The convolution multiplies
    the norm of every input by `gain`, whatever its padding, if its strides are 1 and its output is as large.

    Args:
        gain: The factor, any finite number (default 1.0).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        layout: Letters or a preset, as for `fans` (default None: `...IO`, as in Keras and JAX; `"torch"` is
            `OI...`). The values are those of the default, with the axes moved.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32); float and
        complex dtypes. Values at the centre are those that `Orthogonal` documents, with its tolerance, 2e-6
        of the gain and 4e-15 in float64; all others are 0. A slice costs what it costs in the matrix.

    Raises:
        ArgumentTypeError: The gain is no real number, or the layout no text.
        ArgumentError: The gain is NaN or infinite, or beyond the dtype's range; the layout is none, or has
            not one input and one output axis.
        ShapeError: The shape has fewer than 3 or more than 5 axes, or more input than output channels.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> w = ik.DeltaOrthogonal(seed=7)((3, 3, 8, 16))
        >>> bool((w[1, 1] == ik.Orthogonal(seed=7)((8, 16))).all()), int((w != 0).sum()) == 8 * 16
        (True, True)

    Reference:
        Xiao, Bahri, Sohl-Dickstein, Schoenholz, Pennington, "Dynamical isometry and a mean field theory of
        CNNs: how to train 10,000-layer vanilla convolutional neural networks", 2018, algorithm 2; JAX,
        `jax.nn.initializers.delta_orthogonal`.
    """

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros, and the matrix where the region meets the centre."""
        draw.backend.put(out, ..., 0)
        axes = kernel_axes(self.layout, region.shape)
        index: list[Any] = [slice(None)] * len(region.shape)
        for axis, length in zip(axes.field, axes.lengths, strict=True):
            place, remainder = divmod((length - 1) // 2 - region.starts[axis], region.steps[axis])
            if remainder or not 0 <= place < region.counts[axis]:
                return
            index[axis] = place
        centre = out[tuple(index)]
        matrix = centre if axes.input < axes.output else centre.T
        Orthogonal(self.gain).fill_part(matrix, region.permuted((axes.input, axes.output)), draw)

    def tolerance(self, dtype: DType) -> float:
        """2e-6 of the gain; 4e-15 in float64 and complex128."""
        return Orthogonal(self.gain).tolerance(dtype)


@built_in("convolutional_orthogonal_1d", "convolutional_orthogonal_2d", "convolutional_orthogonal_3d")
class OrthogonalConvolution(_NormPreserving):
    """A convolution's kernel that preserves norms and has values at all its positions.

    Formula: begin with the kernel of one position `gain·Q`, `Q` being what `Orthogonal` gives for the shape
    `(in, out)`. In round `r = 0, 1, …` and for every axis `a` of the receptive field that is still shorter
    than `kₐ`, convolve it along that axis with the kernel of two positions `[P, I - P]`: `w'[s] = w[s]·P +
    w[s - 1]·(I - P)`. The `P = CCᵀ` (complex: `CCᴴ`) are independent projections of shape `(out, out)`: `C`
    is the first `m` columns of a matrix that `Orthogonal` draws from the child `"r.a"`, and `m` is binomial,
    of `out` tosses of a fair coin. Since `P + (I - P)z` is unitary for `|z| = 1`, so is the product: a
    convolution with circular padding and strides of 1 multiplies the norm of every input by `gain`. Other
    paddings lose what leaves the edges.

    Args:
        gain: The factor, any finite number (default 1.0).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        layout: Letters or a preset, as for `fans` (default None: `...IO`, as in Keras and JAX; `"torch"` is
            `OI...`). The values are those of the default, with the axes moved.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32); float and
        complex dtypes. Values lie in `[-|gain|, |gain|]`, up to rounding. They are computed in float64 for
        every dtype and then rounded, to float32 first for narrower ones; matrix products differ from one
        machine to the next, so values agree to 2e-7 of the gain, and in float64 to 2e-14. Any slice makes the
        kernels of all output channels and positions for its own input channels: `n` of them cost about
        `4·positions·n·out²` operations for every projection, beside the projections, `2·out³` each. Beside
        its own memory a slice takes `(n + Σ m)·out` values of 8 bytes (complex: 16), `Σ m` of all projections
        being about half their number times `out`, what `Orthogonal` takes for one of them, and some 16 MB.

    Raises:
        ArgumentTypeError: The gain is no real number, or the layout no text.
        ArgumentError: The gain is NaN or infinite, or beyond the dtype's range; the layout is none, or has
            not one input and one output axis.
        ShapeError: The shape has fewer than 3 or more than 5 axes, or more input than output channels.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> import numpy as np
        >>> w = ik.OrthogonalConvolution(seed=7)((3, 3, 8, 16), "float64")
        >>> image = ik.RandomNormal(seed=8)((10, 10, 8), "float64")
        >>> shifted = [np.roll(image, (-i, -j), (0, 1)) @ w[i, j] for i in range(3) for j in range(3)]
        >>> bool(np.isclose(np.linalg.norm(sum(shifted)), np.linalg.norm(image)))
        True

    Reference:
        Kautsky and Turcajová, "A matrix approach to discrete wavelets", 1994; Xiao, Bahri, Sohl-Dickstein,
        Schoenholz, Pennington, "Dynamical isometry and a mean field theory of CNNs: how to train 10,000-layer
        vanilla convolutional neural networks", 2018, algorithm 1, here also for unequal lengths of the
        kernel; TensorFlow 1, `ConvolutionOrthogonal1D`, `2D` and `3D`.
    """

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Make the kernels of the region's input channels, some at a time, and keep the region from them."""
        if not out.size:
            return
        dtype = DTYPES["complex128" if out.dtype.kind == "c" else "float64"]
        axes = kernel_axes(self.layout, region.shape)
        order = (*axes.field, axes.input, axes.output)
        target, cut = out.transpose(order), region.permuted(order).index()
        middle = _matrix_rows(axes, region, draw, dtype)
        bases = list(_bases(axes, draw, dtype))
        size = max(_KERNEL_BYTES // (axes.positions * axes.outputs * dtype.numpy.itemsize), 1)
        for first in range(0, len(middle), size):
            some = slice(first, first + size)
            kernel = middle[some].reshape((1,) * len(axes.lengths) + (-1, axes.outputs))
            for axis, basis in bases:
                kernel = _widened(draw.backend.xp, kernel, axis, basis)
            kept = kernel[(*cut[:-2], slice(None), cut[-1])]
            draw.backend.store(target[..., some, :], self.gain * kept)

    def tolerance(self, dtype: DType) -> float:
        """2e-7 of the gain; 2e-14 in float64 and complex128."""
        return abs(self.gain) * (_CONVOLUTION_FLOAT64 if dtype.draw.itemsize == 8 else _CONVOLUTION_FLOAT32)


def _matrix_rows(axes: KernelAxes, region: Region, draw: Draw, dtype: DType) -> Any:
    """The matrix of the kernel of one position, for the input channels of a region."""
    channels, outputs = region.permuted((axes.input,)), axes.outputs
    rows = Region(
        (axes.inputs, outputs), (*channels.starts, 0), (*channels.steps, 1), (*channels.counts, outputs)
    )
    matrix = draw.backend.empty(rows.counts, dtype)
    Orthogonal().fill_region(matrix, rows, draw)
    return matrix


def _bases(axes: KernelAxes, draw: Draw, dtype: DType) -> Iterator[tuple[int, Any]]:
    """The axes along which the kernel becomes longer, in their order, and what its projections span."""
    for turn in range(max(axes.lengths) - 1):
        for axis, length in enumerate(axes.lengths):
            if turn < length - 1:
                yield axis, _projection_basis(axes.outputs, draw.child(f"{turn}.{axis}"), dtype)


def _projection_basis(size: int, draw: Draw, dtype: DType) -> Any:
    """Orthonormal columns that span a uniformly distributed subspace of a binomial number of dimensions."""
    coins = draw.backend.empty((size,), DTYPES["float64"])
    draw.backend.uniform(coins, Region.whole((size,)), draw.child("rank").key, 0.0, 1.0)
    rank = int((coins < 0.5).sum())
    columns = draw.backend.empty((size, rank), dtype)
    Orthogonal().fill_region(columns, Region((size, size), (0, 0), (1, 1), (size, rank)), draw)
    return columns


def _widened(xp: ModuleType, kernel: Any, axis: int, basis: Any) -> Any:
    """The kernel convolved with `[P, I - P]` along an axis, `P` being the projection on the basis' span."""
    ahead = (slice(None),) * axis
    shape = [*kernel.shape]
    shape[axis] += 1
    wide = xp.zeros(shape, kernel.dtype)
    kept = (kernel @ basis) @ basis.conj().T
    wide[(*ahead, slice(None, -1))] = kept
    wide[(*ahead, slice(1, None))] += kernel - kept
    return wide
