"""Values that follow from their place along an axis: ramps and cycles."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from types import ModuleType
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import axis_argument, axis_of, flag_argument, float_argument
from initkit.initializers.composite import mixture
from initkit.initializers.expectation import sum_over_indices
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.initializers.random import check_range
from initkit.kernels import elementary
from initkit.region import Region, as_shape
from initkit.registry import built_in

# Beyond it all values but the last few would be `start`, and sums over indices no longer smooth.
_GREATEST_POWER = 100.0


@built_in()
class Ramp(RegionInitializer):
    """Values that rise or fall from one number to another along an axis, evenly or by a power of the index.

    Formula: `w[…, i] = start·(1 - u) + stop·u` with `u = (i/(n - 1))^power`, `n` the length of the axis. The
    first value is `start` and the last one `stop`; with `endpoint=False`, `u = (i/n)^power`, and `stop` would
    be the value after the last one.

    Args:
        start: The first value, any finite number (default 0.0).
        stop: The last value, any finite number (default 1.0).
        power: Above 0, and at most 100 (default 1.0: equal steps). Above 1 the steps are small at first,
            below 1 at last.
        endpoint: Whether `stop` is one of the values (default True). Of a single value, `start` is.
        axis: The axis along which they lie (default -1, the last one).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32), the
        same along all other axes. Values are computed in float64, within `(4 + power·log(n))` units in the
        last place of the larger of `|start|` and `|stop|`, and rounded once; lower precisions are the float32
        values rounded once. The same bits everywhere.

    Raises:
        ArgumentTypeError: A number is no real number, `endpoint` no bool, or `axis` no integer.
        ArgumentError: A number is NaN or infinite, or `power` is not above 0 or is above 100.
        ShapeError: The shape has no such axis.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.Ramp(-5.0, 3.0, power=2.0)((5,)).tolist()  # RWKV's time_decay, in one of its layers
        [-5.0, -4.5, -3.0, -0.5, 3.0]
        >>> ik.Ramp(endpoint=False)((1, 1, 4)).tolist()
        [[[0.0, 0.25, 0.5, 0.75]]]

    Reference:
        Peng et al., "RWKV: Reinventing RNNs for the transformer era", 2023, the appendix on
        parameter initializations.
    """

    def __init__(
        self,
        start: float = 0.0,
        stop: float = 1.0,
        power: float = 1.0,
        endpoint: bool = True,
        axis: int = -1,
    ) -> None:
        self.start = float_argument(start, "start")
        self.stop = float_argument(stop, "stop")
        self.power = float_argument(power, "power")
        if not 0.0 < self.power <= _GREATEST_POWER:
            message = f"Argument `power` is out of range. Received: power={self.power}. Allowed: above 0, and"
            message += f" at most {_GREATEST_POWER}. Write 1.0 for equal steps."
            raise ArgumentError(message)
        self.endpoint = flag_argument(endpoint, "endpoint")
        self.axis = axis_argument(axis, "axis")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a shape without the axis, and dtypes that are not real and floating or too narrow."""
        super().check(shape, dtype)
        axis_of(shape, self.axis, "axis")
        check_range(dtype, start=self.start, stop=self.stop)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the values by their index."""
        fill_pieces(out, region, draw, self._values)

    def _values(self, piece: Piece) -> Any:
        part = piece.index(self.axis) / self._steps(piece.shape[self.axis])
        if self.power != 1.0:
            part = _power(piece.xp, part, self.power)
        return self.start * (1.0 - part) + self.stop * part

    def _steps(self, length: int) -> float:
        """By what indices are divided."""
        return float(max(length - self.endpoint, 1))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The mean and standard deviation of the tensor's own values."""
        lengths = as_shape(shape)
        length = lengths[axis_of(lengths, self.axis, "axis")]
        if not length:
            return Moments(0.0, 0.0)
        mean, square = (self._mean_power(length, times * self.power) for times in (1, 2))
        span = self.stop - self.start
        return Moments(self.start + span * mean, abs(span) * sqrt(max(square - mean * mean, 0.0)))

    def _mean_power(self, length: int, power: float) -> float:
        """The mean of a power of the divided indices."""
        steps = self._steps(length)

        def integral(k: float) -> float:
            return float(steps / (power + 1) * _power(np, k / steps, power + 1))

        return sum_over_indices(lambda k: _power(np, k / steps, power), integral, length) / length


@built_in()
class Cycle(RegionInitializer):
    """A few values, over and over along an axis.

    Formula: `w[…, i] = values[i mod k]`, `k` the number of values.

    Args:
        values: One or more finite numbers.
        axis: The axis along which they lie (default -1, the last one).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32), the
        same along all other axes; every value is one of `values`, rounded to nearest even. The axis may have
        any length, and end anywhere in a cycle.

    Raises:
        ArgumentTypeError: `values` is no list of real numbers, or `axis` no integer.
        ArgumentError: There is no value, or one is NaN or infinite.
        ShapeError: The shape has no such axis.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.Cycle([0.0, 0.5, -0.5])((2, 4)).tolist()
        [[0.0, 0.5, -0.5, 0.0], [0.0, 0.5, -0.5, 0.0]]

    Reference:
        Peng et al., "RWKV: Reinventing RNNs for the transformer era", 2023, the appendix on parameter
        initializations: time_first is such a zigzag.
    """

    def __init__(self, values: Sequence[float], axis: int = -1) -> None:
        if not isinstance(values, (list, tuple)):
            message = f"Argument `values` must be a list of numbers. Received: {values!r:.100} of type"
            message += f" {type(values).__name__}. Allowed: lists and tuples. Write, for example, [0.0, 1.0]."
            raise ArgumentTypeError(message)
        if not values:
            message = (
                "Argument `values` is empty. Received: values=[]. Allowed: one number or more. Write, for"
            )
            raise ArgumentError(message + " example, [0.0, 1.0].")
        self.values = [float_argument(value, "values") for value in values]
        self.axis = axis_argument(axis, "axis")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse a shape without the axis, and dtypes that are not real and floating or too narrow."""
        super().check(shape, dtype)
        axis_of(shape, self.axis, "axis")
        check_range(dtype, values=max(self.values, key=abs))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the values by their index."""
        fill_pieces(out, region, draw, self._values)

    def _values(self, piece: Piece) -> Any:
        return piece.xp.asarray(self.values)[piece.index(self.axis) % len(self.values)]

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The mean and standard deviation of the tensor's own values."""
        lengths = as_shape(shape)
        whole, more = divmod(lengths[axis_of(lengths, self.axis, "axis")], len(self.values))
        counts = [whole + (place < more) for place in range(len(self.values))]
        found = mixture(
            [(count, Moments(value, 0.0)) for count, value in zip(counts, self.values, strict=True)]
        )
        assert found is not None
        return found


def _power(xp: ModuleType, base: Any, power: float) -> Any:
    """A power of numbers from 0 up, the same bits everywhere."""
    # The logarithm of 0 is -inf, whose exponential is 0; that of 1 is 0, whose exponential is 1.
    return elementary.exp(xp, power * elementary.log(xp, base))
