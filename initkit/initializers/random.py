"""The normal and the uniform law, with their parameters as arguments."""

from __future__ import annotations

from math import sqrt
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType, Kind, resolve_dtype
from initkit.errors import ArgumentError
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import float_argument
from initkit.initializers.complex_laws import fill_disk
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import SeedGenerator

# The standard deviation of a standard normal value given that it lies within ±2; Keras has the same digits.
TRUNCATED_STD = 0.87962566103423978

_SQRT_HALF = sqrt(0.5)


def farthest_normal(dtype: DType) -> float:
    """How many standard deviations away from the mean a normal draw can be at most.

    Formula: Box-Muller of the least uniform value: `sqrt(-2·log(2⁻³³))`, rounded up; of `2⁻⁵⁴` in float64.

    Args:
        dtype: The row asked for.

    Returns:
        6.77, or 8.66 for the dtypes that are drawn in float64.

    Example:
        >>> farthest_normal(resolve_dtype("bfloat16"))
        6.77
    """
    return 6.77 if dtype.draw.itemsize == 4 else 8.66


def fill_normal(out: Any, region: Region, draw: Draw, mean: float, stddev: float) -> None:
    """Fill a region with the normal law; complex values have `E|w - mean|² = stddev²`."""
    if out.dtype.kind != "c":
        draw.backend.normal(out, region, draw.key, mean, stddev)
        return
    # Flat first: an array of no axes cannot be viewed as two numbers.
    parts = out.reshape(-1).view(resolve_dtype(out.dtype).draw).reshape(*out.shape, 2)
    draw.backend.normal(parts, region.with_components(2), draw.key, 0.0, stddev * _SQRT_HALF)
    if mean:
        draw.backend.shift(parts[..., 0], mean)


