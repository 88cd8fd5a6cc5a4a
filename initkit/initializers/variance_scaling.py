"""Variance scaling, and the six settings of it that have names."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Any

from initkit.dtypes import DType, Kind, require_kind
from initkit.errors import ArgumentError, did_you_mean, nearest_names
from initkit.fans import as_axes, check_fan_mode, compute_fans, effective_fan, require_both_axes
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import float_argument
from initkit.initializers.random import (
    COMPLEX_REMEDY,
    TRUNCATED_STD,
    check_reach,
    farthest_normal,
    fill_normal,
)
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import Draw, SeedGenerator

DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

_COMPLEX_TOO: tuple[Kind, ...] = ("float", "complex")
# How far the farthest values are from 0, in standard deviations of the values themselves.
_FARTHEST = {"truncated_normal": 2 / TRUNCATED_STD, "uniform": sqrt(3)}

Axes = int | list[int] | tuple[int, ...] | None


class _ScaledByFan(RandomInitializer):
    """What `VarianceScaling` and its named settings share: the law, given scale, mode and distribution."""

    scale: float
    mode: str
    distribution: str

    def __init__(
        self, seed: int | SeedGenerator | None = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(seed)
        inputs, outputs = as_axes(input_axes, "input_axes"), as_axes(output_axes, "output_axes")
        require_both_axes(inputs, outputs)
        self.input_axes = None if inputs is None else list(inputs)
        self.output_axes = None if outputs is None else list(outputs)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes without the named axes; dtypes that are not floating; truncated complex laws."""
        normal = self.distribution == "untruncated_normal"
        kinds = _COMPLEX_TOO if normal else self.kinds
        if dtype.kind not in kinds:
            remedy = COMPLEX_REMEDY if dtype.kind == "complex" else ""
            require_kind(dtype, kinds, type(self).__name__, remedy)
        farthest = farthest_normal(dtype) if normal else _FARTHEST[self.distribution]
        check_reach(dtype, 0.0, self._stddev(shape), farthest)

    def _stddev(self, shape: tuple[int, ...]) -> float:
        """The standard deviation of the values of a weight of that shape."""
        inputs, outputs = self.input_axes, self.output_axes
        if inputs is None or outputs is None:
            return _stddev_of(shape, self.scale, self.mode, None, None)
        return _stddev_of(shape, self.scale, self.mode, tuple(inputs), tuple(outputs))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region; the fans are those of the whole tensor."""
        stddev = self._stddev(region.shape)
        if self.distribution == "truncated_normal":
            draw.backend.truncated_normal(out, region, draw.key, 0.0, stddev / TRUNCATED_STD, -2.0, 2.0)
        elif self.distribution == "untruncated_normal":
            fill_normal(out, region, draw, 0.0, stddev)
        else:
            limit = sqrt(3.0) * stddev
            draw.backend.uniform(out, region, draw.key, -limit, limit)

    def moments(self, shape: Any) -> Moments:
        """Mean 0, and the standard deviation that the fans give."""
        return Moments(0.0, self._stddev(as_shape(shape)))


# Models repeat their shapes, and a small tensor is drawn in less time than its fans are computed.
@lru_cache(maxsize=4096)
def _stddev_of(
    shape: tuple[int, ...],
    scale: float,
    mode: str,
    inputs: tuple[int, ...] | None,
    outputs: tuple[int, ...] | None,
) -> float:
    return sqrt(scale / effective_fan(compute_fans(shape, inputs, outputs), mode))


@built_in()
class VarianceScaling(_ScaledByFan):
    """Values whose variance is a scale over the number of inputs or outputs.

    Formula: `Var(w) = scale / n`, where `n` is `fan_in`, `fan_out`, `(fan_in + fan_out)/2` or
    `sqrt(fan_in·fan_out)`, at least 1. `"truncated_normal"`: normal of standard deviation
    `sqrt(scale/n)/0.87962566103423978`, cut at twice that, so that the values' own is `sqrt(scale/n)`;
    `"untruncated_normal"`: `N(0, scale/n)`; `"uniform"`: `U[-sqrt(3·scale/n), sqrt(3·scale/n))`.

    Args:
        scale: The numerator, positive (default 1.0).
        mode: `"fan_in"` (default), `"fan_out"`, `"fan_avg"` or `"fan_geo_avg"`.
        distribution: `"truncated_normal"` (default; `"normal"` means the same), `"untruncated_normal"` or
            `"uniform"`.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes: The axes that make the fan-in; None reads the shape as `(…, in, out)`.
        output_axes: The axes that make the fan-out. Give both or neither.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        complex too for `"untruncated_normal"`, with `E|w|² = scale/n`. The values that can occur are those
        of `TruncatedNormal`, `RandomNormal` and `RandomUniform`.

    Raises:
        ArgumentError: `scale` is not positive and finite; a mode or distribution that does not exist;
            one of the two axes arguments without the other.
        ShapeError: The shape has not the axes that are named.
        DTypeError: An integer or bool dtype, or a complex one with another distribution.

    Example:
        >>> import initkit as ik
        >>> init = ik.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=7)
        >>> init((64, 4096)).std().round(4)
        np.float32(0.0221)

    Reference:
        Keras 3, `keras.initializers.VarianceScaling`; JAX, `jax.nn.initializers.variance_scaling`.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        super().__init__(seed, input_axes, output_axes)
        self.scale = float_argument(scale, "scale")
        if self.scale <= 0:
            message = (
                f"Argument `scale` must be positive float. Received: scale={scale}. Allowed: finite numbers"
            )
            message += " above 0. Use Zeros for a weight of zeros."
            raise ArgumentError(message)
        check_fan_mode(mode)
        self.mode = mode
        self.distribution = _checked_distribution(distribution)


