"""Arrays that exist on the GPU are filled in place, whoever made them and however they lie in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.backends import get_backend
from initkit.backends.cupy_backend import _lent
from initkit.dtypes import resolve_dtype
from tests.gpu.device import assert_same_bits, bits, gpu_generator

pytestmark = pytest.mark.gpu

INITIALIZER = ik.RandomNormal(mean=0.5, stddev=2.0, seed=7)
SENTINEL = 0x5A

# Views of a C-contiguous array of shape (12, 10, 14).
VIEWS: dict[str, Callable[[Any], Any]] = {
    "whole": lambda base: base,
    "transposed": lambda base: base.T,
    "permuted": lambda base: base.transpose(1, 0, 2),
    "rows": lambda base: base[2:9],
    "strided": lambda base: base[::3, 1:9:2, ::5],
    "inner": lambda base: base[1:-1, 1:-1, 1:-1],
    "backwards": lambda base: base[::-1, ::-1, ::-1],
    "mixed": lambda base: base[::-2, :, ::3].transpose(2, 0, 1),
    "vector": lambda base: base[3, :, 5],
    "scalar": lambda base: base[3, 4, 5:6].reshape(()),
    "empty": lambda base: base[:0],
}
DTYPES = [
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "float8_e4m3fn",
    "float8_e5m2",
    "complex64",
    "complex128",
]


def empty_on_gpu(shape: tuple[int, ...], dtype: str) -> Any:
    """A CuPy array in which every byte is the sentinel; skips where CuPy has no such dtype."""
    array = get_backend("cupy").empty(shape, resolve_dtype(dtype))
    if array.dtype.name != dtype:
        pytest.skip(f"this CuPy has no {dtype}, and {array.dtype} says nothing of it")
    array.view("uint8").fill(SENTINEL)
    return array


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_cupy_arrays_of_any_layout(view: Callable[[Any], Any], dtype: str, cupy: Any) -> None:
    """The view gets the values of a call with its shape, and the rest of the memory is not touched."""
    base = empty_on_gpu((12, 10, 14), dtype)
    mirror = np.empty(base.shape, resolve_dtype(dtype).numpy)
    mirror.view(np.uint8).fill(SENTINEL)
    target = view(base)
    assert INITIALIZER.fill(target) is target
    view(mirror)[...] = INITIALIZER(target.shape, dtype)
    assert_same_bits(base, mirror)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_fortran_arrays(dtype: str, cupy: Any) -> None:
    """A large array in Fortran's order gets the values by their index, not by their place in memory."""
    base = empty_on_gpu((517, 1031), dtype)
    target = base.T
    assert target.flags.f_contiguous
    ik.HeNormal(seed=7).fill(target)
    assert_same_bits(target, ik.HeNormal(seed=7)(target.shape, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
@pytest.mark.parametrize("offset", [1, 2, 3, 5])
def test_starts_at_any_element(offset: int, dtype: str, cupy: Any) -> None:
    """An array that does not start at 16 bytes is filled as any other, and nothing around it is."""
    base = empty_on_gpu((4099,), dtype)
    mirror = np.empty(base.shape, dtype)
    mirror.view(np.uint8).fill(SENTINEL)
    INITIALIZER.fill(base[offset:-2])
    mirror[offset:-2] = INITIALIZER((4097 - offset,), dtype)
    assert_same_bits(base, mirror)


def test_generators_of_the_gpu_fill_too(cupy: Any) -> None:
    """A generator on the GPU fills CuPy arrays, and every fill takes its next draw."""
    there, here = gpu_generator(), ik.SeedGenerator(7)
    for _ in range(3):
        array = cupy.empty((33, 9), cupy.float32)
        ik.TruncatedNormal(seed=there).fill(array)
        assert_same_bits(array, ik.TruncatedNormal(seed=here)((33, 9)))


@pytest.mark.parametrize("initializer", [ik.Ones(), ik.Constant(value=3)], ids=repr)
@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16"])
def test_what_draws_nothing(initializer: ik.Initializer, dtype: str, cupy: Any) -> None:
    """Constants fill CuPy arrays of every kind."""
    if dtype == "bool" and isinstance(initializer, ik.Constant):
        pytest.skip("3 is no bool")
    array = cupy.zeros((5, 7), dtype)[:, ::2]
    initializer.fill(array)
    assert_same_bits(array, initializer(array.shape, dtype))


class Exchanged:
    """An object that has DLPack's two methods and nothing else of an array's."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


class Interfaced:
    """An object that has `__cuda_array_interface__` and nothing else of an array's."""

    def __init__(self, array: Any, *, read_only: bool = False) -> None:
        self.array = array
        self.read_only = read_only

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        interface = dict(self.array.__cuda_array_interface__)
        return {**interface, "data": (interface["data"][0], self.read_only)}


@pytest.mark.parametrize("wrapper", [Exchanged, Interfaced])
@pytest.mark.parametrize("view", ["whole", "transposed", "strided", "vector"])
def test_whatever_lends_its_memory(wrapper: Callable[[Any], Any], view: str, cupy: Any) -> None:
    """An object of another library is filled in its own memory."""
    base = cupy.zeros((12, 10, 14), cupy.float32)
    lender = wrapper(VIEWS[view](base))
    assert INITIALIZER.fill(lender) is lender
    assert_same_bits(VIEWS[view](base), INITIALIZER(VIEWS[view](base).shape))


def test_read_only_memory_is_refused(cupy: Any) -> None:
    """An object that lends its memory for reading alone is refused, and keeps its values."""
    base = cupy.zeros(5, cupy.float32)
    with pytest.raises(ik.ArgumentError, match="read-only"):
        INITIALIZER.fill(Interfaced(base, read_only=True))
    assert not base.any()


TORCH_VIEWS: dict[str, Callable[[Any], Any]] = {
    "whole": lambda tensor: tensor,
    "transposed": lambda tensor: tensor.transpose(0, 1),
    "strided": lambda tensor: tensor[::2, 1:, ::3],
    "permuted": lambda tensor: tensor.permute(2, 0, 3, 1),
    "vector": lambda tensor: tensor[1, :, 2, 3],
}


@pytest.mark.parametrize("dtype", [*DTYPES, "int32", "uint8", "bool"])
@pytest.mark.parametrize("view", TORCH_VIEWS)
def test_torch_tensors(view: str, dtype: str, cupy: Any) -> None:
    """A CUDA tensor of torch gets the values in its own memory, and the rest of the memory is not touched."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU for torch")
    row = resolve_dtype(dtype)
    initializer = INITIALIZER if row.kind in ("float", "complex") else ik.Ones()
    base = torch.zeros((4, 6, 5, 8), dtype=getattr(torch, dtype), device="cuda")
    mirror = np.zeros(tuple(base.shape), row.numpy)
    target = TORCH_VIEWS[view](base)
    place = target.data_ptr()
    assert initializer.fill(target) is target
    assert target.data_ptr() == place
    # torch's order of axes, in NumPy's words.
    mirrored = {
        "whole": mirror,
        "transposed": mirror.transpose(1, 0, 2, 3),
        "strided": mirror[::2, 1:, ::3],
        "permuted": mirror.transpose(2, 0, 3, 1),
        "vector": mirror[1, :, 2, 3],
    }[view]
    mirrored[...] = initializer(mirrored.shape, dtype)
    assert np.array_equal(base.view(torch.uint8).cpu().numpy().ravel(), bits(mirror))


def test_parameters_of_torch(cupy: Any) -> None:
    """A parameter that wants a gradient is filled, and still wants it."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU for torch")
    parameter = torch.nn.Parameter(torch.empty(64, 32, device="cuda"))
    ik.HeNormal(seed=7).fill(parameter)
    assert parameter.requires_grad
    assert np.array_equal(parameter.detach().cpu().numpy(), ik.HeNormal(seed=7)((64, 32)))


def test_torch_sees_the_values_at_once(cupy: Any, spin: Callable[[], None]) -> None:
    """On torch's stream, the values come after what it has queued and before what it does next."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU for torch")
    for stream in (torch.cuda.default_stream(), torch.cuda.Stream()):
        with torch.cuda.stream(stream):
            tensor = torch.empty(1 << 20, device="cuda")
            # What is compiled and loaded at first use takes longer than the stream is busy.
            ik.RandomNormal(seed=7).fill(tensor)
            # torch's streams wait for no others, so this one itself has to be busy.
            with _lent(cupy, stream.cuda_stream):
                spin()
            tensor.zero_()
            ik.RandomNormal(seed=7).fill(tensor)
            assert not stream.query(), "the fill waited for the GPU"
            copied = tensor.cpu().numpy()
        assert np.array_equal(copied, ik.RandomNormal(seed=7)((1 << 20,)))
