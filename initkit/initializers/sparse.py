"""Matrices in which every column has exactly so many zeros."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, sqrt
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType, Kind
from initkit.errors import ShapeError
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import axis_argument, float_argument
from initkit.initializers.random import check_reach, farthest_normal, fill_normal
from initkit.initializers.subsets import Subsets
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator


@built_in()
class Sparse(RandomInitializer):
    """Normal values, with exactly the same number of zeros in every column.

    Formula: `w = 0` in `k = ceil(sparsity·rows)` rows of each column, all `C(rows, k)` choices equally likely
    and independent between columns; `w ~ N(0, std²)` elsewhere, the value that `RandomNormal` has there.
    `sparsity` is the decimal number that is written: `0.07` of 100 rows are 7, where rounding in binary would
    make 8 of them.

    The rows of a column are cut into blocks of 128, the last one maybe shorter, and its `k` zeros are counted
    down a tree. A node of `b > 1` blocks, `N` rows and `m` zeros has on its left the first `2ʲ` blocks, the
    largest power of two below `b`, of `L` rows, with `x` of the zeros, a hypergeometric number:
    `P(x) = C(L, x)·C(N - L, m - x)/C(N, m)`. Where its variance `V = m/N·((N - m)/N)·L·((N - L)/(N - 1))` is
    below 1000, `x` is the least with `floor(2³²·F(x) + 1/2) > floor(2³²·u)`, `F` the distribution function
    and `u` the float64 uniform value of the seed's child `splits` at `[first block on the right, column]` of
    a tensor `(blocks, columns)`. Else it comes from trials `t = 0, 1, …`, in which `1 - u` and `v` are the
    values of the child `trials` at `[t, 0 and 1, first block on the right, column]` of a tensor `(64, 2,
    blocks, columns)`: `x = floor(m·(L/N) + 1/2 + h·(v - 1/2)/u)`, `h = 1.7155277699214135·√(V + 1/2) +
    0.8989161620588988`, is taken if it is possible and `2·log(u) <= log(P(x)/P(M))`, all in float64, with
    `M = floor((L + 1)·(m + 1)/(N + 2))`, which is taken after 64 trials. In a block rows are gone through in
    order: one is 0 if `u·(rows left in the block) < (zeros left in it)`, in float32, `u` the float32 uniform
    value of the child `members` at `[row mod 128, block, column]` of a tensor `(128, blocks, columns)`.

    Args:
        sparsity: The share of zeros, from 0 to 1.
        std: The standard deviation of the other values, finite and not negative (default 0.01).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        axis: The axis along which zeros are counted: 0, as in PyTorch, for so many in every column (default);
            1 or -1 for so many in every row, that axis then being the rows of the formula.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomNormal` can give, and zeros. All dtypes have them in the same
        places. A slice takes a few MB for each thread beside its own memory. Its time is in proportion to
        its columns and to the blocks that its rows meet: in each, rows are drawn up to the last one wanted,
        and a number for each of the `log2(blocks)` nodes above it, which all blocks below a node share, as
        columns share the tables for these numbers. So an element of a single row of 2²⁰ takes as long as some
        hundreds in the whole matrix; of very few columns, as some thousands.

    Raises:
        ArgumentError: `sparsity` is not from 0 to 1, `std` is negative or not finite.
        ArgumentTypeError: An argument of the wrong type.
        ShapeError: The shape has not exactly two axes, or not that axis.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> weight = ik.Sparse(0.9, seed=7)((50, 20))
        >>> (weight == 0).sum(axis=0).tolist() == [45] * 20
        True

    Reference:
        Martens, "Deep learning via Hessian-free optimization", 2010; PyTorch, `torch.nn.init.sparse_`;
        Knuth, "The Art of Computer Programming", volume 2, 3.4.2, algorithm S; Stadlober, "The ratio
        of uniforms approach for generating discrete random variates", 1990.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(
        self, sparsity: float, std: float = 0.01, seed: int | SeedGenerator | None = None, axis: int = 0
    ) -> None:
        super().__init__(seed)
        self.sparsity = float_argument(sparsity, "sparsity", low=0.0, high=1.0)
        self.std = float_argument(std, "std", low=0.0)
        self.axis = axis_argument(axis, "axis")
        if not -2 <= self.axis < 2:
            message = f"A matrix has no axis {self.axis}. Received: axis={self.axis}. Allowed: 0, 1, -1, -2."
            message += " Choose 0 for so many zeros in every column, 1 in every row."
            raise ShapeError(message)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that are no matrix, and dtypes that are not floating or cannot hold the values."""
        super().check(shape, dtype)
        if len(shape) != 2:
            message = f"Sparse makes matrices. Received: shape={shape} of rank {len(shape)}. Allowed: two"
            message += " lengths. Write, for example, (64, 32)."
            raise ShapeError(message)
        check_reach(dtype, 0.0, self.std, farthest_normal(dtype))

    def _zeros(self, shape: tuple[int, ...]) -> int:
        """How many zeros there are along the axis."""
        # The shortest decimal that means this float is what was written.
        return ceil(Fraction(repr(self.sparsity)) * shape[self.axis])

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region and clear those that are zero, some rows after the others."""
        zeros, turned = self._zeros(region.shape), self.axis % 2 == 1

        def fill(part: Any, where: Region) -> None:
            if turned:
                part, where = part.T, where.permuted((1, 0))
            fill_normal(part, where, draw, 0.0, self.std)

        if turned:
            out, region = out.T, region.permuted((1, 0))
        rows, columns = region.shape
        Subsets(rows, columns, zeros, draw).clear(out, region, fill)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and the standard deviation over all elements, zeros included."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["float64"])
        share = self._zeros(lengths) / max(lengths[self.axis], 1)
        return Moments(0.0, self.std * sqrt(1.0 - share))
