"""Variance scaling, and the six settings of it that have names."""

from __future__ import annotations

from initkit.errors import ArgumentError, did_you_mean, nearest_names
from initkit.fans import Axes, check_fan_mode
from initkit.initializers.arguments import float_argument
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.registry import built_in
from initkit.seed import SeedGenerator

DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


@built_in()
class VarianceScaling(ScaledByFan):
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
        batch_axes: The axes of separate weights, such as experts; only with the other two.
        layout: Instead of axes, a letter for each, such as `"OIHW"`, or a preset: `"keras"`, `"torch"`,
            `"julia"`, `"mlx"` or `"paddle"` (default None).
        groups: The groups of channels of a convolution (default 1).
        transposed: Whether the channel axes are exchanged, as in a transposed convolution (default False).
        depthwise: Whether each channel has kernels of its own (default False). `initkit.fans` tells more
            about these arguments, and what it makes of a shape.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        complex too for `"untruncated_normal"`, with `E|w|² = scale/n`. The values that can occur are those
        of `TruncatedNormal`, `RandomNormal` and `RandomUniform`.

    Raises:
        ArgumentError: `scale` is not positive and finite; a mode, distribution or layout that does not
            exist; arguments about axes that exclude each other.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: The shape does not fit the axes, the layout or the groups.
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
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
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
class GlorotUniform(ScaledByFan):
    """Glorot's uniform initializer, also known as Xavier's.

    Formula: `w ~ U[-a, a)`, `a = sqrt(6 / (fan_in + fan_out))`. The same as
    `VarianceScaling(1.0, "fan_avg", "uniform")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `RandomUniform` can give.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`.
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
class GlorotNormal(ScaledByFan):
    """Glorot's normal initializer, truncated and corrected.

    Formula: `w = σ·z / 0.87962566103423978`, `z` standard normal given `-2 <= z <= 2`, so that
    `Std(w) = σ = sqrt(2 / (fan_in + fan_out))`. The same as
    `VarianceScaling(1.0, "fan_avg", "truncated_normal")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `TruncatedNormal` can give.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`.
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
class HeUniform(ScaledByFan):
    """He's uniform initializer, for layers before a ReLU.

    Formula: `w ~ U[-a, a)`, `a = sqrt(6 / fan_in)`. The same as
    `VarianceScaling(2.0, "fan_in", "uniform")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `RandomUniform` can give.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`.
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
class HeNormal(ScaledByFan):
    """He's normal initializer, truncated and corrected, for layers before a ReLU.

    Formula: `w = σ·z / 0.87962566103423978`, `z` standard normal given `-2 <= z <= 2`, so that
    `Std(w) = σ = sqrt(2 / fan_in)`. The same as
    `VarianceScaling(2.0, "fan_in", "truncated_normal")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `TruncatedNormal` can give.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`.
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
class LecunUniform(ScaledByFan):
    """LeCun's uniform initializer.

    Formula: `w ~ U[-a, a)`, `a = sqrt(3 / fan_in)`. The same as
    `VarianceScaling(1.0, "fan_in", "uniform")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `RandomUniform` can give.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`.
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
class LecunNormal(ScaledByFan):
    """LeCun's normal initializer, truncated and corrected; the one for SELU networks.

    Formula: `w = σ·z / 0.87962566103423978`, `z` standard normal given `-2 <= z <= 2`, so that
    `Std(w) = σ = sqrt(1 / fan_in)`. The same as
    `VarianceScaling(1.0, "fan_in", "truncated_normal")`.

    Args:
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32),
        with the values that `TruncatedNormal` can give.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`.
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
