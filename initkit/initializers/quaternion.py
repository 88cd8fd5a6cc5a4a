"""Weights of quaternion layers, in polar form."""

from __future__ import annotations

from math import sqrt
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DType, Kind, require_kind, resolve_dtype
from initkit.errors import ShapeError
from initkit.fans import Axes, Fans
from initkit.initializer import Moments
from initkit.initializers.arguments import axis_argument, choice_argument
from initkit.initializers.pieces import Piece
from initkit.initializers.random import check_reach, farthest_normal
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.initializers.trabelsi import CRITERIA
from initkit.kernels.elementary import cos_sin_turns
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator

COMPONENTS = 4

_FLOAT64 = resolve_dtype("float64")


@built_in()
class Quaternion(ScaledByFan):
    """Quaternions of random modulus, axis and angle, for layers with quaternion weights.

    Formula: `w = φ·(cos θ + (x·i + y·j + z·k)·sin θ)`; `φ/σ` of the χ law with 4 degrees of freedom, `(x, y,
    z)` uniform on the unit sphere, `θ ~ U(-π, π)`; `"glorot"`: `σ = 1/√(2·(fan_in + fan_out))`, `"he"`: `σ =
    1/√(2·fan_in)`.

    The total variance `E|w|² = 4σ²` is the one that Glorot's and He's rules give real weights,
    `2/(fan_in + fan_out)` and `2/fan_in`: a layer of Hamilton products keeps `E|x|²`. The real part has the
    variance `2σ²`, each of the others `2σ²/3`, so a quaternion is not four equal normal values.

    Args:
        criterion: `"glorot"` (default) or `"he"`.
        component_axis: The axis of length 4 that holds real part, i, j and k, in this order (default 0).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read from
            the shape without that axis (default `(…, in, out)`); see `initkit.fans`. They count quaternions.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32). `φ`
        is the norm of four normal values, the axis the direction of the last three, the angle one of 2⁵³; all
        in float64, `|w| <= 12.25·σ`. float32 values are the float64 values rounded once, and lower precisions
        the float32 values rounded once.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`; another criterion; a component axis
            that the shape does not have, or that is not of length 4.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> w = ik.Quaternion("he", seed=7)((4, 512, 256))
        >>> round(float((w**2).sum(axis=0).mean() * 512), 1)
        2.0

    Reference:
        Gaudet and Maida, "Deep quaternion networks", 2018; Parcollet, Ravanelli, Morchid, Linarès, Trabelsi,
        De Mori, Bengio, "Quaternion recurrent neural networks", 2019.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float",)

    def __init__(
        self,
        criterion: str = "glorot",
        component_axis: int = 0,
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.criterion = choice_argument(criterion, "criterion", tuple(CRITERIA))
        self.component_axis = axis_argument(component_axis, "component_axis")
        self.scale, self.mode = CRITERIA[self.criterion]

    def fans_of(self, shape: tuple[int, ...]) -> Fans:
        """The fans of a weight of that shape, in quaternions."""
        return super().fans_of(self._without_components(shape))

    def stddev(self, shape: tuple[int, ...]) -> float:
        """The standard deviation over all components, `σ`: that of a quaternion is twice as large."""
        return 0.5 * super().stddev(self._without_components(shape))

    def _without_components(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        axis = self._axis_of(shape)
        return shape[:axis] + shape[axis + 1 :]

    def _axis_of(self, shape: tuple[int, ...]) -> int:
        """The component axis, counted from 0."""
        ndim = len(shape)
        if not -ndim <= self.component_axis < ndim or shape[self.component_axis] != COMPONENTS:
            message = "A quaternion weight needs an axis of length 4 for real part, i, j and k. Received:"
            message += f" shape {shape}, component_axis={self.component_axis}. Allowed: the index of an axis"
            message += " of length 4. Add the axis to the shape, or say which it is."
            raise ShapeError(message)
        return self.component_axis % ndim

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes without the component axis, and dtypes that are not real and floating."""
        require_kind(dtype, self.kinds, type(self).__name__, self.kinds_remedy)
        # The norm of two pairs of normal values.
        check_reach(dtype, 0.0, self.stddev(shape), sqrt(2.0) * farthest_normal(_FLOAT64))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region; whole quaternions, of which the components asked for are kept."""
        axis, stddev = self._axis_of(region.shape), self.stddev(region.shape)
        start, step, count = region.starts[axis], region.steps[axis], region.counts[axis]
        quaternions = region.without_axis(axis)
        for box in quaternions.boxes(draw.backend.piece_elements):
            piece = Piece(quaternions.part(box), draw, _FLOAT64)
            components = _quaternions(piece, stddev)
            for position in range(count):
                at = (*box[:axis], slice(position, position + 1), *box[axis:])
                values = components[start + position * step]
                draw.backend.store(out[at], piece.xp.expand_dims(values, axis))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and the standard deviation over all components, half of a quaternion's."""
        return Moments(0.0, self.stddev(as_shape(shape)))


def _quaternions(piece: Piece, stddev: float) -> tuple[Any, Any, Any, Any]:
    """The four components of a piece's quaternions."""
    xp = piece.xp
    normal = piece.normal(components=COMPONENTS)
    a, b, c, d = (normal[..., number] for number in range(COMPONENTS))
    # Not 0: c and d are of one Box-Muller pair, whose modulus never is.
    axis_square = b * b + (c * c + d * d)
    modulus = stddev * xp.sqrt(a * a + axis_square)
    # The norm of all four tells nothing about the direction of three.
    cosine, sine = cos_sin_turns(xp, piece.uniform("angle"))
    scale = modulus * sine / xp.sqrt(axis_square)
    return modulus * cosine, scale * b, scale * c, scale * d
