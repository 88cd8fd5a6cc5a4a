"""The functions of `torch.nn.init` that read fans from the shape: Xavier's and Kaiming's."""

from __future__ import annotations

from initkit.errors import ShapeError
from initkit.functional.filling import Seed, seed_or_default, takes_seed
from initkit.initializer import ArrayT
from initkit.initializers import KaimingNormal, KaimingUniform, XavierNormal, XavierUniform


@takes_seed
def xavier_uniform_(tensor: ArrayT, gain: float = 1.0, *, seed: Seed = None) -> ArrayT:
    """Fill a weight with Xavier's (Glorot's) uniform values.

    Formula: `x ~ U[-a, a)`, `a = gain·sqrt(6 / (fan_in + fan_out))`; complex: uniform on a disk,
    `E|x|² = a²/3`; fans are read as torch reads them, from `(out, in, k…)`.

    Args:
        tensor: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and
            any layout.
        gain: The factor, finite and not negative (default 1.0); see `calculate_gain`.
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `XavierUniform(gain, seed, layout="torch")`.

    Raises:
        ShapeError: `tensor` has fewer than two axes.
        ArgumentError: The gain is out of range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.xavier_uniform_(np.empty((256, 512), np.float32), seed=7).std().round(3)
        np.float32(0.051)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    _require_weight(tensor, "xavier_uniform_")
    return XavierUniform(gain, seed_or_default(seed), layout="torch").fill(tensor)


@takes_seed
def xavier_normal_(tensor: ArrayT, gain: float = 1.0, *, seed: Seed = None) -> ArrayT:
    """Fill a weight with Xavier's (Glorot's) normal values, not truncated.

    Formula: `x ~ N(0, σ²)`, `σ = gain·sqrt(2 / (fan_in + fan_out))`; complex: `E|x|² = σ²`; fans are read as
    torch reads them, from `(out, in, k…)`.

    Args:
        tensor: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and
            any layout.
        gain: The factor, finite and not negative (default 1.0); see `calculate_gain`.
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `XavierNormal(gain, seed, layout="torch")`.

    Raises:
        ShapeError: `tensor` has fewer than two axes.
        ArgumentError: The gain is out of range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.xavier_normal_(np.empty((256, 512), np.float32), seed=7).std().round(3)
        np.float32(0.051)

    Reference:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    _require_weight(tensor, "xavier_normal_")
    return XavierNormal(gain, seed_or_default(seed), layout="torch").fill(tensor)


@takes_seed
def kaiming_uniform_(
    tensor: ArrayT,
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
        tensor: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and
            any layout.
        a: The negative slope, for `"leaky_relu"` alone (default 0).
        mode: `"fan_in"` (default) or `"fan_out"`; besides torch's two, `"fan_avg"` and `"fan_geo_avg"`.
        nonlinearity: A name that `calculate_gain` knows (default `"leaky_relu"`).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `KaimingUniform(a, mode, nonlinearity, seed, layout="torch")`.

    Raises:
        ShapeError: `tensor` has fewer than two axes.
        ArgumentError: No such mode or nonlinearity, or a slope out of range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = np.empty((256, 512), np.float32)
        >>> init.kaiming_uniform_(w, nonlinearity="relu", seed=7).std().round(4)
        np.float32(0.0625)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """
    _require_weight(tensor, "kaiming_uniform_")
    return KaimingUniform(a, mode, nonlinearity, seed_or_default(seed), layout="torch").fill(tensor)


@takes_seed
def kaiming_normal_(
    tensor: ArrayT,
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
        tensor: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and
            any layout.
        a: The negative slope, for `"leaky_relu"` alone (default 0).
        mode: `"fan_in"` (default) or `"fan_out"`; besides torch's two, `"fan_avg"` and `"fan_geo_avg"`.
        nonlinearity: A name that `calculate_gain` knows (default `"leaky_relu"`).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `KaimingNormal(a, mode, nonlinearity, seed, layout="torch")`.

    Raises:
        ShapeError: `tensor` has fewer than two axes.
        ArgumentError: No such mode or nonlinearity, or a slope out of range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = np.empty((256, 512), np.float32)
        >>> init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu", seed=7).std().round(3)
        np.float32(0.088)

    Reference:
        He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """
    _require_weight(tensor, "kaiming_normal_")
    return KaimingNormal(a, mode, nonlinearity, seed_or_default(seed), layout="torch").fill(tensor)


def _require_weight(tensor: object, name: str) -> None:
    """Refuse what has no fans."""
    shape = tuple(getattr(tensor, "shape", ()))
    if hasattr(tensor, "shape") and len(shape) < 2:
        message = (
            f"{name} fills weights, whose first two axes are outputs and inputs. Received: shape {shape}."
        )
        message += (
            " Allowed: two axes or more. For a bias write zeros_, or uniform_ with bounds from its weight."
        )
        raise ShapeError(message)
