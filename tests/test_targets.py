"""Arrays that are filled in place: NumPy's, torch's, and what is neither."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.backends import get_backend
from initkit.backends.cupy_backend import CupyBackend
from initkit.backends.cupy_library import cupy_library
from initkit.draws import draw_key
from initkit.dtypes import DTYPES
from initkit.errors import ArgumentError, ArgumentTypeError, BackendError
from initkit.region import Region
from initkit.targets import as_target
from tests.backends.cupy_stand_in import Cuda, DeviceArray, library, stand_in

torch: Any = import_module("torch")

TORCH_FLOATS = ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]


def _values(tensor: Any) -> np.ndarray[Any, Any]:
    """The values of a tensor, by way of float64, which holds all of them."""
    exact: np.ndarray[Any, Any] = tensor.detach().to(torch.float64).numpy()
    return exact


def test_numpy_arrays_are_themselves() -> None:
    """A plain array is returned as it is, a subclass as a view of its memory."""
    array = np.zeros((2, 3))
    assert as_target(array).array is array
    masked: Any = np.ma.zeros((2, 3))
    view = as_target(masked).array
    assert type(view) is np.ndarray
    assert np.shares_memory(view, masked.data)


@pytest.mark.parametrize("name", TORCH_FLOATS)
def test_torch_tensors_of_every_float(name: str) -> None:
    """A tensor of every float dtype gets the values of a call, in its own memory."""
    tensor = torch.zeros((4, 6), dtype=getattr(torch, name))
    assert ik.RandomNormal(seed=7).fill(tensor) is tensor
    assert np.array_equal(_values(tensor), ik.RandomNormal(seed=7)((4, 6), name).astype(np.float64))


@pytest.mark.parametrize("name", ["int8", "int64", "uint8", "uint16", "bool", "complex64", "complex128"])
def test_torch_tensors_of_other_kinds(name: str) -> None:
    """Integers, booleans and complex numbers are filled as well."""
    tensor = torch.zeros((2, 3), dtype=getattr(torch, name))
    ik.Ones().fill(tensor)
    assert tensor.tolist() == [[1] * 3] * 2


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "layout",
    [
        lambda tensor: tensor.transpose(0, 1),
        lambda tensor: tensor[::2],
        lambda tensor: tensor[1:, 1:3],
        lambda tensor: tensor.permute(2, 0, 3, 1),
        lambda tensor: tensor.contiguous(memory_format=torch.channels_last),
        lambda tensor: tensor[0, 0, 0, 0],
        lambda tensor: tensor[:0],
    ],
    ids=["transposed", "strided", "inner", "permuted", "channels_last", "no axes", "empty"],
)
def test_torch_layouts(name: str, layout: Any) -> None:
    """The layout of a tensor changes no value."""
    tensor = layout(torch.zeros((4, 6, 3, 5), dtype=getattr(torch, name)))
    ik.RandomNormal(seed=7).fill(tensor)
    expected = ik.RandomNormal(seed=7)(tuple(tensor.shape), name)
    assert np.array_equal(_values(tensor), expected.astype(np.float64))


def test_torch_parameters() -> None:
    """A parameter that requires gradients is filled, and goes on requiring them."""
    parameter = torch.nn.Linear(3, 2).weight
    assert ik.HeNormal(seed=7).fill(parameter) is parameter
    assert np.array_equal(_values(parameter), ik.HeNormal(seed=7)((2, 3)).astype(np.float64))
    assert parameter.requires_grad
    assert parameter.is_leaf


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(3, device="meta"),
        torch.zeros(3, dtype=torch.complex64).conj(),
        torch.zeros(3, dtype=torch.complex64).conj().imag,
        torch.zeros((3, 3)).to_sparse(),
        torch.zeros(3, dtype=torch.float8_e4m3fnuz),
        torch.zeros(3, dtype=torch.bfloat16, device="meta"),
    ],
    ids=["meta", "conjugated", "negated", "sparse", "float8_e4m3fnuz", "meta bfloat16"],
)
def test_torch_tensors_without_memory_of_their_own(tensor: Any) -> None:
    """A tensor that torch cannot lend as memory is refused with what it is and what would do."""
    with pytest.raises(
        ArgumentTypeError, match=r"torch tensor cannot be filled.*Received: dtype .*Allowed: strided"
    ):
        as_target(tensor)


def test_torch_tensors_say_why_not() -> None:
    """The reason is the one that holds, and the advice helps: followed, it gives the values of a call."""
    normal = ik.RandomNormal(seed=7)
    recipe = ik.Recipe.make(seed=7, tensors={"bias": [3]}, rules=[("*", "random_normal")])
    model = torch.nn.Linear(3, 3, device="meta")
    for fill in (normal.fill, lambda bias: recipe.fill({"bias": bias})):
        with pytest.raises(ArgumentTypeError, match=r"on the meta device it has no memory.*to_empty\(dev"):
            fill(model.bias)
    assert np.array_equal(_values(normal.fill(model.to_empty(device="cpu").bias)), normal((3,)))

    conjugated = torch.zeros(3, dtype=torch.complex64).conj()
    negated = conjugated.imag
    with pytest.raises(
        ArgumentTypeError, match=r"negative bit set \(is_neg\(\)\).*resolve_neg\(\)"
    ) as caught:
        normal.fill(negated)
    assert "neither conjugated nor negated" in str(caught.value)
    negated.copy_(normal.fill(negated.resolve_neg()))
    assert np.array_equal(_values(negated), normal((3,)))
    with pytest.raises(ArgumentTypeError, match=r"conjugated view \(is_conj\(\)\).*resolve_conj\(\)"):
        normal.fill(conjugated)


@pytest.mark.parametrize(
    "wrong",
    [3, [1.0], "a", None, np.float32(1), range(3), (3,), memoryview(b"abc"), ik.Zeros().lazy((3,))],
    ids=repr,
)
def test_what_is_no_array(wrong: Any) -> None:
    """What has no memory to fill is refused, and the message says how to make a new array."""
    with pytest.raises(
        ArgumentTypeError, match=r"cannot be filled in place. Received: .*Allowed: NumPy arrays"
    ):
        ik.Zeros().fill(wrong)


def test_read_only_arrays() -> None:
    """A read-only array is refused before anything is written."""
    array = np.ones(3)
    array.flags.writeable = False
    with pytest.raises(
        ArgumentError, match=r"is read-only. Received: shape \(3,\).*Allowed: writable arrays"
    ):
        ik.Zeros().fill(array)
    with pytest.raises(ArgumentError, match="is read-only"):
        ik.Zeros().fill(np.broadcast_to(array, (2, 3)))


@pytest.mark.parametrize(
    "shared",
    [
        np.lib.stride_tricks.as_strided(np.zeros(3), (2, 3), (0, 8)),
        torch.zeros(3, 1).expand(3, 4),
    ],
    ids=["numpy", "torch"],
)
def test_elements_that_share_memory(shared: Any) -> None:
    """An array that says one value in many places cannot take different ones."""
    with pytest.raises(
        ArgumentError, match=r"share memory. Received: shape .*Allowed: arrays with memory for every"
    ):
        ik.RandomNormal().fill(shared)


def test_axes_of_one_share_nothing() -> None:
    """An axis of length one may have any stride, and an empty array any strides."""
    for view in (
        np.lib.stride_tricks.as_strided(np.zeros(3), (1, 3), (0, 8)),
        np.lib.stride_tricks.as_strided(np.zeros(3), (0, 3), (0, 0)),
    ):
        assert ik.Ones().fill(view).shape == view.shape


def test_table_and_torch_agree_on_names() -> None:
    """Every dtype of the table that torch has is found under torch's own name."""
    for name, row in DTYPES.items():
        dtype = getattr(torch, name, None)
        if dtype is not None:
            assert as_target(torch.zeros(2, dtype=dtype)).array.dtype == row.numpy


