"""Values that a device which flushes small numbers, or loses the signs of zeros, would make otherwise."""

from __future__ import annotations

import pytest

import initkit as ik

_TINY = [
    ik.Scale(ik.RandomNormal(stddev=1e-3, seed=7), 1e-37),
    ik.Scale(ik.RandomNormal(stddev=1e-39, seed=7), -0.75),
    ik.RandomNormal(mean=1e-39, stddev=1e-39, seed=7),
    ik.RandomUniform(-1e-39, 1e-39, seed=7),
    ik.TruncatedNormal(stddev=1e-39, seed=7),
    ik.NormalizedRows(gain=1e-38, seed=7),
    ik.Sparse(0.5, std=1e-39, seed=7),
    ik.Map(ik.RandomNormal(stddev=1e-39, seed=7), "negative"),
    ik.Map(ik.RandomNormal(stddev=1e-20, seed=7), "square"),
    ik.Constant(-0.0),
    ik.Constant(-1e-39),
]

TINY_VALUES = [
    pytest.param(initializer, dtype, id=f"{initializer!r}-{dtype}")
    for initializer in _TINY
    for dtype in ("float32", "float16", "bfloat16", "complex64", "float64")
    # Map makes real values alone.
    if not (dtype == "complex64" and isinstance(initializer, ik.Map))
]
"""Initializers and dtypes, for `pytest.mark.parametrize`."""
