"""The two factors of a low-rank adapter."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

from initkit.draws import Draw
from initkit.fans import Axes
from initkit.initializers.arguments import choice_argument, count_argument
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import SeedGenerator

_PARTS = ("A", "B")
_METHODS = ("kaiming_uniform", "gaussian", "embedding")


@built_in()
class LoRA(ScaledByFan):
    """A factor of a low-rank adapter `B·A`, whose product is 0 at first.

    Formula: with `r` the rank, which is the number of outputs of `A`:

    | method | A, from the inputs to r | B, from r to the outputs |
    |---|---|---|
    | `"kaiming_uniform"` | `U[-a, a)`, `a = 1/sqrt(fan_in)` | 0 |
    | `"gaussian"` | `N(0, 1/r²)` | 0 |
    | `"embedding"` | 0 | `N(0, 1)` |

    The first is what the paper's code and peft do, Kaiming's uniform law with `a = √5`.

    Args:
        part: `"A"` (default) or `"B"`.
        method: `"kaiming_uniform"` (default), `"gaussian"`, or `"embedding"` for adapters of a table of
            embeddings.
        rank: The rank `r`, 1 or more; None for the number of outputs in the shape (default).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend). A draw is taken for zeros, too.
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`. peft's adapters are of layout
            `"torch"`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `VarianceScaling` can give for a uniform or untruncated normal law, or
        zeros. Complex values have the table's variance as `E|w|²`.

    Raises:
        ArgumentError: `part` or `method` does not exist, `rank` is below 1.
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`; `rank` is no integer.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> a, b = ik.LoRA("A", layout="torch", seed=7)((8, 1024)), ik.LoRA("B", layout="torch")((512, 8))
        >>> a.std().round(3), bool((b @ a == 0).all())
        (np.float32(0.018), True)

    Reference:
        Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang, Chen, "LoRA: low-rank adaptation of large language
        models", 2021; Hugging Face, `peft`.
    """

    def __init__(
        self,
        part: str = "A",
        method: str = "kaiming_uniform",
        rank: int | None = None,
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
        self.part = choice_argument(part, "part", _PARTS)
        self.method = choice_argument(method, "method", _METHODS)
        self.rank = None if rank is None else count_argument(rank, "rank")
        uniform = self.part == "A" and self.method == "kaiming_uniform"
        self.distribution = "uniform" if uniform else "untruncated_normal"

    @property
    def _is_zero(self) -> bool:
        return (self.part == "A") == (self.method == "embedding")

    def stddev(self, shape: tuple[int, ...]) -> float:
        """That of the method's law; 0 for the factor of zeros."""
        fans = self.fans_of(shape)
        if self._is_zero:
            return 0.0
        if self.method == "embedding":
            return 1.0
        if self.method == "kaiming_uniform":
            return 1 / sqrt(3 * max(1, fans.fan_in))
        outputs = prod(length for letter, length in fans.reading if "O" in letter)
        return 1 / (self.rank or max(1, outputs))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region, or write zeros."""
        if self._is_zero:
            draw.backend.put(out, ..., 0)
        else:
            super().fill_region(out, region, draw)
