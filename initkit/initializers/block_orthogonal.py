"""Weights of several gates, each of them orthogonal."""

from __future__ import annotations

from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DType, Kind
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import axis_argument, count_argument, float_argument
from initkit.initializers.blocks import Blocks
from initkit.initializers.orthogonal import Orthogonal
from initkit.region import Region
from initkit.registry import built_in
from initkit.seed import SeedGenerator


@built_in()
class BlockOrthogonal(RandomInitializer):
    """Equal blocks side by side, each a random matrix with orthonormal columns or rows: the gates of an LSTM.

    Formula: along `axis`, block `k` of `gates` equal ones is what `Orthogonal(gain)` gives for the block's
    shape, drawn from the child `str(k)` of the seed. In the matrix of shape `(d, 4d)` that has all gates of
    an LSTM, `Orthogonal` would make the rows orthonormal, and every gate would halve the norm of the state;
    here each gate has `wₖᵀwₖ = gain²·I`, and keeps it.

    Args:
        gates: How many blocks there are, 1 or more (default 4, those of an LSTM; a GRU has 3).
        gain: The factor, any finite number (default 1.0); the length of the columns or rows of every block.
        axis: The axis along which the blocks lie (default -1, that of Keras' kernels; 0 for PyTorch's).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and dtype (None is float32); float and
        complex dtypes. Every block has the values that `Orthogonal` documents, and its tolerance: 2e-6 of the
        gain, and 4e-15 in float64. A slice costs what it costs in the blocks that it meets.

    Raises:
        ArgumentTypeError: The gain is no real number, `gates` or the axis no integer.
        ArgumentError: `gates` is below 1; the gain is NaN or infinite, or beyond the dtype's range.
        ShapeError: The shape has fewer than two axes, no such axis, or one that cannot be cut into the
            blocks.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> w = ik.BlockOrthogonal(seed=7)((64, 256))
        >>> gate = ik.Orthogonal(seed=ik.SeedGenerator(7).child("2"))((64, 64))
        >>> bool((w[:, 128:192] == gate).all())
        True

    Reference:
        AllenNLP, `allennlp.nn.initializers.block_orthogonal`; Saxe, McClelland, Ganguli, "Exact solutions to
        the nonlinear dynamics of learning in deep linear neural networks", 2014.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(
        self, gates: int = 4, gain: float = 1.0, axis: int = -1, seed: int | SeedGenerator | None = None
    ) -> None:
        super().__init__(seed)
        self.gates = count_argument(gates, "gates")
        self.gain = float_argument(gain, "gain")
        self.axis = axis_argument(axis, "axis")
        self._blocks = Blocks(Orthogonal(self.gain), [1] * self.gates, self.axis)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that cannot be cut into the blocks, and what `Orthogonal` refuses."""
        super().check(shape, dtype)
        self._blocks.check(shape, dtype)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Fill the part of every block that lies in the region."""
        self._blocks.fill_region(out, region, draw)

    def tolerance(self, dtype: DType) -> float:
        """2e-6 of the gain; 4e-15 in float64 and complex128."""
        return self._blocks.tolerance(dtype)

    def moments(self, shape: Any, dtype: Any = None) -> Moments | None:
        """Those of one block, which all blocks share."""
        return self._blocks.moments(shape, dtype)
