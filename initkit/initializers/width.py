"""Schemes whose standard deviation follows from the width of a layer, by rules of their own."""

from __future__ import annotations

from math import sqrt

from initkit.errors import ArgumentError
from initkit.fans import Axes
from initkit.initializers.arguments import count_argument, flag_argument, float_argument
from initkit.initializers.scaled_by_fan import ScaledByFan
from initkit.registry import built_in
from initkit.seed import SeedGenerator


@built_in()
class Siren(ScaledByFan):
    """Weights of a network whose activations are sines, the frequencies of which stay as they are in depth.

    Formula: `w ~ U[-a, a)`; `a = 1/fan_in` in the first layer, `a = sqrt(6/fan_in)/omega` in the others;
    complex: uniform on a disk, with the same `E|w|² = a²/3`. A layer is `sin(omega·(W·x + b))`.

    The paper multiplies by `omega` in the first layer alone and has hidden weights of `a = sqrt(6/fan_in)`;
    its authors' code multiplies in every layer and divides the hidden weights by as much, and these are the
    weights for that code, whose first layer has the same weights whatever `omega` is.

    Args:
        first: Whether this is the first layer, which sees coordinates in [-1, 1] (default False).
        omega: The number by which the network multiplies before each sine, positive (default 30.0).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `VarianceScaling` can give for a uniform law.

    Raises:
        ArgumentError: `omega` is not positive and finite, or values could leave the range of the dtype.
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`; `first` is no bool.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> hidden = ik.Siren(seed=7)((256, 256))
        >>> bool(abs(hidden).max() <= (6 / 256) ** 0.5 / 30)
        True

    Reference:
        Sitzmann, Martel, Bergman, Lindell, Wetzstein, "Implicit neural representations with periodic
        activation functions", 2020.
    """

    distribution = "uniform"

    def __init__(
        self,
        first: bool = False,
        omega: float = 30.0,
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.first = flag_argument(first, "first")
        self.omega = float_argument(omega, "omega")
        if self.omega <= 0:
            message = f"Argument `omega` must be positive. Received: omega={self.omega}. Allowed: finite"
            message += " numbers above 0. Write the number that the network multiplies by, 30.0 in the paper."
            raise ArgumentError(message)

    def stddev(self, shape: tuple[int, ...]) -> float:
        """The end of the interval over `√3`."""
        fan = max(1, self.fans_of(shape).fan_in)
        return 1 / (fan * sqrt(3)) if self.first else sqrt(2 / fan) / self.omega


@built_in()
class SpectralScaling(ScaledByFan):
    """Normal weights whose spectral norm is of the order that lets every layer learn features at any width.

    Formula: `w ~ N(0, σ²)`, `σ = gain/sqrt(fan_in)·min(1, sqrt(fan_out/fan_in))`; complex: `E|w|² = σ²`. The
    largest singular value of a matrix is then about `gain·r·(1 + min(r, 1/r))`, `r = sqrt(fan_out/fan_in)`:
    between one and two times `gain·r`, whatever the width.

    Args:
        gain: A factor, finite and not negative (default 1.0).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomNormal` can give.

    Raises:
        ArgumentError: `gain` is negative, NaN or infinite, or values could leave the range of the dtype.
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.SpectralScaling(seed=7)((1024, 256)).std().round(4)
        np.float32(0.0156)

    Reference:
        Yang, Simon, Bernstein, "A spectral condition for feature learning", 2023.
    """

    distribution = "untruncated_normal"

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
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.gain = float_argument(gain, "gain", low=0.0)

    def stddev(self, shape: tuple[int, ...]) -> float:
        """`σ` for the fans of that shape."""
        fans = self.fans_of(shape)
        inputs, outputs = max(1, fans.fan_in), max(1, fans.fan_out)
        return self.gain * sqrt(min(inputs, outputs)) / inputs


@built_in()
class SmallInit(ScaledByFan):
    """Normal weights as small as Glorot's are in a transformer's MLP, for all its matrices.

    Formula: `w ~ N(0, 2/(5d))`, `d` the width of the model; complex: `E|w|² = 2/(5d)`. It is Glorot's
    variance `2/(fan_in + fan_out)` for a matrix from `d` to `4d`.

    Args:
        dim: The width `d` of the model, 1 or more; None for the fan-in (default).
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomNormal` can give.

    Raises:
        ArgumentError: `dim` is below 1.
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`; `dim` is no integer.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.SmallInit(seed=7)((1000, 400)).std().round(3)
        np.float32(0.02)

    Reference:
        Nguyen and Salazar, "Transformers without tears", 2019.
    """

    distribution = "untruncated_normal"

    def __init__(
        self,
        dim: int | None = None,
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.dim = None if dim is None else count_argument(dim, "dim")

    def stddev(self, shape: tuple[int, ...]) -> float:
        """`sqrt(2/(5d))`."""
        return sqrt(2 / (5 * _width(self, shape)))


@built_in()
class WangInit(ScaledByFan):
    """Normal weights for what ends a residual branch of a transformer, smaller the deeper it is.

    Formula: `w ~ N(0, (2/(L·sqrt(d)))²)`, `L` the number of blocks and `d` the width of the model; complex:
    `E|w|² = 4/(L²·d)`.

    Args:
        layers: The number of blocks `L`, 1 or more.
        dim: The width `d` of the model, 1 or more; None for the fan-in (default). The second matrix of an MLP
            has a larger fan-in, so name the width there.
        seed: None, a non-negative integer (the same values at every call), or a `SeedGenerator` (new
            values at every call, on its backend).
        input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise: How the fans are read
            from the shape (default `(…, in, out)`); see `initkit.fans`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the values that `RandomNormal` can give.

    Raises:
        ArgumentError: `layers` or `dim` is below 1.
        ArgumentError, ArgumentTypeError, ShapeError: As `initkit.fans`; a number is no integer.
        DTypeError: An integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.WangInit(layers=10, dim=400, seed=7)((1600, 400)).std().round(3)
        np.float32(0.01)

    Reference:
        Wang, Mesh Transformer JAX, 2021; Black et al., "GPT-NeoX-20B", 2022.
    """

    distribution = "untruncated_normal"

    def __init__(
        self,
        layers: int,
        dim: int | None = None,
        seed: int | SeedGenerator | None = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
        batch_axes: Axes = None,
        layout: str | None = None,
        groups: int = 1,
        transposed: bool = False,
        depthwise: bool = False,
    ) -> None:
        super().__init__(seed, input_axes, output_axes, batch_axes, layout, groups, transposed, depthwise)
        self.layers = count_argument(layers, "layers")
        self.dim = None if dim is None else count_argument(dim, "dim")

    def stddev(self, shape: tuple[int, ...]) -> float:
        """`2/(L·sqrt(d))`."""
        return 2 / (self.layers * sqrt(_width(self, shape)))


def _width(initializer: SmallInit | WangInit, shape: tuple[int, ...]) -> int:
    # Read in any case, so that a shape that does not fit the layout is refused.
    fan_in = initializer.fans_of(shape).fan_in
    return initializer.dim or max(1, fan_in)