def _checked_distribution(distribution: object) -> str:
    name = distribution.lower() if isinstance(distribution, str) else ""
    if name == "normal":
        return "truncated_normal"
    if name not in DISTRIBUTIONS:
        allowed = ", ".join(map(repr, DISTRIBUTIONS))
        message = f"Invalid `distribution` argument: {distribution!r:.100}. Please use one of {allowed}."
        raise ArgumentError(message + did_you_mean(nearest_names(name, DISTRIBUTIONS)))
    return name


@built_in()
class GlorotUniform(_ScaledByFan):
    """Glorot's uniform initializer, also known as Xavier's.

    Formula: `w ~ U[-a, a)`, `a = sqrt(6 / (fan_in + fan_out))`. The same as
    `VarianceScaling(1.0, "fan_avg", "uniform")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes: The axes that make the fan-in; None reads the shape as `(…, in, out)`.
        output_axes: The axes that make the fan-out. Give both or neither.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `RandomUniform` can give.

    Raises:
        ArgumentError: One of the two axes arguments without the other.
        ShapeError: The shape has not the axes that are named.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.GlorotUniform(seed=7)((512, 256)).std().round(3)
        np.float32(0.051)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """

    scale = 1.0
    mode = "fan_avg"
    distribution = "uniform"


@built_in()
class GlorotNormal(_ScaledByFan):
    """Glorot's normal initializer, truncated and corrected.

    Formula: `w = σ·z / 0.87962566103423978`, `z` standard normal given `-2 <= z <= 2`, so that
    `Std(w) = σ = sqrt(2 / (fan_in + fan_out))`. The same as
    `VarianceScaling(1.0, "fan_avg", "truncated_normal")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes: The axes that make the fan-in; None reads the shape as `(…, in, out)`.
        output_axes: The axes that make the fan-out. Give both or neither.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `TruncatedNormal` can give.

    Raises:
        ArgumentError: One of the two axes arguments without the other.
        ShapeError: The shape has not the axes that are named.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.GlorotNormal(seed=7)((512, 256)).std().round(3)
        np.float32(0.051)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """

    scale = 1.0
    mode = "fan_avg"
    distribution = "truncated_normal"


@built_in()
class HeUniform(_ScaledByFan):
    """He's uniform initializer, for layers before a ReLU.

    Formula: `w ~ U[-a, a)`, `a = sqrt(6 / fan_in)`. The same as
    `VarianceScaling(2.0, "fan_in", "uniform")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes: The axes that make the fan-in; None reads the shape as `(…, in, out)`.
        output_axes: The axes that make the fan-out. Give both or neither.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `RandomUniform` can give.

    Raises:
        ArgumentError: One of the two axes arguments without the other.
        ShapeError: The shape has not the axes that are named.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.HeUniform(seed=7)((512, 256)).std().round(3)
        np.float32(0.063)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    scale = 2.0
    mode = "fan_in"
    distribution = "uniform"


@built_in()
class HeNormal(_ScaledByFan):
    """He's normal initializer, truncated and corrected, for layers before a ReLU.

    Formula: `w = σ·z / 0.87962566103423978`, `z` standard normal given `-2 <= z <= 2`, so that
    `Std(w) = σ = sqrt(2 / fan_in)`. The same as
    `VarianceScaling(2.0, "fan_in", "truncated_normal")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes: The axes that make the fan-in; None reads the shape as `(…, in, out)`.
        output_axes: The axes that make the fan-out. Give both or neither.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `TruncatedNormal` can give.

    Raises:
        ArgumentError: One of the two axes arguments without the other.
        ShapeError: The shape has not the axes that are named.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.HeNormal(seed=7)((512, 256)).std().round(3)
        np.float32(0.063)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    scale = 2.0
    mode = "fan_in"
    distribution = "truncated_normal"


@built_in()
class LecunUniform(_ScaledByFan):
    """LeCun's uniform initializer.

    Formula: `w ~ U[-a, a)`, `a = sqrt(3 / fan_in)`. The same as
    `VarianceScaling(1.0, "fan_in", "uniform")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes: The axes that make the fan-in; None reads the shape as `(…, in, out)`.
        output_axes: The axes that make the fan-out. Give both or neither.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `RandomUniform` can give.

    Raises:
        ArgumentError: One of the two axes arguments without the other.
        ShapeError: The shape has not the axes that are named.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.LecunUniform(seed=7)((512, 256)).std().round(3)
        np.float32(0.044)

    Reference:
        LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.
    """

    scale = 1.0
    mode = "fan_in"
    distribution = "uniform"


@built_in()
class LecunNormal(_ScaledByFan):
    """LeCun's normal initializer, truncated and corrected; the one for SELU networks.

    Formula: `w = σ·z / 0.87962566103423978`, `z` standard normal given `-2 <= z <= 2`, so that
    `Std(w) = σ = sqrt(1 / fan_in)`. The same as
    `VarianceScaling(1.0, "fan_in", "truncated_normal")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes: The axes that make the fan-in; None reads the shape as `(…, in, out)`.
        output_axes: The axes that make the fan-out. Give both or neither.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `TruncatedNormal` can give.

    Raises:
        ArgumentError: One of the two axes arguments without the other.
        ShapeError: The shape has not the axes that are named.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.LecunNormal(seed=7)((512, 256)).std().round(3)
        np.float32(0.044)

    Reference:
        LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998;
        Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017.
    """

    scale = 1.0
    mode = "fan_in"
    distribution = "truncated_normal"
