"""Arrays that exist already and can be filled in place, whoever made them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from initkit.backends import Backend, get_backend
from initkit.backends.cupy_library import Trouble, cupy_library, look_for_cupy
from initkit.dtypes import DTYPES
from initkit.errors import ArgumentError, ArgumentTypeError, BackendError

# What __dlpack_device__ calls CUDA's memory, and its managed memory.
_DLPACK_CUDA = (2, 13)


class Target(NamedTuple):
    """An array that shall be filled in place.

    Attributes:
        array: The backend's view of its memory.
        backend: What fills it: where the memory is, and on the stream on which its owner works.
    """

    array: Any
    backend: Backend


def as_target(array: Any) -> Target:
    """The memory of an array that shall be filled in place, and the backend that can do it.

    Args:
        array: A writable NumPy array, a CuPy array, a torch tensor on the CPU or a CUDA device, or any other
            array in CUDA's memory that has `__cuda_array_interface__` or DLPack.

    Returns:
        A plain NumPy or CuPy array that shares its memory, and its backend.

    Raises:
        ArgumentTypeError: It is none of these, lives on another device, or keeps its values in another form
            than memory of its own.
        ArgumentError: It is read-only, or several of its elements share memory.
        BackendError: It lives on a CUDA device, and CuPy cannot be used here.

    Example:
        >>> target = as_target(np.empty((2, 3)))
        >>> target.array.shape, target.backend.name
        ((2, 3), 'numpy')
    """
    try:
        target = _target(array)
    except BackendError as error:
        trouble = look_for_cupy()
        if isinstance(trouble, Trouble):
            raise BackendError(_without_cupy(array, trouble)) from error
        raise
    view = target.array
    if not getattr(view.flags, "writeable", True):
        raise ArgumentError(_read_only(view.shape, view.dtype))
    if view.size and any(
        stride == 0 and length > 1 for length, stride in zip(view.shape, view.strides, strict=True)
    ):
        message = f"Elements of the array to fill share memory. Received: shape {view.shape}, strides"
        message += f" {view.strides}. Allowed: arrays with memory for every element. Fill a copy of it, or"
        message += " what it was broadcast from."
        raise ArgumentError(message)
    return target


def _read_only(shape: object, dtype: object) -> str:
    message = f"The array to fill is read-only. Received: shape {shape}, dtype {dtype}. Allowed: writable"
    return f"{message} arrays. Fill a copy of it, or, in NumPy, set array.flags.writeable = True."


def _without_cupy(array: object, trouble: Trouble) -> str:
    """What to say where CuPy cannot be used: unlike for draws, another backend is no way out."""
    message = f"Filling an array in CUDA's memory takes CuPy, but {trouble.problem}. Received: an array of"
    message += f" type {type(array).__module__}.{type(array).__name__}. Allowed: arrays on the CPU, and with"
    message += f" CuPy those in CUDA's memory. {trouble.remedy}"
    return f"{message} Or fill an array on the CPU, and copy it over."


def _target(array: Any) -> Target:
    if isinstance(array, np.ndarray):
        return Target(np.asarray(array), get_backend("numpy"))
    if _is_of(array, "Tensor", "torch"):
        return _torch_target(array)
    if _is_of(array, "ndarray", "cupy"):
        return Target(array, get_backend("cupy", array.device.id))
    # JAX lends its arrays to be read, and says that nothing ever changes them.
    if not _is_of(array, "ArrayImpl", "jax", "jaxlib"):
        interface = getattr(array, "__cuda_array_interface__", None)
        if isinstance(interface, dict):
            return _interface_target(array, interface)
        if _dlpack_device(array) in _DLPACK_CUDA:
            return _dlpack_target(array)
    message = f"This cannot be filled in place. Received: {array!r:.100} of type {type(array).__name__}."
    message += " Allowed: NumPy arrays, CuPy arrays, torch tensors on the CPU or a CUDA device, and other"
    message += (
        " arrays in CUDA's memory that may be changed and have __cuda_array_interface__ or DLPack. For a"
    )
    message += " new array, call the initializer with a shape."
    raise ArgumentTypeError(message)


def on_host(array: Any) -> Any:
    """An array in this process' memory: a copy of one of CuPy's, and anything else as it is.

    Args:
        array: Whatever an initializer returned.

    Returns:
        A NumPy array, or what was given.

    Example:
        >>> on_host(np.ones(2)).tolist()
        [1.0, 1.0]
    """
    if _is_of(array, "ndarray", "cupy"):
        return get_backend("cupy", array.device.id).to_numpy(array)
    return array


def _is_of(array: Any, name: str, *libraries: str) -> bool:
    # Whoever holds such an array has imported its library, so names are enough, and it need not be installed.
    return any(
        cls.__name__ == name and cls.__module__.partition(".")[0] in libraries for cls in type(array).__mro__
    )


def _dlpack_device(array: Any) -> int | None:
    """The kind of device that an array says it lives on."""
    try:
        return int(array.__dlpack_device__()[0])
    except (AttributeError, TypeError, RuntimeError, BufferError):
        return None


def _interface_target(array: Any, interface: dict[str, Any]) -> Target:
    """An array that tells of its memory by `__cuda_array_interface__`."""
    if interface["data"][1]:
        raise ArgumentError(_read_only(interface["shape"], interface["typestr"]))
    cupy, address = cupy_library(), interface["data"][0]
    device = cupy.cuda.runtime.pointerGetAttributes(address).device if address else -1
    # CuPy would copy what is on another device than the current one.
    with cupy.cuda.Device(device if device >= 0 else None):
        view = cupy.asarray(array)
    # CuPy has just waited for this stream; whoever goes on to work on it comes after what is filled on it.
    return Target(view, _backend_on(view.device.id, interface.get("stream")))


def _dlpack_target(array: Any) -> Target:
    """An array that is lent by DLPack, whose owner makes CuPy's current stream come after its own."""
    cupy = cupy_library()
    try:
        view = cupy.from_dlpack(array)
    except (BufferError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        message = f"CuPy cannot take this array by DLPack ({error}). Received: {array!r:.100} of type"
        message += f" {type(array).__name__}. Allowed: writable arrays of a dtype that CuPy exchanges. View"
        message += " bfloat16 and float8 as a CuPy array first."
        raise ArgumentTypeError(message) from error
    return Target(view, get_backend("cupy", view.device.id))


def _backend_on(device: int, stream: int | None) -> Backend:
    from initkit.backends.cupy_backend import CupyBackend

    return CupyBackend(device, stream)


def _torch_target(tensor: Any) -> Target:
    plain = tensor.detach()
    name = str(plain.dtype).removeprefix("torch.")
    target = None
    if name in DTYPES:
        on_cpu = plain.device.type == "cpu"
        target = (_lent_by_cpu if on_cpu else _lent_by_cuda)(plain, DTYPES[name].numpy)
    if target is None:
        raise ArgumentTypeError(_why_not(plain))
    return target


def _why_not(tensor: Any) -> str:
    """Why a torch tensor cannot be filled in place, and what to do."""
    reason, remedy = "", "Fill a CPU tensor and copy it over with tensor.copy_(...)."
    if tensor.device.type == "meta":
        reason = ": on the meta device it has no memory"
        remedy = "Give it memory first: model.to_empty(device='cpu') does so for a model, and"
        remedy += " torch.empty_like(tensor, device='cpu') makes a tensor."
    elif tensor.is_neg():
        reason = ": it is a view with the negative bit set (is_neg()), whose memory holds the opposite values"
        remedy = "Fill tensor.resolve_neg(), which is a copy, and copy it over with tensor.copy_(...)."
    elif tensor.is_conj():
        reason = ": it is a conjugated view (is_conj()), whose memory holds the conjugate values"
        remedy = "Fill tensor.resolve_conj(), which is a copy, and copy it over with tensor.copy_(...)."
    message = f"This torch tensor cannot be filled in place{reason}. Received: dtype {tensor.dtype}, device"
    message += f" {tensor.device}, layout {tensor.layout}. Allowed: strided tensors on the CPU or a CUDA"
    return f"{message} device, of {', '.join(DTYPES)}, neither conjugated nor negated. {remedy}"


def _lent_by_cpu(tensor: Any, dtype: np.dtype[Any]) -> Target | None:
    """The memory of a tensor as an array of `dtype`, or None where torch does not lend it."""
    import torch

    # NumPy knows bfloat16 and float8 from ml_dtypes alone, so torch lends such memory as integers.
    carrier = {2: torch.int16, 1: torch.uint8}[dtype.itemsize] if dtype.isbuiltin != 1 else tensor.dtype
    try:
        return Target(np.asarray(tensor.view(carrier).numpy()).view(dtype), get_backend("numpy"))
    except (RuntimeError, TypeError):
        return None


def _lent_by_cuda(tensor: Any, dtype: np.dtype[Any]) -> Target | None:
    """The same on a CUDA device; it is filled on torch's own stream, so that neither waits for the other."""
    import torch

    if tensor.device.type != "cuda" or tensor.layout != torch.strided or tensor.is_conj() or tensor.is_neg():
        return None
    cupy, device = cupy_library(), tensor.device.index
    shape, strides = tuple(tensor.shape), tuple(stride * dtype.itemsize for stride in tensor.stride())
    last = sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    extent = last + dtype.itemsize if tensor.numel() else 0
    memory = cupy.cuda.UnownedMemory(tensor.data_ptr(), extent, tensor, device)
    view = cupy.ndarray(shape, dtype, cupy.cuda.MemoryPointer(memory, 0), strides)
    return Target(view, _backend_on(device, torch.cuda.current_stream(tensor.device).cuda_stream))


def note_written(array: Any) -> None:
    """Tell torch that its tensor has other values now: they went past it.

    Else a backward pass would not see that what it keeps has changed, and give wrong gradients without an
    error.

    Args:
        array: What `as_target` was given.

    Example:
        >>> note_written(np.empty(3))
    """
    if _is_of(array, "Tensor", "torch"):
        import torch

        torch.autograd.graph.increment_version(array)
