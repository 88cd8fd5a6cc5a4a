"""Arrays that exist already and can be filled in place, whoever made them."""

from __future__ import annotations

from typing import Any

import numpy as np

from initkit.dtypes import DTYPES
from initkit.errors import ArgumentError, ArgumentTypeError


def as_fillable(array: Any) -> np.ndarray[Any, Any]:
    """A NumPy view of the memory of an array that shall be filled in place.

    Args:
        array: A writable NumPy array, or a torch tensor on the CPU.

    Returns:
        A plain NumPy array that shares its memory.

    Raises:
        ArgumentTypeError: It is neither, lives on another device, or keeps its values in another form than
            memory of its own.
        ArgumentError: It is read-only, or several of its elements share memory.

    Example:
        >>> as_fillable(np.empty((2, 3))).shape
        (2, 3)
    """
    if isinstance(array, np.ndarray):
        view = np.asarray(array)
    elif _is_torch_tensor(array):
        view = _torch_view(array)
    else:
        message = f"This cannot be filled in place. Received: {array!r:.100} of type {type(array).__name__}."
        message += (
            " Allowed: NumPy arrays, torch tensors on the CPU. For a new array, call the initializer with"
        )
        message += " a shape."
        raise ArgumentTypeError(message)
    if not view.flags.writeable:
        message = (
            f"The array to fill is read-only. Received: shape {view.shape}, dtype {view.dtype}. Allowed:"
        )
        message += " writable arrays. Fill a copy of it, or set array.flags.writeable = True."
        raise ArgumentError(message)
    if view.size and any(
        stride == 0 and length > 1 for length, stride in zip(view.shape, view.strides, strict=True)
    ):
        message = f"Elements of the array to fill share memory. Received: shape {view.shape}, strides"
        message += (
            f" {view.strides}. Allowed: arrays with memory for every element. Fill a copy of it, or what"
        )
        message += " it was broadcast from."
        raise ArgumentError(message)
    return view


def _is_torch_tensor(array: Any) -> bool:
    # Whoever holds a tensor has imported torch, so its name is enough, and torch need not be installed.
    return any(cls.__module__ == "torch" and cls.__name__ == "Tensor" for cls in type(array).__mro__)


def _torch_view(tensor: Any) -> np.ndarray[Any, Any]:
    plain = tensor.detach()
    name = str(plain.dtype).removeprefix("torch.")
    lent = _lent_memory(plain, DTYPES[name].numpy) if name in DTYPES else None
    if lent is None:
        message = "This torch tensor cannot be filled in place. Received: dtype"
        message += (
            f" {plain.dtype}, device {plain.device}, layout {plain.layout}. Allowed: strided CPU tensors of"
        )
        message += f" {', '.join(DTYPES)}, not conjugated. Fill a CPU tensor and copy it over with"
        message += " tensor.copy_(...)."
        raise ArgumentTypeError(message)
    return lent


def _lent_memory(tensor: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any] | None:
    """The memory of a tensor as an array of `dtype`, or None where torch does not lend it."""
    import torch

    # NumPy knows bfloat16 and float8 from ml_dtypes alone, so torch lends such memory as integers.
    carrier = {2: torch.int16, 1: torch.uint8}[dtype.itemsize] if dtype.isbuiltin != 1 else tensor.dtype
    try:
        return np.asarray(tensor.view(carrier).numpy()).view(dtype)
    except (RuntimeError, TypeError):
        return None
