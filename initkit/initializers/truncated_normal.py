"""The truncated normal law: its bounds in either unit, its correction, real and complex."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import inf, isfinite, isinf, nextafter
from typing import Any, ClassVar, NamedTuple

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType, Kind, resolve_dtype
from initkit.errors import ArgumentError
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import choice_argument, flag_argument, float_argument
from initkit.initializers.complex_laws import fill_truncated_complex_normal, truncated_modulus_std
from initkit.initializers.random import check_reach, farthest_normal
from initkit.kernels.normal_law import truncated_moments
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import SeedGenerator

BOUNDS = ("sigma", "absolute")

# Bounds as unequal as this are equal but for the rounding of the mean that lies between them.
_ROUNDING = 2.0**-50
# Beyond so many times the values' deviation a law between bounds is the uniform one.
_MOST_STRETCH = 2.0**200
_MOST_STEPS = 100


@built_in("trunc_normal")
class TruncatedNormal(RandomInitializer):
    """Independent normal values, given that they lie between two bounds.

    Formula: `w = mean + σ·z`, `z` standard normal given `a <= z <= b`; `σ = stddev`, or with `corrected` the
    one for which `Std(w) = stddev`. `bounds="sigma"`: `a = lower`, `b = upper`. `bounds="absolute"`:
    `a = (lower - mean)/σ`, `b = (upper - mean)/σ`, so that `lower <= w <= upper`. Complex: `z` standard
    complex normal, `E|z|² = 1`, given `|z| <= b = -a`.

    With `corrected=False`, as in Keras, `stddev` is that of the law before truncation; between ±2 the
    values' own is `0.8796·stddev`, complex `0.9620·stddev`. Libraries differ in what bounds mean:

    | library | its bounds | write |
    |---|---|---|
    | Keras, TensorFlow | always ±2, in standard deviations | nothing, the default |
    | JAX, Flax, Haiku, Sonnet, SciPy, timm's `trunc_normal_tf_` | in standard deviations | `bounds="sigma"` |
    | PyTorch, timm's `trunc_normal_`, Lux, Flux | in the values' own units | `bounds="absolute"` |

    Args:
        mean: The mean of the law before truncation, finite (default 0.0).
        stddev: The standard deviation before truncation; with `corrected`, that of the values. Finite and not
            negative (default 0.05).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        lower: The lower bound; may be minus infinity (default -2.0).
        upper: The upper bound, above `lower`; may be infinity (default 2.0).
        bounds: `"sigma"` (default): bounds count standard deviations before truncation, from the mean.
            `"absolute"`: bounds are values.
        corrected: Whether `stddev` is that of the values (default False).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32); float and
        complex dtypes. Every real value is the inverse distribution function at the middle of one of 2³²
        equal cells (2⁵³ in float64), computed as `mean + σ·z` in that precision, or as the nearer bound and a
        distance where all of the law lies 4σ or more to one side; never beyond the bounds. Lower precisions
        are the float32 values rounded once, which can round to the bounds' own roundings. A complex value
        has a modulus of `z` that is the inverse distribution function at the middle of one of 2⁵³ cells, and
        one of 2⁵³ phases; complex64 values are the complex128 values rounded once.

    Raises:
        ArgumentError: `stddev` is negative; a parameter is NaN, or one that must be finite is not; the bounds
            are not in order, or exclude the only value of a law without deviation; no law between the bounds
            has the deviation of a corrected one; values could leave the range of the dtype; a complex dtype,
            and bounds that are not at equal distances from the mean.
        ArgumentTypeError: A parameter is no real number; `corrected` is no bool.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> values = ik.TruncatedNormal(stddev=1.0, seed=7)((512, 256))
        >>> bool(abs(values).max() <= 2), values.std().round(2)
        (True, np.float32(0.88))
        >>> values = ik.TruncatedNormal(0.5, 0.2, 7, 0.0, float("inf"), "absolute")((512, 256))
        >>> bool(values.min() >= 0)
        True

    Reference:
        Keras 3, `keras.initializers.TruncatedNormal`; JAX, `jax.nn.initializers.truncated_normal`; PyTorch,
        `torch.nn.init.trunc_normal_`.
    """

    one_law = True

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(
        self,
        mean: float = 0.0,
        stddev: float = 0.05,
        seed: int | SeedGenerator | None = None,
        lower: float = -2.0,
        upper: float = 2.0,
        bounds: str = "sigma",
        corrected: bool = False,
    ) -> None:
        super().__init__(seed)
        self.mean = float_argument(mean, "mean")
        self.stddev = float_argument(stddev, "stddev", low=0.0)
        self.lower = _bound(lower, "lower")
        self.upper = _bound(upper, "upper")
        self.bounds = choice_argument(bounds, "bounds", BOUNDS)
        self.corrected = flag_argument(corrected, "corrected")
        if not self.lower < self.upper:
            message = "`lower` must be below `upper`, or there is no value between them. Received:"
            message += f" lower={self.lower}, upper={self.upper}. Allowed: lower below upper. Exchange the"
            message += " two; for a constant use Constant."
            raise ArgumentError(message)
        if not self.corrected:
            # Whether a deviation can be corrected depends on the dtype.
            self._law(is_complex=False)

    def _law(self, *, is_complex: bool) -> _Law:
        law = _complex_law if is_complex else _real_law
        return law(self.mean, self.stddev, self.lower, self.upper, self.bounds, self.corrected)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that cannot hold the values, and complex laws that are not circular."""
        super().check(shape, dtype)
        _check_range(self._law(is_complex=dtype.kind == "complex"), dtype)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region."""
        if out.dtype.kind == "c":
            law = self._law(is_complex=True)
            fill_truncated_complex_normal(out, region, draw, law.mean, law.std, law.upper)
        else:
            law = self._law(is_complex=False)
            draw.backend.truncated_normal(out, region, draw.key, law.mean, law.std, law.lower, law.upper)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The mean and standard deviation between the bounds.

        Args:
            shape: The shape of the whole tensor.
            dtype: The dtype, since the complex law has others; None for float32.

        Returns:
            Both, exact.
        """
        is_complex = resolve_dtype(dtype).kind == "complex"
        law = self._law(is_complex=is_complex)
        if is_complex:
            centre, spread = 0.0, truncated_modulus_std(law.upper)
        else:
            centre, spread = truncated_moments(law.lower, law.upper)
        return Moments(law.mean + law.std * centre, self.stddev if self.corrected else law.std * spread)


