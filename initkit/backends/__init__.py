"""The array libraries that initkit can draw into, found by name and imported only when asked for."""

from __future__ import annotations

from functools import cache

from initkit.backends.base import Backend, DrawKey
from initkit.backends.cupy_library import device_number
from initkit.backends.numpy_backend import NumpyBackend
from initkit.errors import ArgumentTypeError, BackendError, did_you_mean, nearest_names

__all__ = ["BACKENDS", "Backend", "DrawKey", "check_backend", "checked_backend_name", "get_backend"]

BACKENDS = ("numpy", "cupy")
_NUMPY = NumpyBackend()


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
    checked_backend_name(name)
    if name == "numpy" and device not in (None, "cpu"):
        message = (
            f"The NumPy backend has no such device. Received: device={device!r:.100}. Allowed: None, 'cpu'."
        )
        message += " Leave `device` out."
        raise BackendError(message)
    if name == "cupy":
        device_number(device)


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
        hint = did_you_mean(nearest_names(name, BACKENDS))
        message = (
            f"Unknown backend. Received: backend={name!r:.100}. Allowed: 'numpy', 'cupy'. Choose one.{hint}"
        )
        raise BackendError(message)
    return name


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
