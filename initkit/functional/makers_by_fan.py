"""The initializers of WeightInitializers.jl that read fans from the shape: Glorot's and Kaiming's."""

from __future__ import annotations

from math import sqrt
from typing import Any

from initkit.functional.partial import make_or_wait
from initkit.initializer import Initializer
from initkit.initializers import XavierNormal, XavierUniform
from initkit.initializers.arguments import float_argument
from initkit.initializers.scaled_by_fan import ScaledByFan

_SQRT_2 = sqrt(2.0)


def _layout(rank: int) -> str:
    """Lux's reading of a shape: a vector of `n` has fans of 1 and `n`, a number of 1 and 1."""
    return {0: "...", 1: "O"}.get(rank, "julia")


class Kaiming(ScaledByFan):
    """A gain over the root of the fan-in, where PyTorch's classes have the name of a nonlinearity."""

    def __init__(self, gain: float, distribution: str, layout: str) -> None:
        """Check the gain, and keep all."""
        super().__init__(layout=layout)
        self.gain = float_argument(gain, "gain", low=0.0)
        self.distribution = distribution

    def stddev(self, shape: tuple[int, ...]) -> float:
        """The gain over the root of the fan-in, which is at least 1."""
        return self.gain / sqrt(max(1, self.fans_of(shape).fan_in))


def glorot_uniform(*arguments: Any, gain: float = 1.0, dtype: Any = None) -> Any:
    """Make a weight of Glorot's uniform values.

    Formula: `w ~ U[-a, a)`, `a = gain·sqrt(6 / (fan_in + fan_out))`; complex: uniform on a disk,
    `E|w|² = a²/3`, where WeightInitializers has four times that; fans are read as Lux reads them, from
    `(out, in)` or `(k…, in, out)`; a vector of `n` has fans of 1 and `n`.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        gain: The factor, finite and not negative (default 1.0).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and float or complex dtype on the generator's backend, with the values of
        `XavierUniform(gain, seed=generator, layout="julia")`. Without lengths: a `Partial`, which
        waits for them.

    Raises:
        ArgumentError: The gain is out of range, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative.
        DTypeError: The dtype is unknown, or cannot be made.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> init.glorot_uniform(ik.SeedGenerator(7), "float16", 256, 512).std().round(3)
        np.float16(0.051)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010;
        WeightInitializers.jl, `glorot_uniform`.
    """

    def of_rank(rank: int) -> Initializer:
        return XavierUniform(gain, layout=_layout(rank))

    return make_or_wait(glorot_uniform, of_rank, arguments, dtype, gain=gain)


def glorot_normal(*arguments: Any, gain: float = 1.0, dtype: Any = None) -> Any:
    """Make a weight of Glorot's normal values, not truncated.

    Formula: `w ~ N(0, σ²)`, `σ = gain·sqrt(2 / (fan_in + fan_out))`, complex `E|w|² = σ²`, where
    WeightInitializers has `4σ²`; fans are read as Lux reads them, from `(out, in)` or `(k…, in, out)`; a
    vector of `n` has fans of 1 and `n`.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        gain: The factor, finite and not negative (default 1.0).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and float or complex dtype on the generator's backend, with the values of
        `XavierNormal(gain, seed=generator, layout="julia")`. Without lengths: a `Partial`, which
        waits for them.

    Raises:
        ArgumentError: The gain is out of range, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative.
        DTypeError: The dtype is unknown, or cannot be made.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> init.glorot_normal(ik.SeedGenerator(7), 256, 512, gain=2.0).std().round(3)
        np.float32(0.102)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010;
        WeightInitializers.jl, `glorot_normal`.
    """

    def of_rank(rank: int) -> Initializer:
        return XavierNormal(gain, layout=_layout(rank))

    return make_or_wait(glorot_normal, of_rank, arguments, dtype, gain=gain)


def kaiming_uniform(*arguments: Any, gain: float = _SQRT_2, dtype: Any = None) -> Any:
    """Make a weight of Kaiming's (He's) uniform values.

    Formula: `w ~ U[-b, b)`, `b = gain·sqrt(3 / fan_in)`; complex: uniform on a disk, `E|w|² = b²/3`, where
    WeightInitializers has four times that; fans are read as Lux reads them, from `(out, in)` or
    `(k…, in, out)`; a vector of `n` has fans of 1 and `n`.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        gain: The factor, finite and not negative (default √2).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and float or complex dtype on the generator's backend; with the default gain
        the values of `KaimingUniform(seed=generator, layout="julia")`. Without lengths: a `Partial`, which
        waits for them.

    Raises:
        ArgumentError: The gain is out of range, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative.
        DTypeError: The dtype is unknown, or cannot be made.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> init.kaiming_uniform(ik.SeedGenerator(7), 256, 512).std().round(4)
        np.float32(0.0625)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015; WeightInitializers.jl, `kaiming_uniform`.
    """

    def of_rank(rank: int) -> Initializer:
        return Kaiming(gain, "uniform", _layout(rank))

    return make_or_wait(kaiming_uniform, of_rank, arguments, dtype, gain=gain)


def kaiming_normal(*arguments: Any, gain: float = _SQRT_2, dtype: Any = None) -> Any:
    """Make a weight of Kaiming's (He's) normal values, not truncated.

    Formula: `w ~ N(0, σ²)`, `σ = gain / sqrt(fan_in)`, complex `E|w|² = σ²`, where WeightInitializers has
    `4σ²`; fans are read as Lux reads them, from `(out, in)` or `(k…, in, out)`; a vector of `n` has fans of 1
    and `n`.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        gain: The factor, finite and not negative (default √2).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and float or complex dtype on the generator's backend; with the default gain
        the values of `KaimingNormal(seed=generator, layout="julia")`. Without lengths: a `Partial`, which
        waits for them.

    Raises:
        ArgumentError: The gain is out of range, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative.
        DTypeError: The dtype is unknown, or cannot be made.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> generator = ik.SeedGenerator(7)
        >>> init.kaiming_normal(generator, 256, 512, dtype="bfloat16").shape, init.kaiming_normal(2, 5).shape
        ((256, 512), (2, 5))
        >>> waiting = init.kaiming_normal(gain=1.0)
        >>> waiting(2, 5).shape, waiting(generator, 2, 5).shape
        ((2, 5), (2, 5))

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015; WeightInitializers.jl, `kaiming_normal`.
    """

    def of_rank(rank: int) -> Initializer:
        return Kaiming(gain, "untruncated_normal", _layout(rank))

    return make_or_wait(kaiming_normal, of_rank, arguments, dtype, gain=gain)
