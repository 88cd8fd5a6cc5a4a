"""Tables of positions: sines and cosines of every position, at many frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, prod, sqrt, tau
from types import ModuleType
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import FLOAT32, DType
from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import count_argument, flag_argument, float_argument
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.kernels import elementary
from initkit.region import Region, as_shape
from initkit.registry import built_in


@built_in()
class SinusoidalPositions(RegionInitializer):
    """Sines and cosines of positions, by which a transformer tells where a token or a patch is.

    Formula: `sin(p·f)` and `cos(p·f)` with the frequencies `f[i] = base^(-i/n)`, `i` from 0 to `n - 1`. The
    last axis of the shape holds all sines, then all cosines, `n` of each; the axis before it holds the
    positions `p` from 0 on. On a grid of `k` axes the features are `k` such parts in a row, of the place
    along the last axis of the grid first, and positions are counted row by row.

    | table | write |
    |---|---|
    | the transformer's, as its paper has it; KerasHub's | `interleaved=True` |
    | tensor2tensor's, fairseq's | `endpoint=True` |
    | MAE's and DiT's, of patches | `grid=[rows, columns]` |
    | big_vision's, of patches | `grid=[rows, columns], endpoint=True` |

    Args:
        grid: The lengths of the axes along which positions are counted, 1 to 3 integers of 0 or more; None
            (default) for one axis of any length.
        base: The quotient of the highest frequency, which is 1 radian for a step, and the frequency after the
            lowest; 1 or more (default 10000.0).
        interleaved: Whether every sine has its cosine beside it, and not `n` features later (default False).
        endpoint: Whether the lowest frequency is `1/base` itself, `f[i] = base^(-i/(n - 1))` (default False).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape, `(…, positions, features)`, and float
        dtype (None is float32), the same table for every index of the axes in front. Every value is computed
        in float64, within `1e-15·(p + 1)` of the formula, and rounded once; lower precisions are the float32
        values rounded once. The same bits everywhere.

    Raises:
        ArgumentTypeError: `grid` is no list of integers, `base` no real number, or another argument no bool.
        ArgumentError: `grid` has other than 1 to 3 axes, or a negative one; `base` is below 1 or infinite.
        ShapeError: The shape has fewer than two axes, other positions than the grid, or features that are no
            multiple of two for each axis of the grid.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.SinusoidalPositions()((3, 4))[1].round(2)
        array([0.84, 0.01, 0.54, 1.  ], dtype=float32)
        >>> patches = ik.SinusoidalPositions(grid=[14, 14])((1, 196, 768))

    Reference:
        Vaswani et al., "Attention is all you need", 2017; He et al., "Masked autoencoders are scalable vision
        learners", 2022.
    """

    def __init__(
        self,
        grid: Sequence[int] | None = None,
        base: float = 10000.0,
        interleaved: bool = False,
        endpoint: bool = False,
    ) -> None:
        self.grid = _checked_grid(grid)
        self.base = float_argument(base, "base")
        if self.base < 1.0:
            message = (
                f"Frequencies must fall, or be equal. Received: base={self.base}. Allowed: finite numbers"
            )
            message += " from 1 on. Write the quotient of the highest frequency and the lowest, 10000.0 say."
            raise ArgumentError(message)
        self.interleaved = flag_argument(interleaved, "interleaved")
        self.endpoint = flag_argument(endpoint, "endpoint")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, and shapes that are no such table."""
        super().check(shape, dtype)
        if len(shape) < 2:
            message = "A table of positions has two axes or more. Received:"
            message += (
                f" shape={shape} of rank {len(shape)}. Allowed: positions and features last. Write, for"
            )
            message += " example, (512, 768)."
            raise ShapeError(message)
        if self.grid is not None and shape[-2] != prod(self.grid):
            message = (
                f"The shape has other positions than the grid. Received: shape={shape}, grid={self.grid}."
            )
            message += f" Allowed: {prod(self.grid)} for the second axis from the end. Correct either; for a"
            message += " class token in front, use Blocks."
            raise ShapeError(message)
        parts = 2 * len(self._axes(shape))
        if shape[-1] % parts:
            message = "There must be as many sines as cosines, along every axis of the grid. Received:"
            message += f" {shape[-1]} features, in shape={shape}. Allowed: multiples of {parts}. Choose one."
            raise ShapeError(message)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Compute the region from the indices of its elements."""
        axes = self._axes(region.shape)
        features = 2 * self._frequencies(region.shape)

        def values(piece: Piece) -> Any:
            xp, feature = piece.xp, piece.index(-1)
            part, within = feature // features, feature % features
            order, is_cosine = within // 2, within % 2 == 1
            if not self.interleaved:
                order, is_cosine = within % (features // 2), within >= features // 2
            place, rest = 0, piece.index(-2)
            for number, length in enumerate(reversed(axes)):
                place = xp.where(part == number, rest % length, place)
                rest = rest // length
            cosine, sine = elementary.cos_sin_turns(xp, place * self._turns(xp, order, features // 2))
            return xp.where(is_cosine, cosine, sine)

        fill_pieces(out, region, draw, values)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The mean and standard deviation of the tensor's own values.

        Formula: the mean square is 1/2, since every sine has its cosine; the mean is made of sums of
        `cos(p·f)` and `sin(p·f)` over `p`, `sin(L·f/2)/sin(f/2)` times those of `(L - 1)·f/2`.
        """
        lengths = as_shape(shape)
        self.check(lengths, FLOAT32)
        if not prod(lengths):
            return Moments(0.0, 0.0)
        axes, count = self._axes(lengths), self._frequencies(lengths)
        half_turns = self._turns(np, np.arange(count), count) / 2
        means = []
        for length in axes:
            ratio = elementary.cos_sin_turns(np, length * half_turns)[1] / length
            ratio /= elementary.cos_sin_turns(np, half_turns)[1]
            cosine, sine = elementary.cos_sin_turns(np, (length - 1) * half_turns)
            means.extend((ratio * (cosine + sine)).tolist())
        mean = fsum(means) / (2 * len(means))
        return Moments(mean, sqrt(max(0.5 - mean * mean, 0.0)))

    def _axes(self, shape: tuple[int, ...]) -> list[int]:
        """The lengths of the axes along which positions are counted."""
        return [shape[-2]] if self.grid is None else self.grid

    def _frequencies(self, shape: tuple[int, ...]) -> int:
        """How many frequencies there are along each axis."""
        return shape[-1] // (2 * len(self._axes(shape)))

    def _turns(self, xp: ModuleType, order: Any, count: int) -> Any:
        """The frequencies of these orders, of so many in all, in turns for a step."""
        steps = max(count - self.endpoint, 1)
        exponent = order.astype("float64") * (float(elementary.log(np, self.base)) / steps)
        return elementary.exp(xp, -exponent) / tau


def _checked_grid(grid: object) -> list[int] | None:
    if grid is None:
        return None
    message = (
        f"Argument `grid` must be a list of 1 to 3 lengths. Received: {grid!r:.100}. Allowed: for example"
    )
    message += " [14, 14], or None for positions in a row. Write one of these."
    if not isinstance(grid, (list, tuple)):
        raise ArgumentTypeError(message)
    if not 1 <= len(grid) <= 3:
        raise ArgumentError(message)
    return [count_argument(length, "grid", low=0) for length in grid]
