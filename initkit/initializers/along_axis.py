"""Values that follow from their place along an axis: ramps and cycles."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DType, Kind, resolve_dtype
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.arguments import axis_argument, axis_of, flag_argument, float_argument
from initkit.initializers.composite import mixture
from initkit.initializers.constant import check_fits
from initkit.initializers.expectation import sum_over_indices
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.initializers.random import check_range
from initkit.kernels import elementary
from initkit.region import Region, as_shape
from initkit.registry import built_in

# Beyond it all values but the last few would be `start`, and sums over indices no longer smooth.
_GREATEST_POWER = 100.0
# Below it float64 has every integer: an argument is the number that was written.
_EVERY_INTEGER = 2.0**53


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
        When called with `(shape, dtype=None)`: an array of that shape and float or integer dtype (None is
        float32), the same along all other axes. Values are computed in float64, within `(4 + power·log(n))`
        units in the last place of the larger of `|start|` and `|stop|`, and rounded once; lower precisions
        are the float32 values rounded once. The same bits everywhere. Integers are exact, and made only
        where every value is one: `start`, `stop` and the step are integers below 2**53, and `power` is 1.

    Raises:
        ArgumentTypeError: A number is no real number, `endpoint` no bool, or `axis` no integer.
        ArgumentError: A number is NaN or infinite, or `power` is not above 0 or is above 100; the dtype
            cannot hold a value, or is an integer one and a value is no integer.
        ShapeError: The shape has no such axis.
        DTypeError: A complex or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.Ramp(-5.0, 3.0, power=2.0)((5,)).tolist()  # RWKV's time_decay, in one of its layers
        [-5.0, -4.5, -3.0, -0.5, 3.0]
        >>> ik.Ramp(endpoint=False)((1, 1, 4)).tolist()
        [[[0.0, 0.25, 0.5, 0.75]]]
        >>> ik.Ramp(0, 5, endpoint=False)((1, 5), "int64").tolist()  # position_ids
        [[0, 1, 2, 3, 4]]

    Reference:
        Peng et al., "RWKV: Reinventing RNNs for the transformer era", 2023, the appendix on
        parameter initializations.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "integer")

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
        """Refuse a shape without the axis, and dtypes that are complex or cannot hold the values."""
        super().check(shape, dtype)
        length = shape[axis_of(shape, self.axis, "axis")]
        if dtype.kind != "integer":
            check_range(dtype, start=self.start, stop=self.stop)
            return
        steps, are_integers = self._steps(length), _are_integers([self.start, self.stop])
        if self.power != 1.0 or not are_integers or (int(self.stop) - int(self.start)) % steps:
            message = f"Ramp makes dtype {dtype.name!r} of equal steps that are integers. Received:"
            message += f" start={self.start}, stop={self.stop}, power={self.power}, and {steps} steps."
            message += " Allowed: power 1.0, and integers below 2**53 whose distance the steps divide. Write,"
            message += " for example, Ramp(0, length, endpoint=False) for 0, 1, 2 and so on."
            raise ArgumentError(message)
        last = int(self.start) + self._step(length) * max(length - 1, 0)
        check_fits(np.asarray([int(self.start), last]), dtype, "start to stop")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write the values by their index."""
        is_integer = resolve_dtype(out.dtype).kind == "integer"
        fill_pieces(out, region, draw, self._integers if is_integer else self._values)

    def _integers(self, piece: Piece) -> Any:
        return int(self.start) + self._step(piece.shape[self.axis]) * piece.index(self.axis)

    def _step(self, length: int) -> int:
        """The distance of adjacent integers."""
        return (int(self.stop) - int(self.start)) // self._steps(length)

    def _values(self, piece: Piece) -> Any:
        part = piece.index(self.axis) / float(self._steps(piece.shape[self.axis]))
        if self.power != 1.0:
            part = _power(piece.xp, part, self.power)
        return self.start * (1.0 - part) + self.stop * part

    def _steps(self, length: int) -> int:
        """By what indices are divided."""
        return max(length - self.endpoint, 1)

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
        steps = float(self._steps(length))

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
        When called with `(shape, dtype=None)`: an array of that shape and float or integer dtype (None is
        float32), the same along all other axes; every value is one of `values`, rounded to nearest even. The
        axis may have any length, and end anywhere in a cycle. Integers are made only where all values are
        integers, below 2**53.

    Raises:
        ArgumentTypeError: `values` is no list of real numbers, or `axis` no integer.
        ArgumentError: There is no value, or one is NaN or infinite; the dtype cannot hold one, or is an
            integer one and a value is no integer.
        ShapeError: The shape has no such axis.
        DTypeError: A complex or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.Cycle([0.0, 0.5, -0.5])((2, 4)).tolist()
        [[0.0, 0.5, -0.5, 0.0], [0.0, 0.5, -0.5, 0.0]]
        >>> ik.Cycle([0, 1])((5,), "int64").tolist()
        [0, 1, 0, 1, 0]

    Reference:
        Peng et al., "RWKV: Reinventing RNNs for the transformer era", 2023, the appendix on parameter
        initializations: time_first is such a zigzag.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "integer")

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
        """Refuse a shape without the axis, and dtypes that are complex or cannot hold the values."""
        super().check(shape, dtype)
        axis_of(shape, self.axis, "axis")
        if dtype.kind != "integer":
            check_range(dtype, values=max(self.values, key=abs))
            return
        if lost := [value for value in self.values if not _are_integers([value])]:
            message = f"Cycle makes dtype {dtype.name!r} of integers. Received: {lost[0]} among the values."
            message += " Allowed: integers below 2**53. Choose other values or a float dtype."
            raise ArgumentError(message)
        check_fits(np.asarray(self.values), dtype, "values")

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


def _are_integers(values: Sequence[float]) -> bool:
    """Whether all are integers, and the ones that were written."""
    return all(value.is_integer() and abs(value) < _EVERY_INTEGER for value in values)


def _power(xp: ModuleType, base: Any, power: float) -> Any:
    """A power of numbers from 0 up, the same bits everywhere."""
    # The logarithm of 0 is -inf, whose exponential is 0; that of 1 is 0, whose exponential is 1.
    return elementary.exp(xp, power * elementary.log(xp, base))
