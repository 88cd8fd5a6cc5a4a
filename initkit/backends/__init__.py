"""The array libraries that initkit can draw into, found by name and imported only when asked for."""

from __future__ import annotations

import re
from functools import cache

from initkit.backends.base import Backend, DrawKey
from initkit.backends.cupy_library import device_number, named_number
from initkit.backends.numpy_backend import NumpyBackend
from initkit.errors import ArgumentTypeError, BackendError, did_you_mean, nearest_names

__all__ = ["BACKENDS", "Backend", "DrawKey", "check_backend", "checked_backend_name", "get_backend"]

BACKENDS = ("numpy", "cupy")
_NUMPY = NumpyBackend()

# What other libraries call the devices that CuPy draws on.
_GPU = re.compile(r"(?:cuda|gpu)(?::.*)?", re.IGNORECASE)
_LIBRARIES = ("jax", "keras", "mlx", "tensorflow", "torch")


def check_backend(name: object, device: object = None) -> None:
    """Refuse a backend that cannot be used here; CuPy is imported to find out.

    Args:
        name: `"numpy"` or `"cupy"`.
        device: None for the backend's own choice. NumPy has `"cpu"` alone; CuPy's devices are 0 or `"cuda:0"`
            and so on, and its own choice is the one that is current in CuPy at each call.

    Raises:
        ArgumentTypeError: The name is not a string.
        BackendError: No such backend, it cannot be used here, or it has no such device.

    Example:
        >>> check_backend("numpy")
    """
    if checked_backend_name(name) == "cupy":
        device_number(device)
    else:
        check_device_name(name, device)


def check_device_name(name: object, device: object = None) -> None:
    """Refuse a backend that there is nowhere, and a device that no machine can have; CuPy is not imported.

    Args:
        name: `"numpy"` or `"cupy"`.
        device: None for the backend's own choice; otherwise as in `check_backend`.

    Raises:
        ArgumentTypeError: The name is not a string.
        BackendError: No backend has that name, or none of its devices is called that.

    Example:
        >>> check_device_name("cupy", "cuda:7")
    """
    if checked_backend_name(name) == "numpy":
        known, allowed, remedy = device == "cpu", "None, 'cpu'", "Leave `device` out."
        if type(device) is int or (isinstance(device, str) and _GPU.fullmatch(device)):
            remedy = "Write backend='cupy' besides for arrays on a CUDA device; else leave `device` out."
    else:
        known = named_number(device) is not None
        allowed = "None, an integer from 0 up, or the same as a string, 'cuda:0'"
        remedy = "Write, for example, device=0."
    if device is not None and not known:
        library = {"numpy": "NumPy", "cupy": "CuPy"}[str(name)]
        message = f"The {library} backend has no such device. Received: device={device!r:.100}. Allowed:"
        message += f" {allowed}. {remedy}"
        raise BackendError(message)


def checked_backend_name(name: object) -> str:
    """Refuse a name that no backend has, installed or not.

    Args:
        name: What was given as `backend`.

    Returns:
        The name.

    Raises:
        ArgumentTypeError: The name is not a string.
        BackendError: No backend has that name.

    Example:
        >>> checked_backend_name("cupy")
        'cupy'
    """
    if not isinstance(name, str):
        message = (
            f"Argument `backend` must be a string. Received: {name!r:.100} of type {type(name).__name__}."
        )
        message += " Allowed: 'numpy', 'cupy'. Write, for example, backend='numpy'."
        raise ArgumentTypeError(message)
    if name not in BACKENDS:
        message = f"Unknown backend. Received: backend={name!r:.100}. Allowed: 'numpy', 'cupy'."
        message += f" {_instead_of(name)}"
        raise BackendError(message)
    return name


def _instead_of(name: str) -> str:
    """What to write instead of a name that no backend has."""
    if _GPU.fullmatch(name):
        return "For arrays on a CUDA device write backend='cupy'."
    if name.lower() in _LIBRARIES:
        into_torch = ", or fill its tensor with initializer.fill(tensor)" if name.lower() == "torch" else ""
        return f"Draw with 'numpy', and give {name} the array{into_torch}."
    return f"Choose one.{did_you_mean(nearest_names(name, BACKENDS))}"


@cache
def get_backend(name: str, device: str | int | None = None) -> Backend:
    """The backend of that name; one object for all that live in the same place.

    Args:
        name: `"numpy"` or `"cupy"`.
        device: None for the backend's own choice; see `check_backend`.

    Returns:
        The backend.

    Raises:
        BackendError: It cannot be used here.

    Example:
        >>> get_backend("numpy").name
        'numpy'
    """
    check_backend(name, device)
    return _cupy_backend(device_number(device)) if name == "cupy" else _NUMPY


@cache
def _cupy_backend(number: int | None) -> Backend:
    from initkit.backends.cupy_backend import CupyBackend

    return CupyBackend(number)
