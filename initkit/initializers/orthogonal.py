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

# Larger matrices are made some columns at a time, or some rows: every one of them costs the same in any
# company, but for the reflectors, which are made again each time.
_WORK_BYTES = 1 << 28


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
        `2m·n² - 2n³/3` operations, and as memory beside the array that of 192 rows of length `m`, and up to
        256 MiB, a few times; for dtypes narrower than float32 up to 256 MiB more.

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
        """Make the rows or the columns that the region needs, whichever are fewer, some at a time."""
        part = _matrix_part(out, region)
        most = max(_WORK_BYTES // (part.height * _computed(part).numpy.itemsize), 1)
        if part.rows.size < len(part.columns):
            numbers = _numbers(part.rows)
            for first in range(0, len(numbers), most):
                some = slice(first, first + most)
                self._fill_rows(part.matrix[some], numbers[some], part, draw)
            return
        for first in range(0, len(part.columns), most):
            self._fill_columns(part.at_columns(slice(first, first + most)), draw)

    def _fill_rows(self, out: Any, numbers: np.ndarray[Any, Any], part: _MatrixPart, draw: Draw) -> None:
        """Write some of a part's rows, at all of its columns."""
        order = np.argsort(part.columns)
        in_place = resolve_dtype(out.dtype) is _computed(part) and bool((np.diff(order) > 0).all())
        work = out if in_place else part.empty(draw, len(numbers))
        rows = _row_drawer(draw, part)
        fill_rows(draw.backend.xp, work, numbers, part.columns[order], part.height, rows)
        if self.gain != 1:
            work *= self.gain
        if not in_place:
            draw.backend.store(out, work[:, _as_index(draw.backend.xp, np.argsort(order))])

    def _fill_columns(self, part: _MatrixPart, draw: Draw) -> None:
        """Write a part, whose columns are made whole."""
        order = np.argsort(part.columns)
        as_wanted = bool((np.diff(order) > 0).all()) and _is_whole(part.rows)
        in_place = resolve_dtype(part.out.dtype) is _computed(part) and as_wanted
        work = part.matrix if in_place else part.empty(draw, part.height)
        fill_columns(draw.backend.xp, work, part.columns[order], _row_drawer(draw, part))
        if self.gain != 1:
            work *= self.gain
        if in_place:
            return
        # Picked where values are read: with an array for an index, what is written to would be a copy.
        picked = _as_index(draw.backend.xp, np.argsort(order))
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

    def at_columns(self, some: slice) -> _MatrixPart:
        """Some of its columns."""
        return self._replace(out=self.out[..., some], matrix=self.matrix[:, some], columns=self.columns[some])

    def empty(self, draw: Draw, rows: int) -> Any:
        """A matrix to work in, of as many columns as this part and in its layout."""
        columns, dtype = len(self.columns), _computed(self)
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


def _computed(part: _MatrixPart) -> DType:
    """The dtype that a part is computed in, before it is rounded to its own."""
    row = resolve_dtype(part.out.dtype)
    return row if row.kind == "complex" else resolve_dtype(row.draw)


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


def _row_drawer(draw: Draw, part: _MatrixPart) -> DrawRows:
    """The draw of shape `(width, height)`, from the diagonal on, some rows at a time."""
    width, height, computed = part.width, part.height, _computed(part)

    def draw_rows(first: int, count: int) -> Any:
        region = Region((width, height), (first, first), (1, 1), (count, height - first))
        values = draw.backend.empty(region.counts, computed)
        fill_normal(values, region, draw, 0.0, 1.0)
        return values

    return draw_rows