class _Law(NamedTuple):
    """A truncated normal law in the kernels' terms.

    Attributes:
        mean: The mean before truncation.
        std: The standard deviation before truncation.
        lower: The lower bound in standard deviations; for a complex law, `-upper`.
        upper: The upper bound in standard deviations.
    """

    mean: float
    std: float
    lower: float
    upper: float


# Small tensors are drawn in less time than these three take.
@lru_cache(maxsize=1024)
def _check_range(law: _Law, dtype: DType) -> None:
    """Refuse a law that leaves the range of a dtype, or that its kernels cannot compute."""
    # In which the values are computed, with the law's own numbers.
    precision = DTYPES["float64" if dtype.kind == "complex" else dtype.draw.name]
    # An inverse distribution function reaches less far than the draw of a normal value.
    reach = farthest_normal(precision)
    low = max(law.lower, min(law.upper, 0.0) - reach)
    high = min(law.upper, max(law.lower, 0.0) + reach)
    deviations = max(abs(low), abs(high))
    if not max(abs(law.mean + law.std * low), abs(law.mean + law.std * high)) <= dtype.largest:
        check_reach(dtype, law.mean, law.std, deviations)
    check_reach(precision, law.mean, law.std, max(deviations, 1.0))


@lru_cache(maxsize=1024)
def _real_law(mean: float, stddev: float, lower: float, upper: float, bounds: str, corrected: bool) -> _Law:
    return _resolved(mean, stddev, lower, upper, bounds, corrected, lambda a, b: truncated_moments(a, b)[1])


@lru_cache(maxsize=1024)
def _complex_law(
    mean: float, stddev: float, lower: float, upper: float, bounds: str, corrected: bool
) -> _Law:
    """The law of a modulus; its bounds must be at equal distances, up to rounding where they are values."""
    sigma = bounds == "sigma"
    low, high = (lower, upper) if sigma else (lower - mean, upper - mean)
    if isinf(low) or isinf(high):
        circular = low == -high
    else:
        circular = abs(low + high) <= (0.0 if sigma else _ROUNDING * max(abs(mean), abs(lower), abs(upper)))
    if not circular:
        message = "Complex values are truncated to a disk around the mean, so both bounds must be as far from"
        message += f" it. Received: mean={mean}, lower={lower}, upper={upper}, bounds={bounds!r}. Allowed:"
        message += " lower = -upper in standard deviations, lower + upper = 2·mean in the values' own units."
        message += " Choose such bounds, or a real dtype."
        raise ArgumentError(message)
    law = _resolved(
        mean, stddev, lower, upper, bounds, corrected, lambda a, b: truncated_modulus_std(min(-a, b))
    )
    radius = min(-law.lower, law.upper)
    return law._replace(lower=-radius, upper=radius)


