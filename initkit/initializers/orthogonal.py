"""Matrices with orthonormal columns or rows, uniformly distributed among all such matrices."""

from __future__ import annotations

from math import prod, sqrt
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import FLOAT32, DType, Kind, resolve_dtype
from initkit.errors import ShapeError
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import axis_argument, axis_of, float_argument
from initkit.initializers.random import check_range, fill_normal
from initkit.initializers.reflectors import DrawRows, fill_columns, fill_rows
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator

# How far entries of a Haar matrix may lie from those of another machine or of a slice.
ORTHOGONAL_FLOAT32 = 2e-6
ORTHOGONAL_FLOAT64 = 4e-15


@built_in("OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal columns or rows; complex: a unitary one.

    Formula: the shape `(…, c)` is read as a matrix of `r = prod(…)` rows and `c` columns. With `m` the
    larger and `n` the smaller of the two, `Q = H₁⋯Hₙ·[I; 0]·D` has the Haar law: the uniform one, which no
    rotation or reflection changes. `w = gain·Q` where `r >= c`, so that `wᵀw = gain²·I`; otherwise
    `w = gain·Qᵀ` (transposed, not conjugated), so that `w·wᵀ = gain²·I`; complex: `wᴴw` and `w·wᴴ`.
    Reflector `Hₖ` sends `x`, the entries from `k` on of row `k` of a standard normal draw of shape `(n, m)`
    (complex: `(n, m, 2)`, real and imaginary parts), to a multiple of the unit vector `eₖ`.

    Args:
        gain: The factor, any finite number (default 1.0); the length of the columns or rows.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        column_axis: The axis that is read as columns (default -1, the outputs in Keras and JAX; 0 for those
            in PyTorch); the others in their order are the rows. The values are those of `column_axis=-1` for
            the shape with that axis moved to the end, and moved back.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32); float
        and complex dtypes. Values lie in `[-|gain|, |gain|]`, up to rounding; those of float16, bfloat16 and
        float8 are the float32 values rounded once. Matrix products round differently from one machine to
        the next and from a slice to the whole, so values are not equal to the bit: they agree to 2e-6 of
        the gain across machines, slices, and float32 and float64; in float64 alone to 4e-15.
        A slice of `k` rows or columns costs `O(k·m·j)`, `j` the last column of Q in it; the whole
        `2m·n² - 2n³/3` operations, and as memory beside the array that of 192 rows of length `m` a few
        times, and for dtypes narrower than float32 the float32 matrix.

    Raises:
        ShapeError: The shape has fewer than two axes, or no such axis.
        ArgumentTypeError: The gain is no real number, or the axis no integer.
        ArgumentError: The gain is NaN or infinite, or beyond the dtype's range.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> w = ik.Orthogonal(gain=2.0, seed=7)((3, 3, 8, 16))
        >>> bool(abs(w.reshape(72, 16).T @ w.reshape(72, 16) - 4 * np.eye(16)).max() < 1e-5)
        True

    Reference:
        Stewart, "The efficient generation of random orthogonal matrices with an application to condition
        estimators", 1980; Mezzadri, "How to generate random matrices from the classical compact groups",
        2007; Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
        linear neural networks", 2014.
    """

    one_law = True
    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(
        self, gain: float = 1.0, seed: int | SeedGenerator | None = None, column_axis: int = -1
    ) -> None:
        super().__init__(seed)
        self.gain = float_argument(gain, "gain")
        self.column_axis = axis_argument(column_axis, "column_axis")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that are no matrix, dtypes that are not floating, and gains they cannot hold."""
        super().check(shape, dtype)
        if len(shape) < 2:
            message = f"The tensor to initialize must be at least two-dimensional. Received: shape={shape} of"
            message += f" rank {len(shape)}. The last axis is read as columns, the product of all others as"
            message += " rows. Add an axis, such as (64, 1), or use another initializer."
            raise ShapeError(message)
        axis_of(shape, self.column_axis, "column_axis")
        check_range(dtype, gain=self.gain)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Have the columns' axis last, and fill the matrix."""
        if not out.size:
            return
        column = axis_of(region.shape, self.column_axis, "column_axis")
        order = [*range(column), *range(column + 1, len(region.shape)), column]
        moved = out.transpose(order)
        if column in (0, len(order) - 1):
            # The other axes can be read as one without a copy.
            self._fill_matrix(moved, region.permuted(order), draw)
            return
        buffer = draw.backend.empty(moved.shape, resolve_dtype(out.dtype))
        self._fill_matrix(buffer, region.permuted(order), draw)
        draw.backend.put(moved, ..., buffer)

    def _fill_matrix(self, out: Any, region: Region, draw: Draw) -> None:
        """Make the rows or the columns that the region needs, whichever are fewer."""
        row, xp = resolve_dtype(out.dtype), draw.backend.xp
        computed = row if row.kind == "complex" else resolve_dtype(row.draw)
        part = _matrix_part(out, region)
        draw_rows = _row_drawer(draw, part.height, part.width, computed)
        by_rows = part.rows.size < len(part.columns)
        order = np.argsort(part.columns)
        columns = part.columns[order]
        as_wanted = bool((columns == part.columns).all())
        whole = by_rows or _is_whole(part.rows)
        in_place = row is computed and as_wanted and whole
        length = part.rows.size if by_rows else part.height
        work = part.matrix if in_place else part.empty(draw, length, computed)
        if by_rows:
            fill_rows(xp, work, _numbers(part.rows), columns, part.height, draw_rows)
        else:
            fill_columns(xp, work, columns, draw_rows)
        if self.gain != 1:
            work *= self.gain
        if in_place:
            return
        # Picked where values are read: with an array for an index, what is written to would be a copy.
        picked = _as_index(xp, np.argsort(order))
        if by_rows:
            draw.backend.store(part.matrix, work[:, picked])
            return
        # A transposed matrix has one axis of rows; of others, the rows are together in memory.
        tensor = work if part.transposed else work.reshape((*part.rows.shape, -1))
        draw.backend.store(part.out, tensor[part.rows.index()][..., picked])

    def tolerance(self, dtype: DType) -> float:
        """2e-6 of the gain; 4e-15 in float64 and complex128."""
        return abs(self.gain) * (ORTHOGONAL_FLOAT64 if dtype.draw.itemsize == 8 else ORTHOGONAL_FLOAT32)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and `|gain|/√max(rows, columns)`."""
        lengths = as_shape(shape)
        self.check(lengths, FLOAT32)
        column = axis_of(lengths, self.column_axis, "column_axis")
        longer = max(prod(lengths[:column] + lengths[column + 1 :]), lengths[column], 1)
        return Moments(0.0, abs(self.gain) / sqrt(longer))


class _MatrixPart(NamedTuple):
    """A region of a tensor, seen as the elements of Q at some rows and columns.

    Attributes:
        out: The output, the axes of Q's rows first and that of its columns last.
        matrix: The same memory as a matrix.
        rows: The region of the axes that are read as Q's rows, of which there may be too many to be listed.
        columns: The numbers of the columns.
        height: The rows of Q.
        width: Its columns.
        transposed: Whether the tensor is Q transposed.
    """

    out: Any
    matrix: Any
    rows: Region
    columns: np.ndarray[Any, Any]
    height: int
    width: int
    transposed: bool

    def empty(self, draw: Draw, rows: int, dtype: DType) -> Any:
        """A matrix to work in, of as many columns as this part and in its layout."""
        columns = len(self.columns)
        if self.transposed:
            return draw.backend.empty((columns, rows), dtype).T
        return draw.backend.empty((rows, columns), dtype)


def _matrix_part(out: Any, region: Region) -> _MatrixPart:
    """Read all axes but the last as rows, the last as columns, and transpose a wide matrix."""
    last = len(region.shape) - 1
    ahead, behind = region.permuted(range(last)), region.permuted((last,))
    matrix = out.reshape(ahead.size, behind.size)
    height, width = prod(ahead.shape), region.shape[-1]
    if height < width:
        numbers = _numbers(ahead)
        return _MatrixPart(matrix.T, matrix.T, behind, numbers, width, height, transposed=True)
    return _MatrixPart(out, matrix, ahead, _numbers(behind), height, width, transposed=False)


def _is_whole(region: Region) -> bool:
    """Whether a region has all elements of its tensor, in their order."""
    sides = zip(region.shape, region.steps, region.counts, strict=True)
    return all(count == length and (step == 1 or length == 1) for length, step, count in sides)


def _numbers(region: Region) -> np.ndarray[Any, Any]:
    """The row-major numbers of a region's elements in the tensor."""
    numbers = np.zeros(1, np.int64)
    for length, start, step, count in zip(
        region.shape, region.starts, region.steps, region.counts, strict=True
    ):
        numbers = (numbers[:, None] * length + (start + step * np.arange(count))).ravel()
    return numbers


def _as_index(xp: ModuleType, positions: np.ndarray[Any, Any]) -> Any:
    """A slice where the positions, each of which occurs once, are evenly spaced; an index array elsewhere."""
    step = int(positions[1] - positions[0]) if len(positions) > 1 else 1
    if (np.diff(positions) != step).any():
        return xp.asarray(positions)
    stop = int(positions[-1]) + (1 if step > 0 else -1)
    return slice(int(positions[0]), None if stop < 0 else stop, step)


def _row_drawer(draw: Draw, height: int, width: int, dtype: DType) -> DrawRows:
    """The draw of shape `(width, height)`, from the diagonal on, some rows at a time."""

    def draw_rows(first: int, count: int) -> Any:
        region = Region((width, height), (first, first), (1, 1), (count, height - first))
        values = draw.backend.empty(region.counts, dtype)
        fill_normal(values, region, draw, 0.0, 1.0)
        return values

    return draw_rows
