"""Variance scaling, and the six settings of it that have names."""

from __future__ import annotations

from math import sqrt
from typing import Any, ClassVar

from initkit.dtypes import DType, Kind, require_kind
from initkit.errors import ArgumentError, did_you_mean, nearest_names
from initkit.fans import as_axes, check_fan_mode, compute_fans, effective_fan, require_both_axes
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import float_argument
from initkit.initializers.random import TRUNCATED_STD, fill_normal
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import Draw, SeedGenerator

DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

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
        kinds: tuple[Kind, ...] = ("float", "complex") if self.distribution == "untruncated_normal" else ("float",)
        if dtype.kind not in kinds:
            remedy = "For complex weights use VarianceScaling with distribution='untruncated_normal'."
            require_kind(dtype, kinds, type(self).__name__, remedy if dtype.kind == "complex" else "")
        if self.input_axes is not None:
            compute_fans(shape, self.input_axes, self.output_axes)

    def stddev(self, shape: Any) -> float:
        """The standard deviation `sqrt(scale / fan)` of a weight of that shape."""
        return sqrt(self.scale / effective_fan(compute_fans(shape, self.input_axes, self.output_axes), self.mode))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region; the fans are those of the whole tensor."""
        stddev = self.stddev(region.shape)
        if self.distribution == "truncated_normal":
            draw.backend.truncated_normal(out, region, draw.key, 0.0, stddev / TRUNCATED_STD, -2.0, 2.0)
        elif self.distribution == "untruncated_normal":
            fill_normal(out, region, draw, 0.0, stddev)
        else:
            limit = sqrt(3.0) * stddev
            draw.backend.uniform(out, region, draw.key, -limit, limit)

    def moments(self, shape: Any) -> Moments:
        """Mean 0, and the standard deviation that the fans give."""
        return Moments(0.0, self.stddev(shape))


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
            message = f"Argument `scale` must be positive float. Received: scale={scale}."
            raise ArgumentError(f"{message} Use Zeros for a weight of zeros.")
        check_fan_mode(mode)
        self.mode = mode
        self.distribution = _checked_distribution(distribution)


def _checked_distribution(distribution: object) -> str:
    name = distribution.lower() if isinstance(distribution, str) else distribution
    if name == "normal":
        return "truncated_normal"
    if name not in DISTRIBUTIONS:
        hint = did_you_mean(nearest_names(name, DISTRIBUTIONS)) if isinstance(name, str) else ""
        allowed = ", ".join(repr(known) for known in DISTRIBUTIONS)
        raise ArgumentError(f"Invalid `distribution` argument: {distribution!r}. Please use one of {allowed}.{hint}")
    return str(name)


@built_in()
class GlorotUniform(_ScaledByFan):
    """Glorot's uniform initializer, also known as Xavier's.

    Formula: `w ~ U[-a, a)`,
    `a = sqrt(6 / (fan_in + fan_out))`. The same as `VarianceScaling(1.0, "fan_avg", "uniform")`.

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
        np.float32(0.0)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = "fan_avg"
    distribution: ClassVar[str] = "uniform"



@built_in()
class GlorotNormal(_ScaledByFan):
    """Glorot's normal initializer, truncated.

    Formula: `w ~ N(0, σ²) cut at ±2 of its own deviations and corrected, so that Std(w) = σ`,
    `σ = sqrt(2 / (fan_in + fan_out))`. The same as `VarianceScaling(1.0, "fan_avg", "truncated_normal")`.

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
        np.float32(0.0)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = "fan_avg"
    distribution: ClassVar[str] = "truncated_normal"



@built_in()
class HeUniform(_ScaledByFan):
    """He's uniform initializer, for layers before a ReLU.

    Formula: `w ~ U[-a, a)`,
    `a = sqrt(6 / fan_in)`. The same as `VarianceScaling(2.0, "fan_in", "uniform")`.

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
        np.float32(0.0)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    scale: ClassVar[float] = 2.0
    mode: ClassVar[str] = "fan_in"
    distribution: ClassVar[str] = "uniform"



@built_in()
class HeNormal(_ScaledByFan):
    """He's normal initializer, truncated, for layers before a ReLU.

    Formula: `w ~ N(0, σ²) cut at ±2 of its own deviations and corrected, so that Std(w) = σ`,
    `σ = sqrt(2 / fan_in)`. The same as `VarianceScaling(2.0, "fan_in", "truncated_normal")`.

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
        np.float32(0.0)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    scale: ClassVar[float] = 2.0
    mode: ClassVar[str] = "fan_in"
    distribution: ClassVar[str] = "truncated_normal"



@built_in()
class LecunUniform(_ScaledByFan):
    """LeCun's uniform initializer.

    Formula: `w ~ U[-a, a)`,
    `a = sqrt(3 / fan_in)`. The same as `VarianceScaling(1.0, "fan_in", "uniform")`.

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
        np.float32(0.0)

    Reference:
        LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = "fan_in"
    distribution: ClassVar[str] = "uniform"



@built_in()
class LecunNormal(_ScaledByFan):
    """LeCun's normal initializer, truncated; the one for SELU networks.

    Formula: `w ~ N(0, σ²) cut at ±2 of its own deviations and corrected, so that Std(w) = σ`,
    `σ = sqrt(1 / fan_in)`. The same as `VarianceScaling(1.0, "fan_in", "truncated_normal")`.

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
        np.float32(0.0)

    Reference:
        LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998; Klambauer et al., 2017.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = "fan_in"
    distribution: ClassVar[str] = "truncated_normal"
