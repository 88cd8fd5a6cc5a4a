"""Complex laws that are circular around a mean: uniform on a disk, normal within a disk.

Their values are drawn in polar form, modulus and phase from two uniform numbers, in float64 for every dtype,
since the square root in a modulus would magnify the rounding of a float32 draw near 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import resolve_dtype
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.kernels.elementary import cos_sin_turns, expm1, log1p
from initkit.region import Region

# 1 - x/(exp(x) - 1) = x/2 - x²/12 + x⁴/720 - …, by Bernoulli's numbers, where the difference would cancel.
_SERIES = (1 / 2, -1 / 12, 0.0, 1 / 720, 0.0, -1 / 30240, 0.0, 1 / 1209600, 0.0, -1 / 47900160)
_SERIES_UP_TO = 0.5
# From here on x/(exp(x) - 1) is lost beside 1.
_NEGLIGIBLE = 50.0

_FLOAT64 = resolve_dtype("float64")


@lru_cache(maxsize=1024)
def truncated_modulus_std(bound: float) -> float:
    """The standard deviation of the standard complex normal law, given that the modulus is within a bound.

    Formula: `√E|z|² = √(1 - u²/(exp(u²) - 1))`, where `E|z|² = 1` without the bound `u`.

    Args:
        bound: The bound `u`, above 0; may be infinity.

    Returns:
        The standard deviation, with a relative error below 1e-15, the same on every machine.

    Example:
        >>> truncated_modulus_std(2.0)
        0.9619618280082135
    """
    x = bound * bound
    if x > _NEGLIGIBLE:
        return 1.0
    if x > _SERIES_UP_TO:
        return sqrt(1.0 - x / float(expm1(np, x)))
    total = 0.0
    for coefficient in reversed(_SERIES):
        total = total * x + coefficient
    return bound * sqrt(total)


def fill_disk(out: Any, region: Region, draw: Draw, centre: float, radius: float) -> None:
    """Fill a region with complex values that are uniform on a disk.

    Formula: `w = centre + radius·√U₁·exp(2πi·U₂)`, so that `E|w - centre|² = radius²/2`.

    Args:
        out: A complex array of the region's counts.
        region: The region.
        draw: The tensor's draw.
        centre: The centre of the disk, finite.
        radius: Its radius, finite, not negative.
    """

    def modulus(piece: Piece, uniform: Any) -> Any:
        return radius * piece.xp.sqrt(uniform)

    _fill_circular(out, region, draw, centre, modulus)


def fill_truncated_complex_normal(
    out: Any, region: Region, draw: Draw, mean: float, stddev: float, bound: float
) -> None:
    """Fill a region with circular complex normal values whose modulus around the mean is bounded.

    Formula: `w = mean + stddev·r·exp(2πi·U₂)`, `r = √(-log(1 - (1 - exp(-bound²))·U₁))`.

    Args:
        out: A complex array of the region's counts.
        region: The region.
        draw: The tensor's draw.
        mean: The mean, finite.
        stddev: The standard deviation before truncation, where `E|w - mean|² = stddev²`; not negative.
        bound: The most that `r` can be, above 0; may be infinity.
    """
    share = float(expm1(np, -(bound * bound)))

    def modulus(piece: Piece, uniform: Any) -> Any:
        r = piece.xp.sqrt(-log1p(piece.xp, share * uniform))
        return stddev * piece.xp.minimum(r, bound)

    _fill_circular(out, region, draw, mean, modulus)


def _fill_circular(
    out: Any, region: Region, draw: Draw, centre: float, modulus: Callable[[Piece, Any], Any]
) -> None:
    """Fill with values at a random phase and the modulus that a function makes of a uniform number."""

    def values(piece: Piece) -> Any:
        uniforms = Piece(piece.region, piece.draw, _FLOAT64).uniform(components=2)
        distance = modulus(piece, uniforms[..., 0])
        cosine, sine = cos_sin_turns(piece.xp, uniforms[..., 1])
        result = piece.xp.empty(distance.shape, dtype="complex128")
        result.real = centre + distance * cosine
        # The sum turns -0 into 0.
        result.imag = 0.0 + distance * sine
        return result

    fill_pieces(out, region, draw, values)
