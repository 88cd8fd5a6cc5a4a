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
        The array itself, or a view that shares its memory.

    Raises:
        ArgumentTypeError: It is neither, or lives on another device.
        ArgumentError: It is read-only.

    Example:
        >>> as_fillable(np.empty((2, 3))).shape
        (2, 3)
    """
    if isinstance(array, np.ndarray):
        view = array
    elif _is_torch_tensor(array):
        view = _torch_view(array)
    else:
        message = f"Only an array that shares its memory can be filled. Received: {array!r:.200} of type"
        message += f" {type(array).__name__}. Allowed: NumPy arrays, torch tensors on the CPU."
        raise ArgumentTypeError(f"{message} For a new array, call the initializer with a shape.")
    if not view.flags.writeable:
        message = f"The array to fill is read-only. Received: shape {view.shape}, dtype {view.dtype}."
        raise ArgumentError(f"{message} Fill a copy of it, or set array.flags.writeable = True.")
    return view


def _is_torch_tensor(array: Any) -> bool:
    # Whoever holds a tensor has imported torch, so its name is enough, and torch need not be installed.
    return any(cls.__module__ == "torch" and cls.__name__ == "Tensor" for cls in type(array).__mro__)


def _torch_view(tensor: Any) -> np.ndarray[Any, Any]:
    if tensor.device.type != "cpu":
        message = f"A torch tensor can be filled in place on the CPU only. Received: device {tensor.device}."
        raise ArgumentTypeError(f"{message} Fill a CPU tensor and copy it over with tensor.copy_(...).")
    plain = tensor.detach()
    name = str(plain.dtype).removeprefix("torch.")
    row = DTYPES.get(name)
    if row is None:
        raise ArgumentTypeError(f"A torch tensor of dtype {plain.dtype} cannot be filled. Allowed: {', '.join(DTYPES)}.")
    try:
        return np.asarray(plain.numpy())
    except TypeError:
        # NumPy has no such dtype of its own: torch lends the memory as integers of the same width.
        import torch

        carrier = {1: torch.uint8, 2: torch.int16}[row.numpy.itemsize]
        return np.asarray(plain.view(carrier).numpy()).view(row.numpy)
