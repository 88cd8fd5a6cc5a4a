"""The functions of `torch.nn.init`, which fill arrays that exist: the same names, arguments and laws."""

from __future__ import annotations

from typing import Any

from initkit.errors import ShapeError
from initkit.functional.bounds import checked_bounds, truncated_normal_between
from initkit.functional.filling import Seed, seed_or_default, takes_seed
from initkit.initializer import ArrayT
from initkit.initializers import (
    Constant,
    Dirac,
    Identity,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    Sparse,
    Zeros,
)
from initkit.initializers.arguments import float_argument


@takes_seed
def uniform_(tensor: ArrayT, a: float = 0.0, b: float = 1.0, *, seed: Seed = None) -> ArrayT:
    """Fill an array with independent uniform values.

    Formula: `x ~ U[a, b)`; complex: uniform on the disk that has the segment from `a` to `b` as its diameter.

    Args:
        tensor: A writable NumPy array or torch tensor of a float or complex dtype, of any shape and layout.
        a: The lower end, finite (default 0.0).
        b: The upper end, finite, not below `a` (default 1.0).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `RandomUniform(a, b, seed)`.

    Raises:
        ArgumentError: `a` is above `b`, a bound is NaN or infinite, or beyond the dtype's range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = np.empty((3, 5), np.float32)
        >>> init.uniform_(w, -1, 1, seed=7) is w, bool((abs(w) <= 1).all())
        (True, True)
    """
    low, high = checked_bounds(a=float_argument(a, "a"), b=float_argument(b, "b"))
    return RandomUniform(low, high, seed=seed_or_default(seed)).fill(tensor)


@takes_seed
def normal_(tensor: ArrayT, mean: float = 0.0, std: float = 1.0, *, seed: Seed = None) -> ArrayT:
    """Fill an array with independent normal values.

    Formula: `x ~ N(mean, std²)`; complex: `E|x - mean|² = std²`.

    Args:
        tensor: A writable NumPy array or torch tensor of a float or complex dtype, of any shape and layout.
        mean: The mean, finite (default 0.0).
        std: The standard deviation, finite and not negative (default 1.0).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `RandomNormal(mean, std, seed)`.

    Raises:
        ArgumentError: `std` is negative, a parameter is NaN or infinite, or beyond the dtype's range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.normal_(np.empty((512, 256), np.float32), std=0.02, seed=7).std().round(3)
        np.float32(0.02)
    """
    return RandomNormal(mean, float_argument(std, "std", low=0.0), seed=seed_or_default(seed)).fill(tensor)


@takes_seed
def trunc_normal_(
    tensor: ArrayT, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, *, seed: Seed = None
) -> ArrayT:
    """Fill an array with normal values given that they lie between two bounds.

    Formula: `x ~ N(mean, std²)` given `a <= x <= b`. The bounds are values, not multiples of `std`: with
    `std=0.02` and the default bounds nothing is cut off. Complex: the modulus of `x - mean` is cut, for
    bounds at equal distances from the mean.

    Args:
        tensor: A writable NumPy array or torch tensor of a float or complex dtype, of any shape and layout.
        mean: The mean before truncation, finite (default 0.0).
        std: The standard deviation before truncation, finite and not negative (default 1.0).
        a: The lower bound; may be infinite (default -2.0).
        b: The upper bound; may be infinite, not below `a` (default 2.0).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `TruncatedNormal(mean, std, seed, a, b, bounds="absolute")`, which
        are exact however far in the tail the bounds lie.

    Raises:
        ArgumentError: `a` is above `b`, `std` is negative, a parameter is NaN, values could leave the dtype's
            range, or `tensor` is complex and the bounds are not at equal distances from the mean.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = init.trunc_normal_(np.empty((512, 256), np.float32), 0.0, 0.02, -0.04, 0.04, seed=7)
        >>> abs(w).max().round(3), w.std().round(4)
        (np.float32(0.04), np.float32(0.0176))
    """
    return truncated_normal_between(mean, std, seed_or_default(seed), a=a, b=b).fill(tensor)


def constant_(tensor: ArrayT, val: Any) -> ArrayT:
    """Fill an array with one value.

    Formula: `x = val`.

    Args:
        tensor: A writable NumPy array or torch tensor of any dtype of the table, shape and layout.
        val: A number; or an array of the shape of `tensor`.

    Returns:
        `tensor` itself, every value `val`, rounded to nearest even.

    Raises:
        ArgumentError: The dtype of `tensor` cannot hold the value.
        ArgumentTypeError: `tensor` cannot be filled in place, or `val` is no number.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.constant_(np.empty(3, np.float32), 0.5).tolist()
        [0.5, 0.5, 0.5]
    """
    return Constant(val).fill(tensor)


def ones_(tensor: ArrayT) -> ArrayT:
    """Fill an array with ones.

    Formula: `x = 1`.

    Args:
        tensor: A writable NumPy array or torch tensor of any dtype of the table, shape and layout.

    Returns:
        `tensor` itself, every value 1.

    Raises:
        ArgumentTypeError: `tensor` cannot be filled in place.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.ones_(np.empty(3, np.float32)).tolist()
        [1.0, 1.0, 1.0]
    """
    return Ones().fill(tensor)


