"""The eigenvalues of a linear recurrent unit, uniform on a ring of the complex plane."""

from __future__ import annotations

from math import sqrt, tau
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DType, Kind, require_kind
from initkit.errors import ArgumentError
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import choice_argument, float_argument
from initkit.initializers.expectation import uniform_moments
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.initializers.random import check_range
from initkit.initializers.shared_draw import shared_draw
from initkit.kernels import elementary
from initkit.kernels.normal_law import log
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import SeedGenerator

PARTS = ("nu_log", "theta_log", "gamma_log", "lambda")

_COMPLEX: tuple[Kind, ...] = ("complex",)
# How far the logarithm of the least uniform number, 2**-54, is from 0.
_FARTHEST_LOG = 38.0


@built_in()
class LRURing(RandomInitializer):
    """The eigenvalues of a linear recurrent unit, uniform on a ring, as one of the forms that are trained.

    Formula: `λ = exp(-ν + iθ)`, with `|λ|² ~ U(r_min², r_max²)` and `θ ~ U(0, max_phase)`. `"nu_log"` is
    `log(ν)`, `"theta_log"` is `log(θ)`, `"gamma_log"` is `log(√(1 - |λ|²))`, by which inputs are normalised,
    and `"lambda"` is `λ` itself.

    All parts of one seed belong together: give the initializers of one layer's parts the same integer, or
    each a `SeedGenerator` of the same seed and path. Where the path's last name ends in the part, as a word
    after a dot or alone, the draw is that of the name with `lambda` instead: in a recipe, `layers.3.nu_log`
    and `layers.3.gamma_log` belong together without further ado. So do slice `k` of one and slice `k` of the
    other where `Stack` or `Blocks` puts such tensors together.

    Args:
        part: `"nu_log"` (default), `"theta_log"`, `"gamma_log"` or `"lambda"`.
        r_min: The inner radius, from 0, below 1 and not above `r_max` (default 0.0).
        r_max: The outer radius, above 0, up to 1 (default 1.0).
        max_phase: The largest angle, above 0, up to 2π (default 2π).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape; of complex dtype for `"lambda"`, which
        has to be named, and of float dtype for the others (None is float32). The two uniform numbers
        of an element are `(k + 1/2)·2⁻²⁴`, `k` from 0 to 2²⁴ - 1 (53 bits in float64 and complex128), so that
        `|λ| < 1` and all logarithms are finite. Values are computed in float64, without cancellation near
        `|λ| = 1`, and rounded once; lower precisions are the float32 values rounded once.

    Raises:
        ArgumentError: There is no such part; the radii or the angle are out of range or in the wrong order;
            values would leave the range of the dtype.
        ArgumentTypeError: The part is no text, or a number none.
        DTypeError: `"lambda"` of a dtype that is not complex, or another part of one that is not floating.

    Example:
        >>> import initkit as ik
        >>> nu = np.exp(ik.LRURing("nu_log", r_min=0.9, seed=7)(5, "float64"))
        >>> theta = np.exp(ik.LRURing("theta_log", r_min=0.9, seed=7)(5, "float64"))
        >>> ring = ik.LRURing("lambda", r_min=0.9, seed=7)(5, "complex128")
        >>> bool(np.allclose(np.exp(-nu + 1j * theta), ring))
        True

    Reference:
        Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu and De, "Resurrecting recurrent neural networks for
        long sequences", 2023.
    """

    kinds_remedy: ClassVar[str] = "For complex eigenvalues use part='lambda'."

    def __init__(
        self,
        part: str = "nu_log",
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = tau,
        seed: int | SeedGenerator | None = None,
    ) -> None:
        super().__init__(seed)
        self.part = choice_argument(part, "part", PARTS)
        self.r_min = float_argument(r_min, "r_min", low=0.0, high=1.0)
        self.r_max = float_argument(r_max, "r_max", low=0.0, high=1.0)
        self.max_phase = float_argument(max_phase, "max_phase", low=0.0, high=tau)
        if not self.r_min <= self.r_max or self.r_max == 0.0 or self.r_min == 1.0:
            message = "The radii must enclose a ring within the unit circle. Received:"
            message += f" r_min={self.r_min}, r_max={self.r_max}. Allowed: 0 <= r_min <= r_max <= 1, r_min"
            message += " below 1 and r_max above 0. Change one of the two."
            raise ArgumentError(message)
        if self.max_phase == 0.0:
            message = "The angle 0 has no logarithm. Received: max_phase=0.0. Allowed: above 0, up to 2π."
            message += " Choose a small angle; for real eigenvalues leave theta_log away."
            raise ArgumentError(message)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes of the wrong kind, and those whose range the values could leave."""
        if self.part == "lambda":
            remedy = "Ask for one of these, or for part='nu_log' and 'theta_log', which are real."
            require_kind(dtype, _COMPLEX, "LRURing with part='lambda'", remedy)
        else:
            super().check(shape, dtype)
        if self.part == "theta_log":
            check_range(dtype, **{"least theta_log": log(self.max_phase) - _FARTHEST_LOG})

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw radii and angles as far as the part needs them."""
        fill_pieces(out, region, self._shared(draw), self._values)

    def _shared(self, draw: Draw) -> Draw:
        """The draw that all parts of a layer have in common."""
        return shared_draw(draw, self._common_name)

    def _common_name(self, name: str) -> str:
        head, dot, last = name.rpartition(".")
        return f"{head}{dot}lambda" if last == self.part else name

    def _values(self, piece: Piece) -> Any:
        xp = piece.xp
        if self.part == "theta_log":
            return elementary.log(xp, piece.uniform("phase") * self.max_phase)
        u = piece.uniform("radius")
        if self.part == "gamma_log":
            return 0.5 * elementary.log(xp, self._one_less_square(1.0 - u))
        if self.part == "nu_log":
            return elementary.log(xp, -0.5 * self._log_square(xp, u, 1.0 - u))
        radius = xp.sqrt(self._square(u))
        cosine, sine = elementary.cos_sin_turns(xp, piece.uniform("phase") * (self.max_phase / tau))
        values = xp.empty(u.shape, dtype="complex128")
        values.real, values.imag = radius * cosine, radius * sine
        return values

    @property
    def _area(self) -> float:
        return (self.r_max - self.r_min) * (self.r_max + self.r_min)

    def _square(self, u: Any) -> Any:
        """`|λ|²`."""
        return self.r_min * self.r_min + u * self._area

    def _one_less_square(self, rest: Any) -> Any:
        """`1 - |λ|²`, from `1 - u`, so that nothing cancels."""
        return (1.0 - self.r_max) * (1.0 + self.r_max) + rest * self._area

    def _log_square(self, xp: ModuleType, u: Any, rest: Any) -> Any:
        """`log(|λ|²)`, from that of the two squares which has all its digits."""
        square = self._square(u)
        near = elementary.log1p(xp, -self._one_less_square(rest))
        return xp.where(square < 0.5, elementary.log(xp, square), near)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Those of the part's law; for `"lambda"` the real part of the mean."""
        if self.part == "theta_log":
            return Moments(log(self.max_phase) - 1.0, 1.0)
        if self.part == "gamma_log":
            return uniform_moments(lambda u, rest: 0.5 * elementary.log(np, self._one_less_square(rest)))
        if self.part == "nu_log":
            return uniform_moments(lambda u, rest: elementary.log(np, -0.5 * self._log_square(np, u, rest)))
        low, high, phase = self.r_min, self.r_max, self.max_phase
        radius = 2 / 3 * (high * high + high * low + low * low) / (high + low)
        cosine, sine = (float(part[0]) for part in elementary.cos_sin_turns(np, np.array([phase / tau])))
        real, imaginary = radius * sine / phase, radius * (1 - cosine) / phase
        mean_square = (high * high + low * low) / 2
        return Moments(real, sqrt(max(mean_square - real * real - imaginary * imaginary, 0.0)))
