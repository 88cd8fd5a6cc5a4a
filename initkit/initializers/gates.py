"""Biases of gated recurrent layers: what the gates say before anything is learnt."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import DType
from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError
from initkit.initializer import Moments, RandomInitializer, RegionInitializer
from initkit.initializers.arguments import float_argument
from initkit.initializers.expectation import uniform_moments
from initkit.initializers.pieces import Piece, fill_pieces
from initkit.initializers.random import check_range
from initkit.kernels import elementary
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator


@built_in()
class ForgetBias(RegionInitializer):
    """The bias of an LSTM whose forget gate is open at the start.

    Formula: along the last axis, which holds one block of units for each gate, `w = value` in the block of
    the forget gate, 0 in the others.

    Args:
        value: The forget gate's bias (default 1.0). PyTorch adds two biases: give the other one zeros.
        gates: One letter for each gate, in the order of the blocks, `f` among them (default `"ifgo"`,
            PyTorch's and Flax'; Keras has `"ifco"`, ONNX `"iofc"`).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape, `(…, gates·units)`, and float dtype
        (None is float32). Only `value`, rounded once, and 0 occur.

    Raises:
        ArgumentError: `value` is NaN, infinite or beyond the dtype's range; `gates` has a letter twice, or no
            `f`.
        ArgumentTypeError: `value` is no real number, or `gates` no text.
        ShapeError: The shape has no axes, or its last one cannot be cut into the gates.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.ForgetBias()(8).tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]

    Reference:
        Gers, Schmidhuber and Cummins, "Learning to forget: Continual prediction with LSTM", 2000;
        Jozefowicz, Zaremba and Sutskever, "An empirical exploration of recurrent network architectures",
        2015.
    """

    def __init__(self, value: float = 1.0, gates: str = "ifgo") -> None:
        self.value = float_argument(value, "value")
        self.gates = _as_gates(gates, "f")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that cannot be cut into the gates, and dtypes that cannot hold the value."""
        super().check(shape, dtype)
        check_range(dtype, value=self.value)
        _units(shape, self.gates)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros, then the value in the forget gate's block."""
        draw.backend.put(out, ..., 0)
        units = _units(region.shape, self.gates)
        where, part = region.within(len(region.shape) - 1, self.gates.index("f") * units, units)
        fill_pieces(out[..., where], part, draw, lambda piece: piece.xp.asarray(self.value))

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean and standard deviation over all elements."""
        if not _units(as_shape(shape), self.gates):
            return Moments(0.0, 0.0)
        share = 1 / len(self.gates)
        return Moments(self.value * share, abs(self.value) * sqrt(share * (1 - share)))


@built_in()
class ChronoBias(RandomInitializer):
    """The bias of an LSTM whose units remember for times of every length, up to that of the data.

    Formula: along the last axis, which holds one block of units for each gate, `b_f = log(u)`,
    `u ~ U(1, max_time - 1)`, for the forget gate, `b_i = -b_f` for the input gate, 0 for the others. A unit
    then forgets after about `u + 1` steps.

    Args:
        max_time: The longest dependence to expect in the data, in steps, 2 or more.
        gates: One letter for each gate, in the order of the blocks, `f` and `i` among them (default
            `"ifgo"`, PyTorch's and Flax'; Keras has `"ifco"`, ONNX `"iofc"`).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape, `(…, gates·units)`, and float dtype
        (None is float32). Unit `j` of the forget gate's block draws as element `(…, j)` of a tensor of shape
        `(…, units)`: `u = 1 + (k + 1/2)·2⁻²⁴·(max_time - 2)`, `k` from 0 to 2²⁴ - 1 (53 bits in float64); its
        logarithm is rounded once, and lower precisions are the float32 values rounded once.

    Raises:
        ArgumentError: `max_time` is below 2, NaN or infinite; `gates` has a letter twice, or no `f` or `i`.
        ArgumentTypeError: `max_time` is no real number, or `gates` no text.
        ShapeError: The shape has no axes, or its last one cannot be cut into the gates.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> bias = ik.ChronoBias(max_time=100, seed=7)((4 * 64,))
        >>> bool((bias[:64] == -bias[64:128]).all()), bool(bias.max() < np.log(99))
        (True, True)

    Reference:
        Tallec and Ollivier, "Can recurrent neural networks warp time?", 2018.
    """

    def __init__(self, max_time: float, gates: str = "ifgo", seed: int | SeedGenerator | None = None) -> None:
        super().__init__(seed)
        self.max_time = float_argument(max_time, "max_time", low=2.0)
        self.gates = _as_gates(gates, "fi")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that cannot be cut into the gates, and dtypes that cannot hold the biases."""
        super().check(shape, dtype)
        check_range(dtype, **{"log(max_time - 1)": log(self.max_time - 1.0)})
        _units(shape, self.gates)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Write zeros, then draw the forget gate's block, and the same once more for the input gate's."""
        draw.backend.put(out, ..., 0)
        units, last = _units(region.shape, self.gates), len(region.shape) - 1
        for gate, sign in (("f", 1.0), ("i", -1.0)):
            where, part = region.within(last, self.gates.index(gate) * units, units)

            def values(piece: Piece, sign: float = sign) -> Any:
                # The sum turns -0 into 0.
                return sign * elementary.log(piece.xp, 1.0 + piece.uniform() * (self.max_time - 2.0)) + 0.0

            fill_pieces(out[..., where], part, draw, values)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and the standard deviation over all elements."""
        if not _units(as_shape(shape), self.gates):
            return Moments(0.0, 0.0)
        forget = uniform_moments(lambda u, _: elementary.log(np, 1.0 + u * (self.max_time - 2.0)))
        return Moments(0.0, sqrt(2 * (forget.std**2 + forget.mean**2) / len(self.gates)))


def _as_gates(gates: object, needed: str) -> str:
    """The order of the gates, with each of the needed ones in it once."""
    needs = " and ".join(map(repr, needed))
    if not isinstance(gates, str):
        message = f"Argument `gates` must be a text. Received: gates={gates!r:.100} of type"
        message += f" {type(gates).__name__}. Allowed: one letter for each gate, {needs} among them. Write,"
        message += " for example, gates='ifgo'."
        raise ArgumentTypeError(message)
    if len(set(gates)) < len(gates) or not gates.isalpha() or not set(needed) <= set(gates):
        message = f"Argument `gates` is no order of gates. Received: gates={gates!r:.100}. Allowed: different"
        message += f" letters, {needs} among them. Write, for example, gates='ifgo'."
        raise ArgumentError(message)
    return gates


def _units(shape: tuple[int, ...], gates: str) -> int:
    """The number of units: the length of each gate's block."""
    if not shape or shape[-1] % len(gates):
        message = f"The last axis cannot be cut into gates. Received: shape={shape}, gates={gates!r}."
        message += " Allowed:"
        message += f" (…, {len(gates)}·units). Change the shape, or name as many gates as there are blocks."
        raise ShapeError(message)
    return shape[-1] // len(gates)
