"""What PyTorch's layers have before anybody initializes them: the laws of their `reset_parameters`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import sqrt
from typing import Any, ClassVar

from initkit.draws import Draw
from initkit.dtypes import DType, Kind
from initkit.errors import ShapeError
from initkit.fans import fans
from initkit.initializer import Moments, RandomInitializer
from initkit.initializers.arguments import count_argument, flag_argument, integer_argument
from initkit.initializers.random import check_reach, farthest_normal, fill_normal
from initkit.layout import check_layout
from initkit.region import Region, as_shape
from initkit.registry import built_in
from initkit.seed import SeedGenerator


class _Bounded(RandomInitializer):
    """The base class of uniform laws around 0 whose bound follows from a shape: `w ~ U[-b, b)`."""

    one_law = True

    @abstractmethod
    def bound(self, shape: tuple[int, ...]) -> float:
        """The bound for a tensor of that shape."""

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse dtypes that are not real and floating, and shapes that have no bound."""
        super().check(shape, dtype)
        self.bound(shape)

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region; the bound is that of the whole tensor."""
        bound = self.bound(region.shape)
        draw.backend.uniform(out, region, draw.key, -bound, bound)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0, and the bound over √3."""
        return Moments(0.0, self.bound(as_shape(shape)) / sqrt(3.0))


class _BoundedByFan(_Bounded):
    """What linear and convolutional layers have in common: the bound is one over the root of the fan-in."""

    def __init__(
        self,
        weight_shape: Sequence[int] | None = None,
        seed: int | SeedGenerator | None = None,
        layout: str = "torch",
    ) -> None:
        """Check the arguments, and keep them."""
        super().__init__(seed)
        self.weight_shape = None if weight_shape is None else list(as_shape(weight_shape))
        self.layout = check_layout(layout)
        if self.weight_shape is not None:
            self._fan_in(tuple(self.weight_shape))

    def bound(self, shape: tuple[int, ...]) -> float:
        """One over the root of the fan-in of the layer's weight; 0 for one without inputs."""
        fan_in = self._fan_in(shape if self.weight_shape is None else tuple(self.weight_shape))
        return 1.0 / sqrt(fan_in) if fan_in else 0.0

    def _fan_in(self, shape: tuple[int, ...]) -> int:
        if len(shape) < 2:
            message = f"{type(self).__name__} needs the shape of the layer's weight, from which the bound of"
            message += f" its bias follows, too. Received: {shape} of rank {len(shape)}. Allowed: two axes or"
            message += " more. For a bias write, for example, weight_shape=(64, 32)."
            raise ShapeError(message)
        return fans(shape, layout=self.layout).fan_in


@built_in()
class TorchLinear(_BoundedByFan):
    """What `torch.nn.Linear` has by default: weight and bias uniform within one over the root of the inputs.

    Formula: `w ~ U[-1/√fan_in, 1/√fan_in)`, and the bias likewise, with the fan-in of the weight. So the
    variance is `1/(3·fan_in)`, a third of what keeps signals their size. This is all that
    `kaiming_uniform_(a=√5)` in PyTorch's source means: with that slope the gain is `√(2/(1 + 5)) = 1/√3`, and
    `1/√3·√(3/fan_in)` is `1/√fan_in`, the rule of older versions.

    Args:
        weight_shape: For the bias: the shape of the layer's weight. None: what is made is the weight itself
            (default).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend). Weight and bias need different seeds, or children.
        layout: A letter for every axis of the weight, or a preset, as in `initkit.fans` (default `"torch"`,
            `(out, in)`). `"keras"` is `(in, out)`; `"OIB"` is `torch.nn.Bilinear`, whose bound counts the
            first inputs alone.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32), with
        the values that `RandomUniform` can give; zeros where the weight has no inputs.

    Raises:
        ArgumentError, ArgumentTypeError: As `initkit.fans`.
        ShapeError: The weight has fewer than two axes, or does not fit the layout.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> root = ik.SeedGenerator(7)
        >>> weight = ik.TorchLinear(seed=root.child("weight"))((32, 100))
        >>> bias = ik.TorchLinear(weight_shape=(32, 100), seed=root.child("bias"))((32,))
        >>> bool(abs(weight).max() <= 0.1), bool(abs(bias).max() <= 0.1)
        (True, True)

    Reference:
        PyTorch, `torch.nn.Linear.reset_parameters`.
    """


