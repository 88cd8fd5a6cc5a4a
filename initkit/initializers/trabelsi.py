"""Trabelsi's complex initializer: Glorot's and He's variances for complex weights."""

from __future__ import annotations

from typing import ClassVar

from initkit.dtypes import DType, Kind, require_kind
from initkit.fans import Axes
from initkit.initializers.arguments import choice_argument
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.registry import built_in
from initkit.seed import SeedGenerator

# The scale and the mode of the total variance, E|w|².
CRITERIA: dict[str, tuple[float, str]] = {"glorot": (1.0, "fan_avg"), "he": (2.0, "fan_in")}


@built_in()
class Trabelsi(ScaledByFan):
    """Circular complex normal values, for layers with complex weights.

    Formula: `w = r·exp(iφ)`, `r` of Rayleigh's law with parameter `σ`, `φ ~ U(-π, π)`; `"glorot"`:
    `σ = 1/√(fan_in + fan_out)`, `"he"`: `σ = 1/√fan_in`. That is `w = σ·(a + ib)` with `a, b ~ N(0, 1)`.

    Both parts have the variance `σ²`, and `E|w|² = 2σ²` is the variance that Glorot's and He's rules give
    real weights: `2/(fan_in + fan_out)` and `2/fan_in`. So a complex layer keeps `E|x|²` as a real layer
    keeps `E[x²]`. The values are those of `VarianceScaling(1.0, "fan_avg", "untruncated_normal")` and
    `VarianceScaling(2.0, "fan_in", "untruncated_normal")` for complex dtypes.

    Args:
        criterion: `"glorot"` (default) or `"he"`.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and complex dtype, with the values that
        `RandomNormal` can give. The dtype must be said, since None is float32.

    Raises:
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`; another criterion.
        DTypeError: A dtype that is not complex.

    Example:
        >>> import initkit as ik
        >>> values = ik.Trabelsi("he", seed=7)((512, 256), "complex64")
        >>> round(float((abs(values) ** 2).mean() * 512), 1)
        2.0

    Reference:
        Trabelsi, Bilaniuk, Zhang, Serdyuk, Subramanian, Santos, Mehri, Rostamzadeh, Bengio, Pal, "Deep
        complex networks", 2018.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("complex",)
    distribution = "untruncated_normal"

    def __init__(
        self,
        criterion: str = "glorot",
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
        self.scale, self.mode = CRITERIA[self.criterion]

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not complex, and shapes that cannot be read as the arguments say."""
        remedy = "Ask for one of these; for real weights use GlorotNormal or HeNormal."
        require_kind(dtype, self.kinds, type(self).__name__, remedy)
        super().check(shape, dtype)