def zeros_(tensor: ArrayT) -> ArrayT:
    """Fill an array with zeros.

    Formula: `x = 0`.

    Args:
        tensor: A writable NumPy array or torch tensor of any dtype of the table, shape and layout.

    Returns:
        `tensor` itself, every value 0.

    Raises:
        ArgumentTypeError: `tensor` cannot be filled in place.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.zeros_(np.empty(3, np.float32)).tolist()
        [0.0, 0.0, 0.0]
    """
    return Zeros().fill(tensor)


def eye_(tensor: ArrayT) -> ArrayT:
    """Fill a matrix with the identity matrix; it need not be square.

    Formula: `x[i, j] = 1` where `i = j`, else 0.

    Args:
        tensor: A writable NumPy array or torch tensor of two axes, of any dtype of the table and layout.

    Returns:
        `tensor` itself; only 1 and 0 occur.

    Raises:
        ShapeError: `tensor` has not exactly two axes.
        ArgumentTypeError: `tensor` cannot be filled in place.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.eye_(np.empty((2, 3), np.float32)).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    return Identity().fill(tensor)


def dirac_(tensor: ArrayT, groups: int = 1) -> ArrayT:
    """Fill a convolution's kernel with the one that hands its input channels on.

    Formula: `tensor` is `(out, in/groups, k…)`; with `m = out/groups`, `x[g·m + d, d, k//2…] = 1` for every
    group `g` and `d < min(m, in/groups)`, else 0.

    Args:
        tensor: A writable NumPy array or torch tensor of three to five axes, of any dtype and layout.
        groups: The groups of channels, a divisor of the first axis (default 1).

    Returns:
        `tensor` itself; only 1 and 0 occur.

    Raises:
        ShapeError: `tensor` has fewer than three or more than five axes, or `groups` does not divide the
            first.
        ArgumentError: `groups` is below 1.
        ArgumentTypeError: `tensor` cannot be filled in place, or `groups` is no integer.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> init.dirac_(np.empty((2, 2, 3), np.float32)).tolist()
        [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    initializer = Dirac(groups=groups, layout="torch")
    shape = tuple(getattr(tensor, "shape", ()))
    if not 3 <= len(shape) <= 5:
        message = (
            f"`dirac_` fills convolution kernels. Received: shape {shape} of rank {len(shape)}. Allowed:"
        )
        message += " three to five axes, (out, in/groups, k…). Use eye_ for a matrix."
        raise ShapeError(message)
    return initializer.fill(tensor)


@takes_seed
def orthogonal_(tensor: ArrayT, gain: float = 1, *, seed: Seed = None) -> ArrayT:
    """Fill a weight with a random matrix of orthonormal rows or columns.

    Formula: `tensor` is read as a matrix `W` whose rows are the first axis, and whose columns all the others;
    `W·Wᵀ = gain²·I` where it is not taller than wide, otherwise `WᵀW = gain²·I`; of the Haar law.

    Args:
        tensor: A writable NumPy array or torch tensor of two or more axes, of a float or complex dtype and
            any layout; float16 and bfloat16, too.
        gain: The factor, any finite number (default 1).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`.

    Returns:
        `tensor` itself, with the values of `Orthogonal(gain, seed, column_axis=0)`, equal between machines up
        to 2e-6 of the gain.

    Raises:
        ShapeError: `tensor` has fewer than two axes.
        ArgumentError: The gain is NaN or infinite, or beyond the dtype's range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an argument
            has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = init.orthogonal_(np.empty((8, 3, 5, 5)), seed=7).reshape(8, 75)
        >>> bool(abs(w @ w.T - np.eye(8)).max() < 1e-12)
        True

    Reference:
        Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
        neural networks", 2014.
    """
    return Orthogonal(gain, seed_or_default(seed), column_axis=0).fill(tensor)


@takes_seed
def sparse_(tensor: ArrayT, sparsity: float, std: float = 0.01, *, seed: Seed = None) -> ArrayT:
    """Fill a matrix with normal values, and as many zeros in every column.

    Formula: `ceil(sparsity·rows)` zeros at random places of each column; `N(0, std²)` elsewhere. `sparsity`
    is the decimal number that is written: `0.07` of 100 rows are 7, where torch's rounding in binary makes 8.

    Args:
        tensor: A writable NumPy array or torch tensor of two axes, of a float or complex dtype and any
            layout.
        sparsity: The share of zeros, from 0 to 1.
        std: The standard deviation of the other values, finite and not negative (default 0.01).
        seed: A non-negative integer (the same values at every call) or a `SeedGenerator` (new values at every
            call); None for the default generator, see `initkit.functional`. It decides on places and values.

    Returns:
        `tensor` itself, with the values of `Sparse(sparsity, std, seed)`.

    Raises:
        ShapeError: `tensor` has not exactly two axes.
        ArgumentError: `sparsity` or `std` is out of range.
        ArgumentTypeError: `tensor` cannot be filled in place, its dtype is an integer or bool, or an
            argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = init.sparse_(np.empty((10, 4), np.float32), sparsity=0.25, seed=7)
        >>> (w == 0).sum(axis=0).tolist()
        [3, 3, 3, 3]

    Reference:
        Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    return Sparse(sparsity, std, seed=seed_or_default(seed)).fill(tensor)
