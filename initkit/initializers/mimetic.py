"""Attention weights that look like those of trained transformers."""

from __future__ import annotations

import re
from math import sqrt
from typing import Any

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType
from initkit.errors import ArgumentError, ShapeError
from initkit.initializer import RandomInitializer
from initkit.initializers.arguments import choice_argument, count_argument, float_argument
from initkit.initializers.kernel_axes import kernel_axes, kernel_layout
from initkit.initializers.random import check_range, farthest_normal
from initkit.initializers.shared_draw import shared_draw
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import SeedGenerator

# For each part of an attention layer: the pair that it is of, and whether it is the product's left factor.
_PARTS = {
    "query": ("query and key", True),
    "key": ("query and key", False),
    "value": ("value and projection", True),
    "projection": ("value and projection", False),
}
# The paper's choice for both alpha and beta, and the sign of the identity.
_STRENGTH = {"query and key": 0.7, "value and projection": 0.4}
_SIGN = {"query and key": 1.0, "value and projection": -1.0}

# The end of a name that tells the members of a pair apart: `q_proj.weight`, `self.value.kernel`, `to_out.0`.
_MEMBER = re.compile(
    r"(^|[./])(?:(?:self|attention|output)[./])?(?:to_out\.0|[^./]+)(?:[./](?:weight|kernel|w))?$"
)

_TOLERANCE = 1e-6
_FLOAT64 = DTYPES["float64"]


