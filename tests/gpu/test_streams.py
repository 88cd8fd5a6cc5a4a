"""Streams, devices and memory: calls return before the GPU has worked, on the current stream, directly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import initkit as ik
from tests.gpu.device import assert_same_bits, gpu_generator, peak_bytes

pytestmark = pytest.mark.gpu

SHAPE = (2048, 2049)
DRAWS = [
    ik.RandomUniform,
    ik.RandomNormal,
    ik.TruncatedNormal,
    ik.HeNormal,
]
SLACK = 1 << 20


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("cls", DRAWS)
def test_calls_do_not_wait_for_the_gpu(cls: Any, dtype: str, cupy: Any, spin: Callable[[], None]) -> None:
    """A call returns while the stream is busy with what came before it, and its values come after that."""
    with cupy.cuda.Stream(non_blocking=True) as stream:
        cls(seed=gpu_generator())(SHAPE, dtype)
        stream.synchronize()
        spin()
        values = cls(seed=gpu_generator())(SHAPE, dtype)
        assert not stream.done, "the call waited for the GPU"
        stream.synchronize()
    assert_same_bits(values, cls(seed=7)(SHAPE, dtype))


def test_fills_do_not_wait_for_the_gpu(cupy: Any, spin: Callable[[], None]) -> None:
    """Nor does a fill of memory that exists, contiguous or not."""
    with cupy.cuda.Stream(non_blocking=True) as stream:
        for target in (cupy.empty(SHAPE, cupy.float32), cupy.empty(SHAPE, cupy.float32)[::2, 1::3]):
            ik.RandomNormal(seed=7).fill(target)
            stream.synchronize()
            target.fill(0)
            spin()
            ik.RandomNormal(seed=7).fill(target)
            assert not stream.done, "the fill waited for the GPU"
            stream.synchronize()
            assert_same_bits(target, ik.RandomNormal(seed=7)(target.shape))


def test_the_current_stream_is_used(cupy: Any, spin: Callable[[], None]) -> None:
    """On one stream values are there while another is still busy."""
    busy, free = (cupy.cuda.Stream(non_blocking=True) for _ in range(2))
    with free:
        ik.RandomNormal(seed=gpu_generator())(SHAPE)
    free.synchronize()
    with busy:
        spin()
    with free:
        values = ik.RandomNormal(seed=gpu_generator())(SHAPE)
    free.synchronize()
    assert not busy.done, "the values waited for another stream"
    assert_same_bits(values, ik.RandomNormal(seed=7)(SHAPE))
    busy.synchronize()


def test_devices(cupy: Any) -> None:
    """`device=` says where arrays live, and leaves the current device as it was."""
    count = cupy.cuda.runtime.getDeviceCount()
    if count < 2:
        pytest.skip("one GPU alone")
    before = cupy.cuda.Device().id
    for device in range(count):
        generator = gpu_generator(device=device)
        values = ik.HeNormal(seed=generator)((129, 65))
        assert values.device.id == device
        assert cupy.cuda.Device().id == before
        with cupy.cuda.Device(device):
            assert_same_bits(values, ik.HeNormal(seed=7)((129, 65)))
        with cupy.cuda.Device(device):
            orthogonal = ik.Orthogonal(seed=gpu_generator(device=device))((65, 33))
        assert orthogonal.device.id == device


def test_the_only_device_can_be_named(cupy: Any) -> None:
    """The first device by its number is what every machine with a GPU has."""
    assert_same_bits(ik.HeNormal(seed=gpu_generator(device=0))((5, 3)), ik.HeNormal(seed=7)((5, 3)))


@pytest.mark.parametrize("device", [4096, -1, "cuda:4096", "moon"])
def test_unknown_devices_are_refused(device: Any, cupy: Any) -> None:
    """A device that is not there is refused when the generator is made, and the message says which are."""
    with pytest.raises(ik.BackendError, match="Allowed"):
        gpu_generator(device=device)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize("cls", DRAWS)
def test_no_temporary_of_the_arrays_size(cls: Any, dtype: str, cupy: Any) -> None:
    """A call takes the array's memory and no more; a pool of its own would have grown by it."""
    initializer = cls(seed=gpu_generator())
    initializer(SHAPE, dtype)
    pool = cupy.cuda.MemoryPool()
    with cupy.cuda.using_allocator(pool.malloc):
        values = initializer(SHAPE, dtype)
    assert pool.total_bytes() <= values.nbytes + SLACK
    with cupy.cuda.using_allocator(pool.malloc):
        part = initializer.lazy(SHAPE, dtype)[100:200, ::2]
    assert pool.total_bytes() <= values.nbytes + part.nbytes + SLACK


@pytest.mark.parametrize("cls", DRAWS)
def test_fills_need_no_memory(cls: Any, cupy: Any) -> None:
    """A contiguous fill takes nothing; one that is not takes a buffer that does not grow with the array."""
    target = cupy.empty((8192, 4096), cupy.float32)
    for view, most in ((target, SLACK), (target[:, ::2], 32 * SLACK)):
        pool = cupy.cuda.MemoryPool()
        with cupy.cuda.using_allocator(pool.malloc):
            cls(seed=gpu_generator()).fill(view)
        assert pool.total_bytes() <= most < view.nbytes


@pytest.mark.parametrize("shape", [(8192, 8192), (16384, 4096)])
def test_orthogonal_needs_a_few_blocks(shape: tuple[int, int], cupy: Any) -> None:
    """Orthogonal takes its array and some blocks of reflectors, less than half as much, not a second one."""
    initializer = ik.Orthogonal(seed=gpu_generator())
    assert peak_bytes(lambda: initializer(shape)) < 1.5 * 4 * shape[0] * shape[1]
