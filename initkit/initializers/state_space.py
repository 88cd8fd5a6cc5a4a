"""State matrices of state-space models: HiPPO, and the diagonal ones of S4D."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType, Kind, require_kind
from initkit.errors import ShapeError
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import choice_argument
from initkit.initializers.expectation import sum_over_indices
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.initializers.random import check_range
from initkit.region import Region, as_shape
from initkit.registry import built_in

_FLOAT_AND_COMPLEX: tuple[Kind, ...] = ("float", "complex")
_COMPLEX: tuple[Kind, ...] = ("complex",)

PARTS = ("A", "B")
VARIANTS = ("lin", "inv", "real")


@built_in()
class HippoLegS(RegionInitializer):
    """The state matrix A, or the input column B, of HiPPO-LegS, which remembers its input as a polynomial.

    Formula: `A[n, k] = -√((2n + 1)(2k + 1))` for `n > k`, `-(n + 1)` for `n = k`, 0 above the diagonal;
    `B[n] = √(2n + 1)`. The state of `x' = (A·x + B·u)/t` holds the coefficients of the input so far in the
    orthonormal Legendre polynomials of `[0, t]`.

    Args:
        part: `"A"` (default) or `"B"`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32). `A` takes shapes `(…, N, N)`, the same matrix along all other axes; `B` takes `(N,)` and
        `(…, N, 1)`. Values are within 1 ulp of float64, and then rounded once.

    Raises:
        ArgumentError: There is no such part, or values would leave the range of the dtype.
        ArgumentTypeError: The part is no text.
        ShapeError: The shape is none of these.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.HippoLegS()((3, 3)).round(2).tolist()[1]
        [-1.7300000190734863, -2.0, 0.0]
        >>> ik.HippoLegS("B")(3, "float64").round(3).tolist()
        [1.0, 1.732, 2.236]

    Reference:
        Gu, Dao, Ermon, Rudra and Ré, "HiPPO: Recurrent memory with optimal polynomial projections", 2020;
        the sign of A is that of Gu, Goel and Ré, "Efficiently modeling long sequences with structured state
        spaces", 2022.
    """

    kinds: ClassVar[tuple[Kind, ...]] = _FLOAT_AND_COMPLEX

    def __init__(self, part: str = "A") -> None:
        self.part = choice_argument(part, "part", PARTS)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that have no such matrix or column, and dtypes that cannot hold it."""
        super().check(shape, dtype)
        if self.part == "A" and (len(shape) < 2 or shape[-1] != shape[-2]):
            message = "The state matrix A is square. Received:"
            message += f" shape={shape}. Allowed: (…, N, N). Write, for example, (64, 64)."
            raise ShapeError(message)
        if self.part == "B" and (not shape or (len(shape) > 1 and shape[-1] != 1)):
            message = f"The input matrix B is a column. Received: shape={shape}. Allowed: (N,) and (…, N, 1)."
            message += " Write, for example, (64, 1)."
            raise ShapeError(message)
        size = float(self._size(shape))
        below = sqrt(max((2.0 * size - 1.0) * (2.0 * size - 3.0), 0.0))
        largest = max(size, below) if self.part == "A" else sqrt(max(2.0 * size - 1.0, 0.0))
        check_range(dtype, **{f"largest entry of {self.part}": largest})

    def _size(self, shape: tuple[int, ...]) -> int:
        return shape[0] if len(shape) == 1 else shape[-2]

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the entries by their row and column."""
        fill_pieces(out, region, draw, self._matrix if self.part == "A" else self._column)

    def _matrix(self, piece: Piece) -> Any:
        row, column = piece.index(-2), piece.index(-1)
        lower = -piece.xp.sqrt((2.0 * row + 1.0) * (2.0 * column + 1.0))
        return piece.xp.where(row > column, lower, piece.xp.where(row == column, -(row + 1.0), 0.0))

    def _column(self, piece: Piece) -> Any:
        return piece.xp.sqrt(2.0 * piece.index(0 if len(piece.shape) == 1 else -2) + 1.0)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all entries, zeros included."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["float64"])
        n = self._size(lengths)
        if not n:
            return Moments(0.0, 0.0)
        roots = sum_over_indices(lambda k: (2 * k + 1) ** 0.5, lambda k: (2 * k + 1) ** 1.5 / 3, n)
        if self.part == "B":
            return _moments(roots / n, float(n))
        # Σ over n > k of a product is half of the square of the sum, less the sum of squares.
        mean = -((roots * roots - n * n) / 2 + n * (n + 1) / 2) / n / n
        squares = (n**4 - n * (4 * n * n - 1) // 3) // 2 + n * (n + 1) * (2 * n + 1) // 6
        return _moments(mean, squares / n / n)


@built_in()
class S4D(RegionInitializer):
    """The eigenvalues of a diagonal state matrix, in place of HiPPO's.

    Formula: along the last axis, of length `N/2`, for `n` from 0 up: `"lin"`: `-1/2 + iπn`; `"inv"`:
    `-1/2 + i·(N/π)·(N/(2n + 1) - 1)`; `"real"`: `-(n + 1)`. Each of the first two stands for itself and its
    conjugate, so that the state has `N` dimensions. `"inv"` follows the eigenvalues of the normal part of
    HiPPO-LegS, `"lin"` has the frequencies of a Fourier series, and `"real"` has HiPPO-LegS' own eigenvalues.

    Args:
        variant: `"lin"` (default), `"inv"` or `"real"`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape, `(…, N/2)`, the same along all other
        axes. Complex dtypes; float ones, too, for `"real"` (None is float32, so name the dtype for the
        others). Values are within 2 ulp of float64, and then rounded once.

    Raises:
        ArgumentError: There is no such variant, or values would leave the range of the dtype.
        ArgumentTypeError: The variant is no text.
        ShapeError: The shape has no axes.
        DTypeError: A dtype that is not complex, for `"lin"` and `"inv"`; an integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.S4D()((2, 3), "complex64")[0].round(2).tolist()
        [(-0.5+0j), (-0.5+3.140000104904175j), (-0.5+6.28000020980835j)]

    Reference:
        Gu, Gupta, Goel and Ré, "On the parameterization and initialization of diagonal state space models",
        2022.
    """

    def __init__(self, variant: str = "lin") -> None:
        self.variant = choice_argument(variant, "variant", VARIANTS)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a shape without axes, and dtypes that cannot hold the eigenvalues."""
        if self.variant == "real":
            require_kind(dtype, _FLOAT_AND_COMPLEX, "S4D")
        else:
            remedy = "Ask for one of these, or for variant='real', whose eigenvalues are real."
            require_kind(dtype, _COMPLEX, f"S4D with variant={self.variant!r}", remedy)
        if not shape:
            message = "Eigenvalues need an axis to lie along. Received: shape=(). Allowed: (…, N/2). Write,"
            message += " for example, (32,)."
            raise ShapeError(message)
        length = float(shape[-1])
        size = 2.0 * length
        largest = {"lin": pi * length, "inv": size * size / pi, "real": length}[self.variant]
        check_range(dtype, **{"largest eigenvalue": largest})

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the eigenvalues by their index."""
        fill_pieces(out, region, draw, self._values)

    def _values(self, piece: Piece) -> Any:
        n = piece.index(-1).astype("float64")
        if self.variant == "real":
            return -(n + 1.0)
        values = piece.xp.full(n.shape, -0.5, dtype="complex128")
        if self.variant == "lin":
            values.imag = pi * n
        else:
            size = 2.0 * piece.shape[-1]
            # One fraction, so that nothing cancels.
            values.imag = size * (size - 1.0 - 2.0 * n) / (2.0 * n + 1.0) / pi
        return values

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The real part of the mean, and the standard deviation over all elements."""
        lengths = as_shape(shape)
        self.check(lengths, DTYPES["complex128"])
        m = lengths[-1]
        if not m:
            return Moments(0.0, 0.0)
        spread = sqrt((m * m - 1) / 12)
        if self.variant == "real":
            return Moments(-(m + 1) / 2, spread)
        if self.variant == "lin":
            return Moments(-0.5, pi * spread)
        inverse = sum_over_indices(lambda n: 1 / (2 * n + 1), lambda n: log(2 * n + 1) / 2, m) / m
        square = sum_over_indices(lambda n: (2 * n + 1) ** -2, lambda n: -0.5 / (2 * n + 1), m) / m
        return Moments(-0.5, 4 * m * m / pi * _moments(inverse, square).std)


def _moments(mean: float, mean_square: float) -> Moments:
    return Moments(mean, sqrt(max(mean_square - mean * mean, 0.0)))
