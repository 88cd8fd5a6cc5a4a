"""Another initializer's values, each put through a function of a closed list."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from types import ModuleType
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DType, require_kind, resolve_dtype
from initkit.errors import ArgumentError
from initkit.initializer import Moments
from initkit.initializers.arguments import choice_argument, float_argument
from initkit.initializers.composite import Modifier
from initkit.kernels import elementary
from initkit.region import Region, as_shape
from initkit.registry import built_in


def _logit(xp: ModuleType, p: Any) -> Any:
    # Around 1/2 the two logarithms cancel, and 2p - 1 is exact.
    middle = elementary.log1p(xp, (p + p - 1.0) / (1.0 - p))
    return xp.where(abs(p - 0.5) < 0.25, middle, elementary.log(xp, p) - elementary.log1p(xp, -p))


def _softplus(xp: ModuleType, x: Any) -> Any:
    # The larger of x and 0 is taken out, so that exp cannot overflow.
    return xp.maximum(x, 0.0) + elementary.log1p(xp, elementary.exp(xp, -abs(x)))


_FUNCTIONS: dict[str, Callable[[ModuleType, Any], Any]] = {
    "abs": lambda xp, x: abs(x),
    "negative": lambda xp, x: -x,
    "reciprocal": lambda xp, x: 1.0 / x,
    "square": lambda xp, x: x * x,
    "sqrt": lambda xp, x: xp.sqrt(x),
    "exp": elementary.exp,
    "log": elementary.log,
    "softplus": _softplus,
    "inverse_softplus": elementary.softplus_inverse,
    "logit": _logit,
    "clamp": lambda xp, x: x,
}


@built_in()
class Map(Modifier):
    """Another initializer's values, each put through a function.

    Formula: `w = f(min(max(initializer(shape), low), high))`, computed in float64 from float32 values, or
    from float64 values for float64, and rounded once. The functions are initkit's own, so the bits are the
    same on every machine: `"abs"`, `"negative"`, `"reciprocal"` 1/x, `"square"`, `"sqrt"`, `"exp"`, `"log"`,
    `"softplus"` log(1 + eˣ), `"inverse_softplus"` log(eˣ - 1), `"logit"` log(x/(1 - x)), and `"clamp"`, which
    is x.

    Args:
        initializer: The initializer; names and configs are read as by `initkit.get`.
        function: The function's name.
        low: Values below are made this one first (default None: none are).
        high: Values above are made this one first (default None: none are).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32). What
        the initializer makes in pieces is mapped in pieces; what it can only make at once, such as a matrix
        of `Orthogonal`, takes that memory in the precision of the draw, which is the array's own for float32
        and float64.

    Raises:
        ArgumentTypeError: The initializer is none, or a bound no real number.
        ArgumentError: No function has the name, `low` is above `high`, or, when called, a value has no finite
            function value: the logarithm of zero or of a negative number, say. That is seen when it is drawn;
            bound the values with `low` and `high` where the law does not.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> log_rate = ik.Map(ik.RandomUniform(1.0, 16.0, seed=7), "log")  # Mamba-2's A_log
        >>> values = log_rate((1000,))
        >>> bool((values >= 0).all() and (values <= np.log(16)).all())
        True
    """

    def __init__(
        self, initializer: object, function: str, low: float | None = None, high: float | None = None
    ) -> None:
        super().__init__(initializer)
        self.function = choice_argument(function, "function", _FUNCTIONS)
        self.low = None if low is None else float_argument(low, "low")
        self.high = None if high is None else float_argument(high, "high")
        if self.low is not None and self.high is not None and self.low > self.high:
            message = f"`low` cannot be above `high`. Received: low={self.low}, high={self.high}. Allowed:"
            message += " low up to high. Exchange the two."
            raise ArgumentError(message)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, and what the initializer refuses."""
        require_kind(dtype, ("float",), type(self).__name__)
        self.initializer.check(shape, resolve_dtype(dtype.draw))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw, widen, apply the function and round, piece by piece."""
        dtype, at_once = resolve_dtype(out.dtype), draw.backend.piece_elements
        precision = resolve_dtype(dtype.draw)
        for box in self.pieces(region, precision, at_once):
            part, target = region.part(box), out[(*box, ...)]
            # What cannot be made in pieces is made where it belongs, if there is room for its precision.
            in_place = part.size > at_once and dtype is precision
            values = target if in_place else draw.backend.empty(part.counts, precision)
            self.initializer.fill_region(values, part, draw)
            for piece in part.boxes(at_once):
                wide = draw.backend.widened(values[(*piece, ...)])
                draw.backend.store(target[(*piece, ...)], self._of(draw.backend.xp, wide))

    def _of(self, xp: ModuleType, values: Any) -> Any:
        clamped = values
        if self.low is not None:
            clamped = xp.where(values < self.low, self.low, clamped)
        if self.high is not None:
            clamped = xp.where(values > self.high, self.high, clamped)
        with np.errstate(all="ignore"):
            result = _FUNCTIONS[self.function](xp, clamped)
        lost = xp.isfinite(clamped) & ~xp.isfinite(result)
        if lost.any():
            message = f"A value has no finite {self.function}. Received: {float(clamped[lost][0])!r} from"
            message += f" {self.initializer!r:.200}. Allowed: values for which the function is finite. Choose"
            message += " other parameters, or bound the values with `low` and `high`."
            raise ArgumentError(message)
        return result

    def tolerance(self, dtype: DType) -> float:
        """That of the initializer where the function keeps distances, else unknown: infinite."""
        own = self.initializer.tolerance(dtype)
        return own if own == 0 or self.function in ("abs", "negative", "clamp") else inf

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """Those of a constant, or of the initializer where the function is linear and clamps nothing."""
        moments = self.initializer.moments(as_shape(shape), dtype)
        if moments is None:
            return None
        if moments.std == 0:
            return Moments(float(self._of(np, np.asarray(moments.mean))), 0.0)
        sign = {"clamp": 1.0, "negative": -1.0}.get(self.function)
        if sign is None or self.low is not None or self.high is not None:
            return None
        return Moments(sign * moments.mean, moments.std)
