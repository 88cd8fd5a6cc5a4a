"""The initializers of WeightInitializers.jl, which make new arrays: names, keywords and call forms."""

from __future__ import annotations

from typing import Any

from initkit.functional.bounds import truncated_normal_between
from initkit.functional.partial import make_or_wait
from initkit.initializer import Initializer
from initkit.initializers import Dirac, Orthogonal, Sparse, Zeros


def truncated_normal(
    *arguments: Any, mean: float = 0.0, std: float = 1.0, lo: float = -2.0, hi: float = 2.0, dtype: Any = None
) -> Any:
    """Make normal values given that they lie between two bounds.

    Formula: `w ~ N(mean, std²)` given `lo <= w <= hi`. The bounds are values, not multiples of `std`.
    Complex: the modulus of `w - mean` is cut, for bounds at equal distances from the mean.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        mean: The mean before truncation, finite (default 0.0).
        std: The standard deviation before truncation, finite and not negative (default 1.0).
        lo: The lower bound; may be infinite (default -2.0).
        hi: The upper bound; may be infinite, not below `lo` (default 2.0).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and float or complex dtype on the generator's backend, with the values of
        `TruncatedNormal(mean, std, generator, lo, hi, bounds="absolute")`. Without lengths: a `Partial`,
        which waits for them.

    Raises:
        ArgumentError: `lo` is above `hi`, `std` is negative, a parameter is NaN, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative.
        DTypeError: The dtype is unknown, or cannot be made.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> w = init.truncated_normal(ik.SeedGenerator(7), 512, 256, std=0.02, lo=-0.04, hi=0.04)
        >>> w.std().round(4)
        np.float32(0.0176)

    Reference:
        WeightInitializers.jl, `truncated_normal`.
    """

    def of_rank(rank: int) -> Initializer:
        return truncated_normal_between(mean, std, None, lo=lo, hi=hi)

    return make_or_wait(truncated_normal, of_rank, arguments, dtype, mean=mean, std=std, lo=lo, hi=hi)


def orthogonal(*arguments: Any, gain: float = 1.0, dtype: Any = None) -> Any:
    """Make a random matrix with orthonormal columns or rows; complex: a unitary one.

    Formula: `(…, c)` is read as a matrix of `c` columns; `wᵀw = gain²·I` where it is not wider than tall,
    otherwise `w·wᵀ = gain²·I`; of the Haar law.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        gain: The factor, any finite number (default 1.0).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and float or complex dtype on the generator's backend, with the values of
        `Orthogonal(gain, generator)`, equal between machines up to 2e-6 of the gain. Without lengths: a
        `Partial`, which waits for them.

    Raises:
        ArgumentError: The gain is out of range, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative, or there are fewer than two.
        DTypeError: The dtype is unknown, or cannot be made.

    Example:
        >>> import initkit as ik
        >>> import numpy as np
        >>> from initkit import functional as init
        >>> w = init.orthogonal(ik.SeedGenerator(7), "float64", 5, 3)
        >>> bool(abs(w.T @ w - np.eye(3)).max() < 1e-14)
        True

    Reference:
        Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
        neural networks", 2014; WeightInitializers.jl, `orthogonal`.
    """

    def of_rank(rank: int) -> Initializer:
        return Orthogonal(gain)

    return make_or_wait(orthogonal, of_rank, arguments, dtype, gain=gain)


def sparse_init(*arguments: Any, sparsity: float, std: float = 0.01, dtype: Any = None) -> Any:
    """Make a matrix of normal values, and as many zeros in every column.

    Formula: `ceil(sparsity·rows)` zeros at random places of each column; `N(0, std²)` elsewhere. `sparsity`
    is the decimal number that is written: `0.07` of 100 rows are 7.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        sparsity: The share of zeros, from 0 to 1; it has no default.
        std: The standard deviation of the other values, finite and not negative (default 0.01).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and float or complex dtype on the generator's backend, with the values of
        `Sparse(sparsity, std, seed=generator)`. Without lengths: a `Partial`, which
        waits for them.

    Raises:
        ArgumentError: `sparsity` or `std` is out of range, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative, or there are not exactly two.
        DTypeError: The dtype is unknown, or cannot be made.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> w = init.sparse_init(ik.SeedGenerator(7), 10, 4, sparsity=0.25)
        >>> (w == 0).sum(axis=0).tolist()
        [3, 3, 3, 3]

    Reference:
        Martens, "Deep learning via Hessian-free optimization", 2010; WeightInitializers.jl, `sparse_init`.
    """

    def of_rank(rank: int) -> Initializer:
        return Sparse(sparsity, std)

    return make_or_wait(sparse_init, of_rank, arguments, dtype, sparsity=sparsity, std=std)


def identity_init(*arguments: Any, gain: float = 1.0, shift: int = 0, dtype: Any = None) -> Any:
    """Make a weight that passes its input on: an identity matrix, or a convolution's like it.

    Formula: a vector is all zeros; `w[(i + shift) mod out, i] = gain` in a matrix of `(out, in)`;
    `w[c…, (i + shift) mod in, (i + shift) mod out] = gain` in a kernel of `(k…, in, out)`, with
    `c = (k - 1)//2`, the centre, which is the lower one of an even length; `i < min(in, out)`; 0 elsewhere.

    Args:
        *arguments: `[generator], [dtype], lengths…`: a `SeedGenerator` or none, which is the default
            generator, see `initkit.functional`; a dtype or none; then the lengths, as integers or as one
            tuple of them.
        gain: The value, any finite number (default 1.0).
        shift: By how many channels it is rotated, any integer (default 0).
        dtype: A NumPy dtype or a name, here or among the arguments; None for float32.

    Returns:
        An array of that shape and dtype on the generator's backend, which draws nothing; only `gain` and 0
        occur. Without lengths: a `Partial`, which waits for them.

    Raises:
        ArgumentError: The dtype cannot hold the gain, or there are two dtypes.
        ArgumentTypeError: An argument has the wrong type.
        ShapeError: A length is negative, or there is an empty tuple of them.
        DTypeError: The dtype is unknown.

    Example:
        >>> import initkit as ik
        >>> from initkit import functional as init
        >>> init.identity_init(3, 2, gain=2.0, shift=1).tolist()
        [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]
        >>> init.identity_init(ik.SeedGenerator(7), "int8", 2, 2, 2).tolist()
        [[[1, 0], [0, 1]], [[0, 0], [0, 0]]]

    Reference:
        WeightInitializers.jl, `identity_init`.
    """

    def of_rank(rank: int) -> Initializer:
        kernel = Dirac(gain=gain, shift=(shift, shift), centre="lower", layout="julia")
        if rank == 1:
            return Zeros()
        if rank == 2:
            return Dirac(gain=gain, shift=shift, layout="julia")
        return kernel

    return make_or_wait(identity_init, of_rank, arguments, dtype, gain=gain, shift=shift)
