"""Orthogonal and its kin, which are matrix products: the GPU agrees with NumPy to the stated tolerance."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import resolve_dtype
from tests.catalogue import ENTRIES, Entry
from tests.gpu.device import gpu_generator, on_gpu, on_host

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).parents[2]
INEXACT = [entry for entry in ENTRIES if not entry.exact]


def assert_close(array: Any, expected: np.ndarray[Any, Any], dtype: str, tolerance: float) -> None:
    """Fail unless values agree to the tolerance; narrow dtypes may round to the neighbour on top."""
    values = on_host(array, dtype)
    assert values.shape == expected.shape
    row = resolve_dtype(dtype)
    wide = np.complex128 if row.kind == "complex" else np.float64
    got, wanted = values.astype(wide), expected.astype(wide)
    assert np.isfinite(got).all()
    step: Any = 0.0
    if row.kind == "float" and row.numpy.itemsize < 4:
        import ml_dtypes

        numbers = ml_dtypes.finfo(row.numpy)  # type: ignore[no-untyped-call]  # ml_dtypes has no types for it
        step = float(numbers.eps) * abs(wanted) + float(numbers.smallest_subnormal)
    assert (abs(got - wanted) <= tolerance + step).all(), float(abs(got - wanted).max())


@pytest.mark.parametrize("entry", INEXACT, ids=str)
def test_agrees_with_numpy(entry: Entry) -> None:
    """Every shape and dtype of the catalogue, and a shape of many elements, agree."""
    for dtype in entry.dtypes:
        for shape in (*entry.shapes, entry.moments_shape):
            initializer = entry.make()
            tolerance = initializer.tolerance(resolve_dtype(dtype))
            assert_close(on_gpu(entry.make())(shape, dtype), initializer(shape, dtype), dtype, tolerance)


@pytest.mark.parametrize("shape", [(2048, 2048), (3001, 700), (700, 3001), (3, 3, 256, 512)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_large_matrices(shape: tuple[int, ...], dtype: str) -> None:
    """Matrices of many blocks agree with NumPy's, and their columns or rows are orthonormal."""
    initializer = ik.Orthogonal(seed=7)
    values = ik.Orthogonal(seed=gpu_generator())(shape, dtype)
    assert_close(values, initializer(shape, dtype), dtype, initializer.tolerance(resolve_dtype(dtype)))
    matrix = on_host(values, dtype).reshape(-1, shape[-1])
    matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    wide = matrix.astype(np.complex128 if dtype == "complex64" else np.float64)
    error = abs(wide.conj().T @ wide - np.eye(wide.shape[1])).max()
    assert error < (1e-12 if dtype == "float64" else 1e-5)


def test_slices_agree() -> None:
    """Slices of rows, of columns and of both agree with NumPy's whole."""
    shape = (900, 400)
    whole, lazy = ik.Orthogonal(seed=7)(shape), ik.Orthogonal(seed=gpu_generator()).lazy(shape)
    tolerance = ik.Orthogonal().tolerance(resolve_dtype("float32"))
    for index in (
        (slice(10, 20), slice(None)),
        (slice(None), slice(300, 310)),
        (slice(None, None, -7), slice(None, None, 3)),
        (slice(None), -1),
        5,
    ):
        assert_close(lazy[index], whole[index], "float32", tolerance)


def test_fills_agree(cupy: Any) -> None:
    """Contiguous, Fortran and strided targets get a call's values, to the tolerance."""
    expected, tolerance = (
        ik.Orthogonal(seed=7)((300, 200)),
        ik.Orthogonal().tolerance(resolve_dtype("float32")),
    )
    for target in (
        cupy.empty((300, 200), cupy.float32),
        cupy.empty((200, 300), cupy.float32).T,
        cupy.empty((600, 400), cupy.float32)[::2, ::-2],
    ):
        ik.Orthogonal(seed=7).fill(target)
        assert_close(target, expected, "float32", tolerance)


def test_tf32_stays_off() -> None:
    """A process that lets CuPy use TF32 in its products gets the same tolerance."""
    script = (
        "import numpy as np, cupy, initkit as ik\n"
        "there = ik.Orthogonal(seed=ik.SeedGenerator(7, backend='cupy'))((2048, 1024))\n"
        "here = ik.Orthogonal(seed=7)((2048, 1024))\n"
        "print(float(abs(cupy.asnumpy(there) - here).max()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "CUPY_TF32": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) <= ik.Orthogonal().tolerance(resolve_dtype("float32"))
