"""Random Fourier features: a fixed layer whose inner products are a kernel."""

from __future__ import annotations

from math import pi, sqrt, tau
from typing import Any

from initkit.draws import Draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import choice_argument, float_argument
from initkit.initializers.random import check_reach, farthest_normal, fill_normal
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import SeedGenerator

PARTS = ("weight", "bias")


@built_in("random_fourier_features")
class RandomFourier(RandomInitializer):
    """The frequencies, or the phases, of random Fourier features.

    Formula: `"weight"`: `w ~ N(0, 1/lengthscale²)`; `"bias"`: `b ~ U[0, 2π)`. Then, with `D` features, the
    inner product of `√(2/D)·cos(x·w + b)` and `√(2/D)·cos(y·w + b)` is about
    `exp(-|x - y|²/(2·lengthscale²))`, as is that of `[cos(x·w), sin(x·w)]/√D`, which needs no phases.
    Features `cos(2π·x·w)` of frequencies of standard deviation `σ` have `lengthscale = 1/σ` in the weight,
    and the kernel of the length scale `1/(2πσ)`.

    Weight and bias of one seed are independent.

    Args:
        part: `"weight"` (default) or `"bias"`.
        lengthscale: The distance over which the kernel falls, above 0, in units of the inputs (default 1.0).
            The bias does not depend on it.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32).
        Values are those of `RandomNormal`, or of `RandomUniform` between 0 and 2π: never 2π in float32 and
        float64, while lower precisions, which are the float32 values rounded once, can round to it.

    Raises:
        ArgumentError: There is no such part; `lengthscale` is not above 0, NaN or infinite; values could
            leave the range of the dtype.
        ArgumentTypeError: The part is no text, or the length scale no real number.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> import numpy as np
        >>> w, b = ik.RandomFourier(seed=7)((3, 4096)), ik.RandomFourier("bias", seed=7)(4096)
        >>> features = np.sqrt(2 / 4096) * np.cos(np.array([[0.1, 0.2, 0.3], [0.4, 0.2, -0.1]]) @ w + b)
        >>> float((features[0] @ features[1]).round(1)), float(np.exp(-0.25 / 2).round(1))
        (0.9, 0.9)

    Reference:
        Rahimi and Recht, "Random features for large-scale kernel machines", 2007; Tancik et al., "Fourier
        features let networks learn high frequency functions in low dimensional domains", 2020.
    """

    def __init__(
        self, part: str = "weight", lengthscale: float = 1.0, seed: int | SeedGenerator | None = None
    ) -> None:
        super().__init__(seed)
        self.part = choice_argument(part, "part", PARTS)
        self.lengthscale = float_argument(lengthscale, "lengthscale", low=0.0)
        if self.lengthscale == 0.0:
            message = "A kernel cannot fall over no distance. Received: lengthscale=0.0. Allowed: finite"
            message += " numbers above 0. Choose one of these."
            raise ArgumentError(message)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, or whose range the values could leave."""
        super().check(shape, dtype)
        if self.part == "weight":
            check_reach(dtype, 0.0, 1.0 / self.lengthscale, farthest_normal(dtype))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region."""
        if self.part == "weight":
            fill_normal(out, region, draw, 0.0, 1.0 / self.lengthscale)
        else:
            # A draw of its own: that of the weight's makes its first values of the same words.
            draw.backend.uniform(out, region, draw.child("bias").key, 0.0, tau)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation of the part's law."""
        return Moments(0.0, 1.0 / self.lengthscale) if self.part == "weight" else Moments(pi, tau / sqrt(12))