@pytest.fixture(name="cuda")
def _cuda(tmp_path: Path) -> Iterator[Cuda]:
    with stand_in(tmp_path) as cuda:
        yield cuda


def test_cupy_arrays_are_themselves(cuda: Cuda) -> None:
    """An array of CuPy's is returned as it is, with the backend of its own device."""
    with library().cuda.Device(1):
        array = DeviceArray((2, 3), np.float32)
    target = as_target(array)
    assert target.array is array
    assert target.backend is get_backend("cupy", 1)


class ByDLPack:
    """What lends an array by DLPack and nothing else.

    Args:
        array: The array.
        device: The kind and the number of the device that it says it is on.
        lent: What it lends instead.
    """

    def __init__(self, array: Any, device: tuple[int, int] = (2, 0), lent: Any = ...) -> None:
        self.device = device
        self.lent = array if lent is ... else lent

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **_: Any) -> Any:
        return self.lent


class ByInterface:
    """What tells of an array's memory and nothing else.

    Args:
        array: The array.
        read_only: Whether it is lent for reading alone.
        stream: The stream on which its owner works.
    """

    def __init__(self, array: Any, *, read_only: bool = False, stream: int | None = None) -> None:
        self.array = array
        self.__cuda_array_interface__ = {
            "data": (array.data.ptr, read_only),
            "shape": array.shape,
            "strides": array.strides,
            "typestr": "<f4",
            "stream": stream,
            "version": 3,
        }


