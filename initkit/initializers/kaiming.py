"""Kaiming's and Xavier's initializers as PyTorch defines them: with gains, and with the plain normal law."""

from __future__ import annotations

from math import sqrt

from initkit.fans import Axes, check_fan_mode, effective_fan
from initkit.gains import calculate_gain, check_nonlinearity, takes_parameter
from initkit.initializers.arguments import float_argument
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.registry import built_in
from initkit.seed import SeedGenerator


class _Kaiming(ScaledByFan):
    """What the uniform and the normal one have in common: a gain over the root of a fan."""

    def __init__(
        self,
        a: float = 0.0,
        mode: str = "fan_in",
        nonlinearity: str = "leaky_relu",
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        """Check the arguments, and keep them."""
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.a = float_argument(a, "a")
        self.mode = _checked_mode(mode)
        check_nonlinearity(nonlinearity)
        self.nonlinearity = nonlinearity
        # An alpha that the function cannot have is refused here.
        self._gain()

    def stddev(self, shape: tuple[int, ...]) -> float:
        """The gain over the root of the fan that the mode picks."""
        return self._gain() / sqrt(effective_fan(self.fans_of(shape), self.mode))

    def _gain(self) -> float:
        name = check_nonlinearity(self.nonlinearity)
        # The default of `a` is PyTorch's and means a slope; an alpha of 0 would make a ReLU of the others.
        given = name == "leaky_relu" or (takes_parameter(name) and self.a != 0.0)
        return calculate_gain(name, self.a if given else None)


def _checked_mode(mode: object) -> str:
    # PyTorch takes modes in any case.
    lowered = mode.lower() if isinstance(mode, str) else mode
    check_fan_mode(lowered)
    return str(lowered)


class _Xavier(ScaledByFan):
    """What the uniform and the normal one have in common: a gain over the root of the mean fan."""

    mode = "fan_avg"

    def __init__(
        self,
        gain: float = 1.0,
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        """Check the arguments, and keep them."""
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.gain = float_argument(gain, "gain", low=0.0)

    def stddev(self, shape: tuple[int, ...]) -> float:
        """The gain times `sqrt(2 / (fan_in + fan_out))`."""
        return self.gain * sqrt(1.0 / effective_fan(self.fans_of(shape), self.mode))


@built_in()
class KaimingUniform(_Kaiming):
    """Kaiming He's uniform initializer as PyTorch has it, for any nonlinearity.

    Shapes are read (…, in, out) unless `layout="torch"` is said: for PyTorch's weights, (out, in, …), say it.

    Formula: `w ~ U[-b, b)`, `b = gain·sqrt(3 / n)`, so that `E[w²] = gain² / n`; complex: on a disk, with
    that `E|w|²`. There `gain` is `calculate_gain(nonlinearity, a)`, and `n` the fan that `mode` picks, at
    least 1. PyTorch's default for layers, `a = sqrt(5)`, is `TorchLinear`, which says it in words.

    Args:
        a: The parameter of the function that follows (default 0.0): the slope below 0 of `leaky_relu` and
            `prelu`, the alpha of `elu` and `celu`. For `leaky_relu`, 0 is a slope of 0, as in PyTorch; for
            the others it means their usual parameter, 0.25 or 1. Functions without one, as in PyTorch, are
            not changed by it.
        mode: `"fan_in"` (default), `"fan_out"`, and besides PyTorch's two `"fan_avg"` or `"fan_geo_avg"`; in
            small or capital letters.
        nonlinearity: The function that follows, a name that `calculate_gain` knows (default `"leaky_relu"`,
            which with `a=0` is ReLU).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape. The default is initkit's reading, `(…, in, out)`; for PyTorch's weights,
            `(out, in, …)`, write `layout="torch"`. See `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomUniform` can give.

    Raises:
        ArgumentError: A mode or a nonlinearity that does not exist; `a` is NaN or infinite, or negative for
            `celu`; axes as `initkit.fans`.
        ArgumentTypeError: An argument of the wrong type.
        ShapeError: The shape does not fit the axes, the layout or the groups.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> init = ik.KaimingUniform(mode="fan_out", nonlinearity="relu", seed=7, layout="torch")
        >>> init((64, 32, 3, 3)).std().round(3), init.moments((64, 32, 3, 3)).std
        (np.float32(0.059), 0.05892556509887897)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015; PyTorch, `torch.nn.init.kaiming_uniform_`.
    """

    distribution = "uniform"


@built_in()
class KaimingNormal(_Kaiming):
    """Kaiming He's normal initializer as PyTorch has it, for any nonlinearity.

    Shapes are read (…, in, out) unless `layout="torch"` is said: for PyTorch's weights, (out, in, …), say it.

    Formula: `w ~ N(0, gain² / n)`, not truncated; complex: that is `E|w|²`. There `gain` is
    `calculate_gain(nonlinearity, a)`, and `n` the fan that `mode` picks, at least 1. PyTorch's default for
    layers, `a = sqrt(5)`, is `TorchLinear`, which says it in words.

    Args:
        a: The parameter of the function that follows (default 0.0): the slope below 0 of `leaky_relu` and
            `prelu`, the alpha of `elu` and `celu`. For `leaky_relu`, 0 is a slope of 0, as in PyTorch; for
            the others it means their usual parameter, 0.25 or 1. Functions without one, as in PyTorch, are
            not changed by it.
        mode: `"fan_in"` (default), `"fan_out"`, and besides PyTorch's two `"fan_avg"` or `"fan_geo_avg"`; in
            small or capital letters.
        nonlinearity: The function that follows, a name that `calculate_gain` knows (default `"leaky_relu"`,
            which with `a=0` is ReLU).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape. The default is initkit's reading, `(…, in, out)`; for PyTorch's weights,
            `(out, in, …)`, write `layout="torch"`. See `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomNormal` can give.

    Raises:
        ArgumentError: A mode or a nonlinearity that does not exist; `a` is NaN or infinite, or negative for
            `celu`; axes as `initkit.fans`.
        ArgumentTypeError: An argument of the wrong type.
        ShapeError: The shape does not fit the axes, the layout or the groups.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> init = ik.KaimingNormal(mode="fan_out", nonlinearity="relu", seed=7, layout="torch")
        >>> init((64, 32, 3, 3)).std().round(3), init.moments((64, 32, 3, 3)).std
        (np.float32(0.059), 0.05892556509887897)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015; PyTorch, `torch.nn.init.kaiming_normal_`.
    """

    distribution = "untruncated_normal"


@built_in()
class XavierUniform(_Xavier):
    """Xavier Glorot's uniform initializer as PyTorch has it, with a gain.

    Shapes are read (…, in, out) unless `layout="torch"` is said: for PyTorch's weights, (out, in, …), say it.

    Formula: `w ~ U[-b, b)`, `b = gain·sqrt(6 / (fan_in + fan_out))`; complex: on a disk, with `E|w|² = b²/3`.

    Args:
        gain: The factor, finite and not negative (default 1.0); `calculate_gain` has one for every
            nonlinearity.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape. The default is initkit's reading, `(…, in, out)`; for PyTorch's weights,
            `(out, in, …)`, write `layout="torch"`. See `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomUniform` can give.

    Raises:
        ArgumentError: `gain` is negative, NaN or infinite; axes as `initkit.fans`.
        ArgumentTypeError: An argument of the wrong type.
        ShapeError: The shape does not fit the axes, the layout or the groups.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> init = ik.XavierUniform(gain=ik.calculate_gain("tanh"), seed=7, layout="torch")
        >>> init((256, 512)).std().round(3), init.moments((256, 512)).std
        (np.float32(0.085), 0.08505172717997146)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010;
        PyTorch, `torch.nn.init.xavier_uniform_`.
    """

    distribution = "uniform"


@built_in()
class XavierNormal(_Xavier):
    """Xavier Glorot's normal initializer as PyTorch has it, with a gain.

    Shapes are read (…, in, out) unless `layout="torch"` is said: for PyTorch's weights, (out, in, …), say it.

    Formula: `w ~ N(0, gain²·2 / (fan_in + fan_out))`, not truncated; complex: that is `E|w|²`.

    Args:
        gain: The factor, finite and not negative (default 1.0); `calculate_gain` has one for every
            nonlinearity.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape. The default is initkit's reading, `(…, in, out)`; for PyTorch's weights,
            `(out, in, …)`, write `layout="torch"`. See `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomNormal` can give.

    Raises:
        ArgumentError: `gain` is negative, NaN or infinite; axes as `initkit.fans`.
        ArgumentTypeError: An argument of the wrong type.
        ShapeError: The shape does not fit the axes, the layout or the groups.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> init = ik.XavierNormal(gain=ik.calculate_gain("tanh"), seed=7, layout="torch")
        >>> init((256, 512)).std().round(3), init.moments((256, 512)).std
        (np.float32(0.085), 0.08505172717997146)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010;
        PyTorch, `torch.nn.init.xavier_normal_`.
    """

    distribution = "untruncated_normal"
