"""The functions of `torch.nn.init` that read fans from the shape: Xavier's and Kaiming's."""

from __future__ import annotations

from initkit.functional.filling import ArrayT, Seed, filled, seed_or_default
from initkit.initializers import KaimingNormal, KaimingUniform, XavierNormal, XavierUniform


def xavier_uniform_(x: ArrayT, gain: float = 1.0, *, seed: Seed = None) -> ArrayT:
    """Fill a weight with Xavier's (Glorot's) uniform values.

    Formula: `x ~ U[-a, a)`, `a = gain·sqrt(6 / (fan_in + fan_out))`; complex: uniform on a disk,
    `E|x|² = a²/3`; fans are read as torch reads them, from `(out, in, k…)`.

    Args:
        x: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and any
            layout.
        gain: The factor, finite and not negative (default 1.0); see `calculate_gain`.
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `x` itself, with the values of `XavierUniform(gain, seed, layout="torch")`.

    Raises:
        ShapeError: `x` has fewer than two axes.
        ArgumentError: The gain is out of range.
        ArgumentTypeError: `x` cannot be filled in place, its dtype is an integer or bool, or an argument has
            the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.xavier_uniform_(np.empty((256, 512), np.float32), seed=7).std().round(3)
        np.float32(0.051)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    return filled(x, XavierUniform(gain, seed_or_default(seed), layout="torch"))


def xavier_normal_(x: ArrayT, gain: float = 1.0, *, seed: Seed = None) -> ArrayT:
    """Fill a weight with Xavier's (Glorot's) normal values, not truncated.

    Formula: `x ~ N(0, σ²)`, `σ = gain·sqrt(2 / (fan_in + fan_out))`; complex: `E|x|² = σ²`; fans are read as
    torch reads them, from `(out, in, k…)`.

    Args:
        x: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and any
            layout.
        gain: The factor, finite and not negative (default 1.0); see `calculate_gain`.
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `x` itself, with the values of `XavierNormal(gain, seed, layout="torch")`.

    Raises:
        ShapeError: `x` has fewer than two axes.
        ArgumentError: The gain is out of range.
        ArgumentTypeError: `x` cannot be filled in place, its dtype is an integer or bool, or an argument has
            the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.xavier_normal_(np.empty((256, 512), np.float32), seed=7).std().round(3)
        np.float32(0.051)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    return filled(x, XavierNormal(gain, seed_or_default(seed), layout="torch"))


def kaiming_uniform_(
    x: ArrayT,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    seed: Seed = None,
) -> ArrayT:
    """Fill a weight with Kaiming's (He's) uniform values.

    Formula: `x ~ U[-b, b)`, `b = gain·sqrt(3 / fan)`, `gain = calculate_gain(nonlinearity, a)`; complex:
    uniform on a disk, `E|x|² = b²/3`; fans are read as torch reads them, from `(out, in, k…)`.

    Args:
        x: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and any
            layout.
        a: The negative slope, for `"leaky_relu"` alone (default 0).
        mode: `"fan_in"` (default) or `"fan_out"`; besides torch's two, `"fan_avg"` and `"fan_geo_avg"`.
        nonlinearity: A name that `calculate_gain` knows (default `"leaky_relu"`).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `x` itself, with the values of `KaimingUniform(a, mode, nonlinearity, seed, layout="torch")`.

    Raises:
        ShapeError: `x` has fewer than two axes.
        ArgumentError: No such mode or nonlinearity, or a slope out of range.
        ArgumentTypeError: `x` cannot be filled in place, its dtype is an integer or bool, or an argument has
            the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = np.empty((256, 512), np.float32)
        >>> init.kaiming_uniform_(w, nonlinearity="relu", seed=7).std().round(4)
        np.float32(0.0625)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """
    return filled(x, KaimingUniform(a, mode, nonlinearity, seed_or_default(seed), layout="torch"))


def kaiming_normal_(
    x: ArrayT,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    seed: Seed = None,
) -> ArrayT:
    """Fill a weight with Kaiming's (He's) normal values, not truncated.

    Formula: `x ~ N(0, σ²)`, `σ = gain / sqrt(fan)`, `gain = calculate_gain(nonlinearity, a)`; complex:
    `E|x|² = σ²`; fans are read as torch reads them, from `(out, in, k…)`.

    Args:
        x: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and any
            layout.
        a: The negative slope, for `"leaky_relu"` alone (default 0).
        mode: `"fan_in"` (default) or `"fan_out"`; besides torch's two, `"fan_avg"` and `"fan_geo_avg"`.
        nonlinearity: A name that `calculate_gain` knows (default `"leaky_relu"`).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `x` itself, with the values of `KaimingNormal(a, mode, nonlinearity, seed, layout="torch")`.

    Raises:
        ShapeError: `x` has fewer than two axes.
        ArgumentError: No such mode or nonlinearity, or a slope out of range.
        ArgumentTypeError: `x` cannot be filled in place, its dtype is an integer or bool, or an argument has
            the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = np.empty((256, 512), np.float32)
        >>> init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu", seed=7).std().round(3)
        np.float32(0.088)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """
    return filled(x, KaimingNormal(a, mode, nonlinearity, seed_or_default(seed), layout="torch"))
