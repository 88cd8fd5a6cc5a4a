"""Truncated normal, orthogonal, sparse and identity as WeightInitializers.jl has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import initkit as ik
from initkit import functional as init
from initkit.errors import ArgumentError, ArgumentTypeError, ShapeError


def _generator() -> ik.SeedGenerator:
    return ik.SeedGenerator(7)


@pytest.mark.parametrize(
    ("mean", "std", "lo", "hi"), [(0.0, 1.0, -2.0, 2.0), (0.5, 2.0, -1.0, 0.75), (0.0, 0.02, -2.0, 2.0)]
)
def test_truncated_normal(mean: float, std: float, lo: float, hi: float) -> None:
    """The law is scipy's between bounds that are values, not deviations."""
    values = init.truncated_normal(_generator(), 20_000, mean=mean, std=std, lo=lo, hi=hi)
    law = stats.truncnorm((lo - mean) / std, (hi - mean) / std, mean, std)
    assert stats.kstest(values, law.cdf).pvalue > 1e-4
    assert values.min() >= lo
    assert values.max() <= hi
    if (mean, std) == (0.0, 1.0):
        assert values.tobytes() == init.truncated_normal(_generator(), 20_000).tobytes()


def test_truncated_normal_refuses() -> None:
    """Bounds have Julia's names in messages."""
    with pytest.raises(ArgumentError, match=r"`lo` cannot be above `hi`"):
        init.truncated_normal(lo=1.0, hi=0.0)
    with pytest.raises(ArgumentError, match=r"`std`"):
        init.truncated_normal(3, std=-1.0)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (3, 2, 4, 5), (2, 2, 30)])
def test_orthogonal(shape: tuple[int, ...], dtype: str) -> None:
    """Columns are the last axis, rows all others; the fewer of the two are orthonormal, or unitary."""
    w = init.orthogonal(_generator(), *shape, gain=2.0, dtype=dtype).reshape(-1, shape[-1])
    product = w.conj().T @ w if w.shape[0] >= w.shape[1] else w @ w.conj().T
    np.testing.assert_allclose(product, 4.0 * np.eye(min(w.shape)), rtol=0, atol=1e-13)


def test_orthogonal_needs_two_axes() -> None:
    """A vector is refused, as theirs refuses it."""
    with pytest.raises(ShapeError, match="two-dimensional"):
        init.orthogonal(5)


def test_sparse_init() -> None:
    """Every column has its zeros, at least as many as its share; the other values have the deviation."""
    for rows, sparsity, zeros in ((10, 0.25, 3), (50, 0.1, 5), (7, 1.0, 7), (9, 0.0, 0)):
        w = init.sparse_init(_generator(), rows, 40, sparsity=sparsity, std=0.5)
        assert ((w == 0).sum(axis=0) == zeros).all()
    values = init.sparse_init(_generator(), 200, 200, sparsity=0.5)
    assert values[values != 0].std() == pytest.approx(0.01, rel=0.02)


def test_sparse_init_refuses() -> None:
    """A share is required, as theirs is, and lies between 0 and 1; other shapes than matrices are refused."""
    with pytest.raises(TypeError, match="sparsity"):
        init.sparse_init(3, 4)  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match="`sparsity`"):
        init.sparse_init(sparsity=1.5)
    with pytest.raises(ShapeError, match="matrices"):
        init.sparse_init(3, 4, 5, sparsity=0.5)


def _identity(shape: tuple[int, ...], gain: float, shift: int) -> Any:
    """WeightInitializers' definition, in words of NumPy's: write the diagonal, then rotate."""
    if len(shape) == 1:
        return np.zeros(shape)
    if len(shape) == 2:
        return np.roll(gain * np.eye(*shape), shift, axis=0)
    whole = np.zeros(shape)
    centre = tuple(-(-length // 2) - 1 for length in shape[:-2])
    for channel in range(min(shape[-2:])):
        whole[(*centre, channel, channel)] = gain
    return np.roll(whole, (shift, shift), axis=(-2, -1))


@pytest.mark.parametrize("shift", [0, 1, -2, 11])
@pytest.mark.parametrize(
    "shape", [(5,), (4, 4), (3, 6), (6, 3), (3, 4, 4), (4, 2, 5), (2, 3, 5, 2), (4, 5, 2, 3, 3)]
)
def test_identity_init(shape: tuple[int, ...], shift: int) -> None:
    """Vectors, rectangular matrices and kernels of even and odd lengths, rotated either way and around."""
    for dtype in ("float32", "bfloat16", "int8", "complex64"):
        made = init.identity_init(*shape, gain=3.0, shift=shift, dtype=dtype)
        assert made.dtype == dtype
        np.testing.assert_array_equal(made.astype(np.complex128), _identity(shape, 3.0, shift))


def test_identity_init_defaults() -> None:
    """The defaults are 1 and no rotation, and the generator is not advanced."""
    generator = _generator()
    np.testing.assert_array_equal(init.identity_init(generator, 3, 5), np.eye(3, 5))
    np.testing.assert_array_equal(init.identity_init(generator, 3, 2, 2), _identity((3, 2, 2), 1.0, 0))
    assert generator.draws == 0


@pytest.mark.parametrize("shape", [(5,), (3, 4), (3, 3, 4)])
def test_identity_init_refuses(shape: tuple[int, ...]) -> None:
    """Wrong keywords are refused whatever the shape is, and so is what the dtype cannot hold."""
    with pytest.raises(ArgumentTypeError, match="`shift`"):
        init.identity_init(*shape, shift=0.5)  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match="`shift`"):
        init.identity_init(*shape, shift=(1, 1))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`gain`"):
        init.identity_init(*shape, gain=float("inf"))
    with pytest.raises(ShapeError):
        init.identity_init(())
    if len(shape) > 1:
        with pytest.raises(ArgumentError, match="`gain`"):
            init.identity_init(*shape, gain=0.5, dtype="int8")