@built_in()
class TorchConv(_BoundedByFan):
    """What PyTorch's convolutions have by default, plain and transposed ones alike.

    Formula: `w ~ U[-1/√fan_in, 1/√fan_in)`, and the bias likewise, where `fan_in` is the weight's second axis
    times the positions of the kernel. For a convolution, stored `(out, in/groups, …)`, that is the inputs of
    one output. For a transposed one, stored `(in, out/groups, …)`, it is not: PyTorch counts the outputs
    there, and so does this class. `TorchLinear` tells why its source speaks of `a=√5`.

    Args:
        weight_shape: For the bias: the shape of the layer's weight. None: what is made is the weight itself
            (default).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend). Weight and bias need different seeds, or children.
        layout: A letter for every axis of the weight, or a preset, as in `initkit.fans` (default `"torch"`,
            `(out, in, …)`). A transposed kernel of another framework is named like its plain one. Groups need
            no argument, since the axis in the fan has one group's channels.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32), with
        the values that `RandomUniform` can give; zeros where the weight has no inputs.

    Raises:
        ArgumentError, ArgumentTypeError: As `initkit.fans`.
        ShapeError: The weight has fewer than two axes, or does not fit the layout.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.TorchConv(seed=7).bound((64, 16, 5, 5))
        0.05
        >>> bool(abs(ik.TorchConv(weight_shape=(64, 16, 5, 5), seed=7)((64,))).max() <= 0.05)
        True

    Reference:
        PyTorch, `torch.nn.Conv2d.reset_parameters`, `torch.nn.ConvTranspose2d.reset_parameters`.
    """


@built_in()
class TorchRNN(_Bounded):
    """What `torch.nn.RNN`, `LSTM`, `GRU` and their cells have by default, in every weight and bias.

    Formula: `w ~ U[-1/√hidden_size, 1/√hidden_size)`, whatever the shape. No gate has a bias of its own.

    Args:
        hidden_size: The size of the hidden state, 1 or more.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend). Each parameter needs its own seed, or child.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32), with
        the values that `RandomUniform` can give.

    Raises:
        ArgumentError: `hidden_size` is below 1.
        ArgumentTypeError: An argument of the wrong type.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> weight = ik.TorchRNN(hidden_size=64, seed=7)((4 * 64, 32))
        >>> float(abs(weight).max().round(3))
        0.125

    Reference:
        PyTorch, `torch.nn.RNNBase.reset_parameters`.
    """

    def __init__(self, hidden_size: int, seed: int | SeedGenerator | None = None) -> None:
        super().__init__(seed)
        self.hidden_size = count_argument(hidden_size, "hidden_size")

    def bound(self, shape: tuple[int, ...]) -> float:
        """One over the root of the hidden size."""
        return 1.0 / sqrt(self.hidden_size)


