"""Arrays whose elements, bytes and blocks need more than 31 or 32 bits to number."""

from __future__ import annotations

from typing import Any

import pytest

import initkit as ik
from initkit.dtypes import resolve_dtype
from tests.gpu.device import assert_same_bits, free_bytes, gpu_generator

pytestmark = pytest.mark.gpu

# Around the numbers that a narrower integer would not hold, and at both ends.
BOUNDARIES = [0, 2**30, 2**31, 2**32, 2**33]


def needs(nbytes: int) -> None:
    """Skip unless the device has that much memory, and a quarter more, to spare."""
    free = free_bytes()
    if free < nbytes * 5 // 4:
        pytest.skip(f"{nbytes >> 20} MiB are needed, {free >> 20} MiB are free")


@pytest.mark.parametrize(
    ("cls", "dtype", "length"),
    [
        (ik.RandomUniform, "float8_e5m2", 2**31 + 4099),
        (ik.RandomNormal, "bfloat16", 2**31 + 4099),
        (ik.TruncatedNormal, "float32", 2**31 + 4099),
        (ik.RandomNormal, "float64", 2**31 + 4099),
        (ik.RandomNormal, "float8_e4m3fn", 2**32 + 4099),
    ],
)
def test_vectors(cls: Any, dtype: str, length: int, cupy: Any) -> None:
    """Elements around every boundary are those that NumPy gives for these slices alone."""
    needs(length * resolve_dtype(dtype).numpy.itemsize)
    values = cls(seed=gpu_generator())((length,), dtype)
    lazy = cls(seed=7).lazy((length,), dtype)
    for place in (*(place for place in BOUNDARIES if place < length), length):
        around = slice(max(place - 2051, 0), min(place + 2051, length))
        assert_same_bits(values[around], lazy[around])
    assert_same_bits(values[:: 2**20 + 1], lazy[:: 2**20 + 1])


def test_matrices(cupy: Any) -> None:
    """Rows and columns of a matrix of more than 2³¹ elements are NumPy's."""
    shape = (65537, 32771)
    needs(2 * shape[0] * shape[1])
    values = ik.HeNormal(seed=gpu_generator())(shape, "bfloat16")
    lazy = ik.HeNormal(seed=7).lazy(shape, "bfloat16")
    for index in (
        (slice(None), 17),
        65536,
        (slice(-3, None), slice(None, None, -1)),
        (slice(None, None, 4096), 5),
    ):
        assert_same_bits(values[index], lazy[index])


def test_fills_of_strided_memory(cupy: Any) -> None:
    """A strided target whose memory spans more than 2³² bytes is filled to its end."""
    shape = (65537, 16387)
    needs(4 * 2 * shape[0] * shape[1])
    base = cupy.zeros((shape[0], 2 * shape[1]), cupy.float32)
    ik.RandomNormal(seed=7).fill(base[:, ::2])
    lazy = ik.RandomNormal(seed=7).lazy(shape)
    for index in (0, 65536, (slice(None), -1)):
        assert_same_bits(base[:, ::2][index], lazy[index])
    assert not base[:, 1::2].any()


def test_constants(cupy: Any) -> None:
    """A constant of one byte per element reaches the last of more than 2³¹."""
    length = 2**31 + 4099
    needs(length)
    with ik.seed_scope(gpu_generator()):
        values = ik.Constant(value=3)((length,), "uint8")
    assert int(values[:: 2**20].min()) == int(values[-4100:].min()) == int(values[-4100:].max()) == 3


def test_slices_of_what_fits_nowhere(cupy: Any) -> None:
    """Slices of a tensor of 2⁵⁰ elements are made without it, with the bits of NumPy's slices."""
    shape = (2**25, 2**25)
    there = ik.TruncatedNormal(seed=gpu_generator()).lazy(shape, "bfloat16")
    here = ik.TruncatedNormal(seed=7).lazy(shape, "bfloat16")
    for index in (
        (slice(-3, None), slice(-4097, None)),
        (slice(None, None, 2**20 - 1), -1),
        (2**24, slice(0, 4096, 3)),
    ):
        assert_same_bits(there[index], here[index])
