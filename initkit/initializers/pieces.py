"""Tensors whose elements are functions of their index and of some draws, made a piece at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from initkit.draws import Draw
from initkit.dtypes import DType, resolve_dtype
from initkit.region import Region


class Piece:
    """A part of a tensor that is being made: where it lies, and what is drawn for it.

    Everything comes as float64 or int64 arrays that broadcast to the piece. Draws are made in the precision
    of the tensor's dtype, float32 for all narrower ones, and then widened, so that one seed is one model.

    Attributes:
        region: The part.
        draw: The tensor's draw.
        xp: The array library's namespace.
        precision: The row in which values are drawn, float32 or float64.
    """

    __slots__ = ("draw", "precision", "region", "xp")

    def __init__(self, region: Region, draw: Draw, precision: DType) -> None:
        """Keep what the piece is made of."""
        self.region = region
        self.draw = draw
        self.xp = draw.backend.xp
        self.precision = precision

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole tensor."""
        return self.region.shape

    def index(self, axis: int) -> Any:
        """The indices along an axis of the whole tensor, as int64, shaped to broadcast along it."""
        ndim = len(self.region.shape)
        axis %= ndim
        steps = self.xp.arange(self.region.counts[axis], dtype="int64") * self.region.steps[axis]
        sides = [-1 if other == axis else 1 for other in range(ndim)]
        return (steps + self.region.starts[axis]).reshape(sides)

    def uniform(self, name: str = "", components: int = 0) -> Any:
        """Uniform values in the open interval (0, 1), as float64.

        Formula: `(k + 1/2)·2**-24`, `k` the top 24 bits of the element's word; in float64 of 53 bits, rounded
        once and below 1.

        Args:
            name: Which of the draws an element has; one without a name is the tensor's own.
            components: How many values there are for each element, on a new last axis; 0 for one, on none.

        Returns:
            An array of the piece's shape, and the components' axis where there are any.
        """
        draw, region = self._drawn(name, components)
        values = draw.backend.empty(region.counts, self.precision)
        draw.backend.uniform(values, region, draw.key, 0.0, 1.0)
        half_step = 2.0**-25 if self.precision.draw.itemsize == 4 else 2.0**-54
        return self.xp.minimum(values.astype("float64") + half_step, 1.0 - 2.0**-53)

    def normal(self, name: str = "", components: int = 0) -> Any:
        """Standard normal values, as float64.

        Args:
            name: Which of the draws an element has; one without a name is the tensor's own.
            components: How many values there are for each element, on a new last axis; 0 for one, on none.

        Returns:
            An array of the piece's shape, and the components' axis where there are any.
        """
        draw, region = self._drawn(name, components)
        values = draw.backend.empty(region.counts, self.precision)
        draw.backend.normal(values, region, draw.key, 0.0, 1.0)
        return values.astype("float64")

    def _drawn(self, name: str, components: int) -> tuple[Draw, Region]:
        draw = self.draw.child(name) if name else self.draw
        return draw, self.region.with_components(components) if components else self.region


def fill_pieces(out: Any, region: Region, draw: Draw, values: Callable[[Piece], Any]) -> None:
    """Fill a region with what a function gives for its pieces.

    Args:
        out: An array of the region's counts, of any dtype of the table.
        region: The region.
        draw: The tensor's draw.
        values: Called with pieces that cover the region; gives an array that broadcasts to the piece, in
            float64, complex128 or integers, which then is rounded to the dtype once, and by way of float32
            where that is wider.
    """
    precision = resolve_dtype(resolve_dtype(out.dtype).draw)
    for box in region.boxes(draw.backend.piece_elements):
        draw.backend.store(out[(*box, ...)], values(Piece(region.part(box), draw, precision)))