@built_in()
class Mimetic(RandomInitializer):
    """One weight of an attention layer whose products of weights are near the identity, as in trained ones.

    Formula: for every head, `A = alpha·Z + beta·I` of shape `(d, d)`, where `Z` has independent entries
    `N(0, 1/d)`, and its singular value decomposition `A = U·S·Vᵀ`. Query and key are the first `k` columns of
    `U·√S` and `V·√S`, `k` the width of a head: their product `W_Q·W_Kᵀ` is the best approximation of `A` that
    has rank `k`. Value and projection are `U·√S` and `(V·√S)ᵀ` of one matrix `alpha·Z - beta·I` for all
    heads, which is their product where all `d` columns are there. The largest entry of each column of `U` is
    positive.

    Args:
        part: `"query"` (default), `"key"`, `"value"` or `"projection"`. The two members of a pair fit each
            other if their seeds, their `pair` and their other arguments are equal: give both an integer or a
            generator's child of one name; or let `pair` do it.
        heads: How many heads lie side by side in query and key, 1 or more (default 1); value and projection
            do not depend on it.
        alpha: The strength of the noise, finite and positive (default None: 0.7 for query and key, 0.4 for
            value and projection, as in the paper).
        beta: The strength of the identity, finite (default None: as for `alpha`).
        pair: A number that both members share, such as that of the layer, or None (default). Their matrix is
            then drawn from the seed's generator with the end of its name, which tells the members apart,
            replaced by `"query and key <pair>"` or `"value and projection <pair>"`. The end is the last part
            between dots or slashes; with a `weight`, `kernel` or `w` after it, the one before; and a `self`,
            `attention` or `output` in front of it. In a recipe every tensor has a generator of its own:
            `pair: layer` makes both members of every layer agree, and those of `encoder.layers.3.q` differ
            from those of `decoder.layers.3.q`. Slice `k` of a `Stack` pairs up with slice `k` of the other
            member's, and so in `Blocks`; blocks of one weight that are members of one pair need `names`.
        layout: `"IO"` or a preset (default None: (in, out), as in Keras and JAX; `"torch"` is (out, in)). The
            values are those of the default, transposed.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32). In
        the default layout the shape is `(d, heads·k)` for query and key, `(d, n)` for the value and `(n, d)`
        for the projection, with `k` and `n` up to `d`. Values are computed from float64 draws in float64 for
        every dtype and then rounded, to float32 first for narrower ones. A decomposition rounds differently
        from one machine to the next: values agree to `1e-6·√(2·alpha + |beta|)·(1 + |beta|/alpha)`. A slice
        costs a decomposition, about `20·d³` operations, for every head that it meets, and the memory of some
        ten float64 matrices of shape `(d, d)`, which the decomposition needs whole; one head's at a time.

    Raises:
        ArgumentTypeError: `alpha` or `beta` is no real number, `heads` or `pair` no integer, the layout no
            text.
        ArgumentError: The part is unknown, `heads` below 1, `pair` negative, `alpha` not positive; a number
            is NaN or infinite, or values could leave the range of the dtype; the layout has not one input and
            one output axis.
        ShapeError: The shape has not exactly two axes, cannot be cut into the heads, or is wider than `d`.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> query, key = (ik.Mimetic(part, seed=7)((64, 64), "float64") for part in ("query", "key"))
        >>> (query @ key.T).diagonal().mean().round(1)
        np.float64(0.7)

    Reference:
        Trockman and Kolter, "Mimetic initialization of self-attention layers", 2023.
    """

    def __init__(
        self,
        part: str = "query",
        heads: int = 1,
        alpha: float | None = None,
        beta: float | None = None,
        pair: int | None = None,
        layout: str | None = None,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        super().__init__(seed)
        self.part = choice_argument(part, "part", _PARTS)
        self.heads = count_argument(heads, "heads")
        self.alpha = None if alpha is None else float_argument(alpha, "alpha", low=0.0)
        self.beta = None if beta is None else float_argument(beta, "beta")
        self.pair = None if pair is None else count_argument(pair, "pair", low=0)
        self.layout = kernel_layout(layout)
        if self.alpha == 0:
            message = "Argument `alpha` must be positive. Received: alpha=0.0. Allowed: finite numbers above"
            message += " 0. Without noise, nothing tells the directions of the identity apart; use Identity."
            raise ArgumentError(message)

    @property
    def _pair_name(self) -> str:
        return _PARTS[self.part][0]

    @property
    def _strengths(self) -> tuple[float, float]:
        """`alpha` and `beta`."""
        usual = _STRENGTH[self._pair_name]
        return usual if self.alpha is None else self.alpha, usual if self.beta is None else self.beta

    def _order(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The axis of length `d`, then that of the heads."""
        axes = kernel_axes(self.layout, shape)
        return (axes.output, axes.input) if self.part == "projection" else (axes.input, axes.output)

    def _blocks(self) -> int:
        """How many matrices the weight is made of."""
        return self.heads if self._pair_name == "query and key" else 1

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, and shapes that are no such weight."""
        super().check(shape, dtype)
        if len(shape) != 2:
            message = f"Mimetic makes matrices alone. Received: {shape} of rank {len(shape)}. Allowed: two"
            message += " axes. Reshape the array, with all heads side by side."
            raise ShapeError(message)
        size, width = (shape[axis] for axis in self._order(shape))
        if width % self._blocks() or width // self._blocks() > size:
            message = f"The shape {shape} is none of a {self.part} with {self._blocks()} heads. Received:"
            message += f" {width} columns for {size} features. Allowed: multiples of the heads, each up to"
            message += f" {size} wide. Correct heads, or say with layout which axis is which."
            raise ShapeError(message)
        alpha, beta = self._strengths
        check_range(dtype, farthest=sqrt(alpha * farthest_normal(_FLOAT64) * sqrt(size) + abs(beta)))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Decompose the matrices of the heads that the region meets."""
        if not out.size:
            return
        order = self._order(region.shape)
        columns, target = region.permuted(order), out.transpose(order)
        width = columns.shape[1] // self._blocks()
        ends = columns.starts[1], columns.starts[1] + columns.steps[1] * (columns.counts[1] - 1)
        drawn = self._drawn(draw)
        for head in range(min(ends) // width, max(ends) // width + 1):
            where, part = columns.within(1, head * width, width)
            # A region of large steps may meet only some of the heads between its ends.
            if part.size:
                factor = self._factor(drawn, columns.shape[0], head)
                draw.backend.store(target[:, where], factor[part.index()])

    def _drawn(self, draw: Draw) -> Draw:
        """The draw of the pair's matrices, the same for both members."""
        if self.pair is None:
            return draw.child(self._pair_name)
        return shared_draw(draw, self._common_name)

    def _common_name(self, name: str) -> str:
        """The name of the pair, in the place of a member's."""
        member = _MEMBER.search(name)
        head = name[: member.end(1)] if member else ""
        return f"{head}{self._pair_name} {self.pair}"

    def _factor(self, draw: Draw, size: int, head: int) -> Any:
        """The left or the right factor of a head's matrix, with the directions of its columns fixed."""
        alpha, beta = self._strengths
        xp, diagonal = draw.backend.xp, draw.backend.xp.arange(size)
        drawn = draw.backend.empty((1, size, size), _FLOAT64)
        region = Region((self._blocks(), size, size), (head, 0, 0), (1, 1, 1), (1, size, size))
        draw.backend.normal(drawn, region, draw.key, 0.0, alpha / sqrt(size))
        matrix = drawn[0]
        matrix[diagonal, diagonal] += _SIGN[self._pair_name] * beta
        left, values, right = xp.linalg.svd(matrix)
        signs = xp.sign(left[abs(left).argmax(0), diagonal])
        chosen = left if _PARTS[self.part][1] else right.T
        return chosen * (signs * xp.sqrt(values))

    def tolerance(self, dtype: DType) -> float:
        """`1e-6·√(2·alpha + |beta|)·(1 + |beta|/alpha)`."""
        alpha, beta = self._strengths
        return _TOLERANCE * sqrt(2 * alpha + abs(beta)) * (1 + abs(beta) / alpha)