@pytest.mark.parametrize("kind", [2, 13], ids=["device", "managed"])
def test_dlpack(kind: int, cuda: Cuda) -> None:
    """What lends CUDA's memory by DLPack is filled by CuPy, where it lies."""
    array = DeviceArray((2, 3), np.float32)
    target = as_target(ByDLPack(array, (kind, 0)))
    assert target.array is array
    assert target.backend is get_backend("cupy", 0)


def test_dlpack_that_cupy_cannot_read(cuda: Cuda) -> None:
    """A dtype that CuPy does not exchange is refused, with what can be done."""
    with pytest.raises(
        ArgumentTypeError, match=r"by DLPack \(unsupported dtype\). Received: .*View bfloat16"
    ):
        as_target(ByDLPack(DeviceArray((2, 3), np.float32), lent=None))


def test_dlpack_on_other_devices(cuda: Cuda) -> None:
    """Memory of a device that is neither the CPU nor CUDA's is refused."""
    with pytest.raises(ArgumentTypeError, match="cannot be filled in place"):
        as_target(ByDLPack(DeviceArray((3,), np.float32), (10, 0)))


@pytest.mark.parametrize("stream", [None, 1, 77])
@pytest.mark.parametrize("device", [0, 1])
def test_cuda_array_interface(device: int, stream: int | None, cuda: Cuda) -> None:
    """What tells of CUDA's memory is filled where it lies, on the stream that it names."""
    with library().cuda.Device(device):
        array = DeviceArray((4, 3), np.float32)[::2]
    # CuPy copies what is not on the device that is current.
    cuda.places[array.data.ptr] = device
    target = as_target(ByInterface(array, stream=stream))
    assert (target.array.data.ptr, target.array.strides) == (array.data.ptr, array.strides)
    assert isinstance(target.backend, CupyBackend)
    assert (target.backend.device, target.backend.stream) == (device, stream)
    assert cuda.current == [0]


def test_cuda_array_interface_for_reading(cuda: Cuda) -> None:
    """Memory that is lent for reading alone is refused."""
    with pytest.raises(ArgumentError, match=r"is read-only. Received: shape \(2, 3\), dtype <f4"):
        as_target(ByInterface(DeviceArray((2, 3), np.float32), read_only=True))


def test_jax_arrays_are_refused() -> None:
    """JAX says that its arrays never change, so they are not filled behind its back."""
    jnp = import_module("jax.numpy")
    with pytest.raises(ArgumentTypeError, match=r"cannot be filled in place. .*that may be changed"):
        as_target(jnp.zeros(3))