def _resolved(
    mean: float,
    stddev: float,
    lower: float,
    upper: float,
    bounds: str,
    corrected: bool,
    spread: Callable[[float, float], float],
) -> _Law:
    """The law in the kernels' terms; `spread` gives the deviation between bounds of the standard law."""
    if bounds == "sigma":
        return _Law(mean, _divided(stddev, spread(lower, upper)) if corrected else stddev, lower, upper)
    low, high = lower - mean, upper - mean
    if not stddev:
        if not low <= 0.0 <= high:
            message = "Without deviation the mean is the only value, and the bounds exclude it. Received:"
            message += f" mean={mean}, stddev=0.0, lower={lower}, upper={upper}. Allowed: bounds around the"
            message += " mean. Choose these, or a deviation above 0."
            raise ArgumentError(message)
        return _Law(mean, 0.0, -inf, inf)
    std = _corrected_std(stddev, low, high, spread) if corrected else stddev
    law = _Law(mean, std, _inside(mean, std, lower, inf), _inside(mean, std, upper, -inf))
    if not law.lower < law.upper:
        message = "The bounds are too close, or too far from the mean, to be told apart in float64. Received:"
        message += f" mean={mean}, stddev={stddev}, lower={lower}, upper={upper}. Allowed: bounds that differ"
        message += " in units of the deviation, counted from the mean. Part them, or use Constant."
        raise ArgumentError(message)
    return law


def _divided(stddev: float, spread: float) -> float:
    if not spread:
        message = "The bounds are too close to correct the deviation between them. Received: a deviation of 0"
        message += " for that of a standard law. Allowed: bounds some 1e-100 apart. Part them."
        raise ArgumentError(message)
    return stddev / spread


def _inside(mean: float, std: float, bound: float, inwards: float) -> float:
    """A bound in standard deviations, rounded so that `mean + std·z` is not beyond the bound itself."""
    z = (bound - mean) / std
    while isfinite(z) and (mean + std * z < bound if inwards > 0.0 else mean + std * z > bound):
        z = nextafter(z, inwards)
    return z + 0.0


def _corrected_std(stddev: float, low: float, high: float, spread: Callable[[float, float], float]) -> float:
    """The standard deviation before truncation for which the values have `stddev`.

    Formula: the root of `s·spread(low/s, high/s) - stddev`, which rises with `s`; by false position
    (Illinois).

    Args:
        stddev: The standard deviation of the values, above 0.
        low: The lower bound, counted from the mean, in the values' units.
        high: The upper bound.
        spread: The deviation between bounds of the standard law.

    Returns:
        The root, with a relative error of the order of 1e-14 where bounds are loose, the same on every
        machine.

    Raises:
        ArgumentError: No law between the bounds has that deviation.
    """

    def excess(s: float) -> float:
        a, b = low / s, high / s
        return s * spread(a, b) - stddev if a < b else -stddev

    # Truncation takes from a deviation, so the root is not below.
    left, right = stddev, stddev
    below = above = excess(stddev)
    while above < 0.0:
        left, below = right, above
        right *= 2.0
        if right > stddev * _MOST_STRETCH:
            message = "No law between these bounds has so large a standard deviation. Received:"
            message += f" stddev={stddev} between bounds at {low} and {high} from the mean. Allowed: less"
            message += " than the uniform law's. Choose wider bounds, a smaller stddev, or corrected=False."
            raise ArgumentError(message)
        above = excess(right)
    kept = ""
    for _ in range(_MOST_STEPS):
        middle = right - above * ((right - left) / (above - below)) if above > below else right
        if not left < middle < right:
            break
        value = excess(middle)
        if abs(value) <= stddev * _ROUNDING:
            return middle
        # An end that is kept for a second time counts half, or it would be kept for ever.
        if value < 0.0:
            left, below, above = middle, value, above * (0.5 if kept == "right" else 1.0)
            kept = "right"
        else:
            right, above, below = middle, value, below * (0.5 if kept == "left" else 1.0)
            kept = "left"
    return right


def _bound(value: object, name: str) -> float:
    """Check a bound: any real number, infinities included."""
    if isinstance(value, (float, np.floating)) and isinf(value):
        return float(value)
    return float_argument(value, name)
