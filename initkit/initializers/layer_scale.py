"""The first value of LayerScale's gains, by the depth of the network."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import Kind, resolve_dtype, rounded
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import count_argument
from initkit.region import Region
from initkit.registry import built_in

# The deepest network that each value is for; beyond the last, the value after it.
_VALUES = ((18, 0.1), (24, 1e-5))
_DEEPEST_VALUE = 1e-6


@built_in()
class LayerScale(RegionInitializer):
    """The gains with which a deep vision transformer multiplies each residual branch.

    Formula: `w = ε`: 0.1 for `depth <= 18`, 1e-5 for `depth <= 24`, 1e-6 for deeper networks. Every block
    then begins near the identity, the nearer the deeper the network is.

    Args:
        depth: How many blocks the network has, 1 or more (default 12).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), every value `ε`, rounded to nearest even. float8 has no 1e-5 and no 1e-6; they become 0.

    Raises:
        ArgumentTypeError: `depth` is no integer.
        ArgumentError: `depth` is below 1.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.LayerScale(depth=36)((3,)).tolist() == [np.float32(1e-6)] * 3
        True

    Reference:
        Touvron, Cord, Sablayrolles, Synnaeve, Jégou, "Going deeper with image transformers", 2021.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(self, depth: int = 12) -> None:
        self.depth = count_argument(depth, "depth")

    @property
    def value(self) -> float:
        """The value of every gain."""
        return next((value for deepest, value in _VALUES if self.depth <= deepest), _DEEPEST_VALUE)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the value."""
        draw.backend.put(out, ..., rounded(np.asarray(self.value), resolve_dtype(out.dtype)))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The value, and standard deviation 0."""
        return Moments(self.value, 0.0)
