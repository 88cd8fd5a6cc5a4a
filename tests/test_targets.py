"""Arrays that are filled in place: NumPy's, torch's, and what is neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import DTYPES
from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.targets import as_fillable

torch: Any = pytest.importorskip("torch")

TORCH_FLOATS = ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]


def _values(tensor: Any) -> np.ndarray[Any, Any]:
    """The values of a tensor, by way of float64, which holds all of them."""
    exact: np.ndarray[Any, Any] = tensor.detach().to(torch.float64).numpy()
    return exact


def test_numpy_arrays_are_themselves() -> None:
    """A plain array is returned as it is, a subclass as a view of its memory."""
    array = np.zeros((2, 3))
    assert as_fillable(array) is array
    masked: Any = np.ma.zeros((2, 3))
    view = as_fillable(masked)
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
        torch.zeros((3, 3)).to_sparse(),
        torch.zeros(3, dtype=torch.float8_e4m3fnuz),
        torch.zeros(3, dtype=torch.bfloat16, device="meta"),
    ],
    ids=["meta", "conjugated", "sparse", "float8_e4m3fnuz", "meta bfloat16"],
)
def test_torch_tensors_without_memory_of_their_own(tensor: Any) -> None:
    """A tensor that torch cannot lend as memory is refused with what it is and what would do."""
    with pytest.raises(
        ArgumentTypeError, match=r"torch tensor cannot be filled.*Received: dtype .*Allowed: strided"
    ):
        as_fillable(tensor)


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
            assert as_fillable(torch.zeros(2, dtype=dtype)).dtype == row.numpy
