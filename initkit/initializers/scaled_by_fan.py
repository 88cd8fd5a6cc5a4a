"""The base class of initializers whose standard deviation follows from the fans."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DType, Kind
from initkit.fans import Axes, FanReading, Fans, effective_fan, fan_reading
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.complex_laws import fill_disk, fill_truncated_complex_normal, truncated_modulus_std
from initkit.initializers.random import TRUNCATED_STD, check_reach, farthest_normal, fill_normal
from initkit.region import Region, as_shape
from initkit.seed import SeedGenerator

# Complex values are cut at the same number of standard deviations of the law before truncation.
_COMPLEX_TRUNCATED_STD = truncated_modulus_std(2.0)
# How far the farthest values are from 0, in standard deviations of the values themselves.
_FARTHEST = {"truncated_normal": 2 / TRUNCATED_STD, "uniform": sqrt(3)}

_AxesKey = tuple[int, ...] | None
_Key = tuple[_AxesKey, _AxesKey, _AxesKey, str | None, int, bool, bool]


class ScaledByFan(RandomInitializer):
    """The base class of initializers whose standard deviation follows from the fans.

    Formula: values of the law `distribution` with mean 0 and standard deviation `stddev(shape)`, which is
    `sqrt(scale / n)` unless a subclass says otherwise; `n` is the fan that `mode` picks, at least 1. Complex
    values have it in total, `E|w|² = stddev(shape)²`: normal ones are circular, truncated ones too, with the
    modulus cut at twice the deviation before truncation, and uniform ones lie on a disk of radius
    `√2·stddev`.

    A subclass sets `scale`, `mode` and `distribution`, in its class or in `__init__`; or it sets
    `distribution` and defines `stddev` from `self.fans_of(shape)`. If it has an `__init__`, that names all
    arguments of this one, since configs are read from its signature.

    Attributes:
        scale: The numerator of the variance.
        mode: One of `initkit.fans.FAN_MODES`.
        distribution: `"truncated_normal"`, `"untruncated_normal"` or `"uniform"`.

    Example:
        >>> class Reciprocal(ScaledByFan):
        ...     distribution = "uniform"
        ...     def stddev(self, shape):
        ...         return 1 / max(1, self.fans_of(shape).fan_in)
        >>> Reciprocal(layout="torch").moments((16, 64))
        Moments(mean=0.0, std=0.015625)
    """

    one_law = True

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    scale: float
    mode: str
    distribution: str

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        """Check the seed and how fans are read (see `initkit.fans`), and keep all of it, axes as lists."""
        super().__init__(seed)
        reading = fan_reading(input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.input_axes = _as_list(reading.input_axes)
        self.output_axes = _as_list(reading.output_axes)
        self.batch_axes = _as_list(reading.batch_axes)
        self.layout = reading.layout
        self.groups = reading.groups
        self.transposed = reading.transposed
        self.depthwise = reading.depthwise

    def fans_of(self, shape: tuple[int, ...]) -> Fans:
        """The fans of a weight of that shape, as this initializer reads it."""
        return _fans_of(shape, self._key())

    def stddev(self, shape: tuple[int, ...]) -> float:
        """The standard deviation of the values of a weight of that shape: `sqrt(scale / n)`."""
        return _stddev_of(shape, self.scale, self.mode, self._key())

    def _key(self) -> _Key:
        """What fans are read by, from the attributes as they are now, for a cache."""
        return (
            None if self.input_axes is None else tuple(self.input_axes),
            None if self.output_axes is None else tuple(self.output_axes),
            None if self.batch_axes is None else tuple(self.batch_axes),
            self.layout,
            self.groups,
            self.transposed,
            self.depthwise,
        )

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that cannot be read so, and dtypes that cannot hold the values."""
        super().check(shape, dtype)
        normal = self.distribution == "untruncated_normal"
        # A complex value's modulus reaches less far than a real value.
        farthest = farthest_normal(dtype) if normal else _FARTHEST[self.distribution]
        check_reach(dtype, 0.0, self.stddev(shape), farthest)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region; the fans are those of the whole tensor."""
        stddev = self.stddev(region.shape)
        if self.distribution == "untruncated_normal":
            fill_normal(out, region, draw, 0.0, stddev)
        elif out.dtype.kind == "c":
            _fill_complex(out, region, draw, stddev, self.distribution)
        elif self.distribution == "truncated_normal":
            draw.backend.truncated_normal(out, region, draw.key, 0.0, stddev / TRUNCATED_STD, -2.0, 2.0)
        else:
            limit = sqrt(3.0) * stddev
            draw.backend.uniform(out, region, draw.key, -limit, limit)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and the standard deviation that the fans give."""
        return Moments(0.0, self.stddev(as_shape(shape)))


def _fill_complex(out: Any, region: Region, draw: Draw, stddev: float, distribution: str) -> None:
    """Fill with one of the bounded complex laws, of `E|w|² = stddev²`."""
    if distribution == "truncated_normal":
        fill_truncated_complex_normal(out, region, draw, 0.0, stddev / _COMPLEX_TRUNCATED_STD, 2.0)
    else:
        fill_disk(out, region, draw, 0.0, sqrt(2.0) * stddev)


def _as_list(axes: tuple[int, ...] | None) -> list[int] | None:
    return None if axes is None else list(axes)


# Models repeat their shapes, and a small tensor is drawn in less time than its fans are computed.
@lru_cache(maxsize=4096)
def _fans_of(shape: tuple[int, ...], key: _Key) -> Fans:
    return FanReading(*key).fans(shape)


@lru_cache(maxsize=4096)
def _stddev_of(shape: tuple[int, ...], scale: float, mode: str, key: _Key) -> float:
    return sqrt(scale / effective_fan(_fans_of(shape, key), mode))