@built_in("normal")
class RandomNormal(RandomInitializer):
    """Independent normal values.

    Formula: `w ~ N(mean, stddev²)`; complex: `mean + stddev·(a + ib)/√2` with `a, b ~ N(0, 1)`, so that
    `E|w - mean|² = stddev²`.

    Args:
        mean: The mean, finite (default 0.0).
        stddev: The standard deviation, finite and not negative (default 0.05).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32);
        float and complex dtypes. Values are Box-Muller pairs of 32-bit words, `|w - mean| <= 6.77·stddev`,
        of 53 bits and up to 8.6·stddev in float64; lower precisions are the float32 values rounded once.

    Raises:
        ArgumentError: `stddev` is negative, a parameter is NaN or infinite, or values could leave the range
            of the dtype.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.RandomNormal(stddev=0.02, seed=7)((512, 256)).std().round(3)
        np.float32(0.02)

    Reference:
        Box and Muller, "A note on the generation of random normal deviates", 1958.
    """

    one_law = True

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | None = None
    ) -> None:
        super().__init__(seed)
        self.mean = float_argument(mean, "mean")
        self.stddev = float_argument(stddev, "stddev", low=0.0)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not floating, or whose range the values could leave."""
        super().check(shape, dtype)
        check_reach(dtype, self.mean, self.stddev, farthest_normal(dtype))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region."""
        fill_normal(out, region, draw, self.mean, self.stddev)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The two parameters."""
        return Moments(self.mean, self.stddev)


@built_in("uniform")
class RandomUniform(RandomInitializer):
    """Independent uniform values.

    Formula: `w ~ U[minval, maxval)`. Complex: uniform on the disk that has the segment from `minval` to
    `maxval` as its diameter, so that `E|w - c|² = (maxval - minval)²/8`, `c = (minval + maxval)/2`.

    Args:
        minval: The lower end, finite, which can occur (default -0.05).
        maxval: The upper end, finite, not below `minval` (default 0.05).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32); float and
        complex dtypes. Real values are `minval + k·2⁻²⁴·(maxval - minval)`, `k` from 0 to 2²⁴ - 1, rounded to
        float32 (53 bits in float64), and never `maxval` in that precision; float16, bfloat16 and float8
        values are the float32 values rounded once, which can reach `maxval`. Where no float lies in
        `[minval, maxval)`, as with `minval == maxval`, the one nearest `minval`. Complex values have one of
        2⁵³ moduli around `c`, below the radius, and one of 2⁵³ phases; each part is rounded, so they leave
        the disk by a rounding at most. complex64 values are the complex128 values rounded once.

    Raises:
        ArgumentError: `minval` is above `maxval`, a bound is NaN or infinite, or their distance is more
            than the dtype can hold.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> values = ik.RandomUniform(-1, 1, seed=7)((512, 256))
        >>> bool((values >= -1).all() and (values < 1).all())
        True
    """

    one_law = True

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | SeedGenerator | None = None
    ) -> None:
        super().__init__(seed)
        self.minval = float_argument(minval, "minval")
        self.maxval = float_argument(maxval, "maxval")
        if self.minval > self.maxval:
            message = (
                f"`minval` cannot be above `maxval`. Received: minval={self.minval}, maxval={self.maxval}."
            )
            message += " Allowed: minval up to maxval. Exchange the two."
            raise ArgumentError(message)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not floating, or whose range the bounds leave."""
        super().check(shape, dtype)
        # A disk is computed from its centre and its radius, in float64.
        distance = self.maxval - self.minval if dtype.kind == "float" else 0.0
        if not max(abs(self.minval), abs(self.maxval), distance) <= dtype.largest:
            check_range(dtype, minval=self.minval, maxval=self.maxval)
            # The kernels scale by the distance, in the precision of the draw.
            check_range(DTYPES[dtype.draw.name], distance=distance)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region."""
        if out.dtype.kind == "c":
            fill_disk(out, region, draw, *self._disk())
        else:
            draw.backend.uniform(out, region, draw.key, self.minval, self.maxval)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """`(minval + maxval)/2`; and `(maxval - minval)/√12`, of complex values `(maxval - minval)/√8`.

        Args:
            shape: The shape of the whole tensor.
            dtype: The dtype, since the complex law has another deviation; None for float32.

        Returns:
            Both, exact.
        """
        if resolve_dtype(dtype).kind == "complex":
            centre, radius = self._disk()
            return Moments(centre, radius * _SQRT_HALF)
        return Moments((self.minval + self.maxval) / 2, (self.maxval - self.minval) / sqrt(12))

    def _disk(self) -> tuple[float, float]:
        """The centre and the radius of the disk of complex values."""
        return 0.5 * self.minval + 0.5 * self.maxval, 0.5 * self.maxval - 0.5 * self.minval


def check_range(dtype: DType, **parameters: float) -> None:
    """Refuse parameters that the dtype cannot hold, since values would be infinite.

    Args:
        dtype: The dtype asked for.
        **parameters: The parameters, or the farthest values that they lead to, by name.

    Raises:
        ArgumentError: One is larger than the dtype's largest value.

    Example:
        >>> check_range(resolve_dtype("float16"), mean=0.5)
    """
    for name, value in parameters.items():
        if not abs(value) <= dtype.largest:
            message = (
                f"`{name}` is beyond the range of dtype {dtype.name!r}. Received: {name}={value}. Allowed:"
            )
            message += f" up to {dtype.largest} either way. Choose smaller parameters or a wider dtype."
            raise ArgumentError(message)


def check_reach(dtype: DType, mean: float, stddev: float, deviations: float) -> None:
    """Refuse a mean and a standard deviation whose farthest values the dtype cannot hold.

    Args:
        dtype: The dtype asked for.
        mean: The mean.
        stddev: The standard deviation.
        deviations: How many standard deviations away from the mean the farthest value is.

    Raises:
        ArgumentError: That value is larger than the dtype's largest.

    Example:
        >>> check_reach(resolve_dtype("float16"), 0.0, 0.02, 6.77)
    """
    farthest = abs(mean) + deviations * stddev
    if not farthest <= dtype.largest:
        message = (
            f"Values would leave the range of dtype {dtype.name!r}. Received: mean={mean}, stddev={stddev},"
        )
        message += f" which reach {farthest:.5g}. Allowed: up to {dtype.largest} either way. Choose smaller"
        message += " parameters or a wider dtype."
        raise ArgumentError(message)