@built_in()
class TorchEmbedding(RandomInitializer):
    """What `torch.nn.Embedding` and `EmbeddingBag` have by default: a normal table, zeros in the padding row.

    Formula: `w ~ N(0, 1)`, and `w[padding_idx] = 0`; complex: `E|w|² = 1`.

    Args:
        padding_idx: The row of zeros, counted from either end; None for none (default).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape, `(rows, features)`, and float or
        complex dtype (None is float32), with the values that `RandomNormal` can give, and 0 in the padding
        row.

    Raises:
        ArgumentTypeError: `padding_idx` is no integer.
        ShapeError: The shape has not exactly two axes, or no row of that number.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> table = ik.TorchEmbedding(padding_idx=0, seed=7)((1000, 64))
        >>> table.std().round(2), table[0].any()
        (np.float32(1.0), np.False_)

    Reference:
        PyTorch, `torch.nn.Embedding.reset_parameters`.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("float", "complex")

    def __init__(self, padding_idx: int | None = None, seed: int | SeedGenerator | None = None) -> None:
        super().__init__(seed)
        self.padding_idx = None if padding_idx is None else integer_argument(padding_idx, "padding_idx")

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that are no table, or lack the padding row; dtypes that are not floating."""
        super().check(shape, dtype)
        check_reach(dtype, 0.0, 1.0, farthest_normal(dtype))
        self._padding_row(shape)

    def _padding_row(self, shape: tuple[int, ...]) -> int | None:
        """The padding row's number from the start."""
        if len(shape) != 2:
            message = f"A table of embeddings has two axes. Received: shape={shape} of rank {len(shape)}."
            message += " Allowed: rows and features. Write, for example, (50257, 768)."
            raise ShapeError(message)
        if self.padding_idx is None:
            return None
        if not -shape[0] <= self.padding_idx < shape[0]:
            allowed = f"{-shape[0]} to {shape[0] - 1}" if shape[0] else "none, since there are no rows"
            message = f"The shape {shape} has no padding row. Received: padding_idx={self.padding_idx}."
            message += f" Allowed: {allowed}. Choose one of the table's rows, or leave padding_idx out."
            raise ShapeError(message)
        return self.padding_idx % shape[0]

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Draw the region, then clear the padding row where it lies in it."""
        fill_normal(out, region, draw, 0.0, 1.0)
        row = self._padding_row(region.shape)
        if row is not None:
            where, _ = region.within(0, row, 1)
            draw.backend.put(out, where, 0)

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """Mean 0; the padding row counts in the deviation."""
        lengths = as_shape(shape)
        row = self._padding_row(lengths)
        return Moments(0.0, 1.0 if row is None else sqrt((lengths[0] - 1) / lengths[0]))


@built_in()
class TorchMHA(_Bounded):
    """What `torch.nn.MultiheadAttention` has by default: Xavier's uniform law on the way in, biases 0.

    Formula: `w ~ U[-b, b)`, `b = sqrt(6/(in + out))`. As PyTorch does, `fused=True` counts all the outputs of
    a fused weight, `out = 3·in`, so that queries, keys and values are `√2` smaller than in three separate
    weights; with `fused=False` `out` is a third of them. A tensor of one axis is a bias, `w = 0`.

    The layer's tensors, `E` being `embed_dim`: `in_proj_weight (3E, E)`, `in_proj_bias (3E,)` and
    `out_proj.bias (E,)` are `TorchMHA()`; so are `q_proj_weight`, `k_proj_weight` and `v_proj_weight`, which
    it has in place of the first where keys or values are of another size. `out_proj.weight (E, E)` is
    `TorchLinear()`; `bias_k` and `bias_v (1, 1, E)` are `XavierNormal(layout="torch")`.

    Args:
        fused: Whether a weight is scaled as one, as PyTorch does (default True), or as queries, keys and
            values by themselves, three equal parts of the outputs.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend). Each tensor needs its own seed, or child.
        layout: A letter for every axis of the weight, or a preset, as in `initkit.fans` (default `"torch"`,
            `(out, in)`).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32), with
        the values that `RandomUniform` can give; zeros for a shape of one axis.

    Raises:
        ArgumentError, ArgumentTypeError: As `initkit.fans`.
        ShapeError: A shape without axes, or one that does not fit the layout; with `fused=False`, outputs
            that are no three equal parts.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> round(ik.TorchMHA().bound((192, 64)), 4), round(ik.TorchMHA(fused=False).bound((192, 64)), 4)
        (0.1531, 0.2165)
        >>> ik.TorchMHA(seed=7)((192,)).any()
        np.False_

    Reference:
        PyTorch, `torch.nn.MultiheadAttention`; its issue 166378 on the fused weight's scale.
    """

    def __init__(
        self, fused: bool = True, seed: int | SeedGenerator | None = None, layout: str = "torch"
    ) -> None:
        super().__init__(seed)
        self.fused = flag_argument(fused, "fused")
        self.layout = check_layout(layout)

    def bound(self, shape: tuple[int, ...]) -> float:
        """Xavier's bound for a weight, 0 for a bias."""
        if len(shape) < 2:
            if shape:
                return 0.0
            message = "TorchMHA makes weights and biases. Received: shape=() of rank 0. Allowed: one axis for"
            message += " a bias, two or more for a weight. Write, for example, (192, 64)."
            raise ShapeError(message)
        fan_in, fan_out = fans(shape, layout=self.layout)
        if not self.fused:
            if fan_out % 3:
                message = f"Queries, keys and values are no equal parts. Received: {fan_out} outputs, in"
                message += " the shape"
                message += f" {shape}. Allowed: multiples of 3. Correct the layout, or leave fused=False out."
                raise ShapeError(message)
            fan_out //= 3
        return sqrt(3.0) * sqrt(2.0 / max(fan_in + fan_out, 1))