def test_cuda_memory_without_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CuPy is missing, the message says what to install."""
    monkeypatch.setattr("initkit.backends.cupy_library.find_spec", lambda name: None)
    cupy_library.cache_clear()
    with pytest.raises(BackendError, match=r"CuPy is not installed"):
        as_target(ByDLPack(np.zeros(3)))


@pytest.mark.parametrize("missing", ["cupy", "driver"])
@pytest.mark.parametrize("kind", ["interface", "dlpack", "torch"])
def test_cuda_memory_is_not_for_numpy(kind: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message asks for CuPy, says why it cannot be used, and names no backend that nobody chose."""
    cause = {"cupy": "CuPy is not installed", "driver": "CUDA finds no driver"}[missing]
    remedy = {"cupy": "Install it with `pip install", "driver": "Install NVIDIA's driver"}[missing]
    if missing == "cupy":
        monkeypatch.setattr("initkit.backends.cupy_library.find_spec", lambda name: None)
    else:
        failing = SimpleNamespace(getDeviceCount=_raise_no_driver)
        module = SimpleNamespace(__version__="14.2.0", cuda=SimpleNamespace(runtime=failing))
        monkeypatch.setitem(sys.modules, "cupy", module)
        monkeypatch.setattr("initkit.backends.cupy_library.find_spec", lambda name: object())
    cupy_library.cache_clear()
    held = SimpleNamespace(data=SimpleNamespace(ptr=64), shape=(3,), strides=None)
    arrays = {
        "interface": ByInterface(held),
        "dlpack": ByDLPack(np.zeros(3)),
        "torch": CudaTensor(torch.zeros(3)),
    }
    with pytest.raises(BackendError) as caught:
        ik.HeNormal(seed=7).fill(arrays[kind])
    message = str(caught.value)
    assert message.startswith(f"Filling an array in CUDA's memory takes CuPy, but {cause}")
    assert "backend" not in message
    assert f".{type(arrays[kind]).__name__}. Allowed: " in message
    assert f"Allowed: arrays on the CPU, and with CuPy those in CUDA's memory. {remedy}" in message
    assert message.endswith(" Or fill an array on the CPU, and copy it over.")
    assert "backend=" not in message
    assert isinstance(caught.value.__cause__, BackendError)


def _raise_no_driver() -> int:
    raise RuntimeError("cudaErrorInsufficientDriver: too old")


class CudaTensor:
    """A tensor on a CUDA device, as far as targets.py looks at it; its memory is a CPU tensor's.

    Args:
        tensor: The CPU tensor.
        layout: What it says of its layout.
    """

    def __init__(self, tensor: Any, layout: Any = torch.strided) -> None:
        self.tensor = tensor
        self.layout = layout
        self.device = torch.device("cuda", 1)

    def detach(self) -> CudaTensor:
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tensor, name)


# By these, targets.py knows torch's tensors.
CudaTensor.__module__, CudaTensor.__name__ = "torch", "Tensor"


@pytest.fixture(name="torch_stream")
def _torch_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = {1: SimpleNamespace(cuda_stream=4242)}
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: streams[device.index])


@pytest.mark.parametrize("name", TORCH_FLOATS)
@pytest.mark.usefixtures("torch_stream")
def test_torch_tensors_on_cuda(name: str, cuda: Cuda) -> None:
    """A tensor is seen in its own memory and layout, and filled on its device, on torch's own stream."""
    tensor = torch.zeros((4, 6), dtype=getattr(torch, name))
    for view in (tensor, tensor.t(), tensor[1:, ::2], tensor[2, 3]):
        target = as_target(CudaTensor(view))
        assert target.array.dtype == DTYPES[name].numpy
        assert target.array.shape == tuple(view.shape)
        assert target.array.strides == tuple(tensor.element_size() * stride for stride in view.stride())
        assert target.array.data.ptr == view.data_ptr()
    assert as_target(CudaTensor(tensor[:0])).array.shape == (0, 6)
    target = as_target(CudaTensor(tensor))
    target.backend.normal(target.array, Region.whole((4, 6)), draw_key(7), 0.0, 0.05)
    assert np.array_equal(_values(tensor), ik.RandomNormal(seed=7)((4, 6), name).astype(np.float64))
    assert [(device, stream) for device, stream, _ in cuda.launches] == [(1, 4242)]


@pytest.mark.usefixtures("torch_stream")
@pytest.mark.parametrize(
    "tensor",
    [
        CudaTensor(torch.zeros(3, dtype=torch.complex64).conj()),
        CudaTensor(torch.zeros(3), layout=torch.sparse_coo),
        CudaTensor(torch.zeros(3, dtype=torch.float8_e4m3fnuz)),
    ],
    ids=["conjugated", "sparse", "float8_e4m3fnuz"],
)
def test_torch_tensors_on_cuda_without_memory_of_their_own(tensor: Any, cuda: Cuda) -> None:
    """On a device too, a tensor without plain memory is refused with what would do."""
    with pytest.raises(ArgumentTypeError, match=r"torch tensor cannot be filled.*Allowed: strided tensors"):
        as_target(tensor)


@pytest.mark.usefixtures("torch_stream")
def test_elements_of_a_device_that_share_memory(cuda: Cuda) -> None:
    """An expanded tensor is refused on a device as well."""
    with pytest.raises(ArgumentError, match="share memory"):
        as_target(CudaTensor(torch.zeros(3, 1).expand(3, 4)))
